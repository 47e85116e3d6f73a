package jsonline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

var web = evidence.LogFormat{ID: "web.json", Source: evidence.LogSource{Category: "webserver"}}

// played gives time and what plays a role.
func played(r *Reader, line string) string {
	var row cut.Row
	if !r.Cut([]byte(line), &row) {
		return "not understood"
	}
	words := []string{row.Time.UTC().Format("02T15:04:05.000")}
	e := evidence.Event{Schema: row.Schema, Values: row.Values}
	for _, role := range []evidence.Role{evidence.RoleAddress, evidence.RoleAccount, evidence.RoleMethod, evidence.RolePath, evidence.RoleQuery, evidence.RoleStatus, evidence.RoleAgent} {
		words = append(words, string(e.Role(role)))
	}
	return strings.Join(words, "|")
}

const (
	caddy = `{"level":"info","ts":1768640000.1234567,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","remote_port":"41342","client_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"mail.example.org","uri":"/interface/root?x=1\u0026y","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"],"X-Forwarded-For":["198.51.100.1"]},"tls":{"resumed":false,"version":772,"server_name":"mail.example.org"}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"],"Etag":["\"x\""]}}`

	traefik = `{"ClientAddr":"192.0.2.7:4711","ClientHost":"192.0.2.7","ClientPort":"4711","ClientUsername":"-","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":63700,"OriginStatus":0,"RequestAddr":"mail.example.org","RequestHost":"mail.example.org","RequestMethod":"POST","RequestPath":"/api/v1/x","RequestPort":"-","RequestProtocol":"HTTP/1.1","StartLocal":"2026-01-17T10:51:58.1+01:00","StartUTC":"2026-01-17T09:51:58.1Z","level":"info","msg":"","request_User-Agent":"Go-http-client/1.1","time":"2026-01-17T09:51:59Z"}`
)

func TestShapes(t *testing.T) {
	f := func(name, line, want string) {
		t.Helper()
		if got := played(New(&web, time.FixedZone("", 3600)), line); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
	f("Caddy", caddy, "17T08:53:20.123|192.0.2.7||GET|/interface/root|x=1&y|200|curl/7.82.0")
	f("Traefik", traefik, "17T09:51:58.100|192.0.2.7||POST|/api/v1/x||404|Go-http-client/1.1")
	f("nginx, variables by name", `{"time_iso8601":"2026-01-17T10:51:58+01:00","remote_addr":"192.0.2.7","remote_user":"demo","request_method":"GET","request_uri":"/a?b=c","status":"200","http_user_agent":"x \"y\""}`,
		`17T09:51:58.000|192.0.2.7|demo|GET|/a|b=c|200|x "y"`)
	f("nginx, whole request", `{"time_local":"17/Jan/2026:10:51:58 +0100","remote_addr":"2001:db8::7","remote_user":"","request":"GET /a?b HTTP/1.1","status": 200,"http_user_agent":"-"}`,
		"17T09:51:58.000|2001:db8::7||GET|/a|b|200|")
	f("nginx, query apart", `{"msec":"1768640000.5","client":"192.0.2.7","method":"GET","uri":"/a","args":"b=c","status":499}`, "17T08:53:20.500|192.0.2.7||GET|/a|b=c|499|")
	f("nginx, no JSON escapes", `{"@timestamp":"2026-01-17T10:51:58","clientip":"192.0.2.7","request":"\x16\x03\x01","status":400}`, "17T09:51:58.000|192.0.2.7|||\x16\x03\x01||400|")
	f("milliseconds", `{"timestamp":1768640000500,"ip":"192.0.2.7","path":"/"}`, "17T08:53:20.500|192.0.2.7|||/|||")
	f("Elastic's names", `{"@timestamp":"2026-01-17T09:51:58Z","source":{"ip":"192.0.2.7"},"url":{"original":"/a?b"},"http":{"request":{"method":"GET"},"response":{"status_code":200}},"user_agent":{"original":"x"}}`,
		"17T09:51:58.000|192.0.2.7||GET|/a|b|200|x")
	f("Cloudflare", `{"ClientIP":"192.0.2.7","ClientRequestMethod":"GET","ClientRequestURI":"/a?b","EdgeResponseStatus":200,"EdgeStartTimestamp":"2026-01-17T09:51:58Z","ClientRequestUserAgent":"x"}`,
		"17T09:51:58.000|192.0.2.7||GET|/a|b|200|x")
	f("unicode", `{"path":"/\u00e9\ud83d\ude00\ud83d","ip":"1.2.3.4"}`, "01T00:00:00.000|1.2.3.4|||/é\U0001f600\ufffd|||")
	for _, line := range []string{"", "x", "{}", "[]", `{"a":1}x`, `{"a":1`, `{"a"}`, `{"a":1,}`, `{"a":"\q"}`, `{"a":tru}`, `{"a":"b`, `{"a":[1,}`, strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)} {
		f("broken", line, "not understood")
	}
}

// TestFlattened: every key stands in the schema, with the text of its value.
func TestFlattened(t *testing.T) {
	var row cut.Row
	line := `{"a":{"b":{"c":1.50}},"d":[1,"x"],"e":["only"],"f":null,"g":true,"h":[{"i":1}],"headers":{"Cookie":["s=1"],"X":["y"]},"j":""}`
	if !New(&web, time.UTC).Cut([]byte(line), &row) {
		t.Fatal("not understood")
	}
	var got []string
	for i, name := range row.Schema.Fields {
		if row.Values[i] != nil {
			got = append(got, name+"="+string(row.Values[i]))
		}
	}
	want := `a.b.c=1.50 d=[1,"x"] e=only g=true h=[{"i":1}] headers.Cookie=s=1`
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// TestShapesAreBounded: what is not kept is said.
func TestShapesAreBounded(t *testing.T) {
	r := New(&web, time.UTC)
	var row cut.Row
	for i := range maxShapes + 2 {
		if r.Cut(fmt.Appendf(nil, `{"a%d":1}`, i), &row) != (i < maxShapes) {
			t.Fatal(i)
		}
	}
	if !strings.HasPrefix(r.Doubt(), "2 lines") || len(r.shapes) != maxShapes {
		t.Errorf("%q", r.Doubt())
	}
}

// FuzzReader: what encoding/json takes is understood, and nothing panics.
func FuzzReader(f *testing.F) {
	f.Add([]byte(caddy))
	f.Add([]byte(traefik))
	f.Add([]byte(`{"a":[[{"b":"\ud83d\u0041"}]],"headers":{"a":{}},"c":-1e5}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		r := New(&web, time.UTC)
		var row cut.Row
		ok := r.Cut(line, &row)
		if ok && len(row.Values) != len(row.Schema.Fields) {
			t.Errorf("%d values, %d fields", len(row.Values), len(row.Schema.Fields))
		}
		var flat map[string]string
		if !ok && json.Unmarshal(line, &flat) == nil && len(flat) > 0 && len(flat) < 20 && bytes.IndexByte(line, 0) < 0 && bytes.Count(line, []byte(`"`)) < 80 {
			t.Errorf("not understood: %q", line)
		}
	})
}

func BenchmarkCut(b *testing.B) {
	for name, line := range map[string]string{"caddy": caddy, "traefik": traefik} {
		b.Run(name, func(b *testing.B) {
			r := New(&web, time.UTC)
			var row cut.Row
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				r.Reset()
				if !r.Cut([]byte(line), &row) {
					b.Fatal("not understood")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
