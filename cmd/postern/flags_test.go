package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/target"
	"postern/verdict"
)

func TestParseTargets(t *testing.T) {
	lists := func(string) ([]byte, error) {
		return []byte("\ufeff# ours\r\nhttps://a\r\n\n  /mnt/b  \nhttps://a\n"), nil
	}
	f := func(args, hosts []string, list string, want []named, fails string) {
		t.Helper()
		got, err := parseTargets(args, hosts, list, lists)
		if fails != "" {
			if err == nil || !strings.Contains(err.Error(), fails) {
				t.Errorf("error %v, want %q", err, fails)
			}
			return
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v (%v), want %v", got, err, want)
		}
	}
	f(nil, nil, "", []named{{}}, "")
	f([]string{"x", "y", "x"}, nil, "", []named{{target: "x"}, {target: "y"}}, "")
	f([]string{"x"}, []string{"h=x", "i=z=1"}, "", []named{{"x", "h"}, {"z=1", "i"}}, "")
	f(nil, nil, "list", []named{{target: "https://a"}, {target: "/mnt/b"}}, "")
	f([]string{""}, nil, "", nil, "an empty target")
	f(nil, []string{"=x"}, "", nil, "write NAME=TARGET")
}

func TestParseTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	f := func(text string, zone *time.Location, want string) {
		t.Helper()
		got, err := parseTime("as-of", text, zone)
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken for %s", text, got)
			}
			return
		}
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q is %s (%v), want %s", text, got, err, want)
		}
	}
	f("2026-01-31", nil, "2026-01-31T00:00:00Z")
	f("2026-01-31", berlin, "2026-01-30T23:00:00Z")
	f("2026-01-31T08:00:00+02:00", berlin, "2026-01-31T06:00:00Z")
	f("2026-01-31 08:00", nil, "2026-01-31T08:00:00Z")
	f("31.1.2026", nil, "")
	f("2026-02-30", nil, "")
}

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "0d": 0, "-1h": 0, "d": 0, "": 0, "999999999d": 0} {
		if got, err := parseAge(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestExitCodeIsTheWorstAnswer(t *testing.T) {
	missed := "unreadable"
	looked := true
	f := func(want code, cancelled bool, all ...verdict.Answer) {
		t.Helper()
		r := &report.Report{Run: report.Run{Cancelled: cancelled}}
		for _, a := range all {
			if looked {
				r.Targets = append(r.Targets, report.Target{Coverage: []report.Coverage{{Missed: &missed}, {}}})
			} else {
				r.Targets = append(r.Targets, report.Target{Coverage: []report.Coverage{{Missed: &missed}}})
			}
			part := report.Part{Answer: a}
			none := report.Part{Answer: verdict.NotExamined}
			r.Hosts = append(r.Hosts, report.Host{Answers: report.Answers{Exposed: part, Reachable: none, Unprepared: none,
				Compromised: report.Compromise{Part: none, Now: none, Then: none}}})
		}
		got := exitNothingBad
		var end *exit
		if errors.As(answered(r), &end) {
			got = end.code
		}
		if got != want {
			t.Errorf("%v, cancelled %v: exit code %d, want %d", all, cancelled, got, want)
		}
	}
	f(exitNothingBad, false, verdict.No, verdict.NoneSeen)
	f(exitYes, false, verdict.No, verdict.Unknown, verdict.Yes)
	f(exitUnknown, false, verdict.No, verdict.Unknown)
	f(exitNothingBad, false, verdict.NotExamined) // a page that is not the product
	f(exitUnknown, false, verdict.NotExamined, verdict.Unknown)
	f(exitUnknown, false)
	looked = false
	f(exitUnknown, false, verdict.NotExamined)
	f(exitCancelled, true, verdict.Yes)
}

func TestParseOnly(t *testing.T) {
	if got, err := parseOnly([]string{"compromised"}); err != nil || got != evidence.Compromised {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseOnly(nil); err != nil || got != everyPart {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzInventory(f *testing.F) {
	f.Add([]byte("name,address\na,b\n"))
	f.Add([]byte("- name: a\n  address: [b]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) ([]report.Listed, error){parseCSV, parseYAML} {
			if listed, err := parse(text); err == nil {
				_ = checkListed(listed)
			}
		}
	})
}

func TestUserAgentNamesTheContact(t *testing.T) {
	if got := userAgent(nil); strings.Contains(got, "contact") || !strings.HasPrefix(got, "Postern/") {
		t.Errorf("%q", got)
	}
	got := userAgent(&target.Scope{Contact: "soc@example.org\r\nX-Evil: 1"})
	if !strings.Contains(got, "; contact soc@example.org") || strings.ContainsAny(got, "\r\n") {
		t.Errorf("%q: it goes into a header as it is", got)
	}
}

// TestKindOf: a web address that could not be opened is no disk that was lost.
func TestKindOf(t *testing.T) {
	for spec, want := range map[string]evidence.Kind{
		"": evidence.KindHost, "https://mail.example.org": evidence.KindURL, "mail.example.org:9998": evidence.KindURL,
		"192.0.2.0/28": evidence.KindURL, "/nowhere/image": evidence.KindTree, "logs.zip": evidence.KindTree,
	} {
		if got := kindOf(spec); got != want {
			t.Errorf("%q: %s, want %s", spec, got, want)
		}
	}
}

func TestParseProxies(t *testing.T) {
	f := func(said, want, fails string) {
		t.Helper()
		got, err := parseProxies([]string{said})
		switch {
		case fails != "" && (err == nil || !strings.Contains(err.Error(), fails)):
			t.Errorf("%s: %v, %v; want an error with %q", said, got, err, fails)
		case fails == "" && (err != nil || got[0].String() != want):
			t.Errorf("%s: %v (%v), want %s", said, got, err, want)
		}
	}
	f("10.0.0.5", "10.0.0.5/32", "")
	f("10.0.0.5/28", "10.0.0.0/28", "")
	f("::ffff:10.0.0.5", "10.0.0.5/32", "")
	f("2001:db8::5", "2001:db8::5/128", "")
	f("0.0.0.0/0", "", "every address")
	f("::ffff:10.0.0.0/100", "", "as IPv4")
	f("proxy.example.org", "", "not an address")
	f("10.0.0.5:443", "", "not an address")
}
