package report

import (
	"slices"
	"strings"
	"testing"

	"postern/evidence"
	"postern/verdict"
)

func TestInventory(t *testing.T) {
	fixed := func(host string, installed bool) Target {
		none := verdict.Part{Answer: verdict.No}
		var in []verdict.Installation
		if installed {
			in = []verdict.Installation{{Name: "SmarterMail", Installation: evidence.Installation{Path: "C/SmarterMail"}}}
		}
		return NewTarget(&evidence.Source{Target: "image-" + host, Kind: evidence.KindTree, ID: evidence.Identity{Host: host}}, asked(), in, nil,
			[]evidence.Coverage{{Kind: evidence.CoverFile, Path: "x", Parts: evidence.Exposed, Count: 1}}, verdict.Answers{Exposed: none})
	}
	silent := Missing("https://mail04.example.org:9998/", "", evidence.KindURL, asked().Parts, evidence.Unanswered, "x")
	targets := []Target{fixed("MAIL01", true), fixed("mail02", true), fixed("elsewhere", true), fixed("desk", false), silent}
	out := Inventory(targets, []Listed{
		{Name: "mail01.example.org", Cluster: "eu"},
		{Name: "two", Addresses: []string{"192.0.2.2", "mail02"}},
		{Name: "mail03", Cluster: "eu", Role: "dr"},
		{Name: "four", Addresses: []string{"mail04.example.org"}},
	}, asked().Parts)

	rules := func(t Target) (all []string) {
		for _, f := range t.Findings {
			all = append(all, f.Rule)
		}
		return all
	}
	if len(out) != 6 {
		t.Fatalf("%d targets, want the five and mail03: a machine that was asked and kept silent has its entry already", len(out))
	}
	if out[0].Answers.Exposed.Answer != verdict.Unknown || !strings.Contains(out[0].Answers.Exposed.Gaps[0], "its partner mail03 was not examined") {
		t.Errorf("MAIL01 has a partner nobody saw: %+v", out[0].Answers.Exposed)
	}
	if targets[0].Answers.Exposed.Answer != verdict.No || len(targets[2].Findings) != 0 {
		t.Error("the targets given were changed")
	}
	if out[1].Answers.Exposed.Answer != verdict.No || rules(out[1]) != nil {
		t.Error("mail02 is listed by an address and alone")
	}
	if !slices.Equal(rules(out[2]), []string{"inventory-forgotten"}) {
		t.Errorf("elsewhere is found and not listed: %v", rules(out[2]))
	}
	if rules(out[3]) != nil {
		t.Error("a machine without an installation is nobody's forgotten server")
	}
	if m := out[5]; m.Host != "mail03" || m.Answers.Exposed.Answer != verdict.Unknown || m.Answers.Compromised.Answer != verdict.Unknown || m.Kind != evidence.KindHost {
		t.Errorf("mail03 is listed and was not examined: %+v", m)
	}
}

func TestSameHost(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		if sameHost(a, b) != want || sameHost(b, a) != want {
			t.Errorf("sameHost(%q, %q) = %v", a, b, !want)
		}
	}
	f("mail01", "MAIL01", true)
	f("mail01", "mail01.example.org", true)
	f("mail01.example.org.", "mail01.example.org", true)
	f("mail01.example.org", "mail01.example.net", false)
	f("192.0.2.1", "192.0.2.2", false)
	f("192", "192.0.2.1", false)
	f("", "", false)
}

func TestMissingAnswersWhatWasAsked(t *testing.T) {
	tree := Missing("x", "", evidence.KindTree, evidence.Exposed|evidence.Reachable, evidence.Absent, "gone")
	if a := tree.Answers; a.Exposed.Answer != verdict.Unknown || a.Compromised.Answer != verdict.NotExamined || a.Reachable.Answer != verdict.NotExamined {
		t.Errorf("%+v", a)
	}
	url := Missing("https://x/", "", evidence.KindURL, asked().Parts, evidence.Unanswered, "gone")
	if a := url.Answers; a.Exposed.Answer != verdict.Unknown || a.Compromised.Answer != verdict.NotExamined {
		t.Errorf("%+v", a)
	}
}
