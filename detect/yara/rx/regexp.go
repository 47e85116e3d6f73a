package rx

import (
	"errors"
	"strconv"
)

// Regexp is a parsed regular expression.
type Regexp struct {
	Node   *Node
	Greedy bool // the longest match counts, otherwise the shortest
}

// ParseRegexp reads the text between the slashes of a regular expression in
// YARA's dialect ("Regular expressions"): fold is the flag i or nocase, dotAll
// the flag s. Errors tell what is wrong in libyara's words.
func ParseRegexp(text string, fold, dotAll bool) (*Regexp, error) {
	p := &regexpParser{src: text, fold: fold, dotAll: dotAll}
	n, err := p.alternation(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.src) {
		return nil, errSyntax
	}
	if p.greedy && p.lazy {
		return nil, errors.New("greedy and ungreedy quantifiers can't be mixed in a regular expression")
	}
	return &Regexp{n, p.greedy}, nil
}

var (
	errSyntax = errors.New("syntax error")
	errEscape = errors.New("illegal escape sequence")
	errRange  = errors.New("bad character range")
	errRepeat = errors.New("bad repeat interval")
	errClass  = errors.New("missing terminating ] for character class")
)

type regexpParser struct {
	src          string
	at           int
	fold, dotAll bool
	greedy, lazy bool
}

func (p *regexpParser) more() bool     { return p.at < len(p.src) }
func (p *regexpParser) is(c byte) bool { return p.at < len(p.src) && p.src[p.at] == c }
func (p *regexpParser) take(c byte) bool {
	if !p.is(c) {
		return false
	}
	p.at++
	return true
}

func (p *regexpParser) alternation(depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deep")
	}
	first, err := p.sequence(depth)
	if err != nil || !p.is('|') {
		return first, err
	}
	alt := &Node{op: opAlt, subs: []*Node{first}}
	for p.take('|') {
		if !p.more() || p.is(')') || p.is('|') {
			alt.subs = append(alt.subs, &Node{})
			continue
		}
		n, err := p.sequence(depth)
		if err != nil {
			return nil, err
		}
		alt.subs = append(alt.subs, n)
	}
	return alt, nil
}

func (p *regexpParser) sequence(depth int) (*Node, error) {
	var subs []*Node
	for p.more() && !p.is('|') && !p.is(')') {
		n, err := p.atom(depth)
		if err != nil {
			return nil, err
		}
		assert := n.op >= opBegin
		if n, err = p.repeat(n, assert); err != nil {
			return nil, err
		}
		if n.op == opConcat {
			subs = append(subs, n.subs...)
		} else {
			subs = append(subs, n)
		}
	}
	if len(subs) == 0 {
		return nil, errSyntax
	}
	return concat(subs), nil
}

func (p *regexpParser) atom(depth int) (*Node, error) {
	c := p.src[p.at]
	p.at++
	switch c {
	case '(':
		n, err := p.alternation(depth + 1)
		if err == nil && !p.take(')') {
			err = errSyntax
		}
		return n, err
	case '[':
		s, err := p.class()
		return &Node{op: opSet, set: s}, err
	case '.':
		s := anyByte
		if !p.dotAll {
			s = single('\n').not()
		}
		return &Node{op: opSet, set: s}, nil
	case '^':
		return &Node{op: opBegin}, nil
	case '$':
		return &Node{op: opEnd}, nil
	case '*', '+', '?':
		return nil, errSyntax
	case '\\':
		if p.take('b') {
			return &Node{op: opWord}, nil
		}
		if p.take('B') {
			return &Node{op: opNotWord}, nil
		}
		s, _, err := p.escape()
		return &Node{op: opSet, set: p.folded(s)}, err
	}
	return &Node{op: opSet, set: p.folded(single(c))}, nil
}

func (p *regexpParser) folded(s Set) Set {
	if p.fold {
		return s.fold()
	}
	return s
}

// perl are the named classes.
func perl(c byte) (s Set, ok bool) {
	switch c {
	case 'w', 'W':
		s.addRange('a', 'z')
		s.addRange('A', 'Z')
		s.addRange('0', '9')
		s.add('_')
	case 's', 'S':
		s.addRange('\t', '\r')
		s.add(' ')
	case 'd', 'D':
		s.addRange('0', '9')
	default:
		return s, false
	}
	if c < 'a' {
		s = s.not()
	}
	return s, true
}

