package ncsa

import (
	"bytes"

	"postern/eventlog/cut"
)

// request cuts the request line.
func (r *Reader) request(text []byte, row *cut.Row) {
	q := cut.ParseRequest(r.plain(text, row))
	r.values[method], r.values[path], r.values[query], r.values[version] = q.Method, q.Path, q.Query, q.Version
	if r.values[host] == nil {
		r.values[host] = q.Host
	}
}

// plain gives a value without its escapes, nil for "-".
func (r *Reader) plain(text []byte, row *cut.Row) []byte {
	i := bytes.IndexByte(text, '\\')
	if i < 0 {
		return cut.Value(text)
	}
	row.Spelled = true
	from := len(r.arena)
	r.arena = append(r.arena, text[:i]...)
	for text = text[i:]; len(text) > 0; {
		c, n := unescape(text)
		r.arena = append(r.arena, c)
		text = text[n:]
	}
	return r.arena[from:len(r.arena):len(r.arena)]
}

// unescape reads one byte, written as itself or as an escape of n bytes.
func unescape(text []byte) (c byte, n int) {
	if text[0] != '\\' || len(text) < 2 {
		return text[0], 1
	}
	switch text[1] {
	case '"', '\\':
		return text[1], 2
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 'x':
		if len(text) >= 4 {
			if high, low := cut.Hex(text[2]), cut.Hex(text[3]); high >= 0 && low >= 0 {
				return byte(high<<4 | low), 4
			}
		}
	}
	return '\\', 1
}
