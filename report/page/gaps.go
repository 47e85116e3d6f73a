package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/report"
)

// gapRow is one thing that was not seen.
type gapRow struct {
	Path, Detail  string
	reason, parts string
	rank          int
}

// gapRows gathers what was missed on a host, the gaps that make an answer
// unknown first.
func gapRows(r *report.Report, h *report.Host) []gapRow {
	var rows []gapRow
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			if c.Missed == nil {
				continue
			}
			reason, detail, _ := strings.Cut(*c.Missed, ": ")
			rows = append(rows, gapRow{c.Path, detail, reason, strings.Join(c.Parts, ", "), rankGap(c.Parts)})
		}
	}
	slices.SortStableFunc(rows, func(a, b gapRow) int { return cmp.Compare(a.rank, b.rank) })
	return rows
}

func rankGap(bears []string) int {
	for i, n := range []string{"exposed", "compromised.now", "compromised.then"} {
		if slices.Contains(bears, n) {
			return i
		}
	}
	return 3
}

// gapGroup is what was missed for one reason, and what it bears on.
type gapGroup struct {
	Reason, Bears string
	Rows          []gapRow
}

// gapGroups groups gaps by what they bear on and why, in the order of rows.
func gapGroups(rows []gapRow) (groups []gapGroup) {
	at := map[[2]string]int{}
	for _, g := range rows {
		key := [2]string{g.reason, g.parts}
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, gapGroup{g.reason, cmp.Or(strings.ReplaceAll(g.parts, ".", " "), "changes no answer"), nil})
		}
		groups[i].Rows = append(groups[i].Rows, g)
	}
	return groups
}

// gaps writes what could not be seen.
func (p *sheet) gaps(r *report.Report, h *report.Host) {
	rows := gapRows(r, h)
	p.heading(fmt.Sprintf("What could not be seen on %s (%d)", h.Host, len(rows)))
	if len(rows) == 0 {
		p.text("  ", plain, seenAll(r, h))
	}
	const most = 4
	for _, g := range gapGroups(rows) {
		p.text("  ", yellow, fmt.Sprintf("%s (%s), %d", g.Reason, g.Bears, len(g.Rows)))
		for _, row := range g.Rows[:min(most, len(g.Rows))] {
			p.text("    ", plain, strings.TrimSuffix(row.Path+": "+row.Detail, ": "))
		}
		p.more("    ", len(g.Rows)-most)
	}
}

// seenAll is what is said where nothing was missed.
func seenAll(r *report.Report, h *report.Host) string {
	if slices.ContainsFunc(h.Targets, func(i int) bool { return r.Targets[i].Looked() }) {
		if guessedEnd(r, h) {
			return "Everything that is here was seen. Whether something is missing at its end is not known: nothing says when it was taken."
		}
		return "Everything asked for was seen."
	}
	return "Nothing was looked at."
}

// lookedRow sums up what was looked at of one kind, for logs of one family.
type lookedRow struct {
	Kind, Name, Bears string
	Paths             int
	Count, Bytes      int64
	From, To          *time.Time
}

// lookedRows are in order of first sight.
func lookedRows(r *report.Report, h *report.Host) (all []lookedRow) {
	at := map[[2]string]int{}
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			if c.Missed != nil || c.Kind == evidence.CoverLogFamily {
				continue
			}
			key := [2]string{string(c.Kind), c.Family}
			n, known := at[key]
			if !known {
				n = len(all)
				at[key] = n
				all = append(all, lookedRow{Kind: key[0], Name: cmp.Or(c.Family, "all")})
			}
			all[n].add(&c)
		}
	}
	return all
}

func (l *lookedRow) add(c *report.Coverage) {
	l.Paths++
	l.Count += c.Count
	l.Bytes += c.Bytes
	for _, p := range c.Parts {
		if p = strings.ReplaceAll(p, ".", " "); !strings.Contains(l.Bears, p) {
			l.Bears = strings.TrimPrefix(l.Bears+", "+p, ", ")
		}
	}
	if c.From != nil && (l.From == nil || c.From.Before(*l.From)) {
		l.From = c.From
	}
	if c.To != nil && (l.To == nil || c.To.After(*l.To)) {
		l.To = c.To
	}
}

// Shown are the rows of a group that a page shows.
func (g gapGroup) Shown() []gapRow { return g.Rows[:min(len(g.Rows), mostRows)] }

// More is how many are left out.
func (g gapGroup) More() int { return max(0, len(g.Rows)-mostRows) }
