package ioc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// said writes a list's entries and refusals, one a line.
func said(l *List) string {
	var out strings.Builder
	for _, e := range l.Entries {
		fmt.Fprintf(&out, "%s %s", [...]string{"peer", "url", "hash", "path", "name", "agent"}[e.Kind], e.Value)
		if e.Below {
			out.WriteString(" and below")
		}
		if e.Kind == URL {
			fmt.Fprintf(&out, " (%s %s)", e.Host, e.Request)
		}
		if e.Lead != "" {
			out.WriteString(" lead: " + e.Lead)
		}
		out.WriteByte('\n')
	}
	for _, r := range l.Rules {
		fmt.Fprintf(&out, "rule %s %s %q\n", r.Language, r.ID, r.Text)
	}
	for _, err := range l.Refused {
		fmt.Fprintf(&out, "refused %s\n", err)
	}
	for _, left := range l.Left {
		fmt.Fprintf(&out, "left %s\n", left)
	}
	return out.String()
}

func readText(t *testing.T, text string, opt Options) *List {
	t.Helper()
	l, err := Read("l", strings.NewReader(text), opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func readSample(t *testing.T, name string, opt Options) *List {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return readText(t, string(text), opt)
}

func same(t *testing.T, have, want string) {
	t.Helper()
	if have != want {
		t.Errorf("have\n%s\nwant\n%s", have, want)
	}
}

func TestPlain(t *testing.T) {
	l := readText(t, "\ufeff198.51.100.9\r\n2001:DB8::1\n203.0.113.7/24\n198.51.100.10:8443\n[2001:db8::2]:443\nEvil.Example.\nbad[.]test # remark\nalso(dot)bad[.test\n"+
		"hxxps://CDN.bad.test/x.msi\nhttp://192.0.2.9:8080/\n"+strings.Repeat("AB", 32)+";locker\nD41D8CD98F00B204E9800998ECF8427E\n# only a remark\n\n/tmp/x_0\nC:\\ProgramData\\X.exe,dropper\n"+
		"\\\\?\\D:\\Run\\\nd:/y\n127.0.0.1\n10.1.2.3\ngithub.com\nco.uk\nhttps://www.google.com/\n", Options{})
	same(t, said(l), `peer 198.51.100.9
peer 2001:db8::1
peer 203.0.113.0/24
peer 198.51.100.10
peer 2001:db8::2
peer evil.example and below
peer bad.test and below
peer also.bad.test and below
url https://CDN.bad.test/x.msi (cdn.bad.test /x.msi)
url http://192.0.2.9:8080/ (192.0.2.9 )
hash `+strings.Repeat("ab", 32)+`
hash d41d8cd98f00b204e9800998ecf8427e
path /tmp/x_0
path c:/programdata/x.exe
path d:/run
path d:/y
peer 127.0.0.1 lead: every host itself
peer 10.1.2.3
peer github.com and below lead: everybody contacts it or names below it
peer co.uk and below lead: a country's names stand below it
url https://www.google.com/ (www.google.com ) lead: everybody contacts it or names below it
`)
	l = readText(t, "ok.example\nrun.exe\nsome words here\nhttp:///x\n"+strings.Repeat("a", 5000)+"\n192.0.2.1\ncom\n0.0.0.0/0\n"+strings.Repeat(" ", 5000)+"192.0.2.1\n"+
		"http://intranet/x\n\\\\server\\share\\x\nhttp://b\u00fccher.example/\n"+strings.Repeat("ab", 64)+"\n", Options{})
	same(t, said(l), `peer ok.example and below
peer 192.0.2.1
refused l:2:1: "run.exe" is a bare file name; give its whole path
refused l:3:1: "some words here" is no address, network, domain, URL, hash or path
refused l:4:1: "http:///x" is no URL
refused l:5:1: a line of more than 4096 bytes
refused l:7:1: "com" is no address, network, domain, URL, hash or path
refused l:8:1: the network 0.0.0.0/0 is so wide that it tells nothing
refused l:9:1: a line of more than 4096 bytes
refused l:10:1: "http://intranet/x" names no host that stands in logs by an address or a domain
refused l:11:1: "\\\\server\\share\\x" names no drive
refused l:12:1: "http://bücher.example/" names no host that stands in logs by an address or a domain
refused l:13:1: a SHA-512; give the SHA-256
`)
	same(t, said(readText(t, "# nothing\n", Options{})), "refused l:1:1: it holds no indicator\n")
}

// TestPlainLines: of a line nothing but a remark is passed over.
func TestPlainLines(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		same(t, said(readText(t, text, Options{})), want)
	}
	f("198.51.100.98, 203.0.113.9\n", "peer 198.51.100.98\npeer 203.0.113.9\n")
	f("198.51.100.98\t203.0.113.9;203.0.113.10 # of 203.0.113.11\n", "peer 198.51.100.98\npeer 203.0.113.9\npeer 203.0.113.10\n")
	f("192.0.2.77,c2\r203.0.113.9,c2\r", "peer 192.0.2.77\npeer 203.0.113.9\n")
	f("192.0.2.77\r\nx y\rz z\n", "peer 192.0.2.77\nrefused l:2:1: \"x y\" is no address, network, domain, URL, hash or path\nrefused l:3:1: \"z z\" is no address, network, domain, URL, hash or path\n")
	f("\t192.0.2.1\n,192.0.2.2\n\"\",192.0.2.3\n; 192.0.2.4\n", "peer 192.0.2.1\npeer 192.0.2.2\npeer 192.0.2.3\n")
	f("192.0.2.1,443,2026-01-02,https://agency.example/x\n", "peer 192.0.2.1\n")
	f("192.0.2.1,evil[.]example\n", "peer 192.0.2.1\nrefused l:1:1: \"evil.example\", behind \"192.0.2.1\", may be meant, and is not looked for; write one a line, and remarks behind a \"#\"\n")
	f("192.0.2.1,hxxp://192.0.2.2/x\n", "peer 192.0.2.1\nrefused l:1:1: \"http://192.0.2.2/x\", behind \"192.0.2.1\", may be meant, and is not looked for; write one a line, and remarks behind a \"#\"\n")
	f("C:\\x,y\\a.dll\nC:\\x#1\\b.dll\n/x/a,b.dll\nhttp://bad.test/a,b/c?d=1\n", `refused l:1:1: "C:\\x,y\\a.dll" does not show where its first value ends; put that in quotes
refused l:2:1: "C:\\x#1\\b.dll" does not show where its first value ends; put that in quotes
refused l:3:1: "/x/a,b.dll" does not show where its first value ends; put that in quotes
refused l:4:1: "http://bad.test/a,b/c?d=1" does not show where its first value ends; put that in quotes
`)
	f("\"C:\\x,y\\a.dll\",dropper\n'/x#1/b'\nC:\\a.exe,C:\\b.exe\n/x/a,seen 1/2/2026,2026/1/2 # in /y\n", `path c:/x,y/a.dll
path /x#1/b
path c:/a.exe
path c:/b.exe
refused l:4:1: "/x/a,seen 1/2/2026,2026/1/2 # in /y" does not show where its first value ends; put that in quotes
`)
	f("/x/a,2026/1/2 # in /y\n::ffff:192.0.2.0/120\n", "path /x/a\npeer 192.0.2.0/24\n")
	var many strings.Builder
	for range 2 * maxUnlisted {
		many.WriteString("192.0.2.1,evil.example\n")
	}
	if l := readText(t, many.String(), Options{}); len(l.Entries) != 2*maxUnlisted || len(l.Refused) != maxRefused+1 {
		t.Errorf("%d entries, %d refused", len(l.Entries), len(l.Refused))
	}
}

// TestUnreadable: what is no list says so, and where.
func TestUnreadable(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	for text, want := range map[string]string{
		"\xff\xfe1\x009\x00":               "l is UTF-16; save it as UTF-8",
		"\x1f\x8b\x08":                     "l is packed",
		"<?xml version=\"1.0\"?>":          "l is XML",
		strings.Repeat("\x00\xfe\n", 2000): "of l 1000 lines are none, the first: l:1:1",
		"{}":                               "neither STIX",
		"{\"a\": [1, 2]}":                  "neither STIX",
		"{\"objects\": [\n {\"type\": \"x\",\n  \"type\": \"y\"}]}":                  `l:3:10: "type" stands twice in one object`,
		"{\"objects\": [{\"x\": " + deep + "}]}":                                     "nested deeper than 64",
		"{\"objects\": [{\"id\": 'x'}]}":                                             "l:1:21: want a value",
		"{\"objects\": [{\"id\": \"x\"":                                              "l:1:24: the file ends in the middle",
		"{\"objects\": [{\"id\": \"x":                                                "l:1:21: the file ends inside a string",
		"{\"objects\": []} x":                                                        "l:1:17: the JSON goes on behind its end",
		"{\"objects\": [{\"id\": \"\xff\"}]}":                                        "not UTF-8",
		"{\"objects\": [{\"id\": \"a\nb\"}]}":                                        "a control character",
		"{\"objects\": [{\"type\": \"indicator\", \"pattern\": [1]}]}":               "",
		"uuid,type,value\n\"a,b\n":                                                   "l:2:1: in the row that begins here a quote is not closed",
		"uuid,type,value,comment\nu1,ip-dst,192.0.2.1,\"bad\nu2,ip-dst,192.0.2.2,\n": "l:2:1: in the row that begins here a quote",
		"uuid,type,value,comment\nu1,ip-dst,192.0.2.1,a 5\" disk\n":                  "(seen at 2:24)",
	} {
		_, err := Read("l", strings.NewReader(text), Options{})
		if want == "" && err != nil || want != "" && (err == nil || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	if _, err := Read("l", strings.NewReader(strings.Repeat("\n", maxLines+1)), Options{}); !errors.Is(err, ErrLimit) {
		t.Errorf("too many lines: %v", err)
	}
	big := &endless{}
	l := &List{Name: "l", limit: 1 << 20}
	if _, err := l.readAll(big); !errors.Is(err, ErrLimit) || big.given > 4<<20 {
		t.Errorf("too large: %v, after %d bytes", err, big.given)
	}
}

// endless is a file without an end.
type endless struct{ given int }

func (e *endless) Read(b []byte) (int, error) {
	clear(b)
	e.given += len(b)
	return len(b), nil
}

// TestRefusedAreBounded: each is counted, the first of them are named.
func TestRefusedAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"response": {"Attribute": [`)
	for n := range 3000 {
		fmt.Fprintf(&text, `{"uuid": "%d", "type": "email-src", "to_ids": true, "value": "x"},`, n)
	}
	text.WriteString(`{"uuid": "ok", "type": "ip-dst", "to_ids": true, "value": "192.0.2.1"}]}}`)
	l := readText(t, text.String(), Options{})
	if len(l.Entries) != 1 || len(l.Refused) != maxRefused+1 || !strings.Contains(l.Refused[maxRefused].Error(), "2000 more entries") {
		t.Errorf("%d entries, %d refused, the last: %v", len(l.Entries), len(l.Refused), l.Refused[len(l.Refused)-1])
	}
}

func TestSTIX(t *testing.T) {
	l := readSample(t, "advisory.stix.json", Options{})
	same(t, said(l), `hash `+strings.Repeat("ab", 32)+`
peer 198.51.100.77
peer updates.evil.example and below
url https://files.example/get/loader.msi?id=7 (files.example /get/loader.msi?id=7)
hash d41d8cd98f00b204e9800998ecf8427e
hash da39a3ee5e6b4b0d3255bfef95601890afd80709
agent Evil Client/1.0 (x)
refused l:46:9: indicator--4fa2b082-b151-4f70-9e79-95d7fa2d0105: nothing here is held against windows-registry-key:key
refused l:52:9: indicator--50b3c193-c262-4081-8f8a-a6e80b3e1106: patterns of type "snort" are not read
left 1 older versions of an indicator (first: indicator--3e91af71-a040-4e6f-8d68-84c6e91cf104)
left 1 revoked (first: indicator--3e91af71-a040-4e6f-8d68-84c6e91cf104)
left 1 observed objects, context of the indicators (1 ipv4-addr)
`)
	first, second, third := l.Entries[0].About, l.Entries[1].About, l.Entries[3].About
	if first.Title != "Web shell dropped after the upload" || first.Note != "TLP:WHITE" || !slices.Equal(first.Sources, []string{"https://agency.example/aa26-020a"}) || first.Confidence != "" {
		t.Errorf("about %+v", first)
	}
	if second.ID != "indicator--1c7f8d5f-8e2d-4c4d-8b46-62a4c7fad102" || second.From.IsZero() || second.Until.Year() != 2026 || second.Note != "TLP:AMBER" {
		t.Errorf("about %+v", second)
	}
	if third.Title != "Loader, fetched from a share" {
		t.Errorf("title %q", third.Title)
	}
}

// TestSTIXShapes: what stands around indicators, and what they may be.
func TestSTIXShapes(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		same(t, said(readText(t, text, Options{})), want)
	}
	twice := func(pattern string) string {
		return `{"type": "indicator", "id": "indicator--a", "modified": "2026-01-01T00:00:00Z", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '` + pattern + `']"}`
	}
	f(`{"objects": [`+twice("192.0.2.1")+`, `+twice("192.0.2.2")+`]}`, "peer 192.0.2.1\npeer 192.0.2.2\n")
	one := `{"type": "indicator", "id": "indicator--1", "labels": ["malicious-activity"], "pattern": "[ipv4-addr:value = '192.0.2.1']", "valid_from": "2026-01-01T00:00:00Z"}`
	f(one, "peer 192.0.2.1\n")
	f("["+one+"]", "peer 192.0.2.1\n")
	f(`{"type": "bundle", "id": "bundle--1", "spec_version": "2.0", "objects": [`+one+`]}`, "peer 192.0.2.1\n")
	f(`{"more": false, "objects": [`+one+`]}`, "peer 192.0.2.1\n") // a TAXII envelope
	f(`{"objects": [{"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "192.0.2.1"}, {"type": "observed-data", "id": "observed-data--1", "objects": {"0": {"type": "file"}}}]}`,
		"refused l:1:1: it holds observations (1 ipv4-addr, 1 observed-data) and no indicator: what was seen somewhere is not what to look for; make a plain list of the values that are\n")
	f(`{"objects": [{"type": "indicator", "pattern": "[ipv4-addr:value = '192.0.2.1']"}, {"type": "indicator", "pattern": "[ipv4-addr:value = '192.0.2.2']"}, {"type": "url", "value": "x"}, "y"]}`,
		"peer 192.0.2.1\npeer 192.0.2.2\nrefused l:1:183: it stands among the objects and is none\nleft 1 observed objects, context of the indicators (1 url)\n")
	f(`{"objects": []}`, "refused l:1:1: it holds no indicator\n")
	f(`{"objects": [{"type": "indicator", "id": "indicator--1", "indicator_types": ["benign"], "pattern": "[ipv4-addr:value = '192.0.2.1']"}]}`,
		"refused l:1:1: it holds no indicator; left out: 1 called benign (first: indicator--1)\nleft 1 called benign (first: indicator--1)\n")
	f(`{"objects": [{"type": "indicator", "id": "indicator--1", "pattern_type": "sigma", "pattern": "title: x"}, {"type": "indicator", "id": "indicator--2", "pattern_type": "yara", "pattern": "rule x {}"}]}`,
		"rule sigma indicator--1 \"title: x\"\nrule yara indicator--2 \"rule x {}\"\n")
	f(`{"objects": [{"type": "indicator", "id": "indicator--1", "valid_from": "yesterday", "pattern": "[ipv4-addr:value = '10.0.0.7']"}]}`,
		"peer 10.0.0.7 lead: a private address, of whose network the list does not say\nrefused l:1:14: indicator--1: valid_from \"yesterday\" is no time; taken as open\n")
	f(`{"objects": [{"type": "indicator", "id": "indicator--1", "pattern": "[ipv4-addr:value = 192.0.2.1"}, {"type": "indicator", "id": "indicator--2"}]}`,
		`refused l:1:14: indicator--1: pattern "[ipv4-addr:value = 192.0.2.1": character 29: want ], not the end
refused l:1:102: indicator--2: it has no pattern
`)
}

