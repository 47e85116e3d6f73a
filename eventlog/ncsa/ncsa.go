// Package ncsa cuts lines of web servers' access logs in the common and the
// combined log format of NCSA httpd, as Apache (mod_log_config) and nginx
// (ngx_http_log_module) write them, with a virtual host before or further
// fields behind, and the lines of both servers' error logs, which some keep in
// the same file.
//
// The request is cut into method, path, query and protocol. What is no HTTP
// request, a TLS hello sent to a plain port for one, stands whole in the path,
// so that rules see it. Escapes (mod_log_config: \" \\ \t \xhh; nginx: \xHH) are
// undone. Fields bear the names of W3C logs, which rules use.
package ncsa

import (
	"bytes"
	"fmt"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

// The columns of a combined line. A common one ends before referer.
const (
	host = iota
	client
	ident
	account
	method
	path
	query
	version
	status
	size
	forwarded
	rest
	referer
	agent
	columns
)

var names = [columns]string{
	"cs-host", "c-ip", "ident", "cs-username", "cs-method", "cs-uri-stem", "cs-uri-query", "cs-version", "sc-status", "sc-bytes",
	"X-Forwarded-For", "rest", "cs(Referer)", "cs(User-Agent)",
}

var roles = map[evidence.Role]int{
	evidence.RoleAddress: client, evidence.RoleAccount: account, evidence.RoleMethod: method, evidence.RolePath: path,
	evidence.RoleQuery: query, evidence.RoleStatus: status, evidence.RoleAgent: agent, evidence.RoleForwarded: forwarded,
}

// Fields are the names of the columns a line may have.
func Fields() []string { return append([]string(nil), names[:]...) }

// Reader cuts the lines of one log.
type Reader struct {
	zone             *time.Location // of error logs, which state none
	combined, common *evidence.Schema
	apache, nginx    *evidence.Schema // of error logs
	values           [columns][]byte
	arena            []byte // of values without their escapes

	list int // the place of X-Forwarded-For among the quoted words at the end, from 1; 0: not known. See Learn

	stamp []byte // the time last read, so that a run of one second is parsed once
	at    time.Time
	day   evidence.Day
}

// New gives a reader of a format's logs.
func New(format *evidence.LogFormat, zone *time.Location) *Reader {
	r := &Reader{zone: zone, combined: Schema(format, true), common: Schema(format, false)}
	r.apache, r.nginx = errorSchema(format, "apache"), errorSchema(format, "nginx")
	return r
}

// Schema is the shape of a combined or a common line.
func Schema(format *evidence.LogFormat, combined bool) *evidence.Schema {
	n := referer
	if combined {
		n = columns
	}
	s := evidence.NewSchema(format.ID, names[:n]...)
	s.Source = format.Source
	for role, at := range roles {
		if at < n {
			s.Roles[role] = int8(at)
		}
	}
	return s
}

// Fork gives a reader that reads lines as this one does, at the same time.
func (r *Reader) Fork() cut.Fork {
	return &Reader{zone: r.zone, combined: r.combined, common: r.common, apache: r.apache, nginx: r.nginx, list: r.list}
}

// Join takes over what a fork has to tell: nothing.
func (r *Reader) Join(cut.Fork) {}

// Later reports whether the line just refused is for another reader: none is.
func (r *Reader) Later() bool { return false }

// Keep gives what it learned.
func (r *Reader) Keep() cut.State { return cut.State{Place: r.list} }

// Restore makes it what it was. The error says that no reader keeps that.
func (r *Reader) Restore(s cut.State) error {
	if s.Place < 0 || s.Place > places {
		return fmt.Errorf("ncsa: X-Forwarded-For in place %d", s.Place)
	}
	r.list = s.Place
	return nil
}

// Reset takes back what values were lent.
func (r *Reader) Reset() { r.arena = r.arena[:0] }

// Cut cuts a line; false if it is no line of an access or an error log.
func (r *Reader) Cut(line []byte, row *cut.Row) bool {
	open, end := r.bracket(line)
	if open < 0 {
		return r.fault(line, row)
	}
	clear(r.values[:])
	if !r.peer(line[:open]) {
		return false
	}
	request, tail, ok := quotedRequest(line[end:])
	if !ok {
		return false
	}
	row.Schema, row.Time, row.Day = r.common, r.at, r.day
	r.request(request, row)
	tail = r.answer(tail)
	if ref, name, more, ok := pair(tail); ok {
		row.Schema, tail = r.combined, more
		r.values[referer], r.values[agent] = r.plain(ref, row), r.plain(name, row)
	}
	r.trailing(tail)
	row.Values, row.Open = r.values[:len(row.Schema.Fields)], row.Schema == r.common || line[len(line)-1] != '"'
	return true
}

// bracket finds the time, "[17/Jan/2026:10:51:58 +0100]" (strftime's
// %d/%b/%Y:%H:%M:%S %z), and gives where it opens and what follows it begins;
// -1 for none.
func (r *Reader) bracket(line []byte) (open, end int) {
	const size = len("17/Jan/2026:10:51:58 +0100")
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return -1, 0
		}
		open = from + i
		if text := line[open+1:]; len(text) > size && text[size] == ']' && text[2] == '/' && text[6] == '/' && r.time(text[:size]) {
			return open, open + size + 2
		}
		from = open + 1
	}
}

func (r *Reader) time(text []byte) bool {
	if bytes.Equal(text, r.stamp) {
		return true
	}
	at, day, ok := cut.AccessTime(text)
	if ok {
		r.stamp = append(r.stamp[:0], text...)
		r.at, r.day = at, day
	}
	return ok
}

