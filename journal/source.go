package journal

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"postern/detect"
	"postern/evidence"
)

// Name is what a journal calls the source that has a number among those of the
// same work: all that what its logs mean takes from outside of them, but for their
// own names and dates. What was kept of a source that has another is left aside.
func Name(number int, src *evidence.Source) string {
	partial := "whole"
	if src.Partial {
		partial = "partial"
	}
	return fmt.Sprintf("%d %s %s %s %s %s", number, src.Kind, partial, cmp.Or(string(src.ID.OS), "unknown"), zoneName(src.ID.Zone), src.Target)
}

// zoneName tells a zone by its name and its offsets: the name of a host's own says
// nothing.
func zoneName(zone *time.Location) string {
	if zone == nil {
		return "none"
	}
	sum := sha256.New()
	from, to := time.Date(1980, 1, 1, 0, 0, 0, 0, zone), time.Date(2080, 1, 1, 0, 0, 0, 0, zone)
	last := -1
	for at := from; at.Before(to); at = at.Add(24 * time.Hour) {
		if _, offset := at.Zone(); offset != last {
			fmt.Fprintln(sum, at.Unix(), offset)
			last = offset
		}
	}
	return fmt.Sprintf("%q:%x", zone, sum.Sum(nil)[:8])
}

// Of gives the sink of one source: it keeps what is read of the source's logs,
// and passes all on to out, which is run's. name tells the source from the others
// of the same work, see Name. A nil journal gives out itself.
func (j *Journal) Of(name string, run *detect.Examination, out evidence.Sink) evidence.Sink {
	if j == nil {
		return out
	}
	p, _ := out.(evidence.Planner)
	return &source{out, p, j, name, run}
}

// source is the sink of one source.
type source struct {
	evidence.Sink
	planner evidence.Planner // nil: nobody watches
	journal *Journal
	name    string
	run     *detect.Examination
}

// Plan implements evidence.Planner.
func (s *source) Plan(bytes int64) {
	if s.planner != nil {
		s.planner.Plan(bytes)
	}
}

// Read implements evidence.Planner.
func (s *source) Read(bytes int64) {
	if s.planner != nil {
		s.planner.Read(bytes)
	}
}

// Kept implements evidence.Keeper.
func (s *source) Kept(name evidence.Name) evidence.Kept {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	k := &kept{source: s, name: string(name)}
	if e := s.journal.logs[key{s.name, k.name}]; e != nil {
		k.entry = *e
	}
	k.piece = k.begin()
	return k
}

// kept is one log.
type kept struct {
	*source
	name  string
	entry entry  // of an earlier run
	last  []byte // the state kept last; nil: nothing that counts was kept
	piece *piece
}

// piece is the sink of a piece of a log.
type piece struct {
	*detect.Examination
	mu    sync.Mutex
	cover []evidence.Coverage
}

// Cover takes a row. See evidence.Sink.
func (p *piece) Cover(c evidence.Coverage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cover = append(p.cover, c)
}

func (k *kept) begin() *piece { return &piece{Examination: k.run.Piece()} }

// State implements evidence.Kept.
func (k *kept) State() (state []byte, whole bool) { return k.entry.state, k.entry.whole }

// Sink implements evidence.Kept.
func (k *kept) Sink() evidence.Sink { return k.piece }

// TakeOver implements evidence.Kept.
func (k *kept) TakeOver() error {
	all := k.begin()
	if err := k.load(all); err != nil {
		err = fmt.Errorf("journal: what was kept of %q cannot be used, and it was read anew: %w", k.name, err)
		k.journal.strange(err)
		return err
	}
	k.last = k.entry.state
	k.fold(all)
	return nil
}

// load reads what was kept into a piece.
func (k *kept) load(all *piece) error {
	for _, at := range k.entry.at {
		var r record
		k.journal.mu.Lock()
		whole, err := k.journal.read(at, k.journal.end, &r)
		k.journal.mu.Unlock()
		switch {
		case err != nil:
			return err
		case !whole || r.Name != k.name || r.Source != k.source.name:
			return fmt.Errorf("%w: its record at byte %d is another one now", ErrNone, at)
		}
		if err := all.Import(r.Seen); err != nil {
			return err
		}
		all.cover = append(all.cover, r.Cover...)
	}
	return nil
}

// fold gives a piece to the source's sink.
func (k *kept) fold(p *piece) {
	k.run.Fold(p.Examination)
	for _, c := range p.cover {
		k.source.Sink.Cover(c)
	}
}

// Keep implements evidence.Kept.
func (k *kept) Keep(state []byte, whole bool) evidence.Sink {
	if state != nil {
		seen, err := k.piece.Export()
		if err != nil {
			k.journal.strange(err) // what is kept behind it will not count
		} else {
			k.journal.keep(&record{k.source.name, k.name, k.last == nil, sumOf(k.last), state, whole, seen, k.piece.cover})
		}
		k.last = state
	}
	k.fold(k.piece)
	k.piece = k.begin()
	return k.piece
}
