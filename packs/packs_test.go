package packs_test

import (
	"io/fs"
	"testing"

	"postern/packs"
)

// TestNames keeps the list and the folders the same.
func TestNames(t *testing.T) {
	folders, err := fs.ReadDir(packs.Shipped(), ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(packs.Names()) {
		t.Fatalf("%d folders, %d names", len(folders), len(packs.Names()))
	}
	for i, name := range packs.Names() {
		if folders[i].Name() != name {
			t.Errorf("folder %q, name %q", folders[i].Name(), name)
		}
	}
}
