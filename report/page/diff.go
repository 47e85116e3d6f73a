package page

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"postern/report/diff"
	"postern/verdict"
)

// Diff writes what changed between two reports for a terminal.
func Diff(w io.Writer, d *diff.Diff, look Look) error {
	p := newSheet(w, look)
	p.text("", bold, verdictOf(d))
	p.text("  old: ", faint, sideOf(d.Old))
	p.text("  new: ", faint, sideOf(d.New))
	for i := range d.Hosts {
		p.changes(&d.Hosts[i])
	}
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("page: diff: %w", err)
	}
	return nil
}

func verdictOf(d *diff.Diff) string {
	switch {
	case d.Worse && d.LessRead:
		return "Worse than before, and less was read."
	case d.Worse:
		return "Worse than before."
	case d.LessRead:
		return "Nothing is seen to be worse, but less was read: what is better or gone proves nothing."
	}
	return "Nothing got worse, and as much was read as before."
}

func sideOf(s diff.Side) string {
	said := "Postern " + s.Version
	if len(s.Packs) > 0 {
		said += ", pack " + strings.Join(s.Packs, ", ")
	}
	if !s.Started.IsZero() {
		said += ", " + minute(s.Started)
	}
	if s.BodySHA256 != "" {
		said += ", body sha256 " + s.BodySHA256
	}
	return said
}

func (p *sheet) changes(h *diff.Host) {
	p.heading(h.Host)
	switch h.In {
	case diff.OnlyOld:
		p.text("  ", red, "Not in the new report: nothing is known about it now.")
		return
	case diff.OnlyNew:
		p.text("  ", yellow, "Not in the old report.")
	}
	for _, a := range h.Answers {
		p.text("  "+pad(strings.ToUpper(a.Question), 18), answerColour(a.New), answerWord(a.Old)+" -> "+answerWord(a.New)+": "+direction(a.Change, a.LessRead))
	}
	if r := h.Reading; r != nil {
		p.text("  "+pad("READING", 18), plain, reading(r.Old)+" -> "+reading(r.New)+": "+string(r.Change))
	}
	for _, in := range h.Installations {
		said := fmt.Sprintf("%s at %s: %s", in.Product, in.Path, in.Change)
		if in.Change == diff.Changed {
			said = fmt.Sprintf("%s at %s: build %s -> %s", in.Product, in.Path, build(in.Old), build(in.New))
		}
		p.text("  installation  ", plain, said)
	}
	for _, v := range h.CVEs {
		p.text("  "+pad(v.ID, 16), statusColour(v.New), fmt.Sprintf("%s, was %s, at %s", v.New, orNothing(string(v.Old)), v.Path))
	}
	for _, f := range h.Findings {
		p.changed(&f)
	}
	p.readings("less was read", yellow, h.Lost)
	p.readings("more was read", plain, h.Gained)
	if h.DaysCovered[0] != h.DaysCovered[1] {
		p.text("  ", plain, fmt.Sprintf("Logs cover %d days, %d before.", h.DaysCovered[1], h.DaysCovered[0]))
	}
	if len(h.Answers)+len(h.Installations)+len(h.CVEs)+len(h.Findings)+len(h.Lost)+len(h.Gained) == 0 && h.Reading == nil {
		p.text("  ", plain, "The same.")
	}
}

func (p *sheet) changed(f *diff.Finding) {
	c, mark := plain, map[diff.Change]string{diff.Added: "+ ", diff.Changed: "~ ", diff.NoLongerSeen: "- "}[f.Change]
	if f.Change == diff.Added && (f.Severity == verdict.Critical || f.Severity == verdict.High) {
		c = red
	}
	p.text("  "+mark+pad(strings.ToUpper(string(f.Severity)), 9)+pad(string(f.Class), 8), c, f.Title)
	says := string(f.Change)
	if f.LessRead {
		says += ", and less was read: it may still be there"
	}
	p.text("      ", faint, strings.Join(append([]string{says}, f.What...), "; "))
}

// readings lists what was read on one side only.
func (p *sheet) readings(title string, c colour, rows []diff.Row) {
	if len(rows) == 0 {
		return
	}
	const most = 10
	p.text("  ", c, fmt.Sprintf("%s (%d)", title, len(rows)))
	for _, r := range rows[:min(most, len(rows))] {
		p.text("    ", plain, r.Path+": "+r.What)
	}
	if left := len(rows) - most; left > 0 {
		p.text("    ", faint, fmt.Sprintf("and %d more, all with --json", left))
	}
}

func direction(c diff.Change, lessRead bool) string {
	if c == diff.Better && lessRead {
		return "no improvement, for less was read"
	}
	return string(c)
}

func reading(r verdict.Reading) string { return orNothing(string(r)) }

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func build(n *int) string {
	if n == nil {
		return "unknown"
	}
	return strconv.Itoa(*n)
}
