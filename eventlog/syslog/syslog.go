// Package syslog cuts what Linux systems log of themselves: lines of RFC 3164
// (with a year or without, or with the RFC 3339 time that rsyslog and journald's
// forwarding write) and of RFC 5424, and entries of the systemd journal as
// journalctl exports them ("Journal Export Format" and "Journal JSON Format",
// systemd.io/JOURNAL_EXPORT_FORMATS). All give the same columns. Which service
// of Sigma's an event is of, the program that logged it tells.
package syslog

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

// The columns.
const (
	host = iota
	program
	pid
	message
	client // the address that a login or a connection came from, where the message says so
	priority
	msgid
	data
	unit
	uid
	exe
	cmdline
	columns
)

var names = [columns]string{"host", "program", "pid", "message", "c-ip", "priority", "msgid", "data", "unit", "uid", "exe", "cmdline"}

// within are the services whose log holds the messages of another one, too: what
// sshd says stands in the log of logins, and all in the log of messages.
var within = map[string][]string{"sshd": {"auth", "syslog"}, "auth": {"syslog"}, "cron": {"syslog"}, "clamav": {"syslog"}, "vsftpd": {"syslog"}, "guacamole": {"syslog"}}

// shapes makes the schemas of a format, one for each service.
type shapes struct {
	format   *evidence.LogFormat
	programs map[string]*evidence.Schema // by program as it stands in the log
	services map[string]*evidence.Schema
}

const maxPrograms = 4096 // names in one log that are remembered

func newShapes(format *evidence.LogFormat) shapes {
	return shapes{format, map[string]*evidence.Schema{}, map[string]*evidence.Schema{}}
}

// of gives the schema of what a program logs.
func (s *shapes) of(program []byte) *evidence.Schema {
	if schema := s.programs[string(program)]; schema != nil {
		return schema
	}
	name := strings.ToLower(string(program))
	service, known := s.format.Service[name]
	if first, _, deep := strings.Cut(name, "/"); !known && deep { // postfix/smtpd
		service, known = s.format.Service[first]
	}
	if !known {
		service = s.format.Source.Service
	}
	schema := s.services[service]
	if schema == nil {
		schema = evidence.NewSchema(s.format.ID, names[:]...)
		schema.Source = s.format.Source
		schema.Source.Service = service
		for _, also := range within[service] {
			schema.Also = append(schema.Also, evidence.LogSource{Product: schema.Source.Product, Category: schema.Source.Category, Service: also})
		}
		schema.Roles[evidence.RoleHost], schema.Roles[evidence.RoleMessage], schema.Roles[evidence.RoleAddress] = host, message, client
		s.services[service] = schema
	}
	if len(s.programs) < maxPrograms {
		s.programs[string(program)] = schema
	}
	return schema
}

// Reader cuts the lines of one log.
type Reader struct {
	shapes
	years
	zone   *time.Location
	values [columns][]byte
}

// New gives a reader of a format's logs. No line may be younger than newest,
// which tells the year where lines do not; zero: not known.
func New(format *evidence.LogFormat, zone *time.Location, newest time.Time) *Reader {
	return &Reader{shapes: newShapes(format), years: years{newest: newest, zone: zone}, zone: zone}
}

// Keep gives where in the years it is.
func (r *Reader) Keep() cut.State {
	return cut.State{Year: r.year, Month: r.month, Last: r.last, Past: r.past}
}

// Restore makes it what it was. The error says that no reader keeps that.
func (r *Reader) Restore(s cut.State) error {
	if s.Year < 0 || s.Year > 9999 || s.Month < 0 || s.Month > time.December || s.Past < 0 {
		return fmt.Errorf("syslog: month %d of the year %d, %d lines", int(s.Month), s.Year, s.Past)
	}
	r.year, r.month, r.last, r.past = s.Year, s.Month, s.Last, s.Past
	return nil
}

// Reset does nothing: all values are the line's own.
func (r *Reader) Reset() {}

// Cut cuts a line; false if it is none of syslog.
func (r *Reader) Cut(line []byte, row *cut.Row) bool {
	clear(r.values[:])
	row.Time, row.Day, row.Open = time.Time{}, 0, true
	text := r.priority(line)
	ok := false
	if len(text) > 2 && text[0] == '1' && text[1] == ' ' && len(text) < len(line) {
		ok = r.structured(text[2:], row)
	} else {
		ok = r.plain(text, row)
	}
	if ok {
		row.Schema = r.of(r.values[program])
		r.values[client] = peer(r.values[message], row.Schema.Source.Service)
		row.Values = r.values[:]
	}
	return ok
}

// priority takes "<13>" off.
func (r *Reader) priority(line []byte) []byte {
	if len(line) > 3 && line[0] == '<' {
		if end := bytes.IndexByte(line[:min(len(line), 5)], '>'); end > 1 {
			if _, ok := cut.Number(line[1:end]); ok {
				r.values[priority] = line[1:end]
				return line[end+1:]
			}
		}
	}
	return line
}

