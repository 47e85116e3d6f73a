package detect

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/coregx/ahocorasick"

	"postern/evidence"
)

// scanWindow is how many bytes of a block are folded and searched at a time:
// the automaton returns its matches as a list, and this bounds it.
const scanWindow = 64 << 10

// Spellings are byte strings that say "a literal may be written otherwise
// here". An event that holds one is evaluated as if its literals had been seen.
var (
	// Letters whose lower case, or case fold in a regexp, is an ASCII letter.
	foldSpellings = []string{"\u0130", "\u212a", "\u017f"}
	// Percent encoding, backslashes, doubled slashes, dot segments: of a path
	// or query.
	pathSpellings = []string{"%", `\`, "//", "/."}
	// Percent encoding, IPv4 inside IPv6: of a host, wherever it stands.
	peerSpellings = []string{"%", ":ffff:"}
)

// literals is the merged prefilter: every rule's literals under one id each.
type literals struct {
	texts   []string
	ids     map[string]uint32
	fold    []uint32 // ids of foldSpellings
	path    []uint32 // ids of pathSpellings
	peer    []uint32 // ids of peerSpellings
	longest int
	search  *ahocorasick.Automaton
	buffers sync.Pool
}

func newLiterals() *literals {
	l := &literals{ids: map[string]uint32{}}
	l.buffers.New = func() any { return new([]byte) }
	l.fold, l.path, l.peer = l.intern(foldSpellings), l.intern(pathSpellings), l.intern(peerSpellings)
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
			l.texts = append(l.texts, t)
			l.longest = max(l.longest, len(t))
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (l *literals) build() error {
	search, err := ahocorasick.NewBuilder().AddStrings(l.texts).Build()
	if err != nil {
		return fmt.Errorf("detect: prefilter: %w", err)
	}
	l.search = search
	return nil
}

// prefilter searches a block in windows that overlap by the longest literal.
func (l *literals) prefilter() evidence.Prefilter {
	return func(block []byte, hit func(id uint32, off int)) {
		buf := l.buffers.Get().(*[]byte)
		defer l.buffers.Put(buf)
		for off := 0; off < len(block); off += scanWindow {
			end := min(len(block), off+scanWindow+l.longest-1)
			*buf = fold(*buf, block[off:end])
			for _, m := range l.search.FindAllOverlapping(*buf) {
				if m.Start < scanWindow { // beyond it, the next window reports it
					hit(uint32(m.PatternID), off+m.Start)
				}
			}
		}
	}
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

// spares reports whether the prefilter proves that nothing needing one of ids
// can match an event with these hits.
func (l *literals) spares(hits evidence.Hits, ids []uint32) bool {
	return hits.Known && ids != nil && !among(hits, ids) && !among(hits, l.fold)
}

// mayHide reports whether a value is spelled in a way that decoding changes.
// The same bytes in another column, such as the address of a referring page,
// change nothing.
func mayHide(values [][]byte, at int) bool {
	return at >= 0 && at < len(values) &&
		slices.ContainsFunc(pathSpellings, func(s string) bool { return bytes.Contains(values[at], []byte(s)) })
}

// among reports whether one of ids, ascending, was hit.
func among(hits evidence.Hits, ids []uint32) bool {
	return slices.ContainsFunc(hits.IDs, func(id uint32) bool {
		_, wanted := slices.BinarySearch(ids, id)
		return wanted
	})
}
