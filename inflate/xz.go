// Package inflate undoes xz for evidence that may be hostile: the library makes
// room for the dictionary that a block declares, up to 4 GiB, so a gate reads all
// headers before the first block is begun. What the gate refuses is
// evidence.ErrLimit or ErrUnsupported; a library's panic is an error.
//
// Format: xz 1.2.1 (tukaani.org/xz/xz-file-format.txt).
package inflate

import (
	"bufio"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"

	"postern/evidence"
)

// XZ gives the text of an xz file: packed gives its bytes from the first on, and
// r those that the gate asks for. An end before the last stream's is
// io.ErrUnexpectedEOF.
func XZ(packed io.Reader, r io.ReaderAt, size, dictionary int64) (text io.Reader, err error) {
	defer caught(&err)
	whole, err := GateXZ(r, size, dictionary)
	if err != nil {
		return nil, err
	}
	plain, err := xz.NewReader(bufio.NewReader(packed)) // it reads single bytes
	if err != nil {
		return nil, err
	}
	return &stream{plain, !whole}, nil
}

// stream is an xz file being read.
type stream struct {
	plain io.Reader
	cut   bool
}

// Read implements io.Reader. Its io.EOF is a clean end only.
func (s *stream) Read(p []byte) (n int, err error) {
	defer caught(&err)
	n, err = s.plain.Read(p)
	if err == io.EOF && s.cut {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// caught turns a library's panic into an error.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: inflate: decoder panicked: %v", evidence.ErrTruncated, r)
	}
}
