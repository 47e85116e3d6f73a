package tree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sort"
	"time"

	"postern/evidence"
)

// Arrangement shows the files of a tree under names of their own: those of the
// examined machine, where a collection stores them encoded, in parts or more
// than once. What it lacks has a name there too.
type Arrangement struct {
	view *view
}

// Run is a stretch of a file of which only parts were stored.
type Run struct {
	At     int64 // where it stands in the file
	Length int64
	Stored int64 // where its bytes stand in what was stored
	Hole   bool  // nothing was stored: zeros
}

// Arrange begins an arrangement over t, which it owns.
func (t *Tree) Arrange(limits Limits) *Arrangement {
	return &Arrangement{&view{index: newIndex(limits.orDefault().Entries, false), base: t}}
}

// Put shows the file or folder from under name. A size over what is stored
// makes its end ErrTruncated; below 0 it is as stored. With runs the file is
// put together from them. A name put twice is kept once and shows as
// ErrDuplicate. Its error is ErrLimit: the arrangement is full.
func (a *Arrangement) Put(name string, from evidence.Name, size int64, runs []Run) error {
	p, err := a.view.base.resolve(from)
	e := p.entry
	it := item{unix: true, mode: e.Mode, size: max(e.Size, size), at: int64(len(a.view.origins)), err: cmp.Or(err, e.Err), again: int32(p.again)}
	if it.err == nil && !e.Mode.IsDir() && !e.Mode.IsRegular() {
		it.mode, it.err = 0, fmt.Errorf("%w: %s is not a regular file", evidence.ErrUnsupported, e.Mode)
	}
	if !e.ModTime.IsZero() {
		it.mod = e.ModTime.UnixNano()
	}
	if len(runs) > 0 {
		last := runs[len(runs)-1]
		it.size = max(size, last.At+last.Length)
	}
	a.view.origins = append(a.view.origins, origin{from, runs, e.Birth, e.Changed})
	return a.view.add(name, it)
}

// Lack gives a name for what the tree does not hold, and why. A name that is
// there already keeps what it has. Where its folder is missing too, the topmost
// missing one stands for all of it: an empty folder would count as one looked
// into.
func (a *Arrangement) Lack(name string, size int64, why error) error {
	it := item{unix: true, mode: 0o444, size: max(0, size), at: -1, err: why}
	clean, err := a.view.clean(name, true)
	if err != nil {
		return a.view.add(name, it)
	}
	if _, there := a.view.byName[clean]; there {
		return nil
	}
	missing := clean
	for dir := clean.Dir(); ; dir = dir.Dir() {
		if i, there := a.view.byName[dir]; there {
			if h := &a.view.items[i]; h.at < 0 || !h.mode.IsDir() {
				return nil // told already
			}
			break
		}
		missing = dir
	}
	if missing != clean {
		it = item{mode: fs.ModeDir | 0o555, at: -1, err: fmt.Errorf("%w: files of this folder are listed, and none is here", evidence.ErrNotCollected)}
	}
	return a.view.add(string(missing), it)
}

// Again shows under name what stands under the name of, which Put or Keep gave;
// where name's folder is missing, as Lack.
func (a *Arrangement) Again(name string, of evidence.Name, why error) error {
	i, known := a.view.byName[of]
	clean, err := a.view.clean(name, true)
	if err == nil {
		if _, folder := a.view.byName[clean.Dir()]; known && folder && a.view.items[i].at >= 0 {
			it := a.view.items[i]
			it.kids, it.again = nil, 0
			return a.view.add(name, it)
		}
	}
	return a.Lack(name, 0, why)
}

// Keep shows from, and all below it, under name as they are, links and
// duplicates too.
func (a *Arrangement) Keep(ctx context.Context, from, name evidence.Name) error {
	n, err := a.view.base.store.stat(from)
	return a.keep(ctx, from, name, n, err, 0)
}

