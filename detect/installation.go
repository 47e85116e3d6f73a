package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
	"postern/version"
)

// judged is an installation with what only detect needs of it.
type judged struct {
	verdict.Installation
	pack       *pack.Pack
	runningOld string          // why the running process may be older than the files; "": it is not
	never      map[string]bool // CVEs that no build up to this one was affected by
	gaps       []evidence.Missed
}

// judge decides every installation's build, CVEs and exposure.
func (x *Examination) judge(asOf time.Time) []judged {
	var all []judged
	for _, i := range mergeInstallations(x.installs) {
		p := x.engine.packOf(i.Product)
		if p == nil {
			continue // observed for a product that no loaded pack has: no pack, no question
		}
		all = append(all, x.judgeOne(p, i, asOf))
	}
	return all
}

// mergeInstallations joins what several collectors saw of one installation,
// by product and path, in that order.
func mergeInstallations(all []evidence.Installation) []evidence.Installation {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b evidence.Installation) int {
		return cmp.Or(strings.Compare(a.Product, b.Product), strings.Compare(a.Path, b.Path), cmp.Compare(roleRank(a.Role), roleRank(b.Role)), strings.Compare(a.RoleWhy, b.RoleWhy))
	})
	var merged []evidence.Installation
	for _, i := range sorted {
		if n := len(merged); n > 0 && merged[n-1].Product == i.Product && merged[n-1].Path == i.Path {
			m := &merged[n-1] // its role is the stronger one: active, unknown, copy
			m.Signals = appendNew(m.Signals, i.Signals)
			m.Changes = appendNew(m.Changes, i.Changes)
			m.Notes = appendNew(m.Notes, i.Notes)
			continue
		}
		merged = append(merged, copyInstallation(&i))
	}
	return merged
}

func roleRank(r evidence.InstallRole) int {
	return slices.Index([]evidence.InstallRole{evidence.Active, evidence.RoleUnknown, evidence.Copy}, r)
}

