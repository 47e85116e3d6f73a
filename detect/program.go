package detect

import (
	"fmt"
	"slices"
	"strings"

	"postern/detect/sigma"
	"postern/evidence"
	"postern/pack"
)

// program is the engine's rules compiled for one schema: conditions stand by
// position, and what the schema cannot answer has dropped out. Schemas of the
// same format, source and fields share one.
type program struct {
	sigma    *sigma.Program
	rules    []*rule          // by index of sigma's rules
	labels   []int            // indices of rules that only label
	always   []int            // indices of rules without literals
	literal  map[uint32][]int // indices of rules by their literals
	wanted   []uint64         // a bit for each literal: is it in literal
	encodes  bool             // values are percent-decoded before they are compared
	path     int              // position of a path that is tidied before it is compared, -1: none
	seek     *seeker          // for the literals of rules, peers and starts
	peers    *peerRules
	steps    [][]stepper // by index: how correlations look at a rule's sightings
	address  int         // position of the client's address, -1: none
	agent    int         // position of what the client calls itself, -1: none
	agents   []*rule     // of lists, about what the client calls itself
	anyAgent bool        // one of agents has no literals
	starts   []*start
	anyStart bool     // one of starts has no literals
	message  int      // position of the message, -1: none
	outbound bool     // the log shows whom we went to
	began    int      // position of whether we began it, -1: we always did
	blind    []string // what rules need and logs of this format have, and this schema lacks
	ownBlind []string // what the operator's do
	vouches  []int    // of Engine.windows: what events of the schema are of
}

// outboundLogs are the log source categories (Sigma taxonomy) whose records
// name whom we contacted, not who contacted us.
var outboundLogs = map[string]bool{"proxy": true, "firewall": true, "dns": true, "dns_query": true, "network_connection": true}

// mostPrograms is how many programs are kept; there are a few hundred shapes of
// events on a machine.
const mostPrograms = 8192

// program finds or compiles the program of a schema.
func (e *Engine) program(s *evidence.Schema) *program {
	key := fmt.Sprint(s.Format, s.Source, s.Also) + "\x00" + strings.Join(s.Fields, "\x00")
	for _, at := range s.Roles {
		key += string(rune(at + 1))
	}
	if p, known := e.programs.byKey.Load(key); known {
		return p.(*program)
	}
	p := e.compile(s)
	if e.programs.kept.Add(1) <= mostPrograms {
		kept, _ := e.programs.byKey.LoadOrStore(key, p)
		return kept.(*program)
	}
	return p // a file of ever new shapes may cost time, not memory
}

// compile binds the rules to a schema.
func (e *Engine) compile(s *evidence.Schema) *program {
	p := &program{
		address: int(s.Roles[evidence.RoleAddress]), agent: int(s.Roles[evidence.RoleAgent]), message: int(s.Roles[evidence.RoleMessage]),
		outbound: outboundLogs[s.Source.Category], began: s.Index("Initiated"), literal: map[uint32][]int{},
		wanted: make([]uint64, len(e.literals.texts)/64+1), path: -1, peers: e.peers, encodes: len(e.peers.rules)+len(e.agents) > 0,
	}
	fit := map[*sigma.Rule]*rule{}
	var wanted []*sigma.Rule
	var may []*rule
	cols := columns{e.sourced(s)}
	p.vouches = e.vouches(cols.Schema)
	for _, r := range e.events {
		if cols.Source == (evidence.LogSource{}) || fitsAny(r.event.Source, cols.Schema) {
			wanted, may = append(wanted, r.event.Rule), append(may, r)
			fit[r.event.Rule] = r
		}
	}
	p.seek = e.literals.seek
	if webLogs[cols.Source.Category] {
		p.encodes, p.path = true, int(cols.Roles[evidence.RolePath])
		if len(s.Also) == 0 { // else other rules than the source's may be for it
			p.seek = e.literals.forWeb(cols.Source, may)
		}
	}
	p.sigma = sigma.Compile(wanted, cols.resolve)
	for i := range p.sigma.Len() {
		r := fit[p.sigma.Rule(i)]
		delete(fit, p.sigma.Rule(i))
		p.add(cols, r)
	}
	p.lack(e, cols, slices.DeleteFunc(may, func(r *rule) bool { return fit[r.event.Rule] == nil }))
	if p.agent >= 0 {
		p.agents = e.agents
		p.anyAgent = slices.ContainsFunc(p.agents, func(r *rule) bool { return r.ids == nil })
	}
	for _, st := range e.starts {
		if p.message >= 0 && st.reads(s.Format) {
			p.starts = append(p.starts, st)
			p.anyStart = p.anyStart || st.always
		}
	}
	return p
}

