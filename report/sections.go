package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/verdict"
)

// roles orders installations: what serves first.
var roles = []evidence.InstallRole{evidence.Active, evidence.RoleUnknown, evidence.Copy}

func installations(r *Report, h *Host) []Installation {
	var all []Installation
	for _, i := range h.Targets {
		all = append(all, r.Targets[i].Installations...)
	}
	slices.SortStableFunc(all, func(a, b Installation) int {
		return cmp.Compare(slices.Index(roles, a.Role), slices.Index(roles, b.Role))
	})
	return all
}

// installations writes each installation with its CVE table.
func (p *page) installations(all []Installation) {
	if len(all) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Installations (%d)", len(all)))
	for i, in := range all[:min(mostShown, len(all))] {
		if i > 0 {
			p.blank()
		}
		p.text("  ", plain, fmt.Sprintf("%s at %s", product(&in), in.Path))
		p.text("    ", plain, about(&in))
		for _, note := range in.Notes {
			p.text("    note: ", yellow, note)
		}
		p.vulnerabilities(&in)
	}
	p.more("  ", len(all)-mostShown)
}

// mostShown is how many installations or findings a page shows of one host.
const mostShown = 30

func (p *page) more(lead string, left int) {
	if left > 0 {
		p.text(lead, faint, fmt.Sprintf("and %d more, all in the JSON report", left))
	}
}

func product(in *Installation) string {
	said := cmp.Or(in.Name, in.Product)
	if in.Build == nil {
		return said + ", build unknown"
	}
	said += fmt.Sprintf(" build %d", *in.Build)
	if in.Version != "" && in.Version != fmt.Sprint(*in.Build) {
		said += " (" + in.Version + ")"
	}
	return said
}

func about(in *Installation) string {
	said := []string{string(in.Role)}
	if in.RoleWhy != "" {
		said[0] += ": " + in.RoleWhy
	}
	if in.BuildWhy != "" {
		said = append(said, in.BuildWhy)
	}
	if in.Confidence != "" {
		said = append(said, string(in.Confidence))
	}
	if in.Disagree {
		said = append(said, "its files name different builds")
	}
	if in.Behind != nil {
		builds := "security builds"
		if *in.Behind == 1 {
			builds = "security build"
		}
		said = append(said, fmt.Sprintf("%d %s behind the latest known", *in.Behind, builds))
	}
	if in.FixedAt != nil {
		said = append(said, "became this build by "+minute(*in.FixedAt)+parenthesis(in.FixedWhy))
	}
	return strings.Join(said, "; ")
}

