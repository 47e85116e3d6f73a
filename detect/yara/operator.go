package yara

import (
	"math"
	"strings"

	"postern/detect/yara/module"
	"postern/detect/yara/syntax"
)

// binary compiles the operators with two operands ("Conditions", table of
// operators). Any undefined operand makes the whole undefined.
func (c *compiler) binary(e *syntax.Expr) typed {
	a, b := c.expr(e.Args[0]), c.expr(e.Args[1])
	if a.bad() || b.bad() {
		return wrong
	}
	switch e.Op {
	case "==", "!=", "<", "<=", ">", ">=":
		return c.compare(e, a, b)
	case "matches":
		return c.matches(e, a, b)
	case "+", "-", "*", `\`:
		return c.arithmetic(e, a, b)
	case "%", "&", "|", "^", "<<", ">>":
		return c.integers(e, a, b)
	}
	for _, t := range []typed{a, b} {
		if t.Kind != module.String {
			c.fail(e.Pos, "wrong type %q for %s operator", t.Kind, e.Op)
			return wrong
		}
	}
	test := textTests[e.Op]
	return both(module.Bool, a, b, func(x, y module.Value) module.Value { return module.Truth(test(x.Str, y.Str)) })
}

// both makes an expression of two, undefined if either is.
func both(k module.Kind, a, b typed, fn func(x, y module.Value) module.Value) typed {
	left, right := a.eval, b.eval
	return value(k, func(s *scan) module.Value {
		x := left(s)
		if !x.Defined() {
			return x
		}
		y := right(s)
		if !y.Defined() {
			return y
		}
		return fn(x, y)
	})
}

var textTests = map[string]func(a, b string) bool{
	"contains":    strings.Contains,
	"icontains":   func(a, b string) bool { return strings.Contains(lower(a), lower(b)) },
	"startswith":  strings.HasPrefix,
	"istartswith": func(a, b string) bool { return strings.HasPrefix(lower(a), lower(b)) },
	"endswith":    strings.HasSuffix,
	"iendswith":   func(a, b string) bool { return strings.HasSuffix(lower(a), lower(b)) },
	"iequals":     func(a, b string) bool { return lower(a) == lower(b) },
}

// lower folds ASCII letters only.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}

func (c *compiler) matches(e *syntax.Expr, a, b typed) typed {
	if a.Kind != module.String {
		c.fail(e.Pos, "wrong type %q for matches operator", a.Kind)
		return wrong
	}
	if b.Kind != module.Regexp {
		c.fail(e.Pos, "wrong type %q for matches operator", b.Kind)
		return wrong
	}
	text, finder := a.eval, b.eval(nil).Finder()
	return value(module.Bool, func(s *scan) module.Value {
		x := text(s)
		if !x.Defined() {
			return x
		}
		if x.Str == "" {
			return module.Truth(false)
		}
		at, _ := finder.Find(x.Str, s.alive)
		return module.Truth(at >= 0)
	})
}

func (c *compiler) compare(e *syntax.Expr, a, b typed) typed {
	test := map[string]func(int) bool{
		"==": func(n int) bool { return n == 0 }, "!=": func(n int) bool { return n != 0 },
		"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 },
		">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
	}[e.Op]
	switch {
	case a.Kind == module.String && b.Kind == module.String:
		return both(module.Bool, a, b, func(x, y module.Value) module.Value {
			return module.Truth(test(strings.Compare(x.Str, y.Str)))
		})
	case a.Kind == module.Int && b.Kind == module.Int:
		return both(module.Bool, a, b, func(x, y module.Value) module.Value {
			return module.Truth(test(order(x.Int(), y.Int())))
		})
	case a.number() && b.number():
		return both(module.Bool, a, b, func(x, y module.Value) module.Value {
			f, g := x.Float(), y.Float()
			if math.IsNaN(f) || math.IsNaN(g) {
				return module.Truth(e.Op == "!=")
			}
			return module.Truth(test(order(f, g)))
		})
	}
	c.fail(e.Pos, "type mismatch: %s %s %s", a.Kind, e.Op, b.Kind)
	return wrong
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (c *compiler) arithmetic(e *syntax.Expr, a, b typed) typed {
	if !a.number() || !b.number() {
		c.fail(e.Pos, "type mismatch: %s %s %s", a.Kind, e.Op, b.Kind)
		return wrong
	}
	if a.Kind == module.Float || b.Kind == module.Float {
		return c.known(a.konst && b.konst, both(module.Float, a, b, func(x, y module.Value) module.Value {
			f, g := x.Float(), y.Float()
			switch e.Op {
			case "+":
				f += g
			case "-":
				f -= g
			case "*":
				f *= g
			default:
				f /= g
			}
			return module.Of(f)
		}))
	}
	return c.integers(e, a, b)
}

func (c *compiler) integers(e *syntax.Expr, a, b typed) typed {
	for _, t := range []typed{a, b} {
		if t.Kind != module.Int {
			c.fail(e.Pos, "wrong type %q for %s operator", t.Kind, e.Op)
			return wrong
		}
	}
	op := e.Op
	t := both(module.Int, a, b, func(x, y module.Value) module.Value { return calculate(op, x.Int(), y.Int()) })
	if !a.konst || !b.konst {
		return t
	}
	x, y := a.eval(nil).Int(), b.eval(nil).Int()
	v := t.eval(nil)
	switch {
	case (op == `\` || op == "%") && y == 0:
		c.fail(e.Pos, "division by zero")
	case !v.Defined():
		c.fail(e.Pos, "invalid operand in \"%d %s %d\"", x, op, y)
	case overflows(op, x, y):
		c.fail(e.Pos, "integer overflow in \"%d %s %d\"", x, op, y)
	}
	return konst(v)
}

func overflows(op string, x, y int64) bool {
	switch op {
	case "+":
		return (x+y > x) != (y > 0) && y != 0
	case "-":
		return (x-y < x) != (y > 0) && y != 0
	case "*":
		return x != 0 && (x*y/x != y || x == -1 && y == math.MinInt64)
	}
	return false
}

func calculate(op string, x, y int64) module.Value {
	switch op {
	case "+":
		x += y
	case "-":
		x -= y
	case "*":
		x *= y
	case "&":
		x &= y
	case "|":
		x |= y
	case "^":
		x ^= y
	case `\`, "%":
		if y == 0 {
			return module.Value{}
		}
		if op == "%" {
			x %= y
		} else {
			x /= y
		}
	default: // shifts
		if y < 0 {
			return module.Value{}
		}
		switch {
		case y > 63:
			x = 0
		case op == "<<":
			x <<= uint(y)
		default:
			x >>= uint(y)
		}
	}
	return module.Number(x)
}
