package yara

import (
	"context"
	"fmt"
	"io"
	"sync"

	"postern/detect/yara/atom"
	"postern/detect/yara/module"
	"postern/detect/yara/rx"
)

type pool struct{ sync.Pool }

// scan is the state of one content held against the rules.
type scan struct {
	*Rules
	content
	ctx       context.Context
	externals []module.Value
	inputs    []*module.Input
	matched   []bool  // rules that hold
	matches   []int   // the same, in order
	fate      []state // of rules: whether their predicates hold
	holds     []state // of predicates
	open      bits    // rules whose condition is to be evaluated
	spans     [][]span
	touched   []int
	unordered map[int]bool // slots whose matches are not in order
	kept      int          // matches kept
	limit     *LimitError  // the first limit that was met
	vars      []module.Value
	current   int // the string that $ stands for
	machine   rx.Machine
	input     rx.Input
	pattern   *pattern // the one being matched
	found     func(from, to int)
	peek      func(at int, e *atom.Entry)
	alive     func() bool
	steps     int  // turns of loops and places looked at
	stopped   bool // the context has ended
}

func newScan(r *Rules) *scan {
	s := &scan{Rules: r, matched: make([]bool, len(r.rules)), fate: make([]state, len(r.rules)), holds: make([]state, len(r.predicates)),
		open: newBits(len(r.rules)), spans: make([][]span, len(r.owner)), inputs: make([]*module.Input, len(r.modules)), unordered: map[int]bool{}}
	s.found, s.peek, s.alive = s.record, s.look, s.ask
	s.machine.Going = s.alive
	return s
}

// Scan holds one content of the given size against all rules in one pass.
// externals override the declared values for this content. found is called for
// each rule that holds and is not private, in the order of compilation.
//
// It returns the content's own read errors wrapped, the context's error when
// that ended first, and a *LimitError when something was cut, after everything
// that could be told was told. Safe for concurrent use.
func (r *Rules) Scan(ctx context.Context, content io.ReaderAt, size int64, externals map[string]any, found func(Match)) error {
	s := r.pool.Get().(*scan)
	defer r.pool.Put(s)
	if err := s.begin(ctx, content, size, externals); err != nil {
		return err
	}
	defer s.reset()
	if err := s.search(); err != nil {
		return err
	}
	s.settleAll()
	s.link()
	s.judge()
	s.tell(found)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.err != nil:
		return s.err
	case s.limit != nil:
		return s.limit
	}
	return nil
}

func (s *scan) begin(ctx context.Context, r io.ReaderAt, size int64, externals map[string]any) error {
	s.ctx, s.stopped = ctx, false
	s.content = content{r: r, more: s.alive, size: max(size, 0), data: s.data[:0], aside: s.aside[:0]}
	s.externals = append(s.externals[:0], s.values...)
	for name, v := range externals {
		x, ok := s.Rules.externals[name]
		if !ok {
			return fmt.Errorf("yara: external variable %q is not declared", name)
		}
		value := module.Of(v)
		if value.Kind != x.kind {
			return fmt.Errorf("yara: external variable %q: %T given, %s declared", name, v, x.kind)
		}
		s.externals[x.index] = value
	}
	s.kept, s.limit = 0, nil
	clear(s.unordered)
	clear(s.matched)
	clear(s.fate)
	clear(s.holds)
	copy(s.open, s.always)
	s.matches = s.matches[:0]
	clear(s.inputs)
	return nil
}

// reset gives back what the next scan must not see.
func (s *scan) reset() {
	for _, slot := range s.touched {
		if cap(s.spans[slot]) > 4096 {
			s.spans[slot] = nil
		}
		s.spans[slot] = s.spans[slot][:0]
	}
	s.touched = s.touched[:0]
	if cap(s.aside) > 1<<20 {
		s.aside = nil
	}
	clear(s.inputs)
	s.r, s.ctx = nil, nil
}

// search finds the strings of all rules that can still hold.
func (s *scan) search() error {
	window := s.opt.Window
	half := 2 * s.margin
	if s.size > int64(window) {
		window = max(window, 8*half)
	}
	for base := int64(0); ; base += int64(window - 2*half) {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.load(base, window); err != nil {
			return err
		}
		last := base+int64(len(s.data)) >= s.size
		// An atom near an edge of the window is left to the neighbour, who
		// sees all around it.
		low, high := 0, len(s.data)
		if base > 0 {
			low = half
		}
		if !last {
			high -= half
		}
		s.input = rx.Input{Data: s.data, Begin: base == 0, End: last}
		if err := s.pass(low, high); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
}

// state is what is known of a rule or predicate.
type state uint8

const (
	unasked state = iota
	yes
	no
)

// dead tells whether a cheap part of the rule's condition does not hold.
func (s *scan) dead(rule int) bool {
	if s.fate[rule] == unasked {
		s.fate[rule] = yes
		for _, n := range s.rules[rule].needs {
			if s.holds[n] == unasked {
				s.holds[n] = no
				if s.predicates[n](s).True() {
					s.holds[n] = yes
				}
			}
			if s.holds[n] == no {
				s.fate[rule] = no
				break
			}
		}
	}
	return s.fate[rule] == no
}

// pass looks for matches whose atom begins in [low, high) of the window.
func (s *scan) pass(low, high int) error {
	const turn = 1 << 20 // how often the context is asked
	for at := low; at < high; at += turn {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		end := min(at+turn, high)
		s.index.Scan(s.data, at, end, s.peek)
		for _, i := range s.everywhere {
			p := &s.patterns[i]
			if str := s.strings[p.str]; s.dead(str.rule) || str.brief && len(s.spans[p.slot]) >= str.most {
				continue
			}
			s.pattern = p
			for k := at; k < end; k++ {
				if p.Starts(s.data[k]) {
					p.Match(&s.machine, &s.input, k, 0, 0, s.found)
				}
				if !s.going() {
					return s.ctx.Err()
				}
			}
		}
	}
	return nil
}

// look holds the pattern of an atom against the place it may stand at.
func (s *scan) look(at int, e *atom.Entry) {
	p := &s.patterns[e.ID]
	str := s.strings[p.str]
	if s.going() && !s.dead(str.rule) && !(str.brief && len(s.spans[p.slot]) >= str.most) {
		s.pattern = p
		p.Match(&s.machine, &s.input, at, int(e.Back), e.Key, s.found)
	}
}

// module returns what module i makes of the content.
func (s *scan) module(i int) *module.Input {
	if s.inputs[i] == nil {
		s.inputs[i] = s.modules[i].Open(&s.content)
	}
	return s.inputs[i]
}

// room makes place for n variables of loops.
func (s *scan) room(n int) {
	for len(s.vars) < n {
		s.vars = append(s.vars, module.Value{})
	}
}

// ask asks the context whether the scan may go on.
func (s *scan) ask() bool {
	s.stopped = s.stopped || s.ctx.Err() != nil
	return !s.stopped
}

// going does so now and then, for loops of short turns.
func (s *scan) going() bool {
	if s.steps++; s.steps&0xff == 0 {
		return s.ask()
	}
	return !s.stopped
}
