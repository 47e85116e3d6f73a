package winjson

import (
	"slices"

	"postern/evidence"
)

const (
	maxWaiting = 1 << 16 // values that wait for delivery
	maxArena   = 2 << 20 // bytes of their text
)

// span is a value's place in the arena; from -1: there is none.
type span struct{ from, to int32 }

// row is one event that waits.
type row struct {
	event    evidence.Event
	spans    int
	from, to int // its text
}

// batches gathers events: values in one arena, a line each, as evtx does.
type batches struct {
	arena  []byte
	spans  []span
	rows   []row
	cells  [][]byte
	events []evidence.Event
	batch  evidence.EventBatch
}

// put writes one value of the row in hand; nil: it has none.
func (b *batches) put(value []byte) {
	if value == nil {
		b.spans = append(b.spans, span{-1, -1})
		return
	}
	from := len(b.arena)
	b.arena = append(b.arena, value...)
	b.spans = append(b.spans, span{int32(from), int32(len(b.arena))})
	b.arena = append(b.arena, '\n') // no literal stands across two values
}

// join writes several values as one of the row in hand, a line each.
func (b *batches) join(values [][]byte) {
	if len(values) == 0 {
		b.put(nil)
		return
	}
	from := len(b.arena)
	for i, v := range values {
		if i > 0 {
			b.arena = append(b.arena, '\n')
		}
		b.arena = append(b.arena, v...)
	}
	b.spans = append(b.spans, span{int32(from), int32(len(b.arena))})
	b.arena = append(b.arena, '\n')
}

// deliver hands the rows on, those of one schema that stand together in one batch.
func (d *reader) deliver() error {
	if len(d.rows) == 0 {
		return nil
	}
	d.cells, d.events = d.cells[:0], d.events[:0]
	d.cells = slices.Grow(d.cells, len(d.spans))
	for i := range d.rows {
		d.row(&d.rows[i])
	}
	if err := d.batch.Deliver(d.events, d.emit); err != nil {
		return err
	}
	d.arena, d.spans, d.rows = d.arena[:0], d.spans[:0], d.rows[:0]
	return nil
}

// row makes the event of a row.
func (d *reader) row(r *row) {
	e, have := r.event, len(d.cells)
	for _, s := range d.spans[r.spans : r.spans+len(e.Fields)] {
		if s.from < 0 {
			d.cells = append(d.cells, nil)
			continue
		}
		d.cells = append(d.cells, d.arena[s.from:s.to:s.to])
	}
	e.Values, e.Raw, e.Verbatim = d.cells[have:len(d.cells):len(d.cells)], d.arena[r.from:r.to:r.to], true
	d.events = append(d.events, e)
}
