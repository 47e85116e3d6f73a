package report

import (
	"cmp"
	"time"

	"postern/evidence"
	"postern/verdict"
)

// NewTarget renders one source's results. References without a hash get the
// hash of the coverage row of the same path. Answers nobody gave are unknown.
func NewTarget(src *evidence.Source, asked verdict.Asked, installs []verdict.Installation, findings []verdict.Finding, cover []evidence.Coverage, answers verdict.Answers) Target {
	sums := hashes(cover)
	t := Target{
		Target: clean(src.Target), Kind: src.Kind, Host: clean(src.ID.Host), OS: src.ID.OS,
		TimeZoneWhy: clean(src.ID.ZoneFrom),
		AsOf:        stamp(asked.AsOf), AsOfWhy: clean(asked.AsOfWhy),
		Partial:       src.Partial,
		Examined:      span(asked.Required.From, asked.Required.To),
		Installations: make([]Installation, 0, len(installs)),
		Answers:       fromVerdict(answers),
		Findings:      make([]Finding, 0, len(findings)),
		Coverage:      make([]Coverage, 0, len(cover)),
	}
	if src.ID.Zone != nil {
		t.TimeZone = clean(src.ID.Zone.String())
	}
	if src.Kind == evidence.KindHost {
		elevated := src.ID.Elevated
		t.Elevated = &elevated
	}
	for i := range installs {
		t.Installations = append(t.Installations, newInstallation(&installs[i], sums))
	}
	for i := range findings {
		t.Findings = append(t.Findings, newFinding(&findings[i], sums))
	}
	for i := range cover {
		t.Coverage = append(t.Coverage, newCoverage(&cover[i]))
	}
	return t
}

// Missing is the entry of a target that could not be opened or was never
// examined: exposed and compromised are unknown as far as they were asked of
// such a target, and why is its gap.
func Missing(target, host string, kind evidence.Kind, asked evidence.Parts, reason evidence.Reason, why string) Target {
	gap := evidence.Gap(evidence.CoverState, target, asked&(evidence.Exposed|evidence.Compromised), reason, why)
	if kind == evidence.KindURL {
		gap.Kind, gap.Parts = evidence.CoverPage, asked&evidence.Exposed
	}
	said := clean(gap.Missed.String())
	part := func(p evidence.Parts) Part {
		if gap.Parts&p == 0 {
			return Part{Answer: verdict.NotExamined, Because: []string{}, Gaps: []string{}}
		}
		return Part{Answer: verdict.Unknown, Because: []string{"Nothing was examined here: " + said}, Gaps: []string{clean(target) + ": " + said}}
	}
	return Target{
		Target: clean(target), Kind: kind, Host: clean(host),
		Installations: []Installation{}, Findings: []Finding{},
		Coverage: []Coverage{newCoverage(&gap)},
		Answers: Answers{
			Exposed: part(evidence.Exposed),
			Compromised: Compromise{
				Part: part(evidence.Compromised),
				Now:  part(evidence.CompromisedNow), Then: part(evidence.CompromisedThen),
			},
			Reachable: part(evidence.Reachable), Unprepared: part(evidence.Unprepared),
		},
	}
}

// hashes maps a path to its file's hash; a path with two hashes has none.
func hashes(cover []evidence.Coverage) map[string]string {
	sums := map[string]string{}
	for i := range cover {
		c := &cover[i]
		if c.SHA256 == "" {
			continue
		}
		if known, seen := sums[c.Path]; seen && known != c.SHA256 {
			sums[c.Path] = ""
			continue
		}
		sums[c.Path] = c.SHA256
	}
	return sums
}

func newInstallation(in *verdict.Installation, sums map[string]string) Installation {
	out := Installation{
		Product: clean(in.Product), Name: clean(in.Name), Path: clean(in.Path),
		Build: number(in.Build, in.Build > 0), Version: clean(in.Version),
		Confidence: in.Confidence, BuildWhy: clean(in.BuildWhy), Disagree: in.Disagree,
		Role: cmp.Or(in.Role, evidence.RoleUnknown), RoleWhy: clean(in.RoleWhy),
		Behind:  number(in.Behind, in.Behind >= 0),
		FixedAt: stamp(in.FixedAt), FixedWhy: clean(in.FixedWhy),
		Signals: make([]Signal, 0, len(in.Signals)), Changes: make([]Change, 0, len(in.Changes)),
		Notes: cleanAll(in.Notes), Vulnerabilities: make([]Vulnerability, 0, len(in.Vulnerabilities)),
	}
	for _, s := range in.Signals {
		out.Signals = append(out.Signals, Signal{s.Kind, clean(s.Version), s.Confidence, newRef(s.Ref, sums)})
	}
	for _, c := range in.Changes {
		out.Changes = append(out.Changes, Change{c.Kind, stamp(c.At), newRef(c.Ref, sums)})
	}
	for _, v := range in.Vulnerabilities {
		out.Vulnerabilities = append(out.Vulnerabilities, newVulnerability(v))
	}
	return out
}

