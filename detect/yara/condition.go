package yara

import (
	"strings"

	"postern/detect/yara/module"
	"postern/detect/yara/rx"
	"postern/detect/yara/syntax"
)

// eval is a compiled expression.
type eval func(s *scan) module.Value

// typed is an expression with its type. Booleans of the grammar (comparisons
// and what joins them) are Bool; true values of modules and variables are Int.
type typed struct {
	*module.Type
	eval  eval
	konst bool   // its value is known now
	name  string // of a field, for messages
}

func value(k module.Kind, e eval) typed { return typed{Type: module.Scalar(k), eval: e} }

func konst(v module.Value) typed {
	return typed{Type: module.Scalar(v.Kind), eval: func(*scan) module.Value { return v }, konst: true}
}

// wrong stands for an expression that has been reported.
var wrong = typed{Type: module.Scalar(module.Undefined), eval: func(*scan) module.Value { return module.Value{} }}

func (t typed) number() bool { return t.Kind == module.Int || t.Kind == module.Float }
func (t typed) bad() bool    { return t.Kind == module.Undefined }

// wantTruth reports what can't be true or false.
func (c *compiler) wantTruth(e *syntax.Expr, t typed) {
	switch {
	case t.Kind > module.String:
		if t.name != "" {
			c.fail(e.Pos, "wrong usage of identifier %q", t.name)
			return
		}
		c.fail(e.Pos, "wrong type %q for condition", t.Kind)
	case e.Op == "text":
		c.warn(e.Pos, "using literal string %q in a boolean operation", e.Text)
	}
}

// expr compiles an expression. Faults are reported and give wrong.
func (c *compiler) expr(e *syntax.Expr) typed {
	switch e.Op {
	case "and", "or":
		return c.chain(e)
	case "not", "defined":
		return c.prefix(e)
	case "true", "false":
		return konst(module.Truth(e.Op == "true"))
	case "int":
		return konst(module.Number(e.Int))
	case "float":
		return konst(module.Of(e.Float))
	case "text":
		return konst(module.Of(e.Text))
	case "regexp":
		return c.finder(e)
	case "filesize":
		return value(module.Int, func(s *scan) module.Value { return module.Number(s.size) })
	case "entrypoint":
		c.warn(e.Pos, `using deprecated "entrypoint" keyword; use pe.entry_point instead`)
		return value(module.Int, func(s *scan) module.Value { return s.entryPoint() })
	case "read":
		return c.reader(e)
	case "neg", "~":
		return c.sign(e)
	case "$", "$at", "$in", "#", "#in", "@", "!":
		return c.stringUse(e)
	case "name", "field", "index", "call":
		return c.path(e)
	case "of", "ofin", "ofat":
		return c.of(e)
	case "for":
		return c.loop(e)
	case "forof":
		return c.forOf(e)
	case "percent":
		c.fail(e.Pos, `"%%" without "of"`)
		return wrong
	}
	return c.binary(e)
}

// chain compiles "and" and "or". An undefined operand is false to both.
func (c *compiler) chain(e *syntax.Expr) typed {
	parts := make([]eval, len(e.Args))
	for i, a := range e.Args {
		t := c.expr(a)
		c.wantTruth(a, t)
		parts[i] = t.eval
	}
	if e.Op == "and" {
		return value(module.Bool, func(s *scan) module.Value {
			for _, p := range parts {
				if !p(s).True() {
					return module.Truth(false)
				}
			}
			return module.Truth(true)
		})
	}
	return value(module.Bool, func(s *scan) module.Value {
		for _, p := range parts {
			if p(s).True() {
				return module.Truth(true)
			}
		}
		return module.Truth(false)
	})
}

func (c *compiler) prefix(e *syntax.Expr) typed {
	t := c.expr(e.Args[0])
	c.wantTruth(e.Args[0], t)
	inner := t.eval
	if e.Op == "defined" {
		return value(module.Bool, func(s *scan) module.Value { return module.Truth(inner(s).Defined()) })
	}
	return value(module.Bool, func(s *scan) module.Value {
		v := inner(s)
		if !v.Defined() {
			return v
		}
		return module.Truth(!v.True())
	})
}

func (c *compiler) finder(e *syntax.Expr) typed {
	re, err := rx.ParseRegexp(e.Text, e.Mods.Fold, e.Mods.DotAll)
	var f *rx.Finder
	if err == nil {
		f, err = rx.NewFinder(re)
	}
	if err != nil {
		c.fail(e.Pos, "invalid regular expression: %v", err)
		return wrong
	}
	return konst(module.Of(f))
}

func (c *compiler) reader(e *syntax.Expr) typed {
	off := c.integer(e.Args[0], e.Text)
	width, signed, big := 4, e.Text[0] == 'i', strings.HasSuffix(e.Text, "be")
	switch {
	case strings.Contains(e.Text, "8"):
		width = 1
	case strings.Contains(e.Text, "16"):
		width = 2
	}
	return value(module.Int, func(s *scan) module.Value {
		at := off(s)
		if !at.Defined() {
			return at
		}
		return s.content.read(at.Int(), width, signed, big)
	})
}

// integer compiles an operand that must be one, for what.
func (c *compiler) integer(e *syntax.Expr, what string) eval {
	t := c.expr(e)
	if t.Kind != module.Int && !t.bad() {
		c.fail(e.Pos, "wrong type %q for %s", t.Kind, what)
	}
	return t.eval
}

func (c *compiler) sign(e *syntax.Expr) typed {
	t := c.expr(e.Args[0])
	inner := t.eval
	op := map[string]string{"neg": "-", "~": "~"}[e.Op]
	switch {
	case t.bad():
		return wrong
	case e.Op == "neg" && t.Kind == module.Float:
		return c.known(t.konst, value(module.Float, func(s *scan) module.Value {
			v := inner(s)
			if !v.Defined() {
				return v
			}
			return module.Of(-v.Float())
		}))
	case t.Kind != module.Int:
		c.fail(e.Pos, "wrong type %q for %s operator", t.Kind, op)
		return wrong
	}
	return c.known(t.konst, value(module.Int, func(s *scan) module.Value {
		v := inner(s)
		switch {
		case !v.Defined():
			return v
		case e.Op == "neg":
			return module.Number(-v.Int())
		}
		return module.Number(^v.Int())
	}))
}

// known evaluates at once what is made of constants only.
func (c *compiler) known(yes bool, t typed) typed {
	if !yes {
		return t
	}
	return konst(t.eval(nil))
}
