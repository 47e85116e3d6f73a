package eventlog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

const (
	maxColumns = 128 // what Schema.Roles can point at
	maxShapes  = 64  // different #Fields lines of one file
)

// w3c reads the W3C Extended Log File Format (WD-logfile-960323): directives
// begin with '#', the last #Fields names the columns of the rows below it,
// "-" is a value that is not there.
type w3c struct {
	*rows
	format *evidence.LogFormat
	cal    calendar
	shapes map[string]*shape
	shape  *shape // in force; nil: none
}

// shape is one #Fields line.
type shape struct {
	text       string
	schema     *evidence.Schema
	separator  byte
	date, time int // columns; -1: none
	address    int // column of the client's address; -1: none
	spaced     int // column before address that may hold spaces; -1: none
}

func newW3C(r *rows, format *evidence.LogFormat, cal calendar) *w3c {
	return &w3c{rows: r, format: format, cal: cal, shapes: map[string]*shape{}}
}

// parse reads a block of whole lines. It never holds any back.
func (p *w3c) parse(block []byte, _ bool) (held int, err error) {
	p.begin(block)
	for off := 0; off < len(block); {
		line, n, ended := p.cutLine(block[off:])
		p.lines++
		if err := p.take(line, ended); err != nil {
			return 0, err
		}
		if ended {
			p.line++
		}
		off += n
	}
	return 0, p.flush()
}

// alone reports whether the rows of a block state all that they need but for the
// columns' names. One with directives changes what holds behind it, and a clock
// without a date goes on from the line before.
func (p *w3c) alone(block []byte) bool {
	return p.shape != nil && (p.shape.date >= 0 || p.shape.time < 0) &&
		block[0] != '#' && !bytes.Contains(block, []byte("\n#")) && bytes.IndexByte(block, 0) < 0
}

func (p *w3c) fork(r *rows) parser {
	return &w3c{rows: r, format: p.format, cal: p.cal.fork(), shape: p.shape}
}

func (p *w3c) join(f parser) { p.cal.join(&f.(*w3c).cal) }

func (p *w3c) keep(to *point) bool {
	to.Clock = p.cal.keep()
	for text, s := range p.shapes {
		if s != p.shape {
			to.Shapes = append(to.Shapes, text)
		}
	}
	if to.Shaped = p.shape != nil; to.Shaped {
		to.Shapes = append(to.Shapes, p.shape.text)
	}
	return true
}

func (p *w3c) restore(from *point) error {
	p.cal.restore(from.Clock)
	for _, text := range from.Shapes {
		p.shape = p.fields(text)
	}
	if !from.Shaped {
		p.shape = nil
	}
	return nil
}

func (p *w3c) take(line []byte, ended bool) error {
	switch {
	case len(line) == 0:
		p.blank++
		return nil
	case line[0] == '#':
		p.directives++
		p.directive(line)
		return nil
	case p.shape == nil:
		p.notUnderstood(ended)
		return nil
	}
	return p.row(line, ended)
}

// doubt says why days may be wrong.
func (p *w3c) doubt() string { return p.cal.doubt() }

func (p *w3c) directive(line []byte) {
	name, text, _ := bytes.Cut(line[1:], []byte(":"))
	text = bytes.TrimSpace(text)
	switch {
	case bytes.EqualFold(name, []byte("Fields")):
		p.shape = p.fields(string(text))
	case bytes.EqualFold(name, []byte("Date")):
		if day, ok := cut.Date(text[:min(10, len(text))], '-'); ok {
			p.cal.setDay(day)
		} else {
			p.cal.known = false // the day before is not that of what follows
		}
	}
}

// fields gives the shape of a #Fields line, nil for one that is none or one
// too many: the rows below it are then not understood.
func (p *w3c) fields(text string) *shape {
	if s := p.shapes[text]; s != nil {
		return s
	}
	s := &shape{text: text, separator: ' '}
	if strings.Contains(text, "\t") {
		s.separator = '\t'
	}
	names := strings.FieldsFunc(text, func(r rune) bool { return r == rune(s.separator) })
	if len(names) == 0 || len(names) > maxColumns || len(p.shapes) == maxShapes || strings.Contains(text, ",") {
		return nil
	}
	s.schema = w3cSchema(p.format, names)
	s.date, s.time = s.schema.Index("date"), s.schema.Index("time")
	s.address = int(s.schema.Roles[evidence.RoleAddress])
	s.spaced = -1
	for _, role := range []evidence.Role{evidence.RoleQuery, evidence.RolePath} {
		if i := int(s.schema.Roles[role]); s.spaced < 0 && i < s.address {
			s.spaced = i
		}
	}
	p.shapes[text] = s
	return s
}

