package evidencetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// Tree is an evidence.Tree in memory: names ("C/Windows/win.ini") to files. A
// directory exists when a file stands below it, or as an entry of its own with
// Dir set. Names are looked up exactly first and then case folded.
type Tree map[string]File

// File is one entry of a Tree, with what goes wrong when it is touched.
type File struct {
	Data     []byte
	ModTime  time.Time // zero: a fixed day, 2026-01-15 12:00 UTC
	Birth    time.Time
	Changed  time.Time
	Dir      bool
	Kind     fs.FileMode // what it is instead of a file: a pipe, a link
	Declared int64       // size the walk and Size give when longer than Data: reads then end in evidence.ErrTruncated
	WalkErr  error       // Entry.Err; a directory's children are missing then
	OpenErr  error       // what Open returns
	ReadErr  error       // what a read of the file's second half returns
}

// Text is a File holding a string.
func Text(s string) File { return File{Data: []byte(s)} }

// Walk implements evidence.Tree.
func (t Tree) Walk(ctx context.Context, root evidence.Name, fn func(evidence.Entry) error) error {
	name, ok := t.find(string(root))
	if !ok {
		return fmt.Errorf("evidencetest: walk %s: %w", root, fs.ErrNotExist)
	}
	err := t.walk(ctx, name, fn)
	if errors.Is(err, fs.SkipAll) || errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}

func (t Tree) walk(ctx context.Context, name string, fn func(evidence.Entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, listed := t[name]
	dir := f.Dir || !listed
	entry := evidence.Entry{Name: evidence.Name(name), Size: f.size(), ModTime: f.modTime(), Birth: f.Birth, Changed: f.Changed, Err: f.WalkErr, Mode: 0o644}
	if entry.Mode |= f.Kind; dir {
		entry.Mode = fs.ModeDir | 0o755
	}
	err := fn(entry)
	if err != nil || !dir || f.WalkErr != nil {
		if errors.Is(err, fs.SkipDir) && dir {
			return nil
		}
		return err
	}
	for _, child := range t.children(name) {
		if err := t.walk(ctx, child, fn); errors.Is(err, fs.SkipDir) {
			return nil // from a file: the rest of its directory
		} else if err != nil {
			return err
		}
	}
	return nil
}

// children returns the names directly below dir, in byte order.
func (t Tree) children(dir string) []string {
	below := map[string]bool{}
	for name := range t {
		rest, ok := strings.CutPrefix(name, dir+"/")
		if dir == "." {
			rest, ok = name, name != "."
		}
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(rest, "/")
		below[string(evidence.Name(dir).Join(first))] = true
	}
	return slices.Sorted(maps.Keys(below))
}

// find returns the stored spelling of a name, of a directory too.
func (t Tree) find(name string) (string, bool) {
	if _, ok := t[name]; ok || name == "." {
		return name, true
	}
	for _, have := range slices.Sorted(maps.Keys(t)) {
		for have != "." {
			if strings.EqualFold(have, name) {
				return have, true
			}
			have = string(evidence.Name(have).Dir())
		}
	}
	return "", false
}

// Open implements evidence.Tree.
func (t Tree) Open(name evidence.Name) (evidence.File, error) {
	have, _ := t.find(string(name))
	f, ok := t[have]
	switch {
	case !ok || f.Dir:
		return nil, fmt.Errorf("evidencetest: open %s: %w", name, fs.ErrNotExist)
	case f.OpenErr != nil:
		return nil, fmt.Errorf("evidencetest: open %s: %w", name, f.OpenErr)
	case f.WalkErr != nil:
		return nil, fmt.Errorf("evidencetest: open %s: %w", name, f.WalkErr)
	}
	return openFile{f}, nil
}

func (f File) size() int64 { return max(int64(len(f.Data)), f.Declared) }

func (f File) modTime() time.Time {
	if f.ModTime.IsZero() && !f.Dir {
		return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	}
	return f.ModTime
}

type openFile struct{ f File }

func (o openFile) Size() int64  { return o.f.size() }
func (o openFile) Close() error { return nil }

// ReadAt fails in the second half when ReadErr is set, and past the data of a
// file that was declared longer.
func (o openFile) ReadAt(b []byte, off int64) (int, error) {
	data := o.f.Data
	end := io.EOF
	if o.f.ReadErr != nil {
		data, end = data[:len(data)/2], o.f.ReadErr
	} else if o.f.Declared > int64(len(data)) {
		end = fmt.Errorf("evidencetest: %w", evidence.ErrTruncated)
	}
	if off >= int64(len(data)) {
		return 0, end
	}
	n := copy(b, data[off:])
	if n < len(b) {
		return n, end
	}
	return n, nil
}
