// Package atom finds many short byte sequences in one pass. Patterns give the
// rarest few bytes they must contain (an Atom); an Index holds all of them and
// reports where one may stand, for the pattern to look closer.
package atom

import (
	"math"
	"math/bits"
	"slices"
)

// Set is a set of bytes, one bit each.
type Set [4]uint64

// Add puts a byte into the set.
func (s *Set) Add(b byte) { s[b>>6] |= 1 << (b & 63) }

func (s *Set) has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

// Atom is a sequence of up to four bytes that a pattern must contain.
type Atom struct {
	Val, Mask uint64  // the eight bytes from the atom on satisfy (x & Mask) == Val
	Back      int     // how far the atom stands behind the place it was cut from
	Forms     int     // how many folded sequences it has
	Length    int     // bytes
	Score     float64 // bits of rarity
	sets      []Set
}

const (
	longest = 4   // bytes of an atom
	maxKeys = 256 // forms of one atom
)

// fold makes the two cases of a letter one. Other bytes from 0x40 to 0x7f and
// from 0xc0 on are folded alike; zeros, blanks and digits, which files have most
// of, stay apart.
func fold(c byte) byte { return c | c>>1&0x20 }

// foldWord folds eight bytes.
func foldWord(w uint64) uint64 { return w | w>>1&0x2020202020202020 }

// costOf is what an atom of so many forms loses of its score.
var costOf = func() (cost [maxKeys + 1]float64) {
	for keys := 1; keys <= maxKeys; keys++ {
		cost[keys] = math.Log2(float64(keys)) / 4
	}
	return cost
}()

// rarity is how many bits a byte tells, by a rough guess of how often it occurs
// in the files of a computer.
var rarity = func() (bits [256]float64) {
	for c := range bits {
		switch {
		case c >= 'a' && c <= 'z':
			bits[c] = 5.5
		case c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			bits[c] = 6.5
		case c > ' ' && c < 0x7f:
			bits[c] = 7
		default:
			bits[c] = 7.5
		}
	}
	for c, b := range map[byte]float64{0: 2, 0xff: 4, ' ': 4, '\n': 5.5, '\r': 6, '\t': 6, 'e': 4.5, 't': 4.8, 'a': 4.8, 'o': 4.9,
		'i': 4.9, 'n': 4.9, 's': 4.9, 'r': 4.9, 1: 5, 0x48: 5, 0x8b: 5.5, 0x89: 5.5, 0x0f: 5.5, 0xe8: 6, 0xcc: 5, 0x90: 5.5,
		0x24: 6, 0x44: 6, 0x83: 6, 0x85: 6, 0xc0: 6, 2: 6, 4: 6, 8: 6} {
		bits[c] = b
	}
	return bits
}()

// common words of programs and texts; each of their 4-byte parts is plain.
var words = []string{"http://www.", "https://", "microsoft", "windows\\system32", "software\\", "mozilla", ".exe", ".dll", ".com",
	"this program cannot be run in dos mode", "kernel32", "function", "string", "return", "content-type", "version", "program",
	"string", "system.", "length", "error", "object", "public", "private", "value", "process", "import", "the ", "tion", "ing ",
	"\x00\x00\x00\x00", "\xff\xff\xff\xff", "    ", "----", "====", "\xcc\xcc\xcc\xcc", "\x90\x90\x90\x90", "0000", "version="}

// plain are the 4-byte parts of the common words, folded.
var plain = func() map[[longest]byte]bool {
	parts := map[[longest]byte]bool{}
	for _, w := range words {
		for i := 0; i+longest <= len(w); i++ {
			var part [longest]byte
			for k := range part {
				part[k] = fold(w[i+k])
			}
			parts[part] = true
		}
	}
	return parts
}()

// Finder finds atoms; it keeps what it learns of the sets it meets, so that the
// paths of one pattern, which share most of theirs, cost little. The zero Finder
// is ready.
type Finder struct {
	seen  map[Set]measured
	told  []float64
	forms [][]byte
}

// measured is how many bits a set tells and the folded bytes in it.
type measured struct {
	told  float64
	forms []byte
}

func (f *Finder) measure(s *Set) measured {
	m, ok := f.seen[*s]
	if !ok {
		m.told, m.forms = measure(s)
		if f.seen == nil {
			f.seen = map[Set]measured{}
		}
		f.seen[*s] = m
	}
	return m
}

