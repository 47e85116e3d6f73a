package postern

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/detect"
	"postern/evidence"
	"postern/pack"
	"postern/report"
	"postern/verdict"
)

// CaseResult is what one case of a pack came to; without Faults it passed.
type CaseResult struct {
	File, Title string
	Faults      []string
}

// Opener opens the files of a pack's case, by name, and the times of those that
// were changed, as evidence. The caller closes it.
type Opener func(ctx context.Context, t *pack.Test, files map[string][]byte, changed map[string]time.Time) (*evidence.Source, error)

// Selftest holds a pack against its own cases, each through the whole pipeline,
// and says of each what came out otherwise than it expects. An error means that
// the pack does not compile, a case can't be opened, or ctx ended.
func Selftest(ctx context.Context, p *pack.Pack, open Opener, collectors []evidence.Collector) ([]CaseResult, error) {
	return SelftestCases(ctx, p, p.Tests, open, collectors)
}

// SelftestCases is Selftest over some of the pack's cases.
func SelftestCases(ctx context.Context, p *pack.Pack, cases []pack.Test, open Opener, collectors []evidence.Collector) ([]CaseResult, error) {
	now := p.Date
	for i := range p.Tests {
		if at := p.Tests[i].AsOf; at.After(now) {
			now = at
		}
	}
	all := evidence.Exposed | evidence.Compromised
	engine, _, err := detect.Compile([]*pack.Pack{p}, detect.Options{Now: now, Parts: all})
	if err != nil {
		return nil, err
	}
	var results []CaseResult
	for i := range cases {
		t := &cases[i]
		src, err := opened(ctx, t, open)
		if err != nil {
			return results, fmt.Errorf("%s: %w", t.File, err)
		}
		x := Examiner{
			Engine: engine, Collectors: append(slices.Clone(collectors), planted{p, t}),
			Asked: verdict.Asked{Parts: all, Now: now, AsOf: t.AsOf, Packs: []verdict.PackAge{{ID: p.ID, Revision: p.Revision, Date: p.Date}}, MaxAge: now.Sub(p.Date) + 24*time.Hour},
		}
		target := x.Examine(ctx, []*evidence.Source{src})[0]
		if err := src.Close(); err != nil {
			return results, fmt.Errorf("%s: %w", t.File, err)
		}
		if err := ctx.Err(); err != nil {
			return results, err
		}
		results = append(results, CaseResult{t.File, t.Title, differences(p, t, &target)})
	}
	return results, nil
}

// opened opens a case as what it says it is: a few files look like no system.
func opened(ctx context.Context, t *pack.Test, open Opener) (*evidence.Source, error) {
	files, changed := map[string][]byte{}, map[string]time.Time{}
	for _, f := range t.Files {
		files[f.Name] = f.Data
		if !f.Changed.IsZero() {
			changed[f.Name] = f.Changed
		}
	}
	src, err := open(ctx, t, files, changed)
	if err != nil {
		return nil, err
	}
	src.Kind, src.ID.OS = evidence.KindTree, t.OS
	if mount := map[evidence.OS]string{evidence.Windows: "C:", evidence.Linux: "/"}[t.OS]; mount != "" {
		src.Volumes = []evidence.Volume{{Mount: mount, Root: "."}}
	}
	return src, nil
}

// planted says what a case has installed: program files would say no more.
type planted struct {
	pack *pack.Pack
	test *pack.Test
}

func (planted) Name() string          { return "case" }
func (planted) Needs() evidence.Need  { return evidence.NeedFiles }
func (planted) Parts() evidence.Parts { return evidence.Exposed }

