package eventlog

import (
	"bytes"
	"regexp"
	"time"

	"postern/eventlog/cut"
	"postern/eventlog/jsonline"
	"postern/evidence"
)

// forms reads logs of the "lines" layout: the first of a pack's forms that
// fits cuts the line, and lines that continue it belong to its record.
type forms struct {
	*rows
	forms []*form
	cont  *regexp.Regexp
	cal   calendar
	zone  *time.Location
	local bool   // a line showed the host's clock
	trial []span // of the line being tried
	open  record
}

// span is a value's place, counted from the first byte the form was held to.
type span struct{ from, to int }

// record is a record whose continuation lines may still come.
type record struct {
	form      *form // nil: none is open
	start     int   // of its first line, in the block
	text      int   // of the form's first byte, in the block
	end       int   // of its last line, without its end
	line      int64
	at        time.Time
	day       evidence.Day
	spans     []span
	continued int64
	blank     int64 // empty lines after its first line
}

func newForms(r *rows, format *evidence.LogFormat, cal calendar) *forms {
	p := &forms{rows: r, cont: format.Cont, cal: cal, zone: cal.zone}
	for i := range format.Forms {
		if f := newForm(format, &format.Forms[i]); f != nil {
			p.forms = append(p.forms, f)
			p.trial = make([]span, max(len(p.trial), len(f.schema.Fields)))
		}
	}
	return p
}

// showsLocal reports whether a line showed the host's clock.
func (p *forms) showsLocal() bool { return p.local }

// doubt says why days may be wrong.
func (p *forms) doubt() string { return p.cal.doubt() }

func (p *forms) keep(to *point) bool { to.Clock, to.Local = p.cal.keep(), p.local; return true }

func (p *forms) restore(from *point) error {
	p.cal.restore(from.Clock)
	p.local = from.Local
	return nil
}

// parse reads a block of whole lines. It holds back the last record while
// lines that continue it may come, or until it is maxRecord long.
func (p *forms) parse(block []byte, last bool) (held int, err error) {
	p.begin(block)
	for off := 0; off < len(block); {
		line, n, ended := p.cutLine(block[off:])
		if err := p.take(block, line, off, ended); err != nil {
			return 0, err
		}
		if ended {
			p.line++
		}
		off += n
	}
	if size := len(block) - p.open.start; p.open.form != nil && !last && size < maxRecord {
		held, p.line, p.open.form = size, p.open.line, nil
	} else if err := p.emit(block); err != nil {
		return 0, err
	}
	return held, p.flush()
}

// take puts one line where it belongs: a record of its own, the record before
// it, or the lines not understood.
func (p *forms) take(block, line []byte, off int, ended bool) error {
	if len(line) == 0 {
		if p.open.form != nil {
			p.open.blank++
		} else {
			p.lines, p.blank = p.lines+1, p.blank+1
		}
		return nil
	}
	prefix, day := datePrefix(line)
	for _, f := range p.forms {
		if !f.typed && p.continues(line) {
			break // it would fit any line
		}
		at, ok := f.match(line[prefix:], p.trial, p.zone)
		if !ok {
			continue
		}
		if err := p.emit(block); err != nil {
			return err
		}
		p.start(f, at, day)
		p.open.start, p.open.text, p.open.end, p.open.line = off, off+prefix, off+len(line), p.line
		p.cut = p.cut || !ended && f.free
		return nil
	}
	if p.continues(line) {
		p.open.continued++
		p.open.end = off + len(line)
		p.cut = p.cut || !ended
		return nil
	}
	if err := p.emit(block); err != nil {
		return err
	}
	p.lines++
	p.notUnderstood(ended)
	return nil
}

// continues reports whether a line may belong to the open record.
func (p *forms) continues(line []byte) bool {
	return p.open.form != nil && p.cont != nil && p.cont.Match(line)
}

// when is what a line says of its time.
type when struct {
	clock time.Duration
	at    time.Time // zero: it has no stamp
	day   evidence.Day
	local bool // the stamp is the host's clock
}

// start opens a record of a form. A day of its own wins over the file's, a stamp
// over both.
func (p *forms) start(f *form, at when, day time.Time) {
	p.open = record{form: f, spans: append(p.open.spans[:0], p.trial[:len(f.schema.Fields)]...)}
	p.local = p.local || at.local || f.timed && at.at.IsZero()
	switch {
	case !at.at.IsZero():
		p.open.at, p.open.day = at.at, at.day
	case day.IsZero() && !p.cal.known:
	case !f.timed:
		if day.IsZero() {
			day = p.cal.day
		}
		p.open.day = evidence.DayOf(day)
	case day.IsZero():
		p.open.at, p.open.day = p.cal.at(at.clock)
	default:
		p.open.at, p.open.day = p.cal.on(day, at.clock)
	}
}

// emit delivers the open record, if there is one.
func (p *forms) emit(block []byte) error {
	o := &p.open
	if o.form == nil {
		return nil
	}
	values, err := p.slot(o.form.schema)
	if err != nil {
		return err
	}
	for i, s := range o.spans {
		values[i] = nil
		if i == o.form.message && o.continued > 0 {
			s.to = o.end - o.text
		}
		if s.to > s.from {
			values[i] = block[o.text+s.from : o.text+s.to]
		}
	}
	p.lines += 1 + o.continued + o.blank
	p.continued += o.continued
	p.blank += o.blank
	p.add(row{o.form.schema, values, o.at, o.day, o.line, block[o.start:o.end], false})
	o.form = nil
	return nil
}

