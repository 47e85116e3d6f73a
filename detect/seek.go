package detect

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
)

// seeker finds many literals in one pass. It looks at every second byte: of each
// literal two neighbouring windows are known, of which one begins at an even
// offset wherever the literal stands. The first four bytes of a window are looked up
// in a filter of all; most places end there. Then windows of six bytes tell the long
// literals, and windows of four, of which one may be anything, the short ones.
type seeker struct {
	texts []string
	first *[1 << (mostBits - 6)]uint64 // a bit for each hash of a window's first four bytes
	shift uint8                        // of a hash, to a bit of first
	long  windowTable
	short windowTable
}

// windowTable holds the windows of the long literals or of the short ones.
type windowTable struct {
	filter  *[1 << (mostBits - 6)]uint64 // a bit for each hash of a window
	shift   uint8                        // of a hash, to a bit
	slots   []slot                       // open addressing
	entries []seekEntry
}

// slot is a window of some literals.
type slot struct {
	key      uint64
	from, to uint32 // of entries; to 0: no slot
}

// seekEntry is one literal with a window.
type seekEntry struct {
	id   uint32
	back int32 // how far behind the literal's first byte the window begins
}

const (
	longWindow  = 6
	shortWindow = 4
	letterFold  = 0x2020202020202020 // makes letters small, and other bytes something
	highBits    = 0x8080808080808080
	mostBits    = 20 // of a filter: it fits a processor's second cache
	leastBits   = 14
)

// Masks of windows, by the bytes that count.
const (
	longMask  = 1<<(8*longWindow) - 1
	firstMask = 1<<(8*shortWindow) - 1
	lastOpen  = firstMask >> 8
	firstOpen = firstMask &^ 0xff
)

func hash32(x uint32) uint32 { return x * 0x9E3779B1 }
func hash64(x uint64) uint32 { return uint32(x * 0x9E3779B97F4A7C15 >> 32) }

func (w *windowTable) mark(hash uint32) {
	w.filter[hash>>w.shift>>6] |= 1 << (hash >> w.shift & 63)
}

// found are windows and the literals that have them.
type found map[uint64][]seekEntry

func (f found) enter(text string, id, back int, mask uint64) {
	var b [8]byte
	for i := range b {
		if at := back + i; at >= 0 && at < len(text) {
			b[i] = text[at]
		}
	}
	key := (binary.LittleEndian.Uint64(b[:]) | letterFold) & mask
	f[key] = append(f[key], seekEntry{uint32(id), int32(back)})
}

// newSeeker takes texts in lower case of at least three bytes, and the ids, which
// are indices, of those to look for.
func newSeeker(texts []string, ids []int) *seeker {
	long, short := found{}, found{}
	crowds := newCrowds(texts, ids)
	for _, id := range ids {
		text := texts[id]
		switch at := crowds.rarest(text); {
		case len(text) > longWindow:
			long.enter(text, id, at, longMask)
			long.enter(text, id, at+1, longMask)
		case len(text) > shortWindow:
			short.enter(text, id, at, firstMask)
			short.enter(text, id, at+1, firstMask)
		case len(text) == shortWindow:
			short.enter(text, id, 0, firstMask)
			short.enter(text, id, -1, firstOpen)
		default:
			short.enter(text, id, 0, lastOpen)
			short.enter(text, id, -1, firstOpen)
		}
	}
	s := &seeker{texts: texts, long: newLong(long), short: newShort(short), first: new([1 << (mostBits - 6)]uint64)}
	s.shift = min(s.long.shift, s.short.shift)
	mark := func(h uint32) { s.first[h>>s.shift>>6] |= 1 << (h >> s.shift & 63) }
	for key := range long {
		mark(hash32(uint32(key)))
	}
	for key := range short {
		for _, form := range formsOf(key) {
			mark(hash32(form))
		}
	}
	return s
}

func newLong(of found) windowTable {
	w := newTable(of, len(of))
	for key := range of {
		w.mark(hash64(key))
	}
	return w
}

func newShort(of found) windowTable {
	forms := 0
	for key := range of {
		forms += len(formsOf(key))
	}
	w := newTable(of, forms)
	for key := range of {
		for _, form := range formsOf(key) {
			w.mark(hash32(form))
		}
	}
	return w
}

// formsOf writes out a short window's byte that may be anything, which is 0.
func formsOf(key uint64) []uint32 {
	open := uint32(0)
	switch {
	case key&0xff == 0:
		open = 1
	case key>>24 == 0:
		open = 1 << 24
	default:
		return []uint32{uint32(key)}
	}
	var all []uint32
	for c := range uint32(256) {
		if c&(letterFold&0xff) != 0 {
			all = append(all, uint32(key)|c*open)
		}
	}
	return all
}

func newTable(of found, members int) windowTable {
	w := windowTable{
		filter: new([1 << (mostBits - 6)]uint64), shift: uint8(32 - min(mostBits, max(leastBits, bits.Len(uint(200*members))))),
		slots: make([]slot, 1<<bits.Len(uint(2*len(of)+1))),
	}
	for _, key := range slices.Sorted(maps.Keys(of)) {
		from := uint32(len(w.entries))
		w.entries = append(w.entries, of[key]...)
		i := w.place(key)
		for w.slots[i].to != 0 {
			i = (i + 1) & (len(w.slots) - 1)
		}
		w.slots[i] = slot{key, from, uint32(len(w.entries))}
	}
	return w
}

func (w *windowTable) place(key uint64) int { return int(hash64(key)) & (len(w.slots) - 1) }

