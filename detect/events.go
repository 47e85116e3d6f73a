package detect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"postern/detect/sigma"
	"postern/evidence"
	"postern/pack"
)

// addSigma compiles a pack's Sigma rules and correlations. There any fault
// fails the pack: a rule left out would be silence.
func (e *Engine) addSigma(p *pack.Pack) error {
	var faults []error
	var correlations []*correlated
	for i := range p.Sigma {
		f := &p.Sigma[i]
		rules, more, err := sigma.Parse(f.File, f.Text, sigma.Options{})
		switch {
		case err != nil:
		case len(rules)+len(more) != 1:
			err = fmt.Errorf("a file of a pack holds one rule or correlation, this one %d", len(rules)+len(more))
		case len(rules) == 1:
			if err = e.addEvent(f, rules[0]); err == nil {
				err = e.known(p, f, rules[0])
			}
		default:
			var r *rule
			if r, err = newRule(&f.Indicator); err == nil {
				err = e.claim(r.ID)
			}
			if err == nil {
				correlations = append(correlations, &correlated{rule: r, Correlation: more[0]})
			}
		}
		if err != nil {
			faults = append(faults, placed(f, err))
		}
	}
	faults = append(faults, e.idleWindows(p)...)
	for c, err := range e.bind(correlations) {
		faults = append(faults, &pack.Fault{File: c.File, Line: c.Line, Column: 1, Err: fmt.Errorf("correlation %q: %w", c.rule.ID, err)})
	}
	for _, c := range correlations {
		faults = append(faults, c.groups(p)...)
	}
	return errors.Join(faults...)
}

// placed gives an error of a Sigma file its place, unless it has one.
func placed(f *pack.SigmaFile, err error) error {
	var of *sigma.Error
	var fault *pack.Fault
	switch {
	case errors.As(err, &fault):
		return err
	case errors.As(err, &of):
		many, several := err.(interface{ Unwrap() []error })
		if !several {
			return &pack.Fault{File: of.File, Line: of.Line, Column: of.Column, Err: of.Err}
		}
		var all []error
		for _, one := range many.Unwrap() {
			all = append(all, placed(f, one))
		}
		return errors.Join(all...)
	}
	return f.Fault(err)
}

// addEvent makes a rule of a compiled Sigma rule and its grade.
func (e *Engine) addEvent(f *pack.SigmaFile, s *sigma.Rule) error {
	r := &rule{Indicator: &f.Indicator}
	if !f.LabelOnly {
		var err error
		if r, err = newRule(&f.Indicator); err != nil {
			return err
		}
	}
	r.event = &eventRule{Rule: s, label: f.LabelOnly}
	for _, o := range f.Outcomes {
		condition, err := s.AddCondition(o.Condition)
		if err == nil {
			err = gradeKnown(o.Class, o.Severity)
		}
		if err != nil {
			var of *sigma.Error
			if errors.As(err, &of) {
				err = of.Err // the outcome's own place says more than the rule's
			}
			return o.Fault(f.File, fmt.Errorf("outcome %q: %w", o.Condition, err))
		}
		r.event.outcomes = append(r.event.outcomes, newOutcome(condition, o))
	}
	return e.take(r)
}

// take adds a rule about events, with the literals that stand for it.
func (e *Engine) take(r *rule) error {
	if err := e.claim(r.ID); err != nil {
		return fmt.Errorf("rule %q: %w", r.ID, err)
	}
	texts, fields := r.event.Literals()
	encoded := slices.ContainsFunc(fields, spelledField)
	r.event.ids, r.event.fields = e.literals.intern(usable(texts, encoded)), fields
	e.events = append(e.events, r)
	return nil
}

// bind tells the base rules of correlations that their sightings are wanted, and
// ties correlations to those they build on. It yields those that can't be bound;
// what builds on one of these would be blind, and can't be bound either.
func (e *Engine) bind(more []*correlated) iter.Seq2[*correlated, error] {
	return func(yield func(*correlated, error) bool) {
		left := slices.Clone(more)
		for i := 0; i < len(left); i++ {
			err := e.tie(left[i], left)
			if err == nil {
				continue
			}
			if !yield(left[i], err) {
				return
			}
			left = slices.Delete(left, i, i+1)
			i = -1 // whoever was tied to it is no longer
		}
		for _, c := range left {
			e.use(c)
		}
	}
}

// tie finds all that a correlation builds on, among the rules and the
// correlations left.
func (e *Engine) tie(c *correlated, left []*correlated) error {
	c.over, c.base = nil, nil
	for _, name := range c.Correlation.Rules {
		group := c.Group(name)
		if i := slices.IndexFunc(e.events, func(r *rule) bool { return r.event.ID == name || r.event.Name == name }); i >= 0 {
			if e.events[i].event.label {
				return fmt.Errorf("rule %q only labels, and is never sighted", name)
			}
			if slices.ContainsFunc(c.base, func(u use) bool { return u.of == e.events[i] }) {
				return fmt.Errorf("it names rule %q twice", name)
			}
			c.base = append(c.base, use{by: c, of: e.events[i], as: name, group: group, value: c.Values})
			continue
		}
		i := slices.IndexFunc(left, func(o *correlated) bool { return o.rule.ID == name || o.Correlation.Name == name })
		switch {
		case i < 0:
			return fmt.Errorf("no rule %q, or it was refused", name)
		case len(group) > 0 && !slices.Equal(group, left[i].GroupBy):
			return fmt.Errorf("it groups by %q, and %q, which it builds on, by %q", group, name, left[i].GroupBy)
		case left[i] == c || left[i].buildsOn(c):
			return fmt.Errorf("it builds on %q, which builds on it", name)
		}
		c.over = append(c.over, overlay{left[i], name})
	}
	return nil
}

