package target

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
)

// TestJoin: logs that were named one by one are one source whose files can all be
// read, those of one folder in one, and nothing else is joined.
func TestJoin(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("text of "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var sources []*evidence.Source
	open := func(spec, host string) {
		opened, err := Open(t.Context(), spec, Options{Host: host})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, opened...)
	}
	open(write("w3svc1/a.log"), "")
	open(write("w3svc1/b.log"), "")
	open(write("w3svc2/a.log"), "")
	write("other/w3svc1/c.log")
	open(filepath.Join(dir, "other", "w3svc1"), "")
	open(write("elsewhere/a.log"), "MAIL02")
	write("image/etc/passwd")
	open(filepath.Join(dir, "image"), "")

	joined, at := Join(sources)
	if fmt.Sprint(at) != "[0 0 0 0 1 2]" || len(joined) != 3 {
		t.Fatalf("places %v of %d", at, len(joined))
	}
	var names []string
	err := joined[0].Files.Walk(context.Background(), ".", func(e evidence.Entry) error {
		if e.Err != nil {
			t.Errorf("%s: %v", e.Name, e.Err)
		}
		if e.Mode.IsRegular() {
			f, err := joined[0].Files.Open(e.Name)
			if err != nil {
				t.Fatal(err)
			}
			text := make([]byte, f.Size())
			if n, err := f.ReadAt(text, 0); n != len(text) || !strings.HasPrefix(string(text), "text of ") {
				t.Errorf("%s holds %q, %v", e.Name, text, err)
			}
			f.Close()
			names = append(names, string(e.Name))
		}
		return nil
	})
	want := []string{"w3svc1/c.log", "w3svc1~2/a.log", "w3svc1~2/b.log", "w3svc2/a.log"}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("files %q, %v; want %q", names, err, want)
	}
	if want := filepath.Join(dir, "w3svc1", "a.log") + " and 3 more"; joined[0].Target != want {
		t.Errorf("target %q", joined[0].Target)
	}
	for _, src := range joined {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
}
