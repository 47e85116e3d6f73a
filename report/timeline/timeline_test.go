package timeline

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

var day = time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)

// fill has several readers add sightings at once, in an order of their own.
func fill(t testing.TB, line *Timeline, sightings, readers int) {
	see := line.Watch(&evidence.Source{Target: "pile"})
	rules := make([]*verdict.Finding, 7)
	for i := range rules {
		rules[i] = &verdict.Finding{Rule: fmt.Sprintf("rule-%d", i)}
	}
	var wait sync.WaitGroup
	for _, part := range split(rand.Perm(sightings), readers) {
		wait.Go(func() {
			for _, n := range part {
				ref := evidence.Ref{Path: fmt.Sprintf("log%d", n%3), Unit: evidence.Line, At: int64(n), Text: fmt.Sprintf("record %d", n), Time: day.Add(time.Duration(n/4) * time.Second)}
				see(verdict.Sighting{Ref: ref, Of: rules[n%len(rules)]})
			}
		})
	}
	wait.Wait()
	for i, f := range rules[1:] { // the first came to nothing
		f.Title, f.Class, f.Severity = fmt.Sprintf("Rule %d", i+1), verdict.Attempt, verdict.Low
	}
}

func split(all []int, n int) (parts [][]int) {
	return slices.Collect(slices.Chunk(all, (len(all)+n-1)/n))
}

