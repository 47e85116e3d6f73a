package detect

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

func ownEngine(t testing.TB, own Own) *Engine {
	t.Helper()
	e, _, err := Compile([]*pack.Pack{testPack(t)}, Options{Now: now, Own: own})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func windows() *evidence.Source {
	return &evidence.Source{ID: evidence.Identity{OS: evidence.Windows}, Files: noFiles{}}
}

type noFiles struct{ evidence.Tree }

// TestOwnSigma: a rule of the operator's counts, one for logs that nobody reads
// is a gap, and one that can't be compiled is refused by name and a gap.
func TestOwnSigma(t *testing.T) {
	rule := func(file, source, detection string) pack.TextFile {
		return pack.TextFile{File: file, Text: []byte(fmt.Sprintf("title: %s\nid: id-%s\nlogsource: %s\ndetection:\n%s\nlevel: high\ntags: [attack.t1190, cve.2021-34473]\n", file, file, source, detection))}
	}
	own := Own{Sigma: []pack.TextFile{
		rule("autodiscover", web, "  s: {cs-uri-query|contains: '/autodiscover.json?'}\n  condition: s"),
		rule("whoami", "{category: process_creation, product: macos}", "  s: {Image|endswith: whoami.exe}\n  condition: s"),
		rule("broken", web, "  s: {cs-uri-query|sounds: x}\n  condition: s"),
	}}
	e := ownEngine(t, own)
	if len(e.refusals) == 0 || !strings.Contains(e.refusals[0].String(), "broken:") || !strings.Contains(e.refusals[0].String(), "sounds") {
		t.Errorf("refused %v", e.refusals)
	}
	x := e.Begin(windows())
	s := webSchema()
	for n, query := range []string{"a=b", "%61=b"} {
		feed(t, x, verbatim(row(s, int64(n+1), noon, "GET", "/AutoDiscover.json", query, "192.0.2.1", "x", "200")))
	}
	feed(t, x, verbatim(row(s, 9, noon, "GET", "/autodiscover.xml", "a=b", "192.0.2.1", "x", "200")))
	r := x.Result(now)
	f := finding(r, "id-autodiscover")
	if f == nil || f.Count != 2 || f.Class != verdict.Attempt || f.Severity != verdict.High || f.Confidence != evidence.Unsure || f.Attack[0] != "T1190" || f.Vulns[0] != "CVE-2021-34473" {
		t.Errorf("finding %+v", f)
	}
	var gaps []string
	for _, c := range r.Coverage {
		if c.Missed != nil && c.Parts == evidence.CompromisedThen {
			gaps = append(gaps, c.Missed.Detail)
		}
	}
	if len(gaps) != 2 || !strings.Contains(strings.Join(gaps, " "), "macos process_creation (1)") {
		t.Errorf("gaps %q", gaps)
	}
	if len(e.Begin(&evidence.Source{}).Coverage()) != 0 {
		t.Error("a source without files has no logs to miss rules in")
	}
}

// TestOwnLists: each entry that is met is named.
func TestOwnLists(t *testing.T) {
	found, err := ioc.Read("bad.txt", strings.NewReader("198.51.100.99\nevil.example # shop\nhxxp://cdn.evil[.]test/x.msi\n203.0.113.128/25,network\n"+
		strings.Repeat("ab", 32)+"\nC:\\ProgramData\\Run\\x.exe\nd41d8cd98f00b204e9800998ecf8427e\nx.exe\n"), ioc.Options{})
	if err != nil || len(found.Refused) != 1 {
		t.Fatalf("%v, refused %v", err, found.Refused)
	}
	e := ownEngine(t, Own{Lists: []*ioc.List{found}})
	for _, p := range e.Interest().Places {
		if !p.Hash && !p.NoFiles {
			t.Errorf("place %s: a list of hashes asks for no hashes", p.ID)
		}
	}
	x := e.Begin(windows())
	for n, from := range []string{"198.51.100.99", "203.0.113.200", "203.0.113.100"} {
		feed(t, x, verbatim(row(webSchema(), int64(n+1), noon, "GET", "/", "-", from, "x", "200")))
	}
	proxy := evidence.NewSchema("squid", "c-ip", "url")
	proxy.Source.Category = "proxy"
	proxy.Roles[evidence.RoleAddress], proxy.Roles[evidence.RolePath] = 0, 1
	feed(t, x, verbatim(row(proxy, 7, noon, "192.0.2.1", "https://a.evil.example/x")))
	through := row(webSchema(), 8, noon, "GET", "/", "-", "192.0.2.9", "x", "200") // the proxy is the one listed, not its client
	through.Peer = []byte("203.0.113.201")
	through.Raw = append(append(through.Raw, ' '), through.Peer...)
	feed(t, x, verbatim(through))
	file := func(path, sum string) {
		o := &evidence.Observation{Kind: evidence.ObserveFile, Values: []string{path, "SHA256=" + sum, "1"}, Ref: evidence.Ref{Path: path}}
		if err := observe(t, x, o); err != nil {
			t.Fatal(err)
		}
	}
	file(`C:\inetpub\wwwroot\a.aspx`, strings.Repeat("ab", 32))
	file(`c:\programdata\run\X.exe`, strings.Repeat("cd", 32))
	got := map[string]verdict.Class{}
	for _, f := range x.Result(now).Findings {
		got[f.Rule+" "+f.Label] = f.Class
		if f.Label == "203.0.113.128/25" && f.Count != 2 {
			t.Errorf("%s: %d, want the client and the proxy", f.Label, f.Count)
		}
	}
	want := map[string]verdict.Class{
		"bad.txt:peers 198.51.100.99": verdict.Attempt, "bad.txt:peers 203.0.113.128/25": verdict.Attempt, "bad.txt:peers .evil.example": verdict.Success,
		"bad.txt:hashes " + strings.Repeat("ab", 32): verdict.State, `bad.txt:paths c:/programdata/run/x.exe`: verdict.State,
	}
	for key, class := range want {
		if got[key] != class {
			t.Errorf("%s: %q, want %q", key, got[key], class)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %v", got)
	}
}

// BenchmarkLists is 100,000 indicators over events that name none of them.
func BenchmarkLists(b *testing.B) {
	var text strings.Builder
	for n := range 50_000 {
		fmt.Fprintf(&text, "10.%d.%d.%d\nhost-%d.bad.example\n", n>>16, n>>8&255, n&255, n)
	}
	found, err := ioc.Read("bad.txt", strings.NewReader(text.String()), ioc.Options{})
	if err != nil {
		b.Fatal(err)
	}
	e := ownEngine(b, Own{Lists: []*ioc.List{found}})
	events := requests()
	for i := range events {
		events[i] = verbatim(events[i])
	}
	x := e.Begin(&evidence.Source{})
	for b.Loop() {
		l := x.Lane(evidence.Ref{Path: "log"})
		if err := l.Events(&evidence.EventBatch{Schema: events[0].Schema, Events: events}); err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
}

// TestOwnSigmaFields: a rule for fields that no log of its source has is a gap
// that names it, and a column that one log lacks is a gap, once for all logs.
func TestOwnSigmaFields(t *testing.T) {
	rule := func(title, detection string) pack.TextFile {
		return pack.TextFile{File: title, Text: []byte("title: " + title + "\nid: id-" + title + "\nlogsource: {category: webserver}\ndetection:\n" + detection + "\n")}
	}
	e := ownEngine(t, Own{Sigma: []pack.TextFile{
		rule("body", "  s: {cs-body|contains: x}\n  condition: s"),
		rule("cookie", "  s: {cs-cookie|contains: x}\n  condition: s"),
		rule("either", "  s: {cs-body|contains: x}\n  o: {cs-uri-stem: /x}\n  condition: s or o"),
	}})
	if len(e.refusals) != 0 {
		t.Fatalf("refused %v", e.refusals)
	}
	x := e.Begin(windows())
	for n := range int64(3) {
		event := row(webSchema(), n+1, noon, "GET", "/", "-", "192.0.2.1", "x", "200")
		event.Ref.Path = fmt.Sprintf("log%d", n)
		feed(t, x, event)
	}
	var gaps []string
	for _, c := range x.Result(now).Coverage {
		if c.Missed != nil && c.Path == ownSigma {
			gaps = append(gaps, c.Missed.Detail)
		}
	}
	slices.Sort(gaps)
	if len(gaps) != 2 || !strings.Contains(gaps[0], `1 rule needs fields that no log read here has: "body"`) || !strings.Contains(gaps[1], "without a column for cs-cookie:") {
		t.Errorf("gaps %q", gaps)
	}
}

// TestOwnKeywords: an encoding hides no keyword of a web log, with the prefilter
// and without.
func TestOwnKeywords(t *testing.T) {
	e := ownEngine(t, Own{Sigma: []pack.TextFile{{File: "k", Text: []byte("title: k\nid: k\nlogsource: {category: webserver}\ndetection:\n  keywords: ['@@version', 'order by ', '/x?y=1', 'evil agent']\n  condition: keywords\n")}}})
	x := e.Begin(windows())
	want := int64(0)
	f := func(hit bool, path, query, agent string) {
		t.Helper()
		for _, known := range []bool{true, false} {
			event := row(webSchema(), want*2+1, noon, "GET", path, query, "192.0.2.1", agent, "200")
			event.Ref.Path = fmt.Sprint(path, query, agent, known)
			if known {
				event = verbatim(event)
			}
			feed(t, x, event)
			if hit {
				want++
			}
		}
		got := int64(0)
		if found := finding(x.Result(now), "k"); found != nil {
			got = found.Count
		}
		if got != want {
			t.Fatalf("%s?%s %s: %d sightings, want %d", path, query, agent, got, want)
		}
	}
	f(true, "/a", "id=@@version", "x")
	f(true, "/a", "id=1%27+or+1%3D%40%40version--", "x")
	f(true, "/a", "id=1+order+by+2", "x")
	f(true, "/%2540%40version", "-", "x")
	f(true, "/%78", "y=1", "x")
	f(true, "/", "-", "Evil+Agent/1")
	f(false, "/", "id=%40version", "x")
	f(false, "/", "-", "evilagent")
}

// TestOwnCorrelations: a correlation whose rules were refused is refused, and so
// is what builds on it; many tries at a web server are tries.
func TestOwnCorrelations(t *testing.T) {
	e := ownEngine(t, Own{Sigma: []pack.TextFile{{File: "own.yml", Text: []byte(`title: hit
name: hit
logsource: {category: webserver}
detection: {s: {cs-uri-stem: /x}, condition: s}
---
title: broken
name: broken
logsource: {category: webserver}
detection: {s: {cs-uri-stem|sounds: /x}, condition: s}
---
title: many
name: many
correlation: {type: event_count, rules: [hit], group-by: [c-ip], timespan: 5m, condition: {gte: 3}}
---
title: blind
name: blind
correlation: {type: temporal, rules: [hit, broken], timespan: 5m, condition: {gte: 1}}
---
title: blinder
name: blinder
correlation: {type: temporal, rules: [many, blind], timespan: 5m, condition: {gte: 1}}
---
title: twice
correlation: {type: event_count, rules: [hit, hit], timespan: 5m, condition: {gte: 3}}
---
title: many
correlation: {type: event_count, rules: [hit], timespan: 5m, condition: {gte: 9}}
`)}}})
	var why []string
	for _, r := range e.refusals {
		why = append(why, r.String())
	}
	all := strings.Join(why, "\n")
	for _, want := range []string{"sounds", `"blind": no rule "broken"`, `"blinder": no rule "blind"`, `names rule "hit" twice`, `"many": its id is taken`} {
		if !strings.Contains(all, want) {
			t.Errorf("no refusal says %q:\n%s", want, all)
		}
	}
	if len(why) != 5 || len(e.correlations) != 1 || len(e.events[len(e.events)-1].event.uses) != 1 {
		t.Errorf("%d refusals, %d correlations:\n%s", len(why), len(e.correlations), all)
	}
	x := e.Begin(windows())
	for n := range int64(3) {
		feed(t, x, row(webSchema(), n+1, noon.Add(time.Duration(n)*time.Second), "GET", "/x", "-", "192.0.2.1", "x", "404"))
	}
	if f := finding(x.Result(now), "many"); f == nil || f.Class != verdict.Attempt || !f.Open || f.Confidence != evidence.Unsure {
		t.Errorf("finding %+v", f)
	}
}

// TestManyEntries: a list that the whole log stands on makes a bounded number of
// findings, the same in any order.
func TestManyEntries(t *testing.T) {
	var text strings.Builder
	var events []evidence.Event
	for n := range 3 * mostNoted {
		from := fmt.Sprintf("10.0.%d.%d", n>>8, n&255)
		fmt.Fprintln(&text, from)
		events = append(events, row(webSchema(), int64(n+1), noon, "GET", "/", "-", from, "x", "200"))
	}
	found, err := ioc.Read("bad.txt", strings.NewReader(text.String()), ioc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := ownEngine(t, Own{Lists: []*ioc.List{found}})
	var first Result
	for round := range 3 {
		x := e.Begin(windows())
		order := slices.Clone(events)
		rand.New(rand.NewPCG(uint64(round), 5)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for part := range slices.Chunk(order, 700) {
			l := x.Lane(part[0].Ref)
			if err := l.Events(&evidence.EventBatch{Schema: part[0].Schema, Events: part}); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		r := x.Result(now)
		total := int64(0)
		for _, f := range r.Findings {
			if f.Rule == "bad.txt:peers" {
				total += f.Count
			}
		}
		if total != int64(len(events)) || len(r.Findings) > mostNoted+10 {
			t.Fatalf("round %d: %d sightings in %d findings", round, total, len(r.Findings))
		}
		if round == 0 {
			first = r
		} else if !reflect.DeepEqual(first, r) {
			t.Fatalf("round %d differs", round)
		}
	}
}
