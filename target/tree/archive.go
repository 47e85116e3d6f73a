package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"postern/evidence"
)

// archive is one file as a store: a zip, a tar, or a single log.
type archive struct {
	*index
	file    *os.File
	size    int64
	data    io.ReaderAt // what at of the items counts in: the file or its spooled content
	dataLen int64
	scratch *scratch
	limits  Limits
	spent   atomic.Int64 // bytes inflated from members so far
}

// Limits bound what one target may cost. A zero field means its default.
type Limits struct {
	Entries int64 // names in one archive; also names a walk may reach through links
	Bytes   int64 // uncompressed bytes: of a compressed tar, and of all reads from one zip
	Ratio   int64 // uncompressed to compressed bytes, once 64 MiB have come out
	Memory  int64 // bytes of a zip member held in memory before it goes to scratch
}

// defaultLimits returns the limits in force where none are set.
func defaultLimits() Limits {
	return Limits{Entries: 2_000_000, Bytes: 256 << 30, Ratio: 250, Memory: 4 << 20}
}

func (l Limits) orDefault() Limits {
	d := defaultLimits()
	for _, f := range []struct{ have, def *int64 }{
		{&l.Entries, &d.Entries}, {&l.Bytes, &d.Bytes}, {&l.Ratio, &d.Ratio}, {&l.Memory, &d.Memory},
	} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	return l
}

// File opens one file as a tree: an archive's content, or with single set the
// file itself as the only name. scratch is where compressed tars are unpacked,
// "" for a temporary folder; it is not made before it is needed, and emptied on
// Close. The faults say what of an archive, or of what seems one, is lost. The
// error is of a file that cannot be opened at all.
func File(ctx context.Context, name, scratch string, limits Limits) (t *Tree, single bool, faults []error, err error) {
	a, err := openArchive(name, scratch, limits)
	if err != nil {
		return nil, false, nil, err
	}
	base := filepath.Base(name)
	opened, faults := a.read(ctx, base)
	if !opened {
		a.single(base)
	}
	return &Tree{store: a, linked: a.limits.Entries}, !opened, faults, nil
}

func openArchive(name, dir string, limits Limits) (*archive, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &archive{
		file: f, size: info.Size(), data: f, dataLen: info.Size(),
		scratch: &scratch{dir: dir}, limits: limits.orDefault(),
	}, nil
}

// logArchive is a packed log by name: left packed, its reader unpacks it.
var logArchive = regexp.MustCompile(`(?i)\.(log|txt)([._-][0-9.-]+)?\.zip$`)

// archiveName is what only an archive is called.
var archiveName = regexp.MustCompile(`(?i)\.(zip|tar|tgz|tar\.gz|tar\.zst|tzst)$`)

// foreign are forms that hold evidence and that nothing here reads.
var foreign = []struct {
	magic string
	at    int
	what  string
}{
	{"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive: unpack it"},
	{"Rar!\x1a\x07", 0, "a RAR archive: unpack it"},
	{"\xfd7zXZ\x00", 0, "xz: unpack it"},
	{"BZh", 0, "bzip2: unpack it"},
	{"EVF\x09", 0, "an EnCase image: mount it read-only"},
	{"vhdxfile", 0, "a VHDX disk: mount it read-only"},
	{"conectix", 0, "a VHD disk: mount it read-only"},
	{"KDMV", 0, "a VMDK disk: mount it read-only"},
	{"QFI\xfb", 0, "a qcow2 disk: mount it read-only"},
	{"NTFS    ", 3, "an NTFS volume: mount it read-only"},
	{"EFI PART", 512, "a disk image: mount it read-only"},
}

// read indexes the file by what it holds. It is false for a file that is no
// archive; the faults say what is wrong with one that is, or seems to be.
func (a *archive) read(ctx context.Context, base string) (opened bool, faults []error) {
	head := make([]byte, 1024)
	n, err := a.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, []error{err}
	}
	head = head[:n]
	switch {
	case n == 0:
		return false, []error{fmt.Errorf("%w: an empty file", evidence.ErrTruncated)}
	case a.isZip(ctx, head, base):
		a.index = newIndex(a.limits.Entries, true)
		faults = a.readZip(ctx)
	case isTar(head):
		faults = a.readTar(ctx, a.file, a.size)
	case bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		opened, faults = a.readPacked(ctx, head[0] == 0x1f)
		if !opened && len(faults) == 0 && archiveName.MatchString(base) {
			faults = []error{fmt.Errorf("%w: no archive inside", evidence.ErrTruncated)}
		}
		return opened, faults
	default:
		for _, f := range foreign {
			if len(head) > f.at && bytes.HasPrefix(head[f.at:], []byte(f.magic)) {
				return false, []error{fmt.Errorf("%w: %s", evidence.ErrUnsupported, f.what)}
			}
		}
		if archiveName.MatchString(base) && !logArchive.MatchString(base) {
			return false, []error{fmt.Errorf("%w: not an archive, though its name says so", evidence.ErrTruncated)}
		}
		return false, nil
	}
	return true, faults
}

