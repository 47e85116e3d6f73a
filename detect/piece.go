package detect

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"postern/detect/anomaly"
	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

// Piece begins an examination of a part of the source, to be folded in when the
// part was read.
func (x *Examination) Piece() *Examination {
	return &Examination{
		engine: x.engine, os: x.os, files: x.files, partial: x.partial, starts: starts{}, blind: map[string]bool{}, sums: map[string]int{},
		vouched: make([]bool, len(x.engine.windows)), services: map[string]bool{},
	}
}

// Fold takes over all that a piece saw. Its lanes are closed, and it is not used
// again. The result does not depend on the order in which pieces are folded in.
func (x *Examination) Fold(o *Examination) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tally.merge(&o.tally, x.engine.limit())
	for p, times := range o.starts {
		for _, at := range times {
			x.starts.add(p, at)
		}
	}
	x.steps.merge(&o.steps)
	x.ages.Merge(&o.ages)
	x.installs = append(x.installs, o.installs...)
	x.cover = append(x.cover, o.cover...)
	for _, field := range o.ownBlind {
		if !slices.Contains(x.ownBlind, field) {
			x.ownBlind = append(x.ownBlind, field)
		}
	}
	for i, vouched := range o.vouched {
		x.vouched[i] = x.vouched[i] || vouched
	}
	maps.Copy(x.services, o.services)
}

// errPiece marks what is no piece, or none of this engine.
var errPiece = errors.New("detect: no piece of this examination")

// What a piece saw, with names that outlive the process in place of pointers.
type (
	pieceSeen struct {
		Buckets       []pieceBucket
		Steps         []pieceSteps
		Starts        map[string][]time.Time // by pack
		Lost, Undated bool                   // of steps
		Cover         []evidence.Coverage
		OwnBlind      []string
		Vouched       []bool
		Services      []string
		Ages          anomaly.Ages
	}
	pieceBucket struct {
		Rule, Class, Fixed, Label string
		Entry                     int    // of the rule's list, from 1: the first of which the list says About
		About                     string // its ID
		Day                       evidence.Day
		Severity                  string
		Count                     int64
		First, Last               time.Time
		Undated                   bool
		Refs                      []evidence.Ref
	}
	pieceSteps struct {
		By, As, Group, Value string // By: the correlation, As: how it calls the rule
		Minute               int64
		Refs                 []evidence.Ref // of the steps, whose time is the references'
	}
)

// Export gives all that a piece saw of logs as bytes that Import takes, in
// another process too. Installations are not part of it.
func (x *Examination) Export() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := pieceSeen{
		Starts: map[string][]time.Time{}, Lost: x.steps.lost, Undated: x.steps.undated, Cover: x.cover, OwnBlind: x.ownBlind,
		Vouched: x.vouched, Services: slices.Sorted(maps.Keys(x.services)), Ages: x.ages,
	}
	names := x.engine.called()
	for key, b := range x.tally.buckets {
		out.Buckets = append(out.Buckets, pieceBucket{
			key.rule.ID, string(key.class), string(key.fixed), key.label, names.entries[said{key.rule, key.about}], key.about.String(), key.day,
			string(b.severity), b.count, b.first, b.last, b.undated, b.refs,
		})
	}
	for key, have := range x.steps.kept {
		s := pieceSteps{By: key.use.by.rule.ID, As: key.use.as, Group: key.group, Value: key.value, Minute: key.minute}
		for _, step := range have {
			s.Refs = append(s.Refs, step.ref)
		}
		out.Steps = append(out.Steps, s)
	}
	for p, times := range x.starts {
		out.Starts[p.ID] = times
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(out); err != nil {
		return nil, fmt.Errorf("detect: export: %w", err)
	}
	return text.Bytes(), nil
}

// Import folds in what Export gave of a piece held against the same packs and
// rules. An error says what does not fit, and nothing was folded in then.
func (x *Examination) Import(exported []byte) error {
	in, err := decodePiece(exported)
	if err != nil {
		return err
	}
	o := x.Piece()
	o.ages.Merge(&in.Ages)
	for i := range in.Buckets {
		if err := o.takeBucket(&in.Buckets[i]); err != nil {
			return err
		}
	}
	for i := range in.Steps {
		if err := o.takeSteps(&in.Steps[i]); err != nil {
			return err
		}
	}
	for id, times := range in.Starts {
		at := slices.IndexFunc(x.engine.packs, func(p *pack.Pack) bool { return p.ID == id })
		if at < 0 {
			return fmt.Errorf("%w: pack %q is not loaded", errPiece, id)
		}
		for _, t := range times {
			o.starts.add(x.engine.packs[at], t)
		}
	}
	o.steps.lost, o.steps.undated = o.steps.lost || in.Lost, o.steps.undated || in.Undated
	if len(in.Vouched) != len(o.vouched) {
		return fmt.Errorf("%w: it tells of %d sources of Windows events, not %d", errPiece, len(in.Vouched), len(o.vouched))
	}
	o.cover, o.ownBlind, o.vouched = in.Cover, in.OwnBlind, in.Vouched
	for _, service := range in.Services {
		o.services[service] = true
	}
	x.Fold(o)
	return nil
}

