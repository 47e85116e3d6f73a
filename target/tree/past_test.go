package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"postern/evidence"
)

// guarded is a store whose file is in another program's hands.
type guarded struct{ store }

func (g guarded) open(name evidence.Name) (evidence.File, error) {
	if name == "sub/locked" || name == "new" {
		return nil, fmt.Errorf("%w: sharing violation", errLocked)
	}
	return g.store.open(name)
}

func TestLockedFilesAreReadBehind(t *testing.T) {
	old := lay(t, "sub/locked", "free")
	for _, name := range []string{"sub/locked", "free"} {
		if err := os.WriteFile(filepath.Join(old, name), []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now, err := Disk(lay(t, "sub/locked", "free", "new"), false, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := Disk(old, false, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	now.store = guarded{now.store}
	var read []evidence.Name
	now.Behind(before, func(n evidence.Name) { read = append(read, n) })
	all := Join(map[string]*Tree{"C": now}, Limits{})
	defer all.Close()
	all.Fold = FoldFirst
	for name, want := range map[evidence.Name]string{"C/Sub/LOCKED": "before", "C/free": "free"} {
		f, err := all.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		if err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		f.Close()
	}
	if len(read) != 1 || read[0] != "sub/locked" {
		t.Errorf("read behind: %q", read)
	}
	if _, err := all.Open("C/new"); !errors.Is(err, errLocked) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that the earlier state lacks: %v", err)
	}
}
