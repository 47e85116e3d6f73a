// Package jsonline cuts access logs that are JSON lines: Caddy's, Traefik's, and
// whatever an nginx log_format spells, told by the names of their keys.
//
// Keys are flattened with dots ("request.remote_ip"), one schema for each set of
// them. Numbers are the text that stands there, a list of one text is that text,
// other lists stand as written. Of objects called headers, which have keys of the
// clients' choice, those are kept that rules ask for. Request targets are cut
// into columns of their own.
package jsonline

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

const (
	maxShapes  = 128 // sets of keys in one log
	maxColumns = 120 // with the added ones what Schema.Roles can point at
)

// roles are the keys that play a role, lower case, the best first: nginx's
// variables (ngx_http_core_module), Caddy's access log (caddyserver.com/docs,
// "Structured logging"), Traefik's access log fields, the Elastic Common Schema,
// Cloudflare's HTTP requests (Logpush).
var roles = map[evidence.Role][]string{
	evidence.RoleAddress: {"remote_addr", "request.remote_ip", "request.remote_addr", "clienthost", "clientaddr", "client_ip", "clientip", "c-ip", "remote_ip", "remoteip", "client_addr", "client", "source.ip", "client.ip", "remote", "ip"},
	evidence.RoleAccount: {"remote_user", "clientusername", "user_id", "username", "auth_user", "user", "user.name", "cs-username"},
	evidence.RoleAgent:   {"http_user_agent", "request.headers.user-agent", "request_user-agent", "user_agent", "useragent", "user-agent", "agent", "user_agent.original", "cs(user-agent)", "clientrequestuseragent"},
	evidence.RoleStatus:  {"status", "downstreamstatus", "status_code", "statuscode", "response_code", "response_status", "response", "http.response.status_code", "edgeresponsestatus", "code", "sc-status"},
	evidence.RoleMethod:  {"request_method", "request.method", "requestmethod", "method", "http_method", "verb", "http.request.method", "clientrequestmethod", "cs-method"},
	evidence.RoleHost:    {"server_addr", "hostname", "s-ip"},
	evidence.RoleMessage: {"message", "msg", "log"},
	evidence.RoleForwarded: { // those that every proxy adds to go first; Caddy's client_ip is what it made of them
		"http_x_forwarded_for", "request.headers.x-forwarded-for", "request_x-forwarded-for", "x-forwarded-for", "x_forwarded_for", "headers.x-forwarded-for", "xff", "forwarded_for",
		"http_forwarded", "request.headers.forwarded", "request_forwarded", "forwarded", "http_x_real_ip", "request.headers.x-real-ip", "request_x-real-ip", "x-real-ip", "x_real_ip",
		"http_true_client_ip", "request.headers.true-client-ip", "http_cf_connecting_ip", "request.headers.cf-connecting-ip", "cf_connecting_ip", "request.client_ip",
	},
}

// Where a request's target stands, and whole request lines, and queries of their
// own, and times.
var (
	targets  = []string{"request_uri", "request.uri", "requestpath", "request_path", "uri", "url", "path", "url.original", "cs-uri-stem", "url.path", "clientrequesturi", "clientrequestpath", "cs-uri"}
	requests = []string{"request", "request_line", "requestline"}
	queries  = []string{"args", "query_string", "query", "url.query", "cs-uri-query"}
	times    = []string{"startutc", "time_iso8601", "@timestamp", "ts", "msec", "timestamp", "time_local", "time", "startlocal", "datetime", "date", "time_unix", "_source.@timestamp", "edgestarttimestamp"}
)

// The columns added behind a line's own.
const (
	method = iota
	stem
	query
	added
)

var addedNames = [added]string{"cs-method", "cs-uri-stem", "cs-uri-query"}

// shape is one set of keys.
type shape struct {
	schema                             *evidence.Schema
	target, request, query, method, at int // columns; -1: none
}

// Reader cuts the lines of one log.
type Reader struct {
	scanner
	format *evidence.LogFormat
	zone   *time.Location
	shapes map[string]*shape // shared with forks once there are some
	many   int64             // lines of more sets of keys than are kept

	forked bool // a fork: which sets of keys are kept its origin decides
	lent   bool // it has forks
	later  bool // the line in hand is for the origin
}

// New gives a reader of a format's logs.
func New(format *evidence.LogFormat, zone *time.Location) *Reader {
	return &Reader{format: format, zone: zone, shapes: map[string]*shape{}}
}

// Fork gives a reader that reads lines as this one does now, at the same time.
func (r *Reader) Fork() cut.Fork {
	r.lent = true
	return &Reader{format: r.format, zone: r.zone, shapes: r.shapes, forked: true}
}

// Join takes over what a fork has to tell.
func (r *Reader) Join(f cut.Fork) { r.many += f.(*Reader).many }

// Later reports whether the line just refused has keys that a fork does not know.
func (r *Reader) Later() bool { return r.later }

// Keep gives the sets of keys it met, and how many lines it left out.
func (r *Reader) Keep() cut.State {
	return cut.State{Shapes: slices.Sorted(maps.Keys(r.shapes)), Many: r.many}
}