// plain reads "TIME HOST TAG: MSG" (RFC 3164, section 4.1, and RFC 3339 times in
// their place).
func (r *Reader) plain(text []byte, row *cut.Row) bool {
	n := r.time(text, row)
	if n == 0 || len(text) <= n+1 || text[n] != ' ' {
		return false
	}
	name, rest, more := bytes.Cut(text[n+1:], []byte(" "))
	if !more || len(name) == 0 {
		return false
	}
	r.values[host] = name
	tag, text, _ := bytes.Cut(rest, []byte(" "))
	if !bytes.HasSuffix(tag, []byte(":")) {
		r.values[message] = cut.Value(rest)
		return len(rest) > 0
	}
	tag = tag[:len(tag)-1]
	if open := bytes.IndexByte(tag, '['); open >= 0 && tag[len(tag)-1] == ']' {
		r.values[pid], tag = tag[open+1:len(tag)-1], tag[:open]
	}
	if open := bytes.IndexByte(tag, '('); open > 0 { // sshd(pam_unix)
		tag = tag[:open]
	}
	r.values[program], r.values[message] = cut.Value(tag), cut.Value(text)
	return true
}

// time reads the time a line begins with and gives its length, 0 for none.
func (r *Reader) time(text []byte, row *cut.Row) int {
	if len(text) < 16 {
		return 0
	}
	if text[4] == '-' {
		end := bytes.IndexByte(text, ' ')
		if end < 19 {
			return 0
		}
		at, day, ok := cut.Stamp(text[:end], r.zone)
		if !ok {
			return 0
		}
		row.Time, row.Day = at, day
		row.Local = text[end-1] != 'Z' && !bytes.ContainsAny(text[19:end], "+-")
		return end
	}
	m, ok1 := cut.Month(text[:3])
	d, ok2 := cut.Number(bytes.TrimLeft(text[4:6], " "))
	if !ok1 || !ok2 || text[3] != ' ' || text[6] != ' ' || d < 1 || d > 31 {
		return 0
	}
	year, from := 0, 7
	if y, ok := cut.Number(text[7:11]); ok && text[11] == ' ' {
		year, from = y, 12
	}
	end := from + 8
	for end < len(text) && (text[end] == '.' || text[end] >= '0' && text[end] <= '9') {
		end++
	}
	if end > len(text) {
		return 0
	}
	clock, ok := cut.Clock(text[from:end])
	if !ok {
		return 0
	}
	row.Local = true
	if day, ok := r.day(year, m, d, clock); ok {
		row.Time, row.Day = cut.In(day, clock, r.zone), evidence.Day(day.Unix()/86400)
	}
	return end
}

// structured reads what follows VERSION in a line of RFC 5424, section 6.
func (r *Reader) structured(text []byte, row *cut.Row) bool {
	var words [5][]byte
	for i := range words {
		var more bool
		if words[i], text, more = bytes.Cut(text, []byte(" ")); !more || len(words[i]) == 0 {
			return false
		}
	}
	if at := words[0]; len(at) != 1 || at[0] != '-' {
		var ok bool
		if row.Time, row.Day, ok = cut.Stamp(at, time.UTC); !ok {
			return false
		}
	}
	r.values[host], r.values[program], r.values[pid], r.values[msgid] = cut.Value(words[1]), cut.Value(words[2]), cut.Value(words[3]), cut.Value(words[4])
	n := elements(text)
	if n == 0 || n < len(text) && text[n] != ' ' {
		return false
	}
	r.values[data] = cut.Value(text[:n])
	text = bytes.TrimPrefix(bytes.TrimPrefix(text[n:], []byte(" ")), []byte("\xef\xbb\xbf"))
	r.values[message] = cut.Value(text)
	return true
}

// elements is the length of STRUCTURED-DATA (RFC 5424, section 6.3), 0 for none.
func elements(text []byte) int {
	if len(text) > 0 && text[0] == '-' {
		return 1
	}
	at, quoted := 0, false
	for at < len(text) && text[at] == '[' {
		for at++; at < len(text) && (quoted || text[at] != ']'); at++ {
			switch {
			case text[at] == '"':
				quoted = !quoted
			case text[at] == '\\' && quoted:
				at++
			}
		}
		if at >= len(text) {
			return 0
		}
		at++
	}
	return at
}

// peer is the address that a message says somebody came from: sshd's last "from"
// (what stands before it the client chose), dovecot's rip=, PAM's rhost=.
func peer(message []byte, service string) []byte {
	at := -1
	if service == "sshd" {
		at = after(message, " from ")
	}
	for _, mark := range []string{"rip=", "rhost="} {
		if at < 0 {
			at = after(message, mark)
		}
	}
	if at < 0 {
		return nil
	}
	end := at
	for end < len(message) && message[end] != ' ' && message[end] != ',' {
		end++
	}
	if word := message[at:end]; cut.IsIP(word) {
		return word
	}
	return nil
}

// after is where the text behind the last mark begins; -1: there is none.
func after(text []byte, mark string) int {
	if i := bytes.LastIndex(text, []byte(mark)); i >= 0 {
		return i + len(mark)
	}
	return -1
}
