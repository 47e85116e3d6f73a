package eventlog

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"
)

// TestExport: Windows events exported as JSON are known by their content, packed
// or not and in UTF-16, and what was lost of them is said.
func TestExport(t *testing.T) {
	const event = `{"Event":{"System":{"EventID":4688,"Channel":"Security","EventRecordID":5,"TimeCreated":{"#attributes":{"SystemTime":"2026-01-17T10:00:00Z"}}},"EventData":{"X":"y"}}}` + "\n"
	const clears = `{"Event":{"System":{"EventID":1102,"Channel":"Security","EventRecordID":9,"TimeCreated":{"#attributes":{"SystemTime":"2026-01-17T11:00:00Z"}}}}}` + "\n"
	const nameless = `{"Id":4624,"ProviderName":"P","LogName":"Security","TimeCreated":"\/Date(1768644000500)\/","Properties":[{"Value":"x"}]}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(event))
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	var wide strings.Builder
	wide.WriteString("\xff\xfe")
	for _, c := range event {
		wide.WriteRune(c)
		wide.WriteByte(0)
	}
	f := func(what, text string, change func(*Input), events int, want ...string) {
		t.Helper()
		out := &sink{}
		in := Input{Name: "x/events.json", File: file(text), Folder: "x", Zone: time.UTC}
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
			} else if r.SHA256 == "" || r.Count != int64(events) || len(r.Days) > 1 {
				t.Errorf("%s: %+v", what, r)
			}
			if r.Format != "windows.json" || r.Family != "Windows Security x" {
				t.Errorf("%s: %+v", what, r)
			}
			got = append(got, said)
		}
		if len(out.events) != events || out.closed != 1 || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %d events, %q, want %q", what, len(out.events), got, want)
		}
	}
	f("lines", event+event, nil, 2, "read")
	f("gzip", packed.String(), nil, 1, "read")
	f("UTF-16", wide.String(), nil, 1, "read")
	f("an odd name", event, func(in *Input) { in.Name = "x/u_ex260117.log" }, 1, "read")
	f("a log that was cleared", event+clears, nil, 2, "read", "hole: cleared, and what it held before is gone: Security at 2026-01-17T11:00:00Z (record 9)")
	f("cut", event+event[:90], nil, 1, "read", "truncated: the last event is cut", "damaged: 1 pieces that read as no event of Windows, the first at line 2")
	f("values without names", nameless, nil, 1, "read", "ambiguous: 1 events give their values without names, the first at line 1: rules for fields cannot see them; export the log itself (wevtutil epl)")
	f("a clock without an offset", strings.ReplaceAll(event, "00Z", "00"), func(in *Input) { in.Zone = nil }, 1, "read", "time zone: local times were read as UTC; say where the host stood (--time-zone)")
}
