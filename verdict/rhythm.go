package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// SilenceRule is the rule of the finding for hours in which a series of logs that
// never rests says nothing.
const SilenceRule = "log-silent"

const (
	week       = 7 * 24
	leastWeeks = 4    // others that saw the same hour of the week
	restless   = 0.9  // share of hours with an event, from which on a series never rests
	byChance   = 0.01 // how many such silences chance may give in a whole series
)

// rhythm is what hours of the week a series was seen in, and had an event in.
type rhythm struct {
	seen, busy [week]int
}

// silent is a run of hours without an event, since 1970; end exclusive.
type silent struct{ from, end int64 }

// silence judges a series against its own rhythm: a run of hours without an
// event, where the same hours of other weeks had some, is a gap if chance would
// leave out as many in less than one of a hundred such series. Each hour's chance
// to be without is taken from the same hour of the other weeks, four at least, by
// Laplace's rule (n+2 tries, one more failure than was seen); a run has the
// product. So hours that are often quiet, nights and weekends, tell nothing, and a
// silence has to be about 8 hours long where five weeks are known, 4 where a year is.
//
// It bears on then, and is a finding, where the series never rests: of one that
// keeps office hours, a holiday is told and decides nothing. Days that are missing
// or were not read whole are told elsewhere.
func (s *series) silence(row evidence.Coverage, w window) (evidence.Coverage, []Finding) {
	runs, share := s.silences(w)
	if len(runs) == 0 {
		return row, nil
	}
	var days []evidence.Day
	hours := int64(0)
	for _, r := range runs {
		hours += r.end - r.from
		for d := evidence.Day(r.from / 24); d <= evidence.Day((r.end-1)/24); d++ {
			days = append(days, d)
		}
	}
	when := spellHours(runs)
	row.Count, row.Missed = 0, &evidence.Missed{Reason: evidence.Hole, Detail: count(int(hours), "hour") + " without an event, where the same hours of other weeks have some: " + when}
	if !s.format.Need || share < restless || !w.holdsAny(days) {
		row.Parts = 0
	}
	if share < restless {
		return row, nil
	}
	return row, []Finding{s.quiet(runs, days, when)}
}

// quiet is the finding for such a silence: a lead, for services are stopped for
// maintenance too.
func (s *series) quiet(runs []silent, days []evidence.Day, when string) Finding {
	var refs []evidence.Ref
	for _, d := range days {
		for _, near := range []evidence.Day{d - 1, d, d + 1} {
			if path := s.named[near]; path != "" {
				refs = append(refs, evidence.Ref{Collector: "logs", Path: path})
			}
		}
	}
	slices.SortFunc(refs, evidence.Ref.Compare)
	refs = slices.CompactFunc(refs, func(a, b evidence.Ref) bool { return a.Compare(b) == 0 })
	f := Finding{
		Rule: SilenceRule, Title: fmt.Sprintf("The %s logs, which never rest, fall silent: %s", s.name, when),
		Question: evidence.CompromisedThen, Severity: Low, Confidence: evidence.Likely, Class: Lead,
		Count: int64(len(refs)), First: hour(runs[0].from), Last: hour(runs[len(runs)-1].end), Refs: refs,
		Attack: []string{"T1070"}, Next: "Find out who stopped the service or its logging then. If nobody did, look for these hours in backups, on log servers and in other logs.",
	}
	if len(refs) > 0 {
		f.ID = FindingID(f.Rule, refs[0])
	}
	return f
}

func hour(h int64) time.Time { return time.Unix(h*3600, 0).UTC() }

// spellHours writes runs: "2026-01-17 02:00 to 2026-01-17 11:00 UTC".
func spellHours(runs []silent) string {
	const layout = "2006-01-02 15:04"
	var words []string
	for i, r := range runs {
		if i == mostRanges {
			words = append(words, fmt.Sprintf("and %d more", len(runs)-i))
			break
		}
		words = append(words, hour(r.from).Format(layout)+" to "+hour(r.end).Format(layout))
	}
	return strings.Join(words, ", ") + " UTC"
}

// silences lists the runs of hours that chance does not explain, and tells what
// share of its hours the series has an event in.
func (s *series) silences(w window) (runs []silent, share float64) {
	first, last := s.awake(w)
	if last-first < (leastWeeks+1)*week {
		return nil, 0
	}
	var r rhythm
	seen, busy := 0, 0
	for h := first; h <= last; h++ {
		if !s.knows(h) {
			continue
		}
		slot := h % week
		if r.seen[slot]++; s.busyAt(h) {
			r.busy[slot]++
			busy++
		}
		seen++
	}
	if seen == 0 {
		return nil, 0
	}
	run, chance := silent{}, 1.0
	for h := first; h <= last; h++ {
		if s.knows(h) && !s.busyAt(h) {
			empty := r.empty(h % week)
			if chance *= empty; empty < 0.5 { // it does not begin or end in hours that are quiet anyway
				if run.from == 0 {
					run.from = h
				}
				run.end = h + 1
			}
			continue
		}
		if run.from > 0 && chance*float64(seen) < byChance {
			runs = append(runs, run)
		}
		run, chance = silent{}, 1
	}
	return runs, float64(busy) / float64(seen)
}

// empty is the chance that an hour of the week has no event, by the other weeks.
func (r *rhythm) empty(slot int64) float64 {
	others := r.seen[slot] - 1
	if others < leastWeeks {
		return 1
	}
	return float64(others-r.busy[slot]+1) / float64(others+2)
}

// awake is the first and the last hour with an event, of the window and the year
// before it: a clock that was wrong may tell of any time.
func (s *series) awake(w window) (first, last int64) {
	for d, hours := range s.busy {
		if d < w.first-366 || d > w.end {
			continue
		}
		for i := range int64(24) {
			if hours&(1<<i) == 0 {
				continue
			}
			h := int64(d)*24 + i
			if first == 0 || h < first {
				first = h
			}
			last = max(last, h)
		}
	}
	return first, last
}

func (s *series) busyAt(h int64) bool { return s.busy[evidence.Day(h/24)]&(1<<(h%24)) != 0 }

// knows reports whether an hour's logs were read whole. Days are those of the
// log's own zone, so that the ones beside it have a say.
func (s *series) knows(h int64) bool {
	for d := evidence.Day(h/24) - 1; d <= evidence.Day(h/24)+1; d++ {
		if sound, known := s.sound[d]; known && !sound || !known && s.format.Daily {
			return false
		}
	}
	return true
}
