// Package timeline puts every sighting of every rule into the order of time, as
// CSV or JSON lines that Timesketch imports and spreadsheets open
// (https://timesketch.org/guides/user/import-from-json-csv/: message, datetime
// and timestamp_desc must be there, any other column may).
//
// Sightings come from many readers at once and in any order. They are sorted in
// memory as far as it is lent, and beyond it in runs on disk that are merged at
// the end: memory is bounded whatever the input, and the same evidence gives the
// same file. What comes from evidence is masked and escaped before it is kept,
// on disk too (report.Clean).
//
// Limits: 4 KiB of a record's text; nothing else is cut.
package timeline

import (
	"cmp"
	"strings"
	"sync"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// Memory is how many bytes of sightings are kept in memory by default.
const Memory = 16 << 20

// Timeline gathers sightings. Its methods are safe for concurrent use but for
// Write and Close.
type Timeline struct {
	mu       sync.Mutex
	from     []origin
	meanings []meaning
	known    map[*verdict.Finding]int32
	sorter   sorter
	err      error // the first that adding met
}

// origin is the target that sightings are from.
type origin struct{ host, target string }

// meaning is what sightings come to. Rule and label are known from the start.
type meaning struct {
	rule, label string
	of          *verdict.Finding
	row         *row // what its rows have in common; nil until one is written
}

// entry is one row.
type entry struct {
	at    int64 // microseconds since 1970; noTime: not known
	from  int32 // of Timeline.from
	of    int32 // of Timeline.meanings
	desc  string
	path  string
	unit  evidence.Unit
	place int64
	text  string // masked and escaped, as path is
}

// noTime is the place of what states no time, or none that readers take.
const noTime = -1 << 63

// Times that Timesketch takes: it reads CSV by pandas, whose nanoseconds in 64
// bits hold these years. It drops rows with any other time.
var (
	earliest = time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// What the time of a row is.
const (
	logged  = "Event logged"
	changed = "File created or changed"
	unknown = "No time known"
)

// New returns a timeline that keeps at most so many bytes in memory, and what is
// more in temporary files in a folder; Close removes them.
func New(dir string, memory int) *Timeline {
	t := &Timeline{known: map[*verdict.Finding]int32{}}
	t.sorter = sorter{dir: dir, memory: memory, compare: t.compare}
	return t
}

// Watch returns what takes the sightings of one source.
func (t *Timeline) Watch(src *evidence.Source) func(verdict.Sighting) {
	from := t.origin(report.Clean(cmp.Or(src.ID.Host, src.Target)), report.Clean(src.Target))
	return func(s verdict.Sighting) {
		desc := logged
		if s.Ref.Collector == "files" {
			desc = changed
		}
		t.add(entry{from: from, desc: desc, path: report.Clean(s.Ref.Path), unit: s.Ref.Unit, place: s.Ref.At, text: report.Clean(s.Ref.Text)}, s.Ref.Time, s.Of)
	}
}

func (t *Timeline) origin(host, target string) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.from = append(t.from, origin{host, target})
	return int32(len(t.from) - 1)
}

// add takes one row of a time.
func (t *Timeline) add(e entry, at time.Time, of *verdict.Finding) {
	switch {
	case at.IsZero():
		e.at, e.desc = noTime, unknown
	case at.Before(earliest) || !at.Before(latest):
		e.at, e.desc = noTime, unknown
		e.text = strings.TrimSpace("[it states the year " + at.UTC().Format("2006") + "] " + e.text)
	default:
		e.at = at.UnixMicro()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n, known := t.known[of]
	if !known {
		n = int32(len(t.meanings))
		t.known[of] = n
		t.meanings = append(t.meanings, meaning{rule: of.Rule, label: of.Label, of: of})
	}
	if e.of = n; t.err == nil {
		t.err = t.sorter.add(e)
	}
}

// compare orders rows by time, and those of one time by where they stand.
func (t *Timeline) compare(a, b *entry) int {
	if order := cmp.Or(cmp.Compare(a.at, b.at)); order != 0 {
		return order
	}
	x, y, p, q := &t.from[a.from], &t.from[b.from], &t.meanings[a.of], &t.meanings[b.of]
	return cmp.Or(strings.Compare(x.host, y.host), strings.Compare(x.target, y.target),
		strings.Compare(a.path, b.path), cmp.Compare(a.place, b.place), strings.Compare(string(a.unit), string(b.unit)),
		strings.Compare(p.rule, q.rule), strings.Compare(p.label, q.label),
		strings.Compare(a.desc, b.desc), strings.Compare(a.text, b.text))
}

// Close removes the temporary files.
func (t *Timeline) Close() error { return t.sorter.close() }
