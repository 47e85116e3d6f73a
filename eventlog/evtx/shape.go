package evtx

import (
	"bytes"
	"fmt"
	"strconv"

	"postern/evidence"
)

// Format is the LogFormat.ID of every schema here.
const Format = "windows.evtx"

const (
	maxFragments = 8
	maxShapes    = 4096 // remembered at a time
	maxSchemas   = 4096 // a file
)

// shapeKey is the plans of a record's fragments, in order.
type shapeKey [maxFragments]uint32

// shape is what records of the same fragments have in common.
type shape struct {
	fields  []string
	columns []column
	time    int // positions of fields; -1: none
	channel int
	id      int
	machine int                         // that a record is of
	kind    int                         // of EventType
	cleared int                         // of the channel that an event tells of
	schemas map[source]*evidence.Schema // by what log source the values make it
}

// column is one field of a shape: a value, or pieces of several.
type column struct {
	fragment int
	sub      int // -1: see pieces
	pieces   []piece
}

type piece struct {
	fragment int
	parts    []part
}

// newShape joins the fields of a record's plans.
func newShape(plans []*plan) *shape {
	s := &shape{schemas: map[source]*evidence.Schema{}}
	at, names := map[string]int{}, map[string]bool{}
	for pass := range 2 { // System first: its names stand as they are
		for i, p := range plans {
			for _, f := range p.fields {
				if (f.section == "System") == (pass == 0) {
					s.add(at, names, i, f)
				}
			}
		}
	}
	find := func(section, name string) int {
		if i, ok := at[section+"\x00"+name]; ok {
			return i
		}
		return -1
	}
	s.time, s.channel, s.id = find("System", "TimeCreated"), find("System", "Channel"), find("System", "EventID")
	s.machine = find("System", "Computer")
	s.kind, s.cleared = find("EventData", "EventType"), find("UserData", "Channel")
	return s
}

// add takes one field; at finds columns by section and name.
func (s *shape) add(at map[string]int, names map[string]bool, fragment int, f field) {
	key := f.section + "\x00" + f.name
	i, known := at[key]
	if !known {
		name := f.name
		for n := 1; names[name]; n++ {
			if name = f.section + "_" + f.name; n > 1 {
				name += strconv.Itoa(n)
			}
		}
		i = len(s.fields)
		at[key], names[name] = i, true
		s.fields = append(s.fields, name)
		s.columns = append(s.columns, column{fragment: fragment, sub: -1})
	}
	c := &s.columns[i]
	if !known && len(f.parts) == 1 && f.parts[0].sub >= 0 {
		c.sub = f.parts[0].sub
	} else {
		c.sub = -1
	}
	if len(c.pieces) > 0 {
		c.pieces = append(c.pieces, piece{fragment, []part{{sub: isGap}}})
	}
	c.pieces = append(c.pieces, piece{fragment, f.parts})
}

// fragment is one plan of a record, and its values.
type fragment struct {
	plan   *plan
	values []value
}

// append writes one column of the record in hand; false: the record has none.
func (d *decoder) append(dst []byte, c *column) ([]byte, bool) {
	if c.sub >= 0 {
		values := d.fragments[c.fragment].values
		if c.sub >= len(values) {
			return dst, false
		}
		v := values[c.sub]
		if v.kind == kindNull || v.kind == kindXML {
			return dst, false
		}
		return appendValue(dst, v.kind, d.chunk[v.at:int(v.at)+int(v.size)]), true
	}
	there, gap := false, false
	for i := range c.pieces {
		values := d.fragments[c.pieces[i].fragment].values
		for _, p := range c.pieces[i].parts {
			v := value{kind: kindNull}
			if p.sub >= 0 && p.sub < len(values) {
				v = values[p.sub]
			}
			if p.sub == isGap {
				gap = there
				continue
			}
			if p.sub >= 0 && (v.kind == kindNull || v.kind == kindXML) {
				continue
			}
			if gap {
				dst, gap = append(dst, '\n'), false
			}
			there = true
			if dst = append(dst, p.text...); p.sub >= 0 {
				dst = appendValue(dst, v.kind, d.chunk[v.at:int(v.at)+int(v.size)])
			}
		}
	}
	return dst, there
}

// ticks is the record's own time, where it is a FILETIME.
func (d *decoder) ticks(s *shape) (uint64, bool) {
	if s.time < 0 || s.columns[s.time].sub < 0 {
		return 0, false
	}
	c := &s.columns[s.time]
	values := d.fragments[c.fragment].values
	if c.sub >= len(values) || values[c.sub].kind != kindFiletime || values[c.sub].size < 8 {
		return 0, false
	}
	return le.Uint64(d.chunk[values[c.sub].at:]), true
}

// written gives a value of the record in hand, nil for none; at may be -1.
func (d *decoder) written(values []span, at int) []byte {
	if at < 0 || values[at].from < 0 {
		return nil
	}
	return d.arena[values[at].from:values[at].to]
}

// clearedOf names the channel that the record in hand says was cleared: the one
// it tells of, or its own.
func (d *decoder) clearedOf(s *shape, values []span) string {
	if told := d.written(values, s.cleared); told != nil {
		return string(told)
	}
	return string(d.written(values, s.channel))
}

// schema gives the schema of the record in hand, whose values are written; nil:
// there are too many.
func (d *decoder) schema(s *shape, values []span) *evidence.Schema {
	text := func(at int) []byte { return d.written(values, at) }
	channel := text(s.channel)
	if !bytes.Equal(channel, d.channelName) || d.channel == nil {
		d.channel, d.channelName = channelOf(channel), append(d.channelName[:0], channel...)
		if d.channel.name != "" && len(d.channels) < mostDamage {
			d.channels[d.channel.name] = struct{}{}
		}
	}
	id := uint64(0)
	for _, c := range text(s.id) {
		if c < '0' || c > '9' || id > 1<<32 {
			id = 0
			break
		}
		id = id*10 + uint64(c-'0')
	}
	d.cleared = d.channel.clears(uint32(id))
	src := d.channel.source(uint32(id), text(s.kind))
	schema := s.schemas[src]
	if schema != nil {
		return schema
	}
	made := src.schema(s.fields)
	key := fmt.Sprintf("%q %v %v", made.Fields, made.Source, made.Also)
	if schema = d.schemas[key]; schema == nil {
		if len(d.schemas) >= maxSchemas {
			return nil
		}
		schema = made
		d.schemas[key] = schema
	}
	s.schemas[src] = schema
	return schema
}
