package detect

import (
	"slices"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

// program is the engine's rules compiled for one schema: conditions stand by
// position, and what the schema cannot answer has dropped out.
type program struct {
	schema   *evidence.Schema
	events   []boundRule
	peers    []*rule
	known    *peers // what peers ask for
	starts   []*start
	message  int      // position of the message, -1: none
	outbound bool     // the log shows whom we went to
	blind    []string // roles the format should have and this schema lacks, that rules need
}

type boundRule struct {
	*rule
	hinge    int // position of the value with the rule's literals, if it is decoded before it is compared; -1: as it stands
	where    []test
	outcomes []boundOutcome
}

type boundOutcome struct {
	where    []test
	class    verdict.Class
	severity verdict.Severity
	fixed    verdict.Class // instead of class while the build was proven fixed; "" for none
}

// test is one condition and the position of the value it holds against.
type test struct {
	*pack.Condition
	at int
}

// roleNames are the roles as packs and operators call them.
var roleNames = [evidence.NumRoles]string{"address", "account", "agent", "method", "path", "query", "status", "host", "message"}

// outboundLogs are the log source categories (Sigma taxonomy) whose records
// name whom we contacted, not who contacted us.
var outboundLogs = map[string]bool{"proxy": true, "firewall": true, "dns": true, "network_connection": true}

// compile binds the rules to a schema.
func (e *Engine) compile(s *evidence.Schema) *program {
	family := e.family(s)
	p := &program{schema: s, message: int(s.Roles[evidence.RoleMessage]), outbound: outboundLogs[s.Source.Category]}
	lacking := map[string]bool{}
	for _, r := range e.rules {
		if !r.inFamily(family) {
			continue
		}
		switch r.Kind {
		case pack.OnPeer:
			p.peers = append(p.peers, r)
		case pack.OnEvent:
			where, missing := bind(s, r.Match.Where)
			if missing == "" {
				p.events = append(p.events, boundRule{rule: r, hinge: r.decoded(where), where: where, outcomes: bindOutcomes(s, r.Match.Outcomes)})
			} else if e.formats[s.Format].Layout == "w3c" && len(r.Match.Families) > 0 && !lacking[missing] {
				lacking[missing] = true
				p.blind = append(p.blind, missing)
			}
		}
	}
	p.known = newPeers(p.peers)
	for _, st := range e.starts {
		if p.message >= 0 && st.reads(s.Format) {
			p.starts = append(p.starts, st)
		}
	}
	return p
}

// bind finds the position of every condition; missing names the first role or
// field that the schema lacks.
func bind(s *evidence.Schema, conditions []pack.Condition) (tests []test, missing string) {
	for i := range conditions {
		c := &conditions[i]
		at, name := -1, c.Field
		switch {
		case c.Field != "":
			at = s.Index(c.Field)
		case c.Role < evidence.NumRoles:
			at, name = int(s.Roles[c.Role]), roleNames[c.Role]
		}
		if at < 0 {
			return nil, name
		}
		tests = append(tests, test{c, at})
	}
	return tests, ""
}

func bindOutcomes(s *evidence.Schema, outcomes []pack.Outcome) []boundOutcome {
	var all []boundOutcome
	for _, o := range outcomes {
		if where, missing := bind(s, o.Where); missing == "" {
			all = append(all, boundOutcome{where, verdict.Class(o.Class), verdict.Severity(o.Severity), verdict.Class(o.WhenFixed)})
		}
	}
	return all
}

func holds(tests []test, values [][]byte) bool {
	for _, t := range tests {
		var value []byte
		if t.at < len(values) {
			value = values[t.at]
		}
		if !t.Holds(value) {
			return false
		}
	}
	return true
}

// grade is what a match is: the first outcome that holds, or the rule's own
// class and severity.
func (b *boundRule) grade(values [][]byte) sighting {
	for _, o := range b.outcomes {
		if holds(o.where, values) {
			return sighting{b.rule, o.class, o.severity, b.Label, o.fixed}
		}
	}
	return sighting{b.rule, b.class, b.severity, b.Label, ""}
}

// match holds one event against the program and reports what it is to found.
func (p *program) match(l *literals, e *evidence.Event, found func(sighting)) {
	respelled := among(e.Hits, l.path)
	for i := range p.events {
		b := &p.events[i]
		if l.spares(e.Hits, b.ids, respelled && mayHide(e.Values, b.hinge)) || !holds(b.where, e.Values) {
			continue
		}
		found(b.grade(e.Values))
	}
	var hosts *mentions
	hidden := among(e.Hits, l.peer)
	for _, r := range p.peers {
		if l.spares(e.Hits, r.ids, hidden) {
			continue
		}
		if hosts == nil {
			if hosts = p.mentioned(e); !p.known.any(hosts) {
				break
			}
		}
		if s, ok := hosts.sight(r, e.Time); ok {
			found(s)
		}
	}
}

// started reports whether the event says that a pack's product started.
func (p *program) started(l *literals, e *evidence.Event, st *start) bool {
	return p.message < len(e.Values) && !l.spares(e.Hits, st.ids, false) && st.pack.Starts.Match(e.Values[p.message])
}

// start is how one pack's product says that it started.
type start struct {
	pack *pack.Pack
	ids  []uint32
}

// reads reports whether a format is one of the pack's own.
func (st *start) reads(format string) bool {
	return slices.ContainsFunc(st.pack.Logs, func(f evidence.LogFormat) bool { return f.ID == format })
}