// isZip: by content; a program may stand before a zip, which its end then shows.
func (a *archive) isZip(ctx context.Context, head []byte, base string) bool {
	switch {
	case logArchive.MatchString(base):
		return false
	case bytes.HasPrefix(head, []byte(sigLocal)), bytes.HasPrefix(head, []byte(sigEnd)):
		return true
	case bytes.HasPrefix(head, []byte("MZ")), bytes.HasPrefix(head, []byte("\x7fELF")), bytes.HasPrefix(head, []byte("#!")), archiveName.MatchString(base):
		_, err := a.findDirectory(ctx)
		return err == nil
	}
	return false
}

// readPacked unpacks gzip or zstandard into scratch, if a tar is inside.
func (a *archive) readPacked(ctx context.Context, gz bool) (opened bool, faults []error) {
	packed := &counted{r: io.NewSectionReader(a.file, 0, a.size)}
	plain, closeReader, err := unpacker(packed, gz)
	if err != nil {
		return false, []error{fmt.Errorf("%w: %w", evidence.ErrTruncated, err)}
	}
	defer closeReader()
	head := make([]byte, 512)
	n, err := io.ReadFull(plain, head)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return false, []error{fmt.Errorf("%w: a zstandard window over %d MiB: unpack it and name the folder", evidence.ErrLimit, maxWindow>>20)}
	}
	if !isTar(head[:n]) {
		return false, nil // one packed log; a damaged one is its reader's to tell
	}
	spool, err := a.scratch.create()
	if err != nil {
		return false, []error{fmt.Errorf("scratch for unpacking: %w", err)}
	}
	size, err := a.spool(ctx, spool, io.MultiReader(bytes.NewReader(head[:n]), plain), packed)
	if err != nil {
		faults = append(faults, err)
	}
	a.data, a.dataLen = spool, size
	return true, append(faults, a.readTar(ctx, spool, size)...)
}

// maxWindow is the largest zstandard window held in memory: all that
// compression levels up to 21 ask for.
const maxWindow = 64 << 20

func unpacker(r io.Reader, gz bool) (io.Reader, func(), error) {
	if gz {
		z, err := gzip.NewReader(r)
		return z, func() {}, err
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

// spool copies plain into w within the limits and says how much came out.
func (a *archive) spool(ctx context.Context, w io.Writer, plain io.Reader, packed *counted) (size int64, err error) {
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := plain.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return size, fmt.Errorf("unpacking into scratch: %w", werr)
		}
		size += int64(n)
		if lerr := a.limits.check(size, packed.n); lerr != nil {
			return size, lerr
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("%w: unpacked %d bytes: %w", evidence.ErrTruncated, size, err)
		}
	}
}

// check says whether size bytes out of packed are too many.
func (l Limits) check(size, packed int64) error {
	const floor = 64 << 20 // preallocated files of real systems shrink a thousandfold
	if size > l.Bytes {
		return fmt.Errorf("%w: more than %d bytes unpacked", evidence.ErrLimit, l.Bytes)
	}
	if size > floor && size/l.Ratio > packed {
		return fmt.Errorf("%w: unpacks to more than %d times its size", evidence.ErrLimit, l.Ratio)
	}
	return nil
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

// single makes the file itself the only name.
func (a *archive) single(base string) {
	a.index = newIndex(1, false)
	it := item{name: evidence.Name(base), mode: 0o444, size: a.size, packed: a.size}
	if info, err := a.file.Stat(); err == nil {
		it.mod, it.mode = info.ModTime().UnixNano(), info.Mode()
	}
	a.data, a.dataLen = a.file, a.size
	_ = a.attach(0, it) // the first of one
	a.finish()
}

func (a *archive) link(name evidence.Name) (string, error) {
	it, err := a.find(name)
	if err != nil {
		return "", err
	}
	if !a.zip {
		return it.link, nil
	}
	f, err := a.member(it)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if f.Size() > maxName {
		return "", fmt.Errorf("%w: a link of %d bytes", evidence.ErrLimit, f.Size())
	}
	text := make([]byte, f.Size())
	if _, err := f.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(text), nil
}

func (a *archive) open(name evidence.Name) (evidence.File, error) {
	it, err := a.find(name)
	if err != nil {
		return nil, err
	}
	if it.err != nil {
		return nil, it.err
	}
	if a.zip {
		return a.member(it)
	}
	have := max(0, min(it.packed, a.dataLen-it.at))
	return &sized{r: io.NewSectionReader(a.data, it.at, have), size: it.size}, nil
}

func (a *archive) close() error {
	return errors.Join(a.file.Close(), a.scratch.close())
}

// scratch hands out files that vanish when it is closed.
type scratch struct {
	dir   string // where; "": a temporary folder of our own
	mu    sync.Mutex
	own   string // the folder we made
	files []*os.File
}

// create returns an empty file, readable by this user only.
func (s *scratch) create() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == "" {
		own, err := os.MkdirTemp(s.dir, "postern-")
		if err != nil {
			return nil, err
		}
		s.own = own
	}
	f, err := os.CreateTemp(s.own, "spool-")
	if err == nil {
		s.files = append(s.files, f)
	}
	return f, err
}

// drop closes and removes one file early.
func (s *scratch) drop(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (s *scratch) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == "" {
		return nil
	}
	for _, f := range s.files {
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			return err
		}
	}
	return os.RemoveAll(s.own)
}