// use takes a correlation that is tied.
func (e *Engine) use(c *correlated) {
	for _, u := range c.base {
		u.of.event.uses = append(u.of.event.uses, u)
	}
	e.correlations = append(e.correlations, c)
}

// buildsOn reports whether c builds on o, however far down.
func (c *correlated) buildsOn(o *correlated) bool {
	return slices.ContainsFunc(c.over, func(over overlay) bool { return over.correlated == o || over.correlated.buildsOn(o) })
}

// known refuses a rule of a pack whose log source is no log of it, or one of
// whose fields none of those logs has.
func (e *Engine) known(p *pack.Pack, f *pack.SigmaFile, s *sigma.Rule) error {
	var logs []evidence.LogFormat
	for _, f := range p.Logs {
		if meets(s.Source, &f) {
			logs = append(logs, f)
		}
	}
	switch {
	case len(logs) == 0 && ofWindows(s):
		return e.knownWindows(p, f, s)
	case len(logs) == 0:
		return fmt.Errorf("rule %q: its log source is none of the pack's logs", s.ID)
	}
	for _, field := range s.Fields() {
		if !slices.ContainsFunc(logs, func(f evidence.LogFormat) bool { return hasField(&f, field) }) {
			line, column := keyAt(f.Text, field)
			return &pack.Fault{File: f.File, Line: line, Column: column, Err: fmt.Errorf("rule %q: no log of its source has a field %q", s.ID, field)}
		}
	}
	return nil
}

// groups refuses a correlation of a pack that groups or counts by a field that no
// log of a rule it builds on has.
func (c *correlated) groups(p *pack.Pack) (faults []error) {
	for _, u := range c.base {
		for _, field := range slices.Concat(u.group, u.value) {
			if !slices.ContainsFunc(p.Logs, func(f evidence.LogFormat) bool {
				return meets(u.of.event.Source, &f) && hasField(&f, field)
			}) && !windowsField(p, u.of.event.Source, field) {
				faults = append(faults, &pack.Fault{File: c.File, Line: c.Line, Column: 1, Err: fmt.Errorf("correlation %q: no log of rule %q has a field %q", c.rule.ID, u.as, field)})
			}
		}
	}
	return faults
}

// keyAt tells where in a Sigma file a field is named first.
func keyAt(text []byte, field string) (line, column int) {
	for n, row := range bytes.Split(text, []byte("\n")) {
		at := bytes.Index(row, []byte(field))
		if rest := bytes.TrimPrefix(row[max(at, 0):], []byte(field)); at >= 0 && len(rest) > 0 && (rest[0] == ':' || rest[0] == '|') {
			return n + 1, at + 1
		}
	}
	return 1, 1
}

// gradeOf makes a grade for a rule of the operator's own, which states none. Of
// a web request nobody can say more than that it was tried. What happened on
// the host happened; whether it means what the rule says, a person has to tell.
func gradeOf(s *sigma.Rule) pack.SigmaFile {
	class := "success"
	if webLogs[strings.ToLower(s.Source.Category)] {
		class = "attempt"
	}
	ind := ownIndicator(&s.Meta, class)
	return pack.SigmaFile{Indicator: ind, File: s.File, Line: s.Line}
}

func ownIndicator(m *sigma.Meta, class string) pack.Indicator {
	ind := pack.Indicator{
		ID: cmp.Or(m.ID, m.Title), Title: cmp.Or(m.Title, m.ID), Kind: pack.OnSigma, Parts: evidence.CompromisedThen,
		Class: class, Severity: severityOf(m.Level), Confidence: evidence.Unsure, Sources: m.References,
		Next: "A rule of your own matched: read the records and what stands around them.",
	}
	for _, tag := range m.Tags {
		kind, name, _ := strings.Cut(strings.ToLower(tag), ".")
		switch {
		case kind == "attack" && len(name) > 4 && name[0] == 't' && name[1] >= '0' && name[1] <= '9':
			ind.Attack = append(ind.Attack, strings.ToUpper(name))
		case kind == "cve":
			ind.Vulns = append(ind.Vulns, "CVE-"+strings.TrimPrefix(strings.ReplaceAll(name, ".", "-"), "cve-"))
		}
	}
	return ind
}

// severityOf maps Sigma's levels; a rule without one is medium.
func severityOf(level string) string {
	switch level {
	case "informational":
		return "info"
	case "low", "high", "critical":
		return level
	}
	return "medium"
}
