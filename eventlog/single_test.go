package eventlog

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// layout is a format of nothing but its layout.
func layout(name string) *evidence.LogFormat {
	return &evidence.LogFormat{ID: "x." + name, Family: "x", Layout: name, Zone: evidence.ZoneHost, Source: evidence.LogSource{Category: "webserver"}, Sniff: regexp.MustCompile(`.`)}
}

func readAs(t testing.TB, format *evidence.LogFormat, in Input) *sink {
	t.Helper()
	in.Format = format
	return read(t, in)
}

const accessLine = "192.0.2.7 - - [17/Jan/2026:10:51:58 +0100] \"GET /a HTTP/1.1\" 200 5 \"-\" \"x\"\n"

func TestAccessLog(t *testing.T) {
	f := func(name, log string, zone *time.Location, events int, want string) {
		t.Helper()
		in := text("access.log", log)
		in.Zone = zone
		s := readAs(t, layout("ncsa"), in)
		if len(s.events) != events || s.missed() != want {
			t.Errorf("%s: %d events, want %d; missed %q (%s), want %q", name, len(s.events), events, s.missed(), s.details(), want)
		}
	}
	f("its offset says the zone", accessLine+"\n"+accessLine, nil, 2, "")
	f("a line of the error log does not", accessLine+"2026/01/17 10:51:58 [error] 7#7: x\n", nil, 2, "time zone")
	f("with a zone", accessLine+"2026/01/17 10:51:58 [error] 7#7: x\n", time.UTC, 2, "")
	f("too little", accessLine+"192.0.2.7 - -\n", nil, 1, "damaged")
	f("whole without its newline", strings.TrimSuffix(accessLine, "\n"), nil, 1, "")
	f("cut", accessLine[:len(accessLine)-3], nil, 1, "truncated")
}

// TestEscapedValuesAreNotJudgedByTheirBytes: what a literal search may miss is
// said not to be known.
func TestEscapedValuesAreNotJudgedByTheirBytes(t *testing.T) {
	in := text("access.log", accessLine+strings.Replace(accessLine, "/a", `/\x61`, 1))
	s := readAs(t, layout("ncsa"), in)
	listed := readAs(t, layout("journal"), text("journal.json", `{"__REALTIME_TIMESTAMP":"1768640000000000","MESSAGE":[104, 105,255]}`+"\n"))
	if len(listed.events) != 1 || listed.events[0].Verbatim || listed.events[0].fields["message"] != "hi\xff" {
		t.Errorf("%+v", listed.events)
	}
	if len(s.events) != 2 || !s.events[0].Verbatim || s.events[1].Verbatim || s.events[1].fields["cs-uri-stem"] != "/a" {
		t.Errorf("%+v", s.events)
	}
}

// TestLogOfOtherSitesVouchesForNothing: without a record of the product's own
// pages a log of a web server counts to no family.
func TestLogOfOtherSitesVouchesForNothing(t *testing.T) {
	format := layout("ncsa")
	format.Serves = regexp.MustCompile(`^/interface/`)
	for log, family := range map[string]string{
		accessLine: "", strings.Replace(accessLine, "/a", "/interface/root", 1) + accessLine: "x Logs",
		strings.Replace(strings.Replace(accessLine, "/a", "/interface/root", 1), "200", "404", 1): "",
	} {
		if row := readAs(t, format, text("access.log", log)).read(); row.Family != family || row.Count == 0 {
			t.Errorf("%q: %+v", log, row)
		}
	}
}

// TestSharedNamesTellNothing: a name that other programs use, too, needs the
// content's word.
func TestSharedNamesTellNothing(t *testing.T) {
	format := *layout("ncsa")
	format.Names, format.Sniff = []*regexp.Regexp{regexp.MustCompile(`^access\.log$`)}, regexp.MustCompile(`\[\d\d/`)
	for _, shared := range []bool{true, false} {
		format.Shared = shared
		if got := Sniff("access.log", []byte("hello"), []evidence.LogFormat{format}); (got == nil) != shared {
			t.Errorf("shared %v: %v", shared, got)
		}
		if got := Sniff("access.log.gz", []byte("\x1f\x8b\x08\x00"), []evidence.LogFormat{format}); got == nil {
			t.Error("packed: its text will tell")
		}
	}
}

func accessLog(rows int) string {
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "198.51.100.%d - - [17/Jan/2026:%02d:%02d:%02d +0100] \"GET /interface/app/%d.js?v=%d HTTP/1.1\" 200 %d \"https://mail.example.org/interface/root\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\"\n",
			i%250, i/3600%24, i/60%60, i%60, i%70, i%7, i%9000)
	}
	return b.String()
}

func benchmarkAs(b *testing.B, name, log string) {
	in := text("log", log)
	in.Format, in.ModTime = layout(name), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	out := &nowhere{}
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Read(b.Context(), in, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.n)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkNCSA(b *testing.B) { benchmarkAs(b, "ncsa", accessLog(100_000)) }

func jsonLog(rows int) string {
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `{"time_iso8601":"2026-01-17T%02d:%02d:%02d+01:00","remote_addr":"198.51.100.%d","remote_user":"","request_method":"GET","request_uri":"/interface/app/%d.js?v=%d","status":"200","body_bytes_sent":"%d","http_referer":"https://mail.example.org/interface/root","http_user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0"}`+"\n",
			i/3600%24, i/60%60, i%60, i%250, i%70, i%7, i%9000)
	}
	return b.String()
}

func BenchmarkJSON(b *testing.B) { benchmarkAs(b, "json", jsonLog(100_000)) }

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(jsonLog(2) + "{\n\n{\"a\":1}\n{\"a\""))
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "access.json", layout("json"), content) })
}

func FuzzReadNCSA(f *testing.F) {
	f.Add([]byte(accessLine + accessLine + "x\n2026/01/17 10:51:58 [error] 7#7: x"))
	f.Add([]byte(accessLine[:50] + "\x00\x00" + accessLine))
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "access.log", layout("ncsa"), content) })
}
