package tree

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

// TestLockedFile opens a file that this process keeps to itself.
func TestLockedFile(t *testing.T) {
	dir := lay(t, "locked")
	name, err := windows.UTF16PtrFromString(filepath.Join(dir, "locked"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(h) //nolint:errcheck // read only
	tr := openDisk(t, dir, FoldFirst)
	if f, err := tr.Open("locked"); !errors.Is(err, errLocked) {
		t.Errorf("%v, %v", f, err)
	}
}
