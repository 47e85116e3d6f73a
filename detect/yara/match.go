package yara

import (
	"bytes"
	"fmt"
	mathbits "math/bits"
	"slices"
)

// span is where a string was found.
type span struct {
	off    int64
	length int
}

// record takes a match of the pattern at hand, from its first byte to behind
// its last within the window. Matches mostly come in order; settle sees to the
// rest.
func (s *scan) record(from, to int) {
	p := s.pattern
	str := s.strings[p.str]
	if str.fullword && !s.whole(from, to, p.wide) {
		return
	}
	m := span{s.base + int64(from), to - from}
	all := s.spans[p.slot]
	n := len(all)
	switch {
	case n == 0:
		s.touched = append(s.touched, p.slot)
		if str.chain == nil {
			s.open.set(str.rule)
		}
	case all[n-1].off == m.off:
		all[n-1].length = str.better(all[n-1].length, m.length)
		return
	case all[n-1].off > m.off:
		s.unordered[p.slot] = true
	}
	if n >= 2*str.most {
		if s.settle(p.slot, str); len(s.spans[p.slot]) >= str.most {
			return
		}
	}
	if s.kept >= keptByAll*s.opt.MaxMatches && n >= keptOfEach {
		s.overflow(str, "matches of all strings", s.kept)
		return
	}
	s.kept++
	s.spans[p.slot] = append(s.spans[p.slot], m)
}

// What all strings together may keep, as a multiple of what one may; and what
// each may keep beyond that.
const (
	keptByAll  = 4
	keptOfEach = 16
)

// overflow notes the first limit that was met, if that means something to the
// conditions.
func (s *scan) overflow(str *stringDef, limit string, most int) {
	if s.limit == nil && !str.brief {
		s.limit = &LimitError{limit, fmt.Sprintf("at string %q of rule %q there are more than %d", str.name, s.rules[str.rule].Name, most)}
	}
}

// better chooses between two matches at one place.
func (d *stringDef) better(a, b int) int {
	if d.greedy {
		return max(a, b)
	}
	return min(a, b)
}

// settle puts the matches of a slot in order, one for each place, and keeps as
// many as are allowed.
func (s *scan) settle(slot int, str *stringDef) {
	all := s.spans[slot]
	if s.unordered[slot] {
		slices.SortFunc(all, func(a, b span) int { return order(a.off, b.off) })
		kept := all[:1]
		for _, m := range all[1:] {
			if last := &kept[len(kept)-1]; last.off == m.off {
				last.length = str.better(last.length, m.length)
			} else {
				kept = append(kept, m)
			}
		}
		all = kept
		delete(s.unordered, slot)
	}
	if len(all) > str.most {
		all = all[:str.most]
		s.overflow(str, "matches of a string", str.most)
	}
	s.kept -= len(s.spans[slot]) - len(all)
	s.spans[slot] = all
}

// settleAll does so for all.
func (s *scan) settleAll() {
	for _, slot := range s.touched {
		if !s.ask() {
			return
		}
		if str := s.strings[s.owner[slot]]; s.unordered[slot] || len(s.spans[slot]) > str.most {
			s.settle(slot, str)
		}
	}
}

// whole tells whether a match is no part of a longer word ("fullword").
func (s *scan) whole(from, to int, wide bool) bool {
	d := s.data
	if wide {
		if from >= 2 && d[from-1] == 0 && alphanumeric(d[from-2]) {
			return false
		}
		return to+1 >= len(d) || d[to+1] != 0 || !alphanumeric(d[to])
	}
	if from >= 1 && alphanumeric(d[from-1]) {
		return false
	}
	return to >= len(d) || !alphanumeric(d[to])
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// matchesOf returns the matches of a string, by offset.
func (s *scan) matchesOf(str int) []span { return s.spans[s.strings[str].slot] }

// link joins the fragments of hex strings with long jumps, from the last to the
// first: a fragment counts where one that counts follows within its jump.
func (s *scan) link() {
	for _, i := range s.chained {
		if str := s.strings[i]; len(s.spans[str.chain[0].slot]) > 0 {
			s.linkOne(str)
		}
	}
}

func (s *scan) linkOne(str *stringDef) {
	for _, l := range str.chain {
		if len(s.spans[l.slot]) == 0 {
			return
		}
	}
	last := len(str.chain) - 1
	good := s.spans[str.chain[last].slot]
	for k := last - 1; k >= 0 && s.ask(); k-- {
		jump := str.chain[k+1]
		var kept []span
		for _, m := range s.spans[str.chain[k].slot] {
			low := m.off + int64(m.length) + int64(jump.min)
			i, _ := slices.BinarySearchFunc(good, low, func(a span, off int64) int { return order(a.off, off) })
			if i < len(good) && (jump.max < 0 || good[i].off <= m.off+int64(m.length)+int64(jump.max)) {
				end := good[i].off + int64(good[i].length)
				kept = append(kept, span{m.off, int(end - m.off)})
			}
		}
		// What follows is measured from where this fragment itself ends, so
		// the kept ones carry the end of the whole.
		good = kept
	}
	if len(good) > 0 {
		s.touched = append(s.touched, str.slot)
		s.spans[str.slot] = good
		s.open.set(str.rule)
	}
}

// judge evaluates the conditions that may hold, in order: a rule mentions
// earlier ones only.
func (s *scan) judge() {
	for i := s.open.next(0); i >= 0; i = s.open.next(i + 1) {
		if !s.ask() {
			return
		}
		// What a condition says when the scan had to end, or nothing could be read
		// any more, counts for nothing.
		if r := s.rules[i]; !s.dead(i) && r.condition(s).True() && s.ask() && s.err == nil {
			s.matched[i] = true
			s.matches = append(s.matches, i)
			for _, user := range r.users {
				s.open.set(user)
			}
		}
	}
}

// tell reports the rules that hold. Where a global rule does not, no rule of
// its file does ("Global rules").
func (s *scan) tell(found func(Match)) {
	barred := map[int]bool{}
	for _, i := range s.globals {
		if !s.matched[i] {
			barred[s.rules[i].namespace] = true
		}
	}
	for _, i := range s.matches {
		r := s.rules[i]
		if r.Private || barred[r.namespace] {
			continue
		}
		m := Match{Rule: r}
		for _, str := range r.strings {
			def := s.strings[str]
			if def.private {
				continue
			}
			all := s.matchesOf(str)
			for _, at := range all[:min(len(all), s.opt.Listed)] {
				data := bytes.Clone(s.Bytes(at.off, min(at.length, shown)))
				m.Strings = append(m.Strings, StringMatch{def.name, at.off, at.length, data})
			}
		}
		found(m)
	}
}

// shown is how many bytes of a match are reported.
const shown = 64

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) set(i int) { b[i>>6] |= 1 << (i & 63) }

// next returns the first member from i on, or -1.
func (b bits) next(i int) int {
	for w := i >> 6; w < len(b); w++ {
		x := b[w]
		if w == i>>6 {
			x &= ^uint64(0) << (i & 63)
		}
		if x != 0 {
			return w<<6 | mathbits.TrailingZeros64(x)
		}
	}
	return -1
}
