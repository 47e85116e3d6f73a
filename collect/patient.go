package collect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"postern/evidence"
)

// pieceSize is how much is read at once where a read may hang, in bytes.
const pieceSize = 1 << 20

// pieces are buffers of pieceSize.
var pieces = sync.Pool{New: func() any { b := make([]byte, pieceSize); return &b }}

// patiently runs what may hang, as a read of a network share or a failing disk
// does, until ctx ends, and no longer than limit. What comes too late goes to late;
// hung counts what does not come at all.
func patiently[T any](ctx context.Context, limit time.Duration, hung *atomic.Int64, do func() (T, error), late func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	var given atomic.Bool // the result is taken, or given up: whoever comes second knows
	go func() {
		value, err := do()
		if given.CompareAndSwap(false, true) {
			done <- result{value, err}
			return
		}
		hung.Add(-1)
		late(value)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var why error
	select {
	case r := <-done:
		return r.value, r.err
	case <-timer.C:
		why = slowError{limit}
	case <-ctx.Done():
		why = context.Cause(ctx)
	}
	if hung.Add(1); !given.CompareAndSwap(false, true) { // it just came
		hung.Add(-1)
		r := <-done
		return r.value, r.err
	}
	var none T
	return none, why
}

// patient is a file whose reads end when ctx does, and none of which may take longer
// than a small file may.
type patient struct {
	evidence.File
	s    *scan
	ctx  context.Context //nolint:containedctx // it bounds the work on one file
	told func(n int64)   // of every read
}

// open opens a file whose opening and reads end when ctx does; told is told of every
// read.
func (s *scan) open(ctx context.Context, w wanted, told func(n int64)) (*patient, error) {
	f, err := patiently(ctx, s.opt.FileTime, &s.hung, func() (evidence.File, error) { return s.treeOf(w).Open(w.stored()) }, func(f evidence.File) {
		if f != nil {
			_ = f.Close() // nobody waits for it any more
		}
	})
	if err != nil {
		return nil, err
	}
	return &patient{f, s, ctx, told}, nil
}

// ReadAt implements io.ReaderAt. It reads into a buffer of its own: a read that
// hangs may fill it whenever it likes.
func (p *patient) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		m, err := p.piece(b[n:min(len(b), n+pieceSize)], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (p *patient) piece(b []byte, off int64) (int, error) {
	if err := p.s.wait(p.ctx, int64(len(b))); err != nil {
		return 0, err
	}
	type part struct {
		buf *[]byte
		n   int
		err error // of the read: what came before it counts
	}
	got, err := patiently(p.ctx, p.s.opt.FileTime, &p.s.hung, func() (part, error) {
		buf := pieces.Get().(*[]byte)
		n, err := p.File.ReadAt((*buf)[:len(b)], off)
		return part{buf, n, err}, nil
	}, func(late part) { pieces.Put(late.buf) })
	if err != nil {
		return 0, err
	}
	n := copy(b, (*got.buf)[:got.n])
	pieces.Put(got.buf)
	p.told(int64(n))
	return n, got.err
}

// held is the content of a small file, read in one go, for it is looked at more than
// once. Of a larger one, and of one that does not read, it is the file itself.
func (p *patient) held(ask evidence.Place) io.ReaderAt {
	if p.Size() > pieceSize || !ask.Hash && ask.Content < p.Size() {
		return p
	}
	text := make([]byte, p.Size())
	if n, err := p.ReadAt(text, 0); short(int64(n), p.Size(), err) != nil {
		return p
	}
	return bytes.NewReader(text)
}

// slowError is why a file was given up.
type slowError struct{ limit time.Duration }

func (e slowError) Error() string { return fmt.Sprintf("not checked: it took longer than %v", e.limit) }
