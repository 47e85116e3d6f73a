package sigma

import "sync"

// Column says where a field stands in an event's values, and how it is compared.
type Column struct {
	At int // position in values
	// Spell gives all spellings under which the field is compared, such as a path
	// with its percent encoding resolved; a match on any is a match. Nil: the value
	// alone. It must be safe for concurrent use.
	Spell func(values [][]byte) [][]byte
}

// column is a rule's field in one schema, which may lack it.
type column struct {
	Column
	known bool
}

// Program is rules bound to one event schema.
type Program struct {
	bound  []bound
	spell  func(values [][]byte) [][]byte // what keywords are looked for in beside raw and the values; may be nil
	events sync.Pool                      // of *event
}

type bound struct {
	rule    *Rule
	columns []column // by position in the rule's fields
}

// Compile binds rules to one schema: resolve gives the column of a field's name,
// false when events of this schema never have the field. A rule that can't match
// for lack of fields drops out; one that asks for their absence stays. For the
// name "" it may give a Column whose Spell gives further texts that keywords are
// looked for in. Whether a
// rule is meant for the log at all is LogSource.Fits's business.
func Compile(rules []*Rule, resolve func(field string) (Column, bool)) *Program {
	p := &Program{events: sync.Pool{New: func() any { return new(event) }}}
	if whole, more := resolve(""); more {
		p.spell = whole.Spell
	}
	known := map[string]column{}
	for _, r := range rules {
		columns := make([]column, len(r.fields))
		for i, name := range r.fields {
			c, seen := known[name]
			if !seen {
				c.Column, c.known = resolve(name)
				known[name] = c
			}
			columns[i] = c
		}
		if canMatch(r.condition, columns) {
			p.bound = append(p.bound, bound{r, columns})
		}
	}
	return p
}

// canMatch reports whether the condition can hold in the schema.
func canMatch(n *node, columns []column) bool {
	_, can := n.bounds(func(t *test) (canFail, canHold bool) {
		if t.field == keyword {
			return true, true
		}
		there := columns[t.field].known
		switch v := t.value.(type) {
		case existence:
			if !there {
				return bool(v), !bool(v)
			}
		case reference:
			there = there && columns[v.field].known
		}
		return true, there
	})
	return can
}

// Len is the number of rules that can match in this schema.
func (p *Program) Len() int { return len(p.bound) }

// Rule gives the rule behind an index below Len.
func (p *Program) Rule(i int) *Rule { return p.bound[i].rule }

// Match reports whether rule i matches an event. A value that is nil is a field
// that the event does not have (null). Keywords are looked for in raw and in
// every value. It is safe for concurrent use and keeps nothing of its arguments.
func (p *Program) Match(i int, values [][]byte, raw []byte) bool {
	return p.evaluate(&p.bound[i], p.bound[i].rule.condition, values, raw)
}

// Holds reports the same of a condition that AddCondition added to rule i.
func (p *Program) Holds(i, condition int, values [][]byte, raw []byte) bool {
	return p.evaluate(&p.bound[i], p.bound[i].rule.added[condition], values, raw)
}

func (p *Program) evaluate(b *bound, n *node, values [][]byte, raw []byte) bool {
	e := p.events.Get().(*event)
	e.begin(b.columns, values, raw)
	e.spell = p.spell
	holds := n.holds(e)
	e.end()
	p.events.Put(e)
	return holds
}
