package winjson

import (
	"bytes"
	"encoding/json"
	"slices"
)

const maxItems = 256 // of one list

// pair is a field that an event's text gives with its name, and all values that it
// gives under it.
type pair struct {
	name   string
	values [][]byte
}

// add adds a value to a list of fields, one that is there already but once. more: its
// name had another.
func add(all []pair, name string, value []byte) (_ []pair, more bool) {
	i := slices.IndexFunc(all, func(p pair) bool { return p.name == name })
	if i < 0 {
		return append(all, pair{name, [][]byte{value}}), false
	}
	if p := &all[i]; !slices.ContainsFunc(p.values, func(v []byte) bool { return bytes.Equal(v, value) }) {
		p.values = append(p.values, value)
		return all, true
	}
	return all, false
}

// told reads the fields off the message of a Sysmon event, whose lines are
// "Name: value" in the names of the event; nil for any other. Lines of another kind
// belong to the value above them, such as those of a command. A value that holds a
// line of that kind, as a program's description may, looks like one more: is says so
// where the name has two.
func told(channel, message []byte) (all []pair, is odd) {
	if !bytes.EqualFold(channel, []byte("Microsoft-Windows-Sysmon/Operational")) {
		return nil, odd{}
	}
	var name []byte
	begin, end := -1, 0 // of its value, with the blank in front; -1: none in hand
	take := func() {
		if begin >= 0 && begin < end {
			var more bool
			all, more = add(all, string(name), bytes.TrimRight(message[begin+1:end], "\r\n"))
			is.repeated = is.repeated || more
		}
		begin = -1
	}
	for n, from := 0, 0; from < len(message); {
		line, _, _ := bytes.Cut(message[from:], []byte("\n"))
		called, value, ok := bytes.Cut(bytes.TrimRight(line, "\r"), []byte(":"))
		if ok && isName(called) && (len(value) == 0 || value[0] == ' ') {
			take()
			if n++; n > maxItems {
				is.long = true
				return all, is
			}
			name, begin = called, from+len(called)+1
		}
		end = from + len(bytes.TrimRight(line, "\r"))
		from += len(line) + 1
	}
	take()
	return all, is
}

// odd is what makes an event one that rules may see wrongly.
type odd struct {
	repeated bool // a name has several values, which stand together in one field
	long     bool // a list is longer than is read
}

func (o *odd) or(p odd) { o.repeated, o.long = o.repeated || p.repeated, o.long || p.long }

func isName(b []byte) bool {
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 64
}

// namedItems are the values of a list that have names: what converters of XML make of Data elements.
func namedItems(list []byte) (all []pair, is odd) {
	var raw []map[string]any
	if len(list) == 0 || list[0] != '[' || decode(list, &raw) != nil {
		return nil, odd{}
	}
	is.long = len(raw) > maxItems
	for _, item := range raw[:min(len(raw), maxItems)] {
		name := firstText(item, "@Name", "Name", "name")
		if name == nil {
			continue
		}
		text := firstText(item, "#text", "Value", "value", "_", "content")
		var more bool
		all, more = add(all, string(name), append([]byte{}, text...)) // empty, where it has none
		is.repeated = is.repeated || more
	}
	return all, is
}

// items are the values of a list: texts, or objects with a Value each.
func items(list []byte) (all [][]byte, long bool) {
	var raw []any
	if decode(list, &raw) != nil {
		return [][]byte{list}, false
	}
	for _, item := range raw[:min(len(raw), maxItems)] {
		if in, object := item.(map[string]any); object {
			if item, object = in["Value"]; !object {
				continue // see namedItems
			}
			if inner, deep := item.(map[string]any); deep && inner["Value"] != nil { // a SID
				item = inner["Value"]
			}
		}
		all = append(all, textOf(item))
	}
	return all, len(raw) > maxItems
}

// decode reads JSON, numbers as they are written.
func decode(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(into)
}

func firstText(item map[string]any, names ...string) []byte {
	for _, n := range names {
		if v, there := item[n]; there {
			return textOf(v)
		}
	}
	return nil
}

// textOf is a value as text; an object is JSON.
func textOf(v any) []byte {
	switch v := v.(type) {
	case nil:
		return []byte{}
	case string:
		return []byte(v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return []byte{}
	}
	return text
}
