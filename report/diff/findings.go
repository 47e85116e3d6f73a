package diff

import (
	"fmt"
	"slices"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

var severities = []verdict.Severity{verdict.Info, verdict.Low, verdict.Medium, verdict.High, verdict.Critical}

// findings pairs findings by id, then by rule: the id holds the first
// reference, and that moves when a log rotates away.
func (h *Host) findings(old, now *view) {
	pair := make([]int, len(now.findings)) // index into old.findings, or -1
	taken := map[int]bool{}
	match := func(i int, same func(o *report.Finding) bool) {
		for k := range old.findings {
			if !taken[k] && same(&old.findings[k]) {
				pair[i], taken[k] = k, true
				return
			}
		}
	}
	byID := map[string][]int{}
	for k, f := range old.findings {
		byID[f.ID] = append(byID[f.ID], k)
	}
	for i := range now.findings {
		pair[i] = -1
		for _, k := range byID[now.findings[i].ID] {
			if !taken[k] && pair[i] < 0 {
				pair[i], taken[k] = k, true
			}
		}
	}
	for i := range now.findings {
		f := &now.findings[i]
		if pair[i] < 0 {
			match(i, func(o *report.Finding) bool { return o.Rule == f.Rule && o.Class == f.Class })
		}
		if pair[i] < 0 {
			h.add(f, Added, nil)
			h.Worse = h.Worse || grave(f)
			continue
		}
		was := &old.findings[pair[i]]
		if what := differs(was, f); what != nil {
			h.add(f, Changed, what)
			h.Worse = h.Worse || rank(f) > rank(was) || grave(f) && !grave(was)
		}
	}
	for k := range old.findings {
		if !taken[k] {
			h.gone(&old.findings[k], now)
		}
	}
}

func (h *Host) add(f *report.Finding, c Change, what []string) {
	if what == nil {
		what = []string{}
	}
	h.Findings = append(h.Findings, Finding{f.ID, f.Rule, f.Title, f.Severity, f.Class, c, false, what})
}

// gone tells of a finding that is no longer seen: whether all that bears on it
// was read again, the very files it was seen in among that.
func (h *Host) gone(f *report.Finding, now *view) {
	bears := f.Question
	if f.Part != "" {
		bears += "." + f.Part
	}
	less := h.lost(bears)
	for _, r := range f.Refs {
		_, file := now.read["file "+r.Path]
		_, log := now.read["log "+r.Path]
		less = less || !file && !log && !now.walked(&report.Coverage{Kind: evidence.CoverFile, Path: r.Path})
	}
	h.add(f, NoLongerSeen, nil)
	h.Findings[len(h.Findings)-1].LessRead = less
	h.LessRead = h.LessRead || less
}

// grave reports whether a finding that was not there before makes it worse.
func grave(f *report.Finding) bool {
	return f.Class == verdict.Success || f.Class == verdict.State || f.Open || f.Class != verdict.Scan && f.Class != verdict.Failed && rank(f) >= 2
}

func rank(f *report.Finding) int { return slices.Index(severities, f.Severity) }

// differs names what changed about a finding.
func differs(old, now *report.Finding) (what []string) {
	say := func(name string, a, b any) {
		if a != b {
			what = append(what, fmt.Sprintf("%s %v, was %v", name, b, a))
		}
	}
	say("severity", old.Severity, now.Severity)
	say("class", old.Class, now.Class)
	say("count", old.Count, now.Count)
	say("label", old.Label, now.Label)
	if old.ID != now.ID && len(now.Refs) > 0 {
		what = append(what, "its first reference is another one, "+now.Refs[0].Path)
	}
	if now.Last != nil && (old.Last == nil || now.Last.After(*old.Last)) {
		what = append(what, "last seen "+now.Last.UTC().Format("2006-01-02 15:04Z"))
	}
	return what
}
