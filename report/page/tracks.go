package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// track is the days of one family of logs.
type track struct {
	name string
	days map[int]bool // days since 1970: true where all files of the day were read whole
}

const dayLong = 24 * time.Hour

func dayOf(t time.Time) int { return int(t.Unix() / 86400) }

// logs draws which days each family of logs covers. A day is drawn as covered
// where a file speaks of it; what is not stays hatched.
func (t *timeline) logs(a axis, r *report.Report, h *report.Host) {
	tracks := logTracks(r, h)
	for _, k := range tracks[:min(len(tracks), mostLogs)] {
		row := timeRow{Kind: "log", Label: k.label()}
		for _, run := range k.runs() {
			from, to := time.Unix(int64(run.from)*86400, 0).UTC(), time.Unix(int64(run.to)*86400, 0).UTC()
			last := to.Add(-dayLong)
			if !to.After(a.from) || from.After(a.to) {
				continue
			}
			kind, title := "read", fmt.Sprintf("%s: %s to %s", k.name, day(&from), day(&last))
			if !run.whole {
				kind, title = "part", title+", read in part"
			}
			row.Bars = append(row.Bars, newBar(a, from, to, kind, title))
		}
		t.Rows = append(t.Rows, row)
	}
	if left := len(tracks) - mostLogs; left > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d more log families stand in the coverage map.", left))
	}
}

// logTracks gathers the families in order of first sight: those with logs, then
// those without any.
func logTracks(r *report.Report, h *report.Host) (all []*track) {
	at := map[string]*track{}
	broken := map[string]bool{}
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			if c.Kind == evidence.CoverLog && c.Missed != nil {
				broken[c.Path] = true
			}
		}
	}
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			if c.Kind != evidence.CoverLog || c.Missed != nil || c.Family == "" || c.From == nil || c.To == nil {
				continue
			}
			k := at[c.Family]
			if k == nil {
				k = &track{name: c.Family, days: map[int]bool{}}
				at[c.Family] = k
				all = append(all, k)
			}
			first, last := dayOf(*c.From), dayOf(*c.To)
			for d := first; d <= min(last, first+20_000); d++ {
				whole, known := k.days[d]
				k.days[d] = !broken[c.Path] && (whole || !known)
			}
		}
	}
	return append(all, missingTracks(r, h, all)...)
}

// missingTracks are families of which nothing at all was read.
func missingTracks(r *report.Report, h *report.Host, have []*track) (all []*track) {
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			known := func(k *track) bool { return strings.HasPrefix(k.name, c.Family) }
			if c.Kind == evidence.CoverLogFamily && c.Missed != nil && c.Family != "" && !slices.ContainsFunc(have, known) && !slices.ContainsFunc(all, known) {
				all = append(all, &track{name: c.Family})
			}
		}
	}
	return all
}

func (k *track) label() string {
	switch n := len(k.days); n {
	case 0:
		return k.name + ": no log"
	case 1:
		return k.name + ": 1 day"
	default:
		return fmt.Sprintf("%s: %d days", k.name, n)
	}
}

type dayRun struct {
	from, to int // to is exclusive
	whole    bool
}

// runs joins days that follow each other.
func (k *track) runs() (all []dayRun) {
	days := make([]int, 0, len(k.days))
	for d := range k.days {
		days = append(days, d)
	}
	slices.Sort(days)
	for _, d := range days {
		if n := len(all); n > 0 && all[n-1].to == d && all[n-1].whole == k.days[d] {
			all[n-1].to++
			continue
		}
		all = append(all, dayRun{d, d + 1, k.days[d]})
	}
	return all
}

// places is how many marks of one severity stand beside each other at most.
const places = 160

// found draws findings as marks, a row for each severity. What lies close
// together is one mark.
func (t *timeline) found(a axis, all []*report.Finding) {
	outside := 0
	for _, s := range severities {
		marks, n, undated := map[int]*mark{}, 0, 0
		for _, f := range all {
			if f.Severity != s {
				continue
			}
			n++
			at := f.First
			if at == nil {
				at = f.Last
			}
			switch {
			case at == nil:
				undated++
				continue
			case !a.holds(*at):
				outside++
				continue
			}
			place := int(a.x(*at) * places / 100)
			if m := marks[place]; m != nil {
				m.Nudge++ // counts, until the marks are laid out
				m.Solid = m.Solid || proves(f)
				continue
			}
			marks[place] = &mark{X: a.x(*at), Kind: string(s), Solid: proves(f), Title: minute(*at) + ": " + string(f.Class) + ", " + f.Title}
		}
		if n > 0 {
			row := timeRow{Kind: "found", Label: fmt.Sprintf("Findings, %s: %d", s, n), Marks: laidOut(marks)}
			if undated > 0 {
				row.Label += fmt.Sprintf(", %d without a time", undated)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if outside > 0 {
		t.Notes = append(t.Notes, count(outside, "finding lies far outside this period.", "findings lie far outside this period."))
	}
}

// laidOut gives marks in order, each saying how many it stands for.
func laidOut(marks map[int]*mark) (all []mark) {
	for place := range places + 1 {
		m := marks[place]
		if m == nil {
			continue
		}
		if m.Nudge > 0 {
			m.Title += ", and " + count(m.Nudge, "more nearby", "more nearby")
		}
		m.Nudge = 0
		all = append(all, *m)
	}
	return all
}

func proves(f *report.Finding) bool { return f.Class == verdict.Success || f.Class == verdict.State }

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
