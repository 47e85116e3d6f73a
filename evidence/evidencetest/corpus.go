package evidencetest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ulikunitz/xz"
)

// Corpus gives a file of the shared corpora, unpacked; path is below their folder and
// without ".xz". Where they are not, the test is skipped.
func Corpus(t testing.TB, path string) []byte {
	t.Helper()
	for dir := "."; ; dir = filepath.Join("..", dir) { // up to the module's folder, which they stand beside
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			f, err := os.Open(filepath.Join(dir, "..", "shared", "corpora", filepath.FromSlash(path)+".xz"))
			if err != nil {
				t.Skipf("corpora: %v", err)
			}
			defer f.Close()
			return Unxz(t, f)
		}
		if abs, err := filepath.Abs(dir); err != nil || filepath.Dir(abs) == abs {
			t.Fatal("no go.mod above the test")
		}
	}
}

// Unxz unpacks xz.
func Unxz(t testing.TB, packed io.Reader) []byte {
	t.Helper()
	r, err := xz.NewReader(bufio.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
