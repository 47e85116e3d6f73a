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
	decoded  []int            // indices of rules whose literals may be spelled otherwise in hinges
	hinges   []int            // positions of values that are decoded before they are compared
	steps    [][]stepper      // by index: how correlations look at a rule's sightings
	address  int              // position of the client's address, -1: none
	starts   []*start
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
		address: int(s.Roles[evidence.RoleAddress]), message: int(s.Roles[evidence.RoleMessage]),
		outbound: outboundLogs[s.Source.Category], began: s.Index("Initiated"), literal: map[uint32][]int{},
	}
	fit := map[*sigma.Rule]*rule{}
	var wanted []*sigma.Rule
	cols := columns{e.sourced(s)}
	p.vouches = e.vouches(cols.Schema)
	for _, r := range e.events {
		if cols.Source == (evidence.LogSource{}) || fitsAny(r.event.Source, cols.Schema) {
			wanted = append(wanted, r.event.Rule)
			fit[r.event.Rule] = r
		}
	}
	p.sigma = sigma.Compile(wanted, cols.resolve)
	for i := range p.sigma.Len() {
		r := fit[p.sigma.Rule(i)]
		delete(fit, p.sigma.Rule(i))
		p.add(cols, r)
	}
	for _, r := range wanted { // what is left can't hold here for want of a column
		format := e.formats[s.Format]
		switch left := fit[r]; {
		case left == nil:
		case format.Layout == "evtx" && r.Source.Category == "": // one of many kinds of event, and the rule is about another
		case format.Layout == "evtx" && left.own: // older systems record less of the same event
			p.ownBlind = append(p.ownBlind, slices.DeleteFunc(cols.lacking(r), func(field string) bool { return !knownField(s, field) })...)
		case format.Layout == "evtx":
			p.blind = append(p.blind, cols.lacking(r)...)
		case !chosen(format.Layout, s):
		case left.own:
			p.ownBlind = append(p.ownBlind, slices.DeleteFunc(cols.lacking(r), func(field string) bool { return !hasField(&format, field) })...)
		default:
			p.blind = append(p.blind, cols.lacking(r)...)
		}
	}
	for _, blind := range []*[]string{&p.blind, &p.ownBlind} {
		slices.Sort(*blind)
		*blind = slices.Compact(*blind)
	}
	for _, st := range e.starts {
		if p.message >= 0 && st.reads(s.Format) {
			p.starts = append(p.starts, st)
		}
	}
	return p
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
	if len(r.event.ids) == 0 {
		p.always = append(p.always, i)
		return
	}
	for _, id := range r.event.ids {
		p.literal[id] = append(p.literal[id], i)
	}
	if cols.decodes(r.event.fields) {
		p.decoded = append(p.decoded, i)
		for _, role := range []evidence.Role{evidence.RolePath, evidence.RoleQuery} {
			if at := int(cols.Roles[role]); at >= 0 && !slices.Contains(p.hinges, at) {
				p.hinges = append(p.hinges, at)
			}
		}
	}
}

// candidates lists the rules that may match an event, ascending, into dst:
// all of them, unless the prefilter proves that a rule's literals are not there.
func (p *program) candidates(l *literals, e *evidence.Event, dst []int) []int {
	dst = dst[:0]
	if !e.Hits.Known || among(e.Hits, l.fold) {
		for i := range p.rules {
			dst = append(dst, i)
		}
		return dst
	}
	dst = append(dst, p.always...)
	for _, id := range e.Hits.IDs {
		dst = append(dst, p.literal[id]...)
	}
	if len(p.decoded) > 0 && among(e.Hits, l.path) && slices.ContainsFunc(p.hinges, func(at int) bool { return mayHide(e.Values, at) }) {
		dst = append(dst, p.decoded...)
	}
	slices.Sort(dst)
	return slices.Compact(dst)
}

// match holds one event against the rules and reports what it is to found.
func (p *program) match(l *literals, e *evidence.Event, scratch *[]int, found func(sighting, []stepper)) {
	*scratch = p.candidates(l, e, *scratch)
	labelled, label := false, ""
	for _, i := range *scratch {
		r := p.rules[i]
		if r.event.label || !p.sigma.Match(i, e.Values, e.Raw) {
			continue
		}
		if !labelled {
			labelled, label = true, p.label(e)
		}
		s := p.grade(i, e)
		s.label = note(s.label, label)
		found(s, p.steps[i])
	}
}

// label gives the labels that hold for an event.
func (p *program) label(e *evidence.Event) (label string) {
	for _, i := range p.labels {
		if p.sigma.Match(i, e.Values, e.Raw) {
			label = note(label, p.rules[i].Label)
		}
	}
	return label
}

// grade is what a match is: the first outcome that holds, or the rule's own
// class and severity.
func (p *program) grade(i int, e *evidence.Event) sighting {
	r := p.rules[i]
	for _, o := range r.event.outcomes {
		if p.sigma.Holds(i, o.condition, e.Values, e.Raw) {
			return sighting{r, o.class, o.severity, r.Label, o.fixed}
		}
	}
	return sighting{r, r.class, r.severity, r.Label, ""}
}

// started reports whether the event says that a pack's product started.
func (p *program) started(l *literals, e *evidence.Event, st *start) bool {
	return p.message < len(e.Values) && !l.spares(e.Hits, st.ids) && st.pack.Starts.Match(e.Values[p.message])
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
