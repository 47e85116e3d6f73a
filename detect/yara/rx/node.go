// Package rx compiles YARA's hex strings and regular expressions ("Hexadecimal
// strings", "Regular expressions") into matchers over bytes. A match is found
// from an atom inside of it: forward from there to its ends, backward to its
// beginnings, both by simulating the automaton, so time is linear in the bytes
// looked at. Limits, as in libyara: Limit bytes from the atom in each
// direction, 32,767 repetitions; and maxProgram instructions.
package rx

import "math/bits"

// Limits of patterns and matches.
const (
	Limit      = 4096  // bytes a match of a regular expression reaches from its atom, each way
	Chained    = 200   // longest jump of a hex string that stays inside one pattern
	maxRepeat  = 32767 // {n,m}
	maxProgram = 1 << 16
	maxDepth   = 250
)

// Set is a set of bytes.
type Set [4]uint64

func (s *Set) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *Set) has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }
func (s *Set) union(o Set)     { s[0], s[1], s[2], s[3] = s[0]|o[0], s[1]|o[1], s[2]|o[2], s[3]|o[3] }
func (s Set) not() Set         { return Set{^s[0], ^s[1], ^s[2], ^s[3]} }
func (s *Set) addRange(low, high byte) {
	for c := int(low); c <= int(high); c++ {
		s.add(byte(c))
	}
}

func (s Set) count() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// fold adds the other case of every letter.
func (s Set) fold() Set {
	const letters = 0x07fffffe // of the upper and of the lower half of s[1]
	upper, lower := s[1]&letters, s[1]>>32&letters
	s[1] |= upper<<32 | lower
	return s
}

// exact describes the set as (b & mask) == val; ok is false if it takes in more.
func (s Set) exact() (val, mask byte, ok bool) {
	and, or := byte(0xff), byte(0)
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			c := byte(i<<6 | bits.TrailingZeros64(w))
			and, or = and&c, or|c
		}
	}
	mask = ^(and ^ or)
	return and & mask, mask, s.count() == 1<<(8-bits.OnesCount8(mask))
}

func single(b byte) (s Set) {
	s.add(b)
	return s
}

var anyByte = Set{}.not()

type op uint8

const (
	opEmpty op = iota
	opSet
	opConcat
	opAlt
	opRepeat
	opBegin   // ^
	opEnd     // $
	opWord    // \b
	opNotWord // \B
	opWordW   // the same between wide characters
	opNotWordW
)

// Node is a parsed pattern.
type Node struct {
	op       op
	set      Set
	min, max int // of opRepeat; max -1: no end
	subs     []*Node
}

func concat(subs []*Node) *Node {
	if len(subs) == 1 {
		return subs[0]
	}
	return &Node{op: opConcat, subs: subs}
}

// Text returns the pattern of a literal text.
func Text(text string, nocase bool) *Node {
	subs := make([]*Node, len(text))
	for i := range subs {
		s := single(text[i])
		if nocase {
			s = s.fold()
		}
		subs[i] = &Node{op: opSet, set: s}
	}
	return concat(subs)
}

// Wide returns the pattern for text in which a zero follows each byte.
func (n *Node) Wide() *Node {
	w := *n
	switch n.op {
	case opSet:
		return &Node{op: opConcat, subs: []*Node{n, {op: opSet, set: single(0)}}}
	case opWord:
		w.op = opWordW
	case opNotWord:
		w.op = opNotWordW
	}
	w.subs = make([]*Node, 0, len(n.subs))
	for _, s := range n.subs {
		s = s.Wide()
		if n.op == opConcat && s.op == opConcat {
			w.subs = append(w.subs, s.subs...)
		} else {
			w.subs = append(w.subs, s)
		}
	}
	return &w
}
