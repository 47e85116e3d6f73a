package eventlog

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// TestWindows: a Windows event log is known by its content, packed or not, and
// its rows say what is in it and what somebody took away.
func TestWindows(t *testing.T) {
	sample, err := os.ReadFile("evtx/testdata/cleared.evtx")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(sample)
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	f := func(what string, text []byte, change func(*Input), events int, want ...string) {
		t.Helper()
		out := &sink{}
		in := Input{Name: "x/Security.evtx", File: file(string(text)), Folder: "x"}
		if change != nil {
			change(&in)
		}
		if err := Read(t.Context(), in, out); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range out.rows {
			said := "read"
			if r.Missed != nil {
				said = r.Missed.String()
			}
			if r.Format != "windows.evtx" || r.Family != "Windows Security HOST x" && r.Family != "Windows Security x" {
				t.Errorf("%s: row %+v", what, r)
			}
			if r.Parts == 0 {
				said += " (of no consequence)"
			}
			got = append(got, said)
		}
		if len(out.events) != events || out.closed != 1 || len(got) != len(want) {
			t.Errorf("%s: %d events, %q", what, len(out.events), got)
			return
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: %q, want %q", what, got[i], want[i])
			}
		}
		for _, e := range out.events {
			if !e.Verbatim || e.Ref.Unit != evidence.Record || e.Time.IsZero() {
				t.Errorf("%s: event %+v", what, e.Event)
			}
		}
	}
	const hole, cleared = "hole: 3 record numbers are missing, the first after record 5", "hole: cleared, and what it held before is gone: Security at 2026-01-17T00:00:01Z (record 9)"
	f("whole", sample, nil, 2, "read", hole, cleared)
	f("gzip", packed.Bytes(), nil, 2, "read", hole, cleared)
	f("an odd name", sample, func(in *Input) { in.Name = "x/sec.log" }, 2, "read", hole, cleared)
	f("cleared before what is asked", sample, func(in *Input) { in.Required.From = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) }, 2, "read", hole, cleared+" (of no consequence)")
	f("outside the review", sample, func(in *Input) { in.Review.From = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) }, 0, "read", hole, cleared)
	f("cut", sample[:5000], nil, 0, "truncated: 2 records lost; at offset 4096: ")
	changed := bytes.Clone(sample)
	changed[5000]++
	f("changed", changed, nil, 2, "read", "damaged: at offset 4096: the chunk's records do not fit their checksum", hole, cleared)
	changed[120] |= 1
	f("changed while in use", changed, nil, 2, "read", hole, cleared)
	f("cut while in use", append(bytes.Clone(changed[:42]), append([]byte{9, 0}, changed[44:]...)...), nil, 2, "read", "truncated: ", hole, cleared)
	f("empty", sample[:4096], func(in *Input) { in.File = file(string(sample[:4096])) }, 0, "truncated: at offset 4096: the file ends here: 0 of 1 chunks are there")
}
