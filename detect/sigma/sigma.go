// Package sigma reads Sigma rules, correlations and filters, and holds rules
// against events whose fields stand by position.
//
// It follows the Sigma specification: Rules 2.0, Modifiers appendix 2.1,
// Correlation rules 2.0 and Filters 2.0 (github.com/SigmaHQ/sigma-specification).
// Where that is silent the reference implementation, pySigma, decides. What
// can't be honoured as it is meant is refused by name, never left out: a search
// that is dropped quietly would read as safety.
//
// Two things are narrower than elsewhere, each for a reason. Regular expressions
// are RE2: a pattern with look-around or back-references is refused. And letters
// fold as Unicode says, except that an ASCII letter has no equal outside ASCII
// (U+212A is no k, U+017F no s): no file system or protocol takes them for each
// other, and so the bytes of a rule's literals stand in what it matches.
package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of one file.
const (
	maxFile  = 4 << 20
	maxNodes = 100_000 // of one document, aliases written out
	maxDepth = 24
)

// Options are what the operator adds to the rules.
type Options struct {
	// Placeholders are the values for the modifier expand, by name without "%".
	// They may hold wildcards. A rule that asks for another one is refused with
	// ErrPlaceholder.
	Placeholders map[string][]string
	// Filters collects the filters of the file, for Apply. Nil: they apply to the
	// rules of their own file, and one that names a rule elsewhere is refused.
	Filters *[]*Filter
}

// ErrPlaceholder is wrapped by the refusal of a rule whose placeholder has no values.
var ErrPlaceholder = errors.New("no values for the placeholder")

// Error says where in a file stands what can't be honoured, and why.
type Error struct {
	File         string
	Line, Column int
	Rule         string // its id, or its title when it has none
	Err          error
}

// Error is "file:line:column: rule "id": reason".
func (e *Error) Error() string {
	at := fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Rule == "" {
		return at + e.Err.Error()
	}
	return at + fmt.Sprintf("rule %q: ", e.Rule) + e.Err.Error()
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

// Meta is what rules and correlations say about themselves.
type Meta struct {
	ID, Name, Title, Status, Level string
	Description, Author            string
	References, Tags               []string
	FalsePositives                 []string
	File                           string
	Line                           int
}

// LogSource names the logs that a rule is written for (Sigma rules, LogSource).
type LogSource struct {
	Product, Category, Service string
	Definition                 string
}

// Fits reports whether rules for s are meant for a log: each part that s states
// must be the log's, whatever its case.
func (s LogSource) Fits(log LogSource) bool {
	fits := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	return fits(s.Product, log.Product) && fits(s.Category, log.Category) && fits(s.Service, log.Service)
}

// Rule is one Sigma rule, ready to be bound to the fields of a log by Compile.
type Rule struct {
	Meta
	Source LogSource

	fields    []string // in order of appearance; tests name them by position
	searches  []search
	condition *node
	added     []*node
}

// Fields gives the name of every field that the rule's searches name.
func (r *Rule) Fields() []string { return append([]string(nil), r.fields...) }

// AddCondition compiles a further condition over the rule's own searches, used
// or not by its own, and returns its index for Program.Holds. It is not safe for
// concurrent use: add before the rule is held against events.
func (r *Rule) AddCondition(expr string) (int, error) {
	n, err := parseCondition(expr, r.searches)
	if err != nil {
		return 0, &Error{r.File, r.Line, 1, r.name(), fmt.Errorf("condition %q: %w", expr, err)}
	}
	r.added = append(r.added, n)
	return len(r.added) - 1, nil
}

// name is how errors call the rule.
func (m *Meta) name() string {
	if m.ID != "" {
		return m.ID
	}
	return m.Title
}

// Parse reads one Sigma file: YAML documents that are rules, correlations or
// filters. What can't be honoured is refused by an *Error (errors.Join of many);
// everything else of the file is returned all the same.
func Parse(file string, text []byte, opt Options) ([]*Rule, []*Correlation, error) {
	p := &parser{file: file, lines: bytes.Split(text, []byte("\n")), opt: opt}
	if len(text) > maxFile {
		return nil, nil, &Error{file, 1, 1, "", fmt.Errorf("the file is longer than %d bytes", maxFile)}
	}
	documents := 0
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; documents++ {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.syntax(err)
			break
		}
		p.document(&doc)
	}
	if documents == 0 && len(p.errs) == 0 {
		p.errs = append(p.errs, &Error{file, 1, 1, "", errors.New("the file is empty")})
	}
	p.filter()
	return p.rules, p.correlations, errors.Join(p.errs...)
}

// yamlLine finds the line in the library's messages, which have no column.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)`)

func (p *parser) syntax(err error) {
	line, msg := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits by the pattern
		msg = m[2]
	}
	p.errs = append(p.errs, &Error{p.file, line, 1, "", errors.New(msg)})
}