// Best finds the rarest atom in a path of sets; ok is false where each of its
// bytes may be almost anything. Fill completes it.
func (f *Finder) Best(path []Set) (best Atom, ok bool) {
	told, forms := f.told[:0], f.forms[:0]
	for i := range path {
		m := f.measure(&path[i])
		told, forms = append(told, m.told), append(forms, m.forms)
	}
	f.told, f.forms = told, forms
	for i := range path {
		score, keys := 0.0, 1
		for n := 0; n < longest && i+n < len(path); n++ {
			if keys *= len(forms[i+n]); keys > maxKeys || told[i+n] < 0.5 {
				break
			}
			b := told[i+n]
			if n > 0 && path[i+n] == path[i+n-1] {
				b /= 4
			} else if n > 1 && path[i+n] == path[i+n-2] {
				b /= 2
			}
			score += b
			s := score - costOf[keys]
			if n == 3 && keys == 1 && isPlain(forms[i:i+4]) {
				s -= 8
			}
			if s > best.Score {
				best = Atom{Score: s, Back: i, Length: n + 1, Forms: keys}
			}
		}
	}
	return best, best.Score >= 1.5
}

// Best finds the rarest atom of a single path, as Finder.Best does.
func Best(path []Set) (best Atom, ok bool) { return new(Finder).Best(path) }

// Fill completes an atom that Best found in path.
func (a *Atom) Fill(path []Set) {
	a.sets = slices.Clone(path[a.Back : a.Back+a.Length])
	a.Val, a.Mask = bitsOf(path[a.Back:])
}

// keys are the folded forms of the atom, xored with key.
func (a *Atom) keys(key byte) [][]byte {
	forms := make([][]byte, len(a.sets))
	for i := range forms {
		var seen Set
		a.sets[i].each(func(c byte) {
			if f := fold(c ^ key); !seen.has(f) {
				seen.Add(f)
				forms[i] = append(forms[i], f)
			}
		})
	}
	return product(forms)
}

// isPlain tells whether the only form of an atom is part of a common word.
func isPlain(forms [][]byte) bool {
	return plain[[longest]byte{forms[0][0], forms[1][0], forms[2][0], forms[3][0]}]
}

// each calls fn with the bytes of a set.
func (s *Set) each(fn func(c byte)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			fn(byte(i<<6 | bits.TrailingZeros64(w)))
		}
	}
}

// frequency is how often a byte occurs, and one its folded form as a slice.
var (
	frequency = func() (p [256]float64) {
		for c, b := range rarity {
			p[c] = math.Exp2(-b)
		}
		return p
	}()
	one = func() (f [256][]byte) {
		for c := range f {
			f[c] = []byte{fold(byte(c))}
		}
		return f
	}()
)

// measure returns how many bits a set tells and the folded bytes in it.
func measure(s *Set) (told float64, forms []byte) {
	n := bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
	switch {
	case n > 200:
		return 0, nil
	case n == 1:
		s.each(func(c byte) { told, forms = rarity[c], one[c] })
		return told, forms
	}
	p := 0.0
	var seen Set
	s.each(func(c byte) {
		p += frequency[c]
		if f := fold(c); !seen.has(f) {
			seen.Add(f)
			forms = append(forms, f)
		}
	})
	if p <= 0 || p >= 1 {
		return 0, nil
	}
	return -math.Log2(p), forms
}

func product(forms [][]byte) (keys [][]byte) {
	keys = [][]byte{nil}
	for _, f := range forms {
		var longer [][]byte
		for _, k := range keys {
			for _, c := range f {
				longer = append(longer, append(k[:len(k):len(k)], c))
			}
		}
		keys = longer
	}
	return keys
}

// bitsOf returns the bits that are the same in all bytes of each set.
func bitsOf(path []Set) (val, mask uint64) {
	for i := 0; i < 8 && i < len(path); i++ {
		and, or := byte(0xff), byte(0)
		path[i].each(func(c byte) { and, or = and&c, or|c })
		m := ^(and ^ or)
		val |= uint64(and&m) << (8 * i)
		mask |= uint64(m) << (8 * i)
	}
	return val, mask
}
