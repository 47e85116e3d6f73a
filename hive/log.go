package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"postern/evidence"
)

// Log is one transaction log of a hive: its bytes and how many there are.
type Log struct {
	io.ReaderAt
	Size int64
}

// Limits of what is replayed.
const (
	maxLog   = 64 << 20 // bytes of one log
	logHead  = 512      // its base block, as the hive's
	sector   = 512      // of what is written over: the unit of an old log's pages
	maxSpill = 4 << 30  // offset in the hive that a log may write to
)

// errLog says that a log can't be used, or not to its end.
var errLog = errors.New("hive: transaction log")

// Replay writes the transaction logs of a hive over it, in memory: what the system
// would do when it loads the hive next. It gives the hive's newest state as bytes and
// their number. Logs may be given in any order. When the hive was closed well, or no
// log is of use, r and size come back as they are. The error says what could not be
// replayed; what could be is there nonetheless.
//
// It follows the "Windows registry file format specification" of M. Suhanov: entries
// of the new format (HvLE) by their sequence numbers and Marvin32 hashes, and the old
// format (DIRT) by its bitmap.
func Replay(r io.ReaderAt, size int64, logs ...Log) (io.ReaderAt, int64, error) {
	head := make([]byte, logHead)
	if _, err := r.ReadAt(head, 0); err != nil || !isBase(head) {
		return r, size, nil //nolint:nilerr // Open says what is wrong with the hive itself
	}
	first, second := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	if first == second && checksum(head) == binary.LittleEndian.Uint32(head[508:]) {
		return r, size, nil
	}
	var chains []*chain
	var faults []error
	for _, l := range logs {
		c, err := readLog(l, head)
		if err != nil {
			faults = append(faults, err)
		}
		if c != nil && len(c.entries) > 0 && (c.old || c.last() >= second) {
			chains = append(chains, c)
		}
	}
	if len(chains) == 0 {
		return r, size, errors.Join(append(faults, fmt.Errorf("%w: none of %d belongs to this state of the hive", errLog, len(logs)))...)
	}
	slices.SortFunc(chains, func(a, b *chain) int { return int(int64(a.last()) - int64(b.last())) })
	if n := len(chains); n > 1 && chains[n-1].entries[0].sequence != chains[n-2].last()+1 {
		if !chains[n-1].old {
			faults = append(faults, fmt.Errorf("%w: the older one does not lead up to the newer, and was left out", errLog))
		}
		chains = chains[n-1:]
	}
	o := &overlay{under: r, size: size, sectors: map[int64][]byte{}}
	for _, c := range chains {
		for _, e := range c.entries {
			if c.old || e.sequence >= second {
				o.write(e)
			}
		}
	}
	o.finish(head, chains[len(chains)-1])
	return o, o.size, errors.Join(faults...)
}

// isBase reports whether a block begins a hive or a log.
func isBase(b []byte) bool { return len(b) >= logHead && string(b[:4]) == "regf" }

// checksum is that of a base block: its first 508 bytes by words, exclusive or.
func checksum(b []byte) (sum uint32) {
	for i := 0; i < 508; i += 4 {
		sum ^= binary.LittleEndian.Uint32(b[i:])
	}
	switch sum {
	case 0xffffffff:
		return 0xfffffffe
	case 0:
		return 1
	}
	return sum
}

// chain are the entries of one log that follow each other.
type chain struct {
	entries []entry
	root    []byte // four bytes: the root cell, as the log's base block has it
	old     bool
}

func (c *chain) last() uint32 { return c.entries[len(c.entries)-1].sequence }

// entry is what one write put into a log.
type entry struct {
	sequence uint32
	length   uint32 // of the hive's bins
	pages    []page
}

// page is a piece of the bins.
type page struct {
	at   int64 // in the file
	data []byte
}

// readLog reads a log. A chain comes with the error that ends it early.
func readLog(l Log, hive []byte) (*chain, error) {
	if l.Size > maxLog {
		return nil, fmt.Errorf("%w: %d bytes: %w", errLog, l.Size, evidence.ErrLimit)
	}
	data := make([]byte, max(l.Size, 0))
	if n, err := l.ReadAt(data, 0); n < len(data) {
		if err == nil || errors.Is(err, io.EOF) {
			err = evidence.ErrTruncated
		}
		return nil, fmt.Errorf("%w: %w", errLog, err)
	}
	if !isBase(data) || checksum(data) != binary.LittleEndian.Uint32(data[508:]) {
		return nil, nil // empty, or being written: the other one counts
	}
	c := &chain{root: data[36:40]}
	rest := data[logHead:]
	if len(rest) >= 4 && string(rest[:4]) == "DIRT" {
		c.old = true
		return c.dirt(data, hive)
	}
	want := binary.LittleEndian.Uint32(data[4:])
	for len(rest) >= 40 && string(rest[:4]) == "HvLE" {
		if binary.LittleEndian.Uint32(rest[12:]) != want {
			break // of an earlier turn
		}
		e, size, err := parseEntry(rest)
		if err != nil {
			return c, err
		}
		c.entries = append(c.entries, e)
		rest, want = rest[size:], want+1
	}
	return c, nil
}