// TestNothingIsDropped: what a list holds under another name, or in another shape,
// is read or refused, beside what is read.
func TestNothingIsDropped(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		same(t, said(readText(t, text, Options{})), want)
	}
	indicator := `"pattern": "[ipv4-addr:value = '192.0.2.1']"}`
	bundle := func(one string) string {
		return `{"objects": [{"type": "indicator", "pattern": "[ipv4-addr:value = '192.0.2.9']"}, ` + one + `]}`
	}
	f(bundle(`{"id": "indicator--1", `+indicator), "peer 192.0.2.9\npeer 192.0.2.1\n")
	f(bundle(`{"type": "Indicator", "id": "x", `+indicator), "peer 192.0.2.9\npeer 192.0.2.1\n")
	f(bundle(`{"type": "malware", "id": "indicator--1", `+indicator), "peer 192.0.2.9\nrefused l:1:83: indicator--1: by its id an indicator, and of type \"malware\"\n")
	f(bundle(`{"id": "x", `+indicator), "peer 192.0.2.9\nrefused l:1:83: x: it states no type\n")
	f(bundle(`{"type": "bundle", "objects": {"0": {"type": "indicator", `+indicator+`}}`), "peer 192.0.2.9\nrefused l:1:83: its \"objects\" are no list, and are not read\n")
	f(`{"more": true, "next": "a", "objects": [{"type": "indicator", `+indicator+`]}`,
		"peer 192.0.2.1\nrefused l:1:10: this is one page of several (\"more\": true): fetch the others and put their objects into one list\n")

	one := `{"uuid": "u1", "type": "ip-dst", "to_ids": true, "value": "192.0.2.1"}`
	for _, text := range []string{
		`{"Attribute": ` + one + `}`, `{"Attribute": {"0": ` + one + `}}`, `{"Object": {"0": {"Attribute": [` + one + `]}}}`, `{"Object": {"Attribute": {"3": ` + one + `}}}`,
		`{"response": {"0": {"Event": {"info": "y", "Attribute": [` + one + `]}}}}`,
	} {
		f(`[{"Event": {"info": "x", "Attribute": [{"uuid": "u9", "type": "ip-dst", "to_ids": true, "value": "192.0.2.9"}]}}, `+text+`]`, "peer 192.0.2.9\npeer 192.0.2.1\n")
	}
	f(`[`+one+`, {"event": {"Attribute": [`+one+`]}}, {"uuid": "u2", "type": "ip-dst"}, {"Attribute": "x", "Object": null}, {"Event": {"id": "1"}}, "y"]`,
		`peer 192.0.2.1
refused l:1:74: neither an event nor an indicator, nor an attribute with type and value
refused l:1:174: u2: neither an event nor an indicator, nor an attribute with type and value
refused l:1:222: its Attribute is no list, and is not read
refused l:1:268: it stands among the objects and is none
`)
}

