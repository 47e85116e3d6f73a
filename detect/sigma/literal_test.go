package sigma

import (
	"bytes"
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
	"unicode"
)

// soundly reports whether the rule matches values that stand in raw as they are,
// and fails if it does without one of its literals.
func soundly(t *testing.T, r *Rule, values [][]byte) bool {
	t.Helper()
	raw := bytes.Join(values, []byte("\n"))
	p := Compile([]*Rule{r}, func(name string) (Column, bool) {
		for i, f := range r.fields {
			if f == name {
				return Column{At: i}, true
			}
		}
		return Column{}, false
	})
	if p.Len() == 0 || !p.Match(0, values, raw) {
		return false
	}
	texts, fields := r.Literals()
	if len(texts) != len(fields) {
		t.Fatalf("%s: %d literals in %d fields", r.name(), len(texts), len(fields))
	}
	for _, l := range texts {
		if len(l) < shortest || l != asciiLower(l) {
			t.Errorf("%s: literal %q", r.name(), l)
		}
		if strings.Contains(asciiLower(string(raw)), l) {
			return true
		}
	}
	if len(texts) > 0 {
		t.Errorf("%s matches\n%s\nwithout any of %q", r.name(), raw, texts)
	}
	return true
}

// TestLiteralsAreSound makes events that rules match, and others, and demands
// that no match goes without one of the rule's literals.
func TestLiteralsAreSound(t *testing.T) {
	rules := corpusRules(t)
	for _, text := range seedRules {
		more, _, _ := Parse("seed", []byte(text), Options{Placeholders: map[string][]string{"x": {"y"}}})
		rules = append(rules, more...)
	}
	m := &maker{rand.New(rand.NewPCG(1, 2))}
	matching, events, matches := 0, 0, 0
	for _, r := range rules {
		hit := false
		for range 12 {
			events++
			if soundly(t, r, m.event(r)) {
				hit = true
				matches++
			}
		}
		if hit {
			matching++
		}
	}
	t.Logf("%d events, %d matches; %d of %d rules matched one", events, matches, matching, len(rules))
	if matching < len(rules)*9/10 {
		t.Error("the events made are too poor to prove anything")
	}
}

// maker makes events that a rule may match.
type maker struct{ *rand.Rand }

func (m *maker) event(r *Rule) [][]byte {
	values := make([][]byte, len(r.fields)+1) // the last holds keywords
	m.satisfy(r.condition, values)
	for i := range values {
		if values[i] == nil && m.IntN(8) == 0 {
			values[i] = []byte{}
		}
	}
	return values
}

func (m *maker) satisfy(n *node, values [][]byte) {
	switch {
	case n.test != nil:
		at := n.test.field
		if at == keyword {
			at = len(values) - 1
		}
		values[at] = m.value(n.test.value, values, values[at])
	case n.not != nil:
	default:
		for _, i := range m.Perm(len(n.kids))[:n.need] {
			m.satisfy(n.kids[i], values)
		}
	}
}

// value makes a text that v matches, which holds what stands there before if it can.
func (m *maker) value(v value, values [][]byte, before []byte) []byte {
	switch v := v.(type) {
	case existence:
		if v && before == nil {
			return []byte("x")
		} else if v {
			return before
		}
		return nil
	case network:
		return []byte(v.Addr().String())
	case comparison:
		return []byte("2024-05-06 08:09:10")
	case reference:
		values[v.field] = []byte("same")
		return []byte("SAME")
	case *expression:
		tree, _ := syntax.Parse(v.String(), syntax.Perl)
		return append(before, m.expression(tree)...)
	case *texts:
		return m.glob(&v.globs[m.IntN(len(v.globs))], v.cased, before)
	}
	return before
}

func (m *maker) glob(g *glob, cased bool, before []byte) []byte {
	var text []byte
	if g.left {
		text = append(before, m.junk()...)
	}
	for i, s := range g.segments {
		if i > 0 {
			text = append(text, m.junk()...)
		}
		for _, p := range s.pieces {
			switch p.wild {
			case anyRune:
				text = append(text, "é"...)
			case anyDash:
				text = append(text, string([]rune(dashes)[m.IntN(5)])...)
			default:
				text = append(text, p.text...)
			}
		}
	}
	if g.right {
		text = append(text, m.junk()...)
		if !g.left {
			text = append(text, before...)
		}
	}
	if !cased {
		text = m.recase(text)
	}
	return text
}

// recase changes the case of some letters, to Unicode's odd ones too.
func (m *maker) recase(text []byte) []byte {
	if m.IntN(3) == 0 || bytes.IndexByte(text, 0) >= 0 {
		return text
	}
	return bytes.Map(func(r rune) rune {
		switch m.IntN(12) {
		case 0, 1, 2:
			return unicode.ToUpper(r)
		case 3:
			if m.IntN(100) == 0 {
				return unicode.SimpleFold(r)
			}
		}
		return r
	}, text)
}

func (m *maker) junk() string {
	return []string{"", "", " ", "x", " -a ", "Ünïcode", `\`, "\x00", "\xff"}[m.IntN(9)]
}

// expression makes a text that a regular expression matches, more often than not.
func (m *maker) expression(re *syntax.Regexp) []byte {
	var out []byte
	times := 1
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && m.IntN(2) == 0 {
				c = unicode.SimpleFold(c)
			}
			out = append(out, string(c)...)
		}
		return out
	case syntax.OpCharClass:
		i := m.IntN(len(re.Rune)/2) * 2
		return []byte(string(re.Rune[i] + rune(m.IntN(int(re.Rune[i+1]-re.Rune[i])+1))))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []byte("x")
	case syntax.OpAlternate:
		return m.expression(re.Sub[m.IntN(len(re.Sub))])
	case syntax.OpStar, syntax.OpQuest:
		times = m.IntN(2)
	case syntax.OpRepeat:
		times = re.Min
	}
	for range times {
		for _, sub := range re.Sub {
			out = append(out, m.expression(sub)...)
		}
	}
	return out
}
