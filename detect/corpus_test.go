package detect

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/pack"
)

// rulesIn reads the rule files of a folder of the corpora.
func rulesIn(t testing.TB, folder, ending string) []pack.TextFile {
	t.Helper()
	root := filepath.Join("..", "..", "shared", "corpora", folder)
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no corpora: %v", err)
	}
	var all []pack.TextFile
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ending {
			return err
		}
		text, err := os.ReadFile(name)
		all = append(all, pack.TextFile{File: name, Text: text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSigmaHQLoads: what SigmaHQ writes compiles, or is refused by name.
func TestSigmaHQLoads(t *testing.T) {
	f := func(folder string, most int) {
		t.Helper()
		files := rulesIn(t, folder, ".yml")
		e := ownEngine(t, Own{Sigma: files})
		loaded := 0
		for _, r := range e.events {
			if r.own {
				loaded++
			}
		}
		t.Logf("%s: %d files, %d rules loaded, %d for logs that nothing reads, %d refused", folder, len(files), loaded, len(e.unread), len(e.refusals))
		for _, r := range e.refusals {
			t.Logf("refused: %s", r)
			if !strings.Contains(r.String(), "rule ") {
				t.Errorf("a refusal without the rule's name: %s", r)
			}
		}
		if len(e.refusals) > most || loaded < len(files)-most {
			t.Errorf("%s: %d refused, %d loaded of %d", folder, len(e.refusals), loaded, len(files))
		}
	}
	f("sigma/rules/web", 0)
	f("sigma/rules-emerging-threats", 4) // two rules want placeholders that nobody gave, and lose a search with them
}