// Collect implements evidence.Collector.
func (c planted) Collect(ctx context.Context, _ *evidence.Source, _ *evidence.Interest, out evidence.Sink) error {
	if c.test.Installed == nil {
		return nil
	}
	ref := evidence.Ref{Collector: c.Name(), Path: c.test.File}
	in := evidence.Installation{
		Product: c.pack.Product.ID, Path: c.test.File, Role: evidence.Active, RoleWhy: "the case says so",
		Signals: []evidence.Signal{{Kind: evidence.SignalProgram, Version: c.test.Installed.Version, Confidence: evidence.Confirmed, Ref: ref}},
	}
	if since := c.test.Installed.Since; !since.IsZero() {
		in.Changes = []evidence.Change{{Kind: evidence.ChangeBirth, At: since, Ref: ref}}
	}
	lane := out.Lane(ref)
	if err := lane.Observe(ctx, &evidence.Observation{Kind: evidence.ObserveProduct, Ref: ref, Installation: &in}); err != nil {
		return err
	}
	return lane.Close()
}

// differences lists what a case expects and did not get, and what it got and
// does not expect.
func differences(p *pack.Pack, t *pack.Test, got *report.Target) []string {
	var faults []string
	called := names(p)
	missing := slices.Clone(t.Expect)
	for _, f := range got.Findings {
		if detect.AboutBuild(p, f.Rule) {
			continue
		}
		found := fmt.Sprintf("rule %s, class %s, count %d, label %q", f.Rule, f.Class, f.Count, f.Label)
		at := slices.IndexFunc(missing, func(e pack.Expect) bool {
			return called(e.Rule) == f.Rule && e.Class == string(f.Class) && (e.Label == "" || e.Label == f.Label)
		})
		switch {
		case slices.ContainsFunc(t.Absent, func(a pack.Absent) bool { return called(a.Rule) == f.Rule }):
			faults = append(faults, "must not be found: "+found)
		case at < 0 && !t.Others:
			faults = append(faults, "not expected: "+found)
		case at >= 0 && int64(missing[at].Count) != f.Count:
			faults = append(faults, fmt.Sprintf("%s: want count %d", found, missing[at].Count))
		case at >= 0 && missing[at].Severity != "" && missing[at].Severity != string(f.Severity):
			faults = append(faults, fmt.Sprintf("%s: severity %s, want %s", found, f.Severity, missing[at].Severity))
		}
		if at >= 0 {
			missing = slices.Delete(missing, at, at+1)
		}
	}
	for _, e := range missing {
		faults = append(faults, fmt.Sprintf("not found: rule %s, class %s, count %d, label %q", e.Rule, e.Class, e.Count, e.Label))
	}
	faults = append(faults, labelled(p, t, got)...)
	return append(faults, answered(t, got)...)
}

// names tells the id of a rule that a case calls by its name.
func names(p *pack.Pack) func(string) string {
	ids := map[string]string{}
	for i := range p.Sigma {
		ids[p.Sigma[i].Name] = p.Sigma[i].ID
	}
	return func(name string) string { return cmp.Or(ids[name], name) }
}

// labelled lists labels that must not be there and are.
func labelled(p *pack.Pack, t *pack.Test, got *report.Target) (faults []string) {
	for i := range p.Sigma {
		l := &p.Sigma[i]
		absent := slices.ContainsFunc(t.Absent, func(a pack.Absent) bool { return a.Rule == l.ID || a.Rule == l.Name })
		if !l.LabelOnly || !absent {
			continue
		}
		for _, f := range got.Findings {
			if slices.Contains(strings.Split(f.Label, "; "), l.Label) {
				faults = append(faults, fmt.Sprintf("label %q must not be there: rule %s", l.Label, f.Rule))
			}
		}
	}
	return faults
}

// answered lists the answers that came out otherwise.
func answered(t *pack.Test, got *report.Target) (faults []string) {
	a := &got.Answers
	answers := map[string]verdict.Answer{
		"exposed": a.Exposed.Answer, "compromised": a.Compromised.Answer, "now": a.Compromised.Now.Answer, "then": a.Compromised.Then.Answer,
	}
	for _, name := range slices.Sorted(maps.Keys(t.Answers)) {
		if want := t.Answers[name]; string(answers[name]) != want {
			faults = append(faults, fmt.Sprintf("%s: %s, want %s", name, answers[name], want))
		}
	}
	if have := cmp.Or(string(a.Compromised.Reading), pack.Untouched); t.Reading != "" && have != t.Reading {
		faults = append(faults, fmt.Sprintf("reading %q, want %q", have, t.Reading))
	}
	return faults
}
