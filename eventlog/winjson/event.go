package winjson

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/eventlog/evtx"
	"postern/eventlog/jsonline"
	"postern/evidence"
)

const (
	maxKeys   = 1024
	maxShapes = 4096
)

// take reads one object. The error is emit's.
func (d *reader) take(text []byte) error {
	d.object.Reset()
	if !d.object.Parse(text) || len(d.object.Values()) > maxKeys {
		d.misread()
		return nil
	}
	s, values := d.shape(), d.object.Values()
	if s == nil {
		d.misread()
		return nil
	}
	id, ok := number(s.text(values, s.id))
	if !ok {
		d.misread()
		return nil
	}
	r := row{spans: len(d.spans), from: len(d.arena)}
	var is odd
	for i := range s.columns {
		is.or(s.columns[i].put(&d.batches, values))
	}
	fields, own, more := d.spread(s, values, d.spans[r.spans:])
	is.or(more)
	d.noteOdd(is)
	r.to = len(d.arena)
	channel, at := s.text(values, s.channel), d.when(s, values)
	m := d.schema(s, schemaKey{string(channel), uint32(id), string(head(s.text(values, s.kind), 64))}, fields, own)
	record, numbered := number(s.text(values, s.record))
	d.note(channel, at)
	var computer []byte
	if host := m.schema.Roles[evidence.RoleHost]; host >= 0 {
		if s := d.spans[r.spans+int(host)]; s.from >= 0 {
			computer = d.arena[s.from:s.to]
			d.hosts.Add(computer, at)
		}
	}
	if d.numbers.add(computer, channel, record, numbered); !numbered {
		d.result.Numberless++
	}
	if m.clears {
		of := s.text(values, s.cleared)
		if of == nil {
			of = channel
		}
		d.result.Clears.Add(evtx.Clear{Record: record, Time: at, Channel: string(of)}, d.opt.Required)
	}
	if !at.IsZero() && !d.opt.Review.Holds(at) {
		d.arena, d.spans = d.arena[:r.from], d.spans[:r.spans]
		return nil
	}
	r.event = evidence.Event{Schema: m.schema, Time: at, Ref: d.opt.Ref}
	if r.event.Ref.Unit, r.event.Ref.At = evidence.Line, d.line; d.line == d.lastLine { // not the first of its line
		r.event.Ref.Unit, r.event.Ref.At = evidence.Offset, d.offset
	}
	d.lastLine = d.line
	if d.rows = append(d.rows, r); len(d.spans) > maxWaiting || len(d.arena) > maxArena {
		return d.deliver()
	}
	return nil
}

// shape is that of the object in hand; nil: it is no event.
func (d *reader) shape() *shape {
	keys := d.object.Shape()
	s, known := d.shapes[string(keys)]
	if !known {
		if len(d.shapes) >= maxShapes {
			clear(d.shapes)
		}
		s = newShape(keys)
		d.shapes[string(keys)] = s
	}
	return s
}

// spread writes the fields that the object in hand gives with their names in a
// text or a list, and gives the names of all its fields; own: that they are its
// own. One that the event's data has as well stands there with what is told; one of
// System's, whose name is the event's alone, is told apart. have are the places of
// the columns. An event that gives its values without any names is counted.
func (d *reader) spread(s *shape, values [][]byte, have []span) (fields []string, own bool, is odd) {
	list := s.text(values, s.data)
	pairs, is := namedItems(list)
	if s.nameless {
		pairs, is = told(s.text(values, s.channel), s.text(values, s.message))
		if pairs == nil && list != nil {
			if d.result.Unnamed++; d.result.UnnamedAt == 0 {
				d.result.UnnamedAt = d.line
			}
		}
	}
	fields = s.fields
	for _, p := range pairs {
		if i := slices.Index(s.fields, p.name); i >= 0 {
			if s.columns[i].own {
				is.repeated = d.amend(&have[i], p) || is.repeated
				continue
			}
			if p.name = data + "_" + p.name; slices.Contains(fields, p.name) {
				is.repeated = true
				continue
			}
		}
		fields = append(fields[:len(fields):len(fields)], p.name)
		d.join(p.values)
	}
	return fields, len(fields) > len(s.fields), is
}

