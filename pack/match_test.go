package pack_test

import (
	"regexp"
	"strings"
	"testing"

	"postern/evidence"
	"postern/pack"
)

func TestConditionHolds(t *testing.T) {
	path := func(op pack.Op, values ...string) pack.Condition {
		return pack.Condition{Role: evidence.RolePath, Op: op, Values: values}
	}
	query := pack.Condition{Role: evidence.RoleQuery, Op: pack.OpContains, Values: []string{"a b/.."}}
	agent := pack.Condition{Role: evidence.RoleAgent, Op: pack.OpEquals, Values: []string{"Scan%20ner"}}
	negated := func(c pack.Condition) pack.Condition { c.Negate = true; return c }
	for _, c := range []struct {
		name  string
		cond  pack.Condition
		value string
		want  bool
	}{
		{"equals folds case", path(pack.OpEquals, "/A/b"), "/a/B", true},
		{"any value will do", path(pack.OpEquals, "/x", "/a"), "/A", true},
		{"equals is whole", path(pack.OpEquals, "/a"), "/a/", true}, // a trailing slash names the same
		{"equals is not contains", path(pack.OpEquals, "/a"), "/a/b", false},
		{"contains", path(pack.OpContains, "reset"), "/x/Reset-it", true},
		{"startswith", path(pack.OpStartsWith, "/a"), "/b/a", false},
		{"endswith", path(pack.OpEndsWith, ".aspx"), "/x.ASPX", true},
		{"decoded once", path(pack.OpContains, "/reset"), "%2Freset", true},
		{"decoded twice", path(pack.OpContains, "/reset"), "%252Freset", true},
		{"not three times", path(pack.OpContains, "/reset"), "%25252Freset", false},
		{"doubled slashes", path(pack.OpContains, "/a/b"), "/a///b", true},
		{"backslashes", path(pack.OpContains, "/a/b"), `/a\b`, true},
		{"dot segments resolved", path(pack.OpEquals, "/a/b"), "/a/x/../b", true},
		{"and still seen", path(pack.OpContains, ".."), "/a/x/../b", true},
		{"above the root", path(pack.OpEquals, "/b"), "/../../b", true},
		{"a broken escape hides nothing", path(pack.OpContains, "reset"), "/%zz%2/reset%", true},
		{"control bytes are no digits", path(pack.OpContains, "0"), "/%\x10\x10", false},
		{"a query's plus is a blank", query, "x=a+b%2f..", true},
		{"an agent is not decoded", agent, "scan%20ner", true},
		{"negated", negated(path(pack.OpContains, "reset")), "/login", true},
		{"negated sees spellings", negated(path(pack.OpContains, "/reset")), "%2freset", false},
		{"regexp", pack.Condition{Role: evidence.RolePath, Op: pack.OpRegexp, Regexp: regexp.MustCompile(`_0\.aspx$`)}, "/X_0.ASPX", true},
		{"regexp without one", pack.Condition{Op: pack.OpRegexp}, "x", false},
		{"empty", pack.Condition{Op: pack.OpEmpty}, "", true},
		{"not empty", pack.Condition{Op: pack.OpEmpty, Negate: true}, "x", true},
	} {
		if got := c.cond.Holds([]byte(c.value)); got != c.want {
			t.Errorf("%s: %q holds %v", c.name, c.value, got)
		}
	}
	absent := path(pack.OpContains, "x")
	if absent.Holds(nil) {
		t.Error("an absent value holds")
	}
	if absent.Negate = true; !absent.Holds(nil) {
		t.Error("an absent value fails a negated condition")
	}
}

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

func FuzzConditionHolds(f *testing.F) {
	f.Add("/api/%2566orce-reset-password", "force")
	f.Add(`/a\..\b//c/%`, "..")
	f.Fuzz(func(t *testing.T, value, want string) {
		c := pack.Condition{Role: evidence.RolePath, Op: pack.OpContains, Values: []string{want}}
		plain := c.Holds([]byte(value))
		if strings.Contains(strings.ToLower(value), strings.ToLower(want)) && !plain {
			t.Fatalf("%q stands in %q as written", want, value)
		}
		if c.Negate = true; c.Holds([]byte(value)) == plain {
			t.Fatalf("%q in %q: both it and its negation", want, value)
		}
	})
}
