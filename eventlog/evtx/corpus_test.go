package evtx

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"postern/evidence"
)

// corpus lists the event logs below a folder of the corpora.
func corpus(t testing.TB, folder string) []string {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared", "corpora", folder)
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no corpora: %v", err)
	}
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.EqualFold(filepath.Ext(name), ".evtx") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readFile reads one log; each takes every event while it is lent.
func readFile(t testing.TB, name string, opt Options, each func(*evidence.Event)) *Result {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(t.Context(), bytes.NewReader(text), opt, func(b *evidence.EventBatch) error {
		for i := range b.Events {
			if each != nil {
				each(&b.Events[i])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return got
}

// TestMitre: every record of the corpus is read, and none in part only.
func TestMitre(t *testing.T) {
	files := corpus(t, "evtx/mitre")
	var records int64
	for _, name := range files {
		got := readFile(t, name, Options{}, nil)
		records += got.Records
		if got.Lost > 0 || got.Partial > 0 {
			t.Errorf("%s: %d lost, %d in part: %v", name, got.Lost, got.Partial, got.Damage)
		}
	}
	if len(files) != 281 || records != 10015 {
		t.Errorf("%d files, %d records", len(files), records)
	}
}

// TestEdge: of files that break parsers, no fewer records are read than libevtx
// reads, and what is damaged is told.
func TestEdge(t *testing.T) {
	export, err := exec.LookPath("evtxexport")
	if err != nil {
		t.Log("no evtxexport (libevtx-utils); only our own numbers are checked")
	}
	for _, name := range corpus(t, "evtx/edge") {
		got := readFile(t, name, Options{}, nil)
		if got.Records == 0 {
			t.Errorf("%s: nothing read: %v", name, got.Damage)
		}
		if got.Lost+got.Partial > 0 && len(got.Damage) == 0 {
			t.Errorf("%s: %d lost, %d in part, and nobody says why", name, got.Lost, got.Partial)
		}
		if export == "" {
			continue
		}
		out, _ := exec.CommandContext(t.Context(), export, name).Output() // it fails on some of them, after what it can read
		if want := int64(bytes.Count(out, []byte("Event number"))); got.Records < want {
			t.Errorf("%s: %d records, libevtx has %d", name, got.Records, want)
		}
	}
}

// BenchmarkRead measures one core over all files of the corpora.
func BenchmarkRead(b *testing.B) {
	var files [][]byte
	size := 0
	for _, folder := range []string{"evtx/mitre", "evtx/edge", "sigma/regression_data"} {
		for _, name := range corpus(b, folder) {
			text, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			files = append(files, text)
			size += len(text)
		}
	}
	b.SetBytes(int64(size))
	var records int64
	for b.Loop() {
		records = 0
		for _, text := range files {
			got, err := Read(b.Context(), bytes.NewReader(text), Options{}, func(*evidence.EventBatch) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
			records += got.Records
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFull measures files of one log without unused space: the largest.
func BenchmarkFull(b *testing.B) {
	var text []byte
	for _, name := range corpus(b, "evtx") {
		t, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		if len(t) > len(text) {
			text = t
		}
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(b.Context(), bytes.NewReader(text), Options{}, func(*evidence.EventBatch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
