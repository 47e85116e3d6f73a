package timeline

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// Classes of rows that are no findings.
const (
	update   verdict.Class = "update"   // an installation changed
	coverage verdict.Class = "coverage" // where what was read begins and ends
)

// Target adds what a target's report knows of beside the sightings: findings that
// no single record shows, updates, and where each family of logs begins and
// ends.
func (t *Timeline) Target(target *report.Target) {
	from := t.origin(cmp.Or(target.Host, target.Target), target.Target)
	put := func(at *time.Time, desc string, ref report.Ref, of *verdict.Finding) {
		if at == nil {
			return
		}
		e := entry{from: from, desc: desc, path: ref.Path, text: ref.Text}
		for unit, n := range map[evidence.Unit]*int64{evidence.Line: ref.Line, evidence.Record: ref.Record, evidence.Offset: ref.Offset} {
			if n != nil {
				e.unit, e.place = unit, *n
			}
		}
		t.add(e, *at, of)
	}
	for i := range target.Findings {
		if f := &target.Findings[i]; f.Steps || f.Rule == verdict.HoleRule || f.Rule == verdict.SilenceRule {
			of := &verdict.Finding{
				Rule: f.Rule, Title: f.Title, Severity: f.Severity, Confidence: f.Confidence, Class: f.Class, Label: f.Label, Attack: f.Attack, Vulns: f.Vulns,
			}
			ref := report.Ref{}
			if f.Steps {
				of.Title += fmt.Sprintf(" (a sequence of %d steps)", len(f.Refs))
			}
			if len(f.Refs) > 0 {
				ref = f.Refs[0]
			}
			put(f.First, "First of the finding", ref, of)
			if f.Last != nil && f.First != nil && !f.Last.Equal(*f.First) {
				put(f.Last, "Last of the finding", report.Ref{}, of)
			}
		}
	}
	for i := range target.Installations {
		in := &target.Installations[i]
		name := cmp.Or(in.Name, in.Product) + " at " + in.Path
		for _, c := range in.Changes {
			put(c.At, "Product changed", c.Ref, &verdict.Finding{Title: name + ": " + strings.ReplaceAll(string(c.Kind), "-", " "), Class: update, Severity: verdict.Info})
		}
		if in.FixedAt != nil && in.Build != nil {
			put(in.FixedAt, "Product updated", report.Ref{}, &verdict.Finding{Title: fmt.Sprintf("%s became build %d by now: %s", name, *in.Build, in.FixedWhy), Class: update, Severity: verdict.Info})
		}
	}
	for i := range target.Coverage {
		if c := &target.Coverage[i]; c.Series != nil {
			put(c.From, "First event read", report.Ref{}, &verdict.Finding{Title: c.Family + ": the first event that was read", Class: coverage, Severity: verdict.Info})
			put(c.To, "Last event read", report.Ref{}, &verdict.Finding{Title: c.Family + ": the last event that was read", Class: coverage, Severity: verdict.Info})
		}
	}
}
