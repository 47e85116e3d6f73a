package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"postern/evidence"
)

// store is raw storage beneath a tree. It is given clean names without links
// and folds no case. Safe for concurrent use.
type store interface {
	folder(name evidence.Name) (folder, error)
	stat(name evidence.Name) (node, error)          // of the name itself, also when it is a link
	link(name evidence.Name) (string, error)        // a link's text, as stored
	open(name evidence.Name) (evidence.File, error) // a regular file
	close() error
}

// folder is one open directory of a store.
type folder interface {
	names() ([]string, error) // base names in byte order; after an error, those that could be read
	stat(base string) (node, error)
	close()
}

// node is one name of a store.
type node struct {
	entry evidence.Entry // without Name and Real; Err says why it cannot be read
	again int            // how many more entries are stored under the same name
}

func (n node) is(mode fs.FileMode) bool { return n.entry.Mode&mode != 0 }

// Folding says how names that differ by case only are looked up.
type Folding uint8

// The ways of folding.
const (
	FoldLone  Folding = iota // unknown system: the other case is taken when only one name has it
	FoldNever                // Linux
	FoldFirst                // Windows: the exact name, else the first in byte order
)

// Limits of every tree. A link chain is cut where Linux cuts it.
const (
	maxLinks = 40
	maxDepth = 250 // folders below one another; each is held open on a walk
)

// Tree implements evidence.Tree. Its exported fields are set before it is
// shared.
type Tree struct {
	Fold    Folding
	Volumes []evidence.Volume              // where absolute links lead; none: to the tree's own root
	Skip    func(real evidence.Name) error // non-nil result: a walk shows this folder with it and stays out, or passes over it where it is fs.SkipDir; nil: none

	store   store
	mounted string // the root's own path on this machine, slash-separated; "" for archives
	linked  int64  // names a walk may reach through links
}

// Close releases what the tree holds open, and its scratch files.
func (t *Tree) Close() error { return t.store.close() }

// Stat returns the entry a name stands for, links followed. A missing name
// wraps fs.ErrNotExist.
func (t *Tree) Stat(name evidence.Name) (evidence.Entry, error) {
	p, err := t.resolve(name)
	if err != nil {
		return evidence.Entry{}, fmt.Errorf("tree: %q: %w", name, err)
	}
	return p.asEntry(), nil
}

// Names lists a folder: base names in byte order. With an error come those
// that could be read.
func (t *Tree) Names(name evidence.Name) ([]string, error) {
	p, err := t.resolve(name)
	if err != nil {
		return nil, fmt.Errorf("tree: list %q: %w", name, err)
	}
	f, err := t.store.folder(p.real)
	if err != nil {
		return nil, fmt.Errorf("tree: list %q: %w", name, err)
	}
	defer f.close()
	return f.names()
}

// Link returns the text of the link that name is; a name that is none wraps
// fs.ErrInvalid.
func (t *Tree) Link(name evidence.Name) (string, error) {
	dir, err := t.resolve(name.Dir())
	if err != nil {
		return "", fmt.Errorf("tree: link %q: %w", name, err)
	}
	base, n, err := t.lookup(dir.real, name.Base())
	if err == nil && !n.is(fs.ModeSymlink) {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", fmt.Errorf("tree: link %q: %w", name, err)
	}
	return t.store.link(dir.real.Join(base))
}

// place is a resolved name.
type place struct {
	shown evidence.Name // as asked for, in the case it is stored in
	real  evidence.Name // without links
	node
}

func (p place) asEntry() evidence.Entry {
	e := p.entry
	e.Name = p.shown
	if p.real != p.shown {
		e.Real = p.real
	}
	return e
}

// Open implements evidence.Tree.
func (t *Tree) Open(name evidence.Name) (evidence.File, error) {
	if f := openStraight(t.store, name); f != nil {
		return f, nil
	}
	p, err := t.resolve(name)
	if err == nil {
		err = p.entry.Err
	}
	if err == nil && !p.entry.Mode.IsRegular() {
		err = fmt.Errorf("%w: %s is not a regular file", evidence.ErrUnsupported, p.entry.Mode)
	}
	if err != nil {
		return nil, fmt.Errorf("tree: open %q: %w", name, err)
	}
	f, err := t.store.open(p.real)
	if err != nil {
		return nil, fmt.Errorf("tree: open %q: %w", name, err)
	}
	return f, nil
}

