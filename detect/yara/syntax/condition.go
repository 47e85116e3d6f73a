package syntax

import "strings"

// levels are the binary operators from loosest to tightest, below "and", "or"
// and "not" ("Table 2: operator precedence").
var levels = []map[string]bool{
	words("== != contains icontains startswith istartswith endswith iendswith iequals matches"),
	words("< <= > >="),
	words("|"), words("^"), words("&"), words("<< >>"), words("+ -"), words(`* \ %`),
}

// arithmetic is the first level below the comparisons, where "of" binds.
const arithmetic = 2

func (p *parser) node(op string, pos Pos, args ...*Expr) (*Expr, *Error) {
	e := &Expr{Pos: pos, Op: op, Args: args}
	for _, a := range args {
		if a != nil && a.depth >= e.depth {
			e.depth = a.depth + 1
		}
	}
	if e.depth > MaxDepth {
		return nil, p.fail(pos, "expression nested deeper than %d", MaxDepth)
	}
	return e, nil
}

func (p *parser) expression() (*Expr, *Error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, p.fail(p.tok.pos, "expression nested deeper than %d", MaxDepth)
	}
	defer func() { p.depth-- }()
	return p.chain("or", func() (*Expr, *Error) { return p.chain("and", p.negation) })
}

// chain reads operands joined by "and" or "or" into one node.
func (p *parser) chain(op string, operand func() (*Expr, *Error)) (*Expr, *Error) {
	first, err := operand()
	if err != nil || p.tok.kind != op {
		return first, err
	}
	args, pos := []*Expr{first}, p.tok.pos
	for p.tok.kind == op {
		if err := p.next(); err != nil {
			return nil, err
		}
		e, err := operand()
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	return p.node(op, pos, args...)
}

func (p *parser) negation() (*Expr, *Error) {
	if p.tok.kind != "not" && p.tok.kind != "defined" {
		return p.binary(0)
	}
	t := p.tok
	if p.depth++; p.depth > MaxDepth {
		return nil, p.fail(t.pos, "expression nested deeper than %d", MaxDepth)
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.negation()
	if err != nil {
		return nil, err
	}
	return p.node(t.kind, t.pos, e)
}

func (p *parser) binary(level int) (*Expr, *Error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil && levels[level][p.tok.kind] {
		t := p.tok
		if err = p.next(); err != nil {
			break
		}
		if t.kind == "%" && p.tok.kind == "of" {
			return p.node("percent", t.pos, left)
		}
		var right *Expr
		if right, err = p.binary(level + 1); err == nil {
			left, err = p.node(t.kind, t.pos, left, right)
		}
	}
	if err == nil && level == arithmetic && p.tok.kind == "of" {
		return p.of(left)
	}
	return left, err
}

func (p *parser) unary() (*Expr, *Error) {
	op := map[string]string{"-": "neg", "~": "~"}[p.tok.kind]
	if op == "" {
		return p.primary()
	}
	t := p.tok
	if p.depth++; p.depth > MaxDepth {
		return nil, p.fail(t.pos, "expression nested deeper than %d", MaxDepth)
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.node(op, t.pos, e)
}

func (p *parser) primary() (*Expr, *Error) {
	t := p.tok
	e := &Expr{Pos: t.pos, Op: t.kind}
	switch t.kind {
	case "true", "false", "filesize", "entrypoint":
	case "all", "any", "none":
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.kind != "of" {
			return nil, p.unexpected(`"of"`)
		}
		return e, nil
	case "number":
		e.Op, e.Int = "int", t.num
	case "float":
		e.Float = t.flt
	case "text":
		e.Text = t.text
	case "/":
		var err *Error
		e.Op = "regexp"
		if e.Text, e.Mods, err = p.lex.regexp(t.pos); err != nil {
			return nil, err
		}
	case "(":
		return p.parenthesis()
	case "for":
		return p.forLoop()
	case "string identifier":
		return p.stringRef()
	case "identifier":
		return p.path()
	default:
		if strings.HasPrefix(t.kind, "int") || strings.HasPrefix(t.kind, "uint") {
			return p.reader()
		}
		return nil, p.unexpected("an expression")
	}
	return e, p.next()
}

func (p *parser) parenthesis() (*Expr, *Error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	_, err = p.expect(")")
	return e, err
}

func (p *parser) reader() (*Expr, *Error) {
	t := p.tok
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind != "(" {
		return nil, p.unexpected(`"("`)
	}
	off, err := p.parenthesis()
	if err != nil {
		return nil, err
	}
	e, err := p.node("read", t.pos, off)
	if e != nil {
		e.Text = t.kind
	}
	return e, err
}

// path reads an identifier with its fields, indexes and calls.
func (p *parser) path() (*Expr, *Error) {
	e := &Expr{Pos: p.tok.pos, Op: "name", Text: p.tok.text}
	err := p.next()
	for err == nil {
		t := p.tok
		switch t.kind {
		case ".":
			if err = p.next(); err != nil {
				return nil, err
			}
			var id token
			if id, err = p.expect("identifier"); err != nil {
				return nil, err
			}
			if e, err = p.node("field", id.pos, e); err == nil {
				e.Text = id.text
			}
		case "[":
			e, err = p.index(e)
		case "(":
			e, err = p.call(e)
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) index(object *Expr) (*Expr, *Error) {
	t := p.tok
	if err := p.next(); err != nil {
		return nil, err
	}
	i, err := p.expression()
	if err != nil {
		return nil, err
	}
	if _, err := p.expect("]"); err != nil {
		return nil, err
	}
	return p.node("index", t.pos, object, i)
}

func (p *parser) call(function *Expr) (*Expr, *Error) {
	t := p.tok
	args := []*Expr{function}
	if err := p.next(); err != nil {
		return nil, err
	}
	for p.tok.kind != ")" {
		if len(args) > 1 {
			if _, err := p.expect(","); err != nil {
				return nil, err
			}
		}
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	return p.node("call", t.pos, args...)
}
