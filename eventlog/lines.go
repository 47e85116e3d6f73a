package eventlog

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

const (
	blockSize = 256 << 10
	maxLine   = 1 << 20 // bytes of one line that are kept at least
	maxRecord = 1 << 20 // bytes of one record with its continuation lines
)

// blocks cuts a stream into blocks of whole lines, whatever their length, in
// one reused buffer.
type blocks struct {
	r     io.Reader
	size  int // of buf, while no line is longer
	buf   []byte
	block int   // buf[:block] was handed out last
	end   int   // buf[block:end] is the line that was not whole yet
	eof   bool  // r gave its last byte
	err   error // why r ended, nil for its proper end
	cut   bool  // the last line of the block in hand was over-long

	binary bool // NULs may be part of a value
}

// newBlocks reads r, which holds about size bytes, in blocks of at most so many
// bytes, but for longer lines.
func newBlocks(r io.Reader, size int64, most int) *blocks {
	n := min(int64(most), max(4<<10, size+1))
	return &blocks{r: r, size: int(n), buf: make([]byte, n)}
}

// next returns the next whole lines, preceded by the last held bytes of the
// block before. last is true once the input has ended: that block may be
// empty, and its last line may lack its end. The block is valid until the next
// call. Why an input ended early is in b.err.
func (b *blocks) next(held int) (block []byte, last bool) {
	b.end = copy(b.buf, b.buf[b.block-held:b.end])
	b.cut = false
	for !b.eof {
		b.squeeze(held)
		if b.end-held > maxLine {
			b.skip(held)
			return b.buf[:b.block], b.eof && b.block == b.end
		}
		if b.end > len(b.buf)/2 {
			b.buf = append(b.buf, make([]byte, len(b.buf))...)
		}
		from := b.end
		b.fill()
		if i := bytes.LastIndexByte(b.buf[from:b.end], '\n'); i >= 0 && !b.eof {
			b.block = from + i + 1
			return b.buf[:b.block], false
		}
	}
	b.block = b.end
	return b.buf[:b.end], true
}

// swap hands out the buffer of the block in hand for another one of the same
// size, with which next goes on.
func (b *blocks) swap(other []byte) (taken []byte) {
	n := copy(other, b.buf[b.block:b.end])
	taken, b.buf = b.buf, other
	b.block, b.end = 0, n
	return taken
}

// shrink goes on with a buffer of the usual size if a long line has made it grow.
func (b *blocks) shrink() {
	if len(b.buf) > b.size && b.end-b.block <= b.size/2 {
		b.swap(make([]byte, b.size))
	}
}

// fill reads until the buffer has no room for one more character or the input
// ends.
func (b *blocks) fill() {
	for idle := 0; len(b.buf)-b.end >= utf8.UTFMax && !b.eof; {
		n, err := b.r.Read(b.buf[b.end:])
		b.end += n
		if idle++; n > 0 {
			idle = 0
		}
		if err == nil && idle > 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			b.eof = true
			if !errors.Is(err, io.EOF) {
				b.err = err
			}
		}
	}
}

// squeeze shortens a run of NULs at the end of the line in hand to one: a
// crash leaves runs of any length in front of a good line.
func (b *blocks) squeeze(held int) {
	if b.binary {
		return
	}
	text := held + len(bytes.TrimRight(b.buf[held:b.end], "\x00"))
	b.end = min(b.end, text+1)
}

// skip ends the line in hand after maxLine bytes and drops the rest of it.
func (b *blocks) skip(held int) {
	b.cut = true
	b.block = held + maxLine + 1 // with the newline put there
	for {
		i := bytes.IndexByte(b.buf[b.block-1:b.end], '\n')
		if i >= 0 {
			rest := copy(b.buf[b.block:], b.buf[b.block+i:b.end])
			b.end = b.block + rest
			break
		}
		if b.end = b.block; b.eof {
			break
		}
		b.fill()
	}
	b.buf[b.block-1] = '\n'
}

// cutLine takes the first line off b, which is not empty: the line without its
// end, the bytes it takes with it, and whether a newline ended it. With nuls a
// run of NULs ends a line too.
func cutLine(b []byte, nuls bool) (line []byte, n int, ended bool) {
	n = len(b)
	line = b
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		line, n, ended = b[:i], i+1, true
	}
	if nuls {
		if i := bytes.IndexByte(line, 0); i >= 0 {
			rest := bytes.TrimLeft(line[i:], "\x00")
			if len(rest) > 0 || !ended {
				n, ended = len(line)-len(rest), false
			}
			line = line[:i]
		}
	}
	if k := len(line); k > 0 && line[k-1] == '\r' {
		line = line[:k-1]
	}
	return line, n, ended
}