// datePrefix reads the "[2026.01.17] " that a viewer puts before a line, and
// gives its length; 0 if there is none.
func datePrefix(line []byte) (int, time.Time) {
	const size = len("[2026.01.17] ")
	if len(line) < size || line[0] != '[' || line[size-2] != ']' || line[size-1] != ' ' {
		return 0, time.Time{}
	}
	day, ok := cut.Date(line[1:size-2], '.')
	if !ok {
		return 0, time.Time{}
	}
	return size, day
}

// form is a LineForm made ready.
type form struct {
	schema  *evidence.Schema
	fields  []field
	tail    *field // a typed last field, read from the right; nil: none
	stamps  string // layout of its stamps, "": the usual ones
	timed   bool   // one field is the time
	typed   bool   // one field is not free text
	free    bool   // the last field is free text: without a newline nobody knows where it ended
	message int    // value that continuation lines belong to; -1: none
}

type field struct {
	before []byte
	kind   evidence.FieldType
	at     int // position in the schema; -1: not kept
}

// newForm makes a form ready; nil if it has no fields.
func newForm(format *evidence.LogFormat, lf *evidence.LineForm) *form {
	if len(lf.Fields) == 0 {
		return nil
	}
	f := &form{schema: lf.Schema, message: -1, stamps: format.Stamps}
	if f.schema == nil {
		names := make([]string, len(lf.Fields))
		for i := range names {
			names[i] = lf.Fields[i].Name
		}
		f.schema = evidence.NewSchema(format.ID, names...)
		f.schema.Source = format.Source
	}
	for _, ff := range lf.Fields {
		at := f.schema.Index(ff.Name)
		f.fields = append(f.fields, field{[]byte(ff.Before), ff.Type, at})
		f.timed = f.timed || ff.Type == evidence.ClockTime || ff.Type == evidence.Stamp
		f.typed = f.typed || ff.Type != evidence.AnyText
		if ff.Type == evidence.AnyText {
			f.message = at
		}
	}
	if i := f.schema.Roles[evidence.RoleMessage]; i >= 0 {
		f.message = int(i)
	}
	end := len(f.fields) - 1
	if f.free = f.fields[end].kind == evidence.AnyText; !f.free && end > 0 {
		f.tail = &f.fields[end]
		f.fields = f.fields[:end]
	}
	return f
}

// match cuts a line into spans, which has room for the schema's fields, and
// gives its time; false if the form does not fit.
func (f *form) match(line []byte, spans []span, zone *time.Location) (at when, ok bool) {
	clear(spans[:len(f.schema.Fields)])
	end := len(line)
	if f.tail != nil {
		i := bytes.LastIndex(line, f.tail.before)
		if i < 0 || !f.read(f.tail, line, i+len(f.tail.before), end, spans, &at, zone) {
			return at, false
		}
		end = i
	}
	if !bytes.HasPrefix(line[:end], f.fields[0].before) {
		return at, false
	}
	from := len(f.fields[0].before)
	for i := range f.fields {
		to, next := end, end
		if i+1 < len(f.fields) {
			literal := f.fields[i+1].before
			j := bytes.Index(line[from:end], literal)
			if j < 0 {
				return at, false
			}
			to, next = from+j, from+j+len(literal)
			for tries := 0; f.fields[i].kind == evidence.Stamp && tries < mostInStamp && !f.read(&f.fields[i], line, from, to, spans, &at, zone); tries++ {
				if j = bytes.Index(line[next:end], literal); j < 0 { // a stamp may hold what stands behind it
					return at, false
				}
				to, next = next+j, next+j+len(literal)
			}
		}
		if !f.read(&f.fields[i], line, from, to, spans, &at, zone) {
			return at, false
		}
		from = next
	}
	return at, true
}

const mostInStamp = 6 // blanks or whatever separates fields

// read takes line[from:to] as a field's value; false if it is not of its type.
func (f *form) read(by *field, line []byte, from, to int, spans []span, at *when, zone *time.Location) (ok bool) {
	switch by.kind {
	case evidence.ClockTime:
		if at.clock, ok = cut.Clock(line[from:to]); !ok {
			return false
		}
	case evidence.Stamp:
		if at.at, at.day, at.local = f.stamp(line[from:to], zone); at.at.IsZero() {
			return false
		}
	case evidence.IPAddress:
		if !cut.IsIP(line[from:to]) {
			return false
		}
	}
	if by.at >= 0 {
		spans[by.at] = span{from, to}
	}
	return true
}

// stamp reads a day and a clock in one; zero: it is none.
func (f *form) stamp(text []byte, zone *time.Location) (at time.Time, day evidence.Day, local bool) {
	if f.stamps == "" {
		return jsonline.Time(text, zone)
	}
	at, err := time.ParseInLocation(f.stamps, string(text), zone)
	if err != nil || !cut.Plausible(at) {
		return time.Time{}, 0, false
	}
	return at.UTC(), evidence.DayOf(at), at.Location() == zone
}
