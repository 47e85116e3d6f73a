package pack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// Test is one case of the pack: evidence, and what must be found in it.
type Test struct {
	File      string
	Title     string
	OS        evidence.OS
	Zone      *time.Location
	AsOf      time.Time
	Installed *Installed // nil: no installation is made up
	Expect    []Expect   // findings that must be there, exactly
	Absent    []Absent   // rules that must not be found
	Others    bool       // findings of rules that neither names are no failure
	Answers   map[string]string
	Reading   string // "": any; Untouched: none
	Files     []TestFile
}

// Untouched is the reading of a case where nothing is to be found.
const Untouched = "untouched"

// Installed is an installation of the pack's product that a case makes up.
type Installed struct {
	Version string
	Since   time.Time // when it became that version; zero: nobody knows
}

// Expect is a finding that a case must give.
type Expect struct {
	Rule         string // id or name of a Sigma rule, name of a YARA rule, id of an indicator or check
	Class        string
	Count        int
	Label        string // "": any
	Severity     string // "": any
	Line, Column int
}

// Absent is a rule whose near miss the case is.
type Absent struct {
	Rule         string
	Line, Column int
}

// The words a case may use. They are those of the report.
var (
	answerNames = []string{"exposed", "compromised", "now", "then", "reachable", "unprepared"}
	answerWords = []string{"yes", "no", "none-seen", "unknown", "not-examined"}
	readings    = []string{"entered", "possibly entered", "attempt, outcome open", "knocked at", Untouched}
)

// localZone keeps a case from reading the machine's own zone.
const localZone = "Local"

func (l *loader) test(name string, content []byte) {
	f := l.file(name)
	header, files, bad := parseArchive(content)
	if bad != nil {
		f.Fail(place{Line: bad.Line, Column: bad.Column}, ErrSyntax, "%w", bad.Err)
		return
	}
	var s specTest
	if !f.Decode(header, &s) {
		return
	}
	out := Test{
		File: name, Title: s.Title.Value, OS: evidence.Windows, Zone: time.UTC,
		Others: s.Others, Answers: map[string]string{}, Reading: s.Reading.Value, Files: files,
	}
	var err error
	if s.OS.Value != "" {
		out.OS = evidence.OS(s.OS.Value)
	}
	if s.Zone.Value != "" {
		if out.Zone, err = time.LoadLocation(s.Zone.Value); err != nil || s.Zone.Value == localZone {
			f.Fail(s.Zone.At, ErrValue, "zone %q is none the zone database has", s.Zone.Value)
		}
	}
	if out.AsOf, err = time.Parse(time.RFC3339, s.AsOf.Value); err != nil {
		f.Fail(s.AsOf.At, ErrValue, "as_of %q is no time (2006-01-02T15:04:05Z)", s.AsOf.Value)
	}
	if s.Installed != nil {
		f.version(l.pack.Scheme, s.Installed.Version)
		out.Installed = &Installed{s.Installed.Version.Value, s.Installed.Since.Time}
	}
	f.expectations(&s, &out)
	l.pack.Tests = append(l.pack.Tests, out)
}

