package diff

import (
	"fmt"
	"slices"
	"strings"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// view is one host of a report, its targets together.
type view struct {
	name     string
	answers  *report.Answers
	installs []report.Installation
	findings []report.Finding
	read     map[string]report.Coverage // what was read, by kind and path
	missed   map[string]report.Coverage
	order    []string // keys of read and missed, as they stand
	partial  bool     // what is missing may not have been collected
}

func newView(r *report.Report, h *report.Host) *view {
	v := &view{name: h.Host, answers: &h.Answers, read: map[string]report.Coverage{}, missed: map[string]report.Coverage{}}
	for _, i := range h.Targets {
		t := &r.Targets[i]
		v.partial = v.partial || t.Partial
		v.installs = append(v.installs, t.Installations...)
		v.findings = append(v.findings, t.Findings...)
		for _, c := range t.Coverage {
			key := string(c.Kind) + " " + c.Path
			rows := v.read
			if c.Missed != nil {
				rows = v.missed
				key += " " + reason(&c)
			}
			if have, twice := rows[key]; twice && have.Count >= c.Count {
				continue
			}
			rows[key] = c
			v.order = append(v.order, key)
		}
	}
	return v
}

// reason is the first word of why something was missed: details hold numbers.
func reason(c *report.Coverage) string {
	why, _, _ := strings.Cut(*c.Missed, ":")
	return why
}

// compare tells what changed on a host; a nil side does not have it.
func compare(old, now *view) Host {
	h := Host{
		In: Both, Answers: []Answer{}, Installations: []Installation{}, CVEs: []CVE{}, Findings: []Finding{}, Gained: []Row{}, Lost: []Row{},
	}
	none := &view{answers: &report.Answers{}}
	none.answers.Each(func(p *report.Part) { p.Answer = verdict.NotExamined })
	switch {
	case now == nil:
		now, h.In, h.Host = none, OnlyOld, old.name
	case old == nil:
		old, h.In, h.Host = none, OnlyNew, now.name
	default:
		h.Host = now.name
	}
	if h.In == Both {
		h.Gained = coverage(now, old, "not read before", "no longer missed, was ")
		h.Lost = coverage(old, now, "not read now", "")
	}
	h.DaysCovered = [2]int{old.answers.Compromised.DaysCovered, now.answers.Compromised.DaysCovered}
	h.LessRead = len(h.Lost) > 0 || h.In == OnlyOld || h.DaysCovered[1] < h.DaysCovered[0]
	h.answers(old, now)
	h.installations(old, now)
	h.findings(old, now)
	return h
}

// coverage is what from read and to did not, or not as far, and what to missed
// for a reason that from did not have. A file that is gone from a folder that
// was read is no loss of reading.
func coverage(from, to *view, unread, missing string) []Row {
	rows := []Row{}
	add := func(c report.Coverage, what string) {
		rows = append(rows, Row{string(c.Kind), c.Path, what, slices.Clone(append([]string{}, c.Parts...))})
	}
	for _, key := range slices.Compact(slices.Clone(from.order)) {
		c, read := from.read[key]
		if !read {
			continue
		}
		other, both := to.read[key]
		switch {
		case !both && !to.walked(&c):
			add(c, unread)
		case both && other.Count < c.Count && c.Kind != evidence.CoverFile:
			add(c, fmt.Sprintf("%d entries against %d", c.Count, other.Count))
		}
	}
	for _, key := range slices.Compact(slices.Clone(to.order)) {
		c, missed := to.missed[key]
		if _, same := from.missed[key]; missed && !same {
			add(c, missing+*c.Missed)
		}
	}
	return rows
}

// walked reports whether the folder of a file was read and nothing on the way
// to the file was missed, so that it would have been seen.
func (v *view) walked(c *report.Coverage) bool {
	if c.Kind != evidence.CoverFile || v.partial {
		return false
	}
	within := func(folder string) bool { return strings.HasPrefix(c.Path, folder+"/") }
	for _, m := range v.missed {
		if m.Path == c.Path || within(m.Path) {
			return false
		}
	}
	for _, r := range v.read {
		if r.Kind == evidence.CoverFile && within(r.Path) {
			return true
		}
	}
	return false
}

// lost reports whether less was read of what bears on a question, or a part of
// it as "compromised.now".
func (h *Host) lost(question string) bool {
	if h.In == OnlyOld {
		return true
	}
	if strings.HasPrefix("compromised.then", question) && h.DaysCovered[1] < h.DaysCovered[0] {
		return true
	}
	return slices.ContainsFunc(h.Lost, func(r Row) bool {
		return slices.ContainsFunc(r.Bears, func(b string) bool { return b == question || strings.HasPrefix(b, question+".") })
	})
}

// badness orders answers; one that was not examined compares with none.
var badness = []verdict.Answer{verdict.No, verdict.NoneSeen, verdict.Unknown, verdict.Yes}

func direction(old, now int) Change {
	switch {
	case old < 0 || now < 0:
		return NotCompared
	case now > old:
		return Worse
	}
	return Better
}

func (h *Host) answers(old, now *view) {
	names := []string{"exposed", "compromised", "compromised.now", "compromised.then", "reachable", "unprepared"}
	var was []verdict.Answer
	old.answers.Each(func(p *report.Part) { was = append(was, p.Answer) })
	i := 0
	now.answers.Each(func(p *report.Part) {
		name, before := names[i], was[i]
		i++
		if p.Answer == before {
			return
		}
		a := Answer{name, before, p.Answer, direction(slices.Index(badness, before), slices.Index(badness, p.Answer)), h.lost(name)}
		h.Answers = append(h.Answers, a)
		h.Worse = h.Worse || a.Change == Worse || before == verdict.NotExamined && p.Answer == verdict.Yes
		h.LessRead = h.LessRead || p.Answer == verdict.NotExamined
	})
	readings := []verdict.Reading{verdict.Untouched, verdict.KnockedAt, verdict.OpenAttempt, verdict.Suspected, verdict.Entered}
	if a, b := old.answers.Compromised.Reading, now.answers.Compromised.Reading; a != b {
		h.Reading = &Reading{a, b, direction(slices.Index(readings, a), slices.Index(readings, b))}
		h.Worse = h.Worse || h.Reading.Change == Worse
	}
}

func (h *Host) installations(old, now *view) {
	match := func(in *report.Installation, all []report.Installation) *report.Installation {
		k := slices.IndexFunc(all, func(o report.Installation) bool { return o.Product == in.Product && o.Path == in.Path })
		if k < 0 {
			return nil
		}
		return &all[k]
	}
	for i := range now.installs {
		in := &now.installs[i]
		was := match(in, old.installs)
		switch {
		case was == nil:
			h.Installations = append(h.Installations, Installation{in.Product, in.Path, Added, nil, in.Build})
		case !same(was.Build, in.Build):
			h.Installations = append(h.Installations, Installation{in.Product, in.Path, Changed, was.Build, in.Build})
		}
		switch {
		case was != nil:
			h.vulnerabilities(was, in)
		case h.In == Both:
			h.vulnerabilities(&report.Installation{}, in)
		}
	}
	for i := range old.installs {
		if in := &old.installs[i]; match(in, now.installs) == nil {
			h.Installations = append(h.Installations, Installation{in.Product, in.Path, NoLongerSeen, in.Build, nil})
		}
	}
}

func (h *Host) vulnerabilities(was, in *report.Installation) {
	for _, v := range in.Vulnerabilities {
		k := slices.IndexFunc(was.Vulnerabilities, func(o report.Vulnerability) bool { return o.ID == v.ID })
		before := verdict.Status("")
		if k >= 0 {
			before = was.Vulnerabilities[k].Status
		}
		if before != v.Status {
			h.CVEs = append(h.CVEs, CVE{v.ID, in.Path, before, v.Status})
			h.Worse = h.Worse || v.Status == verdict.Affected
		}
	}
}

func same(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }
