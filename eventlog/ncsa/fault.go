package ncsa

import (
	"bytes"
	"cmp"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

// errorSchema is the shape of a server's error log.
func errorSchema(format *evidence.LogFormat, server string) *evidence.Schema {
	s := evidence.NewSchema(format.ID, "level", "c-ip", "message")
	s.Source = evidence.LogSource{Category: format.Source.Category, Service: format.Service[server]}
	s.Roles[evidence.RoleAddress], s.Roles[evidence.RoleMessage] = 1, 2
	return s
}

// fault cuts a line of an error log, in the host's time:
//
//	[Sat Jan 17 10:51:58.123456 2026] [core:error] [pid 77] [client 192.0.2.7:4711] AH00126: ...
//	2026/01/17 10:51:58 [error] 77#77: *1 open() ... failed, client: 192.0.2.7, server: ...
func (r *Reader) fault(line []byte, row *cut.Row) bool {
	clear(r.values[:])
	level, message, ok := r.faultOfApache(line, row)
	if !ok {
		level, message, ok = r.faultOfNginx(line, row)
	}
	r.values[0], r.values[2] = level, message
	row.Values, row.Local, row.Open = r.values[:3], true, true
	return ok
}

// faultOfApache reads core's default ErrorLogFormat.
func (r *Reader) faultOfApache(line []byte, row *cut.Row) (level, message []byte, ok bool) {
	end := bytes.IndexByte(line, ']')
	if len(line) == 0 || line[0] != '[' || end < 25 {
		return nil, nil, false
	}
	text := line[1:end] // Sat Jan 17 10:51:58.123456 2026
	m, ok1 := cut.Month(text[4:7])
	d, ok2 := cut.Number(bytes.TrimLeft(text[8:10], " "))
	clock, ok3 := cut.Clock(text[11 : len(text)-5])
	y, ok4 := cut.Number(text[len(text)-4:])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, nil, false
	}
	day, ok := cut.DateOf(y, m, d)
	if !ok {
		return nil, nil, false
	}
	row.Schema, row.Time, row.Day = r.apache, cut.In(day, clock, cmp.Or(r.zone, time.UTC)), evidence.Day(day.Unix()/86400)
	message = bytes.TrimLeft(line[end+1:], " ")
	for i := 0; len(message) > 0 && message[0] == '['; i++ {
		end := bytes.IndexByte(message, ']')
		if end < 0 {
			break
		}
		word := message[1:end]
		if peer, ok := bytes.CutPrefix(word, []byte("client ")); ok {
			r.values[1] = cut.Value(withoutPort(peer))
		} else if i == 0 {
			level = word
		}
		message = bytes.TrimLeft(message[end+1:], " ")
	}
	return level, message, true
}

// withoutPort takes the port off as Apache writes it, "2001:db8::1:4711" too.
func withoutPort(peer []byte) []byte {
	if i := bytes.LastIndexByte(peer, ':'); i > 0 && cut.IsIP(peer[:i]) && !bytes.HasSuffix(peer[:i], []byte(":")) {
		return peer[:i]
	}
	return cut.Host(peer)
}

// faultOfNginx reads what ngx_log_error writes.
func (r *Reader) faultOfNginx(line []byte, row *cut.Row) (level, message []byte, ok bool) {
	const size = len("2026/01/17 10:51:58")
	if len(line) < size+4 || line[size] != ' ' || line[size+1] != '[' || line[4] != '/' {
		return nil, nil, false
	}
	at, day, ok := cut.Stamp(line[:size], cmp.Or(r.zone, time.UTC))
	level, message, closed := bytes.Cut(line[size+2:], []byte("] "))
	if !ok || !closed {
		return nil, nil, false
	}
	row.Schema, row.Time, row.Day = r.nginx, at, day
	if _, peer, ok := bytes.Cut(message, []byte(", client: ")); ok {
		peer, _, _ = bytes.Cut(peer, []byte(","))
		r.values[1] = cut.Value(peer)
	}
	return level, message, true
}