// expectations reads what a case wants found, absent and answered.
func (f *file) expectations(s *specTest, out *Test) {
	wanted, seen := map[string]bool{}, map[string]bool{}
	for i := range s.Expect {
		e := &s.Expect[i]
		if e.Count < 1 {
			f.Fail(e.At, ErrValue, "count %d; a rule that must not be found stands in absent", e.Count)
		}
		f.once(seen, text{Value: e.Rule.Value + " " + e.Class.Value + " " + e.Label.Value, At: e.Rule.At})
		wanted[e.Rule.Value] = true
		out.Expect = append(out.Expect, Expect{e.Rule.Value, e.Class.Value, e.Count, e.Label.Value, e.Severity.Value, e.At.Line, e.At.Column})
	}
	for _, a := range s.Absent {
		if wanted[a.Value] {
			f.Fail(a.At, ErrValue, "%q is both expected and absent", a.Value)
		}
		f.once(wanted, a)
		out.Absent = append(out.Absent, Absent{a.Value, a.At.Line, a.At.Column})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Answers)) {
		answer := s.Answers[name]
		switch {
		case !slices.Contains(answerNames, name):
			f.Fail(answer.At, ErrReference, "question %q is none of %s", name, strings.Join(answerNames, ", "))
		case !slices.Contains(answerWords, answer.Value):
			f.Fail(answer.At, ErrValue, "%q is none of %s", answer.Value, strings.Join(answerWords, ", "))
		}
		out.Answers[name] = answer.Value
	}
	if out.Reading != "" && !slices.Contains(readings, out.Reading) {
		f.Fail(s.Reading.At, ErrValue, "%q is none of %s", out.Reading, strings.Join(readings, "; "))
	}
	if len(s.Expect)+len(s.Absent)+len(s.Answers) == 0 && out.Reading == "" {
		f.Fail(s.At, ErrMissing, "expect, absent, answers or reading: the case proves nothing")
	}
}

// RuleAt is a rule that only an engine could read, and where it stands.
type RuleAt struct {
	Name         string
	File         string
	Line, Column int
}

// CheckTests demands that every Sigma and YARA rule has its hit and its near
// miss among the cases, and that no case names a rule that is not there. yara
// are the rules that the pack's YARA files hold, private ones left out.
func (p *Pack) CheckTests(yara []RuleAt) []*Fault {
	hit, near, named := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, t := range p.Tests {
		for _, e := range t.Expect {
			hit[e.Rule], hit[labelKey(e.Label)] = true, true
		}
		for _, a := range t.Absent {
			near[a.Rule] = true
		}
	}
	var faults []*Fault
	demand := func(r RuleAt, hits, near bool) {
		lack := "no case expects it, and none has it in absent"
		switch {
		case hits && near:
			return
		case hits:
			lack = "no case has it in absent: its near miss"
		case near:
			lack = "no case expects it"
		}
		faults = append(faults, fault(r.File, r.Line, r.Column, fmt.Errorf("%w: %s: %s", ErrUntested, r.Name, lack)))
	}
	for i := range p.Sigma {
		s := &p.Sigma[i]
		hits := hit[s.ID] || hit[s.Name] && s.Name != ""
		if s.LabelOnly {
			hits = hit[labelKey(s.Label)]
		}
		named[s.ID], named[s.Name] = true, true
		demand(RuleAt{s.title(), s.File, s.Line, s.Column}, hits, near[s.ID] || near[s.Name] && s.Name != "")
	}
	for _, r := range yara {
		named[r.Name] = true
		demand(r, hit[r.Name], near[r.Name])
	}
	for i := range p.Indicators {
		named[p.Indicators[i].ID] = true
	}
	for i := range p.Checks {
		named[p.Checks[i].ID] = true
	}
	return append(faults, p.strangers(named)...)
}

// strangers are rules that cases name and nobody has.
func (p *Pack) strangers(named map[string]bool) (faults []*Fault) {
	for _, t := range p.Tests {
		for _, e := range t.Expect {
			if !named[e.Rule] {
				faults = append(faults, fault(t.File, e.Line, e.Column, fmt.Errorf("%w: no rule %q", ErrReference, e.Rule)))
			}
		}
		for _, a := range t.Absent {
			if !named[a.Rule] {
				faults = append(faults, fault(t.File, a.Line, a.Column, fmt.Errorf("%w: no rule %q", ErrReference, a.Rule)))
			}
		}
	}
	return faults
}

// labelKey keeps labels apart from rules among what cases name.
func labelKey(label string) string { return "label " + label }

// title is how a person would call the rule.
func (s *SigmaFile) title() string {
	if s.Name != "" {
		return s.Name
	}
	return s.ID
}
