package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/eventlog/evtx"
	"postern/evidence"
)

func written(t *testing.T, seed uint64, size int64) (log []byte, planted int64, g *iis) {
	t.Helper()
	var b bytes.Buffer
	g = newIIS(seed)
	g.planted = 2000
	_, planted, err := g.write(bufio.NewWriter(&b), size)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), planted, g
}

// TestWebLog: a seed gives its log again, and as many lines of it hold an
// indicator as were planted.
func TestWebLog(t *testing.T) {
	first, planted, g := written(t, 1, 1<<20)
	if again, _, _ := written(t, 1, 1<<20); !bytes.Equal(first, again) {
		t.Error("the same seed gives another log")
	}
	if other, _, _ := written(t, 2, 1<<20); bytes.Equal(first, other) {
		t.Error("another seed gives the same log")
	}
	list := g.listed.lines()
	if len(list) != 5000 {
		t.Errorf("%d indicators", len(list))
	}
	listed := map[string]bool{}
	for _, l := range list {
		listed[l] = true
	}
	named := int64(0)
	for line := range strings.Lines(string(first)) {
		cells := strings.Fields(line)
		if len(cells) < 11 || cells[0] == "#Fields:" {
			continue
		}
		if host, ok := strings.CutPrefix(cells[10], "https://"); listed[cells[8]] || ok && listed[strings.TrimSuffix(host, "/")] {
			named++
		}
	}
	if planted == 0 || named != planted {
		t.Errorf("%d lines hold an indicator, %d were planted", named, planted)
	}
}

// TestEventLog: what is written of another log's chunks is a sound log.
func TestEventLog(t *testing.T) {
	chunks, _, err := chunksIn(filepath.Join("..", "..", "shared", "corpora", "evtx", "mitre"), full, func(string) bool { return true })
	if err != nil {
		t.Skip("no corpora: ", err)
	}
	name := filepath.Join(t.TempDir(), "log.evtx")
	records, _, err := writeEventLog(name, chunks, 2<<20)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := evtx.Read(t.Context(), f, evtx.Options{}, func(*evidence.EventBatch) error { return nil })
	if err != nil || got.Records != records || got.Lost+got.Partial > 0 || len(got.Damage) > 0 || len(got.IDs) != 1 {
		t.Errorf("%d records of %d, lost %d, in part %d, runs of ids %v, damage %v, %v", got.Records, records, got.Lost, got.Partial, got.IDs, got.Damage, err)
	}
}

// TestMeasure: failures are told, and medians are of what worked.
func TestMeasure(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	results := measure(t.Context(), 3, []contender{
		{name: "works", args: []string{self, "-test.run=^$"}, judge: strings.TrimSpace},
		{name: "fails", args: []string{self, "-test.run=(("}},
	})
	if r := results[0]; r.err != nil || r.runs != 3 || r.wall <= 0 || !strings.Contains(r.found, "PASS") {
		t.Errorf("%+v", r)
	}
	if r := results[1]; r.err == nil || r.runs != 0 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	b := &bench{out: &out}
	b.print(input{name: "log", bytes: 1 << 20, units: 10, unit: "lines"}, results)
	if len(b.failed) != 1 || !strings.Contains(out.String(), "fails: failed") {
		t.Errorf("%v\n%s", b.failed, out.String())
	}
}

func TestMedian(t *testing.T) {
	got := medians([]took{{wall: 9 * time.Second, rss: 1}, {wall: time.Second, rss: 7}, {wall: 2 * time.Second, rss: 3}})
	if got.wall != 2*time.Second || got.rss != 3 {
		t.Errorf("%+v", got)
	}
}
