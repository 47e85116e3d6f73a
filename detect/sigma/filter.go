package sigma

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Filter takes known good events out of rules that others wrote (Sigma filters).
type Filter struct {
	Meta
	Source LogSource
	Rules  []string // ids or names; none: every rule of its log source

	fields    []string
	condition *node
}

// filterDocument reads a filter. The specification's example and its reference
// implementation disagree about `condition: selection`: the one takes what is
// selected out, the other keeps nothing else. So only a condition that begins
// with `not` is read, which is linked to the rule's by "and".
func (p *parser) filterDocument(meta Meta, root *yaml.Node, top map[string]*yaml.Node) *Filter {
	f := &Filter{Meta: meta, Source: p.logSource(root, top["logsource"])}
	body := top["filter"]
	d := detection{parser: p}
	conditions := d.read(body, "rules")
	named := false
	for i := 0; i+1 < len(body.Content); i += 2 {
		if body.Content[i].Value == "rules" {
			named, f.Rules = true, p.texts(resolve(body.Content[i+1]))
		}
	}
	if !named {
		p.fail(body, "no `rules` in `filter`: want ids, names, or any")
	}
	if len(f.Rules) == 1 && (f.Rules[0] == "any" || f.Rules[0] == "all") {
		f.Rules = nil
	}
	for _, c := range conditions {
		if first, _, _ := strings.Cut(c.Value, " "); !strings.EqualFold(first, "not") {
			p.fail(c, "the condition of a filter must begin with `not`: it is linked to the rule's by `and`")
		}
	}
	f.fields, f.condition = d.fields, p.condition(body, conditions, d.searches)
	return f
}

// filter lets the file's filters act on the file's rules, or hands them over.
func (p *parser) filter() {
	if p.opt.Filters != nil {
		*p.opt.Filters = append(*p.opt.Filters, p.filters...)
		return
	}
	if err := Apply(p.rules, p.filters); err != nil {
		p.errs = append(p.errs, err)
	}
}

// Apply narrows rules by filters, in place: do so once, before Compile. A filter
// acts on the rules it names if their log source is its own. One that names a
// rule it can't act on is reported by an *Error (errors.Join of many).
func Apply(rules []*Rule, filters []*Filter) error {
	var errs []error
	for _, f := range filters {
		missing := slices.Clone(f.Rules)
		for _, r := range rules {
			called := func(name string) bool { return name == r.ID || name == r.Name && name != "" }
			if !f.Source.Fits(r.Source) || len(f.Rules) > 0 && !slices.ContainsFunc(f.Rules, called) {
				continue
			}
			missing = slices.DeleteFunc(missing, called)
			r.narrow(f)
		}
		for _, name := range missing {
			errs = append(errs, &Error{f.File, f.Line, 1, f.name(), fmt.Errorf("filters rule %q, which is not there or of another log source", name)})
		}
	}
	return errors.Join(errs...)
}

func (r *Rule) narrow(f *Filter) {
	d := detection{fields: slices.Clone(r.fields)}
	at := make([]int, len(f.fields))
	for i, name := range f.fields {
		at[i] = d.field(name)
	}
	r.fields = d.fields
	r.condition = allOf([]*node{r.condition, f.condition.rebase(at)})
}

// rebase copies a condition with its fields at other positions.
func (n *node) rebase(at []int) *node {
	c := *n
	if n.not != nil {
		c.not = n.not.rebase(at)
	}
	c.kids = nil
	for _, k := range n.kids {
		c.kids = append(c.kids, k.rebase(at))
	}
	if n.test != nil {
		t := *n.test
		if t.field != keyword {
			t.field = at[t.field]
		}
		if v, ok := t.value.(reference); ok {
			v.field = at[v.field]
			t.value = v
		}
		c.test = &t
	}
	return &c
}
