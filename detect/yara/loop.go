package yara

import (
	"maps"
	"slices"

	"postern/detect/yara/module"
	"postern/detect/yara/syntax"
)

// iterator calls each with the values of one turn, until it returns false.
type iterator func(s *scan, each func(a, b module.Value) bool)

// loop compiles "for quantifier names in iterator : (body)". A loop without a
// single turn is false, whatever its quantifier, as in libyara.
func (c *compiler) loop(e *syntax.Expr) typed {
	enough := c.quantifier(e.Args[0])
	if c.nested(e) {
		return wrong
	}
	walk, types, ok := c.iterator(e)
	if !ok {
		return wrong
	}
	depth, slot := len(c.locals), c.slots
	for i, name := range e.Names {
		if slices.ContainsFunc(c.locals, func(l local) bool { return l.name == name }) {
			c.fail(e.Pos, "duplicated loop identifier %q", name)
			return wrong
		}
		c.locals = append(c.locals, local{name, slot + i, types[i]})
	}
	c.slots += len(e.Names)
	body := c.expr(e.Args[2])
	c.wantTruth(e.Args[2], body)
	c.locals, c.slots = c.locals[:depth], slot
	return value(module.Bool, func(s *scan) module.Value {
		s.room(slot + 2)
		held, n := 0, 0
		walk(s, func(a, b module.Value) bool {
			s.vars[slot], s.vars[slot+1] = a, b
			n++
			if body.eval(s).True() {
				held++
			}
			return s.going() && !decided(e.Args[0].Op, held, n)
		})
		return module.Truth(n > 0 && enough(s, held, n))
	})
}

// iterator compiles what a loop runs over, and the types of its variables.
func (c *compiler) iterator(e *syntax.Expr) (iterator, []*module.Type, bool) {
	over := e.Args[1]
	integer := module.Scalar(module.Int)
	switch over.Op {
	case "range":
		low, high := c.integer(over.Args[0], "a range"), c.integer(over.Args[1], "a range")
		return overRange(low, high), []*module.Type{integer}, c.variables(e, "range", 1)
	case "list":
		var items []eval
		kind := module.Undefined
		for _, a := range over.Args {
			t := c.expr(a)
			if t.bad() {
				return nil, nil, false
			}
			if t.Kind != module.Int && t.Kind != module.String || kind != module.Undefined && t.Kind != kind {
				c.fail(a.Pos, "wrong type for enumeration item")
				return nil, nil, false
			}
			kind, items = t.Kind, append(items, t.eval)
		}
		return func(s *scan, each func(a, b module.Value) bool) {
			for _, item := range items {
				if !each(item(s), module.Value{}) {
					return
				}
			}
		}, []*module.Type{module.Scalar(kind)}, c.variables(e, "enumeration", 1)
	}
	t := c.path(over)
	switch t.Kind {
	case module.Undefined:
		return nil, nil, false
	case module.Array:
		return func(s *scan, each func(a, b module.Value) bool) {
			for _, v := range t.eval(s).List() {
				if !each(v, module.Value{}) {
					return
				}
			}
		}, []*module.Type{t.Elem}, c.variables(e, t.name, 1)
	case module.Dict:
		return func(s *scan, each func(a, b module.Value) bool) {
			entries := t.eval(s).Entries()
			for _, k := range slices.Sorted(maps.Keys(entries)) {
				if !each(module.Of(k), entries[k]) {
					return
				}
			}
		}, []*module.Type{module.Scalar(module.String), t.Elem}, c.variables(e, t.name, 2)
	}
	c.fail(over.Pos, "identifier %q is not iterable", t.name)
	return nil, nil, false
}

func (c *compiler) variables(e *syntax.Expr, over string, n int) bool {
	if len(e.Names) != n {
		c.fail(e.Pos, "iterator for %q yields %d items on each iteration, but the loop expects %d", over, n, len(e.Names))
	}
	return len(e.Names) == n
}

func overRange(low, high eval) iterator {
	return func(s *scan, each func(a, b module.Value) bool) {
		from, to := low(s), high(s)
		if !from.Defined() || !to.Defined() {
			return
		}
		for i := from.Int(); i <= to.Int(); i++ {
			if !each(module.Number(i), module.Value{}) || i == to.Int() {
				return
			}
		}
	}
}

// decided tells whether further turns can't change the outcome.
func decided(quantifier string, held, n int) bool {
	switch quantifier {
	case "all":
		return held < n
	case "any", "none":
		return held > 0
	}
	return false
}