func appendNew[T comparable](list, more []T) []T {
	for _, m := range more {
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

func (x *Examination) judgeOne(p *pack.Pack, i evidence.Installation, asOf time.Time) judged {
	b := decide(p.Scheme, &i, x.engine.opt.Now)
	if day, tells := p.Scheme.Date(b.version); tells && b.known && day.After(asOf) {
		b.notes = append(b.notes, fmt.Sprintf("Its build was compiled on %s, after the evidence is taken to be of (%s): that time is wrong, and the exposure is reckoned to now.", day.Format(time.DateOnly), asOf.UTC().Format(time.DateOnly)))
		asOf = x.engine.opt.Now
	}
	f := fixMoment(p.Scheme, b, i.Changes, x.starts[p], asOf)
	j := judged{pack: p, gaps: b.gaps, runningOld: runningOld(i.Changes, x.os), never: map[string]bool{}}
	j.Installation = verdict.Installation{
		Installation: i, Name: cmp.Or(p.Product.Name, p.Title, p.ID), Version: b.version.Text, Confidence: cmp.Or(b.confidence, evidence.Unsure),
		BuildWhy: b.why, Disagree: b.disagree, FixedAt: f.at, FixedWhy: f.why, Behind: -1,
	}
	j.Notes = append(j.Notes, b.notes...)
	if b.known {
		j.Build = b.version.Build
		j.Behind = behind(p, b.version, x.engine.latest[p.ID])
	}
	if j.runningOld != "" {
		j.Notes = append(j.Notes, "Restart it: "+j.runningOld+".")
		j.BuildWhy = j.runningOld
		j.gaps = append(j.gaps, evidence.Missed{Reason: evidence.Ambiguous, Detail: j.runningOld})
		j.FixedAt, j.FixedWhy = time.Time{}, "the new files may not run yet: "+j.runningOld
		f.at, f.why = j.FixedAt, j.FixedWhy
	}
	for k := range p.Vulnerabilities {
		v := &p.Vulnerabilities[k]
		status := statusOf(p.Scheme, v, b)
		if status == verdict.Fixed && j.runningOld != "" {
			status = verdict.StatusUnknown
		}
		j.never[v.ID] = status == verdict.Fixed && neverAffected(p.Scheme, v, b)
		j.Vulnerabilities = append(j.Vulnerabilities, exposure(v, status, j.never[v.ID], b, f, asOf))
	}
	return j
}

// statusOf holds every reading that counts against a CVE's ranges: affected
// only if all are, fixed only if all are.
func statusOf(s version.Scheme, v *pack.Vulnerability, b build) verdict.Status {
	if !b.known || len(v.Affected) == 0 {
		return verdict.StatusUnknown
	}
	affected, fixed := 0, 0
	for _, reading := range b.readings {
		switch in, known := inAny(s, v.Affected, reading); {
		case !known:
		case in:
			affected++
		default:
			fixed++
		}
	}
	switch len(b.readings) {
	case affected:
		return verdict.Affected
	case fixed:
		return verdict.Fixed
	}
	return verdict.StatusUnknown
}

// inAny is true if any range holds v, and known if one does or all can tell.
func inAny(s version.Scheme, ranges []version.Range, v version.Version) (in, known bool) {
	known = true
	for _, r := range ranges {
		holds, tells := r.Holds(s, v)
		if tells && holds {
			return true, true
		}
		known = known && tells
	}
	return false, known
}

// exposure judges one CVE's window: from its safe start to the fix, or to the
// examination where no fix or no trace of one is seen.
func exposure(v *pack.Vulnerability, status verdict.Status, never bool, b build, f fix, asOf time.Time) verdict.Vulnerability {
	j := verdict.Vulnerability{
		ID: v.ID, Title: v.Title, Status: status, FixedBuild: v.Fixed.Build, FixDate: v.FixDate, Published: v.Published,
		KEV: !v.KEVAdded.IsZero(), KEVAdded: v.KEVAdded, KEVDue: v.KEVDue, Ransomware: v.Ransomware, Score: v.Score, Confidence: v.Confidence,
	}
	start := v.SafeStart
	w := &verdict.Window{From: start, To: asOf, Open: true}
	switch {
	case never:
		j.WindowWhy = "its build is older than the first affected one"
		return j
	case status == verdict.Fixed && !f.at.IsZero() && !f.at.After(start):
		j.WindowWhy = fmt.Sprintf("fixed before the exposure began on %s: %s", start.UTC().Format(time.DateOnly), f.why)
		return j
	case start.After(asOf):
		j.WindowWhy = "the evidence was taken before the exposure began on " + start.UTC().Format(time.DateOnly)
		return j
	case status == verdict.Fixed && !f.at.IsZero() && f.at.Before(asOf):
		w.To, w.Open, w.Why = f.at, false, "to "+f.why
		if v.Fixed.Build > 0 && b.version.Build > v.Fixed.Build {
			w.Why += "; an earlier build with the fix may have been here before, and left no trace"
		}
	case status == verdict.Fixed:
		w.Why = "open to the examination: " + f.why
	case status == verdict.Affected:
		w.Why = "still affected at the examination"
	default:
		w.Why = "open to the examination: " + b.why
	}
	if v.StartWhy != "" {
		w.Why += "; from " + v.StartWhy
	}
	j.Window = w
	return j
}

// neverAffected reports a build below every affected one: updates lead up, so
// it cannot have been affected before either.
func neverAffected(s version.Scheme, v *pack.Vulnerability, b build) bool {
	below := func(r version.Range) bool {
		return slices.ContainsFunc(r.Bounds, func(bound version.Bound) bool {
			order, ok := s.Compare(b.version, bound.Version)
			return ok && (bound.Op == ">=" || bound.Op == "=") && order < 0 || ok && bound.Op == ">" && order <= 0
		})
	}
	return !b.disagree && !slices.ContainsFunc(v.Affected, func(r version.Range) bool { return !below(r) })
}

// behind counts the security builds between a build and the latest known; -1
// when they can't be counted.
func behind(p *pack.Pack, have, latest version.Version) int {
	if have.Build == 0 {
		return -1
	}
	seen := map[int]bool{}
	for i := range p.Vulnerabilities {
		if n := p.Vulnerabilities[i].Fixed.Build; n > have.Build && (latest.Build == 0 || n <= latest.Build) {
			seen[n] = true
		}
	}
	return len(seen)
}
