package unpack

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"time"

	"github.com/bodgit/sevenzip"

	"postern/evidence"
)

// Entry is one name of a 7-Zip archive.
type Entry struct {
	Name    string // with a final slash for a folder
	Mode    fs.FileMode
	ModTime time.Time
	Size    int64 // as declared
	Unix    bool  // written by a system where a backslash may be part of a name
}

// SevenZip reads a 7-Zip archive front to back: entry by entry it calls each,
// which reads content as far as it wants; nil for what has none. Solid blocks
// are decoded once. An entry whose content cannot be had gives the reason where
// it is read. More than entries names are ErrLimit.
func SevenZip(ctx context.Context, r io.ReaderAt, size, entries int64, each func(Entry, io.Reader) error) (err error) {
	defer caught(&err)
	if err := gate7z(r, size, entries); err != nil {
		return err
	}
	z, err := sevenzip.NewReader(r, size)
	if err != nil {
		return toldOf7z(err)
	}
	broken := map[int]error{}
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := eachOf7z(f, broken, each); err != nil {
			return err
		}
	}
	return nil
}

// eachOf7z hands one entry over. A block that broke is not begun anew for each
// entry behind the break.
func eachOf7z(f *sevenzip.File, broken map[int]error, each func(Entry, io.Reader) error) error {
	e := Entry{Name: f.Name, Mode: f.Mode(), ModTime: f.Modified, Size: int64(f.UncompressedSize), Unix: f.Attributes&unixExtension != 0}
	if !e.Mode.IsRegular() && e.Mode.Type() != fs.ModeSymlink {
		return each(e, nil)
	}
	if e.Size < 0 {
		return each(e, failed{fmt.Errorf("%w: declares a negative size", evidence.ErrTruncated)})
	}
	if err := broken[f.Stream]; err != nil && e.Size > 0 {
		return each(e, failed{err})
	}
	content, err := openOf7z(f)
	if err != nil {
		broken[f.Stream] = err
		return each(e, failed{err})
	}
	defer content.Close() // read to its end or given up: nothing is lost
	r := &told7z{r: content, left: e.Size, want: f.CRC32, sum: crc32.NewIEEE()}
	err = each(e, r)
	if r.err != nil {
		broken[f.Stream] = fmt.Errorf("%w (in the block before it)", r.err)
	}
	return err
}

// unixExtension marks attributes that hold st_mode (7zip/Common/FileStreams).
const unixExtension = 0x8000

// openOf7z opens one entry; in a solid block that decodes what stands before.
func openOf7z(f *sevenzip.File) (r io.ReadCloser, err error) {
	defer caught(&err)
	r, err = f.Open()
	return r, toldOf7z(err)
}

// told7z reads content, checks its length and checksum, and gives a library's
// panic and error as ours.
type told7z struct {
	r    io.Reader
	left int64
	want uint32 // 0: none stored
	sum  hash.Hash32
	err  error // of the decoder
}

func (t *told7z) Read(p []byte) (n int, err error) {
	defer func() {
		if err != nil && err != io.EOF { // as below
			t.err = err
		}
	}()
	defer caught(&err)
	n, err = t.r.Read(p)
	t.sum.Write(p[:n])
	t.left -= int64(n)
	switch {
	case err != io.EOF: // the clean end
		return n, toldOf7z(err)
	case t.left > 0:
		return n, fmt.Errorf("%w: %d bytes are missing", evidence.ErrTruncated, t.left)
	case t.want != 0 && t.sum.Sum32() != t.want:
		return n, fmt.Errorf("%w: the checksum does not match", evidence.ErrTruncated)
	}
	return n, io.EOF
}

// failed is content that cannot be had.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

func toldOf7z(err error) error {
	var read *sevenzip.ReadError
	if errors.As(err, &read) && read.Encrypted {
		return errEncrypted7z
	}
	return told("7-Zip", err)
}

var errEncrypted7z = fmt.Errorf("%w: a 7-Zip archive: unpack it with its password and name the folder", evidence.ErrEncrypted)