// escape reads what stands behind a backslash; one tells whether it is a single
// byte.
func (p *regexpParser) escape() (s Set, one bool, err error) {
	if !p.more() {
		return s, false, errEscape
	}
	c := p.src[p.at]
	p.at++
	if s, ok := perl(c); ok {
		return s, false, nil
	}
	switch c {
	case 'x':
		if p.at+2 > len(p.src) {
			return s, false, errEscape
		}
		v, err := strconv.ParseUint(p.src[p.at:p.at+2], 16, 8)
		if err != nil {
			return s, false, errEscape
		}
		p.at += 2
		c = byte(v)
	case 'n':
		c = '\n'
	case 't':
		c = '\t'
	case 'r':
		c = '\r'
	case 'f':
		c = '\f'
	case 'a':
		c = '\a'
	}
	return single(c), true, nil
}

func (p *regexpParser) class() (s Set, err error) {
	negate := p.take('^')
	for first := true; ; first = false {
		if !p.more() {
			return s, errClass
		}
		if !first && p.take(']') {
			break
		}
		item, one, err := p.classItem()
		if err != nil {
			return s, err
		}
		if !p.is('-') || p.at+1 < len(p.src) && p.src[p.at+1] == ']' {
			s.union(item)
			continue
		}
		p.at++
		if !p.more() {
			return s, errClass
		}
		to, oneTo, err := p.classItem()
		low, high := item.first(), to.first()
		if err != nil || !one || !oneTo || low > high {
			return s, errors.Join(err, errRange)
		}
		s.addRange(low, high)
	}
	s = p.folded(s)
	if negate {
		s = s.not()
	}
	return s, nil
}

func (s Set) first() byte {
	for c := range 256 {
		if s.has(byte(c)) {
			return byte(c)
		}
	}
	return 0
}

func (p *regexpParser) classItem() (s Set, one bool, err error) {
	c := p.src[p.at]
	p.at++
	if c == '\\' {
		return p.escape()
	}
	return single(c), true, nil
}

func (p *regexpParser) repeat(n *Node, assert bool) (*Node, error) {
	low, high := 0, -1
	switch {
	case p.take('*'):
	case p.take('+'):
		low = 1
	case p.take('?'):
		high = 1
	default:
		var ok bool
		var err error
		if low, high, ok, err = p.interval(); err != nil || !ok {
			return n, err
		}
	}
	if assert {
		return nil, errSyntax
	}
	if p.take('?') {
		p.lazy = true
	} else {
		p.greedy = true
	}
	if p.is('*') || p.is('+') || p.is('?') {
		return nil, errSyntax
	}
	if _, _, again, _ := (&regexpParser{src: p.src, at: p.at}).interval(); again {
		return nil, errSyntax
	}
	return &Node{op: opRepeat, min: low, max: high, subs: []*Node{n}}, nil
}

// interval reads {n}, {n,}, {,m} or {n,m}; any other brace stands for itself.
func (p *regexpParser) interval() (low, high int, ok bool, err error) {
	if !p.is('{') {
		return 0, 0, false, nil
	}
	i := p.at + 1
	number := func(without int) int {
		from := i
		for i < len(p.src) && p.src[i] >= '0' && p.src[i] <= '9' {
			i++
		}
		if from == i {
			return without
		}
		if n, err := strconv.Atoi(p.src[from:i]); err == nil {
			return n
		}
		return maxRepeat + 1
	}
	low = number(-1)
	high = low
	if i < len(p.src) && p.src[i] == ',' {
		i++
		low, high = max(low, 0), number(-1)
	} else if low < 0 {
		return 0, 0, false, nil
	}
	if i >= len(p.src) || p.src[i] != '}' {
		return 0, 0, false, nil
	}
	p.at = i + 1
	if low > maxRepeat || high > maxRepeat {
		return 0, 0, true, errors.New("repeat interval too large")
	}
	if high >= 0 && low > high || high == 0 {
		return 0, 0, true, errRepeat
	}
	return low, high, true, nil
}
