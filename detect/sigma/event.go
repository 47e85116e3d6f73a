package sigma

import "slices"

// event is one event while one rule is held against it: what the rule asks for
// is spelled and folded once.
type event struct {
	columns []column
	values  [][]byte
	raw     []byte
	spell   func([][]byte) [][]byte // as Program.spell
	cells   []cell                  // the first is the whole event, for keywords; then the rule's fields
	buffer  []byte                  // of folded texts
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

func (e *event) begin(columns []column, values [][]byte, raw []byte) {
	e.columns, e.values, e.raw = columns, values, raw
	if need := len(columns) + 1; need > len(e.cells) {
		e.cells = append(e.cells, make([]cell, need-len(e.cells))...)
	}
}

// end forgets the event, whose bytes are borrowed.
func (e *event) end() {
	for i := range e.cells[:len(e.columns)+1] {
		c := &e.cells[i]
		if !c.read {
			continue
		}
		clear(c.whole)
		clear(c.fold)
		*c = cell{whole: c.whole[:0], fold: c.fold[:0]}
		if cap(c.whole)+cap(c.fold) > keptTexts {
			*c = cell{}
		}
	}
	e.columns, e.values, e.raw, e.spell = nil, nil, nil, nil
	if e.buffer = e.buffer[:0]; cap(e.buffer) > keptBytes {
		e.buffer = nil
	}
}

// cell gives a field, or with keyword the whole event.
func (e *event) cell(field int) *cell {
	c := &e.cells[field+1]
	if c.read {
		return c
	}
	c.read = true
	if field == keyword {
		c.whole = append(c.whole[:0], e.raw)
		c.whole = append(c.whole, e.values...)
		if e.spell != nil {
			c.whole = append(c.whole, e.spell(e.values)...)
		}
		c.plain = slices.DeleteFunc(c.whole, func(v []byte) bool { return v == nil })
		return c
	}
	col := &e.columns[field]
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
func (e *event) folded(c *cell) [][]byte {
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
