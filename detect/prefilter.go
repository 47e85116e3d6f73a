package detect

import (
	"bytes"
	"fmt"
	"slices"

	"postern/detect/yara/atom"
	"postern/evidence"
)

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
	texts []string
	ids   map[string]uint32
	fold  []uint32 // ids of foldSpellings
	path  []uint32 // ids of pathSpellings
	peer  []uint32 // ids of peerSpellings
	index *atom.Index
}

func newLiterals() *literals {
	l := &literals{ids: map[string]uint32{}}
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
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// build makes the index of all literals.
func (l *literals) build() error {
	var b atom.Builder
	shared := l.shared()
	for id, text := range l.texts {
		path := pathOf(text)
		from, to := shared.rarest(text)
		best, _ := atom.Best(path[from:to])
		if best.Forms == 0 {
			return fmt.Errorf("detect: prefilter: no part of the literal %q can be looked for", text)
		}
		best.Back += from
		best.Fill(path)
		b.Add(uint32(id), []atom.Atom{best}, 0)
	}
	l.index = b.Index()
	return nil
}

// pathOf is a literal with letters in either case.
func pathOf(text string) []atom.Set {
	path := make([]atom.Set, len(text))
	for i, c := range []byte(text) {
		path[i].Add(c)
		if c >= 'a' && c <= 'z' {
			path[i].Add(c - ('a' - 'A'))
		}
	}
	return path
}

// partLen is how many bytes of a literal the index looks for first.
const partLen = 4

// parts counts how many literals hold a part.
type parts map[string]int

func (l *literals) shared() parts {
	all := parts{}
	for _, text := range l.texts {
		for i := 0; i+partLen <= len(text); i++ {
			all[text[i:i+partLen]]++
		}
	}
	return all
}

// rarest gives the part of a literal that the fewest others hold, so that a list
// of addresses of one network is not looked through at each of them; the whole
// literal where no part is crowded.
func (p parts) rarest(text string) (from, to int) {
	const crowded = 64
	least, crowd := 0, 0
	for i := 0; i+partLen <= len(text); i++ {
		n := p[text[i:i+partLen]]
		crowd = max(crowd, n)
		if n < p[text[least:least+partLen]] {
			least = i
		}
	}
	if crowd < crowded {
		return 0, len(text)
	}
	return least, least + partLen
}

// prefilter reports where literals stand in a block, ASCII case folded.
func (l *literals) prefilter() evidence.Prefilter {
	return func(block []byte, hit func(id uint32, off int)) {
		l.index.Scan(block, 0, len(block), func(at int, e *atom.Entry) {
			text, off := l.texts[e.ID], at-int(e.Back)
			if off >= 0 && off+len(text) <= len(block) && isFolded(block[off:off+len(text)], text) {
				hit(e.ID, off)
			}
		})
	}
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