func parenthesis(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// vulnerabilities writes a line for each CVE that counts, KEV entries first,
// and names the others together: those that are fixed, those that cannot be
// told apart because the build is unknown, those of a copy that nothing runs.
func (p *page) vulnerabilities(in *Installation) {
	all := slices.Clone(in.Vulnerabilities)
	slices.SortStableFunc(all, func(a, b Vulnerability) int { return boolOrder(b.KEV, a.KEV) })
	rest := map[verdict.Status][]string{}
	head := false
	for _, v := range all {
		counts := v.KEV && v.Window != nil || v.Status == verdict.Affected && in.Role != evidence.Copy
		if !counts {
			rest[v.Status] = append(rest[v.Status], v.ID)
			continue
		}
		if !head {
			p.write("    " + pad("CVE", 16) + " " + pad("KEV", 4) + pad("STATUS", 9) + pad("FIXED IN", 9) + "EXPOSED FROM, TO\n")
			head = true
		}
		p.text("    "+pad(v.ID, 16)+" "+pad(kev(v.KEV), 4)+pad(string(v.Status), 9)+pad(fixedIn(&v), 9), statusColour(v.Status), exposure(&v))
	}
	for _, s := range []verdict.Status{verdict.Affected, verdict.StatusUnknown, verdict.Fixed} {
		if ids := rest[s]; len(ids) > 0 {
			p.text("    "+string(s)+": ", statusColour(s), strings.Join(ids, ", "))
		}
	}
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func kev(listed bool) string {
	if listed {
		return "KEV"
	}
	return "-"
}

func fixedIn(v *Vulnerability) string {
	if v.FixedBuild == nil {
		return "?"
	}
	return fmt.Sprint(*v.FixedBuild)
}

func statusColour(s verdict.Status) colour {
	switch s {
	case verdict.Affected:
		return red
	case verdict.StatusUnknown:
		return yellow
	}
	return plain
}

// exposure is when an installation was open to a CVE. Without a trace of the
// fix the end is only the latest there can be.
func exposure(v *Vulnerability) string {
	if v.Window == nil {
		return cmp.Or(v.WindowWhy, "-")
	}
	said := day(v.Window.From) + " to " + day(v.Window.To)
	switch {
	case v.Status == verdict.StatusUnknown:
		said += ", if affected"
	case v.Window.Open && v.Status == verdict.Fixed:
		said += " or sooner"
	case v.Window.Open:
		said += ", still open"
	}
	return said
}

var severities = []verdict.Severity{verdict.Critical, verdict.High, verdict.Medium, verdict.Low, verdict.Info}

// findings writes what was found, the worst first.
func (p *page) findings(r *Report, h *Host) {
	var all []Finding
	for _, i := range h.Targets {
		all = append(all, r.Targets[i].Findings...)
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
	p.heading(fmt.Sprintf("Findings (%d)", len(all)))
	for _, f := range all[:min(mostShown, len(all))] {
		p.finding(&f)
	}
	p.more("  ", len(all)-mostShown)
}

func (p *page) finding(f *Finding) {
	c := plain
	if f.Severity == verdict.Critical || f.Severity == verdict.High {
		c = red
	}
	p.text("  "+pad(strings.ToUpper(string(f.Severity)), 9)+pad(string(f.Class), 8), c, f.Title)
	bears := f.Question
	if f.Part != "" {
		bears += " " + f.Part
	}
	said := []string{bears, seen(f.First, f.Last), fmt.Sprintf("%d references", f.Count)}
	if f.Count == 1 {
		said[2] = "1 reference"
	}
	if f.Label != "" {
		said = append(said, f.Label)
	}
	said = slices.DeleteFunc(said, func(s string) bool { return s == "" })
	p.text("    ", faint, strings.Join(said, "; "))
	for _, ref := range f.Refs[:min(3, len(f.Refs))] {
		p.text("    ", plain, place(&ref))
		if ref.Text != "" {
			p.text("      ", faint, shorten(ref.Text))
		}
	}
	if f.Next != "" {
		p.text("    next: ", bold, f.Next)
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
func place(r *Ref) string {
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

// shorten keeps a line of evidence to about two lines of a terminal.
func shorten(text string) string {
	const limit = 240
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + cutMark
}

// gapRow is one thing that was not seen.
type gapRow struct {
	reason, path, detail string
	parts                string
	rank                 int
}

// gapRows gathers what was missed on a host, the gaps that make an answer
// unknown first.
func gapRows(r *Report, h *Host) []gapRow {
	var rows []gapRow
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			if c.Missed == nil {
				continue
			}
			reason, detail, _ := strings.Cut(*c.Missed, ": ")
			rows = append(rows, gapRow{reason, c.Path, detail, strings.Join(c.Parts, ", "), rankGap(c.Parts)})
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

// gaps writes what could not be seen, grouped by what it bears on and why.
func (p *page) gaps(r *Report, h *Host) {
	rows := gapRows(r, h)
	p.heading(fmt.Sprintf("What could not be seen (%d)", len(rows)))
	if len(rows) == 0 {
		said := "Everything asked for was seen."
		if !slices.ContainsFunc(h.Targets, func(i int) bool { return examined(&r.Targets[i]) }) {
			said = "Nothing was looked at."
		}
		p.text("  ", plain, said)
		return
	}
	const most = 4
	for len(rows) > 0 {
		first := rows[0]
		same := func(g gapRow) bool { return g.reason == first.reason && g.parts == first.parts }
		var group []gapRow
		for _, g := range rows {
			if same(g) {
				group = append(group, g)
			}
		}
		rows = slices.DeleteFunc(rows, same)
		bears := strings.ReplaceAll(first.parts, ".", " ")
		p.text("  ", yellow, fmt.Sprintf("%s (%s), %d", first.reason, cmp.Or(bears, "changes no answer"), len(group)))
		for _, g := range group[:min(most, len(group))] {
			p.text("    ", plain, strings.TrimSuffix(g.path+": "+g.detail, ": "))
		}
		p.more("    ", len(group)-most)
	}
}