// TestToIDs: what an attribute says of itself, however it is spelt, and what one
// that says nothing is.
func TestToIDs(t *testing.T) {
	for flag, want := range map[string]string{
		`true`: "peer 192.0.2.1\n", `"True"`: "peer 192.0.2.1\n", `1`: "peer 192.0.2.1\n", `null`: "peer 192.0.2.1\n", `""`: "peer 192.0.2.1\n",
		`"maybe"`: "refused l:1:16: 1: to_ids \"maybe\" is neither true nor false\n",
		`"False"`: "refused l:1:1: it holds no indicator; left out: 1 attributes that are context (to_ids false) (first: 1)\nleft 1 attributes that are context (to_ids false) (first: 1)\n",
	} {
		same(t, said(readText(t, `{"Attribute": [{"id": "1", "type": "ip-dst", "value": "192.0.2.1", "to_ids": `+flag+`}]}`, Options{})), want)
	}
	same(t, said(readText(t, `{"Attribute": [{"type": "ip-dst", "value": "192.0.2.1"}]}`, Options{})), "peer 192.0.2.1\n")
	same(t, said(readText(t, "uuid,type,value,to_ids\nu1,ip-dst,192.0.2.1,\nu2,ip-dst,192.0.2.2,TRUE\n", Options{})), "peer 192.0.2.1\npeer 192.0.2.2\n")
}

