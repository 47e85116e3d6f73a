package evtx

import (
	"slices"

	"postern/evidence"
)

const (
	maxSpans = 1 << 16 // values that wait for delivery, more or less
	maxArena = 1 << 20 // bytes of their text
)

// hit is one literal of the prefilter at an offset of the arena.
type hit struct {
	off int
	id  uint32
}

// deliver searches the text of the rows for literals and hands them on, those of
// one schema that stand together in one batch. The text is UTF-8, so that
// whoever owns the literals can say what else spells one: Hits are known.
func (d *decoder) deliver() error {
	if len(d.rows) == 0 {
		return nil
	}
	d.hits, d.hitIDs, d.events, d.cells = d.hits[:0], d.hitIDs[:0], d.events[:0], d.cells[:0]
	if d.opt.Prefilter != nil {
		d.opt.Prefilter(d.arena, d.onHit)
	}
	d.cells = slices.Grow(d.cells, len(d.spans))
	d.hitIDs = slices.Grow(d.hitIDs, len(d.hits))
	next := 0
	for i := range d.rows {
		next = d.event(&d.rows[i], next)
	}
	for from, i := 0, 1; i <= len(d.events); i++ {
		if i < len(d.events) && d.events[i].Schema == d.events[from].Schema {
			continue
		}
		d.batch = evidence.EventBatch{Schema: d.events[from].Schema, Events: d.events[from:i]}
		if err := d.emit(&d.batch); err != nil {
			return err
		}
		from = i
	}
	d.arena, d.spans, d.rows = d.arena[:0], d.spans[:0], d.rows[:0]
	return nil
}

// event makes the event of a row. Hits come ascending; next is the first that
// no row before has taken.
func (d *decoder) event(r *row, next int) int {
	have := len(d.cells)
	for _, s := range d.spans[r.spans : int(r.spans)+len(r.schema.Fields)] {
		if s.from < 0 {
			d.cells = append(d.cells, nil)
			continue
		}
		d.cells = append(d.cells, d.arena[s.from:s.to:s.to])
	}
	e := evidence.Event{
		Schema: r.schema, Values: d.cells[have:len(d.cells):len(d.cells)], Time: r.at, Ref: d.opt.Ref, Raw: d.arena[r.from:r.to:r.to],
	}
	e.Ref.At = r.id
	if d.opt.Prefilter != nil {
		e.Hits.Known = true
		first := len(d.hitIDs)
		for ; next < len(d.hits) && d.hits[next].off < int(r.to); next++ {
			d.hitIDs = append(d.hitIDs, d.hits[next].id)
		}
		ids := d.hitIDs[first:]
		slices.Sort(ids)
		ids = slices.Compact(ids)
		d.hitIDs = d.hitIDs[:first+len(ids)]
		e.Hits.IDs = ids[:len(ids):len(ids)]
	}
	d.events = append(d.events, e)
	return next
}
