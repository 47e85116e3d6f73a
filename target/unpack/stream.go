package unpack

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"postern/evidence"
	"postern/inflate"
)

// maxWindow is the largest zstandard window held in memory: all that levels up
// to 21 ask for. maxDictionary is that of xz and 7-Zip: 64 MiB of xz -9, 256 MiB
// of 7-Zip -mx=9.
const (
	maxWindow     = 64 << 20
	maxDictionary = 256 << 20
)

// Stream is one compressed stream being unpacked, front to back.
type Stream struct {
	plain  io.Reader
	packed *counted
	shut   func()
}

// Kind names the compression that data begins with, "" for none known here.
func Kind(head []byte) string {
	for _, k := range []struct{ magic, name string }{
		{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstandard"}, {"\xfd7zXZ\x00", "xz"},
	} {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return k.name
		}
	}
	// bzip2: a level, then the first block or the end of an empty stream.
	if len(head) >= 10 && string(head[:3]) == "BZh" && head[3] >= '1' && head[3] <= '9' &&
		(string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90") {
		return "bzip2"
	}
	return ""
}

// Open begins to unpack size bytes of r, compressed as Kind says.
func Open(r io.ReaderAt, size int64, kind string) (s *Stream, err error) {
	defer caught(&err)
	s = &Stream{packed: &counted{r: io.NewSectionReader(r, 0, size)}, shut: func() {}}
	switch kind {
	case "gzip":
		s.plain, err = gzip.NewReader(s.packed)
	case "zstandard":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(s.packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			s.plain, s.shut = z, z.Close
		}
	case "xz":
		s.plain, err = inflate.XZ(s.packed, r, size, maxDictionary)
	case "bzip2":
		s.plain = bzip2.NewReader(s.packed)
	default:
		err = evidence.ErrUnsupported
	}
	if err != nil {
		return nil, told(kind, err)
	}
	return s, nil
}

// Read implements io.Reader. Its io.EOF is a clean end only.
func (s *Stream) Read(p []byte) (n int, err error) {
	defer caught(&err)
	n, err = s.plain.Read(p)
	if err == io.EOF { // a cut stream is io.ErrUnexpectedEOF, wrapped by some
		return n, io.EOF
	}
	return n, told("", err)
}

// Packed is how many compressed bytes were read so far.
func (s *Stream) Packed() int64 { return s.packed.n }

// Close frees what the decoder holds.
func (s *Stream) Close() { s.shut() }

// told gives a decoder's error one of evidence's reasons.
func told(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%w: a zstandard window over %d MiB: unpack it and name the folder", evidence.ErrLimit, maxWindow>>20)
	case errors.Is(err, evidence.ErrLimit), errors.Is(err, evidence.ErrEncrypted), errors.Is(err, evidence.ErrUnsupported), errors.Is(err, evidence.ErrTruncated):
		return err
	case errors.Is(err, io.EOF): // no clean end: those are told apart before
		err = fmt.Errorf("%w (%s)", io.ErrUnexpectedEOF, err.Error())
	}
	if what == "" {
		return fmt.Errorf("%w: %w", evidence.ErrTruncated, err)
	}
	return fmt.Errorf("%w: %s: %w", evidence.ErrTruncated, what, err)
}

// errPanic is a decoder that broke on what it was given.
var errPanic = errors.New("unpack: decoder panicked")

// caught turns a library's panic into an error.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %w: %v", evidence.ErrTruncated, errPanic, r)
	}
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