// with gives the literals that have a window.
func (w *windowTable) with(key uint64) []seekEntry {
	for i := w.place(key); w.slots[i].to != 0; i = (i + 1) & (len(w.slots) - 1) {
		if s := &w.slots[i]; s.key == key {
			return w.entries[s.from:s.to]
		}
	}
	return nil
}

// scan reports for each place where a literal stands in data, ASCII case folded,
// its id and an offset inside that place. Offsets ascend. It tells whether all of
// data is ASCII.
func (s *seeker) scan(data []byte, hit func(id uint32, at int)) (ascii bool) {
	const mask = 1<<(mostBits-6) - 1
	first, shift := s.first, s.shift&31
	i, all := 0, uint64(0)
	for ; i+16 <= len(data); i += 8 {
		w, v := binary.LittleEndian.Uint64(data[i:]), binary.LittleEndian.Uint64(data[i+4:])|letterFold
		all |= w
		w |= letterFold
		h0, h1, h2, h3 := hash32(uint32(w))>>shift, hash32(uint32(w>>16))>>shift, hash32(uint32(v))>>shift, hash32(uint32(v>>16))>>shift
		if first[h0>>6&mask]>>(h0&63)&1 != 0 {
			s.probe(data, i, w, hit)
		}
		if first[h1>>6&mask]>>(h1&63)&1 != 0 {
			s.probe(data, i+2, w>>16, hit)
		}
		if first[h2>>6&mask]>>(h2&63)&1 != 0 {
			s.probe(data, i+4, v, hit)
		}
		if first[h3>>6&mask]>>(h3&63)&1 != 0 {
			s.probe(data, i+6, v>>16, hit)
		}
	}
	if i == len(data) {
		return all&highBits == 0
	}
	var tail [24]byte // what is left, with zeros behind
	copy(tail[:], data[i:])
	for k := 0; i < len(data); i, k = i+2, k+2 {
		w := binary.LittleEndian.Uint64(tail[k:])
		all |= w
		w |= letterFold
		if h := hash32(uint32(w)) >> shift; first[h>>6&mask]>>(h&63)&1 != 0 {
			s.probe(data, i, w, hit)
		}
	}
	return all&highBits == 0
}

// probe looks for the literals with a window that stands at an offset.
func (s *seeker) probe(data []byte, at int, w uint64, hit func(id uint32, at int)) {
	const mask = 1<<(mostBits-6) - 1
	if h := hash64(w&longMask) >> (s.long.shift & 31); s.long.filter[h>>6&mask]>>(h&63)&1 != 0 {
		s.verify(data, at, s.long.with(w&longMask), hit)
	}
	if h := hash32(uint32(w)) >> (s.short.shift & 31); s.short.filter[h>>6&mask]>>(h&63)&1 != 0 {
		s.probeShort(data, at, w, hit)
	}
}

// probeShort looks for the short literals with a window that stands at an offset.
func (s *seeker) probeShort(data []byte, at int, w uint64, hit func(id uint32, at int)) {
	s.verify(data, at, s.short.with(w&firstMask), hit)
	s.verify(data, at, s.short.with(w&lastOpen), hit)
	s.verify(data, at, s.short.with(w&firstOpen), hit)
}

func (s *seeker) verify(data []byte, at int, entries []seekEntry, hit func(id uint32, at int)) {
	for _, e := range entries {
		text, from := s.texts[e.id], at-int(e.back)
		if from >= 0 && from+len(text) <= len(data) && isFolded(data[from:from+len(text)], text) {
			hit(e.id, max(from, at))
		}
	}
}

// crowds counts in how many literals, and how often in logs at large, a window stands.
type crowds map[string]int

// plainText holds what logs are full of; a window of it tells little.
const plainText = `mozilla/5.0+(windows+nt+10.0;+win64;+x64)+applewebkit/537.36+(khtml,+like+gecko)+chrome/131.0.0.0+safari/537.36 mozilla/5.0 (windows nt 10.0; win64; x64) ` +
	`applewebkit/537.36 (khtml, like gecko) chrome/120.0.0.0 safari/537.36 macintosh;+intel+mac+os+x+10_15_7 iphone;+cpu linux;+android version/17.0+mobile firefox ` +
	`https://www.http://www. .com/ .net/ .org/ .aspx .html .css .png .jpg get / post / 2026-01-17 00:00:00 127.0.0.1 - 443 - 200 0 0 80 /api/v1/ /interface/ user message`

func newCrowds(texts []string, ids []int) crowds {
	all := crowds{}
	for _, id := range ids {
		text := texts[id]
		for i := 0; i+shortWindow <= len(text); i++ {
			all[text[i:i+shortWindow]]++
		}
	}
	const often = 1000
	for i := 0; i+shortWindow <= len(plainText); i++ {
		all[plainText[i:i+shortWindow]] += often
	}
	return all
}

// rarest gives where the two windows of a literal stand that the fewest share, so
// that a list of addresses of one network is not looked through at each of them.
func (c crowds) rarest(text string) int {
	window := shortWindow
	if len(text) > longWindow {
		window = longWindow
	}
	best, least := 0, 0
	for i := 0; i+window < len(text); i++ {
		n := 0
		for k := i; k+shortWindow <= i+window+1; k++ {
			n += c[text[k:k+shortWindow]]
			if k > i+1 {
				continue
			}
			n += c[text[k:k+shortWindow]] // what is looked up first
		}
		if i == 0 || n < least {
			best, least = i, n
		}
	}
	return best
}