// Restore makes it what it was. The error says that no reader keeps that.
func (r *Reader) Restore(s cut.State) error {
	if len(s.Shapes) > maxShapes {
		return fmt.Errorf("jsonline: %d sets of keys, more than %d", len(s.Shapes), maxShapes)
	}
	for _, keys := range s.Shapes {
		if n := strings.Count(keys, "\x00"); n < 1 || n > maxColumns || !strings.HasSuffix(keys, "\x00") {
			return fmt.Errorf("jsonline: a line of %d keys", n)
		}
		r.keys = append(r.keys[:0], keys...)
		r.shapes[keys] = r.shape()
	}
	if s.Many < 0 {
		return fmt.Errorf("jsonline: %d lines left out", s.Many)
	}
	r.many = s.Many
	return nil
}

// Reset takes back what values were lent.
func (r *Reader) Reset() { r.arena = r.arena[:0] }

// Doubt says what became of lines of more shapes than are kept.
func (r *Reader) Doubt() string {
	if r.many == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines not held against rules: they have keys in more than %d combinations", r.many, maxShapes)
}

// Cut cuts a line; false if it is no JSON object of an access log's size.
func (r *Reader) Cut(line []byte, row *cut.Row) bool {
	if !r.line(line) || len(r.values) == 0 || len(r.values) > maxColumns {
		return false
	}
	s := r.shapes[string(r.keys)]
	if s == nil {
		if len(r.shapes) == maxShapes {
			r.many++
			return false
		}
		if r.later = r.forked; r.later {
			return false
		}
		if r.lent {
			r.shapes, r.lent = maps.Clone(r.shapes), false
		}
		s = r.shape()
		r.shapes[string(r.keys)] = s
	}
	n := len(r.values)
	r.values = append(r.values, nil, nil, nil)
	r.request(s, r.values[n:])
	row.Schema, row.Values, row.Spelled = s.schema, r.values, r.spelt
	row.Time, row.Day = time.Time{}, 0
	if s.at >= 0 {
		row.Time, row.Day, row.Local = stamp(r.values[s.at], r.zone)
	}
	return true
}

// request cuts the request into the added columns.
func (r *Reader) request(s *shape, out [][]byte) {
	switch {
	case s.target >= 0 && r.values[s.target] != nil:
		_, out[stem], out[query] = cut.Target(r.values[s.target])
	case s.request >= 0:
		q := cut.ParseRequest(r.values[s.request])
		out[method], out[stem], out[query] = q.Method, q.Path, q.Query
	}
	if s.query >= 0 && out[query] == nil {
		out[query] = bytes.TrimPrefix(r.values[s.query], []byte("?"))
	}
	if s.method >= 0 {
		out[method] = nil // it has a column
	}
}

// shape makes the schema of the keys in hand and finds its roles.
func (r *Reader) shape() *shape {
	names := strings.Split(strings.TrimSuffix(string(r.keys), "\x00"), "\x00")
	lower := make([]string, len(names))
	for i := range names {
		lower[i] = strings.ToLower(names[i])
	}
	find := func(wanted []string) int {
		for _, w := range wanted {
			if i := slices.Index(lower, w); i >= 0 {
				return i
			}
		}
		return -1
	}
	n := len(names)
	s := &shape{schema: evidence.NewSchema(r.format.ID, append(names, addedNames[:]...)...)}
	s.schema.Source = r.format.Source
	for role, wanted := range roles {
		s.schema.Roles[role] = int8(find(wanted))
	}
	s.target, s.request, s.query, s.at = find(targets), find(requests), find(queries), find(times)
	if s.method = int(s.schema.Roles[evidence.RoleMethod]); s.method < 0 && s.request >= 0 {
		s.schema.Roles[evidence.RoleMethod] = int8(n + method)
	}
	if s.target >= 0 || s.request >= 0 {
		s.schema.Roles[evidence.RolePath], s.schema.Roles[evidence.RoleQuery] = int8(n+stem), int8(n+query)
	}
	return s
}

// Time reads a time of a log, as UTC: a number of seconds, or of smaller parts
// where it is too large for them, RFC 3339 (zone's where it states no offset,
// and then it is local), or what access logs write.
func Time(text []byte, zone *time.Location) (at time.Time, day evidence.Day, local bool) {
	return stamp(text, zone)
}

// stamp reads a time: a number of seconds, or of smaller parts where it is too
// large for them, RFC 3339, or what access logs write.
func stamp(text []byte, zone *time.Location) (at time.Time, day evidence.Day, local bool) {
	if at, day, ok := cut.AccessTime(text); ok {
		return at, day, false
	}
	if at, day, ok := cut.Stamp(text, zone); ok {
		end := text[len(text)-1]
		return at, day, end != 'Z' && end != 'z' && !bytes.ContainsAny(text[19:], "+-")
	}
	seconds, fraction, _ := bytes.Cut(text, []byte("."))
	n, err := strconv.ParseInt(string(seconds), 10, 64)
	if err != nil || n <= 0 || len(seconds) > 19 {
		return time.Time{}, 0, false
	}
	switch {
	case n >= 1e17:
		at = time.Unix(0, n)
	case n >= 1e14:
		at = time.UnixMicro(n)
	case n >= 1e11:
		at = time.UnixMilli(n)
	default:
		part, ok := cut.Number(fraction[:min(len(fraction), 9)])
		for i := len(fraction); ok && i < 9; i++ {
			part *= 10
		}
		at = time.Unix(n, int64(part))
	}
	if at = at.UTC(); !cut.Plausible(at) {
		return time.Time{}, 0, false
	}
	return at, evidence.DayOf(at), false
}
