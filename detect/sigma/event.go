package sigma

import "slices"

// Event is one event that rules are held against: what they ask for is spelled and
// folded once. It is used by one goroutine, until End.
type Event struct {
	program *Program
	of      *bound // the rule in hand
	values  [][]byte
	raw     []byte
	cells   []cell // the first is the whole event, for keywords; then the program's columns
	read    []int  // which of cells are
	buffer  []byte // of folded texts
}

// cell is one field of the event.
type cell struct {
	read, isFolded bool
	null           bool     // the event does not have it
	plain          [][]byte // its spellings
	whole          [][]byte // storage of plain, for the whole event
	fold           [][]byte // plain, folded
}

// Buffers that grew beyond these are not kept.
const (
	keptBytes = 1 << 20
	keptTexts = 1 << 10
)

func (e *Event) begin(p *Program, values [][]byte, raw []byte) {
	e.program, e.values, e.raw = p, values, raw
	if need := len(p.columns) + 1; need > len(e.cells) {
		e.cells = append(e.cells, make([]cell, need-len(e.cells))...)
	}
}

// End forgets the event, whose bytes are borrowed. It must not be used after.
func (e *Event) End() {
	p := e.program
	for _, i := range e.read {
		c := &e.cells[i]
		clear(c.whole)
		clear(c.fold)
		*c = cell{whole: c.whole[:0], fold: c.fold[:0]}
		if cap(c.whole)+cap(c.fold) > keptTexts {
			*c = cell{}
		}
	}
	e.program, e.of, e.values, e.raw, e.read = nil, nil, nil, nil, e.read[:0]
	if e.buffer = e.buffer[:0]; cap(e.buffer) > keptBytes {
		e.buffer = nil
	}
	p.events.Put(e)
}

// cell gives a field of the rule in hand, or with keyword the whole event.
func (e *Event) cell(field int) *cell {
	at := 0
	if field != keyword {
		at = e.of.cells[field] + 1
	}
	c := &e.cells[at]
	if c.read {
		return c
	}
	c.read = true
	e.read = append(e.read, at)
	if field == keyword {
		c.whole = append(c.whole[:0], e.raw)
		c.whole = append(c.whole, e.values...)
		if e.program.spell != nil {
			c.whole = append(c.whole, e.program.spell(e.values)...)
		}
		c.plain = slices.DeleteFunc(c.whole, func(v []byte) bool { return v == nil })
		return c
	}
	col := &e.program.columns[at-1]
	there := col.known && col.At >= 0 && col.At < len(e.values) && e.values[col.At] != nil
	c.null = !there
	switch {
	case !col.known:
	case col.Spell != nil:
		c.plain = col.Spell(e.values)
	case there:
		c.plain = e.values[col.At : col.At+1]
	}
	return c
}

// folded gives a cell's spellings with their case folded.
func (e *Event) folded(c *cell) [][]byte {
	if c.isFolded {
		return c.fold
	}
	c.isFolded = true
	for _, text := range c.plain {
		if !isFolded(text) {
			start := len(e.buffer)
			e.buffer = fold(e.buffer, text)
			text = e.buffer[start:len(e.buffer):len(e.buffer)]
		}
		c.fold = append(c.fold, text)
	}
	return c.fold
}
