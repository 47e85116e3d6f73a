package detect

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"postern/evidence"
)

// begins reports whether a file begins as a rule asks, if it asks.
func (l *lane) begins(r *rule, s *seen) (bool, error) {
	magic := r.Match.Magic
	if len(magic) == 0 {
		return true, nil
	}
	if l.unread(s, r.Parts, r.ID) || s.Content == nil {
		return false, nil
	}
	longest := slices.MaxFunc(magic, func(a, b []byte) int { return cmp.Compare(len(a), len(b)) })
	head := make([]byte, min(s.Size, r.place.Content, int64(len(longest))))
	n, err := readFull(s.Content, head, 0)
	if r.Match.HoldsContent(head[:n]) {
		return true, nil
	}
	return false, err
}

// readFull fills buf from off and says how much came; content that ends before
// is ErrTruncated.
func readFull(content io.ReaderAt, buf []byte, off int64) (int, error) {
	n, err := content.ReadAt(buf, off)
	switch {
	case n == len(buf):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return n, evidence.ErrTruncated
	}
	return n, err
}
