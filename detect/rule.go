package detect

import (
	"errors"
	"fmt"
	"slices"

	"postern/detect/sigma"
	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

// rule is one compiled rule of any kind: an indicator of a pack, a Sigma or
// YARA rule, a check of settings, or a correlation.
type rule struct {
	*pack.Indicator
	class    verdict.Class // of a match that no outcome refines
	severity verdict.Severity
	place    *evidence.Place     // OnFile, OnFolder, OnSetting
	ids      []uint32            // OnPeer: as eventRule.ids
	hosts    *hosts              // OnPeer
	event    *eventRule          // OnSigma
	own      bool                // the operator's, of no pack
	named    bool                // a match is labelled with what matched: a list of the operator's
	entries  []*ioc.Entry        // of a list, by Key; nil: it says no more of them than they are
	agents   map[string][]string // onAgent: keys by what spaced makes of them
	names    []string            // OnFile of a list: names of files
}

// eventRule is a Sigma rule and how its matches are graded.
type eventRule struct {
	*sigma.Rule
	outcomes []outcome
	label    bool     // no finding: it labels what other rules see
	ids      []uint32 // prefilter literals, any of which stands in whatever the rule matches; nil: evaluate always
	fields   []string // the fields that these literals stand in
	uses     []use    // by correlations
}

// outcome refines a match by one more condition over the rule's searches.
type outcome struct {
	condition int
	class     verdict.Class
	severity  verdict.Severity
	fixed     verdict.Class // instead of class while the build was proven fixed; "" for none
}

var (
	classes    = []verdict.Class{verdict.State, verdict.Lead, verdict.Scan, verdict.Attempt, verdict.Failed, verdict.Success}
	severities = []verdict.Severity{verdict.Info, verdict.Low, verdict.Medium, verdict.High, verdict.Critical}
)

// newRule makes a rule of an indicator whose class and severity exist.
func newRule(ind *pack.Indicator) (*rule, error) {
	r := &rule{Indicator: ind, class: verdict.Class(ind.Class), severity: verdict.Severity(ind.Severity)}
	return r, gradeKnown(ind.Class, ind.Severity)
}

func gradeKnown(class, severity string) error {
	if !slices.Contains(classes, verdict.Class(class)) || !slices.Contains(severities, verdict.Severity(severity)) {
		return fmt.Errorf("class %q or severity %q is none there is", class, severity)
	}
	return nil
}

// compileIndicator checks that an indicator can match at all.
func compileIndicator(p *pack.Pack, ind *pack.Indicator) (*rule, error) {
	r, err := newRule(ind)
	if err != nil {
		return nil, err
	}
	m := &ind.Match
	switch ind.Kind {
	case pack.OnPeer:
		if len(m.Peers) == 0 {
			return nil, errors.New("no peers")
		}
		r.hosts = newHosts(m.Peers)
	case pack.OnHash:
		if len(m.Hashes) == 0 {
			return nil, errors.New("no hashes")
		}
		if !slices.ContainsFunc(p.Places, func(pl evidence.Place) bool { return pl.Hash }) {
			return nil, errors.New("no place asks for hashes")
		}
	case pack.OnFile, pack.OnFolder:
		return r, r.findPlace(p, m.Place)
	default:
		return nil, fmt.Errorf("kind %q is none there is", ind.Kind)
	}
	return r, nil
}

// findPlace binds a rule to its place, which must ask for all that it needs.
func (r *rule) findPlace(p *pack.Pack, id string) error {
	i := slices.IndexFunc(p.Places, func(pl evidence.Place) bool { return pl.ID == id })
	switch {
	case i < 0:
		return fmt.Errorf("no place %q", id)
	case r.Kind == pack.OnFolder && !p.Places[i].Folders:
		return fmt.Errorf("place %q does not ask for folders", id)
	case (r.Kind == pack.OnSetting || len(r.Match.Magic) > 0) && p.Places[i].Content <= 0:
		return fmt.Errorf("place %q does not ask for content", id)
	}
	r.place = &p.Places[i]
	return nil
}

func newOutcome(condition int, o pack.Outcome) outcome {
	return outcome{condition, verdict.Class(o.Class), verdict.Severity(o.Severity), verdict.Class(o.WhenFixed)}
}
