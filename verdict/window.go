package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// window is the required window in whole days. The day of the examination is
// not over, so it is not among them. A day that --since or --until left out of
// the work is in the window, and no log covers it.
type window struct {
	first, end evidence.Day // end exclusive
	review     evidence.Period
}

func (w window) holds(d evidence.Day) bool {
	from := dayStart(d)
	last := from.AddDate(0, 0, 1).Add(-1)
	return d >= w.first && d < w.end && w.review.Holds(from) && w.review.Holds(last)
}

func requiredDays(asked Asked) window {
	if asked.Required.From.IsZero() {
		return window{}
	}
	return window{evidence.DayOf(asked.Required.From.UTC()), evidence.DayOf(asked.AsOf.UTC()), asked.Review}
}

func (w window) days() int { return max(0, int(w.end-w.first)) }

// needs groups the formats that must be covered by family, in their order.
func needs(logs []evidence.LogFormat) []evidence.LogFormat {
	var need []evidence.LogFormat
	for _, f := range logs {
		if f.Need && !slices.ContainsFunc(need, func(n evidence.LogFormat) bool { return n.Family == f.Family }) {
			need = append(need, f)
		}
	}
	return need
}

// covered reports which days of w the series of one family vouch for, over all
// directories: a log folder that was moved is one record in two places.
func covered(w window, family string, all []*series) map[evidence.Day]bool {
	days := map[evidence.Day]bool{}
	for _, s := range all {
		if s.family() != family {
			continue
		}
		for d, sound := range s.sound {
			if !w.holds(d) {
				continue
			}
			if known, any := days[d]; !any || known {
				days[d] = sound
			}
		}
	}
	for d, sound := range days {
		if !sound {
			delete(days, d)
		}
	}
	return days
}

// byFamily says how many days of w each needed family vouches for, "" when all
// vouch for as many.
func byFamily(w window, logs []evidence.LogFormat, all []*series) string {
	var words []string
	least, most := w.days(), 0
	for _, f := range needs(logs) {
		n := len(covered(w, f.Family, all))
		least, most = min(least, n), max(most, n)
		words = append(words, fmt.Sprintf("%s %d", f.Family, n))
	}
	if least >= most {
		return ""
	}
	return strings.Join(words, ", ")
}

// coveredByAll counts the days of w that every needed family vouches for. With
// no needed family it is zero: nothing can vouch.
func coveredByAll(w window, logs []evidence.LogFormat, all []*series) int {
	tally := map[evidence.Day]int{}
	need := needs(logs)
	for _, f := range need {
		for d := range covered(w, f.Family, all) {
			tally[d]++
		}
	}
	n := 0
	for _, families := range tally {
		if families == len(need) {
			n++
		}
	}
	return n
}

// shortfalls are the gaps of the families that must be covered: not there at
// all, or shorter than the required window.
func shortfalls(asked Asked, logs []evidence.LogFormat, all []*series) []evidence.Coverage {
	var rows []evidence.Coverage
	w := requiredDays(asked)
	for _, f := range needs(logs) {
		gap := func(reason evidence.Reason, detail string) {
			rows = append(rows, evidence.Coverage{
				Kind: evidence.CoverLogFamily, Path: f.Family, Family: f.Family, Format: f.ID,
				Parts: f.Parts | evidence.CompromisedThen, Missed: &evidence.Missed{Reason: reason, Detail: detail},
			})
		}
		var first, last evidence.Day
		found := false
		for _, s := range all {
			if s.family() != f.Family {
				continue
			}
			for d := range s.named {
				if !found {
					first, last, found = d, d, true
				}
				first, last = min(first, d), max(last, d)
			}
		}
		switch {
		case !found && !slices.ContainsFunc(all, func(s *series) bool { return s.family() == f.Family }):
			gap(evidence.Absent, absence(f))
		case !found:
			gap(evidence.TooShort, fmt.Sprintf("covers 0 of %s", count(w.days(), "day")))
		case w.days() > 0 && first <= w.first && last >= w.end-1 && !judged(f.Family, all) && len(covered(w, f.Family, all)) < w.days():
			gap(evidence.Hole, fmt.Sprintf("covers %d of %s", len(covered(w, f.Family, all)), count(w.days(), "day")))
		case w.days() > 0 && (first > w.first || last < w.end-1):
			gap(evidence.TooShort, fmt.Sprintf("covers %d of %s, from %s to %s", len(covered(w, f.Family, all)), count(w.days(), "day"), first, last))
		}
	}
	return rows
}

// judged reports whether every directory of a family is looked through for
// days that are missing.
func judged(family string, all []*series) bool {
	return !slices.ContainsFunc(all, func(s *series) bool { return s.family() == family && !(s.format.Daily && s.format.Need) })
}

func absence(f evidence.LogFormat) string {
	if f.Layout == "w3c" {
		return fmt.Sprintf("no %s log: a product's built-in web server writes none; ask the reverse proxy or load balancer", f.Family)
	}
	return fmt.Sprintf("no %s log was found; name its folder as a further target, or take it from a backup", f.Family)
}

// narrowed is the gap that --since and --until leave in the required window.
func narrowed(asked Asked) []evidence.Coverage {
	var left []string
	if from := asked.Review.From; from.After(asked.Required.From) {
		left = append(left, "everything before "+stamp(from))
	}
	if to := asked.Review.To; !to.IsZero() && to.Before(asked.AsOf) {
		left = append(left, "everything from "+stamp(to)+" on")
	}
	if left == nil {
		return nil
	}
	return []evidence.Coverage{evidence.Gap(evidence.CoverLogFamily, "--since, --until", evidence.CompromisedThen, evidence.Narrowed, "left out of the work: "+strings.Join(left, " and "))}
}

// spell writes days as ranges: "2026-01-17 to 2026-01-19, 2026-01-25".
func spell(days []evidence.Day) string {
	var ranges []string
	total := 0
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j]+1 {
			j++
		}
		if total++; total <= mostRanges {
			r := days[i].String()
			if j > i {
				r += " to " + days[j].String()
			}
			ranges = append(ranges, r)
		}
		i = j + 1
	}
	if more := total - mostRanges; more > 0 {
		ranges = append(ranges, "and "+count(more, "more gap"))
	}
	return strings.Join(ranges, ", ")
}

func dayStart(d evidence.Day) time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// stamp writes a time as an operator reads it, the hour only where it matters.
func stamp(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04Z")
}
