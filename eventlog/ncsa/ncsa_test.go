package ncsa

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

var web = evidence.LogFormat{ID: "web.access", Source: evidence.LogSource{Category: "webserver"}}

// show gives what a line is cut into: time, then "name=value" for what is there.
func show(r *Reader, line string) string {
	var row cut.Row
	if !r.Cut([]byte(line), &row) {
		return "not understood"
	}
	words := []string{row.Time.UTC().Format("02T15:04:05")}
	for i, name := range row.Schema.Fields {
		if row.Values[i] != nil {
			words = append(words, name+"="+string(row.Values[i]))
		}
	}
	return strings.Join(words, "|")
}

func TestCut(t *testing.T) {
	const at = " - - [17/Jan/2026:10:51:58 +0100] "
	f := func(name, line, want string) {
		t.Helper()
		if got := show(New(&web, time.FixedZone("", 3600)), line); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
	f("combined", `83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /presentations/a.png?x=1 HTTP/1.1" 200 203023 "http://semicomplete.com/" "Mozilla/5.0 (Macintosh)"`,
		"17T10:05:03|c-ip=83.149.9.216|cs-method=GET|cs-uri-stem=/presentations/a.png|cs-uri-query=x=1|cs-version=HTTP/1.1|sc-status=200|sc-bytes=203023|cs(Referer)=http://semicomplete.com/|cs(User-Agent)=Mozilla/5.0 (Macintosh)")
	f("common", "192.0.2.7"+at+`"GET / HTTP/1.0" 304 -`, "17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.0|sc-status=304")
	f("user", `192.0.2.7 - John Doe [17/Jan/2026:10:51:58 -0330] "GET / HTTP/1.0" 304 0`, "17T14:21:58|c-ip=192.0.2.7|cs-username=John Doe|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.0|sc-status=304|sc-bytes=0")
	f("user with a bracket", `192.0.2.7 - a[b] [17/Jan/2026:10:51:58 +0000] "GET / HTTP/1.0" 304 0`, "17T10:51:58|c-ip=192.0.2.7|cs-username=a[b]|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.0|sc-status=304|sc-bytes=0")
	f("IPv6", "2001:db8::7"+at+`"GET / HTTP/2.0" 200 5 "-" "-"`, "17T09:51:58|c-ip=2001:db8::7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/2.0|sc-status=200|sc-bytes=5")
	f("name of a client", "crawl.example.org"+at+`"GET / HTTP/1.1" 200 5`, "17T09:51:58|c-ip=crawl.example.org|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5")
	f("virtual host", "mail.example.org:443 192.0.2.7"+at+`"GET / HTTP/1.1" 200 5 "-" "x"`, "17T09:51:58|cs-host=mail.example.org:443|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|cs(User-Agent)=x")
	f("virtual host without a port", "mail.example.org ::1"+at+`"GET / HTTP/1.1" 200 5`, "17T09:51:58|cs-host=mail.example.org|c-ip=::1|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5")
	f("virtual host by address", "10.0.0.1:443 192.0.2.7"+at+`"GET / HTTP/1.1" 200 5`, "17T09:51:58|cs-host=10.0.0.1:443|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5")
	f("forwarded for, before", "198.51.100.1, 192.0.2.7"+at+`"GET / HTTP/1.1" 200 5`, "17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|X-Forwarded-For=198.51.100.1, 192.0.2.7")
	f("trailing", "192.0.2.7"+at+`"GET / HTTP/1.1" 200 5 "-" "x" 0.004 "198.51.100.1, 10.0.0.1" upstream:80`,
		"17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|X-Forwarded-For=198.51.100.1, 10.0.0.1|rest=0.004 \"198.51.100.1, 10.0.0.1\" upstream:80|cs(User-Agent)=x")
	f("trailing, named", "192.0.2.7"+at+`"GET / HTTP/1.1" 200 5 "-" "x" "198.51.100.1" rt=0.1 uct="0.0" uht="-"`,
		"17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|X-Forwarded-For=198.51.100.1|rest=\"198.51.100.1\" rt=0.1 uct=\"0.0\" uht=\"-\"|cs(User-Agent)=x")
	f("escaped quotes", "192.0.2.7"+at+`"GET /a\"b HTTP/1.1" 200 5 "\\x" "a \"b\" c\x0a"`,
		"17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/a\"b|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|cs(Referer)=\\x|cs(User-Agent)=a \"b\" c\n")
	f("stray quotes", "192.0.2.7"+at+`"GET /a"b"c d HTTP/1.1" 200 5 "http://x/"y" "Mozilla "foo" bar" 0.1`,
		"17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/a\"b\"c d|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|rest=0.1|cs(Referer)=http://x/\"y|cs(User-Agent)=Mozilla \"foo\" bar")
	f("forged fields", "192.0.2.7"+at+`"GET /x\" 200 1 \"-\" \"good HTTP/1.1" 404 5 "-" "evil"`,
		"17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/x\" 200 1 \"-\" \"good|cs-version=HTTP/1.1|sc-status=404|sc-bytes=5|cs(User-Agent)=evil")
	f("no HTTP", "192.0.2.7"+at+`"\x16\x03\x01" 400 226 "-" "-"`, "17T09:51:58|c-ip=192.0.2.7|cs-uri-stem=\x16\x03\x01|sc-status=400|sc-bytes=226")
	f("no request", "192.0.2.7"+at+`"-" 408 - "-" "-"`, "17T09:51:58|c-ip=192.0.2.7|sc-status=408")
	f("HTTP/0.9", "192.0.2.7"+at+`"GET /a b" 200 5`, "17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/a b|sc-status=200|sc-bytes=5")
	f("whole address", "192.0.2.7"+at+`"GET http://h:8/p?q HTTP/1.1" 200 5`, "17T09:51:58|cs-host=h:8|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/p|cs-uri-query=q|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5")
	f("no size", "192.0.2.7"+at+`"GET / HTTP/1.1" 200 "r" "a"`, "17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|cs(Referer)=r|cs(User-Agent)=a")
	f("cut in the agent", "192.0.2.7"+at+`"GET / HTTP/1.1" 200 5 "r" "Mozi`, "17T09:51:58|c-ip=192.0.2.7|cs-method=GET|cs-uri-stem=/|cs-version=HTTP/1.1|sc-status=200|sc-bytes=5|cs(Referer)=r|cs(User-Agent)=Mozi")
	f("Apache's error log", "[Sat Jan 17 10:51:58.123456 2026] [core:error] [pid 77:tid 1] [client 192.0.2.7:4711] AH00126: Invalid URI", "17T09:51:58|level=core:error|c-ip=192.0.2.7|message=AH00126: Invalid URI")
	f("of 2.2, IPv6", "[Sat Jan  3 10:51:58 2026] [error] [client 2001:db8::7] File does not exist: /x", "03T09:51:58|level=error|c-ip=2001:db8::7|message=File does not exist: /x")
	f("nginx's error log", `2026/01/17 10:51:58 [error] 77#77: *1 open() "/x" failed (2: No such file), client: 192.0.2.7, server: _, request: "GET /x HTTP/1.1"`,
		`17T09:51:58|level=error|c-ip=192.0.2.7|message=77#77: *1 open() "/x" failed (2: No such file), client: 192.0.2.7, server: _, request: "GET /x HTTP/1.1"`)
	for _, line := range []string{
		"", "x", `192.0.2.7 - - [17/Jan/2026:10:51:58 +0100]`, "192.0.2.7" + at + `"GET / HTTP/1.1`, "192.0.2.7" + at + `"GET / HTTP/1.1" OK 5`,
		`192.0.2.7 - - [32/Jan/2026:10:51:58 +0100] "GET / HTTP/1.1" 200 5`, `192.0.2.7 - - [17/Jan/2026 10:51:58] "GET / HTTP/1.1" 200 5`,
		`- - [17/Jan/2026:10:51:58 +0100] "GET / HTTP/1.1" 200 5`, "[Sat Jan 17 10:51:58 20", "2026/01/17 10:51:58 [error",
	} {
		f("too little", line, "not understood")
	}
}

// TestTheApacheCorpus: 10,000 real lines, every one understood, and cut where
// their quotes stand.
func TestTheApacheCorpus(t *testing.T) {
	text, err := os.ReadFile("../../../shared/corpora/access/apache/apache_access.log")
	if err != nil {
		t.Skip("corpora are not here: ", err)
	}
	r, n := New(&web, time.UTC), 0
	var row cut.Row
	for line := range bytes.Lines(text) {
		if line = bytes.TrimRight(line, "\r\n"); !r.Cut(line, &row) {
			t.Fatalf("not understood: %s", line)
		}
		n++
		if bytes.Count(line, []byte(`"`)) != 6 || bytes.IndexByte(line, '\\') >= 0 {
			continue
		}
		parts := bytes.Split(line, []byte(`"`))
		if ref := cut.Value(parts[3]); !slices.Equal(row.Values[referer], ref) || !slices.Equal(row.Values[agent], cut.Value(parts[5])) {
			t.Fatalf("%s: %q %q", line, row.Values[referer], row.Values[agent])
		}
	}
	if n != 10_000 {
		t.Errorf("%d lines", n)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`h 192.0.2.7, 1 - a [17/Jan/2026:10:51:58 +0100] "GET /a\"?b HTTP/1.1" 200 5 "r" "a\x0`))
	f.Add([]byte(`[Sat Jan 17 10:51:58 2026] [e] [client ::1] x`))
	f.Add([]byte(`2026/01/17 10:51:58 [error] client: , client: 1,`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r := New(&web, time.UTC)
		var row cut.Row
		before := bytes.Clone(line)
		if r.Cut(line, &row) && (len(row.Values) != len(row.Schema.Fields) || row.Time.IsZero() || row.Day == 0) {
			t.Errorf("%+v", row)
		}
		if !bytes.Equal(line, before) {
			t.Error("the line was changed")
		}
	})
}

func BenchmarkCut(b *testing.B) {
	text, err := os.ReadFile("../../../shared/corpora/access/apache/apache_access.log")
	if err != nil {
		b.Skip("corpora are not here: ", err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	r := New(&web, time.UTC)
	var row cut.Row
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Reset()
		for _, line := range lines {
			r.Cut(line, &row)
		}
	}
	b.ReportMetric(float64(b.N*len(lines))/b.Elapsed().Seconds(), "lines/s")
}