// TestTwice: twice is what was taken before, and not another server's attribute of
// the same number, nor one that was left out.
func TestTwice(t *testing.T) {
	event := func(attribute string) string {
		return `{"Event": {"info": "x", "Attribute": [{"id": "1", "type": "ip-dst", ` + attribute + `}]}}`
	}
	first := event(`"to_ids": true, "value": "192.0.2.1"`)
	same(t, said(readText(t, "["+first+","+event(`"to_ids": true, "value": "192.0.2.2"`)+","+first+"]", Options{})),
		"peer 192.0.2.1\npeer 192.0.2.2\nleft 1 attributes that stand in it twice (first: 1)\n")
	same(t, said(readText(t, "["+event(`"to_ids": false, "value": "192.0.2.1"`)+","+first+"]", Options{})),
		"peer 192.0.2.1\nleft 1 attributes that are context (to_ids false) (first: 1)\n")
}

func TestMISP(t *testing.T) {
	l := readSample(t, "event.misp.json", Options{})
	want := `peer 198.51.100.78
peer bad.example and below
peer 198.51.100.79
peer cdn.bad.example
name loader.exe lead: the name alone of %APPDATA%\Run\Loader.EXE
agent Evil Client/2.0
peer 127.0.0.1 lead: every host itself
hash ` + strings.Repeat("cd", 32) + `
hash d41d8cd98f00b204e9800998ecf8427e
`
	refused := `refused l:12:5: 8a3f0f5e-0000-4f0c-9a07-000000000007: nothing here is held against an attribute of type "email-src"
refused l:21:7: 8a3f0f5e-0000-4f0c-9a07-00000000000d: nothing here is held against an attribute of type "ssdeep"
`
	same(t, said(l), want+refused+`left 2 attributes that are context (to_ids false) (first: 8a3f0f5e-0000-4f0c-9a07-000000000004)
left 2 deleted (first: 8a3f0f5e-0000-4f0c-9a07-000000000006)
`)
	if a := l.Entries[0].About; a.Title != "second stage (Mail servers entered through an upload), seen 2026-01-12 to ?" || a.Note != "TLP:AMBER" || !slices.Equal(a.Sources, []string{"MISP event 8a3f0f5e-2b7e-4f0c-9a07-1f2e3d4c5b01"}) {
		t.Errorf("about %+v", a)
	}
	if a := l.Entries[5].About; a.Note != "TLP:RED" {
		t.Errorf("about %+v", a)
	}
	with := said(readSample(t, "event.misp.json", Options{Context: true}))
	if !strings.Contains(with, "peer 203.0.113.9 lead: context, which the list calls no indicator\n") || !strings.Contains(with, "left 1 attributes that are context") {
		t.Errorf("with context:\n%s", with)
	}
}