// w3cRoles gives the columns that may play a role, the best first.
var w3cRoles = [evidence.NumRoles][]string{
	evidence.RoleAddress: {"c-ip"},
	evidence.RoleAccount: {"cs-username"},
	evidence.RoleAgent:   {"cs(User-Agent)", "c-agent"}, // c-agent and s-operation: TMG's and ISA's proxy log
	evidence.RoleMethod:  {"cs-method", "s-operation"},
	evidence.RolePath:    {"cs-uri-stem", "cs-uri-path", "cs-uri", "cs-url"}, // cs-uri-path: SGOS; cs-url: Cisco's; HTTPERR and TMG have cs-uri, with its query
	evidence.RoleQuery:   {"cs-uri-query"},
	evidence.RoleStatus:  {"sc-status"},
	evidence.RoleHost:    {"s-computername", "s-ip"},
}

// w3cForwarded are what operators call the column of a header that says whom a
// request was made for, alone or as cs(...) (IIS, "Custom Fields in a Log File for
// a Site"; Advanced Logging). Those that every proxy adds to go first: of one
// that a proxy merely passes on a client is the author.
var w3cForwarded = []string{
	"X-Forwarded-For", "XForwardedFor", "X_Forwarded_For", "XFF", "Forwarded-For", "Forwarded", "OriginalIP", "X-Original-For", "X-Real-IP", "X-Client-IP",
	"X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "ClientIP", "Client-IP", "RealIP",
}

func w3cSchema(format *evidence.LogFormat, names []string) *evidence.Schema {
	schema := evidence.NewSchema(format.ID, names...)
	schema.Source = format.Source
	if schema.Source == (evidence.LogSource{}) {
		schema.Source = evidence.LogSource{Product: "iis", Category: "webserver"}
	}
	for role, columns := range w3cRoles {
		for _, c := range columns {
			if i := schema.Index(c); i >= 0 && schema.Roles[role] < 0 {
				schema.Roles[role] = int8(i)
			}
		}
	}
	for _, name := range w3cForwarded {
		if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) || strings.EqualFold(n, "cs("+name+")") }); i >= 0 {
			schema.Roles[evidence.RoleForwarded] = int8(i)
			break
		}
	}
	if i := schema.Index("src-ip"); i >= 0 && schema.Roles[evidence.RoleAddress] < 0 { // Windows Firewall: who sent the packet, SEND and RECEIVE alike
		schema.Roles[evidence.RoleAddress] = int8(i)
		for name, field := range map[string]string{"src_ip": "src-ip", "dst_ip": "dst-ip", "src_port": "src-port", "dst_port": "dst-port"} {
			schema.Call(name, field) // as Sigma's rules for firewalls do
		}
	}
	return schema
}

// row reads one row. A row with fewer columns than #Fields names has nil for
// the rest; one with more had a space in a value, and the client's address
// tells in which; both are counted where a column may have been lost.
func (p *w3c) row(line []byte, ended bool) error {
	s := p.shape
	text := bytes.TrimRight(line, " ")
	values, err := p.slot(s.schema)
	if err != nil {
		return err
	}
	n, surplus := split(values, text, s.separator)
	if n < len(values) && s.separator == ' ' && bytes.Count(text, tab) == len(values)-1 { // as CloudFront: names by blanks, values by tabs
		n, surplus = split(values, text, '\t')
	}
	surplus = surplus && !splitQuoted(values, text, s.separator) && !s.realign(values, text)
	at, day, ok := p.when(values)
	if !ok {
		p.notUnderstood(ended)
		return nil
	}
	switch {
	case n < len(values) && !ended:
		p.cut = true
	case n < len(values):
		first(&p.short, &p.shortAt, p.line)
	case surplus:
		first(&p.extra, &p.extraAt, p.line)
		if at := s.schema.Roles[evidence.RoleForwarded]; at >= 0 {
			values[at] = nil // a blank of the client's own may have cut off what the proxy added
		}
	}
	p.add(row{s.schema, values, at, day, p.line, line, false})
	return nil
}

