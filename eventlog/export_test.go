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
	const clears = `{"Event":{"System":{"EventID":1102,"Channel":"Security","EventRecordID":6,"TimeCreated":{"#attributes":{"SystemTime":"2026-01-17T11:00:00Z"}}}}}` + "\n"
	const nameless = `{"Id":4624,"ProviderName":"P","LogName":"Security","RecordId":7,"TimeCreated":"\/Date(1768644000500)\/","Properties":[{"Value":"x"}]}`
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
			} else if said += strings.Repeat(" of no day", 1-len(r.Days)); r.SHA256 == "" || r.Count != int64(events) || len(r.Days) > 1 {
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
	f("a log that was cleared", event+clears, nil, 2, "read", "hole: cleared, and what it held before is gone: Security at 2026-01-17T11:00:00Z (record 6)")
	later := strings.Replace(clears, `"EventRecordID":6`, `"EventRecordID":90`, 1)
	const cleared = "hole: cleared, and what it held before is gone: Security at 2026-01-17T11:00:00Z (record 90)"
	f("a selection", event+later, nil, 2, "read of no day", "ambiguous: a selection of records, which vouches for no day: 84 record numbers are missing, the first after record 5; export the log itself (wevtutil epl)", cleared)
	f("no numbers", strings.Replace(event, `"EventRecordID":5,`, "", 1), nil, 1, "read of no day", "ambiguous: 1 events state no record number, so whether this is all of a log or a selection is not known, and it vouches for no day; export the log itself (wevtutil epl)")
	f("a field twice", event+strings.Replace(event, `"X":"y"`, `"X":"y","X":"z"`, 1), nil, 2, "read", "ambiguous: 1 events give a field several values, the first at line 2: it holds all, a line each, and rules for its beginning, its end or the whole of it may not see them; look at these, for a value with a line break may pose as another field")
	f("a long list", strings.Replace(event, `"X":"y"`, `"Data":[`+strings.Repeat(`"v",`, 256)+`"w"]`, 1), nil, 1, "read", "too large: 1 events hold a list of more values than are read, the first at line 1")
	f("cut", event+event[:90], nil, 1, "read", "truncated: the last event is cut", "damaged: 1 pieces that read as no event of Windows, the first at line 2")
	f("values without names", nameless, nil, 1, "read", "ambiguous: 1 events give their values without names, the first at line 1: rules for fields cannot see them; export the log itself (wevtutil epl)")
	f("a clock without an offset", strings.ReplaceAll(event, "00Z", "00"), func(in *Input) { in.Zone = nil }, 1, "read", "time zone: local times were read as UTC; say where the host stood (--time-zone)")
}
