package pack_test

import (
	"strings"
	"testing"

	"postern/evidence"
	"postern/pack"
)

func TestHoldsPeer(t *testing.T) {
	m := pack.Match{Peers: []string{"198.51.100.7", "203.0.113.0/28", "2001:db8::1", "c2.example.org", ".store.example"}}
	for host, want := range map[string]bool{
		"198.51.100.7": true, "::ffff:198.51.100.7": true, "[2001:db8:0::1]": true, "203.0.113.15": true, "203.0.113.16": false, "198.51.100.70": false,
		"C2.Example.org.": true, "x.c2.example.org": false, "example.org": false, "a.store.example": true, "store.example": false, "astore.example": false,
		"": false, ".": false, "fe80::1%eth0": false,
	} {
		if got := m.HoldsPeer(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestParseLineForm(t *testing.T) {
	f, err := pack.ParseLineForm("{time} [{c-ip:ip}][{session}] {message}", "x")
	if err != nil {
		t.Fatal(err)
	}
	want := []evidence.FormField{{Before: "", Name: "time", Type: evidence.ClockTime}, {Before: " [", Name: "c-ip", Type: evidence.IPAddress}, {Before: "][", Name: "session"}, {Before: "] ", Name: "message"}}
	for i, w := range want {
		if f.Fields[i] != w || f.Schema.Fields[i] != w.Name {
			t.Errorf("field %d: %+v, want %+v", i, f.Fields[i], w)
		}
	}
	for _, bad := range []string{"", "text", "{}", "{a}{b}", "{a} {a}", "{a} tail", "{a:int}", "{a} {b", "}{a}", "{1}", strings.Repeat("{a} ", 20)} {
		if _, err := pack.ParseLineForm(bad, "x"); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzParseLineForm(f *testing.F) {
	f.Add("{time} [{c-ip:ip}] [{session}] {message}")
	f.Add("[{c-ip:ip}] {message} {time}")
	f.Fuzz(func(t *testing.T, form string) {
		got, err := pack.ParseLineForm(form, "x")
		if err != nil {
			return
		}
		if len(got.Fields) != len(got.Schema.Fields) {
			t.Fatalf("%q: %d fields, schema %d", form, len(got.Fields), len(got.Schema.Fields))
		}
	})
}
