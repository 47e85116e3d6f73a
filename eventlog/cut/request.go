package cut

import (
	"bytes"
	"time"

	"postern/evidence"
)

// Request is an HTTP request line taken apart. Nil: not there.
type Request struct {
	Method, Host, Path, Query, Version []byte
}

// ParseRequest cuts "GET /path?query HTTP/1.1". What is no such line, a TLS
// hello sent to a plain port for one, stands whole in the path.
func ParseRequest(text []byte) (q Request) {
	verb, target, ok := bytes.Cut(text, []byte(" "))
	if !ok || !isToken(verb) {
		q.Path = Value(text)
		return q
	}
	q.Method = verb
	if i := bytes.LastIndexByte(target, ' '); i >= 0 && bytes.HasPrefix(target[i+1:], []byte("HTTP/")) {
		target, q.Version = target[:i], target[i+1:]
	}
	q.Host, q.Path, q.Query = Target(target)
	return q
}

// Target cuts a request's target: a path with its query, or a whole address
// (RFC 9112, section 3.2).
func Target(target []byte) (host, path, query []byte) {
	if len(target) > 0 && target[0] != '/' {
		if scheme, authority, ok := bytes.Cut(target, []byte("://")); ok && isToken(scheme) {
			i := bytes.IndexByte(authority, '/')
			if i < 0 {
				i = len(authority)
			}
			host, target = Value(authority[:i]), authority[i:]
		}
	}
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		target, query = target[:i], Value(target[i+1:])
	}
	return host, Value(target), query
}

// isToken reports whether a word may be a method (RFC 9110, section 9.1) or a
// scheme, of letters as all of them are.
func isToken(word []byte) bool {
	for _, c := range word {
		if (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(word) > 0 && len(word) <= 32
}

// AccessTime reads "17/Jan/2026:10:51:58 +0100", strftime's
// %d/%b/%Y:%H:%M:%S %z.
func AccessTime(text []byte) (time.Time, evidence.Day, bool) {
	if len(text) != 26 || text[2] != '/' || text[6] != '/' || text[11] != ':' || text[20] != ' ' {
		return time.Time{}, 0, false
	}
	d, ok1 := Number(text[:2])
	m, ok2 := Month(text[3:6])
	y, ok3 := Number(text[7:11])
	clock, ok4 := Clock(text[12:20])
	offset, ok5 := Offset(text[21:])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return time.Time{}, 0, false
	}
	day, ok := DateOf(y, m, d)
	return day.Add(clock - offset), evidence.Day(day.Unix() / 86400), ok
}
