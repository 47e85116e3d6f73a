package detect

import (
	"bytes"
	"slices"
	"sync"

	"postern/evidence"
)

// peerSpelling stands in whatever writes an IPv4 address as an IPv6 one, and so
// in other digits.
const peerSpelling = ":ffff:"

// literals is the prefilter: every rule's literals under one id each. They are
// looked for in one event after the other, each time those of the rules for its
// log.
type literals struct {
	texts []string
	ids   map[string]uint32
	kinds []uint8  // by id: what but rules over events the literal is of
	seek  *seeker  // of all
	web   sync.Map // *seeker by evidence.LogSource: of the rules for one kind of web log
}

func newLiterals() *literals {
	l := &literals{ids: map[string]uint32{}}
	l.mark(ofPeers, l.intern([]string{peerSpelling}))
	return l
}

// intern gives texts their ids, ascending; nil for none.
func (l *literals) intern(texts []string) []uint32 {
	var ids []uint32
	for _, t := range texts {
		id, known := l.ids[t]
		if !known {
			id = uint32(len(l.texts))
			l.ids[t] = id
			l.texts, l.kinds = append(l.texts, t), append(l.kinds, 0)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// mark says what literals are of.
func (l *literals) mark(kind uint8, ids []uint32) []uint32 {
	for _, id := range ids {
		l.kinds[id] |= kind
	}
	return ids
}

// build makes the index of all literals.
func (l *literals) build() {
	ids := make([]int, len(l.texts))
	for id := range ids {
		ids[id] = id
	}
	l.seek = newSeeker(l.texts, ids)
}

// forWeb gives the index of what rules for a web log are known by, and what is of
// every log. rules is the same each time for one source.
func (l *literals) forWeb(source evidence.LogSource, rules []*rule) *seeker {
	if s, known := l.web.Load(source); known {
		return s.(*seeker)
	}
	var ids []int
	for id, kinds := range l.kinds {
		if kinds != 0 {
			ids = append(ids, id)
		}
	}
	for _, r := range rules {
		for _, id := range r.event.ids {
			ids = append(ids, int(id))
		}
	}
	slices.Sort(ids)
	s, _ := l.web.LoadOrStore(source, newSeeker(l.texts, slices.Compact(ids)))
	return s.(*seeker)
}

// isFolded reports whether b, ASCII case folded, is text.
func isFolded(b []byte, text string) bool {
	for i, c := range b {
		if folded[c] != text[i] {
			return false
		}
	}
	return true
}

// folded is ASCII case folding, a byte at a time.
var folded = func() (table [256]byte) {
	for c := range table {
		table[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			table[c] = byte(c) + ('a' - 'A')
		}
	}
	return table
}()

// fold writes b to dst, ASCII case folded; dst grows as needed.
func fold(dst, b []byte) []byte {
	dst = slices.Grow(dst[:0], len(b))[:len(b)]
	for i, c := range b {
		dst[i] = folded[c]
	}
	return dst
}

// foldsToASCII reports whether b holds a letter that is none of ASCII, and whose
// lower case, or case fold in a regular expression, is one. What holds such a
// letter may match without its literals.
func foldsToASCII(b []byte) bool {
	return bytes.Contains(b, []byte("\u0130")) || bytes.Contains(b, []byte("\u017f")) || bytes.Contains(b, []byte("\u212a"))
}