// decodePiece reads what Export wrote. gob was not made for hostile input: where
// it gives up, that is an error like any other.
func decodePiece(exported []byte) (in pieceSeen, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPiece, r)
		}
	}()
	if err := gob.NewDecoder(bytes.NewReader(exported)).Decode(&in); err != nil {
		return in, fmt.Errorf("%w: %w", errPiece, err)
	}
	return in, nil
}

// names are what outlives the process of what buckets are counted by.
type names struct {
	rules   map[string]*rule // by id
	entries map[said]int     // the first of a rule's list, from 1
}

// said is what a list says of some of its entries.
type said struct {
	rule  *rule
	about *ioc.About
}

// called gives the names of all that events are counted by, made once.
func (e *Engine) called() *names {
	e.programs.once.Do(func() {
		n := &names{map[string]*rule{}, map[said]int{}}
		for _, r := range slices.Concat(e.events, e.rules) {
			n.rules[r.ID] = r
			for i, entry := range r.entries {
				if key := (said{r, entry.About}); entry.About != nil && n.entries[key] == 0 {
					n.entries[key] = i + 1
				}
			}
		}
		e.programs.names = n
	})
	return e.programs.names
}

// about finds what a list says of an entry; false if it says another thing.
func (r *rule) about(entry int, id string) (*ioc.About, bool) {
	if entry == 0 {
		return nil, id == ""
	}
	if entry < 0 || entry > len(r.entries) || r.entries[entry-1].About.String() != id {
		return nil, false
	}
	return r.entries[entry-1].About, true
}

func (x *Examination) takeBucket(in *pieceBucket) error {
	r := x.engine.called().rules[in.Rule]
	class, fixed, severity := verdict.Class(in.Class), verdict.Class(in.Fixed), verdict.Severity(in.Severity)
	switch {
	case r == nil:
		return fmt.Errorf("%w: rule %q is not loaded", errPiece, in.Rule)
	case !slices.Contains(classes, class), fixed != "" && fixed != nothing && !slices.Contains(classes, fixed), !slices.Contains(severities, severity):
		return fmt.Errorf("%w: rule %q: class %q, %q or severity %q is none there is", errPiece, in.Rule, class, fixed, severity)
	case len(in.Refs) == 0 || in.Count < int64(len(in.Refs)) || len(in.Refs) > x.engine.limit() || !ascending(in.Refs):
		return fmt.Errorf("%w: rule %q: %d references of %d sightings", errPiece, in.Rule, len(in.Refs), in.Count)
	}
	about, known := r.about(in.Entry, in.About)
	if !known {
		return fmt.Errorf("%w: rule %q: its entry %d is not %q", errPiece, in.Rule, in.Entry, in.About)
	}
	b := &bucket{severity, in.Count, in.First, in.Last, in.Undated, in.Refs}
	x.tally.at(bucketKey{r, class, fixed, in.Label, about, in.Day}, x.engine.limit()).merge(b, x.engine.limit())
	return nil
}

func ascending(refs []evidence.Ref) bool {
	for i := 1; i < len(refs); i++ {
		if refs[i-1].Compare(refs[i]) >= 0 {
			return false
		}
	}
	return true
}

func (x *Examination) takeSteps(in *pieceSteps) error {
	u := x.engine.useOf(in.By, in.As)
	switch {
	case u == nil:
		return fmt.Errorf("%w: correlation %q of %q is not loaded", errPiece, in.By, in.As)
	case len(in.Refs) == 0 || len(in.Refs) > stepsAMinute:
		return fmt.Errorf("%w: correlation %q: %d steps of one minute", errPiece, in.By, len(in.Refs))
	}
	var all []step
	for _, ref := range in.Refs {
		if ref.Time.Unix()/60 != in.Minute {
			return fmt.Errorf("%w: correlation %q: a step of another minute", errPiece, in.By)
		}
		all = append(all, step{ref.Time, ref})
	}
	x.steps.add(stepKey{u, in.Group, in.Value, in.Minute}, all...)
	return nil
}

// useOf finds how a correlation looks at a rule that it calls as; nil: it does not.
func (e *Engine) useOf(by, as string) *use {
	for _, r := range e.events {
		for i := range r.event.uses {
			if u := &r.event.uses[i]; u.by.rule.ID == by && u.as == as {
				return u
			}
		}
	}
	return nil
}
