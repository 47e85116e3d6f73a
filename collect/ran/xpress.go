package ran

import (
	"encoding/binary"
	"errors"
	"fmt"

	"postern/evidence"
)

// Sizes of LZ77+Huffman ([MS-XCA] 2.1.4).
const (
	codeLengths = 256     // bytes at the head of a block: 512 lengths of codes
	codeBits    = 15      // of the longest
	blockSize   = 1 << 16 // bytes of output that one table of codes serves
)

// errXpress says that compressed data does not hold together.
var errXpress = errors.New("ran: compressed data")

// codes give a symbol and the length of its code by the next 15 bits; length zero: no
// code begins so.
type codes [1 << codeBits]struct {
	symbol uint16
	length uint8
}

// readCodes builds the canonical code of the lengths.
func readCodes(lengths []byte) (*codes, error) {
	t, at := new(codes), 0
	for length := 1; length <= codeBits; length++ {
		for symbol := range 2 * codeLengths {
			if int(lengths[symbol/2]>>(4*(symbol%2))&15) != length {
				continue
			}
			n := 1 << (codeBits - length)
			if at+n > len(t) {
				return nil, fmt.Errorf("%w: more codes than fit", errXpress)
			}
			for i := at; i < at+n; i++ {
				t[i].symbol, t[i].length = uint16(symbol), uint8(length)
			}
			at += n
		}
	}
	return t, nil
}

// bitReader draws bits as [MS-XCA] 2.2.4 has it; behind the end there are zeros.
type bitReader struct {
	data  []byte
	at    int
	next  uint32
	extra int
}

func (b *bitReader) word() (w uint32) {
	if b.at+2 <= len(b.data) {
		w = uint32(binary.LittleEndian.Uint16(b.data[b.at:]))
	}
	b.at += 2
	return w
}

func (b *bitReader) begin() {
	b.next = b.word() << 16
	b.next |= b.word()
	b.extra = 16
}

func (b *bitReader) skip(n int) {
	b.next <<= n
	if b.extra -= n; b.extra < 0 {
		b.next |= b.word() << -b.extra
		b.extra += 16
	}
}

// whole reads a number of n bytes that stands between the bits.
func (b *bitReader) whole(n int) (v int) {
	for i := range n {
		if b.at < len(b.data) {
			v |= int(b.data[b.at]) << (8 * i)
		}
		b.at++
	}
	return v
}

// unpack decompresses LZ77+Huffman data of a known size ([MS-XCA] 2.2.4).
func unpack(data []byte, size int) ([]byte, error) {
	out := make([]byte, 0, size)
	b := &bitReader{data: data}
	for len(out) < size {
		if b.at+codeLengths > len(data) {
			return nil, fmt.Errorf("%w: %d of %d bytes: %w", errXpress, len(out), size, evidence.ErrTruncated)
		}
		t, err := readCodes(data[b.at : b.at+codeLengths])
		if err != nil {
			return nil, err
		}
		b.at += codeLengths
		b.begin()
		for end := min(len(out)+blockSize, size); len(out) < end; {
			if b.at > len(data)+4 { // two words ahead of what is used
				return nil, fmt.Errorf("%w: %d of %d bytes: %w", errXpress, len(out), size, evidence.ErrTruncated)
			}
			c := t[b.next>>(32-codeBits)]
			if c.length == 0 {
				return nil, fmt.Errorf("%w: no code at byte %d", errXpress, b.at)
			}
			b.skip(int(c.length))
			if c.symbol < 256 {
				out = append(out, byte(c.symbol))
				continue
			}
			if out, err = b.match(out, int(c.symbol)-256, size); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// match repeats what stands before.
func (b *bitReader) match(out []byte, symbol, size int) ([]byte, error) {
	length, bits := symbol&15, symbol>>4
	if length == 15 {
		if length += b.whole(1); length == 270 {
			if length = b.whole(2); length == 0 {
				length = b.whole(4)
			}
		}
	}
	length += 3
	back := 1 << bits
	if bits > 0 {
		back |= int(b.next >> (32 - bits))
		b.skip(bits)
	}
	if back > len(out) || length > size-len(out) {
		return nil, fmt.Errorf("%w: a match of %d bytes from %d before byte %d of %d", errXpress, length, back, len(out), size)
	}
	for range length {
		out = append(out, out[len(out)-back])
	}
	return out, nil
}
