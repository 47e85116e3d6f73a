package detect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

// Result is what one source gave.
type Result struct {
	Installations []verdict.Installation
	Findings      []verdict.Finding
	Coverage      []evidence.Coverage
}

// Result folds everything seen into findings and judged installations. asOf
// is when the evidence was taken: open windows end there.
func (x *Examination) Result(asOf time.Time) Result {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.late()
	installs := x.judge(asOf)
	x.steps.limit(mostSteps)
	x.tally.crowd(x.engine.limit())
	r := Result{Findings: append(x.fold(installs, asOf), x.correlate(installs)...)}
	x.settle(installs, asOf)
	cover := slices.Clone(x.cover)
	cover = append(cover, x.steps.gaps()...)
	cover = append(cover, x.unseen()...)
	if x.ownBlind != nil {
		slices.Sort(x.ownBlind)
		cover = append(cover, evidence.Gap(evidence.CoverLog, ownSigma, evidence.CompromisedThen, evidence.LowLevel,
			"logs without a column for "+named(x.ownBlind)+": rules that need it were not held against them"))
	}
	for i := range installs {
		j := &installs[i]
		r.Installations = append(r.Installations, j.Installation)
		r.Findings = append(r.Findings, j.findings()...)
		for _, m := range j.gaps {
			said := slices.ContainsFunc(x.cover, func(c evidence.Coverage) bool {
				return c.Missed != nil && c.Path == j.Path && c.Missed.Reason == m.Reason && c.Parts&evidence.Exposed != 0
			})
			if j.Role != evidence.Copy && !said {
				cover = append(cover, evidence.Gap(j.kind(), j.Path, evidence.Exposed, m.Reason, m.Detail))
			}
		}
	}
	r.Coverage = sortCoverage(cover)
	finish(r.Findings, r.Coverage, x.engine.limit())
	return r
}

// kind is the kind of coverage an installation's build belongs to.
func (j *judged) kind() evidence.CoverageKind {
	if strings.Contains(j.Path, "://") {
		return evidence.CoverPage
	}
	return evidence.CoverFile
}

// foldKey is what findings merge by.
type foldKey struct {
	rule  *rule
	class verdict.Class
	label string
	about *ioc.About
}

// fold grades the buckets, now that the installations are known, and merges
// them to one finding per rule, class and label.
func (x *Examination) fold(installs []judged, asOf time.Time) []verdict.Finding {
	merged := map[foldKey]*bucket{}
	for key, b := range x.tally.buckets {
		class, severity, counts := grade(key, b, installs, asOf)
		if !counts {
			continue
		}
		k := foldKey{key.rule, class, key.label, key.about}
		if merged[k] == nil {
			merged[k] = &bucket{}
		}
		graded := *b
		graded.severity = severity
		merged[k].merge(&graded, x.engine.limit())
	}
	var all []verdict.Finding
	for k, b := range merged {
		f := k.rule.finding(k.class, b.severity, k.label, k.about)
		f.Count, f.First, f.Last, f.Refs = b.count, b.first, b.last, b.refs
		f.Open = k.class == verdict.Attempt && !provenFixed(installs, k.rule.Vulns, b)
		all = append(all, f)
	}
	return all
}

// finding is what a rule says of its sightings, and a list of the entry about
// that matched.
func (r *rule) finding(class verdict.Class, severity verdict.Severity, label string, about *ioc.About) verdict.Finding {
	f := verdict.Finding{
		Rule: r.ID, Title: r.Title, Question: r.Parts, Severity: severity, Confidence: r.Confidence, Class: class, Label: label,
		Attack: r.Attack, Sources: r.Sources, Next: r.Next, Vulns: r.Vulns,
	}
	titled(&f, about, r.ID)
	return f
}

// grade says what the sightings of a bucket come to; counts is false where that
// is nothing.
func grade(key bucketKey, b *bucket, installs []judged, asOf time.Time) (class verdict.Class, severity verdict.Severity, counts bool) {
	class, severity = key.class, b.severity
	switch proven := provenFixed(installs, key.rule.Vulns, b); {
	case class == verdict.Failed && !proven:
		// Its outcome is open, whatever the status was, and it weighs as
		// much as any other attempt.
		class, severity = verdict.Attempt, graver(severity, key.rule.severity)
	case key.fixed == nothing && (proven || b.first.After(asOf.Add(day))):
		return class, severity, false // a time after the evidence was taken is that of a copy
	case key.fixed != "" && proven:
		class, severity = key.fixed, verdict.Low
	case key.fixed != "" && class == verdict.Success && !provenAffected(installs, key.rule.Vulns):
		class = verdict.Attempt
	}
	return class, severity, true
}

// provenFixed reports whether every sighting of a bucket fell on a product
// proven fixed for the CVEs the rule shows. A rule that is tied to no CVE, a
// sighting without time and a source without installations prove nothing.
func provenFixed(installs []judged, cves []string, b *bucket) bool {
	if len(cves) == 0 {
		return false
	}
	for _, cve := range cves {
		found := false
		for i := range installs {
			j := &installs[i]
			if j.Role == evidence.Copy {
				continue
			}
			at := slices.IndexFunc(j.Vulnerabilities, func(v verdict.Vulnerability) bool { return v.ID == cve })
			if at < 0 {
				continue
			}
			if !j.fixedFor(&j.Vulnerabilities[at], b) {
				return false
			}
			found = true
		}
		if !found {
			return false
		}
	}
	return true
}