// step is one element still to be resolved; named ones come from the caller,
// the others from links.
type step struct {
	base  string
	named bool
}

func steps(path string, named bool) (list []step) {
	for el := range strings.SplitSeq(path, "/") {
		if el != "" && el != "." {
			list = append(list, step{el, named})
		}
	}
	return list
}

// resolve follows name through links and case to the place it stands for. It
// never leaves the tree: a link that would is ErrEscapes.
func (t *Tree) resolve(name evidence.Name) (place, error) {
	todo := steps(string(name), true)
	if slices.Contains(todo, step{"..", true}) {
		return place{}, evidence.ErrUnsafeName
	}
	at := place{shown: ".", real: "."}
	for links := 0; len(todo) > 0; {
		el := todo[0]
		todo = todo[1:]
		if el.base == ".." {
			if at.real == "." {
				return place{}, evidence.ErrEscapes
			}
			at.real = at.real.Dir()
			continue
		}
		base, n, err := t.lookup(at.real, el.base)
		if err != nil {
			return place{}, err
		}
		if el.named {
			at.shown = at.shown.Join(base)
		}
		if !n.is(fs.ModeSymlink) {
			at.real = at.real.Join(base)
			if len(todo) > 0 && !n.is(fs.ModeDir) {
				return place{}, fmt.Errorf("%w: %q is not a directory", fs.ErrNotExist, at.real)
			}
			continue
		}
		if links++; links > maxLinks {
			return place{}, fmt.Errorf("%w: links lead in a circle", fs.ErrNotExist)
		}
		text, err := t.store.link(at.real.Join(base))
		if err != nil {
			return place{}, err
		}
		from, rest, err := t.target(at.real, text)
		if err != nil {
			return place{}, err
		}
		at.real = from
		todo = append(steps(rest, false), todo...)
	}
	var err error
	at.node, err = t.store.stat(at.real)
	return at, err
}

