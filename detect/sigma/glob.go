package sigma

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// glob is a compiled pattern: segments with any run of characters between them.
type glob struct {
	segments    []segment
	left, right bool   // open on that side
	longest     string // see longestRun
}

// segment is text with wildcards of one character each.
type segment struct {
	pieces []piece
	text   []byte // if there are no wildcards
	rare   int    // position in text of its rarest byte, to look for first
}

// compile folds the pattern unless it is cased, so that it is held against
// values folded the same way.
func (p pattern) compile(cased bool) glob {
	g := glob{longest: p.longestRun()}
	var current []piece
	flush := func() {
		if len(current) == 0 {
			return
		}
		s := segment{pieces: current}
		if len(current) == 1 && current[0].wild == 0 {
			s.text = []byte(current[0].text)
			s.rare = rarest(s.text)
		}
		g.segments = append(g.segments, s)
		current = nil
	}
	for i, part := range p {
		if part.wild == anyRun {
			flush()
			g.left, g.right = g.left || i == 0, i == len(p)-1
			continue
		}
		if !cased {
			part.text = string(fold(nil, []byte(part.text)))
		}
		current = append(current, part)
	}
	flush()
	return g
}

// texts is what a field is compared with most: patterns, any of which may match.
type texts struct {
	globs []glob
	cased bool
}

func (v *texts) holds(e *Event, c *cell) bool {
	have := c.plain
	if !v.cased && len(have) > 0 {
		have = e.folded(c)
	}
	for _, text := range have {
		for i := range v.globs {
			if v.globs[i].match(text) {
				return true
			}
		}
	}
	return false
}

func (v *texts) literals() []string {
	var all []string
	for i := range v.globs {
		all = append(all, v.globs[i].longest)
	}
	if weight(all) < shortest {
		return nil
	}
	return all
}

func (v *texts) cost() int {
	sum := 0
	for i := range v.globs {
		switch g := &v.globs[i]; {
		case len(g.segments) > 1 || len(g.segments) == 1 && g.segments[0].text == nil:
			sum += 8
		case g.left && g.right:
			sum += 4
		default:
			sum += 2
		}
	}
	return sum
}

// match holds a text, folded unless the pattern is cased, against the pattern.
func (g *glob) match(s []byte) bool {
	between := g.segments
	if len(between) == 0 {
		return g.left || len(s) == 0
	}
	if !g.left {
		n := between[0].prefix(s)
		if n < 0 || len(between) == 1 {
			return n == len(s) || n >= 0 && g.right
		}
		s, between = s[n:], between[1:]
	}
	var last *segment
	if !g.right {
		last, between = &between[len(between)-1], between[:len(between)-1]
	}
	for i := range between {
		end := between[i].find(s)
		if end < 0 {
			return false
		}
		s = s[end:]
	}
	return last == nil || last.suffix(s)
}

// prefix gives the length of the segment at the start of s, or -1.
func (g *segment) prefix(s []byte) int {
	rest := s
	for _, p := range g.pieces {
		switch {
		case p.wild == 0 && !hasPrefix(rest, p.text), p.wild != 0 && len(rest) == 0:
			return -1
		case p.wild == 0:
			rest = rest[len(p.text):]
		default:
			c, n := utf8.DecodeRune(rest)
			if p.wild == anyDash && !strings.ContainsRune(dashes, c) {
				return -1
			}
			rest = rest[n:]
		}
	}
	return len(s) - len(rest)
}

// suffix reports whether s ends in the segment.
func (g *segment) suffix(s []byte) bool {
	for i := len(g.pieces) - 1; i >= 0; i-- {
		p := g.pieces[i]
		switch {
		case p.wild == 0 && !bytes.HasSuffix(s, []byte(p.text)), p.wild != 0 && len(s) == 0:
			return false
		case p.wild == 0:
			s = s[:len(s)-len(p.text)]
		default:
			c, n := utf8.DecodeLastRune(s)
			if p.wild == anyDash && !strings.ContainsRune(dashes, c) {
				return false
			}
			s = s[:len(s)-n]
		}
	}
	return true
}

// find gives the end of the segment's first place in s, or -1.
func (g *segment) find(s []byte) int {
	if g.text != nil {
		return g.findText(s)
	}
	for at := 0; at <= len(s); {
		if first := g.pieces[0]; first.wild == 0 {
			i := bytes.Index(s[at:], []byte(first.text))
			if i < 0 {
				return -1
			}
			at += i
		}
		if n := g.prefix(s[at:]); n >= 0 {
			return at + n
		}
		_, n := utf8.DecodeRune(s[at:])
		at += max(n, 1)
	}
	return -1
}

func (g *segment) findText(s []byte) int {
	for at := 0; at+len(g.text) <= len(s); at++ {
		i := bytes.IndexByte(s[at+g.rare:len(s)-len(g.text)+g.rare+1], g.text[g.rare])
		if i < 0 {
			return -1
		}
		at += i
		if end := at + len(g.text); bytes.Equal(s[at:end], g.text) {
			return end
		}
	}
	return -1
}

// frequent are the bytes of logs, the most frequent first; others are rarer.
const frequent = " e\\.tsiroanlcmdp-uw/\"0:hfg1b2v3_y5648"

// rarest is the position of the byte that fewest texts have.
func rarest(text []byte) int {
	best, rank := 0, -1
	for i, c := range text {
		r := strings.IndexByte(frequent, c)
		if r < 0 {
			r = len(frequent)
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

func hasPrefix(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && string(s[:len(prefix)]) == prefix
}
