package yara

import (
	"bytes"
	"slices"
)

// span is where a string was found.
type span struct {
	off    int64
	length int
}

// record takes a match of the pattern at hand, from its first byte to behind
// its last within the window.
func (s *scan) record(from, to int) {
	p := s.pattern
	str := s.strings[p.str]
	if str.fullword && !s.whole(from, to, p.wide) {
		return
	}
	m := span{s.base + int64(from), to - from}
	all := s.spans[p.slot]
	if len(all) == 0 {
		s.touched = append(s.touched, p.slot)
	}
	if n := len(all); n > 0 && all[n-1].off >= m.off {
		i, there := slices.BinarySearchFunc(all, m.off, func(a span, off int64) int { return order(a.off, off) })
		if there {
			if str.greedy && m.length > all[i].length || !str.greedy && m.length < all[i].length {
				all[i].length = m.length
			}
			return
		}
		if len(all) < s.opt.MaxMatches {
			s.spans[p.slot] = slices.Insert(all, i, m)
		}
	} else if n < s.opt.MaxMatches {
		s.spans[p.slot] = append(all, m)
	}
	if len(all) == s.opt.MaxMatches && s.overflow < 0 {
		s.overflow = p.str
	}
	if str.chain == nil {
		s.hit[str.rule] = true
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
	for _, r := range s.rules {
		if s.dead[r.index] {
			continue
		}
		for _, i := range r.strings {
			if str := s.strings[i]; str.chain != nil {
				s.linkOne(str)
			}
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
	for k := last - 1; k >= 0; k-- {
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
		s.hit[str.rule] = true
	}
}

// judge evaluates the conditions that may hold.
func (s *scan) judge() {
	for i, r := range s.rules {
		if s.dead[i] || !r.always && !s.hit[i] && !s.anyMatched(r.refers) {
			continue
		}
		if s.ctx.Err() != nil {
			return
		}
		s.matched[i] = r.condition(s).True()
	}
}

func (s *scan) anyMatched(rules []int) bool {
	for _, i := range rules {
		if s.matched[i] {
			return true
		}
	}
	return false
}

// tell reports the rules that hold. Where a global rule does not, no rule of
// its file does ("Global rules").
func (s *scan) tell(found func(Match)) {
	barred := make([]bool, s.namespaces)
	for i, r := range s.rules {
		if r.Global && !s.matched[i] {
			barred[r.namespace] = true
		}
	}
	for i, r := range s.rules {
		if !s.matched[i] || r.Private || barred[r.namespace] {
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