// target says where a link standing in dir begins to lead, and the rest of its
// way. An absolute one starts at the root of the volume it names.
func (t *Tree) target(dir evidence.Name, text string) (from evidence.Name, rest string, err error) {
	if t.Fold != FoldNever { // reparse points keep the machine's spelling
		text = strings.ReplaceAll(text, `\`, "/")
		text = strings.TrimPrefix(strings.TrimPrefix(text, "/??/"), "//?/")
	}
	if m := strings.TrimSuffix(t.mounted, "/"); m != "" && (text == m || strings.HasPrefix(text, m+"/")) {
		return ".", text[len(m):], nil // a file system driver wrote this machine's mount point into it
	}
	drive := len(text) >= 2 && text[1] == ':' && t.Fold != FoldNever
	if !drive && !strings.HasPrefix(text, "/") {
		return dir, text, nil
	}
	for _, v := range t.Volumes {
		if drive && strings.EqualFold(v.Mount, text[:2]) {
			return v.Root, text[2:], nil
		}
		if !drive {
			return v.Root, text, nil
		}
	}
	if drive {
		return "", "", fmt.Errorf("%w: to %q, which is not in this target", evidence.ErrEscapes, text)
	}
	return ".", text, nil
}

// lookup finds base in dir: the exact name, else by case as t.Fold says.
func (t *Tree) lookup(dir evidence.Name, base string) (string, node, error) {
	n, err := t.store.stat(dir.Join(base))
	if err == nil || t.Fold == FoldNever || !errors.Is(err, fs.ErrNotExist) {
		return base, n, err
	}
	f, folderErr := t.store.folder(dir)
	if folderErr != nil {
		return base, n, errors.Join(err, folderErr)
	}
	defer f.close()
	names, folderErr := f.names()
	found, count := "", 0
	for _, other := range names {
		if strings.EqualFold(base, other) && utf8.ValidString(other) {
			if count++; count == 1 {
				found = other
			}
		}
	}
	switch {
	case count == 0 && folderErr != nil:
		return base, n, folderErr // it may stand in the part that could not be listed
	case count == 0:
		return base, n, err
	case count > 1 && t.Fold == FoldLone:
		return base, n, fmt.Errorf("%w: %d names differ from %q by case only", fs.ErrNotExist, count, base)
	}
	n, err = t.store.stat(dir.Join(found))
	return found, n, err
}

// walk is one Walk under way.
type walk struct {
	*Tree
	fn     func(evidence.Entry) error
	chain  []string // the folders above, without links
	linked int64    // names met through links so far
}

// Walk implements evidence.Tree. A link to a folder is followed once, where it
// stands, unless it leads to a folder that the walk is in; met again inside a
// folder reached through another link, it is shown and not entered. What links
// add is bounded, and a link not followed for that is an Entry with ErrLimit.
func (t *Tree) Walk(ctx context.Context, root evidence.Name, fn func(evidence.Entry) error) error {
	at, err := t.resolve(root)
	if err != nil {
		return fmt.Errorf("tree: walk %q: %w", root, err)
	}
	w := &walk{Tree: t, fn: fn}
	err = w.visit(ctx, at, false)
	if err == fs.SkipAll || err == fs.SkipDir { //nolint:errorlint // the walk's own signals are never wrapped, as in fs.WalkDir
		return nil
	}
	return err
}

// visit shows one place and, for a folder, all below it.
func (w *walk) visit(ctx context.Context, at place, linked bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := at.asEntry()
	key := w.key(at.real)
	switch {
	case !e.Mode.IsDir():
		return w.show(e, at.again)
	case e.Err == nil && linked && slices.Contains(w.chain, key):
		return stay(w.fn(e))
	case e.Err == nil && len(w.chain) >= maxDepth:
		e.Err = fmt.Errorf("%w: %d folders below one another", evidence.ErrLimit, maxDepth)
	case e.Err == nil && w.Skip != nil:
		e.Err = w.Skip(at.real)
	}
	if e.Err == fs.SkipDir { //nolint:errorlint // see Walk
		return nil
	}
	if e.Err != nil {
		return stay(w.show(e, at.again))
	}
	f, err := w.store.folder(at.real)
	if err != nil {
		e.Err = err
		return stay(w.show(e, at.again))
	}
	defer f.close()
	names, err := f.names()
	e.Err = err
	if err := w.show(e, at.again); err != nil {
		return stay(err)
	}
	w.chain = append(w.chain, key)
	defer func() { w.chain = w.chain[:len(w.chain)-1] }()
	for _, base := range names {
		if err := w.child(ctx, at, f, base, linked); err != nil {
			return stay(err)
		}
	}
	return nil
}

// child shows one name of an open folder.
func (w *walk) child(ctx context.Context, parent place, f folder, base string, linked bool) error {
	p := place{shown: parent.shown.Join(base), real: parent.real.Join(base)}
	var err error
	if p.node, err = f.stat(base); err != nil {
		return w.fn(evidence.Entry{Name: p.shown, Err: err})
	}
	if p.is(fs.ModeSymlink) && p.entry.Err == nil {
		to, err := w.resolve(p.real)
		if err != nil {
			p.entry.Err = fmt.Errorf("link: %w", err)
			return w.show(p.asEntry(), p.again)
		}
		p.real, p.entry = to.real, to.entry
		if linked && p.is(fs.ModeDir) {
			return stay(w.fn(p.asEntry())) // followed where it stands; through every other link besides, the work would multiply
		}
		linked = true
	}
	if linked {
		if w.linked++; w.linked > w.Tree.linked {
			e := p.asEntry()
			e.Err = fmt.Errorf("%w: links lead to more than %d names", evidence.ErrLimit, w.Tree.linked)
			return stay(w.fn(e))
		}
	}
	return w.visit(ctx, p, linked)
}

// show hands an entry over, and after it one for its twins.
func (w *walk) show(e evidence.Entry, again int) error {
	err := w.fn(e)
	if again > 0 && err == nil {
		e.Err = fmt.Errorf("%w: %d more under this name, of which only the first is read", evidence.ErrDuplicate, again)
		err = w.fn(e)
	}
	return err
}

// key is a folder's name for comparison.
func (w *walk) key(real evidence.Name) string {
	if w.Fold == FoldFirst {
		return strings.ToLower(string(real))
	}
	return string(real)
}

// stay takes a folder's own SkipDir.
func stay(err error) error {
	if err == fs.SkipDir { //nolint:errorlint // see Walk
		return nil
	}
	return err
}
