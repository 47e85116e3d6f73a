package evidencetest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"sync"

	"postern/evidence"
)

// Sink records all it is given, as copies. Safe for concurrent use; read its
// fields after Collect has returned.
type Sink struct {
	mu       sync.Mutex
	Covered  []evidence.Coverage
	Observed []evidence.Observation // Content is a copy in memory
	Events   []evidence.Event
	Open     int // lanes not closed yet
}

// Cover implements evidence.Sink.
func (s *Sink) Cover(c evidence.Coverage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Covered = append(s.Covered, c)
}

// Lane implements evidence.Sink.
func (s *Sink) Lane(evidence.Ref) evidence.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Open++
	return &lane{sink: s}
}

// Gaps returns the rows with Missed set, by path and reason.
func (s *Sink) Gaps() []evidence.Coverage {
	gaps := slices.DeleteFunc(slices.Clone(s.Covered), func(c evidence.Coverage) bool { return c.Missed == nil })
	slices.SortStableFunc(gaps, func(a, b evidence.Coverage) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Missed.Reason, b.Missed.Reason))
	})
	return gaps
}

// Installations returns the installations observed, by path.
func (s *Sink) Installations() []evidence.Installation {
	var all []evidence.Installation
	for _, o := range s.Observed {
		if o.Installation != nil {
			all = append(all, *o.Installation)
		}
	}
	slices.SortStableFunc(all, func(a, b evidence.Installation) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// Of returns the observations of one kind, in the order they came.
func (s *Sink) Of(kind evidence.ObservationKind) []evidence.Observation {
	return slices.DeleteFunc(slices.Clone(s.Observed), func(o evidence.Observation) bool { return o.Kind != kind })
}

type lane struct {
	sink   *Sink
	closed bool
}

// Observe copies the fact and reads its content as a rule would: all of it.
func (l *lane) Observe(_ context.Context, o *evidence.Observation) error {
	kept := *o
	kept.Values = slices.Clone(o.Values)
	var fail error
	if o.Content != nil {
		data, err := io.ReadAll(io.NewSectionReader(o.Content, 0, o.Size))
		if err == nil && int64(len(data)) < o.Size {
			err = evidence.ErrTruncated
		}
		if err != nil {
			fail = &evidence.ReadError{Err: err}
		}
		kept.Content = bytes.NewReader(data)
	}
	if o.Installation != nil {
		inst := *o.Installation
		kept.Installation = &inst
	}
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	l.sink.Observed = append(l.sink.Observed, kept)
	return fail
}

// Events copies the rows.
func (l *lane) Events(b *evidence.EventBatch) error {
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	for _, e := range b.Events {
		values := make([][]byte, len(e.Values))
		for i, v := range e.Values {
			values[i] = bytes.Clone(v)
		}
		e.Values, e.Raw = values, bytes.Clone(e.Raw)
		if e.Schema == nil {
			e.Schema = b.Schema
		}
		l.sink.Events = append(l.sink.Events, e)
	}
	return nil
}

// Close counts the lane as done, once.
func (l *lane) Close() error {
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.sink.Open--
	}
	return nil
}
