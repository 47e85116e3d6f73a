package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/report"
	"postern/verdict"
)

// severities and classes stand in the order in which they are read: what is
// worse, and what proves more, first.
var (
	severities = []verdict.Severity{verdict.Critical, verdict.High, verdict.Medium, verdict.Low, verdict.Info}
	classes    = []verdict.Class{verdict.Success, verdict.State, verdict.Attempt, verdict.Lead, verdict.Failed, verdict.Scan}
)

// findings are those of all targets of a host, the worst first, then by time.
func findings(r *report.Report, h *report.Host) []*report.Finding {
	var all []*report.Finding
	for _, i := range h.Targets {
		for k := range r.Targets[i].Findings {
			all = append(all, &r.Targets[i].Findings[k])
		}
	}
	slices.SortStableFunc(all, func(a, b *report.Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)),
			cmp.Compare(slices.Index(classes, a.Class), slices.Index(classes, b.Class)),
			order(a.First, b.First))
	})
	return all
}

// order compares times; one that is not known stands last.
func order(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return a.Compare(*b)
}

// findings writes what was found.
func (p *sheet) findings(r *report.Report, h *report.Host) {
	all := findings(r, h)
	if len(all) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Findings (%d)", len(all)))
	for _, f := range all[:min(mostShown, len(all))] {
		p.finding(h, f)
	}
	p.more("  ", len(all)-mostShown)
}

func (p *sheet) finding(h *report.Host, f *report.Finding) {
	c := plain
	if f.Severity == verdict.Critical || f.Severity == verdict.High {
		c = red
	}
	p.text("  "+pad(strings.ToUpper(string(f.Severity)), 9)+pad(string(f.Class), 8), c, f.Title)
	p.text("    ", faint, h.Host+": "+strings.Join(about(f), "; "))
	p.refs(f)
	if len(f.Attack) > 0 {
		p.text("    ATT&CK: ", plain, strings.Join(techniques(f.Attack), "; "))
	}
	if f.Next != "" {
		p.text("    next: ", bold, f.Next)
	}
	for _, url := range f.References {
		p.text("    see: ", faint, url)
	}
}

// about is what a finding bears on, when it was, how often, and how it is
// labelled.
func about(f *report.Finding) []string {
	bears := f.Question
	if f.Part != "" {
		bears += " " + f.Part
	}
	said := []string{bears, seen(f.First, f.Last), fmt.Sprintf("%d references", f.Count), f.Label}
	switch {
	case f.Steps:
		said[2] = fmt.Sprintf("a sequence of %d steps", len(f.Refs))
		if f.Count > 1 {
			said[2] += fmt.Sprintf(", the first of %d", f.Count)
		}
	case f.Count == 1:
		said[2] = "1 reference"
	}
	if f.Open {
		said = append(said, "the build may have been affected")
	}
	return slices.DeleteFunc(said, func(s string) bool { return s == "" })
}

// refs writes the first references, and every step of a sequence with its
// number and time.
func (p *sheet) refs(f *report.Finding) {
	shown := f.Refs[:min(3, len(f.Refs))]
	if f.Steps {
		shown = f.Refs[:min(mostShown, len(f.Refs))]
	}
	for i, ref := range shown {
		lead, at := "    ", place(&ref)
		if f.Steps {
			lead = fmt.Sprintf("    %d. ", i+1)
			if ref.Time != nil {
				at = second(*ref.Time) + "  " + at
			}
		}
		p.text(lead, plain, at)
		if ref.Text != "" {
			p.text(strings.Repeat(" ", len(lead)+2), faint, shorten(ref.Text))
		}
	}
	if f.Steps {
		p.more("    ", len(f.Refs)-len(shown))
	}
}

func seen(first, last *time.Time) string {
	switch {
	case first == nil && last == nil:
		return ""
	case first == nil:
		return "until " + minute(*last)
	case last == nil || minute(*first) == minute(*last):
		return minute(*first)
	}
	return minute(*first) + " to " + minute(*last)
}

// place is where a reference points, as most editors and pagers write it.
func place(r *report.Ref) string {
	switch {
	case r.Line != nil:
		return fmt.Sprintf("%s:%d", r.Path, *r.Line)
	case r.Record != nil:
		return fmt.Sprintf("%s record %d", r.Path, *r.Record)
	case r.Offset != nil:
		return fmt.Sprintf("%s offset %d", r.Path, *r.Offset)
	}
	return r.Path
}

// shorten keeps a line of evidence to a few lines of a terminal.
func shorten(text string) string {
	const limit = 320
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + cutMark
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func day(t *time.Time) string {
	if t == nil {
		return "?"
	}
	return t.UTC().Format("2006-01-02")
}
