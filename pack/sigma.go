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
	LabelOnly    bool      // gives its Label to what other rules see in the same event, and makes no finding
	Outcomes     []Outcome // the first whose condition holds decides
	Correlation  bool
	Changed      time.Time // last: modified, else date; zero: not stated
	Line, Column int       // where the rule begins
}

// Outcome refines a Sigma rule's class by what the record says.
type Outcome struct {
	Condition    string // a Sigma condition over the rule's own searches
	Class        string
	Severity     string
	WhenFixed    string // the class instead, with severity low, while the build was proven fixed for the rule's CVEs; with it set, a success holds only on a build proven affected, and in between it is an open attempt. "": Class whatever the build
	Line, Column int    // of the condition
}

// EventLog is a log source of Windows' event logs that rules of the pack are for.
type EventLog struct {
	Source       evidence.LogSource // its product is windows
	Need         bool               // without events of it the past is not seen
	Fields       []string           // of its events, beside those known here
	File         string
	Line, Column int
}

// Fault is a fault of the entry as a whole.
func (l *EventLog) Fault(err error) *Fault { return fault(l.File, l.Line, l.Column, err) }

// TextFile is a file of the pack for an engine to read.
type TextFile struct {
	File string
	Text []byte
}

// Fault is a fault of the rule as a whole.
func (s *SigmaFile) Fault(err error) *Fault {
	return fault(s.File, s.Line, s.Column, err)
}

// Fault is a fault of the outcome's condition, which stands in file.
func (o *Outcome) Fault(file string, err error) *Fault {
	return fault(file, o.Line, o.Column, err)
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
	if !f.Decode(content, &s) {
		return
	}
	out := SigmaFile{
		Indicator: Indicator{
			ID: s.ID.Value, Title: s.Title.Value, Kind: OnSigma, Parts: evidence.CompromisedThen,
			Class: s.Postern.Class.Value, Severity: severityOf[s.Level.Value], Confidence: evidence.Confidence(s.Postern.Confidence.Value),
			Next: s.Postern.Next.Value, Label: s.Postern.Label.Value, Sources: f.links(s.References), FirstSeen: s.Postern.FirstSeen.Time,
		},
		Name: s.Name.Value, File: name, Text: content, Correlation: s.Correlation.Set(),
		Changed: later(s.Date.Time, s.Modified.Time), Line: s.At.Line, Column: s.At.Column,
	}
	if s.Postern.Part.Value == "now" {
		out.Parts = evidence.CompromisedNow
	}
	f.shaped(s.ID, ruleID, "a UUID in lower case")
	f.once(l.ids, s.ID)
	if s.Name.Value != "" {
		f.shaped(s.Name, ruleName, "one word")
		f.once(l.ids, s.Name)
	}
	out.Vulns, out.Attack = l.tags(f, s.Tags)
	f.kinds(&s)
	l.noteRule(f, &s)
	out.LabelOnly = f.rating(&s)
	for _, o := range s.Postern.Outcomes {
		severity := text{Value: severityOf[o.Level.Value], At: o.Level.At}
		f.proof(severity, s.Postern.Confidence, o.Class)
		out.Outcomes = append(out.Outcomes, Outcome{
			Condition: o.Condition.Value, Class: o.Class.Value, Severity: severity.Value, WhenFixed: o.WhenFixed.Value,
			Line: o.Condition.At.Line, Column: o.Condition.At.Column,
		})
	}
	l.pack.Sigma = append(l.pack.Sigma, out)
}

// noteRule notes what a reader would miss.
func (l *loader) noteRule(f *file, s *specSigma) {
	if len(s.References) == 0 {
		f.note(s.ID.At, errThin, "no references: nobody can look up why")
	}
	if s.Postern.Class.Value != "" {
		l.dated(f, s.ID, s.Postern.FirstSeen)
	}
	l.past(f, s.Date, s.Modified)
	f.quickSigma(&s.Detection)
}

// kinds checks that the file is a rule or a correlation, and which fields go
// with each.
func (f *file) kinds(s *specSigma) {
	rule, correlation := s.Detection.Set(), s.Correlation.Set()
	switch {
	case rule == correlation:
		f.Fail(s.At, ErrMissing, "either detection or correlation")
	case rule && !s.LogSource.Set():
		f.Fail(s.At, ErrMissing, "field \"logsource\"")
	case correlation && len(s.Postern.Outcomes) > 0:
		f.Fail(s.Postern.At, ErrValue, "a correlation has no searches for outcomes to ask")
	}
}

// rating checks the postern block: a label alone, or a whole judgement.
func (f *file) rating(s *specSigma) (labelOnly bool) {
	p := &s.Postern
	labelOnly = p.Class.Value == "" && p.Label.Value != ""
	for _, c := range []struct {
		field string
		set   bool
		At    place
	}{
		{"class", p.Class.Value != "", p.At},
		{"confidence", p.Confidence.Value != "", p.At},
		{"next", p.Next.Value != "", p.At},
		{"level", s.Level.Value != "", s.At},
	} {
		switch {
		case labelOnly && c.set && c.field != "level":
			f.Fail(c.At, ErrValue, "%q is never read beside a label alone; a rule that makes findings has a class", c.field)
		case !labelOnly && !c.set:
			f.Fail(c.At, ErrMissing, "field %q", c.field)
		}
	}
	if labelOnly && (len(p.Outcomes) > 0 || p.Part.Value != "" || s.Correlation.Set()) {
		f.Fail(p.At, ErrValue, "a label alone has no part and no outcomes, and a correlation cannot give one")
	}
	if !labelOnly {
		f.proof(text{Value: severityOf[s.Level.Value], At: s.Level.At}, p.Confidence, p.Class)
	}
	return labelOnly
}

// tags reads the ATT&CK techniques and CVEs. Tags of other kinds are for
// readers; one that looks like these and is not would be lost, and is refused.
func (l *loader) tags(f *file, tags []text) (vulns, attack []string) {
	for _, t := range tags {
		switch kind, _, _ := strings.Cut(t.Value, "."); {
		case attackTag.MatchString(t.Value):
			attack = append(attack, strings.ToUpper(strings.TrimPrefix(t.Value, "attack.")))
		case cveTag.MatchString(t.Value):
			id := "CVE-" + strings.TrimPrefix(t.Value, "cve.")
			l.known(f, []text{{Value: id, At: t.At}}, nil)
			vulns = append(vulns, id)
		case kind == "attack" && !groupTag.MatchString(t.Value), kind == "cve":
			f.Fail(t.At, ErrValue, "tag %q: want attack.t1505.003 or cve.2026-23760", t.Value)
		}
	}
	slices.Sort(attack)
	return vulns, slices.Compact(attack)
}

// once demands that an id was not used before.
func (f *file) once(seen map[string]bool, id text) {
	if seen[id.Value] {
		f.Fail(id.At, ErrDuplicate, "id %q", id.Value)
	}
	seen[id.Value] = true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
