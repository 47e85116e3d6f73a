package tree

import (
	"errors"

	"postern/evidence"
)

// errLocked marks a file that another program keeps to itself.
var errLocked = errors.New("tree: in use by another program")

// past is a store whose locked files are read as an earlier state of the same
// volume has them.
type past struct {
	store
	earlier store
	read    func(evidence.Name)
}

// Behind makes t read files that another program has locked from an earlier state
// of the same volume, a shadow copy or a snapshot, which t owns from then on. read
// is told the name, in t, of each file that was opened so; it may be called by
// several goroutines. It is called before t is shared or joined.
func (t *Tree) Behind(earlier *Tree, read func(evidence.Name)) {
	t.store = past{t.store, earlier.store, read}
}

// open is the file as it is now, or else as it was.
func (p past) open(name evidence.Name) (evidence.File, error) {
	f, err := p.store.open(name)
	if !errors.Is(err, errLocked) {
		return f, err
	}
	before, missing := p.earlier.open(name)
	if missing != nil {
		return nil, errors.Join(err, missing)
	}
	p.read(name)
	return before, nil
}

func (p past) close() error { return errors.Join(p.store.close(), p.earlier.close()) }