// lack notes what rules that can't hold here lack: columns that other logs have.
func (p *program) lack(e *Engine, cols columns, left []*rule) {
	format := e.formats[cols.Format]
	for _, of := range left {
		switch r := of.event.Rule; {
		case format.Layout == "evtx" && r.Source.Category == "": // one of many kinds of event, and the rule is about another
		case format.Layout == "evtx" && of.own: // older systems record less of the same event
			p.ownBlind = append(p.ownBlind, slices.DeleteFunc(cols.lacking(r), func(field string) bool { return !knownField(cols.Schema, field) })...)
		case format.Layout == "evtx":
			p.blind = append(p.blind, cols.lacking(r)...)
		case !chosen(format.Layout, cols.Schema):
		case of.own:
			p.ownBlind = append(p.ownBlind, slices.DeleteFunc(cols.lacking(r), func(field string) bool { return !hasField(&format, field) })...)
		default:
			p.blind = append(p.blind, cols.lacking(r)...)
		}
	}
	if len(e.agents) > 0 && p.agent < 0 && p.address >= 0 && webLogs[cols.Source.Category] {
		p.ownBlind = append(p.ownBlind, "the user agents of your lists")
	}
	for _, blind := range []*[]string{&p.blind, &p.ownBlind} {
		slices.Sort(*blind)
		*blind = slices.Compact(*blind)
	}
}

// sourced is a schema with its format's log source where it states none. A log
// that nobody knows the source of is held against every rule: leaving it out
// would be silence.
func (e *Engine) sourced(s *evidence.Schema) *evidence.Schema {
	if s.Source != (evidence.LogSource{}) {
		return s
	}
	with := *s
	with.Source = e.formats[s.Format].Source
	return &with
}

// fitsAny reports whether a rule is meant for what a schema's events are.
func fitsAny(want sigma.LogSource, s *evidence.Schema) bool {
	return want.Fits(sourceOf(s.Source)) || slices.ContainsFunc(s.Also, func(also evidence.LogSource) bool { return want.Fits(sourceOf(also)) })
}

func sourceOf(s evidence.LogSource) sigma.LogSource {
	return sigma.LogSource{Product: s.Product, Category: s.Category, Service: s.Service}
}

// add takes the next rule of the compiled ones.
func (p *program) add(cols columns, r *rule) {
	i := len(p.rules)
	p.rules = append(p.rules, r)
	by, lacking := cols.steppers(r)
	p.steps = append(p.steps, by)
	p.blind = append(p.blind, lacking...)
	if r.event.label {
		p.labels = append(p.labels, i)
		return
	}
	if len(r.event.ids) == 0 || cols.rewords(r.event.fields) {
		p.always = append(p.always, i)
		return
	}
	for _, id := range r.event.ids {
		p.literal[id] = append(p.literal[id], i)
		p.wanted[id>>6] |= 1 << (id & 63)
	}
}

// match holds one event against the rules that may match it and reports what it
// is to found.
func (p *program) match(may []int, e *evidence.Event, found func(sighting, []stepper)) {
	of := p.sigma.On(e.Values, e.Raw)
	defer of.End()
	labelled, label := false, ""
	for _, i := range may {
		if p.rules[i].event.label || !of.Match(i) {
			continue
		}
		if !labelled {
			labelled, label = true, p.label(of)
			if e.Recovered {
				label = note(label, labelRecovered)
			}
		}
		s := p.grade(i, of)
		s.label = note(s.label, label)
		found(s, p.steps[i])
	}
}

// label gives the labels that hold for an event.
func (p *program) label(of *sigma.Event) (label string) {
	for _, i := range p.labels {
		if of.Match(i) {
			label = note(label, p.rules[i].Label)
		}
	}
	return label
}

// grade is what a match is: the first outcome that holds, or the rule's own
// class and severity.
func (p *program) grade(i int, of *sigma.Event) sighting {
	r := p.rules[i]
	for _, o := range r.event.outcomes {
		if of.Holds(i, o.condition) {
			return sighting{rule: r, class: o.class, severity: o.severity, label: r.Label, fixed: o.fixed}
		}
	}
	return sighting{rule: r, class: r.class, severity: r.severity, label: r.Label}
}

// started reports whether the event says that a pack's product started.
func (p *program) started(e *evidence.Event, st *start) bool {
	return p.message < len(e.Values) && st.pack.Starts.Match(e.Values[p.message])
}

// start is how one pack's product says that it started.
type start struct {
	pack   *pack.Pack
	always bool // no literal tells that a message may be one
}

// addStarts takes how a pack's product says that it started.
func (e *Engine) addStarts(p *pack.Pack) {
	ids := e.literals.mark(ofStarts, e.literals.intern(fromRegexp(p.Starts)))
	e.starts = append(e.starts, &start{pack: p, always: ids == nil})
}

// reads reports whether a format is one of the pack's own.
func (st *start) reads(format string) bool {
	return slices.ContainsFunc(st.pack.Logs, func(f evidence.LogFormat) bool { return f.ID == format })
}
