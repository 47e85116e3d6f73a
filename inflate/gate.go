package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

// GateXZ walks an xz file by what its headers declare (xz 1.2.1, sections 2 to
// 4, and the chunk headers of LZMA2), so that no block with a larger
// dictionary or a filter the library lacks is begun. Where the file is cut or
// makes no sense the walk ends: there the decoder ends too, and at the border of
// a block without a word. So whole says whether the last stream has its end.
func GateXZ(r io.ReaderAt, size, dictionary int64) (whole bool, err error) {
	c := &cursor{r: r, size: size, dictionary: dictionary}
	for c.at < c.size && c.err == nil {
		if word := c.bytes(4); c.err == nil && binary.LittleEndian.Uint32(word) == 0 {
			continue // padding between streams
		}
		flags := c.bytes(8) // the magic's rest, flags, CRC32
		if c.err != nil {
			break
		}
		if err := c.blocks(checkSizes[flags[3]&15]); err != nil {
			return false, err
		}
		c.skip(12) // footer
	}
	if c.err != nil && !errors.Is(c.err, errEnd) {
		return false, c.err
	}
	return c.err == nil && c.at == c.size, nil
}

// checkSizes by kind of check (section 2.1.1.2).
var checkSizes = [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

// blocks walks the blocks of one stream and its index.
func (c *cursor) blocks(check int64) error {
	for c.err == nil {
		begin := c.at
		length := c.byte()
		if c.err != nil {
			return nil
		}
		if length == 0 {
			for range min(2*c.uvarint(), uint64(c.size)) { // two numbers a record
				c.uvarint()
				if c.err != nil {
					return nil
				}
			}
			c.skip(pad(c.at-begin) + 4)
			return nil
		}
		if err := c.filters(); err != nil {
			return err
		}
		c.at = begin + (int64(length)+1)*4
		data := c.at
		for c.chunk() {
		}
		c.skip(pad(c.at-data) + check)
	}
	return nil
}

// filters reads the rest of a block header and refuses what is not one LZMA2
// filter of a bounded dictionary.
func (c *cursor) filters() error {
	flags := c.byte()
	for _, bit := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if flags&bit != 0 {
			c.uvarint()
		}
	}
	id, length, dict := c.uvarint(), c.uvarint(), c.byte()
	switch {
	case c.err != nil:
		return nil
	case flags&3 != 0 || id != 0x21 || length != 1:
		return fmt.Errorf("%w: xz with a filter beside LZMA2: unpack it and name the folder", evidence.ErrUnsupported)
	}
	return Dictionary(LZMA2Dictionary(dict), c.dictionary)
}

// chunk passes over one LZMA2 chunk; false at the last.
func (c *cursor) chunk() bool {
	control := c.byte()
	switch {
	case c.err != nil || control == 0 || control > 2 && control < 0x80:
		return false
	case control < 0x80: // stored
		c.skip(int64(binary.BigEndian.Uint16(c.bytes(2))) + 1)
	default:
		c.skip(2)
		n := int64(binary.BigEndian.Uint16(c.bytes(2))) + 1
		if control >= 0xc0 {
			n++ // properties
		}
		c.skip(n)
	}
	return c.err == nil
}

// LZMA2Dictionary is the size that a property byte stands for.
func LZMA2Dictionary(b byte) int64 {
	if b >= 40 {
		return 1<<32 - 1
	}
	return int64(2|b&1) << (b/2 + 11)
}

// Dictionary refuses a dictionary of more bytes than the most that may be held.
func Dictionary(size, most int64) error {
	if size > most {
		return fmt.Errorf("%w: a dictionary of %d MiB: unpack it and name the folder", evidence.ErrLimit, size>>20)
	}
	return nil
}

// pad is how many bytes are missing to a multiple of four.
func pad(n int64) int64 { return (4 - n%4) % 4 }

// errEnd is a cursor at its end.
var errEnd = errors.New("inflate: end of data")

// cursor reads small pieces of headers. After the first error all it gives are
// zeros.
type cursor struct {
	r    io.ReaderAt
	at   int64
	size int64
	err  error
	buf  [8]byte

	dictionary int64 // the largest that is taken
}

// bytes gives the next n, at most 8, borrowed until the next call.
func (c *cursor) bytes(n int) []byte {
	p := c.buf[:n]
	if c.err == nil && c.size-c.at < int64(n) {
		c.err = errEnd
	}
	if c.err == nil {
		if k, err := c.r.ReadAt(p, c.at); k < n {
			c.err = errors.Join(err, errEnd)
			if err != nil && !errors.Is(err, io.EOF) {
				c.err = err
			}
		}
	}
	c.at += int64(n)
	if c.err != nil {
		clear(p)
	}
	return p
}

func (c *cursor) byte() byte { return c.bytes(1)[0] }

func (c *cursor) skip(n int64) { c.at += n }

// uvarint reads a number of seven bits a byte (xz 1.2.1, section 1.2).
func (c *cursor) uvarint() (v uint64) {
	for i := range 9 {
		b := c.byte()
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			break
		}
	}
	return v
}
