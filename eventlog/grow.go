package eventlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

const growHead = 4 << 10 // bytes by which a log is known again

// growing reads a log that others may write while it is read: to the size it had
// when it was opened, and from there to the end of the line that stood open. A log
// that does not begin any more as it did was rewritten, and what was read is parts
// of two.
type growing struct {
	*stored
	again func() (evidence.File, error) // see Input
	head  []byte                        // what it began with
	tail  []byte                        // what was written since
	last  byte
	asked bool
}

// newGrowing reads on where file stands.
func newGrowing(file *stored, again func() (evidence.File, error)) *growing {
	g := &growing{stored: file, again: again}
	if file.at > 0 {
		last := make([]byte, 1)
		g.head = make([]byte, min(growHead, file.at))
		n, _ := file.file.ReadAt(g.head, 0) // what can't be read any more Read stumbles on
		if m, _ := file.file.ReadAt(last, file.at-1); m == 1 {
			g.last = last[0]
		}
		g.head = g.head[:n]
	}
	return g
}

// Read reads on. See io.Reader.
func (g *growing) Read(p []byte) (int, error) {
	if g.asked {
		if len(g.tail) == 0 {
			return 0, io.EOF
		}
		n := copy(p, g.tail)
		g.tail = g.tail[n:]
		return n, nil
	}
	n, err := g.stored.Read(p)
	if n > 0 {
		g.last = p[n-1]
		if room := growHead - len(g.head); room > 0 {
			g.head = append(g.head, p[:min(n, room)]...)
		}
	}
	if !errors.Is(err, io.EOF) || n > 0 {
		return n, err
	}
	g.asked = true
	if !begins(g.file, g.head) {
		g.err = fmt.Errorf("%w: it was rewritten while it was read", evidence.ErrTruncated)
		return 0, g.err
	}
	if g.last != '\n' {
		g.tail = g.written()
	}
	return g.Read(p)
}

// written is the rest of the line that stood open, nil if it is not there yet.
func (g *growing) written() []byte {
	f, err := g.again()
	if err != nil {
		return nil // what was read stands, and its last line is cut
	}
	defer f.Close()
	size := f.Size() - g.size
	if size <= 0 || !begins(f, g.head) {
		return nil
	}
	rest := make([]byte, min(size, maxLine))
	n, err := f.ReadAt(rest, g.size)
	end := bytes.IndexByte(rest[:n], '\n') + 1
	if end == 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	g.sum.Write(rest[:end])
	g.at += int64(end)
	return rest[:end]
}

// begins reports whether a file begins with head.
func begins(f evidence.File, head []byte) bool {
	now := make([]byte, len(head))
	n, _ := f.ReadAt(now, 0)
	return bytes.Equal(now[:n], head)
}
