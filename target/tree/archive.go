package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"

	"postern/evidence"
	"postern/target/unpack"
)

// archive is one file as a store: a zip, a tar, or a single log.
type archive struct {
	*index
	file    evidence.File
	self    evidence.Entry // of the file itself
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
	Bytes   int64 // uncompressed bytes: of a compressed tar or a 7-Zip archive, and of all reads from one zip
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
// file itself as the only name. scratch is where compressed tars and 7-Zip
// archives are unpacked, "" for a temporary folder; it is not made before it is
// needed, and emptied on Close. The faults say what of an archive, or of what
// seems one, is lost. The error is of a file that cannot be opened at all.
func File(ctx context.Context, name, scratch string, limits Limits) (t *Tree, single bool, faults []error, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, false, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, false, nil, errors.Join(err, f.Close())
	}
	t, single, faults = openArchive(ctx, &sized{r: f, size: info.Size(), shut: f.Close}, newNode(info).entry, filepath.Base(name), scratch, limits)
	return t, single, faults, nil
}

// Nested opens one file of the tree as File does. The tree stays open beneath
// it, and is the caller's to close after it.
func (t *Tree) Nested(ctx context.Context, name evidence.Name, scratch string, limits Limits) (inner *Tree, single bool, faults []error, err error) {
	self, err := t.Stat(name)
	if err != nil {
		return nil, false, nil, err
	}
	f, err := t.Open(name)
	if err != nil {
		return nil, false, nil, err
	}
	inner, single, faults = openArchive(ctx, f, self, name.Base(), scratch, limits)
	return inner, single, faults, nil
}

func openArchive(ctx context.Context, f evidence.File, self evidence.Entry, base, dir string, limits Limits) (t *Tree, single bool, faults []error) {
	a := &archive{
		file: f, self: self, size: f.Size(), data: f, dataLen: f.Size(),
		scratch: &scratch{dir: dir}, limits: limits.orDefault(),
	}
	opened, faults := a.read(ctx, base)
	if !opened {
		a.single(base)
	}
	return &Tree{store: a, linked: a.limits.Entries}, !opened, faults
}

// logArchive is a packed log by name: left packed, its reader unpacks it.
var logArchive = regexp.MustCompile(`(?i)\.(log|txt)([._-][0-9.-]+)?\.zip$`)

// archiveName is what only an archive is called.
var archiveName = regexp.MustCompile(`(?i)\.(zip|7z|tar|tgz|tzst|tbz2?|txz|tar\.(gz|zst|bz2|xz))$`)

// foreign are forms that hold evidence and that nothing here reads.
var foreign = []struct {
	magic string
	at    int
	what  string
}{
	{"Rar!\x1a\x07", 0, "a RAR archive: unpack it"},
	{"BZh", 0, "bzip2 of a kind unknown: unpack it"},
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
	case bytes.HasPrefix(head, []byte("7z\xbc\xaf\x27\x1c")):
		faults = a.readSevenZip(ctx)
	case unpack.Kind(head) != "":
		opened, faults = a.readPacked(ctx, unpack.Kind(head))
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

// single makes the file itself the only name.
func (a *archive) single(base string) {
	a.index = newIndex(1, false)
	it := item{name: evidence.Name(base), mode: a.self.Mode, size: a.size, packed: a.size}
	if !a.self.ModTime.IsZero() {
		it.mod = a.self.ModTime.UnixNano()
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
