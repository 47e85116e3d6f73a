package syntax

import "strings"

// Base64Alphabet is the alphabet of base64 and base64wide without argument.
const Base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func (p *parser) strings(r *Rule) *Error {
	if ok, err := p.heading("strings"); !ok || err != nil {
		return err
	}
	for first := true; first || p.tok.kind == "string identifier"; first = false {
		if p.tok.kind != "string identifier" || p.tok.text[0] != '$' || strings.HasSuffix(p.tok.text, "*") {
			return p.unexpected("a string identifier")
		}
		s := &String{Pos: p.tok.pos, Name: p.tok.text}
		if err := p.next(); err != nil {
			return err
		}
		if p.tok.kind != "=" {
			return p.unexpected(`"="`)
		}
		if err := p.value(s); err != nil {
			return err
		}
		if err := p.modifiers(s); err != nil {
			return err
		}
		r.Strings = append(r.Strings, s)
	}
	return nil
}

// value reads what stands behind the equals sign: only here a brace opens a
// hex string.
func (p *parser) value(s *String) *Error {
	err := p.next()
	if err != nil {
		return err
	}
	s.At = p.lex.pos()
	switch p.tok.kind {
	case "text":
		s.Kind, s.Value = Text, p.tok.text
		s.At = p.tok.pos
		if s.Value == "" {
			return p.fail(p.tok.pos, "empty string %q", s.Name)
		}
	case "{":
		s.Kind = Hex
		s.Value, err = p.lex.hex(p.tok.pos)
	case "/":
		var m *Modifiers
		s.Kind = Regexp
		if s.Value, m, err = p.lex.regexp(p.tok.pos); err == nil {
			s.Modifiers = *m
		}
	default:
		return p.unexpected("a text, a hex string or a regular expression")
	}
	if err != nil {
		return err
	}
	return p.next()
}

// allowed tells which modifiers a kind of string may have.
var allowed = map[Kind]map[string]bool{
	Text:   words("nocase wide ascii xor base64 base64wide fullword private"),
	Hex:    words("private"),
	Regexp: words("nocase wide ascii fullword private"),
}

var kindNames = [...]string{"text", "hex", "regular expression"}

func (p *parser) modifiers(s *String) *Error {
	seen := map[string]bool{}
	for allowed[Text][p.tok.kind] {
		t := p.tok
		if seen[t.kind] {
			return p.fail(t.pos, "duplicated modifier %q", t.kind)
		}
		if !allowed[s.Kind][t.kind] {
			return p.fail(t.pos, "modifier %q does not go with a %s string", t.kind, kindNames[s.Kind])
		}
		seen[t.kind] = true
		if err := p.next(); err != nil {
			return err
		}
		if err := p.modifier(s, t.kind); err != nil {
			return err
		}
	}
	for _, pair := range [][2]string{{"xor", "nocase"}, {"base64", "nocase"}, {"base64", "fullword"}, {"base64", "xor"},
		{"base64wide", "nocase"}, {"base64wide", "fullword"}, {"base64wide", "xor"}} {
		if seen[pair[0]] && seen[pair[1]] {
			return p.fail(s.Pos, "invalid modifier combination: %s %s", pair[0], pair[1])
		}
	}
	if (seen["base64"] || seen["base64wide"]) && len(s.Value) < 3 {
		return p.fail(s.Pos, "base64 of a string shorter than 3 bytes")
	}
	s.ASCII = s.ASCII || !s.Wide
	return nil
}

func (p *parser) modifier(s *String, word string) (err *Error) {
	switch word {
	case "nocase":
		s.NoCase = true
	case "wide":
		s.Wide = true
	case "ascii":
		s.ASCII = true
	case "fullword":
		s.FullWord = true
	case "private":
		s.Private = true
	case "xor":
		s.Xor, s.XorMin, s.XorMax = true, 0, 255
		return p.xorRange(s)
	case "base64":
		s.Base64, err = p.alphabet()
	case "base64wide":
		s.Base64Wide, err = p.alphabet()
	}
	if err == nil && s.Base64 != "" && s.Base64Wide != "" && s.Base64 != s.Base64Wide {
		return p.fail(s.Pos, "base64 and base64wide with different alphabets")
	}
	return err
}

func (p *parser) xorRange(s *String) *Error {
	if ok, err := p.accept("("); !ok || err != nil {
		return err
	}
	var bounds []int64
	at := p.tok.pos
	for {
		t, err := p.expect("number")
		if err != nil {
			return err
		}
		bounds = append(bounds, t.num)
		if ok, err := p.accept("-"); err != nil {
			return err
		} else if !ok || len(bounds) == 2 {
			break
		}
	}
	low, high := bounds[0], bounds[len(bounds)-1]
	if low > high || high > 255 {
		return p.fail(at, "xor range %d-%d is not within 0-255", low, high)
	}
	s.XorMin, s.XorMax = byte(low), byte(high)
	_, err := p.expect(")")
	return err
}

func (p *parser) alphabet() (string, *Error) {
	if ok, err := p.accept("("); !ok || err != nil {
		return Base64Alphabet, err
	}
	t, err := p.expect("text")
	if err != nil {
		return "", err
	}
	if len(t.text) != 64 {
		return "", p.fail(t.pos, "length of base64 alphabet must be 64")
	}
	_, err = p.expect(")")
	return t.text, err
}
