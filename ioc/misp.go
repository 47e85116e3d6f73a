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
			note: tlp(slices.Concat(a.tags, tags)), isIndicator: a.idsFlag == "true" || a.idsFlag == "1", deleted: deleted || a.deleted, from: a.from, until: a.until,
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
	isIndicator, deleted   bool
}

// attribute takes one attribute.
func (l *List) attribute(a *attribute) {
	if a.id != "" && l.ids[a.id] {
		l.leave("attributes that stand in it twice", a.id)
		return
	}
	l.ids[a.id] = true
	switch {
	case a.deleted:
		l.leave("deleted", a.id)
		return
	case !a.isIndicator && (!l.context || attributeReader(a.kind) == nil):
		l.leave(contextOnly, a.id)
		return
	case a.kind == "sigma" || a.kind == "yara":
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
		if !a.isIndicator {
			e.Lead = "context, which the list calls no indicator"
		}
		e.About = about
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
	line, _, _ := bytes.Cut(text, []byte("\n"))
	names := strings.Split(strings.ToLower(strings.TrimSpace(strings.ReplaceAll(string(line), `"`, ""))), ",")
	return slices.Contains(names, "uuid") && slices.Contains(names, "type") && slices.Contains(names, "value")
}

// readCSV reads attributes as MISP exports them to CSV.
func (l *List) readCSV(in *bufio.Reader) error {
	l.Format = "MISP CSV"
	text, err := l.readAll(in)
	if err != nil {
		return err
	}
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, true
	head, err := rows.Read()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFormat, l.Name, err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrFormat, l.Name, err)
		}
		l.csvRow(rows, row, at)
	}
}

func (l *List) csvRow(rows *csv.Reader, row []string, at map[string]int) {
	var v [len(csvColumns)]string
	for i, name := range csvColumns {
		if k, has := at[name]; has && k < len(row) {
			v[i] = strings.Clone(row[k])
		}
	}
	line, _ := rows.FieldPos(0)
	switch {
	case v[1] == "type" && v[2] == "value": // the head of another export behind the first
		return
	case v[1] == "" || v[2] == "":
		l.refuse(line, 1, v[0], "a row without type or value")
		return
	}
	_, marked := at["to_ids"]
	flag := strings.ToLower(v[3])
	l.attribute(&attribute{
		line: line, column: 1, id: v[0], kind: v[1], value: v[2], comment: firstLine(v[4]), title: firstLine(v[5]),
		note: tlp(append(strings.Split(v[6], ","), strings.Split(v[7], ",")...)), isIndicator: !marked || flag == "1" || flag == "true",
	})
}
