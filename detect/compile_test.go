package detect

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
	"postern/pack"
)

func TestCompileRefuses(t *testing.T) {
	f := func(want string, spoil func(p *pack.Pack), opt Options) {
		t.Helper()
		p := testPack(t)
		spoil(p)
		_, _, err := Compile([]*pack.Pack{p}, opt)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	one := func(ind pack.Indicator) func(*pack.Pack) {
		if ind.Class == "" {
			ind.Class, ind.Severity = "state", "high"
		}
		return func(p *pack.Pack) { p.Indicators = []pack.Indicator{ind} }
	}
	f(`no place "nowhere"`, one(pack.Indicator{Kind: pack.OnFile, Match: pack.Match{Place: "nowhere"}}), Options{})
	f("does not ask for folders", one(pack.Indicator{Kind: pack.OnFolder, Match: pack.Match{Place: "webroot"}}), Options{})
	f("does not ask for content", one(pack.Indicator{Kind: pack.OnFile, Match: pack.Match{Place: "domains", Magic: [][]byte{{1}}}}), Options{})
	f("no place asks for hashes", func(p *pack.Pack) {
		one(pack.Indicator{Kind: pack.OnHash, Match: pack.Match{Hashes: []string{"00"}}})(p)
		p.Places = p.Places[1:] // the web root, the only one that does
	}, Options{})
	f("no peers", one(pack.Indicator{Kind: pack.OnPeer}), Options{})
	f("no hashes", one(pack.Indicator{Kind: pack.OnHash}), Options{})
	f(`kind "wish" is none`, one(pack.Indicator{Kind: "wish"}), Options{})
	f(`class "bad"`, one(pack.Indicator{Kind: pack.OnPeer, Class: "bad", Severity: "high"}), Options{})
	f(`sigma/x.yml:5:24: rule "x": no log of its source has a field "cs-colour"`, func(p *pack.Pack) {
		p.Sigma = append(p.Sigma, event("x", "lead", "low", web, "  s: {cs-method: POST, cs-colour: red}\n  condition: s"))
		p.Sigma[len(p.Sigma)-1].Text = []byte("title: x\nid: x\nlogsource: {category: webserver}\ndetection:\n  s: {cs-method: POST, cs-colour: red}\n  condition: s\n")
	}, Options{})
	f(`rule "x": its log source is none of the pack's logs`, func(p *pack.Pack) {
		p.Sigma = append(p.Sigma, event("x", "lead", "low", "{category: dns}", "  s: {QueryName: x}\n  condition: s"))
	}, Options{})
	f(`rule without a test: hub`, func(p *pack.Pack) { p.Tests = p.Tests[:1] }, Options{})
	f(`refers to nothing: no rule "nobody"`, func(p *pack.Pack) { p.Tests[1].Absent = append(p.Tests[1].Absent, pack.Absent{Rule: "nobody"}) }, Options{})
	f(`sigma/reset.yml:7:1: `, func(p *pack.Pack) {
		p.Sigma[0].Outcomes[0] = pack.Outcome{Condition: "nothing", Class: "failed", Severity: "low", Line: 7, Column: 1}
	}, Options{})
	f(`modifier "sounds"`, func(p *pack.Pack) {
		p.Sigma[0].Text = bytes.Replace(p.Sigma[0].Text, []byte("|re"), []byte("|sounds"), 1)
	}, Options{})
	f("its id is taken", func(p *pack.Pack) { p.Indicators = append(p.Indicators, p.Indicators[0]) }, Options{})
	f("no version scheme", func(p *pack.Pack) { p.Scheme = nil }, Options{})
	f("not loaded", func(*pack.Pack) {}, Options{LatestBuild: map[string]string{"exchange": "1"}})
	f(`latest build "new"`, func(*pack.Pack) {}, Options{LatestBuild: map[string]string{"smartermail": "new"}})
	if _, _, err := Compile([]*pack.Pack{testPack(t), testPack(t)}, Options{}); err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("the same pack twice: %v", err)
	}
}

