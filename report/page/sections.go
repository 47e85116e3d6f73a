package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// roles orders installations: what serves first.
var roles = []evidence.InstallRole{evidence.Active, evidence.RoleUnknown, evidence.Copy}

func installations(r *report.Report, h *report.Host) []report.Installation {
	var all []report.Installation
	for _, i := range h.Targets {
		all = append(all, r.Targets[i].Installations...)
	}
	slices.SortStableFunc(all, func(a, b report.Installation) int {
		return cmp.Compare(slices.Index(roles, a.Role), slices.Index(roles, b.Role))
	})
	return all
}

// installations writes each installation with its CVE table.
func (p *sheet) installations(h *report.Host, all []report.Installation) {
	if len(all) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Installations (%d)", len(all)))
	for i, in := range all[:min(mostShown, len(all))] {
		if i > 0 {
			p.blank()
		}
		p.text("  ", plain, fmt.Sprintf("%s at %s", product(&in), in.Path))
		p.text("    ", plain, aboutInstall(&in))
		for _, note := range in.Notes {
			p.text("    note: ", yellow, note)
		}
		p.vulnerabilities(h, &in)
	}
	p.more("  ", len(all)-mostShown)
}

// mostShown is how many installations or findings a page shows of one host.
const mostShown = 30

func (p *sheet) more(lead string, left int) {
	if left > 0 {
		p.text(lead, faint, fmt.Sprintf("and %d more, all in the JSON report", left))
	}
}

func product(in *report.Installation) string {
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

func aboutInstall(in *report.Installation) string {
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

// vulnerabilities writes a line for each CVE that counts and names the others
// together.
func (p *sheet) vulnerabilities(h *report.Host, in *report.Installation) {
	counting, rest := split(in)
	host := min(max(columns(report.Escape(h.Host)), 4), 12) + 1
	if len(counting) > 0 {
		p.write("    " + pad("HOST", host) + pad("CVE", 15) + pad("KEV", 4) + pad("STATUS", 9) + pad("FIX", 5) + "EXPOSED FROM, TO\n")
	}
	for _, v := range counting {
		p.text("    "+pad(h.Host, host-1)+" "+pad(v.ID, 14)+" "+pad(kev(v.KEV), 4)+pad(string(v.Status), 9)+pad(fixedIn(&v), 5), statusColour(v.Status), exposure(&v))
	}
	for _, s := range statuses {
		var ids []string
		for _, v := range rest[s] {
			ids = append(ids, v.ID)
		}
		if len(ids) > 0 {
			p.text("    "+string(s)+": ", statusColour(s), strings.Join(ids, ", "))
		}
	}
}

// statuses stand as they are told.
var statuses = []verdict.Status{verdict.Affected, verdict.StatusUnknown, verdict.Fixed}

// split parts an installation's CVEs into those that count, KEV entries first,
// and the others: those that are fixed, those that cannot be told
// apart because the build is unknown, those of a copy that nothing runs.
func split(in *report.Installation) (counting []report.Vulnerability, rest map[verdict.Status][]report.Vulnerability) {
	all := slices.Clone(in.Vulnerabilities)
	slices.SortStableFunc(all, func(a, b report.Vulnerability) int { return boolOrder(b.KEV, a.KEV) })
	rest = map[verdict.Status][]report.Vulnerability{}
	for _, v := range all {
		if v.KEV && v.Window != nil || v.Status == verdict.Affected && in.Role != evidence.Copy {
			counting = append(counting, v)
		} else {
			rest[v.Status] = append(rest[v.Status], v)
		}
	}
	return counting, rest
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

func fixedIn(v *report.Vulnerability) string {
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
func exposure(v *report.Vulnerability) string {
	if v.Window == nil {
		return cmp.Or(v.WindowWhy, "-")
	}
	said := day(v.Window.From) + " to " + day(v.Window.To)
	switch {
	case v.Status == verdict.StatusUnknown:
		said += ", if affected"
	case v.Window.Open && v.Status == verdict.Fixed:
		said += " at most"
	case v.Window.Open:
		said += ", open"
	}
	return said
}
