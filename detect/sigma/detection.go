package sigma

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// detection reads the searches of a rule or filter.
type detection struct {
	*parser
	fields   []string
	searches []search
}

// read fills in fields and searches and returns the conditions. The names in
// skip are no searches.
func (d *detection) read(n *yaml.Node, skip ...string) (conditions []*yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "want searches and a `condition` in `detection`")
		return nil
	}
	for key, val := range d.pairs(n) {
		switch {
		case slices.Contains(skip, key.Value):
		case key.Value == "condition" && val.Kind == yaml.SequenceNode:
			for _, c := range val.Content {
				conditions = append(conditions, resolve(c))
			}
		case key.Value == "condition":
			conditions = append(conditions, val)
		case key.Value == "timeframe":
			d.fail(key, "`timeframe` is of the old Sigma format; write a correlation rule")
		default:
			s := d.search(val)
			if s == nil {
				s = leaf(keyword, existence(true)) // refused, but named: the condition may be right
			}
			d.searches = append(d.searches, search{key.Value, s})
		}
	}
	return conditions
}

// search compiles a map, whose items are linked by "and", a list of maps or
// keywords, linked by "or", or one keyword (Sigma rules, Search-Identifier).
func (d *detection) search(n *yaml.Node) *node {
	switch n.Kind {
	case yaml.MappingNode:
		return d.fieldsOf(n)
	case yaml.SequenceNode:
		return d.list(n)
	}
	return d.item(n, "", []*yaml.Node{n})
}

func (d *detection) list(n *yaml.Node) *node {
	var all []*node
	for _, c := range n.Content {
		c = resolve(c)
		if c.Kind == yaml.SequenceNode {
			d.fail(c, "a list in a list of a search")
			continue
		}
		if s := d.search(c); s != nil {
			all = append(all, s)
		}
	}
	if len(n.Content) == 0 {
		d.fail(n, "an empty list: it would never match")
	}
	if len(all) == 0 {
		return nil
	}
	return anyOf(all)
}

func (d *detection) fieldsOf(n *yaml.Node) *node {
	var all []*node
	for key, val := range d.pairs(n) {
		values := []*yaml.Node{val}
		if val.Kind == yaml.SequenceNode {
			values = val.Content
		}
		if len(values) == 0 {
			d.fail(val, "no value for %q", key.Value)
			continue
		}
		if i := d.item(key, key.Value, values); i != nil {
			all = append(all, i)
		}
	}
	if len(n.Content) == 0 {
		d.fail(n, "an empty search: it would match every event")
	}
	if len(all) == 0 {
		return nil
	}
	return allOf(all)
}

// field gives the position of a field's name.
func (d *detection) field(name string) int {
	if name == "" {
		return keyword
	}
	i := slices.Index(d.fields, name)
	if i < 0 {
		i = len(d.fields)
		d.fields = append(d.fields, name)
	}
	return i
}

// item compiles `field|modifier|...: values`, or keywords when the field has no name.
func (d *detection) item(at *yaml.Node, key string, values []*yaml.Node) *node {
	name, chain, modified := strings.Cut(key, "|")
	it := &item{detection: d, field: d.field(name)}
	for _, v := range values {
		v = resolve(v)
		if v.Kind != yaml.ScalarNode {
			d.fail(v, "want a value, or a list of values")
			return nil
		}
		it.operands = append(it.operands, newOperand(v))
	}
	if modified {
		for m := range strings.SplitSeq(chain, "|") {
			if n, err := it.modify(m); err != nil {
				if n == nil {
					n = at
				}
				d.fail(n, "modifier %q: %w", m, err)
				return nil
			}
			it.done = append(it.done, m)
		}
	}
	return it.node()
}

// node ends the chain: the values are linked by "or", or by "and" after the
// modifier all.
func (it *item) node() *node {
	var all []value
	var any *texts // texts linked by "or" are one value
	for i := range it.operands {
		v, err := it.operands[i].value(it)
		if err != nil {
			it.fail(it.operands[i].node, "%w", err)
			return nil
		}
		text, isText := v.(*texts)
		switch {
		case !isText || it.all:
			all = append(all, v)
		case any == nil:
			any = text
			all = append(all, v)
		default:
			any.globs = append(any.globs, text.globs...)
		}
	}
	var leaves []*node
	for _, v := range all {
		leaves = append(leaves, leaf(it.field, v))
	}
	n := anyOf(leaves)
	if it.all {
		n = allOf(leaves)
	}
	if it.neq {
		n = negate(n)
	}
	return n
}
