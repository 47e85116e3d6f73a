package evtx

import (
	"cmp"
	"time"

	"postern/evidence"
)

const (
	maxText      = 1 << 20  // of a record
	maxChunkText = 16 << 20 // of a chunk
	maxPlans     = 4096
	maxPlanBytes = 4 << 20 // of canonical forms a file
	maxColumns   = 1 << 18 // of all shapes of a file
)

// decoder reads one file. Its memory is reused from chunk to chunk.
type decoder struct {
	walker
	opt      Options
	emit     func(*evidence.EventBatch) error
	result   *Result
	noSums   bool
	promised int64 // chunks
	whole    int64 // chunks there

	carver

	at        int64 // of the chunk in the file
	text      int   // bytes of text of its records
	recovered bool  // records stand behind the end that the chunk's header gives

	plans     map[string]*plan // by place and canonical form
	planBytes int
	planned   uint32           // how many were ever compiled
	columns   int              // of all shapes
	templates map[uint32]*plan // of the chunk in hand, by offset and place
	shapes    map[shapeKey]*shape
	schemas   map[string]*evidence.Schema // by source and fields
	fragments []fragment                  // of the record in hand
	values    []value                     // theirs

	arena []byte // text of the chunk's events
	spans []span
	rows  []row

	channel     *channel
	channelName []byte
	channels    map[string]struct{}
	hosts       Hosts
	cleared     bool // the record in hand says that a log was
	day         evidence.Day
	days        map[evidence.Day]struct{}
	ids         []IDs
	tooMany     bool // runs of them

	events []evidence.Event
	cells  [][]byte
	batch  evidence.EventBatch
}

// span is a value's place in the arena; from -1: there is none.
type span struct{ from, to int32 }

// row is one event that waits for its chunk's end.
type row struct {
	schema   *evidence.Schema
	at       time.Time
	id       int64
	spans    int32 // where its spans begin
	from, to int32 // its text
}

func newDecoder(opt Options, emit func(*evidence.EventBatch) error) *decoder {
	d := &decoder{
		opt: opt, emit: emit, result: &Result{}, plans: map[string]*plan{}, templates: map[uint32]*plan{},
		shapes: map[shapeKey]*shape{}, schemas: map[string]*evidence.Schema{}, channels: map[string]struct{}{}, days: map[evidence.Day]struct{}{},
	}
	d.opt.Ref.Unit = evidence.Record
	if opt.Recover {
		d.known, d.remains = map[identity]struct{}{}, map[*evidence.Schema]*evidence.Schema{}
	}
	return d
}

func (d *decoder) begin(chunk []byte, at int64) {
	d.chunk, d.at, d.spent, d.text = chunk, at, 0, 0
	clear(d.templates)
	d.arena, d.spans, d.rows = d.arena[:0], d.spans[:0], d.rows[:0]
}

// record decodes one record; an error means that nothing of it was, or with
// partly that the rest of it was not.
func (d *decoder) record(pos, size int) (partly bool, err error) {
	id, written := le.Uint64(d.chunk[pos+8:]), le.Uint64(d.chunk[pos+16:])
	d.fragments, d.values = d.fragments[:0], d.values[:0]
	_, err = d.binary(pos+recordHeader, pos+size-4, atRoot)
	if len(d.fragments) == 0 {
		return false, cmp.Or(err, errShort)
	}
	s := d.shape()
	if ticks, ok := d.ticks(s); ok {
		written = ticks
	}
	at := fromFiletime(written)
	r := row{at: at, id: int64(id), spans: int32(len(d.spans)), from: int32(len(d.arena))}
	for i := range s.columns {
		from := len(d.arena)
		var there bool
		d.arena, there = d.append(d.arena, &s.columns[i])
		if n := len(d.arena) - int(r.from); n > maxText || d.text+n > maxChunkText {
			d.arena, d.spans = d.arena[:r.from], d.spans[:r.spans]
			return false, errLarge
		}
		if !there {
			d.spans = append(d.spans, span{-1, -1})
			continue
		}
		d.spans = append(d.spans, span{int32(from), int32(len(d.arena))})
		d.arena = append(d.arena, '\n') // no literal stands across two values
	}
	r.to = int32(len(d.arena))
	d.text += int(r.to - r.from)
	if r.schema = d.schema(s, d.spans[r.spans:]); r.schema == nil {
		d.arena, d.spans = d.arena[:r.from], d.spans[:r.spans]
		return false, errShapes
	}
	if d.carving {
		if err != nil || !d.carve(&r, id, written) {
			d.arena, d.spans = d.arena[:r.from], d.spans[:r.spans]
			return false, err
		}
	} else {
		d.inUse(s, &r, written, err)
	}
	if !at.IsZero() && !d.opt.Review.Holds(at) {
		d.arena, d.spans = d.arena[:r.from], d.spans[:r.spans]
		return err != nil, err
	}
	d.rows = append(d.rows, r)
	return err != nil, err
}