// provenAffected reports whether an installation that may run is affected by one
// of the CVEs as it stands, so that what the rule shows could work at any time
// before.
func provenAffected(installs []judged, cves []string) bool {
	return slices.ContainsFunc(installs, func(j judged) bool {
		return j.Role != evidence.Copy && slices.ContainsFunc(j.Vulnerabilities, func(v verdict.Vulnerability) bool {
			return v.Status == verdict.Affected && slices.Contains(cves, v.ID)
		})
	})
}

// fixedFor reports whether the installation was proven fixed for v at every
// time in the bucket.
func (j *judged) fixedFor(v *verdict.Vulnerability, b *bucket) bool {
	if v.Status != verdict.Fixed || j.Confidence == evidence.Unsure {
		return false
	}
	return j.never[v.ID] || !j.FixedAt.IsZero() && !b.undated && !b.first.IsZero() && !b.first.Before(j.FixedAt)
}

// AboutBuild reports whether a finding's rule is the engine's own about the build
// of a pack's product.
func AboutBuild(p *pack.Pack, rule string) bool {
	name, of := strings.CutPrefix(rule, p.ID+"-")
	return of && slices.Contains([]string{ruleCopy, ruleAffected, ruleMixed, ruleOld}, name)
}

const (
	ruleCopy     = "vulnerable-copy"
	ruleAffected = "affected"
	ruleMixed    = "mixed-files"
	ruleOld      = "running-old"
)

// findings are what an installation itself is a finding for.
func (j *judged) findings() []verdict.Finding {
	var all []verdict.Finding
	add := func(rule, title string, class verdict.Class, severity verdict.Severity, next string) {
		refs := j.refs()
		all = append(all, verdict.Finding{
			Rule: j.pack.ID + "-" + rule, Title: title, Question: evidence.Exposed, Severity: severity, Confidence: j.Confidence,
			Class: class, Count: int64(len(refs)), Refs: refs, Next: next,
		})
	}
	name := j.Installation.String()
	affected := j.With(verdict.Affected)
	switch {
	case len(affected) > 0 && j.Role == evidence.Copy:
		add(ruleCopy, strings.TrimSuffix(j.AffectedBy(), ".")+"; nothing runs it", verdict.Lead, verdict.Low, "Remove the copy, or make sure that nobody restores it as it is.")
	case len(affected) > 0:
		add(ruleAffected, strings.TrimSuffix(j.AffectedBy(), "."), verdict.State, gravest(affected), "Update it now, and look for a compromise from before the update.")
		all[len(all)-1].Vulns = ids(affected)
	}
	if j.Disagree {
		add(ruleMixed, name+": "+j.BuildWhy, verdict.State, verdict.Medium, "Repeat the update and restart the product, then check again.")
	}
	if j.runningOld != "" {
		add(ruleOld, name+": "+j.runningOld, verdict.State, verdict.Medium, "Restart the product, then check again.")
	}
	return all
}

// refs are the references of all signals, and of the traces if there are none.
func (j *judged) refs() []evidence.Ref {
	var refs []evidence.Ref
	for _, s := range j.Signals {
		refs = append(refs, s.Ref)
	}
	if refs == nil {
		for _, c := range j.Changes {
			refs = append(refs, c.Ref)
		}
	}
	slices.SortStableFunc(refs, evidence.Ref.Compare)
	refs = slices.CompactFunc(refs, func(a, b evidence.Ref) bool { return a.Compare(b) == 0 })
	if refs == nil {
		refs = []evidence.Ref{{Collector: "installed", Path: j.Path}}
	}
	return refs
}

func gravest(affected []verdict.Vulnerability) verdict.Severity {
	severity := verdict.Medium
	for _, v := range affected {
		switch {
		case v.KEV:
			return verdict.Critical
		case v.Score >= 7: // CVSS: "high" begins at 7.0
			severity = verdict.High
		}
	}
	return severity
}

func ids(vulns []verdict.Vulnerability) []string {
	var all []string
	for _, v := range vulns {
		all = append(all, v.ID)
	}
	return all
}

// finish gives findings their references' hashes, their ids and their order.
func finish(findings []verdict.Finding, cover []evidence.Coverage, limit int) {
	sums := map[string]string{}
	for _, c := range cover {
		if c.SHA256 != "" {
			sums[c.Path] = c.SHA256
		}
	}
	for i := range findings {
		f := &findings[i]
		f.Refs = f.Refs[:min(len(f.Refs), limit)]
		for k := range f.Refs {
			f.Refs[k].SHA256 = cmp.Or(f.Refs[k].SHA256, sums[f.Refs[k].Path])
		}
		if len(f.Refs) > 0 {
			f.ID = verdict.FindingID(f.Rule, f.Refs[0])
		}
	}
	slices.SortStableFunc(findings, func(a, b verdict.Finding) int {
		return cmp.Or(-cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)), strings.Compare(a.Rule, b.Rule),
			strings.Compare(string(a.Class), string(b.Class)), strings.Compare(a.Label, b.Label), strings.Compare(a.Title, b.Title), strings.Compare(a.ID, b.ID), slices.CompareFunc(a.Refs, b.Refs, evidence.Ref.Compare))
	})
}