func written(t testing.TB, line *Timeline, format Format) string {
	t.Helper()
	var out bytes.Buffer
	if err := line.Write(&out, format); err != nil {
		t.Fatal(err)
	}
	if err := line.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestBounded: the same rows in the same order, whatever memory there is and
// whoever comes first, and nothing is left behind.
func TestBounded(t *testing.T) {
	const sightings = 20_000
	inMemory := New(t.TempDir(), Memory)
	fill(t, inMemory, sightings, 1)
	want := written(t, inMemory, CSV)
	if n := strings.Count(want, "\r\n"); n != 1+sightings-(sightings+6)/7 {
		t.Errorf("%d rows", n)
	}
	dir := t.TempDir()
	onDisk := New(dir, 20_000)
	fill(t, onDisk, sightings, 4)
	if files, _ := os.ReadDir(dir); len(files) == 0 {
		t.Error("nothing went to disk")
	}
	if got := written(t, onDisk, CSV); got != want {
		t.Error("the order depends on memory or on who came first")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// TestRows: what Timesketch demands of a row, and what no row may do.
func TestRows(t *testing.T) {
	line := New(t.TempDir(), Memory)
	see := line.Watch(&evidence.Source{Target: "pile", ID: evidence.Identity{Host: "MAIL01"}})
	f := &verdict.Finding{Rule: "r", Label: "=label"}
	add := func(at time.Time, text string) {
		see(verdict.Sighting{Ref: evidence.Ref{Path: "a.log", Unit: evidence.Line, At: 7, Time: at, Text: text}, Of: f})
	}
	add(day.Add(1500*time.Millisecond), "second\r\n\"forged\",\"row\"\x1b[31m")
	add(day, "first password=hunter2hunter2")
	add(day, "first password=hunter2hunter2") // told twice
	add(time.Time{}, "no time")
	add(time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC), "no such time")
	*f = verdict.Finding{Rule: "r", Label: "=label", Title: "A rule", Class: verdict.Attempt, Severity: verdict.High, Attack: []string{"T1190"}}

	rows, err := csv.NewReader(strings.NewReader(written(t, line, CSV))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, row := range rows[1:] {
		got = append(got, []string{row[0], row[1], row[3], row[9], row[16]})
	}
	masked := report.Clean("password=hunter2hunter2")
	want := [][]string{
		{"A rule: [it states the year 9000] no such time", "1970-01-01T00:00:00.000000+00:00", "No time known", "'=label", "attempt,high,T1190,no-time"},
		{"A rule: no time", "1970-01-01T00:00:00.000000+00:00", "No time known", "'=label", "attempt,high,T1190,no-time"},
		{"A rule: first " + masked, "2026-01-17T00:00:00.000000+00:00", "Event logged", "'=label", "attempt,high,T1190"},
		{`A rule: second\x0d\x0a"forged","row"\x1b[31m`, "2026-01-17T00:00:01.500000+00:00", "Event logged", "'=label", "attempt,high,T1190"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rows\n%q\nwant\n%q", got, want)
	}
	if strings.Contains(masked, "hunter2") {
		t.Error("nothing was masked")
	}
}

// TestTarget: what a report knows of beside the sightings.
func TestTarget(t *testing.T) {
	line := New(t.TempDir(), Memory)
	at, later, build := day, day.Add(time.Hour), 9610
	line.Target(&report.Target{
		Target: "image", Host: "MAIL01",
		Findings: []report.Finding{
			{Rule: "s", Title: "A sequence", Class: verdict.Success, Steps: true, First: &at, Last: &later, Refs: []report.Ref{{Path: "a.log"}, {Path: "b.log"}}},
			{Rule: verdict.HoleRule, Title: "1 day missing", Class: verdict.Lead, First: &at, Last: &at},
			{Rule: verdict.SilenceRule, Title: "silent for 3 hours", Class: verdict.Lead, First: &at, Last: &later},
			{Rule: "r", Title: "sighted, and told by Watch", Class: verdict.Lead, First: &at},
		},
		Installations: []report.Installation{{Name: "SmarterMail", Path: "C:/x", Build: &build, FixedAt: &later, FixedWhy: "its key", Changes: []report.Change{{Kind: evidence.ChangeRegistry, At: &at}}}},
		Coverage:      []report.Coverage{{Family: "web access", From: &at, To: &later, Series: &report.Series{}}, {Family: "web access", From: &at}},
	})
	var got []string
	for l := range strings.Lines(written(t, line, JSONL)) {
		var r row
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Datetime[11:19]+" "+r.Desc+": "+r.Message)
	}
	slices.Sort(got)
	want := []string{
		"00:00:00 First event read: web access: the first event that was read",
		"00:00:00 First of the finding: 1 day missing",
		"00:00:00 First of the finding: A sequence (a sequence of 2 steps): a.log",
		"00:00:00 First of the finding: silent for 3 hours",
		"00:00:00 Product changed: SmarterMail at C:/x: key written",
		"01:00:00 Last event read: web access: the last event that was read",
		"01:00:00 Last of the finding: A sequence (a sequence of 2 steps)",
		"01:00:00 Last of the finding: silent for 3 hours",
		"01:00:00 Product updated: SmarterMail at C:/x became build 9610 by now: its key",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDiskTrouble: a row that could not be kept is an error at the end, never a
// shorter file.
func TestDiskTrouble(t *testing.T) {
	line := New(t.TempDir()+"/gone", 1000)
	fill(t, line, 100, 2)
	if err := line.Write(&bytes.Buffer{}, CSV); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("%v", err)
	}
	if err := line.Close(); err != nil {
		t.Error(err)
	}
}

func TestFormatOf(t *testing.T) {
	for path, want := range map[string]Format{"a.csv": CSV, "b/A.JSONL": JSONL, "a.json": "", "csv": ""} {
		if got, err := FormatOf(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// FuzzWrite: whatever a record holds is one row of either form, also by way of
// the disk.
func FuzzWrite(f *testing.F) {
	f.Add("a\r\n\"b\",c", "=1", "../x\x00", int64(0))
	f.Add("\xff\xfe\u202e", "label", "p", int64(-1<<62))
	f.Fuzz(func(t *testing.T, text, label, path string, at int64) {
		for _, format := range []Format{CSV, JSONL} {
			line := New(t.TempDir(), 1)
			of := &verdict.Finding{Rule: "r", Label: label, Title: text, Class: verdict.Lead}
			line.Watch(&evidence.Source{Target: path})(verdict.Sighting{Ref: evidence.Ref{Path: path, Text: text, Time: time.Unix(at, 0)}, Of: of})
			got := written(t, line, format)
			if format == CSV {
				if rows, err := csv.NewReader(strings.NewReader(got)).ReadAll(); err != nil || len(rows) != 2 || len(rows[1]) != len(head) {
					t.Fatalf("%v: %q", err, got)
				}
				continue
			}
			var r row
			if err := json.Unmarshal([]byte(got), &r); err != nil || strings.Count(got, "\n") != 1 {
				t.Fatalf("%v: %q", err, got)
			}
		}
	})
}

// BenchmarkAdd is what a sighting costs while logs are read, masking included.
func BenchmarkAdd(b *testing.B) {
	line := New(b.TempDir(), Memory)
	see := line.Watch(&evidence.Source{Target: "pile"})
	f := &verdict.Finding{Rule: "r"}
	for n := range b.N {
		see(verdict.Sighting{Ref: evidence.Ref{Path: "u_ex260117.log", Unit: evidence.Line, At: int64(n), Time: day, Text: "2026-01-17 15:51:33 192.0.2.25 GET /api/v1/licensing/about - 443 - 203.0.113.66 python-requests/2.32.3 - 200 0 0 9"}, Of: f})
	}
	if err := line.Close(); err != nil {
		b.Fatal(err)
	}
}