// inUse counts a record that was decoded, in part if err says so.
func (d *decoder) inUse(s *shape, r *row, written uint64, err error) {
	if err != nil {
		d.result.Partial++
	}
	d.know(uint64(r.id), written)
	d.count(uint64(r.id), r.at)
	d.told(s, uint64(r.id), r.at, d.spans[r.spans:])
}

// count notes a record that was decoded.
func (d *decoder) count(id uint64, at time.Time) {
	d.see(id)
	if at.IsZero() {
		return
	}
	if day := evidence.DayOf(at); day != d.day {
		d.day = day
		d.days[day] = struct{}{}
	}
	switch {
	case d.result.From.IsZero():
		d.result.From, d.result.To = at, at
	case at.Before(d.result.From):
		d.result.From = at
	case at.After(d.result.To):
		d.result.To = at
	}
}

// told notes what a record says of its computer, and of a log that was cleared.
func (d *decoder) told(s *shape, id uint64, at time.Time, values []span) {
	d.hosts.Add(d.written(values, s.machine), at)
	if d.cleared {
		d.result.Clears.Add(Clear{id, at, d.clearedOf(s, values)}, d.opt.Required)
	}
}

// shape finds what the record in hand has in common with others.
func (d *decoder) shape() *shape {
	var key shapeKey
	for i, f := range d.fragments {
		key[i] = f.plan.id
	}
	s := d.shapes[key]
	if s == nil {
		plans := make([]*plan, len(d.fragments))
		for i, f := range d.fragments {
			plans[i] = f.plan
		}
		s = newShape(plans)
		if d.columns += len(s.columns); len(d.shapes) >= maxShapes || d.columns > maxColumns {
			clear(d.shapes)
			d.columns = len(s.columns)
		}
		d.shapes[key] = s
	}
	return s
}

// binary decodes a stream of Binary XML: a header, and a template's instance or
// elements.
func (d *decoder) binary(pos, end int, from place) (int, error) {
	for pos < end {
		token := d.chunk[pos] &^ more
		var err error
		switch token {
		case tokenEnd:
			return pos + 1, nil
		case tokenHeader:
			pos += 4
		case tokenTemplate:
			pos, err = d.instance(pos+1, end, from)
		case tokenOpen:
			pos, err = d.bare(pos, end, from)
		case tokenPITarget, tokenPIData:
			pos, err = d.content(token, pos+1, end)
		default:
			err = errToken
		}
		if err != nil {
			return pos, err
		}
	}
	return pos, nil
}

// instance decodes a template's instance: one byte, the template's identifier,
// where its definition stands, which may be right here, and the values.
func (d *decoder) instance(pos, end int, from place) (int, error) {
	at, err := u32(d.chunk, pos+5, end)
	if err != nil {
		return pos, err
	}
	if d.carving && !d.unchanged(pos+1, at) {
		return pos, errOverwritten
	}
	pos += 9
	p, size, err := d.template(at, from)
	if err != nil {
		return pos, err
	}
	if int(at) == pos {
		pos += size
	}
	return d.take(p, pos, end)
}

