package hive

import (
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

// A hive is read in two- and four-byte fields all over the file: pages keeps
// what was read last, so that a field is not a system call.
const (
	pageSize = 16 << 10
	maxPages = 256
)

// pages is a caching io.ReaderAt that remembers the first failed read in err,
// because the parser above it reads zeros where a read fails.
type pages struct {
	r    io.ReaderAt
	size int64
	kept map[int64][]byte
	err  error
}

// ReadAt reads from the cached pages.
func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		at := off + int64(n)
		page, err := p.page(at / pageSize)
		if err != nil {
			return n, p.fail(at, err)
		}
		rest := at % pageSize
		if rest >= int64(len(page)) {
			return n, p.fail(at, io.EOF)
		}
		n += copy(b[n:], page[rest:])
	}
	return n, nil
}

// fail notes the first error of a Key. Past the end is a cut file.
func (p *pages) fail(at int64, err error) error {
	if p.err == nil {
		cause := err
		if errors.Is(err, io.EOF) {
			cause = evidence.ErrTruncated
		}
		p.err = fmt.Errorf("offset %d: %w", at, cause)
	}
	return err
}

func (p *pages) page(n int64) ([]byte, error) {
	if page, ok := p.kept[n]; ok {
		return page, nil
	}
	if n < 0 || n*pageSize >= p.size {
		return nil, io.EOF
	}
	page := make([]byte, min(pageSize, p.size-n*pageSize))
	got, err := p.r.ReadAt(page, n*pageSize)
	if got < len(page) && err == nil {
		err = io.EOF
	}
	if got < len(page) {
		return nil, err
	}
	if p.kept == nil || len(p.kept) >= maxPages {
		p.kept = map[int64][]byte{}
	}
	p.kept[n] = page
	return page, nil
}
