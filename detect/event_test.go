package detect

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

var noon = date("2026-01-17").Add(12 * time.Hour)

// spelled writes a path the ways that reach the same handler.
func spelled(path string) []string {
	percent := func(s string, at int) string { return s[:at] + fmt.Sprintf("%%%02x", s[at]) + s[at+1:] }
	every := ""
	for i := range len(path) {
		if path[i] == '/' {
			every += "/"
		} else {
			every += fmt.Sprintf("%%%02X", path[i])
		}
	}
	mixed := []byte(path)
	for i := range mixed {
		if i%2 == 0 {
			mixed[i] = strings.ToUpper(path)[i]
		}
	}
	last := strings.LastIndexByte(path, '/')
	return []string{
		path, string(mixed), strings.ToUpper(path), percent(path, len(path)-3), strings.Replace(percent(path, len(path)-3), "%", "%25", 1), every,
		strings.ReplaceAll(path, "/", "//"), path[:last] + "/./" + path[last+1:], path[:last] + "/x/../" + path[last+1:], strings.ReplaceAll(path, "/", `\`),
		strings.Replace(path, "k", "\u212a", 1), strings.Replace(path, "i", "\u0130", 1), path[:last] + "/%2e/" + path[last+1:],
	}
}

// TestPrefilterChangesNothing: with the prefilter on, off and unasked, every
// spelling of every request gives the same findings.
func TestPrefilterChangesNothing(t *testing.T) {
	s := webSchema()
	var events []evidence.Event
	add := func(method, path, query, from, agent, status string) {
		events = append(events, row(s, int64(len(events)+1), noon, method, path, query, from, agent, status))
	}
	for _, path := range []string{
		"/api/v1/auth/force-reset-password", "/api/v1/settings/sysadmin/connect-to-hub", "/api/v1/settings/system-admin/hub/connect", "/mrs/kqzt_0.aspx", "/index.html", "/api/v1/webhook/list", "/api/v1/report/summary/x",
	} {
		for _, p := range spelled(path) {
			for _, query := range []string{"-", "f=settings+json", "f=settings%20json", "f=SETTINGS%2520JSON", "f=ad%6Din+list", "u=http%3A%2F%2Fv2-api.example.org%3a8888%2f", "u=http://[::ffff:198.51.100.7]/", "u=::ffff:c633:6407"} {
				add("POST", p, query, "192.0.2.1", "curl", "200")
			}
		}
	}
	add("GET", "/", "-", "198.51.100.7", "-", "200")
	add("GET", "/", "-", "203.0.113.9", "x", "200")
	add("GET", "/", "host=203.0.113.9", "192.0.2.1", "x", "200")
	add("GET", "/", "host=a.microsfot.example", "192.0.2.1", "x", "200")

	admin := adminSchema()
	for _, m := range []string{"User @ calling force-reset-password", "USER @ CALLING FORCE-RESET-PASSWORD", "user @ force-re\u017fet-pa\u017f\u017fword", "Webmail Login successful: With user admin"} {
		events = append(events, row(admin, int64(len(events)+1), noon, "192.0.2.1", m))
	}

	off, on := ungated(begin(t)), begin(t)
	spared := 0
	for _, e := range events {
		feed(t, off, e)
		e = verbatim(e)
		k := newLook(on.engine.literals, false)
		if k.at(on.engine.program(e.Schema), &e); len(k.rules) == 0 && !k.peers {
			spared++
		}
		feed(t, on, e)
	}
	without, with := off.Result(now), on.Result(now)
	if !reflect.DeepEqual(without, with) {
		t.Errorf("off: %s\non:  %s", summary(without), summary(with))
	}
	if spared == 0 {
		t.Error("the prefilter spared nothing, the test compares nothing")
	}
	for rule, least := range map[string]int64{"reset": 80, "hub": 160, "webhook": 88, "shell-used": 80, "report-traversal": 40, "reset-logged": 2, "no-agent": 1, "c2": 3, "c2-net": 1} {
		var count int64
		for _, f := range with.Findings {
			if f.Rule == rule {
				count += f.Count
			}
		}
		if count < least {
			t.Errorf("%s: %d sightings, want %d at least: a spelling went by", rule, count, least)
		}
	}
}

func summary(r Result) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s %s %s %d; ", f.Rule, f.Class, f.Label, f.Count)
	}
	return b.String()
}

// TestPrefilterFindsEveryLiteral holds the automaton against plain search,
// over block borders.
func TestPrefilterFindsEveryLiteral(t *testing.T) {
	e := engineOf(t, Options{}, testPack(t))
	r := rand.New(rand.NewPCG(1, 2))
	block := make([]byte, 3*(64<<10)+17)
	for i := range block {
		block[i] = "abcdefgh /%\\.0\n"[r.IntN(15)]
	}
	for n := range 600 {
		lit := e.literals.texts[r.IntN(len(e.literals.texts))]
		at := r.IntN(len(block) - len(lit))
		if n < 40 {
			at = (64<<10)*(1+n%3) - r.IntN(len(lit)+1)
		}
		copy(block[at:], strings.ToUpper(lit[:1])+lit[1:])
	}
	got, last := map[uint32][]int{}, 0
	e.literals.seek.scan(block, func(id uint32, off int) {
		if off < last {
			t.Fatalf("offset %d after %d", off, last)
		}
		last = off
		got[id] = append(got[id], off)
	})
	low := string(fold(nil, block))
	want := 0
	for id, lit := range e.literals.texts {
		offs := got[uint32(id)]
		for at := 0; ; at++ {
			i := strings.Index(low[at:], lit)
			if i < 0 {
				break
			}
			at += i
			want++
			if len(offs) == 0 || offs[0] < at || offs[0] >= at+len(lit) {
				t.Fatalf("%q at %d: not reported", lit, at)
			}
			offs = offs[1:]
		}
		if len(offs) > 0 {
			t.Fatalf("%q: reported at %v, where it is not", lit, offs)
		}
	}
	if want < 500 {
		t.Errorf("%d hits", want)
	}
}

func TestClasses(t *testing.T) {
	s := webSchema()
	reset := func(line int64, at time.Time, status string) evidence.Event {
		return row(s, line, at, "POST", "/api/v1/auth/force-reset-password", "-", "192.0.2.1", "x", status)
	}
	f := func(name string, want verdict.Class, open bool, at time.Time, status string, installs ...evidence.Installation) {
		t.Helper()
		x := begin(t)
		feed(t, x, reset(1, at, status))
		for _, i := range installs {
			installed(t, x, i)
		}
		got := finding(x.Result(now), "reset")
		severity := verdict.High
		if want == verdict.Failed {
			severity = verdict.Low // as the outcome says; an open one weighs as the rule does
		}
		if got == nil || got.Class != want || got.Open != open || got.Severity != severity {
			t.Errorf("%s: %+v, want class %s, open %v", name, got, want, open)
		}
	}
	inst := func(build, changed string) evidence.Installation {
		i := evidence.Installation{Signals: []evidence.Signal{exe(build)}}
		if changed != "" {
			i.Changes = []evidence.Change{{Kind: evidence.ChangeBirth, At: date(changed)}}
		}
		return i
	}
	copied := inst("100.0.9406", "")
	copied.Role, copied.Path = evidence.Copy, "C/backup"
	other := inst("100.0.9504", "")
	other.Path = "D/SmarterMail"
	f("refused, nothing installed", verdict.Attempt, true, noon, "400")
	f("refused, affected", verdict.Attempt, true, noon, "400", inst("100.0.9504", "2026-01-08"))
	f("refused, fixed before", verdict.Failed, false, noon, "400", inst("100.0.9511", "2026-01-16"))
	f("refused, fixed later", verdict.Attempt, true, noon, "400", inst("100.0.9511", "2026-01-18"))
	f("refused, fixed, nobody knows when", verdict.Attempt, true, noon, "400", inst("100.0.9742", ""))
	f("refused, fixed before, a copy is not", verdict.Failed, false, noon, "400", inst("100.0.9511", "2026-01-16"), copied)
	f("refused, fixed before, another is not", verdict.Attempt, true, noon, "400", inst("100.0.9511", "2026-01-16"), other)
	f("refused, build unknown", verdict.Attempt, true, noon, "400", inst("", "2026-01-16"))
	f("refused, no time", verdict.Attempt, true, time.Time{}, "400", inst("100.0.9511", "2026-01-16"))
	f("answered, fixed before", verdict.Attempt, false, noon, "200", inst("100.0.9511", "2026-01-16"))
	f("answered, affected", verdict.Attempt, true, noon, "200", inst("100.0.9504", "2026-01-08"))

	x := begin(t)
	installed(t, x, inst("100.0.9511", "2026-01-16"))
	feed(t, x, reset(1, noon, "200"), reset(2, time.Time{}, "200"), row(s, 3, noon, "PUT", "/api/v1/webhook", "-", "192.0.2.1", "x", "400"))
	if got := finding(x.Result(now), "reset"); !got.Open || got.Count != 2 {
		t.Errorf("one of two without a time: %+v, want open", got)
	}
	if got := finding(x.Result(now), "webhook"); got.Class != verdict.Attempt || !got.Open {
		t.Errorf("a refusal that no CVE explains: %+v, want an open attempt", got)
	}

	x = begin(t)
	installed(t, x, inst("100.0.9511", "2026-01-16"))
	for n := range int64(10) {
		feed(t, x, reset(n+1, date("2026-01-11").AddDate(0, 0, int(n)), "400"))
	}
	counts := map[verdict.Class]int64{}
	for _, f := range x.Result(now).Findings {
		if f.Rule == "reset" {
			counts[f.Class] += f.Count
		}
	}
	if counts[verdict.Attempt] != 5 || counts[verdict.Failed] != 5 {
		t.Errorf("ten refusals around the fix: %v, want 5 open and 5 failed", counts)
	}
}

func TestPeers(t *testing.T) {
	f := func(name string, s *evidence.Schema, at time.Time, rule string, want verdict.Class, values ...string) {
		t.Helper()
		x := begin(t)
		feed(t, x, row(s, 1, at, values...))
		got := finding(x.Result(now), rule)
		switch {
		case got == nil && want == "":
		case got == nil || got.Class != want:
			t.Errorf("%s: %+v, want %q", name, got, want)
		}
	}
	web := webSchema()
	proxy := evidence.NewSchema("squid", "c-ip", "url")
	proxy.Source.Category = "proxy"
	proxy.Roles[evidence.RoleAddress], proxy.Roles[evidence.RolePath] = 0, 1
	f("from it", web, noon, "c2", verdict.Attempt, "GET", "/", "-", "198.51.100.7", "x", "200")
	f("from it, mapped", web, noon, "c2", verdict.Attempt, "GET", "/", "-", "::ffff:198.51.100.7", "x", "200")
	f("from it, in its old age", web, date("2026-07-01"), "c2", verdict.Lead, "GET", "/", "-", "198.51.100.7", "x", "200")
	f("named in a query", web, noon, "c2", verdict.Lead, "GET", "/", "u=http%3a%2f%2f198.51.100.7%3a8888", "192.0.2.1", "x", "200")
	f("to it", proxy, noon, "c2", verdict.Success, "192.0.2.1", "http://198.51.100.7:8888/x")
	f("to its name", proxy, noon, "c2", verdict.Success, "192.0.2.1", "https://V2-API.example.org/x")
	f("to a name below a name", proxy, noon, "c2", "", "192.0.2.1", "https://a.v2-api.example.org/x")
	f("to a name above", proxy, noon, "c2", "", "192.0.2.1", "https://example.org/x")
	f("to a name below a suffix", proxy, noon, "c2", verdict.Success, "192.0.2.1", "https://a.b.microsfot.example/x")
	f("to a longer address", proxy, noon, "c2", "", "192.0.2.1", "http://198.51.100.70/x")
	f("to its network", proxy, noon, "c2-net", verdict.Success, "192.0.2.1", "CONNECT 203.0.113.9:443")
	f("beside its network", proxy, noon, "c2-net", "", "192.0.2.1", "CONNECT 203.0.113.19:443")
	f("to an IPv6 address", proxy, noon, "c2-net", verdict.Success, "192.0.2.1", "https://[2001:DB8:bad:0::1]:443/")
	f("from an outbound peer", web, noon, "c2-net", verdict.Lead, "GET", "/", "-", "203.0.113.9", "x", "200")
}

// TestOrderDoesNotMatter folds the same events in many orders and lanes.
func TestOrderDoesNotMatter(t *testing.T) {
	s := webSchema()
	var events []evidence.Event
	for n := range int64(200) {
		at := date("2026-01-01").Add(time.Duration(n) * time.Hour)
		e := row(s, n+1, at, "POST", "/api/v1/auth/force-reset-password", "-", "192.0.2.1", "x", []string{"200", "400"}[n%2])
		e.Ref.Path = fmt.Sprintf("log%d", n%7)
		events = append(events, e)
	}
	var first Result
	for round := range 6 {
		x := begin(t)
		installed(t, x, evidence.Installation{Signals: []evidence.Signal{exe("100.0.9511")}, Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date("2026-01-16")}}})
		order := slices.Clone(events)
		rand.New(rand.NewPCG(uint64(round), 1)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		done := make(chan struct{})
		for half := range 2 {
			go func() {
				defer func() { done <- struct{}{} }()
				feed(t, x, order[half*100:half*100+100]...)
			}()
		}
		<-done
		<-done
		feed(t, x, events[0]) // the same reference again counts once
		r := x.Result(now)
		if round == 0 {
			first = r
			for _, f := range r.Findings {
				if len(f.Refs) > 20 || !slices.IsSortedFunc(f.Refs, evidence.Ref.Compare) {
					t.Errorf("%s %s: %d refs", f.Rule, f.Class, len(f.Refs))
				}
			}
		} else if !reflect.DeepEqual(first, r) {
			t.Fatalf("round %d differs:\n%s\n%s", round, summary(first), summary(r))
		}
	}
	var total int64
	for _, f := range first.Findings {
		if f.Rule == "reset" {
			total += f.Count
		}
	}
	if total != 200 {
		t.Errorf("%d sightings, want 200", total)
	}
}

// TestNoOrderMatters is the same of everything at once: sequences, labels, lists,
// settings and content.
func TestNoOrderMatters(t *testing.T) {
	p := sequencePack(t)
	label := event("scanner", "", "", web, "  s: {cs-user-agent|contains: nuclei}\n  condition: s")
	label.LabelOnly, label.Label = true, "known scanner: nuclei"
	settings := settingsPack(t)
	p.Sigma, p.Places, p.Checks = append(p.Sigma, label), settings.Places, settings.Checks
	prove(p)
	p.YARA = yaraPack(t, shellRule).YARA
	p.Tests[0].Expect = append(p.Tests[0].Expect, pack.Expect{Rule: "page_that_evaluates"})
	p.Tests[1].Absent = append(p.Tests[1].Absent, pack.Absent{Rule: "page_that_evaluates"})
	list, err := ioc.Read("bad.txt", strings.NewReader("192.0.2.0/27\n"+strings.Repeat("ab", 32)+"\n"), ioc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := Compile([]*pack.Pack{p}, Options{Now: now, Own: Own{Lists: []*ioc.List{list}, YARA: []pack.TextFile{{File: "own.yar", Text: []byte("rule page_that_evaluates { strings: $a = \"eval\" nocase condition: $a }")}}}})
	if err != nil {
		t.Fatal(err)
	}
	var work []func(*Examination)
	for n := range int64(60) {
		at := noon.Add(time.Duration(n%20) * time.Minute)
		agent := []string{"x", "nuclei"}[n%2]
		reset := row(webSchema(), n+1, at, "POST", "/api/v1/auth/force-reset-password", "-", fmt.Sprintf("192.0.2.%d", n), agent, []string{"200", "400"}[n%2])
		login := row(adminSchema(), n+1, at.Add(time.Second), "192.0.2.9", "Webmail Login successful: With user admin")
		login.Ref.Path = "administrative"
		text := `{"a":{"Command":"x"}} <% EVAL(Request["x"]) %>`
		work = append(work, func(x *Examination) { feed(t, x, reset, login) }, func(x *Examination) {
			o := page(fmt.Sprintf(`C:\inetpub\wwwroot\settings\%d.json`, n), text, len(text))
			o.Values[1] = "SHA256=" + strings.Repeat("ab", 32)
			if err := observe(t, x, o); err != nil {
				t.Error(err)
			}
		})
	}
	var first Result
	for round := range 6 {
		x := e.Begin(windows())
		rand.New(rand.NewPCG(uint64(round), 9)).Shuffle(len(work), func(i, j int) { work[i], work[j] = work[j], work[i] })
		var wait sync.WaitGroup
		for part := range slices.Chunk(work, 40) {
			wait.Go(func() {
				for _, f := range part {
					f(x)
				}
			})
		}
		wait.Wait()
		r := x.Result(now)
		if round == 0 {
			first = r
			for _, rule := range []string{"taken", "reset", "command", "bad.txt:peers", "bad.txt:hashes", "page_that_evaluates"} {
				if finding(r, rule) == nil {
					t.Errorf("no finding of %s", rule)
				}
			}
		} else if !reflect.DeepEqual(first, r) {
			t.Fatalf("round %d differs:\n%s\n%s", round, summary(first), summary(r))
		}
	}
}

func TestRefsCarryTheRecord(t *testing.T) {
	x := begin(t)
	e := row(webSchema(), 7, noon, "POST", "/api/v1/settings/sysadmin/connect-to-hub", "-", "192.0.2.1", "x", "200")
	e.Raw = append(e.Raw, strings.Repeat("y", 2*mostText)...)
	feed(t, x, e)
	x.Cover(evidence.Coverage{Kind: evidence.CoverLog, Path: "log", SHA256: "abc"})
	f := finding(x.Result(now), "hub")
	if f == nil || len(f.Refs) != 1 || len(f.Refs[0].Text) != mostText || f.Refs[0].At != 7 || f.Refs[0].SHA256 != "abc" || f.ID != verdict.FindingID("hub", f.Refs[0]) {
		t.Errorf("finding %+v", f)
	}
}

func TestAllRefs(t *testing.T) {
	x := engineOf(t, Options{AllRefs: true}, testPack(t)).Begin(&evidence.Source{})
	for n := range int64(50) {
		feed(t, x, row(webSchema(), n+1, noon, "POST", "/api/v1/settings/sysadmin/connect-to-hub", "-", "192.0.2.1", "x", "200"))
	}
	if f := finding(x.Result(now), "hub"); f == nil || len(f.Refs) != 50 || f.Count != 50 {
		t.Errorf("finding %+v", f)
	}
}

// TestMissingColumnsAreAGap: what rules need and a log does not have was not
// held against it, and that is said.
func TestMissingColumnsAreAGap(t *testing.T) {
	x := begin(t)
	s := evidence.NewSchema("iis.w3c", "c-ip", "sc-status")
	s.Roles[evidence.RoleAddress], s.Roles[evidence.RoleStatus] = 0, 1
	feed(t, x, row(s, 1, noon, "192.0.2.1", "200"), row(s, 2, noon, "192.0.2.1", "200"))
	cover := x.Coverage()
	if len(cover) != 1 || cover[0].Missed == nil || cover[0].Missed.Reason != evidence.LowLevel || cover[0].Parts != evidence.CompromisedThen {
		t.Fatalf("coverage %+v", cover)
	}
	x = begin(t)
	feed(t, x, row(adminSchema(), 1, noon, "192.0.2.1", "x"), row(webSchema(), 1, noon, "GET", "/", "-", "192.0.2.1", "x", "200"))
	if cover := x.Coverage(); len(cover) != 0 {
		t.Errorf("gaps for whole logs: %+v", cover)
	}
}

// FuzzPrefilter: whatever a client sends, the prefilter changes no finding.
func FuzzPrefilter(f *testing.F) {
	for _, p := range spelled("/api/v1/webhook/list") {
		f.Add(p, "u=http%3A%2F%2F198.51.100.7", "192.0.2.1", "curl")
	}
	f.Add("/x_0.aspx", "f=settings+json", "::ffff:c633:6407", "-")
	s, engine := webSchema(), engineOf(f, Options{}, testPack(f))
	f.Fuzz(func(t *testing.T, path, query, from, agent string) {
		e := row(s, 1, noon, "POST", path, query, from, agent, "200")
		off, on := ungated(engine.Begin(&evidence.Source{})), engine.Begin(&evidence.Source{})
		feed(t, off, e)
		feed(t, on, verbatim(e))
		if without, with := off.Result(now), on.Result(now); !reflect.DeepEqual(without, with) {
			t.Errorf("off: %s\non:  %s", summary(without), summary(with))
		}
	})
}
