package tree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/flate"

	"postern/evidence"
	"postern/target/unpack"
)

const (
	methodStore     = 0
	methodDeflate   = 8
	methodDeflate64 = 9
)

// member opens the content of one zip entry.
func (a *archive) member(it *item) (evidence.File, error) {
	if it.err != nil {
		return nil, it.err
	}
	head := make([]byte, localLen)
	if _, err := a.file.ReadAt(head, it.at); err != nil || string(head[:4]) != sigLocal {
		return nil, fmt.Errorf("%w: no local header where the directory says (%w)", evidence.ErrTruncated, errors.Join(err))
	}
	at := it.at + localLen + int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	packed := io.NewSectionReader(a.file, at, max(0, min(it.packed, a.size-at)))
	switch it.method {
	case methodStore:
		return &sized{r: &summed{r: packed, size: it.size, want: it.crc, sum: crc32.NewIEEE()}, size: it.size}, nil
	case methodDeflate:
		count := &counted{r: packed}
		return &inflated{a: a, src: flate.NewReader(count), packed: count, size: it.size, crc: it.crc, sum: crc32.NewIEEE()}, nil
	case methodDeflate64:
		count := &counted{r: packed}
		return &inflated{a: a, src: unpack.Deflate64(count), packed: count, size: it.size, crc: it.crc, sum: crc32.NewIEEE()}, nil
	}
	return nil, fmt.Errorf("%w: zip method %d: unpack the archive and name the folder", evidence.ErrUnsupported, it.method)
}

// counted counts the bytes read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func errSum(size int64) error {
	return fmt.Errorf("%w: the checksum of its %d bytes does not match", evidence.ErrTruncated, size)
}

// summed checks a stored member's checksum when it is read front to back.
type summed struct {
	r    io.ReaderAt
	size int64
	want uint32
	mu   sync.Mutex
	next int64
	sum  hash.Hash32
}

func (s *summed) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	s.mu.Lock()
	defer s.mu.Unlock()
	if off == s.next && n > 0 {
		s.sum.Write(p[:n])
		s.next += int64(n)
		if s.next == s.size && s.sum.Sum32() != s.want {
			return n, errSum(s.size)
		}
	}
	return n, err
}

// inflated is a deflated member: it inflates as far as it is read and keeps
// what came out, in memory up to Limits.Memory and then in scratch.
type inflated struct {
	a      *archive
	packed *counted
	size   int64
	crc    uint32

	mu   sync.Mutex
	src  io.Reader
	sum  hash.Hash32
	buf  []byte
	file *os.File // takes over from buf
	have int64
	err  error // why no more comes
}

// Size implements evidence.File.
func (f *inflated) Size() int64 { return f.size }

// Close implements evidence.File.
func (f *inflated) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf, f.have, f.err = nil, 0, os.ErrClosed
	if file := f.file; file != nil {
		f.file = nil
		return f.a.scratch.drop(file)
	}
	return nil
}

// ReadAt implements io.ReaderAt. A read that reaches the end of a damaged
// member returns what is there with the reason.
func (f *inflated) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if off < 0 {
		return 0, fmt.Errorf("tree: read at %d: %w", off, os.ErrInvalid)
	}
	if off >= f.size {
		return 0, io.EOF
	}
	end := min(off+int64(len(p)), f.size)
	for f.have < end && f.err == nil {
		f.more()
	}
	n := 0
	if off < f.have {
		var err error
		if n, err = f.copy(p[:min(end, f.have)-off], off); err != nil {
			return n, err
		}
	}
	switch {
	case off+int64(n) == f.have && f.err != nil:
		return n, f.err
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

func (f *inflated) copy(p []byte, off int64) (int, error) {
	if f.file != nil {
		return f.file.ReadAt(p, off)
	}
	return copy(p, f.buf[off:]), nil
}

// more inflates one piece, and at the end checks length and checksum.
func (f *inflated) more() {
	piece := make([]byte, min(64<<10, f.size-f.have+1)) // one more, to see that it ends
	n, err := 0, error(nil)
	for n < len(piece) && err == nil {
		var m int
		m, err = f.src.Read(piece[n:])
		n += m
	}
	ended := err == io.EOF //nolint:errorlint // flate's clean end; a cut is io.ErrUnexpectedEOF
	long := f.have+int64(n) > f.size
	n = int(min(int64(n), f.size-f.have))
	f.sum.Write(piece[:n])
	if kerr := f.keep(piece[:n]); kerr != nil {
		f.err = kerr
		return
	}
	f.have += int64(n)
	spent := f.a.spent.Add(int64(n))
	switch {
	case long:
		f.err = fmt.Errorf("%w: more than the declared %d bytes", evidence.ErrTruncated, f.size)
	case ended && f.have < f.size:
		f.err = fmt.Errorf("%w: %d bytes of %d", evidence.ErrTruncated, f.have, f.size)
	case ended && f.sum.Sum32() != f.crc:
		f.err = errSum(f.size)
	case err != nil && !ended:
		f.err = fmt.Errorf("%w: after %d bytes of %d: %w", evidence.ErrTruncated, f.have, f.size, err)
	case spent > f.a.limits.Bytes:
		f.err = fmt.Errorf("%w: more than %d bytes unpacked from this archive", evidence.ErrLimit, f.a.limits.Bytes)
	default:
		f.err = f.a.limits.check(f.have, f.packed.n)
	}
}

// keep stores what came out.
func (f *inflated) keep(piece []byte) error {
	if f.file == nil && f.have+int64(len(piece)) <= f.a.limits.Memory {
		f.buf = append(f.buf, piece...)
		return nil
	}
	if f.file == nil {
		file, err := f.a.scratch.create()
		if err == nil {
			_, err = file.Write(f.buf)
		}
		if err != nil {
			return fmt.Errorf("scratch for unpacking: %w", err)
		}
		f.file, f.buf = file, nil
	}
	if _, err := f.file.Write(piece); err != nil {
		return fmt.Errorf("unpacking into scratch: %w", err)
	}
	return nil
}
