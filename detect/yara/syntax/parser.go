package syntax

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Parse reads one rule file. include delivers the text of an included file,
// whose name is made relative to the file that includes it ("Including files");
// nil refuses them. It returns the first fault as an error, and then no file.
func Parse(name string, text []byte, include func(name string) ([]byte, error)) (*File, *Error) {
	f := &File{}
	p := &parser{file: f, include: include}
	if err := p.source(name, string(text)); err != nil {
		return nil, err
	}
	return f, nil
}

type parser struct {
	file    *File
	include func(name string) ([]byte, error)
	lex     *lexer
	tok     token
	opened  []string // files being included
	files   int      // files included so far
	depth   int
}

func (p *parser) source(name, text string) *Error {
	p.lex = &lexer{file: name, src: strings.TrimPrefix(text, "\ufeff"), line: 1}
	p.opened = append(p.opened, name)
	if err := p.next(); err != nil {
		return err
	}
	for p.tok.kind != "end of file" {
		var err *Error
		switch p.tok.kind {
		case "import":
			err = p.imports()
		case "include":
			err = p.includes()
		default:
			err = p.rule()
		}
		if err != nil {
			return err
		}
	}
	p.opened = p.opened[:len(p.opened)-1]
	return nil
}

func (p *parser) next() (err *Error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) fail(pos Pos, format string, args ...any) *Error {
	return &Error{pos, fmt.Sprintf(format, args...)}
}

func (p *parser) unexpected(want string) *Error {
	return p.fail(p.tok.pos, "unexpected %s, expected %s", p.tok, want)
}

// expect takes the token kind and moves on.
func (p *parser) expect(kind string) (token, *Error) {
	t := p.tok
	if t.kind != kind {
		want := kind
		if len(kind) < 3 || keywords[kind] {
			want = fmt.Sprintf("%q", kind)
		}
		return t, p.unexpected(want)
	}
	return t, p.next()
}

// accept tells whether the token kind was there, and moves on if so.
func (p *parser) accept(kind string) (bool, *Error) {
	if p.tok.kind != kind {
		return false, nil
	}
	return true, p.next()
}

func (p *parser) imports() *Error {
	if err := p.next(); err != nil {
		return err
	}
	t, err := p.expect("text")
	if err != nil {
		return err
	}
	p.file.Imports = append(p.file.Imports, Import{t.pos, t.text})
	return nil
}

func (p *parser) includes() *Error {
	if err := p.next(); err != nil {
		return err
	}
	t := p.tok
	if t.kind != "text" {
		return p.unexpected("text")
	}
	if p.include == nil {
		return p.fail(t.pos, "include %q: includes are not allowed here", t.text)
	}
	name := beside(p.lex.file, t.text)
	p.files++
	switch {
	case slices.Contains(p.opened, name):
		return p.fail(t.pos, "include %q: the file includes itself", t.text)
	case len(p.opened) > maxIncludes:
		return p.fail(t.pos, "include %q: more than %d files deep", t.text, maxIncludes)
	case p.files > maxFiles:
		return p.fail(t.pos, "include %q: more than %d files", t.text, maxFiles)
	}
	text, err := p.include(name)
	if err != nil {
		return p.fail(t.pos, "include %q: %v", t.text, err)
	}
	outer := p.lex
	if err := p.source(name, string(text)); err != nil {
		return err
	}
	p.lex = outer
	return p.next()
}

// beside makes the name of an included file relative to the one that includes it,
// with slashes forward; an absolute one stays.
func beside(from, name string) string {
	slashes := strings.NewReplacer(`\`, "/")
	from, name = slashes.Replace(from), slashes.Replace(name)
	if path.IsAbs(name) || len(name) > 1 && name[1] == ':' {
		return path.Clean(name)
	}
	return path.Join(path.Dir(from), name)
}

func (p *parser) rule() *Error {
	r := &Rule{}
	for p.tok.kind == "global" || p.tok.kind == "private" {
		r.Global = r.Global || p.tok.kind == "global"
		r.Private = r.Private || p.tok.kind == "private"
		if err := p.next(); err != nil {
			return err
		}
	}
	if _, err := p.expect("rule"); err != nil {
		return err
	}
	t, err := p.expect("identifier")
	if err != nil {
		return err
	}
	r.Pos, r.Name = t.pos, t.text
	for _, section := range []func(*Rule) *Error{p.tags, p.open, p.meta, p.strings, p.condition} {
		if err := section(r); err != nil {
			return err
		}
	}
	p.file.Rules = append(p.file.Rules, r)
	return nil
}

func (p *parser) tags(r *Rule) *Error {
	if ok, err := p.accept(":"); !ok || err != nil {
		return err
	}
	for first := true; first || p.tok.kind == "identifier"; first = false {
		t, err := p.expect("identifier")
		if err != nil {
			return err
		}
		for _, have := range r.Tags {
			if have == t.text {
				return p.fail(t.pos, "duplicated tag identifier %q", t.text)
			}
		}
		r.Tags = append(r.Tags, t.text)
	}
	return nil
}

func (p *parser) open(*Rule) *Error {
	_, err := p.expect("{")
	return err
}

// heading takes "word:" and tells whether it was there.
func (p *parser) heading(word string) (bool, *Error) {
	ok, err := p.accept(word)
	if ok && err == nil {
		_, err = p.expect(":")
	}
	return ok, err
}

func (p *parser) meta(r *Rule) *Error {
	if ok, err := p.heading("meta"); !ok || err != nil {
		return err
	}
	for first := true; first || p.tok.kind == "identifier"; first = false {
		t, err := p.expect("identifier")
		if err != nil {
			return err
		}
		m := Meta{Pos: t.pos, Name: t.text}
		if _, err := p.expect("="); err != nil {
			return err
		}
		negative, err := p.accept("-")
		if err != nil {
			return err
		}
		switch {
		case p.tok.kind == "number" && negative:
			m.Value = -p.tok.num
		case p.tok.kind == "number":
			m.Value = p.tok.num
		case p.tok.kind == "text" && !negative:
			m.Value = p.tok.text
		case (p.tok.kind == "true" || p.tok.kind == "false") && !negative:
			m.Value = p.tok.kind == "true"
		default:
			return p.unexpected("a text, a number, true or false")
		}
		if err := p.next(); err != nil {
			return err
		}
		r.Meta = append(r.Meta, m)
	}
	return nil
}

func (p *parser) condition(r *Rule) *Error {
	if ok, err := p.heading("condition"); err != nil {
		return err
	} else if !ok {
		return p.unexpected(`"condition"`)
	}
	e, err := p.expression()
	if err != nil {
		return err
	}
	r.Condition = e
	_, err = p.expect("}")
	return err
}