// TestMISPShapes: the same attribute in all that MISP writes.
func TestMISPShapes(t *testing.T) {
	one := `{"uuid": "u1", "id": "7", "event_id": "1", "type": "ip-dst", "to_ids": true, "value": "192.0.2.1", "Event": {"id": "1", "info": "x"}}`
	for _, text := range []string{
		`{"response": {"Attribute": [` + one + `]}}`,
		`{"response": [{"Event": {"info": "x", "Attribute": [` + one + `]}}]}`,
		`[{"Event": {"info": "x", "Attribute": [], "Object": [{"name": "o", "Attribute": [` + one + `]}]}}]`,
		`{"info": "x", "Attribute": [` + one + `]}`,
		`[` + one + `]`,
		"type,value,uuid\rip-dst,192.0.2.1,u1\r",
		"\ufeffuuid,event_id,category,type,value,comment,to_ids,date\r\nu1,1,\"Network activity\",ip-dst,\"192.0.2.1\",\"\",1,20260101\r\n",
	} {
		same(t, said(readText(t, text, Options{})), "peer 192.0.2.1\n")
	}
	same(t, said(readText(t, "uuid,event_id,category,type,value,comment,to_ids,date\nu1,1,x,ip-dst,192.0.2.1,,0,\nu2,1,x,md5,zz,,1,\nu3,1,x,,y,,1,\n", Options{})),
		"refused l:3:1: u2: \"zz\" is no MD5, SHA-1 or SHA-256\nrefused l:4:1: u3: a row without type or value\nleft 1 attributes that are context (to_ids false) (first: u1)\n")
	same(t, said(readText(t, "uuid,type,value,comment,to_ids\nu1,ip-dst,192.0.2.1,a, b,1\nu2,ip-dst,192.0.2.2\nu3,ip-dst,192.0.2.3,,1,\ntype,uuid,value\nip-dst,u4,192.0.2.4\n", Options{})),
		"peer 192.0.2.3\npeer 192.0.2.4\nrefused l:2:1: u1: a row of 6 columns, of which the head has 5\nrefused l:3:1: u2: a row of 3 columns, of which the head has 5\n")
	l := readText(t, "uuid,type,value,to_ids,attribute_tag,event_info\nu1,ip-dst,192.0.2.1,1,\"a:b,tlp:green\",An event\nuuid,type,value,to_ids,attribute_tag,event_info\nu2,ip-dst,192.0.2.2,1,,\n", Options{})
	if a := l.Entries[0].About; len(l.Entries) != 2 || len(l.Refused) != 0 || a.Title != "An event" || a.Note != "TLP:GREEN" {
		t.Errorf("%s about %+v", said(l), a)
	}
	if _, err := Read("l", strings.NewReader(`{"2f1e": {"info": "a manifest", "Orgc": {}}}`), Options{}); !errors.Is(err, ErrFormat) {
		t.Errorf("a manifest: %v", err)
	}
}

