package detect

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"slices"

	"postern/evidence"
)

// contentWindow is how much of a file's content is in memory at a time.
const contentWindow = 64 << 10

// contentHolds runs a rule's tests of content over the first Place.Content
// bytes, as pack.Match.HoldsContent does over bytes in memory.
func (l *lane) contentHolds(r *rule, o *evidence.Observation) (bool, error) {
	if o.Content == nil {
		if size := o.Get("Size"); size != "" && size != "0" {
			l.x.Cover(evidence.Gap(evidence.CoverFile, o.Ref.Path, r.Parts, evidence.Unreadable, "its content could not be held against "+r.ID))
		}
		return false, nil
	}
	size := min(o.Size, r.place.Content)
	if len(r.Match.Magic) > 0 {
		holds, err := startsWithAny(o.Content, size, r.Match.Magic)
		if err != nil || !holds {
			return false, err
		}
	}
	if len(r.Match.Content) > 0 {
		holds, err := containsAny(o.Content, size, r.Match.Content)
		if err != nil || !holds {
			return false, err
		}
	}
	if r.Match.Text != nil {
		return matchesText(o.Content, size, r.Match.Text)
	}
	return true, nil
}

func startsWithAny(content io.ReaderAt, size int64, magic [][]byte) (bool, error) {
	longest := slices.MaxFunc(magic, func(a, b []byte) int { return cmp.Compare(len(a), len(b)) })
	head := make([]byte, min(size, int64(len(longest))))
	n, err := readFull(content, head, 0)
	if slices.ContainsFunc(magic, func(m []byte) bool { return bytes.HasPrefix(head[:n], m) }) {
		return true, nil
	}
	return false, err
}

// containsAny slides a window over the content; windows overlap by the longest
// pattern.
func containsAny(content io.ReaderAt, size int64, patterns [][]byte) (bool, error) {
	longest := len(slices.MaxFunc(patterns, func(a, b []byte) int { return cmp.Compare(len(a), len(b)) }))
	buf := make([]byte, min(size, int64(max(contentWindow, 2*longest))))
	for off := int64(0); off < size; off += int64(len(buf) - longest + 1) {
		part := buf[:min(int64(len(buf)), size-off)]
		n, err := readFull(content, part, off)
		if slices.ContainsFunc(patterns, func(p []byte) bool { return bytes.Contains(part[:n], p) }) {
			return true, nil
		}
		if err != nil || int64(len(part)) == size-off {
			return false, err
		}
	}
	return false, nil
}

// matchesText runs a regular expression over the content as a stream.
func matchesText(content io.ReaderAt, size int64, text *regexp.Regexp) (bool, error) {
	in := &counted{r: io.NewSectionReader(content, 0, size)}
	found := text.MatchReader(bufio.NewReaderSize(in, contentWindow))
	switch {
	case found:
		return true, nil
	case in.err != nil:
		return false, in.err
	case in.ended && in.n < size:
		return false, evidence.ErrTruncated
	}
	return false, nil
}

// counted keeps the error that regexp.MatchReader takes for the end.
type counted struct {
	r     io.Reader
	n     int64
	ended bool
	err   error
}

// Read reads on, counting.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		c.ended = true
	case err != nil:
		c.err = err
	}
	return n, err
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
