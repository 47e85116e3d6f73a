package target

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

const goodScope = `networks: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32"]
names:
  - mail.example.org
  - "*.Example.net"
from: 2026-11-20
until: 2026-11-30
contact: soc@example.org
`

func TestLoadScope(t *testing.T) {
	s, err := LoadScope(strings.NewReader(goodScope))
	if err != nil {
		t.Fatal(err)
	}
	if s.Contact != "soc@example.org" || !s.From.Equal(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)) || !s.Until.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("scope %+v", s)
	}
	for host, want := range map[string]bool{
		"mail.example.org": true, "MAIL.example.org.": true, "x.example.org": false, "example.net": false, "a.example.net": true, "a.b.example.net": true,
		"badexample.net": false, "mail.example.org.evil.test": false, "10.1.2.3": true, "11.0.0.1": false, "192.0.2.7": true, "192.0.2.8": false,
		"2001:db8::1": true, "::ffff:10.1.2.3": true, "": false, "*.example.net": false,
	} {
		if got := s.Allows(host); got != want {
			t.Errorf("Allows(%q) = %v", host, got)
		}
	}
	if s.AllowsAddr(netip.Addr{}) {
		t.Error("no address is allowed")
	}
	for at, want := range map[string]bool{
		"2026-11-19T23:59:59Z": false, "2026-11-20T00:00:00Z": true, "2026-11-30T23:59:59Z": true, "2026-12-01T00:00:00Z": false,
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.holds(now); (err == nil) != want || err != nil && !errors.Is(err, evidence.ErrOutOfScope) {
			t.Errorf("at %s: %v", at, err)
		}
	}
}

func TestLoadScopeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "EOF",
		"# nothing":                           "EOF",
		"{}":                                  "allows nothing",
		"- 10.0.0.0/8":                        "line 1: want fields",
		"names: []":                           "allows nothing",
		"names: [a.example]\nportz: [1]":      `line 2: unknown field "portz"`,
		"names: [a.example]\nnames: [b.test]": "line 2: names stands there twice",
		"names: a.example":                    "line 1: want a list",
		"names:\n- a.example\n- [b]":          "line 3: want a text",
		"names:\n- a.example\n- ''":           "line 3: want a text",
		"names: ['*']":                        "line 1:",
		"names: ['a.*.example']":              "cannot stand in one",
		"names: [10.0.0.1]":                   "list it under networks",
		"networks: [10.0.0.1/8]":              "the network is 10.0.0.0/8",
		"networks: [10.0.0.0/33]":             "is no network",
		"networks: [mail.example.org]":        "is no network",
		"names: [a.example]\nfrom: soon":      "line 2: \"soon\" is neither a day",
		"names: [a.example]\nfrom: 2026-11-24\nuntil: 2026-11-22": "is not before",
		"names: [a.example]\n---\nnames: [b.example]":             "only one document",
		"names: [a.example":                  "line 1",
		"names: &a [*a]":                     "line 1",
		"# " + strings.Repeat("x", maxScope): "limit reached",
	} {
		_, err := LoadScope(strings.NewReader(text))
		if !errors.Is(err, errScope) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

func FuzzLoadScope(f *testing.F) {
	f.Add(goodScope)
	f.Add(`{"networks": ["10.0.0.0/8"], "until": "2026-12-01T00:00:00+08:00"}`)
	f.Add("names: &a [*a]")
	f.Add("a: &a [b]\n<<: *a")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := LoadScope(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(s.Networks)+len(s.Names) == 0 {
			t.Error("a scope that allows nothing")
		}
		for _, p := range s.Networks {
			if p != p.Masked() || !s.AllowsAddr(p.Addr()) {
				t.Errorf("network %s", p)
			}
		}
		for _, name := range s.Names {
			if !s.Allows(strings.Replace(name, "*", "www", 1)) {
				t.Errorf("name %q", name)
			}
		}
	})
}
