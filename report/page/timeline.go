package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// timeline is a host's history as it is drawn: rows of bars and marks over one
// axis. Places are percent of the width, so that one drawing fits a phone and a
// wall. Whatever a shape says stands in a label or a tooltip too.
type timeline struct {
	ID     string
	Says   string // the whole in words, for those who cannot see it
	Height int
	Ticks  []tick
	Rows   []timeRow
	Lines  []moment // moments that cross all rows
	Notes  []string // what could not be drawn
}

type tick struct {
	X     float64
	Text  string
	Minor bool // left out where the drawing is narrow
}

// timeRow is a label, and below it a track.
type timeRow struct {
	Y     int // of the label's line
	Label string
	Kind  string // "window", "log", "found"
	Bars  []bar
	Marks []mark
}

type bar struct {
	X, W  float64
	Kind  string // "exposed", "open", "read", "part"
	Title string
}

type mark struct {
	X     float64
	Nudge int    // pixels to the side, so that letters do not cover each other
	Kind  string // "critical" ... "info", "fix", "published", "kev"
	Solid bool   // it proves something
	Text  string
	Title string
}

// moment is a line across all rows; its text hangs on the side with more room.
type moment struct {
	X      float64
	Kind   string // "update", "taken"
	Text   string
	Anchor string // of SVG: "start", "end"
	Nudge  int
	Y      int
}

const (
	rowHeight  = 40
	narrowest  = 340 // pixels: the drawing on a phone
	mostLogs   = 16
	mostWindow = 12
	edge       = 60 * 24 * time.Hour // so far beyond the window a finding still widens the drawing
)

// axis is the period that is drawn.
type axis struct{ from, to time.Time }

func (a axis) x(t time.Time) float64 {
	x := 100 * float64(t.Sub(a.from)) / float64(a.to.Sub(a.from))
	return min(max(x, 0), 100)
}

func (a axis) holds(t time.Time) bool { return !t.Before(a.from) && !t.After(a.to) }

// newTimeline draws a host; nil when nothing about it has a time.
func newTimeline(r *report.Report, h *report.Host, id string) *timeline {
	all := findings(r, h)
	a, known := span(r, h, all)
	if !known {
		return nil
	}
	t := &timeline{ID: id, Ticks: ticks(a)}
	t.windows(a, r, h)
	t.logs(a, r, h)
	t.found(a, all)
	t.moments(a, r, h)
	y := 40 // below the axis and the moments' texts
	for _, m := range t.Lines {
		y = max(y, m.Y+22)
	}
	for i := range t.Rows {
		t.Rows[i].Y = y
		y += rowHeight
	}
	t.Height = y
	t.Says = t.says(a)
	return t
}

// span is the required window of all targets, widened to what was exposed and
// to findings nearby: one forged year does not squeeze the rest.
func span(r *report.Report, h *report.Host, all []*report.Finding) (axis, bool) {
	var a axis
	widen := func(from, to *time.Time) {
		for _, at := range []*time.Time{from, to} {
			if at != nil && (a.from.IsZero() || at.Before(a.from)) {
				a.from = *at
			}
			if at != nil && at.After(a.to) {
				a.to = *at
			}
		}
	}
	for _, i := range h.Targets {
		t := &r.Targets[i]
		widen(t.Examined.From, t.Examined.To)
		widen(t.AsOf, nil)
	}
	if a.from.IsZero() {
		for _, f := range all {
			widen(f.First, f.Last)
		}
	}
	near := axis{a.from.Add(-edge), a.to.Add(edge)}
	for _, f := range all {
		for _, at := range []*time.Time{f.First, f.Last} {
			if at != nil && near.holds(*at) {
				widen(at, nil)
			}
		}
	}
	length := a.to.Sub(a.from)
	if a.from.IsZero() || length < 0 || length > 200*365*24*time.Hour {
		return axis{}, false
	}
	pad := max(length/32, 12*time.Hour)
	return axis{a.from.Add(-pad), a.to.Add(pad)}, true
}

// ticks stand at the beginnings of months, or of whole years and days where
// months would be too many or too few; every second is minor.
func ticks(a axis) (all []tick) {
	length := a.to.Sub(a.from)
	first, next, layout := time.Date(a.from.Year(), a.from.Month(), 1, 0, 0, 0, 0, time.UTC), func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }, "Jan 2006"
	switch {
	case length > 20*365*24*time.Hour:
		first, next, layout = time.Date(a.from.Year()/10*10, 1, 1, 0, 0, 0, 0, time.UTC), func(t time.Time) time.Time { return t.AddDate(10, 0, 0) }, "2006"
	case length > 3*365*24*time.Hour:
		first, next, layout = time.Date(a.from.Year(), 1, 1, 0, 0, 0, 0, time.UTC), func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }, "2006"
	case length > 18*30*24*time.Hour:
		next = func(t time.Time) time.Time { return t.AddDate(0, 3, 0) }
	case length > 5*30*24*time.Hour:
		next = func(t time.Time) time.Time { return t.AddDate(0, 2, 0) }
	case length < 3*24*time.Hour:
		first, next, layout = a.from.Truncate(24*time.Hour), func(t time.Time) time.Time { return t.Add(12 * time.Hour) }, "2 Jan 15:04"
	case length < 70*24*time.Hour:
		step := max(1, int(length/(24*time.Hour))/7)
		first, next, layout = a.from.Truncate(24*time.Hour), func(t time.Time) time.Time { return t.AddDate(0, 0, step) }, "2 Jan"
	}
	for t := first; !t.After(a.to); t = next(t) {
		if x := a.x(t); a.holds(t) && x > 3 && x < 96 {
			all = append(all, tick{x, t.Format(layout), len(all)%2 == 1})
		}
	}
	return all
}