func newVulnerability(v verdict.Vulnerability) Vulnerability {
	out := Vulnerability{
		ID: Escape(v.ID), Title: Escape(v.Title), Status: v.Status,
		FixedBuild: number(v.FixedBuild, v.FixedBuild > 0),
		FixDate:    stamp(v.FixDate), Published: stamp(v.Published),
		KEV: v.KEV, KEVAdded: stamp(v.KEVAdded), KEVDue: stamp(v.KEVDue), Ransomware: v.Ransomware,
		Confidence: cmp.Or(v.Confidence, evidence.Unsure), WindowWhy: clean(v.WindowWhy),
	}
	if v.Score > 0 {
		out.Score = &v.Score
	}
	if v.Window != nil {
		out.Window = &Window{span(v.Window.From, v.Window.To), clean(v.Window.Why), v.Window.Open}
	}
	return out
}

func newFinding(f *verdict.Finding, sums map[string]string) Finding {
	question, part := questionOf(f.Question)
	out := Finding{
		ID: clean(f.ID), Rule: Escape(f.Rule), Title: Escape(f.Title),
		Question: question, Part: part,
		Severity: f.Severity, Confidence: f.Confidence, Class: f.Class, Label: clean(f.Label),
		Count: f.Count, First: stamp(f.First), Last: stamp(f.Last),
		Attack: escapeAll(f.Attack), Vulns: escapeAll(f.Vulns), Open: f.Open,
		Refs: make([]Ref, 0, len(f.Refs)), Steps: f.Steps, References: escapeAll(f.Sources), Next: Escape(f.Next),
	}
	for _, r := range f.Refs {
		out.Refs = append(out.Refs, newRef(r, sums))
	}
	return out
}

func newRef(r evidence.Ref, sums map[string]string) Ref {
	out := Ref{Collector: r.Collector, Path: clean(r.Path), Time: stamp(r.Time), SHA256: r.SHA256, Text: clean(r.Text)}
	if out.SHA256 == "" {
		out.SHA256 = sums[r.Path]
	}
	at := r.At
	switch r.Unit {
	case evidence.Line:
		out.Line = &at
	case evidence.Record:
		out.Record = &at
	case evidence.Offset:
		out.Offset = &at
	}
	return out
}

func newCoverage(c *evidence.Coverage) Coverage {
	out := Coverage{
		Kind: c.Kind, Path: clean(c.Path), Parts: partNames(c.Parts), Count: c.Count, Bytes: c.Bytes,
		From: stamp(c.From), To: stamp(c.To), SHA256: c.SHA256, Family: clean(c.Family),
	}
	if c.Missed != nil {
		missed := clean(c.Missed.String())
		out.Missed = &missed
	}
	if c.Series != nil {
		series := Series(*c.Series)
		series.Missing = clean(series.Missing)
		out.Series = &series
	}
	return out
}

// parts names the parts as the report writes them, in order.
var parts = []struct {
	part           evidence.Parts
	question, name string
}{
	{evidence.Exposed, "exposed", ""},
	{evidence.CompromisedNow, "compromised", "now"},
	{evidence.CompromisedThen, "compromised", "then"},
	{evidence.Reachable, "reachable", ""},
	{evidence.Unprepared, "unprepared", ""},
}

// questionOf names the question of a finding, and the part where it bears on
// one only.
func questionOf(p evidence.Parts) (question, part string) {
	if p&evidence.Compromised == evidence.Compromised {
		return "compromised", ""
	}
	for _, n := range parts {
		if p&n.part != 0 {
			return n.question, n.name
		}
	}
	return "compromised", ""
}

func partNames(p evidence.Parts) []string {
	names := []string{}
	for _, n := range parts {
		if p&n.part == 0 {
			continue
		}
		if n.name == "" {
			names = append(names, n.question)
		} else {
			names = append(names, n.question+"."+n.name)
		}
	}
	return names
}

// stamp gives a time as the report carries it: UTC, null when it is zero or
// when JSON could not write it (a year after 9999, from a forged record).
func stamp(t time.Time) *time.Time {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return &t
}

func span(from, to time.Time) Span { return Span{stamp(from), stamp(to)} }

func number(n int, known bool) *int {
	if !known {
		return nil
	}
	return &n
}