func seed(f *testing.F, texts ...string) {
	for _, name := range []string{"advisory.stix.json", "event.misp.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range texts {
		f.Add(text)
	}
}

// FuzzRead: whatever a list is, it is read or says why not; nothing of it is
// passed over in silence.
func FuzzRead(f *testing.F) {
	seed(f, "198.51.100.9\nhxxp://bad[.]test/\n\\\\?\\C:\\x\n", "uuid,type,value,to_ids\nu,ip-dst,192.0.2.1,1\n", `[{"type":"ip-dst","value":"::1","to_ids":"1"}]`,
		"192.0.2.1, 192.0.2.2\r\"C:\\x,y\",z\rC:\\x,y\\z\r,\"\",x\n", `[{"Attribute":{"0":{"type":"ip-dst","value":"::1"}}},{"more":true,"objects":{"0":{}}}]`, "uuid,type,value\nu,ip-dst,\"192.0.2.1\nuuid,value,type\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Read("l", strings.NewReader(text), Options{Context: len(text)%2 == 0})
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) {
				t.Fatal(err)
			}
			return
		}
		if len(l.Entries)+len(l.Refused)+len(l.Rules) == 0 {
			t.Error("nothing is said of it")
		}
		for _, e := range l.Entries {
			if e.Key() == "" || len(e.Key()) > 3*len(text)+40 {
				t.Errorf("entry %+v", e)
			}
		}
	})
}
