package pack

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// SigmaFile is one Sigma rule or correlation and how a match of it is judged.
// Its Indicator has Kind OnSigma and no Match. The rule itself stays text: the
// engine that compiles it reports faults of it with Fault.
type SigmaFile struct {
	Indicator
	Name         string // by which correlations and tests may call it; "" for none
	File         string
	Text         []byte
	LabelOnly    bool          // gives its Label to what other rules see in the same event, and makes no finding
	Outcomes     []RuleOutcome // the first whose condition holds decides
	Correlation  bool
	Changed      time.Time // last: modified, else date; zero: not stated
	Line, Column int       // where the rule begins
}

// RuleOutcome refines a Sigma rule's class by what the record says.
type RuleOutcome struct {
	Condition    string // a Sigma condition over the rule's own searches
	Class        string
	Severity     string
	WhenFixed    string // as Outcome.WhenFixed
	Line, Column int    // of the condition
}

// TextFile is a file of the pack for an engine to read.
type TextFile struct {
	File string
	Text []byte
}

// Fault is a fault of the rule as a whole.
func (s *SigmaFile) Fault(err error) *Fault {
	return &Fault{File: s.File, Line: s.Line, Column: s.Column, Err: err}
}

// Fault is a fault of the outcome's condition, which stands in file.
func (o *RuleOutcome) Fault(file string, err error) *Fault {
	return &Fault{File: file, Line: o.Line, Column: o.Column, Err: err}
}

var (
	ruleID    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	ruleName  = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
	attackTag = regexp.MustCompile(`^attack\.t\d{4}(\.\d{3})?$`)
	groupTag  = regexp.MustCompile(`^attack\.[a-z-]+$|^attack\.[gs]\d{4}$`)
	cveTag    = regexp.MustCompile(`^cve\.(\d{4}-\d{4,})$`)
)

// severityOf are Sigma's levels as severities.
var severityOf = map[string]string{"informational": "info", "low": "low", "medium": "medium", "high": "high", "critical": "critical"}

func (l *loader) sigma(name string, content []byte) {
	var s specSigma
	f := l.file(name)
	if !f.decode(content, &s) {
		return
	}
	out := SigmaFile{
		Indicator: Indicator{
			ID: s.ID.string, Title: s.Title.string, Kind: OnSigma, Parts: evidence.CompromisedThen,
			Class: s.Postern.Class.string, Severity: severityOf[s.Level.string], Confidence: evidence.Confidence(s.Postern.Confidence.string),
			Next: s.Postern.Next.string, Label: s.Postern.Label.string, Sources: f.links(s.References), FirstSeen: s.Postern.FirstSeen.Time,
		},
		Name: s.Name.string, File: name, Text: content, Correlation: s.Correlation.node != nil,
		Changed: later(s.Date.Time, s.Modified.Time), Line: s.at.line, Column: s.at.column,
	}
	if s.Postern.Part.string == "now" {
		out.Parts = evidence.CompromisedNow
	}
	f.shaped(s.ID, ruleID, "a UUID in lower case")
	f.once(l.ids, s.ID)
	if s.Name.string != "" {
		f.shaped(s.Name, ruleName, "one word")
		f.once(l.ids, s.Name)
	}
	out.Vulns, out.Attack = l.tags(f, s.Tags)
	f.kinds(&s)
	out.LabelOnly = f.rating(&s)
	for _, o := range s.Postern.Outcomes {
		severity := text{severityOf[o.Level.string], o.Level.at}
		f.proof(severity, s.Postern.Confidence, o.Class)
		out.Outcomes = append(out.Outcomes, RuleOutcome{
			Condition: o.Condition.string, Class: o.Class.string, Severity: severity.string, WhenFixed: o.WhenFixed.string,
			Line: o.Condition.at.line, Column: o.Condition.at.column,
		})
	}
	l.pack.Sigma = append(l.pack.Sigma, out)
}

// kinds checks that the file is a rule or a correlation, and which fields go
// with each.
func (f *file) kinds(s *specSigma) {
	rule, correlation := s.Detection.node != nil, s.Correlation.node != nil
	switch {
	case rule == correlation:
		f.fail(s.at, ErrMissing, "either detection or correlation")
	case rule && s.LogSource.node == nil:
		f.fail(s.at, ErrMissing, "field \"logsource\"")
	case correlation && len(s.Postern.Outcomes) > 0:
		f.fail(s.Postern.at, ErrValue, "a correlation has no searches for outcomes to ask")
	}
}

// rating checks the postern block: a label alone, or a whole judgement.
func (f *file) rating(s *specSigma) (labelOnly bool) {
	p := &s.Postern
	labelOnly = p.Class.string == "" && p.Label.string != ""
	for _, c := range []struct {
		field string
		set   bool
		at    place
	}{
		{"class", p.Class.string != "", p.at},
		{"confidence", p.Confidence.string != "", p.at},
		{"next", p.Next.string != "", p.at},
		{"level", s.Level.string != "", s.at},
	} {
		switch {
		case labelOnly && c.set && c.field != "level":
			f.fail(c.at, ErrValue, "%q is never read beside a label alone; a rule that makes findings has a class", c.field)
		case !labelOnly && !c.set:
			f.fail(c.at, ErrMissing, "field %q", c.field)
		}
	}
	if labelOnly && (len(p.Outcomes) > 0 || p.Part.string != "" || s.Correlation.node != nil) {
		f.fail(p.at, ErrValue, "a label alone has no part and no outcomes, and a correlation cannot give one")
	}
	if !labelOnly {
		f.proof(text{severityOf[s.Level.string], s.Level.at}, p.Confidence, p.Class)
	}
	return labelOnly
}

// tags reads the ATT&CK techniques and CVEs. Tags of other kinds are for
// readers; one that looks like these and is not would be lost, and is refused.
func (l *loader) tags(f *file, tags []text) (vulns, attack []string) {
	for _, t := range tags {
		switch kind, _, _ := strings.Cut(t.string, "."); {
		case attackTag.MatchString(t.string):
			attack = append(attack, strings.ToUpper(strings.TrimPrefix(t.string, "attack.")))
		case cveTag.MatchString(t.string):
			id := "CVE-" + strings.TrimPrefix(t.string, "cve.")
			l.known(f, []text{{id, t.at}}, nil)
			vulns = append(vulns, id)
		case kind == "attack" && !groupTag.MatchString(t.string), kind == "cve":
			f.fail(t.at, ErrValue, "tag %q: want attack.t1505.003 or cve.2026-23760", t.string)
		}
	}
	slices.Sort(attack)
	return vulns, slices.Compact(attack)
}

// once demands that an id was not used before.
func (f *file) once(seen map[string]bool, id text) {
	if seen[id.string] {
		f.fail(id.at, ErrDuplicate, "id %q", id.string)
	}
	seen[id.string] = true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
