package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
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
	if !strings.Contains(out.String(), "about 30s left") {
		t.Errorf("line %q", out.String())
	}
}
