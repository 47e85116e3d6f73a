package yara

import (
	"strconv"
	"strings"

	"postern/detect/yara/syntax"
)

// outcome is what an expression may come to when no string of its rule, and no
// rule it mentions, is found. Undefined is neither.
type outcome struct{ maybeTrue, maybeFalse bool }

var (
	unknown = outcome{true, true}
	never   = outcome{false, true}
	undef   = outcome{}
)

// gate finds out when a rule need not be evaluated: because none of its strings
// was found, or because a part of its condition that asks only for the size,
// the first bytes or external variables does not hold.
func (c *compiler) gate(r *Rule, cond *syntax.Expr) {
	r.always = without(cond).maybeTrue
	parts := []*syntax.Expr{cond}
	if cond.Op == "and" {
		parts = cond.Args
	}
	for _, p := range parts {
		if !c.cheap(p) {
			continue
		}
		key := spell(p)
		i, known := c.predicateOf[key]
		if !known {
			before := len(c.warnings)
			i = len(c.predicates)
			c.predicates = append(c.predicates, c.expr(p).eval)
			c.warnings = c.warnings[:before]
			c.predicateOf[key] = i
		}
		r.needs = append(r.needs, i)
	}
}

// without evaluates e for a content in which no string is found.
func without(e *syntax.Expr) outcome {
	switch e.Op {
	case "and":
		o := outcome{true, false}
		for _, a := range e.Args {
			w := without(a)
			o.maybeTrue = o.maybeTrue && w.maybeTrue
			o.maybeFalse = true // undefined operands make it false
		}
		return o
	case "or":
		o := outcome{false, true} // undefined operands make it false
		for _, a := range e.Args {
			o.maybeTrue = o.maybeTrue || without(a).maybeTrue
		}
		return o
	case "not":
		w := without(e.Args[0])
		return outcome{w.maybeFalse, w.maybeTrue}
	case "$", "$at":
		return never
	case "$in":
		return outcome{false, true}
	case "@", "!":
		return undef
	case "true":
		return outcome{true, false}
	case "false":
		return never
	case "of", "ofin", "ofat", "forof", "for":
		return withoutQuantified(e)
	case "==", "!=", "<", "<=", ">", ">=":
		return withoutComparison(e)
	}
	return unknown
}

func withoutQuantified(e *syntax.Expr) outcome {
	q := e.Args[0]
	some := q.Op == "any" || q.Op == "all" || q.Op == "percent" && q.Args[0].Op == "int" || q.Op == "int" && q.Int > 0
	switch {
	case !some:
		return unknown
	case e.Op == "for":
		// A loop of no turns is false; so is one up to #a.
		if over := e.Args[1]; over.Op == "range" && over.Args[0].Op == "int" && over.Args[0].Int > 0 && over.Args[1].Op == "#" {
			return never
		}
		return outcome{without(e.Args[2]).maybeTrue, true}
	case e.Op == "forof":
		return outcome{without(e.Args[2]).maybeTrue, true}
	}
	return never
}

// withoutComparison knows that # is zero, and @ and ! are undefined.
func withoutComparison(e *syntax.Expr) outcome {
	a, b := e.Args[0], e.Args[1]
	if strict(a) || strict(b) {
		return undef
	}
	if (a.Op == "#" || a.Op == "#in") && b.Op == "int" {
		n := order(0, b.Int)
		holds := map[string]bool{"==": n == 0, "!=": n != 0, "<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[e.Op]
		return outcome{holds, true}
	}
	return unknown
}

// strict tells whether an arithmetic expression mentions @ or !, so that it is
// undefined when nothing is found.
func strict(e *syntax.Expr) bool {
	switch e.Op {
	case "@", "!":
		return true
	case "+", "-", "*", `\`, "%", "&", "|", "^", "<<", ">>", "neg", "~", "read":
		for _, a := range e.Args {
			if strict(a) {
				return true
			}
		}
	}
	return false
}

// cheap tells whether an expression asks only for size, bytes at a place, and
// external variables.
func (c *compiler) cheap(e *syntax.Expr) bool {
	switch e.Op {
	case "and", "or", "not", "defined", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", `\`, "%", "&", "|", "^", "<<", ">>",
		"neg", "~", "read", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iequals":
		for _, a := range e.Args {
			if !c.cheap(a) {
				return false
			}
		}
		return true
	case "true", "false", "int", "float", "text", "filesize":
		return true
	case "name":
		_, ok := c.externals[e.Text]
		return ok
	}
	return false
}

// spell writes a cheap expression in one way.
func spell(e *syntax.Expr) string {
	var b strings.Builder
	b.WriteString("(" + e.Op)
	switch e.Op {
	case "int":
		b.WriteString(strconv.FormatInt(e.Int, 10))
	case "float":
		b.WriteString(strconv.FormatFloat(e.Float, 'g', -1, 64))
	case "text", "name", "read":
		b.WriteString(strconv.Quote(e.Text))
	}
	for _, a := range e.Args {
		b.WriteString(spell(a))
	}
	b.WriteByte(')')
	return b.String()
}