// serving are the installations that count: copies only where all are.
func serving(r *report.Report, h *report.Host) []report.Installation {
	all := installations(r, h)
	return slices.DeleteFunc(all, func(in report.Installation) bool {
		return in.Role == evidence.Copy && all[0].Role != evidence.Copy
	})
}

// windows draws when each installation was exposed to each CVE that is known
// to be exploited, with the days on which its fix and it were published.
func (t *timeline) windows(a axis, r *report.Report, h *report.Host) {
	all := serving(r, h)
	left := 0
	for _, in := range all {
		for _, v := range in.Vulnerabilities {
			if !v.KEV || v.Window == nil || v.Window.From == nil {
				continue
			}
			if len(t.Rows) == mostWindow {
				left++
				continue
			}
			t.Rows = append(t.Rows, window(a, &in, &v, len(all) > 1))
		}
	}
	if left > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d more exposure windows stand in the CVE tables.", left))
	}
}

func window(a axis, in *report.Installation, v *report.Vulnerability, several bool) timeRow {
	said := exposure(v)
	row := timeRow{Kind: "window", Label: v.ID + " exposed " + said}
	if several && in.Build != nil {
		row.Label = fmt.Sprintf("%s, build %d, exposed %s", v.ID, *in.Build, said)
	}
	to, kind := a.to, "exposed"
	if v.Window.To != nil {
		to = *v.Window.To
	}
	if v.Window.Open || v.Status == verdict.StatusUnknown {
		kind = "open"
	}
	row.Bars = []bar{newBar(a, *v.Window.From, to, kind, v.ID+" "+v.Title+"; exposed "+said+": "+v.Window.Why)}
	for _, m := range []struct {
		at               *time.Time
		kind, text, says string
	}{
		{v.FixDate, "fix", "F", "fix shipped"}, {v.Published, "published", "P", "published"}, {v.KEVAdded, "kev", "K", "added to CISA's KEV catalog"},
	} {
		if m.at != nil && a.holds(*m.at) {
			row.Marks = append(row.Marks, mark{X: a.x(*m.at), Kind: m.kind, Text: m.text, Title: v.ID + " " + m.says + " " + day(m.at)})
		}
	}
	slices.SortStableFunc(row.Marks, func(a, b mark) int { return cmp.Compare(a.X, b.X) })
	last := -100.0
	for i := range row.Marks {
		px := row.Marks[i].X * narrowest / 100
		at := max(px, last+14)
		row.Marks[i].Nudge, last = int(at-px), at
	}
	return row
}

func newBar(a axis, from, to time.Time, kind, title string) bar {
	x := a.x(from)
	return bar{X: x, W: max(a.x(to)-x, 0.6), Kind: kind, Title: title}
}

// moments are when an installation became what it is, and when the evidence
// was taken.
func (t *timeline) moments(a axis, r *report.Report, h *report.Host) {
	add := func(at *time.Time, kind, text string) {
		same := slices.ContainsFunc(t.Lines, func(m moment) bool { return m.Text == text })
		if at == nil || !a.holds(*at) || same || len(t.Lines) == 4 {
			return
		}
		m := moment{X: a.x(*at), Kind: kind, Text: text, Anchor: "start", Nudge: 4, Y: 34 + 15*len(t.Lines)}
		if m.X > 50 {
			m.Anchor, m.Nudge = "end", -4
		}
		t.Lines = append(t.Lines, m)
	}
	for _, in := range serving(r, h) {
		if in.Build != nil {
			add(in.FixedAt, "update", fmt.Sprintf("build %d by %s", *in.Build, day(in.FixedAt)))
		}
	}
	for _, i := range h.Targets {
		add(r.Targets[i].AsOf, "taken", "evidence taken "+day(r.Targets[i].AsOf))
	}
}

// says is the drawing in words.
func (t *timeline) says(a axis) string {
	said := []string{fmt.Sprintf("From %s to %s.", day(&a.from), day(&a.to))}
	for _, m := range t.Lines {
		said = append(said, m.Text+".")
	}
	for _, row := range t.Rows {
		said = append(said, row.Label+".")
	}
	return strings.Join(said, " ")
}
