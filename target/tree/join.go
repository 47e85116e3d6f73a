package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"postern/evidence"
)

// joined is several stores side by side under names of their own: the drives
// of a running Windows.
type joined []part

type part struct {
	name string // one element: "C"
	store
}

// Join makes one tree of parts, which it owns, each under a name of one
// element.
func Join(parts map[string]*Tree, limits Limits) *Tree {
	var j joined
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		j = append(j, part{name, parts[name].store})
	}
	return &Tree{store: j, linked: limits.orDefault().Entries}
}

// within finds the part a name lies in and its name there.
func (j joined) within(name evidence.Name) (part, evidence.Name, error) {
	first, rest, _ := strings.Cut(string(name), "/")
	for _, p := range j {
		if p.name == first {
			return p, evidence.Name(".").Join(rest), nil
		}
	}
	return part{}, "", fmt.Errorf("%w: %q", fs.ErrNotExist, first)
}

func (j joined) stat(name evidence.Name) (node, error) {
	if name == "." {
		return node{entry: evidence.Entry{Mode: fs.ModeDir | 0o555}}, nil
	}
	p, rest, err := j.within(name)
	if err != nil {
		return node{}, err
	}
	return p.stat(rest)
}

func (j joined) folder(name evidence.Name) (folder, error) {
	if name == "." {
		return joinedRoot{j}, nil
	}
	p, rest, err := j.within(name)
	if err != nil {
		return nil, err
	}
	return p.folder(rest)
}

func (j joined) link(name evidence.Name) (string, error) {
	p, rest, err := j.within(name)
	if err != nil {
		return "", err
	}
	return p.link(rest)
}

func (j joined) open(name evidence.Name) (evidence.File, error) {
	p, rest, err := j.within(name)
	if err != nil {
		return nil, err
	}
	return p.open(rest)
}

func (j joined) close() error {
	var errs []error
	for _, p := range j {
		errs = append(errs, p.store.close())
	}
	return errors.Join(errs...)
}

// joinedRoot lists the parts.
type joinedRoot struct{ joined }

func (r joinedRoot) names() ([]string, error) {
	var names []string
	for _, p := range r.joined {
		names = append(names, p.name)
	}
	return names, nil
}

func (r joinedRoot) stat(base string) (node, error) { return r.joined.stat(evidence.Name(base)) }

func (r joinedRoot) close() {}

// leaf is a store of one file, which is its root.
type leaf struct {
	store
	name evidence.Name
}

// Leaf makes a tree that is the one file of t, which it owns: joined under a name,
// it is a file of that name.
func (t *Tree) Leaf(file evidence.Name) *Tree {
	return &Tree{store: leaf{t.store, file}, linked: t.linked}
}

func (l leaf) stat(evidence.Name) (node, error) { return l.store.stat(l.name) }

func (l leaf) folder(evidence.Name) (folder, error) {
	return nil, fmt.Errorf("%w: %q is a file", fs.ErrInvalid, l.name)
}

func (l leaf) open(evidence.Name) (evidence.File, error) { return l.store.open(l.name) }
