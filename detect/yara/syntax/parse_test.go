package syntax

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSignatureBaseParses(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/corpora/yara/signature-base/yara/*.yar")
	if len(files) == 0 {
		t.Skip("no rule corpus here")
	}
	rules := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		file, perr := Parse(filepath.Base(f), text, nil)
		if perr != nil {
			t.Error(perr)
			continue
		}
		rules += len(file.Rules)
	}
	t.Logf("%d files, %d rules", len(files), rules)
}
