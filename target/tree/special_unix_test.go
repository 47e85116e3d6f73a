//go:build unix

package tree

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"postern/evidence"
)

func TestSpecialFilesAreNeverOpened(t *testing.T) {
	dir := lay(t, "a")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	tree := openDisk(t, dir, FoldNever)
	wantOpen(t, tree, "pipe", evidence.ErrUnsupported)
	if e, err := tree.Stat("pipe"); err != nil || e.Mode&fs.ModeNamedPipe == 0 {
		t.Errorf("stat: %v, %v", e.Mode, err)
	}
	if f, err := tree.store.open("pipe"); err == nil || f != nil { // the file that became a pipe in between
		t.Error("the store opened a pipe")
	}
}
