package tree

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestAccessTimeStays reads a file whose access time the system would renew, for
// it is older than its modification.
func TestAccessTimeStays(t *testing.T) {
	dir := t.TempDir()
	accessed := func(name string, read func(path string)) time.Duration {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(path, old, old.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		read(path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(info.Sys().(*syscall.Stat_t).Atim.Unix()).Sub(old)
	}
	if accessed("control", func(path string) { _, _ = os.ReadFile(path) }) < time.Hour {
		t.Skip("this file system keeps no access times")
	}
	tr, err := Disk(dir, true, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if moved := accessed("a", func(string) {
		f, err := tr.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if text, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size())); err != nil || string(text) != "x" {
			t.Fatalf("%q, %v", text, err)
		}
	}); moved.Abs() > time.Second {
		t.Errorf("the access time moved by %v", moved)
	}
}
