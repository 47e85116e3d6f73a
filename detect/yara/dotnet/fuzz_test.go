package dotnet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// memory is a content in memory.
type memory []byte

func (m memory) Size() int64 { return int64(len(m)) }

func (memory) Going() bool { return true }

func (m memory) Bytes(off int64, n int) []byte {
	if off < 0 || n <= 0 || off >= int64(len(m)) {
		return nil
	}
	return m[off:min(off+int64(n), int64(len(m)))]
}

// FuzzOpen: no header may panic or hang the parser.
func FuzzOpen(f *testing.F) {
	root, _ := exec.Command("go", "env", "GOROOT").Output()
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/debug/pe/testdata/*"))
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(text[:min(len(text), 1<<13)])
		}
	}
	f.Add([]byte("MZ"))
	f.Fuzz(func(t *testing.T, content []byte) {
		in := Module().Open(memory(content))
		if in == nil {
			t.Fatal("no input")
		}
	})
}
