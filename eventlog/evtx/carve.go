package evtx

import (
	"bytes"
	"errors"

	"postern/evidence"
)

// mostKnown is how many records are remembered, so that none is given twice. Of a
// log of more, copies of records that stand later in use may be recovered, too.
const mostKnown = 1 << 20

var errOverwritten = errors.New("a template that was written over")

// carver recovers records from the space of a log that is no longer in use.
type carver struct {
	carving bool // the record in hand stands there
	known   map[identity]struct{}
	remains map[*evidence.Schema]*evidence.Schema // schemas of recovered records
}

// identity tells a record from all others of a log: numbers begin anew when a
// log is cleared.
type identity struct{ id, written uint64 }

// know remembers a record that is in use.
func (d *decoder) know(id, written uint64) {
	if d.opt.Recover && len(d.known) < mostKnown {
		d.known[identity{id, written}] = struct{}{}
	}
}

// carve decides whether a record that was read there is given, and marks it.
func (d *decoder) carve(r *row, id, written uint64) bool {
	if _, known := d.known[identity{id, written}]; known {
		return false
	}
	d.know(id, written)
	d.result.Recovered++
	s := d.remains[r.schema]
	if s == nil {
		with := *r.schema
		with.Recovered = true
		s = &with
		d.remains[r.schema] = s
	}
	r.schema = s
	return true
}

// salvage searches the chunk in hand from pos on for records of an earlier use.
// One counts as such if its size stands at both ends of it and its time is one
// that a log may tell. What does not decode, because what it refers to was written
// over, is counted, and so is one whose end was. The error is emit's.
func (d *decoder) salvage(pos int) error {
	if !d.opt.Recover {
		return nil
	}
	d.carving = true
	defer func() { d.carving = false }()
	for pos+leastRecord <= len(d.chunk) {
		i := bytes.Index(d.chunk[pos:], recMagic)
		if i < 0 {
			break
		}
		pos += i
		size, whole := d.remnant(pos)
		if !whole {
			d.result.Overwritten += int64(min(size, 1))
			pos++ // what was written over its end may hold others
			continue
		}
		if _, err := d.record(pos, size); err != nil {
			d.result.Overwritten++
		}
		if pos += size; len(d.spans) > maxSpans || len(d.arena) > maxArena {
			if err := d.deliver(); err != nil {
				return err
			}
		}
	}
	return d.deliver()
}

// remnant gives the size of a record that begins at pos, 0 for none, and whether it
// has its end. One without whose like is in use, or was given, is none: nothing is lost.
func (d *decoder) remnant(pos int) (size int, whole bool) {
	if pos+leastRecord > len(d.chunk) {
		return 0, false
	}
	size = int(le.Uint32(d.chunk[pos+4:]))
	id, written := le.Uint64(d.chunk[pos+8:]), le.Uint64(d.chunk[pos+16:])
	if year := fromFiletime(written).Year(); size < leastRecord || size > len(d.chunk)-pos || year < 2000 || year > 2200 {
		return 0, false
	}
	_, known := d.known[identity{id, written}]
	if whole = int(le.Uint32(d.chunk[pos+size-4:])) == size; known && !whole {
		return 0, false
	}
	return size, whole
}

// unchanged reports whether the template at an offset is still the one that an
// instance, whose identifier stands at pos, was made of: its identifier is the
// beginning of the template's GUID.
func (d *decoder) unchanged(pos int, at uint32) bool {
	return int64(at)+8 <= int64(len(d.chunk)) && bytes.Equal(d.chunk[pos:pos+4], d.chunk[at+4:at+8])
}
