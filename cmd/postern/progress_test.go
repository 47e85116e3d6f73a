package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

func TestTimeLeft(t *testing.T) {
	now := time.Now()
	f := func(name string, p *progress, want time.Duration) {
		t.Helper()
		if got := p.left(40 * time.Second).Round(time.Second); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	f("nothing known", &progress{of: 1}, 0)
	f("targets", &progress{of: 8, count: 4}, 40*time.Second)
	f("bytes of one target", &progress{of: 1, ahead: 400, read: 100, reading: now.Add(-10 * time.Second)}, 30*time.Second)
	f("too early to tell", &progress{of: 1, ahead: 400, read: 100, reading: now.Add(-time.Second)}, 0)
	f("a log that grew", &progress{of: 1, ahead: 400, read: 500, reading: now.Add(-10 * time.Second)}, 0)

	var out bytes.Buffer
	p := &progress{out: &out, started: now, of: 1, phase: "examining"}
	p.Plan(400 << 20)
	p.Read(100 << 20)
	p.reading = now.Add(-10 * time.Second)
	p.redraw()
	p.Cover(evidence.Coverage{Kind: evidence.CoverLog, Count: 5_000_000})
	p.redraw()
	for _, want := range []string{"about 30s left", "1 read, 5000000 records, 10 MB/s, 500k records/s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("line %q has no %q", out.String(), want)
		}
	}
}

func TestMemory(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "512MiB": 512 << 20, "2g": 2 << 30, "100000000": 100_000_000, "64MB": 64 << 20, "1KiB": -1, "lots": -1, "-1G": -1, "9999999999G": -1, "G": -1, "1.5G": -1, "1MiBG": -1} {
		got, err := parseMemory(text)
		if want < 0 != (err != nil) || err == nil && got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, f := range []checkFlags{{memory: 64 << 20}, {memory: 64 << 20, workers: 8}, {workers: 1}} {
		if n := f.readers(); n > 2 || n < 1 {
			t.Errorf("%d workers in %d bytes", n, f.memory)
		}
	}
	if n := (&checkFlags{workers: 5}).readers(); n != 5 {
		t.Errorf("%d workers, want 5", n)
	}
}
