package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"postern/evidence"
)

// times settles the birth and change times of an entry, as its file system has
// them; dir is its open folder.
type times func(dir *os.File, base string, e *evidence.Entry)

// ownTimes takes them as they are.
func ownTimes(*os.File, string, *evidence.Entry) {}

// disk is a directory as a store: every open goes through an os.Root.
type disk struct {
	root  *os.Root
	dir   *os.File // the same
	times times    // nil: the file system is not the examined machine's
}

// Disk opens a directory as a tree. live says that its file systems are the
// examined machine's own, so that birth and change times are evidence; else
// they are so on a mounted NTFS volume only, as anything else may be a copy.
func Disk(dir string, live bool, limits Limits) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d := &disk{root: root, times: ownTimes}
	if d.dir, err = root.Open("."); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if !live {
		d.times = volumeTimes(root)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return &Tree{store: d, mounted: filepath.ToSlash(abs), linked: limits.orDefault().Entries}, nil
}

func (d *disk) close() error { return errors.Join(d.root.Close(), d.dir.Close()) }

func (d *disk) link(name evidence.Name) (string, error) { return d.root.Readlink(string(name)) }

func (d *disk) stat(name evidence.Name) (node, error) {
	f, err := d.openFolder(name.Dir())
	if err != nil {
		return node{}, err
	}
	defer f.close()
	return f.stat(name.Base())
}

func newNode(info fs.FileInfo) node {
	return node{entry: evidence.Entry{Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime()}}
}

// open opens a regular file. Between stat and open the name may have become a
// pipe: openFlags keep that from blocking, and it is looked at again.
func (d *disk) open(name evidence.Name) (evidence.File, error) {
	f, err := d.root.OpenFile(string(name), os.O_RDONLY|quietFlags, 0)
	if quietFlags != openFlags && errors.Is(err, fs.ErrPermission) { // another user's file
		f, err = d.root.OpenFile(string(name), os.O_RDONLY|openFlags, 0)
	}
	if isLocked(err) {
		return nil, fmt.Errorf("%w: %w", errLocked, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is not a regular file", evidence.ErrUnsupported, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &sized{r: f, size: info.Size(), shut: f.Close}, nil
}

// diskFolder is one open directory.
type diskFolder struct {
	disk *disk
	name evidence.Name
	dir  *os.File
	told map[string]node // what the listing itself told of each name; nil: nothing, or not listed
	next *ahead          // who looks at the names of a large folder before they are asked for; nil: nobody
}

func (d *disk) folder(name evidence.Name) (folder, error) { return d.openFolder(name) }

func (d *disk) openFolder(name evidence.Name) (*diskFolder, error) {
	dir, err := d.root.OpenFile(string(name), os.O_RDONLY|folderFlags, 0)
	if err != nil {
		return nil, err
	}
	return &diskFolder{disk: d, name: name, dir: dir}, nil
}

func (f *diskFolder) names() ([]string, error) {
	names, told, err := list(f.dir)
	f.told = told
	slices.Sort(names)
	if told == nil && len(names) >= aheadFrom {
		f.next = f.lookAhead(names)
	}
	return names, err
}

func (f *diskFolder) stat(base string) (node, error) {
	n, told := f.told[base]
	var err error
	switch {
	case told:
	case f.next != nil:
		n, err = f.next.take(f, base)
	default:
		n, err = f.look(base)
	}
	if err != nil {
		return node{}, err
	}
	if n.is(fs.ModeIrregular) { // NTFS junctions are links
		if _, err := f.disk.root.Readlink(string(f.name.Join(base))); err == nil {
			n.entry.Mode = fs.ModeSymlink
		}
	}
	if f.disk.times == nil {
		n.entry.Birth, n.entry.Changed = time.Time{}, time.Time{}
		return n, nil
	}
	f.disk.times(f.dir, base, &n.entry)
	return n, nil
}

func (f *diskFolder) close() {
	if f.next != nil {
		f.next.stop()
	}
	_ = f.dir.Close() // read only: nothing is lost
}

// sized is a file of a declared size: it delivers that much, and ErrTruncated
// where less is there.
type sized struct {
	r    io.ReaderAt
	size int64
	shut func() error // nil: nothing to close
}

// Size implements evidence.File.
func (s *sized) Size() int64 { return s.size }

// Close implements evidence.File.
func (s *sized) Close() error {
	if s.shut == nil {
		return nil
	}
	return s.shut()
}

// ReadAt implements io.ReaderAt.
func (s *sized) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("tree: read at %d: %w", off, fs.ErrInvalid)
	}
	if off >= s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	n, err := s.r.ReadAt(p, off)
	switch {
	case n < len(p) && (err == nil || errors.Is(err, io.EOF)):
		return n, fmt.Errorf("%w: %d bytes of %d", evidence.ErrTruncated, off+int64(n), s.size)
	case err != nil && !errors.Is(err, io.EOF):
		return n, err
	case short:
		return n, io.EOF
	}
	return n, nil
}