// take reads the values of an instance: their count, size and type of each, and
// then all of them; and what of them is Binary XML.
func (d *decoder) take(p *plan, pos, end int) (int, error) {
	count, err := u32(d.chunk, pos, end)
	if err != nil {
		return pos, err
	}
	pos += 4
	if int64(count) > int64(end-pos)/4 {
		return pos, errShort
	}
	first := len(d.values)
	at, nested := pos+4*int(count), false
	for ; count > 0; count-- {
		size, kind := int(le.Uint16(d.chunk[pos:])), d.chunk[pos+2]
		pos += 4
		if at+size > end {
			err = errShort // those before it are sound
			break
		}
		d.values = append(d.values, value{kind, uint16(at), uint16(size)})
		at += size
		nested = nested || kind == kindXML
	}
	if joined := d.join(p, first); joined != nil || err != nil {
		return at, cmp.Or(joined, err)
	}
	if !nested {
		return at, nil
	}
	for _, n := range p.nested {
		if first+n.sub >= len(d.values) || n.sub < 0 {
			continue
		}
		if v := d.values[first+n.sub]; v.kind == kindXML && v.size > 0 {
			if _, err := d.binary(int(v.at), int(v.at)+int(v.size), n.from); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}

// join adds a fragment to the record in hand; its values begin at first.
func (d *decoder) join(p *plan, first int) error {
	if len(d.fragments) >= maxFragments {
		return errFragment
	}
	d.fragments = append(d.fragments, fragment{p, d.values[first:len(d.values):len(d.values)]})
	return nil
}

// template finds or compiles the template at an offset of the chunk: offset of
// the next, GUID, size, and a fragment (libevtx, "Template definition").
func (d *decoder) template(at uint32, from place) (p *plan, size int, err error) {
	if int64(at)+24 > int64(len(d.chunk)) {
		return nil, 0, errShort
	}
	body := int(at) + 24
	length := le.Uint32(d.chunk[body-4:])
	end := len(d.chunk)
	if int64(length) < int64(end-body) {
		end = body + int(length)
	}
	key := at<<3 | uint32(from)
	if p = d.templates[key]; p != nil {
		return p, end - int(at), nil
	}
	d.out = append(d.out[:0], byte(from), 't')
	d.lift = false
	if body < end && d.chunk[body] == tokenHeader {
		body += 4
	}
	if _, err = d.element(body, end, true); err != nil {
		return nil, 0, err
	}
	if p, err = d.plan(from); err == nil {
		d.templates[key] = p
	}
	return p, end - int(at), err
}

// bare decodes an element that stands outside of a template. Whether such
// elements have dependency identifiers depends on who wrote them: both are tried.
func (d *decoder) bare(pos, end int, from place) (int, error) {
	d.lift = true
	var next int
	var err error
	for _, dependent := range [2]bool{from == atRoot, from != atRoot} {
		d.out, d.taken = append(d.out[:0], byte(from), 'e'), d.taken[:0]
		if next, err = d.element(pos, end, dependent); err == nil {
			break
		}
	}
	if err != nil {
		return pos, err
	}
	p, err := d.plan(from)
	if err != nil {
		return pos, err
	}
	first := len(d.values)
	d.values = append(d.values, d.taken...)
	return next, d.join(p, first)
}

// plan finds or compiles the plan of the form just written.
func (d *decoder) plan(from place) (*plan, error) {
	p := d.plans[string(d.out)]
	if p != nil {
		return p, nil
	}
	if p = compile(d.out[2:], from); p == nil {
		return nil, errLarge
	}
	if d.planBytes += len(d.out); len(d.plans) >= maxPlans || d.planBytes > maxPlanBytes {
		clear(d.plans)
		d.planBytes = len(d.out)
	}
	d.planned++
	p.id = d.planned
	d.plans[string(d.out)] = p
	return p, nil
}
