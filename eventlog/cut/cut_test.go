package cut

import (
	"reflect"
	"testing"
	"time"

	"postern/evidence"
)

func TestStamp(t *testing.T) {
	zone := time.FixedZone("", 3600)
	f := func(in, want string) {
		t.Helper()
		got := "none"
		if at, day, ok := Stamp([]byte(in), zone); ok {
			got = at.Format(time.RFC3339Nano)
			if day != evidence.DayOf(time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("%s: day %s", in, day)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f("2026-01-17T00:30:00Z", "2026-01-17T00:30:00Z")
	f("2026-01-17T00:30:00+02:00", "2026-01-16T22:30:00Z")
	f("2026-01-17 00:30:00.125 -0330", "none")
	f("2026-01-17T00:30:00.125-0330", "2026-01-17T04:00:00.125Z")
	f("2026-01-17 00:30:00,125", "2026-01-16T23:30:00.125Z")
	f("2026/01/17 00:30:00", "2026-01-16T23:30:00Z")
	for _, in := range []string{"", "2026-01-17", "2026-13-17T00:30:00Z", "2026-01-17T24:30:00Z", "2026-01-17T00:30:00+99:00", "2026-01-17T00:30:00.Z", "2026.01.17 00:30:00"} {
		f(in, "none")
	}
}

func TestParseRequest(t *testing.T) {
	for in, want := range map[string]Request{
		"GET /a?b=c HTTP/1.1":    {Method: []byte("GET"), Path: []byte("/a"), Query: []byte("b=c"), Version: []byte("HTTP/1.1")},
		"CONNECT h:443 HTTP/1.1": {Method: []byte("CONNECT"), Path: []byte("h:443"), Version: []byte("HTTP/1.1")},
		"GET http://h":           {Method: []byte("GET"), Host: []byte("h")},
		"\x16\x03 x":             {Path: []byte("\x16\x03 x")},
		"-":                      {},
	} {
		if got := ParseRequest([]byte(in)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestHost(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7:443": "192.0.2.7", "192.0.2.7": "192.0.2.7", "[2001:db8::1]:443": "2001:db8::1", "2001:db8::1": "2001:db8::1",
		"mail.example.org:443": "mail.example.org:443", "": "", ":": ":", "[": "[", "[]": "[]",
	} {
		if got := string(Host([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzStamp(f *testing.F) {
	f.Add([]byte("2026-01-17 00:30:00,125+01:00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, day, ok := Stamp(b, time.UTC); ok && (day == 0 || at.IsZero()) {
			t.Errorf("%s %s", at, day)
		}
		if q := ParseRequest(b); len(q.Path)+len(q.Query)+len(q.Host) > len(b) {
			t.Errorf("%+v", q)
		}
		if ip := Host(b); len(ip) > len(b) {
			t.Errorf("%q", ip)
		}
	})
}