func TestInterestIsMerged(t *testing.T) {
	second := &pack.Pack{ID: "other", RequiredFrom: date("2024-05-01"), Logs: []evidence.LogFormat{{ID: "iis.w3c", Family: "web access"}, {ID: "other.log"}}}
	in := engineOf(t, Options{Parts: evidence.Exposed, UserAgent: "postern", Review: evidence.Period{From: date("2020-01-01"), To: date("2026-01-01")}}, testPack(t), second).Interest()
	if len(in.Products) != 2 || len(in.Logs) != 4 || len(in.Places) != 2 || !in.Required.From.Equal(date("2024-05-01")) || in.Parts != evidence.Exposed || in.UserAgent != "postern" {
		t.Errorf("interest %+v", in)
	}
	if !in.Review.From.IsZero() || !in.Review.To.Equal(date("2026-01-01")) {
		t.Errorf("review %+v: a --since before the window narrows nothing", in.Review)
	}
}

func TestLiterals(t *testing.T) {
	f := func(re string, want ...string) {
		t.Helper()
		got := fromRegexp(regexp.MustCompile(re))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", re, got, want)
		}
	}
	f(`(?i)\bUser @[^\r\n]*force-reset-password`, "force-reset-password")
	f(`^/(?:abc|defg)/x`, "/abc/x", "/defg/x")
	f(`(?i)_[1-9]\d{0,2}\.(aspx|ashx|asmx)(/|$)`, ".aspx", ".ashx", ".asmx")
	f(`a[xy]?b{3}(?i:K)`, "abbbk", "axbbbk", "aybbbk")
	f(`[0-9a-f]abc[^"]*d(?:efg|h)`, "abc")
	f(`(?:abc|d)`)
	f(`(?:abcd)?ef`)
	f(`(?:abcd)+`, "abcd")
	f(`(?:abcd){2,3}x`, "abcdabcdx")
	f(`[a-z]+\d`)
	f(`ab`)
	f(`Grün und blau`, "n und blau")
	if got := usable([]string{"/api/v1/a b", "/x/longer%20path?y"}, true); !slices.Equal(got, []string{"api/v1/a b", "api/v1/a+b", "x/longer%20path"}) {
		t.Errorf("in a path: %q", got)
	}
}

func TestCoverageIsSortedAndOnce(t *testing.T) {
	x := begin(t)
	gap := evidence.Gap(evidence.CoverFile, "b", evidence.Exposed, evidence.Unreadable, "")
	for _, c := range []evidence.Coverage{gap, {Kind: evidence.CoverLog, Path: "a"}, {Kind: evidence.CoverFile, Path: "b"}, gap, {Kind: evidence.CoverFile, Path: "a", Parts: evidence.Exposed}, {Kind: evidence.CoverFile, Path: "a", Parts: evidence.CompromisedNow, Bytes: 7}} {
		x.Cover(c)
	}
	var got []string
	for _, c := range x.Result(now).Coverage {
		s := string(c.Kind) + " " + c.Path
		if c.Missed != nil {
			s += " " + c.Missed.String()
		}
		if c.Parts == evidence.Exposed|evidence.CompromisedNow && c.Bytes == 7 {
			s += " joined"
		}
		got = append(got, s)
	}
	if want := []string{"file a joined", "file b", "file b unreadable", "log a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestPeerLiterals: what stands wherever a peer is named.
func TestPeerLiterals(t *testing.T) {
	f := func(peer string, want ...string) {
		t.Helper()
		got := peerLiterals([]string{peer})
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", peer, got, want)
		}
	}
	f("192.0.2.7", "192.0.2.7")
	f("::ffff:192.0.2.7", "192.0.2.7")
	f("192.0.2.0/24", "192.0.2.")
	f("192.0.2.128/25", "192.0.2.")
	f("198.18.0.0/15", "198.18.", "198.19.")
	f("10.0.0.0/8", "10.")
	f("10.0.0.0/7")
	f("0.0.0.0/0")
	f("2001:db8::7", "2001:0db8", "2001:db8")
	f("2001:db8:1::/48", "2001:0db8", "2001:db8")
	f("2001::/24", "2001:")
	f("fe80::1", "fe80:")
	f("::1")
	f("A.Example", "a.example")
	f(".b.example", ".b.example")
	if got := peerLiterals([]string{"a.example", ".a.example", "::1"}); got != nil {
		t.Errorf("%q for what nothing is known to stand in", got)
	}
	if got := peerLiterals([]string{"a.example", ".a.example"}); !slices.Equal(got, []string{"a.example"}) {
		t.Errorf("%q", got)
	}
}
