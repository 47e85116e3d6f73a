package unpack

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

// Deflate64 unpacks the method that Windows zips files over 2 GiB with: RFC
// 1951 with a window of 64 KiB, two more distances, and code 285 for lengths
// of 3 and 16 more bits.
func Deflate64(r io.Reader) io.Reader {
	in, ok := r.(io.ByteReader)
	if !ok {
		in = bufio.NewReader(r)
	}
	return &deflate64{in: in, window: make([]byte, 1<<16)}
}

type deflate64 struct {
	in   io.ByteReader
	bits uint32 // not yet used, the next lowest
	have uint

	window []byte // the last 64 KiB, as a ring
	put    uint64 // bytes that came out
	given  uint64 // bytes handed on
	err    error

	last            bool // the block under way is the last
	stored          int  // bytes left of a stored block
	copyLen         int  // bytes left of a match
	copyDist        uint64
	lengths, dists  *huffman // nil: between blocks
	scratch         [320]uint8
	literal, offset huffman
}

var errDeflate64 = fmt.Errorf("%w: Deflate64 data that means nothing", evidence.ErrTruncated)

// Read implements io.Reader.
func (d *deflate64) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if d.given == d.put {
			if d.err != nil {
				break
			}
			d.err = d.more()
			continue
		}
		from := d.given & 0xffff
		k := copy(p[n:], d.window[from:min(from+d.put-d.given, 1<<16)])
		n, d.given = n+k, d.given+uint64(k)
	}
	if n > 0 {
		return n, nil
	}
	return 0, d.err
}

