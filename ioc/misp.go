package ioc

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event takes an event of MISP (MISP core format, draft-dulaunoy-misp-core-format):
// its attributes, and those of its objects.
func (j *jsonList) event(n *node) {
	j.Format = "MISP"
	title := firstLine(n.text)
	source := ""
	if n.id != "" && title != "" {
		source = Cut("MISP event "+n.id, maxSource)
	}
	take := func(a *node, tags []string, deleted bool) {
		line, column := j.place(a.at)
		j.attribute(&attribute{
			line: line, column: column, id: a.id, kind: a.kind, value: a.value, comment: firstLine(a.text), title: title, source: source,
			note: tlp(slices.Concat(a.tags, tags)), flag: a.idsFlag, deleted: deleted || a.deleted, from: a.from, until: a.until,
		})
	}
	for i := range n.attributes {
		take(&n.attributes[i], n.tags, n.deleted)
	}
	for i := range n.objects {
		o := &n.objects[i]
		for k := range o.attributes {
			take(&o.attributes[k], n.tags, n.deleted || o.deleted)
		}
	}
}

// attribute is one attribute of MISP, whatever it was written in.
type attribute struct {
	line, column           int
	id, kind, value        string
	comment, title, source string // title, source: of its event
	note, from, until      string // from, until: first and last seen
	flag                   string // to_ids
	deleted                bool
}

// taken is an attribute that was taken. A number alone is its server's own, and
// two servers' lists may be one.
type taken struct{ id, kind, value string }

// attribute takes one attribute. One that does not say whether it is an indicator
// (to_ids) counts as one: an export may leave the column out.
func (l *List) attribute(a *attribute) {
	isIndicator, known := truth(a.flag)
	isIndicator = isIndicator || strings.TrimSpace(a.flag) == ""
	key := taken{a.id, a.kind, a.value}
	switch {
	case a.id != "" && l.taken[key]:
		l.leave("attributes that stand in it twice", a.id)
		return
	case a.deleted:
		l.leave("deleted", a.id)
		return
	case !isIndicator && !known:
		l.refuse(a.line, a.column, a.id, fmt.Sprintf("to_ids %s is neither true nor false", shown(a.flag)))
		return
	case !isIndicator && (!l.context || attributeReader(a.kind) == nil):
		l.leave(contextOnly, a.id)
		return
	case a.kind == "sigma" || a.kind == "yara":
		l.taken[key] = true
		l.Rules = append(l.Rules, Rule{a.kind, a.id, a.value})
		return
	}
	read := attributeReader(a.kind)
	if read == nil {
		l.refuse(a.line, a.column, a.id, fmt.Sprintf("nothing here is held against an attribute of type %s", shown(a.kind)))
		return
	}
	about := &About{ID: Cut(a.id, maxSource), Title: cmp.Or(a.comment, a.title), Note: a.note}
	if a.comment != "" && a.title != "" {
		about.Title += " (" + a.title + ")"
	}
	if a.from != "" || a.until != "" {
		about.Title = strings.TrimSpace(fmt.Sprintf("%s, seen %s to %s", about.Title, cmp.Or(seenDay(a.from), "?"), cmp.Or(seenDay(a.until), "?")))
	}
	if a.source != "" {
		about.Sources = []string{a.source}
	}
	for _, e := range read(a.value) {
		if e.why != "" {
			l.refuse(a.line, a.column, a.id, e.why)
			continue
		}
		if !isIndicator {
			e.Lead = "context, which the list calls no indicator"
		}
		e.About = about
		l.taken[key] = true
		l.add(e.Entry, true)
	}
}

// seenDay is the day of a first or last sighting, "" for none.
func seenDay(text string) string {
	if at := stamp(text); !at.IsZero() {
		return at.Format("2006-01-02")
	}
	return ""
}

// contextOnly is why most attributes of an event are no indicators.
const contextOnly = "attributes that are context (to_ids false)"

// ContextOnly reports whether Options.Context would take what was left out.
func (l Left) ContextOnly() bool { return l.Why == contextOnly }

// read is one value of an attribute, or why it can't be honoured.
type read struct {
	Entry
	why string
}

func one(e Entry, why string) []read { return []read{{e, why}} }