// split cuts text at its separators into values, "-" becoming nil, and gives
// how many of them it has, and whether it has more.
func split(values [][]byte, text []byte, separator byte) (n int, surplus bool) {
	const low = 0x7f7f7f7f7f7f7f7f
	every := uint64(separator) * 0x0101010101010101
	from, at := 0, 0
	end := func(i int) bool {
		values[n] = value(text[from:i])
		n, from = n+1, i+1
		return n == len(values)
	}
	for ; at+8 <= len(text); at += 8 {
		x := binary.LittleEndian.Uint64(text[at:]) ^ every
		for zeros := ^(x&low + low | x | low); zeros != 0; zeros &= zeros - 1 { // the high bit of each byte that is a separator
			if end(at + bits.TrailingZeros64(zeros)/8) {
				return n, from < len(text)
			}
		}
	}
	for ; at < len(text); at++ {
		if text[at] == separator && end(at) {
			return n, from < len(text)
		}
	}
	values[n] = value(text[from:])
	clear(values[n+1:])
	return n + 1, false
}

var tab = []byte("\t")

// splitQuoted reads a row with too many columns again, as one in which values
// that begin with a quote run to the next one before a separator, or two in a
// row stand for one (WD-logfile-960323, "string"). It is right when the row then
// has as many columns as there are; else values are left as they were.
func splitQuoted(values [][]byte, text []byte, separator byte) bool {
	if bytes.IndexByte(text, '"') < 0 {
		return false
	}
	cuts := make([][]byte, 0, len(values))
	for rest, more := text, true; more; {
		if len(cuts) == len(values) {
			return false
		}
		end := closingQuote(rest, separator)
		if end > 0 {
			cuts = append(cuts, rest[1:end])
			end++
		} else {
			if end = bytes.IndexByte(rest, separator); end < 0 {
				end = len(rest)
			}
			cuts = append(cuts, rest[:end])
		}
		if more = end < len(rest); more {
			rest = rest[end+1:]
		}
	}
	if len(cuts) != len(values) {
		return false
	}
	for i, c := range cuts {
		values[i] = value(c)
	}
	return true
}

// closingQuote gives where the quote ends that text begins with, 0 for none.
func closingQuote(text []byte, separator byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
		case i+1 < len(text) && text[i+1] == '"':
			i++
		case i+1 == len(text) || text[i+1] == separator:
			return i
		}
	}
	return 0
}

func value(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

// realign reads a row with too many columns again, giving the surplus to the
// column that may hold spaces. It is right when the client's address was out
// of its column and is in it now; else values are left as they were.
func (s *shape) realign(values [][]byte, text []byte) bool {
	if s.spaced < 0 || cut.IsIP(values[s.address]) {
		return false
	}
	tail := text
	for range len(values) - 1 - s.spaced {
		tail = tail[:bytes.LastIndexByte(tail, s.separator)]
	}
	moved := make([][]byte, len(values))
	split(moved[s.spaced+1:], text[len(tail)+1:], s.separator)
	if !cut.IsIP(moved[s.address]) {
		return false
	}
	for range s.spaced {
		tail = tail[bytes.IndexByte(tail, s.separator)+1:]
	}
	values[s.spaced] = value(tail)
	copy(values[s.spaced+1:], moved[s.spaced+1:])
	return true
}

// when gives a row's time, zero if the log states none, and false if what
// stands in its columns is no date or time.
func (p *w3c) when(values [][]byte) (time.Time, evidence.Day, bool) {
	if p.shape.time < 0 {
		return time.Time{}, 0, true
	}
	clock, ok := cut.Clock(values[p.shape.time])
	switch {
	case !ok || p.shape.date >= 0 && !p.cal.setDate(values[p.shape.date]):
		return time.Time{}, 0, false
	case !p.cal.known:
		return time.Time{}, 0, true
	case p.shape.date >= 0:
		at, day := p.cal.on(p.cal.day, clock)
		return at, day, true
	}
	at, day := p.cal.at(clock)
	return at, day, true
}