// more unpacks up to half a window. What came out before has been handed on.
func (d *deflate64) more() error {
	for d.put-d.given < 1<<15 {
		switch {
		case d.copyLen > 0:
			d.emit(d.window[(d.put-d.copyDist)&0xffff])
			d.copyLen--
		case d.stored > 0:
			b, err := d.in.ReadByte()
			if err != nil {
				return cutDeflate64(err)
			}
			d.emit(b)
			d.stored--
		case d.lengths != nil:
			if err := d.symbol(); err != nil {
				return err
			}
		case d.last:
			return io.EOF
		default:
			if err := d.block(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *deflate64) emit(b byte) {
	d.window[d.put&0xffff] = b
	d.put++
}

// block reads a block's header (RFC 1951 section 3.2.3).
func (d *deflate64) block() error {
	head, err := d.take(3)
	if err != nil {
		return err
	}
	d.last = head&1 != 0
	switch head >> 1 {
	case 0:
		d.bits, d.have = d.bits>>(d.have&7), d.have&^7
		size, err := d.take(16)
		if err != nil {
			return err
		}
		check, err := d.take(16)
		if err != nil {
			return err
		}
		if size != ^check&0xffff {
			return errDeflate64
		}
		d.stored = int(size) // no bits are left over: take reads no more than it needs
		return nil
	case 1:
		lengths := d.scratch[:288]
		for i := range lengths {
			lengths[i] = [...]uint8{8, 9, 7, 8}[min(i/144, 1)+min(i/256, 1)+min(i/280, 1)]
		}
		d.literal.build(lengths)
		for i := range 32 {
			d.scratch[i] = 5
		}
		d.offset.build(d.scratch[:32])
	case 2:
		if err := d.tables(); err != nil {
			return err
		}
	default:
		return errDeflate64
	}
	d.lengths, d.dists = &d.literal, &d.offset
	return nil
}

var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the code lengths of a block (section 3.2.7).
func (d *deflate64) tables() error {
	head, err := d.take(14)
	if err != nil {
		return err
	}
	literals, dists, codes := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	var lengths [19]uint8
	for _, at := range codeOrder[:codes] {
		v, err := d.take(3)
		if err != nil {
			return err
		}
		lengths[at] = uint8(v)
	}
	var code huffman
	if !code.build(lengths[:]) {
		return errDeflate64
	}
	all := d.scratch[:literals+dists]
	for i := 0; i < len(all); {
		sym, err := d.decode(&code)
		if err != nil {
			return err
		}
		if sym < 16 {
			all[i] = uint8(sym)
			i++
			continue
		}
		repeat := [...]struct{ bits, base uint }{{2, 3}, {3, 3}, {7, 11}}[sym-16]
		extra, err := d.take(repeat.bits)
		n, value := int(repeat.base+uint(extra)), uint8(0)
		if sym == 16 && i > 0 {
			value = all[i-1]
		}
		if err != nil || sym == 16 && i == 0 || n > len(all)-i {
			return errors.Join(errDeflate64, err)
		}
		for ; n > 0; n-- {
			all[i] = value
			i++
		}
	}
	if all[256] == 0 || !d.literal.build(all[:literals]) || !d.offset.build(all[literals:]) {
		return errDeflate64
	}
	return nil
}

// symbol unpacks one literal or match.
func (d *deflate64) symbol() error {
	sym, err := d.decode(d.lengths)
	switch {
	case err != nil:
		return err
	case sym < 256:
		d.emit(byte(sym))
		return nil
	case sym == 256:
		d.lengths = nil
		return nil
	case sym > 285:
		return errDeflate64
	}
	base, bits := uint32(3), uint(16) // of 285
	if sym < 265 {
		base, bits = uint32(sym-254), 0
	} else if sym < 285 {
		bits = uint(sym-261) / 4
		base = (4+uint32(sym-265)%4)<<bits + 3
	}
	extra, err := d.take(bits)
	if err != nil {
		return err
	}
	length := int(base + extra)
	if sym, err = d.decode(d.dists); err != nil {
		return err
	}
	dist := uint32(sym) + 1
	if sym >= 4 {
		bits := uint(sym-2) / 2
		extra, err := d.take(bits)
		if err != nil {
			return err
		}
		dist = (2+uint32(sym)%2)<<bits + extra + 1
	}
	if uint64(dist) > d.put {
		return errDeflate64
	}
	d.copyLen, d.copyDist = length, uint64(dist)
	return nil
}

// take gives the next n bits, at most 16.
func (d *deflate64) take(n uint) (uint32, error) {
	for d.have < n {
		b, err := d.in.ReadByte()
		if err != nil {
			return 0, cutDeflate64(err)
		}
		d.bits |= uint32(b) << d.have
		d.have += 8
	}
	v := d.bits & (1<<n - 1)
	d.bits, d.have = d.bits>>n, d.have-n
	return v, nil
}

func cutDeflate64(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: Deflate64 data ends early", evidence.ErrTruncated)
	}
	return err
}

// huffman is a canonical code: how many codes have each length, and the symbols
// in order (section 3.2.2).
type huffman struct {
	counts  [16]uint16
	symbols [320]uint16
}

// build makes the code of these lengths; false for more codes than fit.
func (h *huffman) build(lengths []uint8) bool {
	h.counts = [16]uint16{}
	for _, n := range lengths {
		h.counts[n]++
	}
	h.counts[0] = 0
	var next [16]uint16
	left := 1
	for n := 1; n < 16; n++ {
		if left = left<<1 - int(h.counts[n]); left < 0 {
			return false
		}
		next[n] = next[n-1] + h.counts[n-1]
	}
	for sym, n := range lengths {
		if n != 0 {
			h.symbols[next[n]] = uint16(sym)
			next[n]++
		}
	}
	return true
}

// decode reads one symbol, bit by bit.
func (d *deflate64) decode(h *huffman) (uint16, error) {
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		bit, err := d.take(1)
		if err != nil {
			return 0, err
		}
		code |= int(bit)
		count := int(h.counts[n])
		if code-first < count {
			return h.symbols[index+code-first], nil
		}
		index, first, code = index+count, (first+count)<<1, code<<1
	}
	return 0, errDeflate64
}
