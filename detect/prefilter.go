package detect

import (
	"bytes"
	"encoding/binary"
	"slices"

	"postern/evidence"
)

// peerSpelling stands in whatever writes an IPv4 address as an IPv6 one, and so
// in other digits.
const peerSpelling = ":ffff:"

// literals is the merged prefilter: every rule's literals under one id each.
type literals struct {
	texts []string
	ids   map[string]uint32
	kinds []uint8 // by id: what but rules over events the literal is of
	seek  *seeker
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
func (l *literals) build() { l.seek = newSeeker(l.texts) }

// prefilter reports where literals stand in a block, ASCII case folded.
func (l *literals) prefilter() evidence.Prefilter { return l.seek.scan }

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
	return !isASCII(b) && (bytes.Contains(b, []byte("\u0130")) || bytes.Contains(b, []byte("\u017f")) || bytes.Contains(b, []byte("\u212a")))
}

// isASCII reports whether no byte of b is over 0x7f.
func isASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c&0x80 != 0 {
			return false
		}
	}
	return true
}
