package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParsePlaceholders reads the values of placeholders for Options.Placeholders:
// one YAML mapping of names, without "%", to a value or a list of values; or a
// processing pipeline of pySigma, of which `vars` alone is read (its `vars` are
// what value_placeholders puts in). Each name stands once and has a value. An
// error is an *Error with its place, or several joined.
func ParsePlaceholders(file string, text []byte) (map[string][]string, error) {
	p := &parser{file: file}
	if len(text) > maxFile {
		return nil, &Error{file, 1, 1, "", fmt.Errorf("the file is longer than %d bytes", maxFile)}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Error{file, 1, 1, "", errors.New("the file is empty")}
	case err != nil:
		p.syntax(err)
		return nil, errors.Join(p.errs...)
	}
	switch err := dec.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		p.syntax(err)
	default:
		p.fail(&more, "one document of placeholders is wanted, and more follows")
	}
	values := p.placeholders(&doc)
	return values, errors.Join(p.errs...)
}

// placeholders reads the names and values of one document.
func (p *parser) placeholders(doc *yaml.Node) map[string][]string {
	nodes := 0
	if !within(doc, &nodes, 0) {
		p.fail(doc, "more than %d values, or nested deeper than %d", maxNodes, maxDepth)
		return nil
	}
	names := resolve(doc.Content[0])
	if names.Kind == yaml.MappingNode {
		for key, val := range p.pairs(names) {
			if key.Value == "vars" && val.Kind == yaml.MappingNode {
				names = val
				break
			}
		}
	}
	values := map[string][]string{}
	if names.Kind != yaml.MappingNode {
		p.fail(names, "want placeholders (name: value, or name: [value, value])")
		return nil
	}
	for key, val := range p.pairs(names) {
		name := strings.Trim(key.Value, "%")
		all := p.texts(val)
		switch {
		case !isPlaceholder(name):
			p.fail(key, "%q is no name of a placeholder", key.Value)
		case values[name] != nil:
			p.fail(key, "%q stands here a second time", name)
		case len(all) == 0:
			p.fail(key, "the placeholder %q has no value", name)
		}
		values[name] = all
	}
	return values
}

// isPlaceholder reports whether a name can stand between two "%".
func isPlaceholder(name string) bool { return name != "" && !strings.ContainsAny(name, "% \t\\/") }