// peer reads what stands before the time: "[vhost ]client ident user ". A user
// name may hold blanks. Where somebody logs X-Forwarded-For as the client, the
// last of its addresses is the one that our own proxy saw.
func (r *Reader) peer(text []byte) bool {
	text = bytes.TrimRight(text, " ")
	next := func() []byte {
		word, more, _ := bytes.Cut(text, []byte(" "))
		text = more
		return word
	}
	word := next()
	if second, _, more := bytes.Cut(text, []byte(" ")); more && !cut.IsIP(word) && !bytes.HasSuffix(word, []byte(",")) {
		if cut.IsIP(cut.Host(second)) || named(word) {
			r.values[host], word = cut.Value(word), next()
		}
	}
	list := word
	for n := len(word); len(word) > 0 && word[len(word)-1] == ','; {
		word = next()
		n += 1 + len(word)
		list = list[:min(n, cap(list))]
		r.values[forwarded] = list
	}
	if i := bytes.LastIndexByte(word, ','); i >= 0 {
		r.values[forwarded], word = list, word[i+1:]
	}
	r.values[client] = cut.Value(cut.Host(word))
	r.values[ident] = cut.Value(next())
	r.values[account] = cut.Value(text)
	return len(word) > 0 && len(text) > 0
}

// named reports whether a word is a host name with a port, as %v:%p gives it.
func named(word []byte) bool {
	i := bytes.LastIndexByte(word, ':')
	if i <= 0 {
		return false
	}
	_, ok := cut.Number(word[i+1:])
	return ok
}

// quotedRequest takes the request off: it ends with a quote before a status.
// Both servers escape quotes inside; others do not.
func quotedRequest(text []byte) (request, tail []byte, ok bool) {
	i := bytes.IndexByte(text, '"')
	if i < 0 || len(bytes.TrimLeft(text[:i], " ")) > 0 {
		return nil, nil, false
	}
	text = text[i+1:]
	for from := 0; ; {
		i := closing(text, from)
		if i < 0 {
			return nil, nil, false
		}
		if isStatus(text[i+1:]) {
			return text[:i], text[i+1:], true
		}
		from = i + 1
	}
}

// closing finds the next quote that is not escaped; -1 for none.
func closing(text []byte, from int) int {
	for {
		i := bytes.IndexByte(text[from:], '"')
		if i < 0 {
			return -1
		}
		i += from
		slashes := 0
		for slashes < i && text[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		from = i + 1
	}
}

// isStatus reports whether text is " 200" or " -" and a word's end.
func isStatus(text []byte) bool {
	if len(text) < 2 || text[0] != ' ' {
		return false
	}
	word, _, _ := bytes.Cut(text[1:], []byte(" "))
	if len(word) == 1 && word[0] == '-' {
		return true
	}
	_, ok := cut.Number(word)
	return ok && len(word) == 3
}

// answer reads status and size.
func (r *Reader) answer(text []byte) (tail []byte) {
	text = bytes.TrimLeft(text, " ")
	word, tail, _ := bytes.Cut(text, []byte(" "))
	r.values[status] = cut.Value(word)
	word, more, _ := bytes.Cut(tail, []byte(" "))
	if _, ok := cut.Number(word[:min(len(word), 9)]); ok || len(word) == 1 && word[0] == '-' {
		r.values[size], tail = cut.Value(word), more
	}
	return tail
}

// pair takes referer and agent off.
func pair(text []byte) (ref, name, tail []byte, ok bool) {
	if n := len(text); n > 4 && text[0] == '"' && text[n-1] == '"' && bytes.Count(text, []byte(`"`)) == 4 {
		i := 1 + bytes.IndexByte(text[1:], '"')
		if bytes.HasPrefix(text[i:], []byte(`" "`)) && text[i-1] != '\\' && text[n-2] != '\\' {
			return text[1:i], text[i+3 : n-1], nil, true
		}
	}
	if ref, tail, ok = quoted(text, true); ok {
		name, tail, ok = quoted(tail, false)
	}
	return ref, name, tail, ok
}

const mostQuotes = 64 // stray ones that are looked past in one value

// quoted takes a quoted value off, one that another follows or not. A stray
// quote inside is told by what stands behind it, which must read as values.
func quoted(text []byte, followed bool) (value, tail []byte, ok bool) {
	text = bytes.TrimLeft(text, " ")
	if len(text) == 0 || text[0] != '"' {
		return nil, text, false
	}
	text = text[1:]
	at, last := -1, -1
	for range mostQuotes {
		if at = closing(text, at+1); at < 0 {
			break
		}
		last = at
		if followed && bytes.HasPrefix(text[at:], []byte(`" "`)) || sound(text[at+1:]) {
			break
		}
	}
	if last >= 0 {
		return text[:last], text[last+1:], true
	}
	return text, nil, len(text) > 0 // the line is cut inside the value
}

// sound reports whether text is values, each after a blank: quoted, or words,
// which may have a quoted value of their own as in uct="0.01".
func sound(text []byte) bool {
	for len(text) > 0 {
		if text[0] != ' ' {
			return false
		}
		text = bytes.TrimLeft(text, " ")
		i := bytes.IndexAny(text, ` "`)
		if i < 0 {
			return true
		}
		if text[i] == '"' {
			if i > 0 && text[i-1] != '=' {
				return false
			}
			if i = closing(text, i+1); i < 0 {
				return false
			}
			i++
		}
		text = text[i:]
	}
	return true
}
