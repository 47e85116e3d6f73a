package sigma

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pattern is a text with wildcards.
type pattern []piece

// piece is literal text or, if wild is set, a wildcard.
type piece struct {
	text string
	wild wildcard
}

type wildcard byte

const (
	anyRun  wildcard = '*' // any characters, or none
	anyRune wildcard = '?' // one character
	anyDash wildcard = '-' // one of dashes, by the modifier windash
)

// dashes are what Windows programs take for the dash of an option (windash).
const dashes = "-/–—―"

// parsePattern reads a value. A backslash escapes wildcards and itself, and is a
// plain character before anything else (Sigma rules, Escaping).
func parsePattern(s string) pattern {
	var p pattern
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`*?\`, s[i+1]) >= 0:
			i++
			text.WriteByte(s[i])
		case c == '*' || c == '?':
			p = p.plus(piece{text: text.String()}, piece{wild: wildcard(c)})
			text.Reset()
		default:
			text.WriteByte(c)
		}
	}
	return p.plus(piece{text: text.String()})
}

// plus appends pieces: text joins text, a star joins a star, and no text is none.
func (p pattern) plus(more ...piece) pattern {
	p = p[:len(p):len(p)]
	for _, m := range more {
		last := len(p) - 1
		switch {
		case m == (piece{}):
		case last >= 0 && m.wild == 0 && p[last].wild == 0:
			p = append(p[:last:last], piece{text: p[last].text + m.text})
		case last >= 0 && m.wild == anyRun && p[last].wild == anyRun:
		default:
			p = append(p, m)
		}
	}
	return p
}

func (p pattern) widen(left, right bool) pattern {
	if left {
		p = pattern{{wild: anyRun}}.plus(p...)
	}
	if right {
		p = p.plus(piece{wild: anyRun})
	}
	return p
}

func (p pattern) wild() bool {
	for _, piece := range p {
		if piece.wild != 0 {
			return true
		}
	}
	return false
}

// dashes makes a wildcard of each dash that begins an option: it stands before a
// word and not behind one.
func (p pattern) dashes() ([]pattern, error) {
	var out pattern
	behind := ' '
	for _, part := range p {
		if part.wild != 0 {
			out, behind = out.plus(part), ' '
			continue
		}
		start := 0
		for i := 0; i < len(part.text); {
			c, n := utf8.DecodeRuneInString(part.text[i:])
			next, _ := utf8.DecodeRuneInString(part.text[i+n:])
			if strings.ContainsRune(dashes, c) && !isWord(behind) && isWord(next) {
				out = out.plus(piece{text: part.text[start:i]}, piece{wild: anyDash})
				start = i + n
			}
			behind, i = c, i+n
		}
		out = out.plus(piece{text: part.text[start:]})
	}
	return []pattern{out}, nil
}

func isWord(c rune) bool {
	return c == '_' || c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c))
}

// spellDashes writes windash's wildcards out, for encodings that need the bytes.
func (p pattern) spellDashes() []pattern {
	all := []pattern{nil}
	for _, part := range p {
		var next []pattern
		for _, a := range all {
			if part.wild != anyDash {
				next = append(next, a.plus(part))
				continue
			}
			for _, dash := range dashes {
				next = append(next, a.plus(piece{text: string(dash)}))
			}
		}
		if all = next; len(all) > maxAlternatives {
			break // refused by the caller
		}
	}
	return all
}

// longestRun is the longest run of printable ASCII in the pattern, in lower
// case: it stands in every text that matches.
func (p pattern) longestRun() string {
	best := ""
	for _, part := range p {
		for run := range strings.FieldsFuncSeq(part.text, func(c rune) bool { return c < ' ' || c > '~' }) {
			if len(run) > len(best) {
				best = run
			}
		}
	}
	return strings.ToLower(best)
}
