package yara

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"postern/detect/yara/module"
)

// content is one content under examination, of which a window is in memory. It
// is the module.Content of a scan.
type content struct {
	r     io.ReaderAt
	size  int64
	base  int64 // where the window begins
	data  []byte
	aside []byte      // what was asked for last outside of the window
	at    int64       // where it begins
	err   error       // the first read error
	more  func() bool // whether the scan may go on; nil: always
}

// Going tells whether the scan may go on.
func (c *content) Going() bool { return c.more == nil || c.more() }

// load makes [off, off+n) the window, cut at the content's end.
func (c *content) load(off int64, n int) error {
	n = int(min(int64(n), c.size-off))
	if cap(c.data) < n {
		c.data = make([]byte, n)
	}
	c.base, c.data = off, c.data[:n]
	return c.fill(c.data, off)
}

func (c *content) fill(b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	n, err := c.r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // it was said to be longer
	}
	return fmt.Errorf("yara: reading content at %d: %w", off+int64(n), err)
}

// Size returns the size of the content.
func (c *content) Size() int64 { return c.size }

// Bytes returns n bytes from off, fewer where the content ends, none where it
// cannot be read. They are valid until the next call.
func (c *content) Bytes(off int64, n int) []byte {
	if off < 0 || n <= 0 || off >= c.size || c.err != nil {
		return nil
	}
	n = int(min(int64(n), c.size-off))
	if n >= ahead && !c.Going() {
		return nil
	}
	if off >= c.base && off+int64(n) <= c.base+int64(len(c.data)) {
		i := int(off - c.base)
		return c.data[i : i+n : i+n]
	}
	if off >= c.at && off+int64(n) <= c.at+int64(len(c.aside)) {
		i := int(off - c.at)
		return c.aside[i : i+n : i+n]
	}
	if !c.Going() {
		return nil
	}
	block := int(min(max(int64(n), ahead), c.size-off))
	if cap(c.aside) < block {
		c.aside = make([]byte, block)
	}
	c.at, c.aside = off, c.aside[:block]
	if err := c.fill(c.aside, off); err != nil {
		c.err, c.aside = err, nil
		return nil
	}
	return c.aside[:n:n]
}

// ahead is how much is read at least outside of the window.
const ahead = 1 << 14

// read is int8 to uint32be ("Accessing data at a given position"); undefined
// where the content has not enough bytes.
func (c *content) read(off int64, width int, signed, big bool) module.Value {
	b := c.Bytes(off, width)
	if len(b) < width {
		return module.Value{}
	}
	var n int64
	switch {
	case width == 1:
		n = int64(b[0])
	case width == 2 && big:
		n = int64(binary.BigEndian.Uint16(b))
	case width == 2:
		n = int64(binary.LittleEndian.Uint16(b))
	case big:
		n = int64(binary.BigEndian.Uint32(b))
	default:
		n = int64(binary.LittleEndian.Uint32(b))
	}
	if signed {
		shift := 64 - 8*width
		n = n << shift >> shift
	}
	return module.Number(n)
}
