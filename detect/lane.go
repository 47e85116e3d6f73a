package detect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"postern/detect/anomaly"
	"postern/evidence"
	"postern/verdict"
)

// Examination is the evidence.Sink of one source. Its methods are safe for
// concurrent use; Result is called once, after every lane was closed.
type Examination struct {
	engine  *Engine
	os      evidence.OS
	files   bool
	partial bool
	ungated bool // every rule is held against every event, for tests to compare with

	mu       sync.Mutex
	tally    tally
	steps    steps
	starts   starts
	ages     anomaly.Ages
	installs []evidence.Installation
	cover    []evidence.Coverage
	sums     map[string]int  // where in cover rows stand that others add to
	blind    map[string]bool // gaps for lacking columns, said once per file
	ownBlind []string        // columns that the operator's own rules lack in a log
	vouched  []bool          // of Engine.windows: an event was of it
	services map[string]bool // of event logs of Windows that were read
	watch    watch
}

// Lane opens a lane. See evidence.Sink.
func (x *Examination) Lane(ref evidence.Ref) evidence.Lane {
	return &lane{x: x, ref: ref}
}

// Cover takes a coverage row. See evidence.Sink.
func (x *Examination) Cover(c evidence.Coverage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.engine.byAddress() {
		c.Peers = nil // whoever they were, nothing follows from it
	}
	if c.Adds {
		key := fmt.Sprint(c.Kind, c.Parts, c.Path)
		if i, known := x.sums[key]; known {
			x.cover[i].Count, x.cover[i].Bytes = x.cover[i].Count+c.Count, x.cover[i].Bytes+c.Bytes
			return
		}
		x.sums[key] = len(x.cover)
	}
	x.cover = append(x.cover, c)
}

// Coverage returns all rows so far, by kind, path and time.
func (x *Examination) Coverage() []evidence.Coverage {
	x.mu.Lock()
	defer x.mu.Unlock()
	return sortCoverage(slices.Clone(x.cover))
}

// lane counts on its own and is folded in at Close.
type lane struct {
	x        *Examination
	ref      evidence.Ref
	tally    tally
	steps    steps
	starts   starts
	ages     anomaly.Ages
	installs []evidence.Installation
	schema   *evidence.Schema // of the program
	program  *program
	programs map[*evidence.Schema]*program // of the file's schemas, which may take turns
	vouched  map[*program]bool             // for what they vouch, noted
	shown    map[bucketKey]*verdict.Finding
	look     *look
}

// Events takes rows of one schema. See evidence.Lane.
func (l *lane) Events(batch *evidence.EventBatch) error {
	e := l.x.engine
	if l.look == nil { // files come without
		l.starts, l.look = starts{}, newLook(e.literals, l.x.ungated)
		l.programs, l.vouched = map[*evidence.Schema]*program{}, map[*program]bool{}
	}
	if l.schema != batch.Schema {
		p := l.programs[batch.Schema]
		if p == nil {
			p = e.program(batch.Schema)
			l.programs[batch.Schema] = p
			l.x.sayBlind(l.ref.Path, p.blind)
			l.x.noteBlind(p.ownBlind)
			l.x.noteServices(batch.Schema)
		}
		l.schema, l.program = batch.Schema, p
	}
	p, k := l.program, l.look
	if len(p.vouches) > 0 {
		l.vouch(p, batch)
	}
	for i := range batch.Events {
		event := &batch.Events[i]
		k.at(p, event)
		if len(k.rules) > 0 {
			p.match(k.rules, event, func(s sighting, by []stepper) {
				l.add(s, event.Ref, event.Time, event.Text)
				l.steps.sight(by, event)
			})
		}
		if k.peers {
			p.matchPeers(event, func(s sighting) { l.add(s, event.Ref, event.Time, event.Text) })
		}
		if k.agent {
			p.matchAgents(event, func(s sighting) { l.add(s, event.Ref, event.Time, event.Text) })
		}
		if k.start {
			for _, st := range p.starts {
				if p.started(event, st) {
					l.starts.add(st.pack, event.Time)
				}
			}
		}
	}
	return nil
}

// sayBlind covers columns that rules need and a log does not have: what they
// would have shown was not logged.
func (x *Examination) sayBlind(path string, roles []string) {
	if len(roles) == 0 {
		return
	}
	gap := evidence.Gap(evidence.CoverLog, path, evidence.CompromisedThen, evidence.LowLevel, "no column for "+strings.Join(roles, ", ")+"; rules that need it were not held against this log")
	x.mu.Lock()
	defer x.mu.Unlock()
	if key := gap.Path + "\x00" + gap.Missed.Detail; !x.blind[key] {
		x.blind[key] = true
		x.cover = append(x.cover, gap)
	}
}

// noteBlind keeps what the operator's own rules lack, for one gap of all logs: in
// a large set some rule asks for what hardly anybody logs.
func (x *Examination) noteBlind(fields []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, field := range fields {
		if !slices.Contains(x.ownBlind, field) {
			x.ownBlind = append(x.ownBlind, field)
		}
	}
}

func (l *lane) add(s sighting, ref evidence.Ref, at time.Time, text func() []byte) {
	e := l.x.engine
	key := bucketKey{rule: s.rule, class: s.class, fixed: s.fixed, label: s.label, about: s.about}
	if s.class == verdict.Failed || s.fixed != "" {
		key.day = dayKey(at, e.interest.Required.From, e.opt.Now)
	}
	l.tally.at(key, e.limit()).add(s, ref, at, text, e.limit())
	if l.x.watch.see != nil {
		l.show(key, ref, at, text)
	}
}

// Observe takes one fact. See evidence.Lane.
func (l *lane) Observe(ctx context.Context, o *evidence.Observation) error {
	switch o.Kind {
	case evidence.ObserveProduct:
		if o.Installation != nil {
			l.installs = append(l.installs, copyInstallation(o.Installation))
		}
	case evidence.ObserveFile, evidence.ObserveFolder:
		return l.observePath(ctx, o)
	case evidence.ObserveAutostart, evidence.ObserveSetting, evidence.ObserveAccount, evidence.ObserveProcess, evidence.ObserveTrace:
		l.observeLeft(o)
	}
	return nil
}

func copyInstallation(i *evidence.Installation) evidence.Installation {
	c := *i
	c.Signals, c.Changes, c.Notes = slices.Clone(i.Signals), slices.Clone(i.Changes), slices.Clone(i.Notes)
	return c
}

// Close folds the lane into its examination, once.
func (l *lane) Close() error {
	x, limit := l.x, l.x.engine.limit()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tally.merge(&l.tally, limit)
	for p, times := range l.starts {
		for _, at := range times {
			x.starts.add(p, at)
		}
	}
	x.steps.merge(&l.steps)
	x.ages.Merge(&l.ages)
	x.installs = append(x.installs, l.installs...)
	l.steps, l.starts, l.ages, l.installs = steps{}, starts{}, anomaly.Ages{}, nil
	return nil
}
