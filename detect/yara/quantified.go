package yara

import (
	"slices"
	"strings"

	"postern/detect/yara/module"
	"postern/detect/yara/syntax"
)

// maxNested is how deep loops may nest, as in libyara.
const maxNested = 4

// quantifier decides after how many of n things held; it is false while an
// expression in it is undefined.
type quantifier func(s *scan, held, n int) bool

func (c *compiler) quantifier(e *syntax.Expr) quantifier {
	switch e.Op {
	case "all":
		return func(_ *scan, held, n int) bool { return held == n }
	case "any":
		return func(_ *scan, held, _ int) bool { return held > 0 }
	case "none":
		return func(_ *scan, held, _ int) bool { return held == 0 }
	case "percent":
		t := c.expr(e.Args[0])
		if !t.bad() && t.Kind != module.Int {
			c.fail(e.Pos, "wrong type %q for a percentage", t.Kind)
		} else if p := int64(0); t.konst {
			if p = t.eval(nil).Int(); p < 1 || p > 100 {
				c.fail(e.Pos, "percentage must be between 1 and 100 (inclusive)")
			}
		}
		return func(s *scan, held, n int) bool {
			p := t.eval(s)
			return p.Defined() && float64(held)/float64(n)*100 >= float64(p.Int())
		}
	}
	number := c.integer(e, "a quantifier")
	return func(s *scan, held, _ int) bool {
		v := number(s)
		if v.Int() == 0 {
			return v.Defined() && held == 0
		}
		return int64(held) >= v.Int()
	}
}

// set resolves a set of strings.
func (c *compiler) set(e *syntax.Expr) (all []int) {
	for _, name := range e.Names {
		if name == "them" {
			name = "$*"
		}
		prefix, wild := strings.CutSuffix(name, "*")
		found := false
		for _, i := range c.rule_.strings {
			if n := c.strings[i].name; n == name && n != "$" || wild && strings.HasPrefix(n, prefix) {
				found, c.used[i] = true, true
				all = append(all, i)
			}
		}
		if !found {
			c.fail(e.Pos, "undefined string %q", name)
		}
	}
	return all
}

// of compiles "quantifier of set", with "in (range)" or "at offset".
func (c *compiler) of(e *syntax.Expr) typed {
	enough := c.quantifier(e.Args[0])
	if e.Args[1].Op == "rules" {
		return c.ofRules(e, enough)
	}
	set := c.set(e.Args[1])
	c.place(e.Op, set...)
	held := func(s *scan, str int) bool { return len(s.matchesOf(str)) > 0 }
	switch e.Op {
	case "ofin":
		low, high := c.integer(e.Args[2].Args[0], "a range"), c.integer(e.Args[2].Args[1], "a range")
		return value(module.Bool, func(s *scan) module.Value {
			from, to := low(s), high(s)
			if !from.Defined() || !to.Defined() {
				return module.Value{}
			}
			n := 0
			for _, str := range set {
				if countIn(s.matchesOf(str), from.Int(), to.Int()) > 0 {
					n++
				}
			}
			return module.Truth(enough(s, n, len(set)))
		})
	case "ofat":
		offset := c.integer(e.Args[2], "an offset")
		held = func(s *scan, str int) bool {
			at := offset(s)
			return at.Defined() && countIn(s.matchesOf(str), at.Int(), at.Int()) > 0
		}
	}
	return value(module.Bool, func(s *scan) module.Value {
		n := 0
		for _, str := range set {
			if held(s, str) {
				n++
			}
		}
		return module.Truth(enough(s, n, len(set)))
	})
}

// ofRules compiles "quantifier of (rule1, prefix*)".
func (c *compiler) ofRules(e *syntax.Expr, enough quantifier) typed {
	var set []int
	for _, name := range e.Args[1].Names {
		prefix, wild := strings.CutSuffix(name, "*")
		found := false
		if wild {
			c.wildcards = append(c.wildcards, prefix)
		}
		for _, r := range c.rules {
			if r.namespace == c.rule_.namespace && (r.Name == name || wild && strings.HasPrefix(r.Name, prefix)) {
				found = true
				set = append(set, r.index)
			}
		}
		if !found {
			c.fail(e.Pos, "undefined identifier %q", name)
		}
	}
	c.rule_.refers = append(c.rule_.refers, set...)
	return value(module.Bool, func(s *scan) module.Value {
		n := 0
		for _, r := range set {
			if s.matched[r] {
				n++
			}
		}
		return module.Truth(enough(s, n, len(set)))
	})
}