// parseEntry reads the entry at the beginning of data, and how long it is.
func parseEntry(data []byte) (e entry, size int, err error) {
	e.sequence = binary.LittleEndian.Uint32(data[12:])
	torn := func(what string) (entry, int, error) {
		return e, 0, fmt.Errorf("%w: entry %d: %s: %w", errLog, e.sequence, what, evidence.ErrTruncated)
	}
	size = int(binary.LittleEndian.Uint32(data[4:]))
	if size < 40 || size%sector != 0 || size > len(data) {
		return torn("cut short")
	}
	data = data[:size]
	if marvin(data[40:]) != binary.LittleEndian.Uint64(data[24:]) || marvin(data[:32]) != binary.LittleEndian.Uint64(data[32:]) {
		return torn("its hashes do not hold")
	}
	e.length = binary.LittleEndian.Uint32(data[16:])
	count := int64(binary.LittleEndian.Uint32(data[20:]))
	at := 40 + 8*count
	if at > int64(size) {
		return torn("more pages than it holds")
	}
	for i := range count {
		ref := data[40+8*i:]
		from, n := int64(binary.LittleEndian.Uint32(ref)), int64(binary.LittleEndian.Uint32(ref[4:]))
		if at+n > int64(size) || from%sector != 0 || from > maxSpill {
			return torn("a page does not fit")
		}
		e.pages = append(e.pages, page{headerSize + from, data[at : at+n]})
		at += n
	}
	return e, size, nil
}

// dirt reads a log of the old format: a bit for each sector of the bins that changed,
// and those sectors.
func (c *chain) dirt(data, hive []byte) (*chain, error) {
	if binary.LittleEndian.Uint64(data[12:]) != binary.LittleEndian.Uint64(hive[12:]) && binary.LittleEndian.Uint32(data[4:]) < binary.LittleEndian.Uint32(hive[8:]) {
		return nil, nil // of an earlier write
	}
	length := binary.LittleEndian.Uint32(data[40:])
	e := entry{sequence: binary.LittleEndian.Uint32(data[4:]), length: length}
	bitmap := data[logHead+4:]
	n := int(length / sector / 8)
	if n > len(bitmap) {
		return nil, fmt.Errorf("%w: bitmap: %w", errLog, evidence.ErrTruncated)
	}
	bitmap = bitmap[:n]
	at := (logHead + 4 + n + sector - 1) / sector * sector
	for i, b := range bitmap {
		for ; b != 0; b &= b - 1 {
			if at+sector > len(data) {
				c.entries = append(c.entries, e)
				return c, fmt.Errorf("%w: pages: %w", errLog, evidence.ErrTruncated)
			}
			e.pages = append(e.pages, page{headerSize + int64(8*i+bits.TrailingZeros8(b))*sector, data[at : at+sector]})
			at += sector
		}
	}
	c.entries = append(c.entries, e)
	return c, nil
}

// overlay is a hive with what logs wrote over it.
type overlay struct {
	under   io.ReaderAt
	size    int64
	sectors map[int64][]byte // by number
}

func (o *overlay) write(e entry) {
	for _, p := range e.pages {
		for i := 0; i+sector <= len(p.data); i += sector {
			o.sectors[(p.at+int64(i))/sector] = p.data[i : i+sector]
		}
		o.size = max(o.size, p.at+int64(len(p.data)))
	}
}

// finish makes the base block one of a hive that was closed well.
func (o *overlay) finish(head []byte, c *chain) {
	base := slices.Clone(head)
	last := c.entries[len(c.entries)-1]
	binary.LittleEndian.PutUint32(base[4:], last.sequence)
	binary.LittleEndian.PutUint32(base[8:], last.sequence)
	copy(base[36:], c.root)
	if last.length != 0 {
		binary.LittleEndian.PutUint32(base[40:], last.length)
	}
	binary.LittleEndian.PutUint32(base[508:], checksum(base))
	o.sectors[0] = base
}

// ReadAt implements io.ReaderAt.
func (o *overlay) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 || off >= o.size {
		return 0, io.EOF
	}
	want := int(min(int64(len(b)), o.size-off))
	n, err = o.under.ReadAt(b[:want], off)
	if n < want && err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	clear(b[n:want]) // behind the hive's end, where logs write on
	for at := off / sector; at*sector < off+int64(want); at++ {
		if s := o.sectors[at]; s != nil {
			from := at*sector - off
			copy(b[max(from, 0):want], s[max(-from, 0):])
		}
	}
	if want < len(b) {
		return want, io.EOF
	}
	return want, nil
}

// marvin is Marvin32 with the seed of the registry, 64 bits of it.
func marvin(data []byte) uint64 {
	const seed = 0x82EF4D887A4E55C5
	lo, hi := uint32(seed&0xffffffff), uint32(seed>>32)
	mix := func() {
		hi ^= lo
		lo = bits.RotateLeft32(lo, 20) + hi
		hi = bits.RotateLeft32(hi, 9) ^ lo
		lo = bits.RotateLeft32(lo, 27) + hi
		hi = bits.RotateLeft32(hi, 19)
	}
	for ; len(data) >= 4; data = data[4:] {
		lo += binary.LittleEndian.Uint32(data)
		mix()
	}
	end := uint32(0x80)
	for i := len(data) - 1; i >= 0; i-- {
		end = end<<8 | uint32(data[i])
	}
	lo += end
	mix()
	mix()
	return uint64(hi)<<32 | uint64(lo)
}
