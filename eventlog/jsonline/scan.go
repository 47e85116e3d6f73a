package jsonline

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"postern/eventlog/cut"
)

const maxDepth = 16

// scanner flattens one JSON object (RFC 8259) into keys joined by dots and
// values in place. It copies a value only to undo its escapes.
type scanner struct {
	text   []byte
	at     int
	path   []byte // the key in hand, with those above it
	keys   []byte // all keys of the line, each ended by a NUL
	values [][]byte
	arena  []byte // of values without their escapes
	spelt  bool   // a value was copied
	whole  bool   // every key is kept, and values as they stand
}

// line reads a line that is one object and nothing else.
func (s *scanner) line(text []byte) bool {
	s.text, s.at, s.path, s.keys, s.values, s.spelt = text, 0, s.path[:0], s.keys[:0], s.values[:0], false
	s.space()
	if !s.take('{') || !s.object(0, false, 0) {
		return false
	}
	s.space()
	return s.at == len(text)
}

func (s *scanner) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t' || s.text[s.at] == '\r' || s.text[s.at] == '\n') {
		s.at++
	}
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object reads the rest of an object whose keys stand behind the first prefix
// bytes of path. Of headers it keeps the known ones: their number has no end.
func (s *scanner) object(prefix int, headers bool, depth int) bool {
	if s.space(); s.take('}') {
		return true
	}
	for {
		s.space()
		key, ok := s.quoted()
		if !ok || bytes.IndexByte(key, 0) >= 0 {
			return false
		}
		s.path = append(s.path[:prefix], key...)
		s.space()
		if !s.take(':') || !s.value(prefix, headers, depth) {
			return false
		}
		s.space()
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// value reads one value and keeps it under the key in hand.
func (s *scanner) value(prefix int, headers bool, depth int) bool {
	s.space()
	if s.at >= len(s.text) {
		return false
	}
	length := len(s.path)
	keep := !headers || s.whole || known(s.path[prefix:])
	switch s.text[s.at] {
	case '{':
		if depth == maxDepth {
			return false
		}
		s.at++
		below := bytes.HasSuffix(s.path, []byte("headers"))
		s.path = append(s.path, '.')
		if !s.object(length+1, below, depth+1) {
			return false
		}
		s.path = s.path[:length]
		return true
	case '[':
		value, ok := s.list(depth)
		if keep {
			s.keep(value)
		}
		return ok
	case '"':
		value, ok := s.quoted()
		if ok && keep {
			s.keep(value)
		}
		return ok
	}
	value, ok := s.word()
	if keep {
		s.keep(value)
	}
	return ok
}

func (s *scanner) keep(value []byte) {
	s.keys = append(append(s.keys, s.path...), 0)
	if s.whole && value != nil {
		s.values = append(s.values, value)
		return
	}
	s.values = append(s.values, cut.Value(value))
}

// known reports whether a header is one that rules ask for.
func known(name []byte) bool {
	for _, h := range []string{"User-Agent", "Referer", "X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip", "Cookie", "Host"} {
		if len(name) == len(h) && bytes.EqualFold(name, []byte(h)) {
			return true
		}
	}
	return false
}

// word reads a number, true, false or null, which is nothing.
func (s *scanner) word() (value []byte, ok bool) {
	from := s.at
	for s.at < len(s.text) && (s.text[s.at] >= '0' && s.text[s.at] <= '9' || s.text[s.at] >= 'a' && s.text[s.at] <= 'z' ||
		s.text[s.at] == '-' || s.text[s.at] == '+' || s.text[s.at] == '.' || s.text[s.at] == 'E') {
		s.at++
	}
	value = s.text[from:s.at]
	switch string(value) {
	case "":
		return nil, false
	case "null":
		return nil, true
	case "true", "false":
		return value, true
	}
	return value, value[0] == '-' || value[0] >= '0' && value[0] <= '9'
}

// list reads a list: its one text as that, anything else as it is written.
func (s *scanner) list(depth int) (value []byte, ok bool) {
	from := s.at
	s.at++
	n := 0
	for s.space(); !s.take(']'); n++ {
		if n > 0 && !s.take(',') {
			return nil, false
		}
		s.space()
		if s.at < len(s.text) && s.text[s.at] == '"' {
			value, ok = s.quoted()
		} else {
			ok = s.pass(depth + 1)
			value = nil
		}
		if !ok {
			return nil, false
		}
		s.space()
	}
	if n == 1 && value != nil {
		return value, true
	}
	value = s.text[from:s.at]
	s.spelt = s.spelt || bytes.IndexByte(value, '\\') >= 0
	return value, true
}

// pass reads a value that nobody keeps.
func (s *scanner) pass(depth int) bool {
	if s.space(); s.at >= len(s.text) || depth > maxDepth {
		return false
	}
	switch s.text[s.at] {
	case '[':
		_, ok := s.list(depth)
		return ok
	case '"':
		_, ok := s.quoted()
		return ok
	case '{':
		keys, values, path := len(s.keys), len(s.values), len(s.path)
		s.at++
		ok := s.object(path, true, depth+1)
		s.keys, s.values, s.path = s.keys[:keys], s.values[:values], s.path[:path]
		return ok
	}
	_, ok := s.word()
	return ok
}

// quoted reads a text. nginx writes \xHH unless told escape=json.
func (s *scanner) quoted() (value []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	text := s.text[s.at:]
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		return nil, false
	}
	i := bytes.IndexByte(text[:end], '\\')
	if i < 0 {
		s.at += end + 1
		return text[:end], true
	}
	s.spelt = true
	from := len(s.arena)
	s.arena = append(s.arena, text[:i]...)
	for text = text[i:]; len(text) > 0; {
		switch text[0] {
		case '"':
			s.at = len(s.text) - len(text) + 1
			return s.arena[from:len(s.arena):len(s.arena)], true
		case '\\':
			n := s.escape(text)
			if n == 0 {
				return nil, false
			}
			text = text[n:]
		default:
			n := bytes.IndexAny(text, `"\`)
			if n < 0 {
				return nil, false
			}
			s.arena = append(s.arena, text[:n]...)
			text = text[n:]
		}
	}
	return nil, false
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape undoes one escape and gives its length, 0 for none.
func (s *scanner) escape(text []byte) int {
	switch {
	case len(text) < 2:
		return 0
	case escapes[text[1]] != 0:
		s.arena = append(s.arena, escapes[text[1]])
		return 2
	case text[1] == 'x' && len(text) >= 4 && cut.Hex(text[2]) >= 0 && cut.Hex(text[3]) >= 0:
		s.arena = append(s.arena, byte(cut.Hex(text[2])<<4|cut.Hex(text[3])))
		return 4
	}
	r, ok := unit(text)
	if !ok {
		return 0
	}
	n := 6
	if utf16.IsSurrogate(r) {
		low, ok := unit(text[6:])
		if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
			n = 12
		} else {
			r = utf8.RuneError
		}
	}
	s.arena = utf8.AppendRune(s.arena, r)
	return n
}

// unit reads \uXXXX.
func unit(text []byte) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		d := cut.Hex(c)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}
