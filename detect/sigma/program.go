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
	bound   []bound
	columns []column                       // what the rules' fields are, each once
	spell   func(values [][]byte) [][]byte // what keywords are looked for in beside raw and the values; may be nil
	events  sync.Pool                      // of *Event
}

type bound struct {
	rule  *Rule
	cells []int // by position in the rule's fields: which of the program's columns it is
}

// Compile binds rules to one schema: resolve gives the column of a field's name,
// false when events of this schema never have the field. A rule that can't match
// for lack of fields drops out; one that asks for their absence stays. For the
// name "" it may give a Column whose Spell gives further texts that keywords are
// looked for in. Whether a
// rule is meant for the log at all is LogSource.Fits's business.
func Compile(rules []*Rule, resolve func(field string) (Column, bool)) *Program {
	p := &Program{events: sync.Pool{New: func() any { return new(Event) }}}
	if whole, more := resolve(""); more {
		p.spell = whole.Spell
	}
	known := map[string]int{}
	for _, r := range rules {
		b := bound{r, make([]int, len(r.fields))}
		for i, name := range r.fields {
			at, seen := known[name]
			if !seen {
				var c column
				c.Column, c.known = resolve(name)
				at = len(p.columns)
				known[name], p.columns = at, append(p.columns, c)
			}
			b.cells[i] = at
		}
		if p.canMatch(&b) {
			p.bound = append(p.bound, b)
		}
	}
	return p
}

// canMatch reports whether a rule's condition can hold in the schema.
func (p *Program) canMatch(b *bound) bool {
	_, can := b.rule.condition.bounds(func(t *test) (canFail, canHold bool) {
		if t.field == keyword {
			return true, true
		}
		there := p.columns[b.cells[t.field]].known
		switch v := t.value.(type) {
		case existence:
			if !there {
				return bool(v), !bool(v)
			}
		case reference:
			there = there && p.columns[b.cells[v.field]].known
		}
		return true, there
	})
	return can
}

// Len is the number of rules that can match in this schema.
func (p *Program) Len() int { return len(p.bound) }

// Rule gives the rule behind an index below Len.
func (p *Program) Rule(i int) *Rule { return p.bound[i].rule }

// Match reports whether rule i matches an event, as Event.Match does, of an event
// that no other rule is held against.
func (p *Program) Match(i int, values [][]byte, raw []byte) bool {
	e := p.On(values, raw)
	defer e.End()
	return e.Match(i)
}

// On takes an event to hold rules against; what they ask of it is spelled and
// folded once. A value that is nil is a field that the event does not have (null).
// Keywords are looked for in raw and in every value. On may be called by several
// goroutines at once, each with an Event of its own, which borrows what is given
// until End.
func (p *Program) On(values [][]byte, raw []byte) *Event {
	e := p.events.Get().(*Event)
	e.begin(p, values, raw)
	return e
}

// Match reports whether rule i matches the event.
func (e *Event) Match(i int) bool {
	e.of = &e.program.bound[i]
	return e.of.rule.condition.holds(e)
}

// Holds reports the same of a condition that AddCondition added to rule i.
func (e *Event) Holds(i, condition int) bool {
	e.of = &e.program.bound[i]
	return e.of.rule.added[condition].holds(e)
}
