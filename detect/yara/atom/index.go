package atom

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Entry is one atom of one pattern in an Index. Key was xored into it.
type Entry struct {
	Val, Mask uint64
	ID        uint32 // the pattern's number
	Back      uint32
	Key       byte
	length    uint8
}

// Index finds all atoms of many patterns. Safe for concurrent use once built.
type Index struct {
	filter  *[1 << (filterBits - 6)]uint64 // one bit per hash of four folded bytes
	slots   []slot                         // open addressing over the four folded bytes
	short   [1 << 10]uint64                // one bit per two folded bytes at which a shorter atom begins
	pairs   []slot                         // those atoms by their first two bytes
	entries []Entry
}

// slot is what stands under one key: entries from up to to. From deep on they know
// the folded four bytes behind the key, too, and are in their order.
type slot struct{ key, from, deep, to uint32 }

// behind returns the four folded bytes behind an entry's key; ok is false where
// they may differ.
func (e *Entry) behind() (x uint32, ok bool) {
	for i := 32; i < 64; i += 8 {
		v, m := e.Val>>i&0xff, e.Mask>>i&0xff
		if letter := v&0x40 != 0; m != 0xff && !(m == 0xdf && letter) {
			return 0, false
		}
	}
	return uint32(foldWord(e.Val) >> 32), true
}

// enter adds the entries of one key.
func (ix *Index) enter(key uint32, es []Entry) slot {
	s := slot{key: key, from: uint32(len(ix.entries))}
	var deep []Entry
	for _, e := range es {
		if _, ok := e.behind(); ok {
			deep = append(deep, e)
		} else {
			ix.entries = append(ix.entries, e)
		}
	}
	slices.SortStableFunc(deep, func(a, b Entry) int {
		x, _ := a.behind()
		y, _ := b.behind()
		return cmp.Compare(x, y)
	})
	s.deep = uint32(len(ix.entries))
	ix.entries = append(ix.entries, deep...)
	s.to = uint32(len(ix.entries))
	return s
}

// Builder collects atoms for an Index.
type Builder struct {
	long  map[uint32][]Entry
	short map[uint16][]Entry
}

// Add enters the atoms of pattern id, xored with key.
func (b *Builder) Add(id uint32, atoms []Atom, key byte) {
	if b.long == nil {
		b.long, b.short = map[uint32][]Entry{}, map[uint16][]Entry{}
	}
	all := uint64(key) * 0x0101010101010101
	for _, a := range atoms {
		e := Entry{Val: (a.Val ^ all) & a.Mask, Mask: a.Mask, ID: id, Back: uint32(a.Back), Key: key}
		e.length = uint8(a.Length)
		for _, k := range a.keys(key) {
			b.enter(k, e)
		}
	}
}

func (b *Builder) enter(k []byte, e Entry) {
	switch {
	case len(k) >= 4:
		key := binary.LittleEndian.Uint32(k)
		b.long[key] = append(b.long[key], e)
	case len(k) > 1:
		key := binary.LittleEndian.Uint16(k)
		b.short[key] = append(b.short[key], e)
	default:
		for c := range 256 {
			if fold(byte(c)) == byte(c) {
				key := uint16(k[0]) | uint16(c)<<8
				b.short[key] = append(b.short[key], e)
			}
		}
	}
}

// Index builds the index.
func (b *Builder) Index() *Index {
	ix := &Index{}
	size := 16
	for size < 3*len(b.long) {
		size *= 2
	}
	ix.slots, ix.filter = make([]slot, size), new([1 << (filterBits - 6)]uint64)
	keys := make([]uint32, 0, len(b.long))
	for k := range b.long {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		h := hash(k)
		ix.filter[h>>(filterShift+6)] |= 1 << (h >> filterShift & 63)
		i := int(h>>7) & (size - 1)
		for ix.slots[i].to != 0 {
			i = (i + 1) & (size - 1)
		}
		ix.slots[i] = ix.enter(k, b.long[k])
	}
	ix.pairs = make([]slot, 1<<16)
	for k, es := range b.short {
		ix.pairs[k] = ix.enter(uint32(k), es)
		ix.short[k>>6] |= 1 << (k & 63)
	}
	return ix
}

// The filter fits a processor's second cache.
const (
	filterBits  = 21
	filterShift = 32 - filterBits
)

func hash(x uint32) uint32 { return x * 0x9E3779B1 }

// long and brief have their lowest bit set if an atom of four bytes, or a
// shorter one, may begin with the folded bytes x.
func (ix *Index) long(x uint32) uint64 {
	h := x * 0x9E3779B1
	return ix.filter[h>>(filterShift+6)] >> (h >> filterShift & 63)
}

