package tree

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"postern/evidence"
)

// memory is files held in memory: the cases of a pack, which must not touch a
// disk where antivirus would take them away.
type memory struct {
	*index
	files map[evidence.Name][]byte
}

// Memory makes a tree of files by slash-separated relative name. A file without
// an entry in modified has no recorded time. A name that would leave the tree is
// an error.
func Memory(files map[string][]byte, modified map[string]time.Time) (*Tree, error) {
	m := memory{newIndex(int64(len(files))*maxElements+1, false), map[evidence.Name][]byte{}}
	for _, raw := range slices.Sorted(maps.Keys(files)) {
		name, err := m.clean(raw, true)
		if err != nil {
			return nil, err
		}
		it := item{mode: 0o444, size: int64(len(files[raw]))}
		if at, recorded := modified[raw]; recorded {
			it.mod = at.UnixNano()
		}
		if err := m.add(raw, it); err != nil {
			return nil, err
		}
		m.files[name] = files[raw]
	}
	m.finish()
	return &Tree{store: m, linked: 1}, nil
}

func (m memory) link(evidence.Name) (string, error) {
	return "", errors.New("tree: no links in memory")
}

func (m memory) open(name evidence.Name) (evidence.File, error) {
	text, there := m.files[name]
	if !there {
		return nil, fs.ErrNotExist
	}
	return &sized{r: bytes.NewReader(text), size: int64(len(text))}, nil
}

func (m memory) close() error { return nil }
