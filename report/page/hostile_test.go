package page

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern/report"
	"postern/report/diff"
	"postern/verdict"
)

// hostiles are what evidence may hold to act on a reader's terminal, browser
// or spreadsheet.
var hostiles = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style></script><svg onload=alert(1)>`,
	"javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "https://example.org/\"onclick=\"alert(1)", "{{.Title}}", "--><!--", "]]>",
	"\x1b]0;x\x07\x1b[31m", "\u202egnp.exe\u2066", "a\r\nb\tc\x00", "\xff\xfe", "\u2028", "\U000e0041",
	`=cmd|' /C calc'!A0`, "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", " =1+1", `"=1+1`, "x;=1+1", "x|=1+1", "\uff1d1+1", "x\n=1+1",
}

// hostile is a report in which every string is the next of hostiles, but for
// what Read would refuse.
func hostile(t testing.TB) *report.Report {
	r := read(t, "many")
	r.Tool.Refused, r.Run.Limits = []string{""}, []string{""}
	n := 0
	walk(reflect.ValueOf(r).Elem(), func(string) string { n++; return hostiles[n%len(hostiles)] })
	answered := func(a *report.Answers) {
		a.Each(func(p *report.Part) { p.Answer = verdict.Yes })
		a.Compromised.Reading = verdict.Entered
	}
	for i := range r.Hosts {
		answered(&r.Hosts[i].Answers)
	}
	for i := range r.Targets {
		answered(&r.Targets[i].Answers)
	}
	return r
}

// TestHostileTextStaysText, in every form.
func TestHostileTextStaysText(t *testing.T) {
	r := hostile(t)
	for shift := range hostiles { // every text in every place
		walk(reflect.ValueOf(r).Elem(), func(s string) string {
			if i := slices.Index(hostiles, s); i >= 0 {
				return hostiles[(i+1)%len(hostiles)]
			}
			return s
		})
		checkPlain(t, text(t, r, Look{}))
		checkHTML(t, html(t, r))
		var logs bytes.Buffer
		if err := Logs(&logs, r, Look{}); err != nil {
			t.Fatal(err)
		}
		checkPlain(t, logs.String())
		for _, table := range Tables() {
			checkCSV(t, r, table)
		}
		var out bytes.Buffer
		if err := Diff(&out, diff.Compare(read(t, "entered"), r), Look{}); err != nil {
			t.Fatal(err)
		}
		checkPlain(t, out.String())
		if t.Failed() {
			t.Fatal("at shift ", shift)
		}
	}
}

func html(t testing.TB, r *report.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func checkPlain(t *testing.T, out string) {
	t.Helper()
	if escaped := report.Escape(strings.ReplaceAll(out, "\n", "")); escaped != strings.ReplaceAll(out, "\n", "") {
		t.Error("something in it acts on a terminal")
	}
}

var (
	tags       = regexp.MustCompile(`<(/?)([a-zA-Z!][^\s>]*)([^>]*)>`)
	attributes = regexp.MustCompile(`\s([a-zA-Z:-]+)(?:=("[^"]*"|'[^']*'|[^\s"'>]+))?`)
	mayTag     = strings.Fields(`!DOCTYPE html head meta title style body svg defs pattern path rect circle g line text use desc header main footer section article nav
		div p h1 h2 h3 h4 dl dt dd ol ul li table thead tbody tr th td details summary form label input select option button output
		a b i strong small span code q time br script`)
	mayHave = strings.Fields(`lang charset http-equiv content name class id width height aria-hidden aria-labelledby role patternUnits d r x x1 x2 y y1 y2 cx cy dx dy fill
		transform text-anchor overflow href data-s data-c open hidden type placeholder value html`)
)

// checkHTML demands that only the page's own tags and attributes are there,
// that links lead to the web or into the page, and that nothing is invisible.
func checkHTML(t *testing.T, out string) {
	t.Helper()
	checkPlain(t, out)
	out = strings.Replace(strings.Replace(out, styleText, "", 1), scriptText, "", 1)
	for _, m := range tags.FindAllStringSubmatch(out, -1) {
		if !slices.Contains(mayTag, m[2]) {
			t.Errorf("a tag of its own: %.80q", m[0])
		}
		if m[2] == "!DOCTYPE" {
			continue
		}
		for _, a := range attributes.FindAllStringSubmatch(m[3], -1) {
			if !slices.Contains(mayHave, a[1]) {
				t.Errorf("an attribute of its own: %.120q", m[0])
			}
			if to := strings.Trim(a[2], `"'`); a[1] == "href" && !strings.HasPrefix(to, "#") && !isLink(to) {
				t.Errorf("a link to %.80q", to)
			}
		}
	}
	if n := strings.Count(out, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
}

func checkCSV(t *testing.T, r *report.Report, table string) {
	t.Helper()
	var out bytes.Buffer
	if err := CSV(&out, r, table); err != nil {
		t.Fatal(err)
	}
	checkPlain(t, strings.ReplaceAll(out.String(), "\r", ""))
	for _, comma := range []rune{',', ';'} { // some spreadsheets take the other
		c := csv.NewReader(bytes.NewReader(out.Bytes()))
		c.Comma, c.FieldsPerRecord, c.LazyQuotes = comma, 0, comma == ';'
		if comma == ';' {
			c.FieldsPerRecord = -1
		}
		rows, err := c.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell = strings.TrimLeft(cell, " \""); cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") || strings.HasPrefix(cell, "\uff1d") {
					t.Errorf("%s: a formula in %q", table, cell)
				}
			}
		}
	}
}

func TestCSV(t *testing.T) {
	r := read(t, "many")
	for _, table := range Tables() {
		var out bytes.Buffer
		if err := CSV(&out, r, table); err != nil {
			t.Fatal(err)
		}
		golden(t, table+".csv", out.Bytes())
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Fatalf("%s: %d rows, %v", table, len(rows), err)
		}
		for i, row := range rows {
			if i > 0 && row[0] != "MAIL01" && row[0] != "mail02" {
				t.Errorf("%s: row %d is of no host: %q", table, i, row)
			}
		}
	}
	if err := CSV(io.Discard, r, "nothing"); err == nil || !strings.Contains(err.Error(), "findings, vulnerabilities, coverage") {
		t.Errorf("%v", err)
	}
}

// TestVisibleCopies: the report that is rendered stays as it was.
func TestVisibleCopies(t *testing.T) {
	r := hostile(t)
	before := fmt.Sprintf("%+v", r.Targets[0])
	html(t, r)
	if fmt.Sprintf("%+v", r.Targets[0]) != before {
		t.Error("rendering changes the report")
	}
}

// FuzzRender: whatever Read takes, every form can be made of it, and none of
// them acts on its reader.
func FuzzRender(f *testing.F) {
	for _, name := range []string{"entered", "many", "none"} {
		var out bytes.Buffer
		r := read(f, name)
		r.Run.BodySHA256 = ""
		if err := r.WriteJSON(&out); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, err := report.Read(bytes.NewReader(doc))
		if err != nil {
			return
		}
		checkPlain(t, text(t, r, Look{}))
		checkHTML(t, html(t, r))
		var logs bytes.Buffer
		if err := Logs(&logs, r, Look{}); err != nil {
			t.Fatal(err)
		}
		checkPlain(t, logs.String())
		for _, table := range Tables() {
			checkCSV(t, r, table)
		}
		if err := Diff(io.Discard, diff.Compare(r, r), Look{}); err != nil {
			t.Fatal(err)
		}
	})
}
