package page

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// Logs writes a report of logs alone for a terminal: for each host the one
// answer that logs give, what was found, what was read of each family of logs,
// what could not be seen, and what to do now.
func Logs(w io.Writer, r *report.Report, look Look) error {
	return sheets(w, r, look, (*sheet).logsOf)
}

func (p *sheet) logsOf(r *report.Report, h *report.Host) {
	p.head(r, h)
	c := &h.Answers.Compromised
	said := sentence(c.Then, thenSays)
	if c.Reading != verdict.Untouched {
		said = string(c.Reading) + ". " + said
	}
	p.text(pad("COMPROMISED", 13)+pad(answerWord(c.Then.Answer), 14), answerColour(c.Then.Answer), said)
	for _, row := range whyRows(&h.Answers) {
		if row.Label == "then" && !strings.Contains(row.Text, ", see ") { // what is below, among the findings
			p.text(strings.Repeat(" ", 27), plain, row.Text)
		}
	}
	p.findings(r, h)
	p.series(r, h)
	p.gaps(r, h)
	p.advice(r, h)
}

// seriesRow is what was read of one family of logs in one folder.
type seriesRow struct {
	Name          string
	Files         int
	Events        int64
	From, To      *time.Time
	Days, Percent string // of those asked for, covered
	Flaws         []string
}

// seriesRows are those of a host: first what must be there and is not, then by
// name, then logs that count to no family.
func seriesRows(r *report.Report, h *report.Host) (all []seriesRow) {
	for _, i := range h.Targets {
		var absent, read []seriesRow
		other := lookedRow{}
		for _, c := range r.Targets[i].Coverage {
			row := seriesRow{Name: strings.TrimSuffix(c.Family, " .")} // "." is the folder that was named
			switch {
			case c.Kind == evidence.CoverLog && c.Family == "" && c.Missed == nil:
				other.add(&c)
			case c.Kind != evidence.CoverLogFamily:
			case c.Series != nil:
				row.Files, row.Events, row.From, row.To, row.Flaws = c.Series.Files, c.Count, c.From, c.To, flaws(c.Series)
				row.Days, row.Percent = share(c.Series.DaysCovered, c.Series.DaysRequired)
				read = append(read, row)
			case c.Missed != nil && strings.HasPrefix(*c.Missed, string(evidence.Absent)):
				row.Flaws = []string{"none was found, and one must be there"}
				row.Days, row.Percent = share(0, r.Targets[i].Answers.Compromised.DaysRequired)
				absent = append(absent, row)
			}
		}
		if other.Paths > 0 {
			read = append(read, seriesRow{
				Name: "other logs", Files: other.Paths, Events: other.Count, From: other.From, To: other.To, Days: "-", Percent: "-",
				Flaws: []string{"they vouch for no day: nothing in them shows that they are the product's"},
			})
		}
		all = append(append(all, absent...), read...)
	}
	return all
}

// flaws says in words what is wrong with what was read of a family.
func flaws(s *report.Series) (all []string) {
	add := func(n int64, one, more, rest string) {
		if n > 0 {
			all = append(all, count(int(n), one, more)+rest)
		}
	}
	add(int64(s.DaysMissing), "day", "days", " missing inside the series: "+s.Missing)
	add(s.Cleared, "record says", "records say", " that somebody cleared a log")
	add(int64(s.Broken), "log was", "logs were", " not, or not wholly, read")
	add(s.Unread, "line or record", "lines or records", " not understood")
	add(int64(s.Low), "log", "logs", " written at too low a level to tell all")
	add(int64(s.Unzoned), "log", "logs", " in local times of an unknown zone, read as UTC")
	return all
}

// share is how much of the days asked for was covered; all of it is 100%, and
// nothing else.
func share(covered, asked int) (days, percent string) {
	switch percent = fmt.Sprintf("%d%%", 100*covered/max(asked, 1)); {
	case asked <= 0:
		return "-", "-"
	case covered > 0 && percent == "0%":
		percent = "<1%"
	}
	return fmt.Sprintf("%d/%d", covered, asked), percent
}

// series writes a table of the families of logs, what is wrong with one below
// it.
func (p *sheet) series(r *report.Report, h *report.Host) {
	all := seriesRows(r, h)
	if len(all) == 0 {
		return
	}
	left := len(all) - mostShown
	if left > 0 { // those with flaws must be among those shown
		slices.SortStableFunc(all, func(a, b seriesRow) int { return boolOrder(a.Flaws == nil, b.Flaws == nil) })
		all = all[:mostShown]
	}
	p.heading(seriesTitle)
	const numbers = 53
	name := min(p.look.Width, 120) - numbers - 3
	p.write("  " + pad("FAMILY", name) + " " + "FILES    EVENTS  FIRST       LAST           DAYS    %\n")
	for _, row := range all {
		lead := row.Name
		if columns(report.Escape(lead)) > name {
			p.text("  ", plain, lead)
			lead = ""
		}
		p.write(fmt.Sprintf("  %s %5d %9d  %-10s  %-10s %8s %4s\n", pad(lead, name), row.Files, row.Events, dayOrNone(row.From), dayOrNone(row.To), row.Days, row.Percent))
		for _, flaw := range row.Flaws {
			p.text("    ! ", yellow, flaw)
		}
	}
	p.more("  ", left)
}

const seriesTitle = "Logs, and how much of the days asked for they cover"

func dayOrNone(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return day(t)
}
