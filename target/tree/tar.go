package tree

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"postern/evidence"
)

// isTar looks for a tar header block: the magic of POSIX and GNU, or for the
// older form the checksum.
func isTar(block []byte) bool {
	if len(block) < 512 {
		return false
	}
	block = block[:512]
	sum := int64(0)
	for i, b := range block {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int64(b)
	}
	stated, err := strconv.ParseInt(strings.Trim(string(block[148:156]), " \x00"), 8, 64)
	return err == nil && stated == sum && sum != 8*' '
}

// readTar indexes size bytes of tar in r. The names met before a fault stay.
func (a *archive) readTar(ctx context.Context, r io.ReaderAt, size int64) []error {
	a.index = newIndex(a.limits.Entries, false)
	defer a.finish()
	at := io.NewSectionReader(r, 0, size)
	tr := tar.NewReader(at)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return []error{err}
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return tarEnd(r, at)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // a name of its kind is refused by the index
			return []error{fmt.Errorf("%w: tar after %d entries: %w", evidence.ErrTruncated, n, err)}
		}
		pos, err := at.Seek(0, io.SeekCurrent)
		if err != nil {
			return []error{err}
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue // a comment on the archive, not a file
		}
		if err := a.add(h.Name, tarItem(h, pos)); err != nil {
			return []error{err}
		}
	}
}

// tarEnd: a tar ends in zero blocks; one that ends without was cut between two
// entries.
func tarEnd(r io.ReaderAt, at *io.SectionReader) []error {
	pos, err := at.Seek(0, io.SeekCurrent)
	block := make([]byte, 512)
	if err == nil && pos >= 512 {
		_, err = r.ReadAt(block, pos-512)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return []error{err}
	}
	if pos < 512 || !bytes.Equal(block, make([]byte, 512)) {
		return []error{fmt.Errorf("%w: tar without its end mark", evidence.ErrTruncated)}
	}
	return nil
}

func tarItem(h *tar.Header, at int64) item {
	it := item{at: at, size: h.Size, packed: h.Size, unix: true, mode: h.FileInfo().Mode()}
	if !h.ModTime.IsZero() && h.ModTime.Unix() > 0 {
		it.mod = h.ModTime.UnixNano()
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		it.link, it.mode = h.Linkname, it.mode.Perm()|fs.ModeSymlink
	case tar.TypeLink:
		it.link, it.hard, it.mode = h.Linkname, true, it.mode.Perm()
	}
	sparse := h.Typeflag == tar.TypeGNUSparse
	for key := range h.PAXRecords {
		sparse = sparse || strings.HasPrefix(key, "GNU.sparse.")
	}
	if sparse {
		it.err = fmt.Errorf("%w: a sparse member of a tar; make the archive without --sparse", evidence.ErrUnsupported)
	}
	if len(it.link) > maxName {
		it.err, it.link = fmt.Errorf("%w: a link of %d bytes", evidence.ErrLimit, len(it.link)), ""
	}
	return it
}
