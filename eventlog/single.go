package eventlog

import (
	"fmt"

	"postern/eventlog/cut"
)

// cutter cuts the lines of one format, each an event of its own.
type cutter interface {
	// Cut cuts a line; false if it is none of the format. What the row holds is
	// valid until Reset.
	Cut(line []byte, row *cut.Row) bool
	Reset()
}

// forkable is a cutter whose lines stand alone.
type forkable interface {
	// Fork gives a cutter that reads lines as this one does now, at the same time.
	Fork() cut.Fork
	// Join takes over what a fork has to tell, in the order of the lines.
	Join(cut.Fork)
}

// resumable is a cutter that can be taken up between two lines.
type resumable interface {
	Keep() cut.State
	// Restore makes it what it was. An error says what no reader keeps.
	Restore(cut.State) error
}

// doubter is a cutter that may have had to guess.
type doubter interface {
	// Doubt says after the last line what may be wrong; "" for nothing.
	Doubt() string
}

// single reads logs whose every line is an event.
type single struct {
	*rows
	cutter cutter
	got    cut.Row
	local  bool // a row showed the host's clock
}

func newSingle(r *rows, c cutter) *single { return &single{rows: r, cutter: c} }

// alone reports whether lines stand alone.
func (p *single) alone([]byte) bool {
	_, ok := p.cutter.(forkable)
	return ok
}

func (p *single) fork(r *rows) parser { return newSingle(r, p.cutter.(forkable).Fork()) }

func (p *single) join(f parser) {
	o := f.(*single)
	p.local = p.local || o.local
	p.cutter.(forkable).Join(o.cutter.(cut.Fork))
}

func (p *single) keep(to *point) bool {
	r, ok := p.cutter.(resumable)
	if ok {
		to.Local, to.Cutter = p.local, r.Keep()
	}
	return ok
}

func (p *single) restore(from *point) error {
	p.local = from.Local
	r, ok := p.cutter.(resumable)
	if !ok || from.Export {
		return errPoint
	}
	if err := r.Restore(from.Cutter); err != nil {
		return fmt.Errorf("%w: %w", errPoint, err)
	}
	return nil
}

// parse reads a block of whole lines. It never holds any back, but for a fork
// those from the first line on that is not for it.
func (p *single) parse(block []byte, _ bool) (held int, err error) {
	p.begin(block)
	p.cutter.Reset()
	forked, _ := p.cutter.(cut.Fork)
	for off := 0; off < len(block); {
		line, n, ended := p.cutLine(block[off:])
		if err := p.take(line, ended); err != nil {
			return 0, err
		}
		if forked != nil && forked.Later() {
			return len(block) - off, p.flush()
		}
		p.lines++
		if ended {
			p.line++
		}
		off += n
	}
	return 0, p.flush()
}

func (p *single) take(line []byte, ended bool) error {
	if len(line) == 0 {
		p.blank++
		return nil
	}
	p.got.Local, p.got.Open, p.got.Spelled = false, false, false
	if !p.cutter.Cut(line, &p.got) {
		if f, is := p.cutter.(cut.Fork); !is || !f.Later() {
			p.notUnderstood(ended)
		}
		return nil
	}
	values, err := p.slot(p.got.Schema)
	if err != nil {
		return err
	}
	copy(values, p.got.Values)
	p.rows.cut = p.rows.cut || !ended && p.got.Open
	p.local = p.local || p.got.Local
	p.add(row{p.got.Schema, values, p.got.Time, p.got.Day, p.line, line, p.got.Spelled})
	return nil
}

// showsLocal reports whether a row showed the host's clock.
func (p *single) showsLocal() bool { return p.local }

// doubt says what the cutter had to guess.
func (p *single) doubt() string {
	if d, guesses := p.cutter.(doubter); guesses {
		return d.Doubt()
	}
	return ""
}