func (a *Arrangement) keep(ctx context.Context, from, name evidence.Name, n node, err error, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	it := item{unix: true, mode: n.entry.Mode, size: n.entry.Size, at: int64(len(a.view.origins)), err: cmp.Or(err, n.entry.Err), again: int32(n.again)}
	if !n.entry.ModTime.IsZero() {
		it.mod = n.entry.ModTime.UnixNano()
	}
	if n.is(fs.ModeSymlink) && it.err == nil {
		it.link, it.err = a.view.base.store.link(from)
	}
	var names []string
	if n.is(fs.ModeDir) && it.err == nil {
		f, err := a.view.base.store.folder(from)
		if err == nil {
			defer f.close()
			names, err = f.names()
		}
		if err == nil && depth >= maxDepth {
			names, err = nil, fmt.Errorf("%w: %d folders below one another", evidence.ErrLimit, maxDepth)
		}
		it.err = err
		if err := a.attach(name, it, origin{from, nil, n.entry.Birth, n.entry.Changed}); err != nil {
			return err
		}
		for _, base := range names {
			n, err := f.stat(base)
			if err := a.keep(ctx, from.Join(base), name.Join(base), n, err, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return a.attach(name, it, origin{from, nil, n.entry.Birth, n.entry.Changed})
}

// attach takes a name of the tree below as it is.
func (a *Arrangement) attach(name evidence.Name, it item, from origin) error {
	a.view.origins = append(a.view.origins, from)
	if have, known := a.view.byName[name]; known {
		a.view.merge(have, it)
		return nil
	}
	parent, err := a.view.parent(name.Dir())
	if err != nil {
		return err
	}
	it.name = name
	return a.view.attach(parent, it)
}

// Expect says how long a file is by the collection's own word: where less is
// stored, its end is ErrTruncated.
func (a *Arrangement) Expect(name evidence.Name, size int64) {
	if i, known := a.view.byName[name]; known && a.view.items[i].mode.IsRegular() {
		a.view.items[i].size = max(a.view.items[i].size, size)
	}
}

// Tree ends the arrangement. Closing the tree closes the one beneath.
func (a *Arrangement) Tree() *Tree {
	a.view.finish()
	base := a.view.base
	return &Tree{store: a.view, mounted: base.mounted, linked: base.linked}
}

// view is a store of another tree's files under other names. at of its items
// is an index of origins, below 0 for what is not there.
type view struct {
	*index
	base    *Tree
	origins []origin
}

type origin struct {
	name           evidence.Name
	runs           []Run
	birth, changed time.Time
}

func (v *view) stat(name evidence.Name) (node, error) {
	n, err := v.index.stat(name)
	if err == nil {
		if it, _ := v.find(name); it.at >= 0 && !it.implied && len(v.origins) > 0 {
			n.entry.Birth, n.entry.Changed = v.origins[it.at].birth, v.origins[it.at].changed
		}
	}
	return n, err
}

func (v *view) folder(name evidence.Name) (folder, error) {
	f, err := v.index.folder(name)
	if err != nil {
		return nil, err
	}
	return viewFolder{f.(indexFolder), v}, nil //nolint:forcetypeassert // an index gives no other
}

// viewFolder is a folder whose entries have the times of their origins.
type viewFolder struct {
	indexFolder
	view *view
}

func (f viewFolder) stat(base string) (node, error) { return f.view.stat(f.at.name.Join(base)) }

func (v *view) link(name evidence.Name) (string, error) {
	it, err := v.find(name)
	if err != nil {
		return "", err
	}
	return it.link, nil
}

func (v *view) open(name evidence.Name) (evidence.File, error) {
	it, err := v.find(name)
	if err == nil {
		err = it.err
	}
	if err != nil {
		return nil, err
	}
	if it.at < 0 || it.implied {
		return nil, fs.ErrNotExist
	}
	from := v.origins[it.at]
	f, err := v.base.Open(from.name)
	switch {
	case err != nil:
		return nil, err
	case from.runs != nil:
		return &sized{r: &pieced{f, from.runs}, size: it.size, shut: f.Close}, nil
	case it.size > f.Size():
		return &sized{r: f, size: it.size, shut: f.Close}, nil
	}
	return f, nil
}

func (v *view) close() error { return v.base.Close() }

// CheckRuns reports whether runs follow one another from 0 to size without a
// break, and lie inside what was stored.
func CheckRuns(runs []Run, size, stored int64) error {
	at := int64(0)
	for i, r := range runs {
		switch {
		case r.At != at || r.Length < 0 || r.Length > size-at:
			return fmt.Errorf("%w: part %d stands at %d and not at %d", evidence.ErrTruncated, i+1, r.At, at)
		case !r.Hole && (r.Stored < 0 || r.Length > stored-r.Stored || r.Stored > stored):
			return fmt.Errorf("%w: part %d lies behind the %d bytes stored", evidence.ErrTruncated, i+1, stored)
		}
		at += r.Length
	}
	if at != size {
		return fmt.Errorf("%w: parts of %d bytes in all for %d", evidence.ErrTruncated, at, size)
	}
	return nil
}

// pieced reads a file put together from runs.
type pieced struct {
	r    io.ReaderAt
	runs []Run
}

// ReadAt implements io.ReaderAt.
func (f *pieced) ReadAt(p []byte, off int64) (n int, err error) {
	i := sort.Search(len(f.runs), func(i int) bool { return f.runs[i].At+f.runs[i].Length > off })
	for ; n < len(p) && i < len(f.runs); i++ {
		r := f.runs[i]
		skip := off + int64(n) - r.At
		piece := p[n:min(int64(len(p)), int64(n)+r.Length-skip)]
		if r.Hole {
			clear(piece)
			n += len(piece)
			continue
		}
		k, err := f.r.ReadAt(piece, r.Stored+skip)
		n += k
		if k < len(piece) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Names of all files of an arrangement so far, in byte order: what a collection
// lists can be held against them.
func (a *Arrangement) Names() []evidence.Name {
	names := make([]evidence.Name, 0, len(a.view.items))
	for i := range a.view.items {
		if !a.view.items[i].mode.IsDir() {
			names = append(names, a.view.items[i].name)
		}
	}
	slices.Sort(names)
	return names
}