func (ix *Index) brief(x uint32) uint64 { return ix.short[x>>6&0x3ff] >> (x & 63) }

// Scan reports every place in data[from:to) where an atom may begin, in rising
// order. The atom itself may reach behind to.
func (ix *Index) Scan(data []byte, from, to int, hit func(at int, e *Entry)) {
	i := from
	quiet := uint64(0) // the block before, if nothing was found in it
	for ; i+4 <= to && i+8 <= len(data); i += 4 {
		w := foldWord(binary.LittleEndian.Uint64(data[i:]))
		if w == quiet && i > from {
			if same := repeated(data, i-4, to); same >= i {
				i = same
				continue
			}
		}
		quiet = w
		x0, x1, x2, x3 := uint32(w), uint32(w>>8), uint32(w>>16), uint32(w>>24)
		long := ix.long(x0)&1 | ix.long(x1)&1<<1 | ix.long(x2)&1<<2 | ix.long(x3)&1<<3
		brief := ix.brief(x0)&1 | ix.brief(x1)&1<<1 | ix.brief(x2)&1<<2 | ix.brief(x3)&1<<3
		if long|brief == 0 {
			continue
		}
		hits := false
		for both := long | brief; both != 0; both &= both - 1 {
			k := bits.TrailingZeros64(both)
			x := uint32(w >> (8 * k))
			if long>>k&1 != 0 && ix.probe(data, i+k, x, hit) {
				hits = true
			}
			if brief>>k&1 != 0 && ix.probeShort(data, i+k, uint16(x), hit) {
				hits = true
			}
		}
		if hits {
			quiet = ^w
		}
	}
	for ; i < to; i++ {
		x := uint32(foldWord(eight(data, i)))
		ix.probe(data, i, x, hit)
		ix.probeShort(data, i, uint16(x), hit)
	}
}

// repeated returns the last of the blocks of four places from i on that see the
// same bytes as the one at i: what was not found there is not found in them.
func repeated(data []byte, i, to int) int {
	for i+8 <= to && i+16 <= len(data) &&
		binary.LittleEndian.Uint64(data[i:]) == binary.LittleEndian.Uint64(data[i+4:]) &&
		binary.LittleEndian.Uint32(data[i+8:]) == binary.LittleEndian.Uint32(data[i+12:]) {
		i += 4
	}
	return i
}

// eight returns the eight bytes at at; zeros stand for what is behind the end.
func eight(data []byte, at int) uint64 {
	if at+8 <= len(data) {
		return binary.LittleEndian.Uint64(data[at:])
	}
	var b [8]byte
	copy(b[:], data[at:])
	return binary.LittleEndian.Uint64(b[:])
}

// probe reports the atoms of four bytes at at, and whether there are any.
func (ix *Index) probe(data []byte, at int, x uint32, hit func(int, *Entry)) bool {
	last := len(ix.slots) - 1
	for i := int(hash(x)>>7) & last; ix.slots[i].to != 0; i = (i + 1) & last {
		if s := ix.slots[i]; s.key == x {
			return ix.report(data, at, &s, hit)
		}
	}
	return false
}

// probeShort does so for shorter ones.
func (ix *Index) probeShort(data []byte, at int, x uint16, hit func(int, *Entry)) bool {
	s := &ix.pairs[x]
	return s.to != 0 && ix.report(data, at, s, hit)
}

func (ix *Index) report(data []byte, at int, s *slot, hit func(int, *Entry)) (found bool) {
	w := eight(data, at)
	for i := s.from; i < s.deep; i++ {
		if e := &ix.entries[i]; w&e.Mask == e.Val && at+int(e.length) <= len(data) {
			found = true
			hit(at, e)
		}
	}
	if s.deep == s.to {
		return found
	}
	x := uint32(foldWord(w) >> 32)
	for i := ix.first(s, x); i < s.to; i++ {
		e := &ix.entries[i]
		if uint32(foldWord(e.Val)>>32) != x {
			break
		}
		if w&e.Mask == e.Val && at+int(e.length) <= len(data) {
			found = true
			hit(at, e)
		}
	}
	return found
}

// first returns the first of a slot's deep entries with x behind its key, or of
// those above.
func (ix *Index) first(s *slot, x uint32) uint32 {
	low, high := s.deep, s.to
	for low < high {
		mid := (low + high) / 2
		if uint32(foldWord(ix.entries[mid].Val)>>32) < x {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
