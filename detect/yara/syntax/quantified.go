package syntax

// stringRef reads $a, $a at, $a in, #a, #a in, @a, @a[i], !a, !a[i].
func (p *parser) stringRef() (*Expr, *Error) {
	t := p.tok
	kind := t.text[:1]
	if err := p.next(); err != nil {
		return nil, err
	}
	var arg *Expr
	var err *Error
	op := kind
	switch {
	case kind == "$" && p.tok.kind == "at":
		op = "$at"
		if err = p.next(); err == nil {
			arg, err = p.binary(arithmetic)
		}
	case (kind == "$" || kind == "#") && p.tok.kind == "in":
		op = kind + "in"
		if err = p.next(); err == nil {
			arg, err = p.rangeOf()
		}
	case (kind == "@" || kind == "!") && p.tok.kind == "[":
		if err = p.next(); err == nil {
			if arg, err = p.expression(); err == nil {
				_, err = p.expect("]")
			}
		}
	}
	if err != nil {
		return nil, err
	}
	var args []*Expr
	if arg != nil {
		args = []*Expr{arg}
	}
	e, err := p.node(op, t.pos, args...)
	if e != nil {
		e.Text = "$" + t.text[1:]
	}
	return e, err
}

// rangeOf reads (low..high).
func (p *parser) rangeOf() (*Expr, *Error) {
	t, err := p.expect("(")
	if err != nil {
		return nil, err
	}
	low, err := p.expression()
	if err != nil {
		return nil, err
	}
	if _, err := p.expect(".."); err != nil {
		return nil, err
	}
	return p.rangeFrom(t.pos, low)
}

func (p *parser) rangeFrom(pos Pos, low *Expr) (*Expr, *Error) {
	high, err := p.expression()
	if err != nil {
		return nil, err
	}
	if _, err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.node("range", pos, low, high)
}

// of reads the rest of "quantifier of set", with "in" or "at" behind it.
func (p *parser) of(quantifier *Expr) (*Expr, *Error) {
	t, err := p.expect("of")
	if err != nil {
		return nil, err
	}
	set, err := p.set()
	if err != nil {
		return nil, err
	}
	op, args := "of", []*Expr{quantifier, set}
	switch p.tok.kind {
	case "in":
		if err := p.next(); err != nil {
			return nil, err
		}
		r, err := p.rangeOf()
		if err != nil {
			return nil, err
		}
		op, args = "ofin", append(args, r)
	case "at":
		if err := p.next(); err != nil {
			return nil, err
		}
		off, err := p.binary(arithmetic)
		if err != nil {
			return nil, err
		}
		op, args = "ofat", append(args, off)
	}
	if op != "of" && set.Op == "rules" {
		return nil, p.fail(t.pos, "a set of rules has no place in the file")
	}
	return p.node(op, t.pos, args...)
}

// set reads them, ($a, $b*), or (rule1, rule*).
func (p *parser) set() (*Expr, *Error) {
	e := &Expr{Pos: p.tok.pos, Op: "set"}
	if ok, err := p.accept("them"); ok || err != nil {
		e.Names = []string{"them"}
		return e, err
	}
	if _, err := p.expect("("); err != nil {
		return nil, err
	}
	if ok, err := p.accept("them"); err != nil {
		return nil, err
	} else if ok {
		e.Names = []string{"them"}
		_, err = p.expect(")")
		return e, err
	}
	kind := p.tok.kind
	if kind == "identifier" {
		e.Op = "rules"
	}
	for {
		t := p.tok
		if kind != "string identifier" && kind != "identifier" || t.kind == "string identifier" && t.text[0] != '$' {
			return nil, p.unexpected("a set of strings or rules")
		}
		if _, err := p.expect(kind); err != nil {
			return nil, err
		}
		if ok, err := p.star(t); err != nil {
			return nil, err
		} else if ok {
			t.text += "*"
		}
		e.Names = append(e.Names, t.text)
		if ok, err := p.accept(","); err != nil {
			return nil, err
		} else if !ok {
			break
		}
	}
	_, err := p.expect(")")
	return e, err
}

// star takes the asterisk right behind the name of a rule.
func (p *parser) star(name token) (bool, *Error) {
	if name.kind != "identifier" {
		return false, nil
	}
	return p.accept("*")
}

// forLoop reads "for quantifier of set : (body)" and "for quantifier names in
// iterator : (body)".
func (p *parser) forLoop() (*Expr, *Error) {
	t, err := p.expect("for")
	if err != nil {
		return nil, err
	}
	quantifier, err := p.quantifier()
	if err != nil {
		return nil, err
	}
	op := "forof"
	var names []string
	var over *Expr
	if p.tok.kind == "of" {
		if err = p.next(); err == nil {
			over, err = p.set()
		}
	} else {
		op = "for"
		if names, err = p.names(); err == nil {
			over, err = p.iterator()
		}
	}
	if err != nil {
		return nil, err
	}
	if _, err := p.expect(":"); err != nil {
		return nil, err
	}
	if p.tok.kind != "(" {
		return nil, p.unexpected(`"("`)
	}
	body, err := p.parenthesis()
	if err != nil {
		return nil, err
	}
	e, err := p.node(op, t.pos, quantifier, over, body)
	if e != nil {
		e.Names = names
	}
	return e, err
}

func (p *parser) quantifier() (*Expr, *Error) {
	switch t := p.tok; t.kind {
	case "all", "any", "none":
		return &Expr{Pos: t.pos, Op: t.kind}, p.next()
	}
	// An arithmetic expression; "of" and names behind it are not part of it.
	e, err := p.binary(arithmetic + 1)
	if err == nil && p.tok.kind == "%" {
		return p.node("percent", e.Pos, e)
	}
	return e, err
}

func (p *parser) names() (names []string, err *Error) {
	for {
		t, err := p.expect("identifier")
		if err != nil {
			return nil, err
		}
		names = append(names, t.text)
		if ok, err := p.accept(","); err != nil {
			return nil, err
		} else if !ok {
			break
		}
	}
	_, err = p.expect("in")
	return names, err
}

// iterator reads an identifier, a range or a list.
func (p *parser) iterator() (*Expr, *Error) {
	if p.tok.kind == "identifier" {
		return p.path()
	}
	t, err := p.expect("(")
	if err != nil {
		return nil, err
	}
	first, err := p.expression()
	if err != nil {
		return nil, err
	}
	if ok, err := p.accept(".."); err != nil {
		return nil, err
	} else if ok {
		return p.rangeFrom(t.pos, first)
	}
	list := []*Expr{first}
	for {
		if ok, err := p.accept(","); err != nil {
			return nil, err
		} else if !ok {
			break
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	if _, err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.node("list", t.pos, list...)
}
