package eventlog

import (
	"bytes"
	"compress/bzip2"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zip"
	"github.com/klauspost/compress/zstd"

	"postern/evidence"
	"postern/inflate"
)

const (
	maxMembers = 4096
	maxText    = 64 << 30 // bytes one compressed stream may give
	maxRatio   = 250      // text to stored bytes, asked beyond freeText
	freeText   = 64 << 20
	maxWindow  = 64 << 20 // of zstd
)

// errDamaged marks a container that does not decode.
var errDamaged = errors.New("eventlog: does not decode")

// stored is the file as it lies there, read once from front to back and
// hashed, never past the size it had when it was opened.
type stored struct {
	file evidence.File
	size int64
	at   int64
	sum  hash.Hash
	err  error // what ended it before its size; nil: nothing
}

func newStored(file evidence.File) *stored {
	return &stored{file: file, size: file.Size(), sum: sha256.New()}
}

// Read reads on. See io.Reader.
func (s *stored) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.at >= s.size {
		return 0, io.EOF
	}
	n, err := s.file.ReadAt(p[:min(int64(len(p)), s.size-s.at)], s.at)
	s.sum.Write(p[:n])
	s.at += int64(n)
	switch {
	case s.at == s.size || err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%w: %d of %d bytes", evidence.ErrTruncated, s.at, s.size)
	}
	s.err = err
	return n, err
}

// ReadAt reads out of order, for a zip; what it reads is not hashed. See
// io.ReaderAt.
func (s *stored) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// hashed reads what is left and returns the file's SHA-256, "" if it could not
// be read whole.
func (s *stored) hashed(ctx context.Context) string {
	for buf := make([]byte, 64<<10); ctx.Err() == nil; {
		switch _, err := s.Read(buf); {
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(s.sum.Sum(nil))
		case err != nil:
			return ""
		}
	}
	return ""
}

// container is how a log is packed.
type container int

const (
	bare container = iota
	gzipped
	zstded
	zipped
	xzed
	bzipped
)

const maxDictionary = 64 << 20 // of xz: what its highest level asks for

// containerOf tells a container by its first bytes.
func containerOf(head []byte) container {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return zipped
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzipped
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return zstded
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return xzed
	case len(head) >= 10 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9' && // a level, then the first block or none
		(string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90"):
		return bzipped
	}
	return bare
}

// bareName is a name without the ending its container gave it.
func bareName(name string) string {
	for _, ending := range []string{".zip", ".gz", ".zst", ".zstd", ".xz", ".bz2"} {
		if n := len(name) - len(ending); n > 0 && strings.EqualFold(name[n:], ending) {
			return name[:n]
		}
	}
	return name
}

// unpack gives the text of a compressed stream, or r itself. Close what it
// returns.
func unpack(kind container, r *stored) (io.ReadCloser, error) {
	var text io.ReadCloser
	switch kind {
	case gzipped:
		gz, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w: %w", errDamaged, err)
		}
		text = gz
	case zstded:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w: %w", errDamaged, err)
		}
		text = z.IOReadCloser()
	case xzed:
		plain, err := inflate.XZ(r, r, r.size, maxDictionary)
		switch {
		case errors.Is(err, evidence.ErrLimit), errors.Is(err, evidence.ErrUnsupported), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("xz: %w", err)
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("xz: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, fmt.Errorf("xz: %w: %w", errDamaged, err)
		}
		text = io.NopCloser(plain)
	case bzipped:
		text = io.NopCloser(bzip2.NewReader(r))
	default:
		return io.NopCloser(r), nil
	}
	return &capped{ReadCloser: text, stored: r.size}, nil
}

// capped ends a decompressed stream that grows out of proportion.
type capped struct {
	io.ReadCloser
	stored, given int64
}

// Read reads on until a cap is reached. See io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.given += int64(n)
	switch {
	case c.given > maxText, c.given > freeText && c.given/maxRatio > c.stored:
		return n, fmt.Errorf("%w: %d bytes grew to more than %d", evidence.ErrLimit, c.stored, c.given)
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return n, fmt.Errorf("%w: %w", evidence.ErrLimit, err)
	}
	return n, fmt.Errorf("%w: %w", errDamaged, err)
}

// openMember gives the text of one member of a zip. Close what it returns.
func openMember(f *zip.File) (io.ReadCloser, error) {
	if f.Flags&1 != 0 || f.Method == 99 { // APPNOTE 4.4.4, 4.4.5: encrypted, AE-x
		return nil, fmt.Errorf("%w: unpack it with its password and give the folder", evidence.ErrEncrypted)
	}
	text, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, fmt.Errorf("%w: zip method %d: unpack it and give the folder", evidence.ErrUnsupported, f.Method)
	}
	if err != nil {
		return nil, fmt.Errorf("zip: %w: %w", errDamaged, err)
	}
	return &capped{ReadCloser: text, stored: int64(min(f.CompressedSize64, maxText))}, nil
}
