package yara

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

var corpusExternals = map[string]any{"filename": "", "filepath": "", "extension": "", "filetype": "", "owner": ""}

// corpus loads the real rule files, or skips the test.
func corpus(tb testing.TB) (sources []Source) {
	tb.Helper()
	files, _ := filepath.Glob("../../../shared/corpora/yara/signature-base/yara/*.yar")
	if len(files) == 0 {
		tb.Skip("no rule corpus here")
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		sources = append(sources, Source{filepath.Base(f), text})
	}
	return sources
}

func TestSignatureBaseCompiles(t *testing.T) {
	sources := corpus(t)
	start := time.Now()
	r, errs := Compile(sources, Options{Externals: corpusExternals})
	for _, e := range errs {
		t.Error(e)
	}
	always := 0
	for _, rule := range r.All() {
		if rule.always {
			always++
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d MiB of memory", m.HeapAlloc>>20)
	t.Logf("%d files, %d rules (%d need no string), %d strings, %d patterns (%d everywhere), %d predicates, %d warnings in %v",
		len(sources), len(r.All()), always, len(r.strings), len(r.patterns), len(r.everywhere), len(r.predicates), len(r.Warnings()), time.Since(start))
}
