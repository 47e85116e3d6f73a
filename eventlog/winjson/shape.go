package winjson

import (
	"bytes"
	"slices"
	"strings"

	"postern/evidence"
)

// shape is one set of keys, in order.
type shape struct {
	fields  []string
	columns []column
	calls   []call

	nameless bool  // its writer gives values without their names
	times    []int // of the object's values that may be its time, the best first
	schemas  map[schemaKey]made

	channel, id, kind, cleared, record, message, data int // of the object's values; -1: none
}

// column is one field: values of the object, joined by line breaks.
type column struct {
	at   []int
	list bool // a list of values is those
	own  bool // of the event's own data
}

// call is one more name of a field.
type call struct{ name, field string }

// made is the schema of one source, and whether its events clear a log.
type made struct {
	schema *evidence.Schema
	clears bool
}

// newShape finds out who writes objects of these keys, each ended by a NUL; nil:
// nobody who writes events of Windows.
func newShape(keys []byte) *shape {
	names := strings.Split(strings.TrimSuffix(string(keys), "\x00"), "\x00")
	w := writerOf(names)
	if w == nil {
		return nil
	}
	s := &shape{schemas: map[schemaKey]made{}, nameless: w.nameless}
	columns, taken := map[string]int{}, map[string]bool{}
	find := map[string]int{}
	for pass := range 2 { // System first: its names stand as they are
		for i, key := range names {
			section, name := w.place(key)
			if name == "" || (section == system) != (pass == 0) {
				continue
			}
			at := section + "\x00" + name
			if _, known := find[at]; !known {
				find[at] = i
			}
			s.add(columns, taken, section, name, i)
		}
	}
	first := func(section string, wanted ...string) int {
		for _, name := range wanted {
			if i, known := find[section+"\x00"+name]; known {
				return i
			}
		}
		return -1
	}
	s.channel, s.id, s.record = first(system, "Channel"), first(system, "EventID"), first(system, "EventRecordID")
	s.kind, s.data = first(data, "EventType"), first(data, "Data")
	s.message = first(other, "Message")
	if s.cleared = first(user, "Channel"); s.cleared < 0 {
		s.cleared = first(data, "Channel")
	}
	for _, name := range times {
		for _, section := range []string{system, data, other} {
			if i := first(section, name); i >= 0 {
				s.times = append(s.times, i)
			}
		}
	}
	for _, c := range w.calls {
		if _, known := columns[data+"\x00"+c.name]; !known && slices.Contains(s.fields, c.field) {
			s.calls = append(s.calls, c)
		}
	}
	return s
}

// times are the names under which events state theirs, the best first.
var times = []string{"TimeCreated", "_time", "@timestamp", "SystemTime", "TimeGenerated", "EventTime", "Timestamp", "timestamp", "UtcTime"}

// add takes one value of the objects.
func (s *shape) add(columns map[string]int, taken map[string]bool, section, name string, at int) {
	key := section + "\x00" + name
	if i, known := columns[key]; known {
		s.columns[i].at = append(s.columns[i].at, at)
		return
	}
	if taken[name] {
		if name = section + "_" + name; taken[name] {
			return
		}
	}
	columns[key], taken[name] = len(s.columns), true
	s.fields = append(s.fields, name)
	s.columns = append(s.columns, column{at: []int{at}, list: section == data && name == "Data", own: section == data})
}

// text is a value of an object, nil for none.
func (s *shape) text(values [][]byte, at int) []byte {
	if at < 0 || at >= len(values) {
		return nil
	}
	return values[at]
}

// put writes a column, and tells what is odd about it.
func (c *column) put(b *batches, values [][]byte) (is odd) {
	if len(c.at) == 1 && (!c.list || len(values[c.at[0]]) == 0 || values[c.at[0]][0] != '[') {
		b.put(values[c.at[0]])
		return odd{}
	}
	var parts [][]byte
	var first []byte
	for _, at := range c.at {
		switch v := values[at]; {
		case v == nil:
		case c.list && len(v) > 0 && v[0] == '[':
			all, long := items(v)
			parts, is.long = append(parts, all...), is.long || long
		default:
			is.repeated = is.repeated || c.own && first != nil && !bytes.Equal(first, v)
			first = v
			parts = append(parts, v)
		}
	}
	b.join(parts)
	return is
}
