package detect

import (
	"errors"
	"fmt"
	"slices"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

// rule is one compiled indicator.
type rule struct {
	*pack.Indicator
	class    verdict.Class // of a match that no outcome refines
	severity verdict.Severity
	place    *evidence.Place // for OnFile, OnFolder
	ids      []uint32        // prefilter literals, any of which stands in whatever the rule matches; nil: evaluate always
}

var (
	classes    = []verdict.Class{verdict.State, verdict.Lead, verdict.Scan, verdict.Attempt, verdict.Failed, verdict.Success}
	severities = []verdict.Severity{verdict.Info, verdict.Low, verdict.Medium, verdict.High, verdict.Critical}
)

// compileRule checks that an indicator can match at all.
func compileRule(p *pack.Pack, ind *pack.Indicator) (*rule, error) {
	r := &rule{Indicator: ind, class: verdict.Class(ind.Class), severity: verdict.Severity(ind.Severity)}
	if !slices.Contains(classes, r.class) || !slices.Contains(severities, r.severity) {
		return nil, fmt.Errorf("class %q or severity %q is none there is", ind.Class, ind.Severity)
	}
	for _, o := range ind.Match.Outcomes {
		if !slices.Contains(classes, verdict.Class(o.Class)) || !slices.Contains(severities, verdict.Severity(o.Severity)) {
			return nil, fmt.Errorf("outcome with class %q or severity %q, which is none there is", o.Class, o.Severity)
		}
	}
	m := &ind.Match
	switch ind.Kind {
	case pack.OnEvent:
		if len(m.Where) == 0 {
			return nil, errors.New("no condition: it would match every event")
		}
	case pack.OnPeer:
		if len(m.Peers) == 0 {
			return nil, errors.New("no peers")
		}
	case pack.OnHash:
		if len(m.Hashes) == 0 {
			return nil, errors.New("no hashes")
		}
		if !slices.ContainsFunc(p.Places, func(pl evidence.Place) bool { return pl.Hash }) {
			return nil, errors.New("no place asks for hashes")
		}
	case pack.OnFile, pack.OnFolder:
		return r, r.findPlace(p)
	default:
		return nil, fmt.Errorf("kind %q is none there is", ind.Kind)
	}
	return r, nil
}

// findPlace binds a rule to its place, which must ask for all that it needs.
func (r *rule) findPlace(p *pack.Pack) error {
	m := &r.Match
	i := slices.IndexFunc(p.Places, func(pl evidence.Place) bool { return pl.ID == m.Place })
	switch {
	case i < 0:
		return fmt.Errorf("no place %q", m.Place)
	case r.Kind == pack.OnFolder && !p.Places[i].Folders:
		return fmt.Errorf("place %q does not ask for folders", m.Place)
	case m.TestsContent() && p.Places[i].Content <= 0:
		return fmt.Errorf("place %q does not ask for content", m.Place)
	}
	r.place = &p.Places[i]
	return nil
}

// inFamily reports whether the rule is held against logs of a family. A family
// nobody knows is held against everything: leaving it out would be silence.
func (r *rule) inFamily(family string) bool {
	return len(r.Match.Families) == 0 || family == "" || slices.Contains(r.Match.Families, family)
}

// decoded gives the position of the value with the rule's literals, where an
// encoder may have spelled it otherwise; -1 if it is compared as it stands.
func (r *rule) decoded(where []test) int {
	if i := r.hinge(); i >= 0 && mayEncode(where[i].Condition) {
		return where[i].at
	}
	return -1
}

// mayEncode reports a condition over a path or query, which pack.Condition
// decodes before it compares.
func mayEncode(c *pack.Condition) bool {
	if c.Field != "" {
		return c.Field == "cs-uri-stem" || c.Field == "cs-uri-query"
	}
	return c.Role == evidence.RolePath || c.Role == evidence.RoleQuery
}