// forOf compiles "for quantifier of set : (body)", in which $, #, @ and ! are
// each string in turn.
func (c *compiler) forOf(e *syntax.Expr) typed {
	enough, set := c.quantifier(e.Args[0]), c.set(e.Args[1])
	if c.nested(e) {
		return wrong
	}
	c.sets = append(c.sets, set)
	body := c.expr(e.Args[2])
	c.wantTruth(e.Args[2], body)
	c.sets = c.sets[:len(c.sets)-1]
	return value(module.Bool, func(s *scan) module.Value {
		outer, n := s.current, 0
		for i, str := range set {
			s.current = str
			if body.eval(s).True() {
				n++
			}
			if !s.going() || decided(e.Args[0].Op, n, i+1) {
				break
			}
		}
		s.current = outer
		return module.Truth(enough(s, n, len(set)))
	})
}

func (c *compiler) nested(e *syntax.Expr) bool {
	if len(c.sets)+len(c.locals) < maxNested {
		return false
	}
	c.fail(e.Pos, "loop nesting limit exceeded")
	return true
}

// stringUse compiles $a, #a, @a, !a and what stands behind them.
func (c *compiler) stringUse(e *syntax.Expr) typed {
	which := func(s *scan) []span { return s.matchesOf(s.current) }
	if e.Text != "$" {
		str, ok := c.names[e.Text]
		if !ok {
			c.fail(e.Pos, "undefined string %q", e.Text)
			return wrong
		}
		c.used[str] = true
		c.place(e.Op, str)
		which = func(s *scan) []span { return s.matchesOf(str) }
	} else if len(c.sets) == 0 {
		c.fail(e.Pos, "wrong use of anonymous string")
		return wrong
	} else {
		c.place(e.Op, c.sets[len(c.sets)-1]...)
	}
	switch e.Op {
	case "$":
		return value(module.Bool, func(s *scan) module.Value { return module.Truth(len(which(s)) > 0) })
	case "#":
		return value(module.Int, func(s *scan) module.Value { return module.Of(len(which(s))) })
	case "$at":
		at := c.integer(e.Args[0], "at operator")
		return value(module.Bool, func(s *scan) module.Value {
			v := at(s)
			return module.Truth(v.Defined() && countIn(which(s), v.Int(), v.Int()) > 0)
		})
	case "$in", "#in":
		return c.stringIn(e, which)
	}
	return c.stringPart(e, which)
}

// place notes strings of which a condition asks more than whether they are there.
func (c *compiler) place(op string, strs ...int) {
	for _, str := range strs {
		if op != "$" && op != "of" {
			c.placed[str] = true
		}
	}
}

func (c *compiler) stringIn(e *syntax.Expr, which func(*scan) []span) typed {
	low, high := c.integer(e.Args[0].Args[0], "a range"), c.integer(e.Args[0].Args[1], "a range")
	count := value(module.Int, func(s *scan) module.Value {
		from, to := low(s), high(s)
		if !from.Defined() || !to.Defined() {
			return module.Value{}
		}
		return module.Of(countIn(which(s), from.Int(), to.Int()))
	})
	if e.Op == "#in" {
		return count
	}
	return value(module.Bool, func(s *scan) module.Value {
		n := count.eval(s)
		if !n.Defined() {
			return n
		}
		return module.Truth(n.True())
	})
}

// stringPart compiles @a[i] and !a[i]; i counts from one.
func (c *compiler) stringPart(e *syntax.Expr, which func(*scan) []span) typed {
	index := konst(module.Number(1)).eval
	if len(e.Args) > 0 {
		index = c.integer(e.Args[0], "an index")
	}
	return value(module.Int, func(s *scan) module.Value {
		i, all := index(s), which(s)
		if !i.Defined() || i.Int() < 1 || i.Int() > int64(len(all)) {
			return module.Value{}
		}
		m := all[i.Int()-1]
		if e.Op == "@" {
			return module.Number(m.off)
		}
		return module.Of(m.length)
	})
}

// countIn counts the matches that begin in [from, to].
func countIn(all []span, from, to int64) int {
	if from > to {
		return 0
	}
	byOffset := func(m span, off int64) int { return order(m.off, off) }
	i, _ := slices.BinarySearchFunc(all, from, byOffset)
	j, exact := slices.BinarySearchFunc(all, to, byOffset)
	if exact {
		j++
	}
	return j - i
}
