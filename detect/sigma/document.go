package sigma

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parser reads the documents of one file.
type parser struct {
	file         string
	lines        [][]byte
	opt          Options
	rules        []*Rule
	correlations []*Correlation
	filters      []*Filter
	errs         []error
	name         string // of the rule being read
	global       bool   // below "action: global"
}

// fail refuses the rule being read for what stands at n.
func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, &Error{p.file, n.Line, n.Column, p.name, fmt.Errorf(format, args...)})
}

// document reads one YAML document. It adds a rule only if nothing of it failed.
func (p *parser) document(doc *yaml.Node) {
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return // "---" with nothing below it
	}
	root := doc.Content[0]
	p.name = ""
	nodes := 0
	switch {
	case !within(root, &nodes, 0):
		p.fail(root, "more than %d values, or nested deeper than %d", maxNodes, maxDepth)
		return
	case root.Kind != yaml.MappingNode:
		p.fail(root, "want a rule (key: value)")
		return
	}
	before := len(p.errs)
	top := map[string]*yaml.Node{}
	for key, val := range p.pairs(root) {
		top[key.Value] = val
	}
	meta := p.meta(root, top)
	if action := top["action"]; action != nil || p.global {
		p.global = action == nil || action.Value != "reset"
		p.fail(root, "`action` (global, repeat, reset) is of the old Sigma format and changes the rules below it; write them out")
		return
	}
	switch {
	case top["correlation"] != nil:
		if c := p.correlation(meta, top["correlation"]); len(p.errs) == before {
			p.correlations = append(p.correlations, c)
		}
	case top["filter"] != nil:
		if f := p.filterDocument(meta, root, top); len(p.errs) == before {
			p.filters = append(p.filters, f)
		}
	case top["detection"] == nil:
		p.fail(root, "neither `detection` nor `correlation` nor `filter`")
	default:
		r := &Rule{Meta: meta, Source: p.logSource(root, top["logsource"])}
		d := detection{parser: p}
		conditions := d.read(top["detection"])
		r.fields, r.searches = d.fields, d.searches
		r.condition = p.condition(top["detection"], conditions, r.searches)
		if len(p.errs) == before {
			p.rules = append(p.rules, r)
		}
	}
}

// levels of a rule (Sigma rules, Level).
var levels = []string{"informational", "low", "medium", "high", "critical"}

func (p *parser) meta(root *yaml.Node, top map[string]*yaml.Node) Meta {
	m := Meta{
		ID: p.text(top["id"]), Name: p.text(top["name"]), Title: p.text(top["title"]),
		File: p.file, Line: root.Line,
	}
	p.name = m.name()
	m.Status, m.Level = p.text(top["status"]), p.text(top["level"])
	m.Description, m.Author = p.text(top["description"]), strings.Join(p.texts(top["author"]), ", ")
	m.References, m.Tags, m.FalsePositives = p.texts(top["references"]), p.texts(top["tags"]), p.texts(top["falsepositives"])
	if m.Title == "" {
		p.fail(root, "no `title`")
	}
	if m.Level != "" && !slices.Contains(levels, m.Level) {
		p.fail(top["level"], "level %q is none of %s", m.Level, strings.Join(levels, ", "))
	}
	// "A custom taxonomy must be handled by the used tool" (Sigma rules, Taxonomy).
	if t := p.text(top["taxonomy"]); t != "" && t != "sigma" {
		p.fail(top["taxonomy"], "taxonomy %q: only \"sigma\" is known, its fields would never match", t)
	}
	return m
}

func (p *parser) logSource(root, n *yaml.Node) LogSource {
	if n == nil || n.Kind != yaml.MappingNode {
		p.fail(root, "no `logsource` with product, category or service")
		return LogSource{}
	}
	var s LogSource
	for key, val := range p.pairs(n) {
		switch key.Value {
		case "product":
			s.Product = p.text(val)
		case "category":
			s.Category = p.text(val)
		case "service":
			s.Service = p.text(val)
		case "definition":
			s.Definition = p.text(val)
		}
	}
	if s.Product+s.Category+s.Service == "" {
		p.fail(n, "no product, category or service in `logsource`")
	}
	return s
}

// pairs walks a mapping, which must have scalar keys, each once.
func (p *parser) pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, val *yaml.Node) bool) {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, val := resolve(n.Content[i]), resolve(n.Content[i+1])
			switch {
			case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
				p.fail(key, "want a name here")
			case seen[key.Value]:
				p.fail(key, "%q stands here a second time", key.Value)
			case !yield(key, val):
				return
			}
			seen[key.Value] = true
		}
	}
}

// text gives a scalar; "" for nil and null.
func (p *parser) text(n *yaml.Node) string {
	switch {
	case n == nil || isNull(n):
		return ""
	case n.Kind != yaml.ScalarNode:
		p.fail(n, "want a text")
		return ""
	}
	return n.Value
}

// texts gives a list of scalars, or the one that stands in its place.
func (p *parser) texts(n *yaml.Node) []string {
	if n == nil || isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []string{p.text(n)}
	}
	var all []string
	for _, item := range n.Content {
		all = append(all, p.text(resolve(item)))
	}
	return all
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// within reports whether a document keeps the limits, with its aliases written out.
func within(n *yaml.Node, nodes *int, depth int) bool {
	if *nodes++; *nodes > maxNodes || depth > maxDepth {
		return false
	}
	n = resolve(n)
	for _, c := range n.Content {
		if !within(c, nodes, depth+1) {
			return false
		}
	}
	return true
}

// inside gives the place of a byte of a scalar's text, as far as the file shows
// it: exact on one line, the scalar's start when YAML folded or unescaped it.
func (p *parser) inside(n *yaml.Node, offset int) *yaml.Node {
	at := *n
	if n.Line < 1 || n.Line > len(p.lines) || offset > len(n.Value) {
		return &at
	}
	line, quote := p.lines[n.Line-1], 0
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		quote = 1
	}
	start := n.Column - 1 + quote
	if start <= len(line) && bytes.HasPrefix(line[start:], []byte(n.Value)) {
		at.Column = start + offset + 1
	}
	return &at
}
