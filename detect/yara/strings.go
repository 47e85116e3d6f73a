package yara

import (
	"encoding/base64"
	"errors"
	"strings"

	"postern/detect/yara/rx"
	"postern/detect/yara/syntax"
)

// stringDef is a compiled string.
type stringDef struct {
	name     string
	pos      syntax.Pos
	rule     int
	slot     int // its list of matches
	private  bool
	fullword bool
	greedy   bool
	chain    []link // the fragments of a hex string with long jumps
	brief    bool   // only whether it is there matters
	most     int    // matches that are kept
}

// link is one fragment: where its matches are kept and how far behind the
// fragment before it may begin.
type link struct{ slot, min, max int }

// pattern is one way a string may stand in a content.
type pattern struct {
	*rx.Pattern
	str            int
	slot           int
	wide           bool
	xorMin, xorMax byte
}

// str compiles one string of a rule.
func (c *compiler) str(r *Rule, s *syntax.String) {
	def := &stringDef{name: s.Name, pos: s.Pos, rule: r.index, private: s.Private, fullword: s.FullWord}
	r.strings = append(r.strings, len(c.strings))
	c.strings = append(c.strings, def)
	def.slot = c.newSlot()
	before := len(c.patterns)
	var err error
	at := s.At
	switch s.Kind {
	case syntax.Text:
		err = c.text(def, s)
	case syntax.Regexp:
		err = c.regexp(def, s)
	case syntax.Hex:
		var hex *rx.HexError
		if err = c.hex(def, s); errors.As(err, &hex) {
			at = within(s, hex.At)
		}
	}
	if err != nil {
		c.fail(at, "%s string %q: %v", [...]string{"text", "hex", "regular expression"}[s.Kind], s.Name, err)
		return
	}
	for _, p := range c.patterns[before:] {
		if p.Weak() {
			c.warn(s.Pos, "string %q of rule %q may slow down scanning", s.Name, r.Name)
			break
		}
	}
}

// within finds the place n bytes into a hex string.
func within(s *syntax.String, n int) syntax.Pos {
	at := s.At
	before := s.Value[:min(n, len(s.Value))]
	if lines := strings.Count(before, "\n"); lines > 0 {
		at.Line += lines
		at.Column = len(before) - strings.LastIndexByte(before, '\n')
	} else {
		at.Column += len(before)
	}
	return at
}

// newSlot makes a list of matches for the string compiled last.
func (c *compiler) newSlot() int {
	c.owner = append(c.owner, len(c.strings)-1)
	return len(c.owner) - 1
}

// add compiles a node into patterns of the string compiled last.
func (c *compiler) add(n *rx.Node, greedy bool, p pattern) error {
	ps, err := rx.Compile(n, greedy)
	for _, compiled := range ps {
		p.Pattern, p.str = compiled, len(c.strings)-1
		c.patterns = append(c.patterns, p)
	}
	return err
}

func (c *compiler) text(def *stringDef, s *syntax.String) error {
	for _, wide := range []bool{false, true} {
		if wide && !s.Wide || !wide && !s.ASCII {
			continue
		}
		text := s.Value
		if wide {
			text = widen(text)
		}
		p := pattern{slot: def.slot, wide: wide, xorMin: s.XorMin, xorMax: s.XorMax}
		if s.Base64 == "" && s.Base64Wide == "" {
			if err := c.add(rx.Text(text, s.NoCase), false, p); err != nil {
				return err
			}
			continue
		}
		for _, enc := range encodings(text, s.Base64+s.Base64Wide) {
			if s.Base64 != "" {
				if err := c.add(rx.Text(enc, false), false, p); err != nil {
					return err
				}
			}
			if s.Base64Wide != "" {
				if err := c.add(rx.Text(widen(enc), false), false, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func widen(text string) string {
	b := make([]byte, 0, 2*len(text))
	for _, c := range []byte(text) {
		b = append(b, c, 0)
	}
	return string(b)
}

// encodings are the three ways base64 spells a text within a longer one,
// without the characters that depend on its neighbours ("Base64 strings").
func encodings(text, alphabet string) (all []string) {
	alphabet = alphabet[:64]
	plain := syntax.Base64Alphabet
	for shift := range 3 {
		enc := base64.StdEncoding.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("A", shift) + text))
		cut := 0
		if (shift+len(text))%3 != 0 {
			cut = 1
		}
		lead := [...]int{0, 2, 3}[shift]
		if len(enc)-cut <= lead {
			continue
		}
		b := []byte(enc[lead : len(enc)-cut])
		for i := range b {
			b[i] = alphabet[strings.IndexByte(plain, b[i])]
		}
		all = append(all, string(b))
	}
	return all
}

func (c *compiler) regexp(def *stringDef, s *syntax.String) error {
	re, err := rx.ParseRegexp(s.Value, s.Fold || s.NoCase, s.DotAll)
	if err != nil {
		return err
	}
	def.greedy = re.Greedy
	if s.ASCII {
		err = c.add(re.Node, re.Greedy, pattern{slot: def.slot})
	}
	if s.Wide && err == nil {
		err = c.add(re.Node.Wide(), re.Greedy, pattern{slot: def.slot, wide: true})
	}
	return err
}

func (c *compiler) hex(def *stringDef, s *syntax.String) error {
	fragments, err := rx.ParseHex(s.Value)
	if err != nil {
		return err
	}
	for _, f := range fragments {
		slot := def.slot
		if len(fragments) > 1 {
			slot = c.newSlot() // def.slot takes the whole matches
			def.chain = append(def.chain, link{slot, f.Min, f.Max})
		}
		if err := c.add(f.Node, false, pattern{slot: slot}); err != nil {
			return err
		}
	}
	return nil
}
