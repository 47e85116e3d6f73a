package rx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Fragment is a part of a hex string between long jumps. Each begins Min to
// Max bytes behind the end of the one before; Max is -1 without end.
type Fragment struct {
	Node     *Node
	Min, Max int
}

// HexError is a fault in a hex string, At bytes into it.
type HexError struct {
	At      int
	Message string
}

// Error returns the message in libyara's words.
func (e *HexError) Error() string { return e.Message }

// ParseHex reads the text between the braces of a hex string ("Hexadecimal
// strings": wildcards, nots, jumps, alternatives).
func ParseHex(text string) ([]Fragment, error) {
	p := &hexParser{src: text}
	frags, err := p.tokens(0)
	if err == nil && p.at < len(p.src) {
		err = p.fail("unexpected %q", p.src[p.at:p.at+1])
	}
	if err != nil {
		return nil, err
	}
	return frags, nil
}

type hexParser struct {
	src string
	at  int
}

func (p *hexParser) fail(format string, args ...any) error {
	return &HexError{p.at, fmt.Sprintf(format, args...)}
}

func (p *hexParser) peek() byte {
	for p.at < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.at]) >= 0 {
		p.at++
	}
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

// tokens reads bytes, alternatives and jumps up to | ) or the end.
func (p *hexParser) tokens(depth int) ([]Fragment, error) {
	if depth > maxDepth {
		return nil, p.fail("nested too deep")
	}
	frags := []Fragment{{}}
	var subs []*Node
	jumped := true
	for c := p.peek(); c != 0 && c != '|' && c != ')'; c = p.peek() {
		if c == '[' {
			if len(subs) == 0 {
				return nil, p.fail("a hex string can't begin with a jump")
			}
			low, high, err := p.jump(depth)
			if err != nil {
				return nil, err
			}
			jumped = true
			if high >= 0 && high <= Chained {
				subs = append(subs, &Node{op: opRepeat, min: low, max: high, subs: []*Node{{op: opSet, set: anyByte}}})
				continue
			}
			frags[len(frags)-1].Node = concat(subs)
			frags = append(frags, Fragment{Min: low, Max: high})
			subs = nil
			// Jumps in a row add up before the next fragment.
			for p.peek() == '[' {
				l, h, err := p.jump(depth)
				if err != nil {
					return nil, err
				}
				f := &frags[len(frags)-1]
				f.Min += l
				if h < 0 || f.Max < 0 {
					f.Max = -1
				} else {
					f.Max += h
				}
			}
			continue
		}
		jumped = false
		n, err := p.token(depth)
		if err != nil {
			return nil, err
		}
		subs = append(subs, n)
	}
	if jumped {
		return nil, p.fail("a byte was expected")
	}
	frags[len(frags)-1].Node = concat(subs)
	return frags, nil
}

func (p *hexParser) token(depth int) (*Node, error) {
	c := p.peek()
	if c == '(' {
		p.at++
		alt := &Node{op: opAlt}
		for {
			f, err := p.tokens(depth + 1)
			if err != nil {
				return nil, err
			}
			alt.subs = append(alt.subs, f[0].Node)
			if c := p.peek(); c == ')' {
				p.at++
				break
			} else if c != '|' {
				return nil, p.fail("alternatives without end")
			}
			p.at++
		}
		if len(alt.subs) == 1 {
			return alt.subs[0], nil
		}
		return alt, nil
	}
	not := c == '~'
	if not {
		p.at++
		p.peek()
	}
	if p.at+2 > len(p.src) {
		return nil, p.digits()
	}
	s, err := p.nibbles(p.src[p.at], p.src[p.at+1])
	if err != nil {
		return nil, err
	}
	if not {
		if s == anyByte {
			return nil, p.fail("~?? matches nothing")
		}
		s = s.not()
	}
	p.at += 2
	return &Node{op: opSet, set: s}, nil
}

func (p *hexParser) digits() error { return p.fail("uneven number of digits in hex string") }

func (p *hexParser) nibbles(high, low byte) (s Set, err error) {
	h, hAny := nibble(high)
	l, lAny := nibble(low)
	if h < 0 && !hAny {
		return s, p.fail("unexpected %q", string(rune(high)))
	}
	if l < 0 && !lAny {
		return s, p.digits()
	}
	for c := range 256 {
		if (hAny || c>>4 == h) && (lAny || c&15 == l) {
			s.add(byte(c))
		}
	}
	return s, nil
}

func nibble(c byte) (value int, wild bool) {
	if c == '?' {
		return -1, true
	}
	v, err := strconv.ParseUint(string(rune(c)), 16, 8)
	if err != nil {
		return -1, false
	}
	return int(v), false
}

// jump reads [n], [n-m], [n-] or [-].
func (p *hexParser) jump(depth int) (low, high int, err error) {
	end := strings.IndexByte(p.src[p.at:], ']')
	if end < 0 {
		return 0, 0, p.fail("jump without end")
	}
	from, to, dash := strings.Cut(p.src[p.at+1:p.at+end], "-")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	low, err1 := strconv.Atoi(from)
	high, err2 := strconv.Atoi(to)
	switch {
	case !dash && err1 == nil:
		high = low
		if low == 0 {
			return 0, 0, p.fail("invalid jump length")
		}
	case dash && to == "" && (from == "" || err1 == nil):
		high = -1
	case !dash || errors.Join(err1, err2) != nil:
		return 0, 0, p.fail("invalid jump [%s]", p.src[p.at+1:p.at+end])
	}
	switch {
	case low < 0 || high < -1 || high >= 0 && low > high || low > 1<<30 || high > 1<<30:
		return 0, 0, p.fail("invalid jump range")
	case depth > 0 && high < 0:
		return 0, 0, p.fail("unbounded jumps not allowed inside alternation (|)")
	case depth > 0 && high > Chained:
		return 0, 0, p.fail("jumps over %d not allowed inside alternation (|)", Chained)
	}
	p.at += end + 1
	return low, high, nil
}
