package evtx

import (
	"slices"

	"postern/evidence"
)

const (
	maxSpans = 1 << 16 // values that wait for delivery, more or less
	maxArena = 1 << 20 // bytes of their text
)

// deliver hands the rows on, those of one schema that stand together in one batch.
func (d *decoder) deliver() error {
	if len(d.rows) == 0 {
		return nil
	}
	d.events, d.cells = d.events[:0], d.cells[:0]
	d.cells = slices.Grow(d.cells, len(d.spans))
	for i := range d.rows {
		d.event(&d.rows[i])
	}
	if err := d.batch.Deliver(d.events, d.emit); err != nil {
		return err
	}
	d.arena, d.spans, d.rows = d.arena[:0], d.spans[:0], d.rows[:0]
	return nil
}

// event makes the event of a row.
func (d *decoder) event(r *row) {
	have := len(d.cells)
	for _, s := range d.spans[r.spans : int(r.spans)+len(r.schema.Fields)] {
		if s.from < 0 {
			d.cells = append(d.cells, nil)
			continue
		}
		d.cells = append(d.cells, d.arena[s.from:s.to:s.to])
	}
	e := evidence.Event{
		Schema: r.schema, Values: d.cells[have:len(d.cells):len(d.cells)], Time: r.at, Ref: d.opt.Ref, Raw: d.arena[r.from:r.to:r.to], Verbatim: true,
	}
	e.Ref.At = r.id
	d.events = append(d.events, e)
}
