package winjson

import (
	"cmp"
	"slices"

	"postern/evidence"
)

const (
	maxWaiting = 1 << 16 // values that wait for delivery
	maxArena   = 2 << 20 // bytes of their text
)

// hit is one literal of the prefilter at an offset of the arena.
type hit struct {
	off int
	id  uint32
}

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
	hits   []hit
	onHit  func(id uint32, off int)
	ids    []uint32
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

// deliver searches the text of the rows for literals and hands them on, those of
// one schema that stand together in one batch. The text is UTF-8 without
// escapes: Hits are known.
func (d *reader) deliver() error {
	if len(d.rows) == 0 {
		return nil
	}
	d.hits, d.ids, d.cells, d.events = d.hits[:0], d.ids[:0], d.cells[:0], d.events[:0]
	if d.opt.Prefilter != nil {
		d.opt.Prefilter(d.arena, d.onHit)
		slices.SortFunc(d.hits, func(a, b hit) int { return cmp.Compare(a.off, b.off) })
	}
	d.cells, d.ids = slices.Grow(d.cells, len(d.spans)), slices.Grow(d.ids, len(d.hits))
	next := 0
	for i := range d.rows {
		next = d.row(&d.rows[i], next)
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

// row makes the event of a row. Hits come ascending; next is the first that no
// row before has taken.
func (d *reader) row(r *row, next int) int {
	e, have := r.event, len(d.cells)
	for _, s := range d.spans[r.spans : r.spans+len(e.Fields)] {
		if s.from < 0 {
			d.cells = append(d.cells, nil)
			continue
		}
		d.cells = append(d.cells, d.arena[s.from:s.to:s.to])
	}
	e.Values, e.Raw = d.cells[have:len(d.cells):len(d.cells)], d.arena[r.from:r.to:r.to]
	if d.opt.Prefilter != nil {
		e.Hits.Known = true
		first := len(d.ids)
		for ; next < len(d.hits) && d.hits[next].off < r.to; next++ {
			d.ids = append(d.ids, d.hits[next].id)
		}
		ids := d.ids[first:]
		slices.Sort(ids)
		ids = slices.Compact(ids)
		d.ids = d.ids[:first+len(ids)]
		e.Hits.IDs = ids[:len(ids):len(ids)]
	}
	d.events = append(d.events, e)
	return next
}
