package detect

import (
	"slices"
	"strings"

	"postern/detect/sigma"
	"postern/evidence"
	"postern/verdict"
)

// sighted is one kept sighting of a rule.
type sighted struct {
	rule *rule
	ref  evidence.Ref
}

// sequence is a group of sightings that satisfies a correlation.
type sequence struct {
	group string // the values it is grouped by
	steps []sighted
}

// labelShared is the note on sequences whose steps only a proxy's address ties.
const labelShared = "the address is a proxy's: it may be several people"

// shared reports whether one of the values that a sequence is grouped by is an
// address that many people have.
func (s *sequence) shared(hiding map[string]bool) bool {
	return slices.ContainsFunc(strings.Split(s.group, "\x00"), func(value string) bool { return hiding[value] })
}

// correlate tells the sequences that the kept sightings add up to. What fell on
// a build proven fixed was refused, whatever the answer: it is no step.
func (x *Examination) correlate(installs []judged) []verdict.Finding {
	known := map[*correlated][]sequence{}
	hiding := verdict.Hiding(x.cover)
	var all []verdict.Finding
	for _, c := range x.engine.correlations {
		if found := x.sequences(c, installs, known); len(found) > 0 {
			f := c.finding(found, x.engine.limit())
			if !slices.ContainsFunc(found, func(s sequence) bool { return !s.shared(hiding) }) {
				f.Label = note(f.Label, labelShared)
			}
			all = append(all, f)
		}
	}
	return all
}

// sequences evaluates a correlation, those that it builds on first.
func (x *Examination) sequences(c *correlated, installs []judged, known map[*correlated][]sequence) []sequence {
	if found, done := known[c]; done {
		return found
	}
	var sightings []sigma.Sighting
	var seen [][]sighted // by sighting
	for _, key := range x.steps.of(c) {
		for _, s := range x.steps.kept[key] {
			if r := key.use.of; !provenFixed(installs, r.Vulns, &bucket{first: s.at, last: s.at}) {
				sightings = append(sightings, sigma.Sighting{Rule: key.use.as, Time: s.at, Group: []string{key.group}, Value: key.value})
				seen = append(seen, []sighted{{r, s.ref}})
			}
		}
	}
	for _, o := range c.over {
		for _, s := range x.sequences(o.correlated, installs, known) {
			group := s.group
			if len(c.GroupBy) == 0 {
				group = ""
			}
			sightings = append(sightings, sigma.Sighting{Rule: o.as, Time: s.steps[len(s.steps)-1].ref.Time, Group: []string{group}})
			seen = append(seen, s.steps)
		}
	}
	var found []sequence
	for _, group := range c.Evaluate(sightings) {
		s := sequence{group: sightings[group[0]].Group[0]}
		for _, at := range group {
			s.steps = append(s.steps, seen[at]...)
		}
		found = append(found, s)
	}
	known[c] = found
	return found
}

// of lists the keys of what a correlation asks for, in a fixed order.
func (s *steps) of(c *correlated) []stepKey {
	var keys []stepKey
	for key := range s.kept {
		if key.use.by == c {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, stepKey.compare)
	return keys
}

// finding makes one finding of all sequences that satisfy c. Its references are
// the steps of the first one: those of several would read as one sequence.
func (c *correlated) finding(found []sequence, limit int) verdict.Finding {
	f := verdict.Finding{
		Rule: c.rule.ID, Title: c.rule.Title, Question: c.Parts, Severity: c.severity, Confidence: c.Confidence, Class: c.class, Label: c.Label,
		Count: int64(len(found)), Attack: c.Attack, Steps: true, Sources: c.Sources, Next: c.Next, Vulns: c.Vulns,
		Open: c.class == verdict.Attempt,
	}
	for _, s := range found {
		first, last := s.steps[0].ref.Time, s.steps[len(s.steps)-1].ref.Time
		if f.First.IsZero() || first.Before(f.First) {
			f.First = first
		}
		if last.After(f.Last) {
			f.Last = last
		}
	}
	f.Refs = told(found[0].steps)
	if len(f.Refs) > limit { // the end of a sequence tells more than its middle
		f.Refs = append(f.Refs[:limit-1], f.Refs[len(f.Refs)-1])
	}
	return f
}

// told gives the references of steps in order; of a run of sightings of one
// rule only the first and the last.
func told(steps []sighted) (refs []evidence.Ref) {
	for i, s := range steps {
		inside := i > 0 && i < len(steps)-1 && steps[i-1].rule == s.rule && steps[i+1].rule == s.rule
		if !inside {
			refs = append(refs, s.ref)
		}
	}
	return refs
}
