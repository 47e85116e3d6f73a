package winjson

import (
	"bytes"
	"encoding/json"
)

const maxItems = 256 // of one list

// pair is a field that an event's text gives with its name.
type pair struct {
	name  string
	value []byte
}

// told reads the fields off the message of a Sysmon event, whose lines are
// "Name: value" in the names of the event; nil for any other.
func told(channel, message []byte) (all []pair) {
	if !bytes.EqualFold(channel, []byte("Microsoft-Windows-Sysmon/Operational")) {
		return nil
	}
	for len(message) > 0 && len(all) < maxItems {
		var line []byte
		line, message, _ = bytes.Cut(message, []byte("\n"))
		name, value, ok := bytes.Cut(bytes.TrimRight(line, "\r"), []byte(":"))
		if ok && len(value) > 0 && value[0] == ' ' && isName(name) {
			all = append(all, pair{string(name), value[1:]})
		}
	}
	return all
}

func isName(b []byte) bool {
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 64
}

// namedItems are the values of a list that have names: what converters of XML make of Data elements.
func namedItems(list []byte) (all []pair) {
	var raw []map[string]any
	if len(list) == 0 || list[0] != '[' || decode(list, &raw) != nil {
		return nil
	}
	for _, item := range raw[:min(len(raw), maxItems)] {
		name := firstText(item, "@Name", "Name", "name")
		if name == nil {
			continue
		}
		text := firstText(item, "#text", "Value", "value", "_", "content")
		all = append(all, pair{string(name), append([]byte{}, text...)}) // empty, where it has none
	}
	return all
}

// items are the values of a list: texts, or objects with a Value each.
func items(list []byte) (all [][]byte) {
	var raw []any
	if decode(list, &raw) != nil {
		return [][]byte{list}
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
	return all
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
