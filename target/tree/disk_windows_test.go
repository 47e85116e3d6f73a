package tree

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"postern/evidence"
)

// TestLockedFile walks past and opens a file that this process keeps to itself.
func TestLockedFile(t *testing.T) {
	dir, err := os.MkdirTemp("", "locked") // and not TempDir, whose end wine can't bring about
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "locked")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(h) //nolint:errcheck // read only
	tr := openDisk(t, dir, FoldFirst)
	seen := false
	if err := tr.Walk(t.Context(), ".", func(e evidence.Entry) error {
		seen = seen || e.Name == "locked" && e.Err == nil && e.Size == 4 && !e.ModTime.IsZero()
		return nil
	}); err != nil || !seen {
		t.Errorf("walk: seen %v, %v", seen, err)
	}
	if f, err := tr.Open("locked"); !errors.Is(err, errLocked) {
		t.Errorf("%v, %v", f, err)
	}
}
