package yara

import (
	"postern/detect/yara/module"
	"postern/detect/yara/syntax"
)

// path compiles identifiers, fields, indexes and calls.
func (c *compiler) path(e *syntax.Expr) typed {
	switch e.Op {
	case "name":
		return c.identifier(e)
	case "field":
		return c.field(e)
	case "index":
		return c.element(e)
	}
	return c.call(e)
}

// plain takes the true and false of modules and variables for numbers.
func plain(t typed) typed {
	if t.Kind == module.Bool {
		t.Type = module.Scalar(module.Int)
	}
	return t
}

// identifier looks a name up: a variable of a loop, an external variable, a
// module or a rule.
func (c *compiler) identifier(e *syntax.Expr) typed {
	for i := len(c.locals) - 1; i >= 0; i-- {
		if l := c.locals[i]; l.name == e.Text {
			return plain(typed{Type: l.typ, name: e.Text, eval: func(s *scan) module.Value { return s.vars[l.slot] }})
		}
	}
	if x, ok := c.externals[e.Text]; ok {
		return plain(typed{Type: module.Scalar(x.kind), name: e.Text, eval: func(s *scan) module.Value { return s.externals[x.index] }})
	}
	if i, ok := c.imported[e.Text]; ok {
		return typed{Type: c.modules[i].Type, name: e.Text, eval: func(s *scan) module.Value { return s.module(i).Root }}
	}
	if r, ok := c.named[e.Text]; ok {
		c.rule_.refers = append(c.rule_.refers, r.index)
		return value(module.Bool, func(s *scan) module.Value { return module.Truth(s.matched[r.index]) })
	}
	c.fail(e.Pos, "undefined identifier %q", e.Text)
	return wrong
}

func (c *compiler) field(e *syntax.Expr) typed {
	object := c.path(e.Args[0])
	if object.bad() {
		return wrong
	}
	if object.Kind != module.Struct {
		c.fail(e.Pos, "%q is not a structure", object.name)
		return wrong
	}
	t, ok := object.Fields[e.Text]
	switch {
	case !ok:
		c.fail(e.Pos, "invalid field name %q", e.Text)
		return wrong
	case t.Const.Defined():
		return plain(konst(t.Const))
	}
	name, inner := e.Text, object.eval
	return plain(typed{Type: t, name: name, eval: func(s *scan) module.Value { return inner(s).Field(name) }})
}

func (c *compiler) element(e *syntax.Expr) typed {
	object, index := c.path(e.Args[0]), c.expr(e.Args[1])
	if object.bad() || index.bad() {
		return wrong
	}
	inner, at := object.eval, index.eval
	switch {
	case object.Kind == module.Array && index.Kind == module.Int:
		return plain(typed{Type: object.Elem, name: object.name, eval: func(s *scan) module.Value {
			list, i := inner(s).List(), at(s)
			if !i.Defined() || i.Int() < 0 || i.Int() >= int64(len(list)) {
				return module.Value{}
			}
			return list[i.Int()]
		}})
	case object.Kind == module.Dict && index.Kind == module.String:
		return plain(typed{Type: object.Elem, name: object.name, eval: func(s *scan) module.Value {
			k := at(s)
			if !k.Defined() {
				return k
			}
			return inner(s).Field(k.Str)
		}})
	case object.Kind == module.Array:
		c.fail(e.Pos, "array indexes must be of integer type")
	case object.Kind == module.Dict:
		c.fail(e.Pos, "dictionary keys must be of string type")
	default:
		c.fail(e.Pos, "%q is not an array or dictionary", object.name)
	}
	return wrong
}

// call compiles a call of a module's function. An undefined argument makes the
// result undefined.
func (c *compiler) call(e *syntax.Expr) typed {
	fn := c.path(e.Args[0])
	args := make([]eval, len(e.Args)-1)
	letters := make([]byte, len(args))
	for i, a := range e.Args[1:] {
		t := c.expr(a)
		if t.bad() {
			return wrong
		}
		args[i], letters[i] = t.eval, "?biFsr???"[t.Kind]
		if t.Kind == module.Float {
			letters[i] = 'f'
		}
	}
	if fn.bad() {
		return wrong
	}
	if fn.Kind != module.Func {
		c.fail(e.Pos, "%q is not a function", fn.name)
		return wrong
	}
	home, isModule := c.home(e.Args[0])
	for _, f := range fn.Funcs {
		if f.Args != string(letters) {
			continue
		}
		if f.Method {
			args = append([]eval{c.path(e.Args[0].Args[0]).eval}, args...)
		} else if !isModule {
			break
		}
		call, method := f.Call, f.Method
		return plain(typed{Type: module.Scalar(f.Result), name: fn.name, eval: func(s *scan) module.Value {
			values := make([]module.Value, len(args))
			for i, a := range args {
				if values[i] = a(s); !values[i].Defined() {
					return module.Value{}
				}
			}
			if method {
				return call(nil, values)
			}
			return call(s.module(home), values)
		}})
	}
	c.fail(e.Pos, "wrong arguments for function %q", fn.name)
	return wrong
}

// home returns the module a function belongs to.
func (c *compiler) home(e *syntax.Expr) (module int, ok bool) {
	for e.Op != "name" {
		e = e.Args[0]
	}
	module, ok = c.imported[e.Text]
	return module, ok
}