// amend puts what is told of a field beside what its column holds; false if that is
// the same.
func (d *reader) amend(at *span, p pair) bool {
	all := p.values
	if at.from >= 0 {
		column := d.arena[at.from:at.to]
		all = [][]byte{column}
		for _, v := range p.values {
			if !bytes.Equal(v, column) {
				all = append(all, v)
			}
		}
		if len(all) == 1 {
			return false
		}
	}
	d.join(all)
	*at = d.spans[len(d.spans)-1]
	d.spans = d.spans[:len(d.spans)-1]
	return len(all) > 1
}

// noteOdd counts an event that rules may see wrongly.
func (d *reader) noteOdd(is odd) {
	if is.repeated {
		if d.result.Repeated++; d.result.RepeatedAt == 0 {
			d.result.RepeatedAt = d.line
		}
	}
	if is.long {
		if d.result.Long++; d.result.LongAt == 0 {
			d.result.LongAt = d.line
		}
	}
}

func head(b []byte, n int) []byte { return b[:min(len(b), n)] }

// note counts an event and its channel.
func (d *reader) note(channel []byte, at time.Time) {
	d.count(at)
	if _, known := d.channels[string(channel)]; !known && len(channel) > 0 && len(d.channels) < maxChannels {
		d.channels[string(channel)] = struct{}{}
	}
}

// schemaKey is what the schemas of one shape hang on.
type schemaKey struct {
	channel string
	id      uint32
	kind    string
}

// schema gives the schema of an event, and whether such an event says that a log
// was cleared. That of fields which its text gives hangs on their names, too.
func (d *reader) schema(s *shape, key schemaKey, fields []string, own bool) made {
	id, kind := key.id, []byte(key.kind)
	if own {
		key.kind = strings.Join(fields, "\x00")
	}
	m, known := s.schemas[key]
	if !known {
		m.schema, m.clears = evtx.SchemaOf([]byte(key.channel), id, kind, fields)
		m.schema.Format = Format
		for _, c := range s.calls {
			m.schema.Call(c.name, c.field)
		}
		if len(s.schemas) >= maxShapes {
			clear(s.schemas)
		}
		s.schemas[key] = m
	}
	return m
}

// when gives the time of an event, zero for none that reads.
func (d *reader) when(s *shape, values [][]byte) time.Time {
	for _, i := range s.times {
		text := values[i]
		if ms, ok := bytes.CutPrefix(text, []byte("/Date(")); ok { // JavaScriptSerializer's, which PowerShell 5 uses
			end := len(ms)
			if k := bytes.IndexAny(ms, ")+"); k > 0 {
				end = k
			}
			if n, err := strconv.ParseInt(string(ms[:end]), 10, 64); err == nil && n > 0 && n < 1<<43 {
				return time.UnixMilli(n).UTC()
			}
			continue
		}
		if len(text) == 0 {
			continue
		}
		if at, _, local := jsonline.Time(text, d.opt.Zone); !at.IsZero() {
			d.result.Local = d.result.Local || local
			return at
		}
	}
	return time.Time{}
}

// number reads a number of events, which some write as 4624.0.
func number(text []byte) (uint64, bool) {
	text = bytes.TrimSuffix(text, []byte(".0"))
	n, err := strconv.ParseUint(string(text), 10, 64)
	return n, err == nil
}

// Is reports whether a text that begins like head, whatever its encoding up to
// UTF-8 and without a mark, is an export: by the keys of its first object, as far
// as they are there.
func Is(head []byte) bool {
	i := bytes.IndexByte(head, '{')
	if i < 0 || i > 64 || len(bytes.Trim(head[:i], " \t\r\n[")) > 0 && !bytes.HasPrefix(bytes.TrimSpace(head[:i]), []byte("Record ")) {
		return false
	}
	size, _ := extent(head[i:])
	object := jsonline.NewWhole()
	object.Parse(head[i : i+size])
	return newShape(object.Shape()) != nil
}