// attributeReader is how the values of a type are read (MISP core format, and
// its list of types); nil: of nothing that is held against evidence. What stands
// behind a "|" narrows: a port, the name of a file that is hashed. A domain's
// address is an indicator of its own.
func attributeReader(kind string) func(string) []read {
	first := func(take func(string) (Entry, string)) func(string) []read {
		return func(v string) []read {
			v, _, _ = strings.Cut(v, "|")
			return one(take(strings.TrimSpace(v)))
		}
	}
	whole := func(take func(string) (Entry, string)) func(string) []read {
		return func(v string) []read { return one(take(strings.TrimSpace(v))) }
	}
	second := func(v string) []read {
		_, v, _ = strings.Cut(v, "|")
		return one(digest(strings.TrimSpace(v)))
	}
	switch kind {
	case "ip-src", "ip-dst", "ip-src|port", "ip-dst|port", "domain":
		return first(peer)
	case "hostname", "hostname|port":
		return first(func(v string) (Entry, string) {
			e, why := peer(v)
			e.Below = false
			return e, why
		})
	case "domain|ip":
		return func(v string) []read {
			name, addr, _ := strings.Cut(v, "|")
			return append(one(peer(strings.TrimSpace(name))), one(peer(strings.TrimSpace(addr)))...)
		}
	case "url":
		return whole(link)
	case "uri":
		return whole(func(v string) (Entry, string) {
			if !strings.Contains(v, "://") {
				return Entry{}, shown(v) + " names no host"
			}
			return link(v)
		})
	case "md5", "sha1", "sha256":
		return whole(digest)
	case "filename|md5", "filename|sha1", "filename|sha256", "malware-sample":
		return second
	case "filename":
		return func(v string) []read { return one(file(strings.TrimSpace(v))) }
	case "user-agent":
		return func(v string) []read { return one(agent(v)) }
	}
	return nil
}

// csvColumns are the columns of MISP's CSV export that are read.
var csvColumns = [...]string{"uuid", "type", "value", "to_ids", "comment", "event_info", "attribute_tag", "event_tag"}

// isCSV tells an export of MISP by its first line.
func isCSV(text []byte) bool {
	if end := bytes.IndexAny(text, "\r\n"); end >= 0 {
		text = text[:end]
	}
	_, is := head(strings.Split(strings.ReplaceAll(string(text), `"`, ""), ","))
	return is
}

// head reads the names of columns, and whether they are an export's.
func head(row []string) (at map[string]int, is bool) {
	if !slices.ContainsFunc(row, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), "uuid") }) {
		return nil, false
	}
	at = map[string]int{}
	for i, name := range row {
		at[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range []string{"type", "value"} {
		if _, has := at[name]; !has {
			return nil, false
		}
	}
	return at, true
}

// table is an export of MISP to CSV that is being read.
type table struct {
	*List
	*csv.Reader
	at    map[string]int // columns, by name
	width int
}

// readCSV reads attributes as MISP exports them to CSV (RFC 4180). A quote that
// is not closed hides where rows end, and refuses the file.
func (l *List) readCSV(in *bufio.Reader) error {
	l.Format = "MISP CSV"
	text, err := l.readAll(&lineEnds{in: in})
	if err != nil {
		return err
	}
	t := &table{List: l, Reader: csv.NewReader(bytes.NewReader(text))}
	t.FieldsPerRecord, t.ReuseRecord = -1, true
	for {
		row, err := t.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			return fmt.Errorf("%w: %s:%d:1: in the row that begins here a quote is not closed or not doubled (seen at %d:%d); is the file whole?", ErrFormat, l.Name, bad.StartLine, bad.Line, bad.Column)
		case err != nil:
			return fmt.Errorf("%w: %s: %w", ErrFormat, l.Name, err)
		}
		if at, is := head(row); is { // also of another export behind the first
			t.at, t.width = at, len(row)
			continue
		}
		t.row(row)
	}
}

// row takes one attribute. A row of another width than the head's has its values
// in columns that nobody knows.
func (t *table) row(row []string) {
	var v [len(csvColumns)]string
	for i, name := range csvColumns {
		if k, has := t.at[name]; has && k < len(row) {
			v[i] = strings.Clone(row[k])
		}
	}
	line, _ := t.FieldPos(0)
	for len(row) > t.width && strings.TrimSpace(row[len(row)-1]) == "" { // a comma at the end
		row = row[:len(row)-1]
	}
	switch {
	case len(row) != t.width:
		t.refuse(line, 1, v[0], fmt.Sprintf("a row of %d columns, of which the head has %d", len(row), t.width))
		return
	case v[1] == "" || v[2] == "":
		t.refuse(line, 1, v[0], "a row without type or value")
		return
	}
	t.attribute(&attribute{
		line: line, column: 1, id: v[0], kind: v[1], value: v[2], comment: firstLine(v[4]), title: firstLine(v[5]),
		note: tlp(append(strings.Split(v[6], ","), strings.Split(v[7], ",")...)), flag: v[3],
	})
}
