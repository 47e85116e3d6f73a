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
	"postern/pack"
	"postern/verdict"
)

// sequencePack adds a login rule, and a correlation: a reset, then within five
// minutes a login.
func sequencePack(t testing.TB) *pack.Pack {
	t.Helper()
	p := testPack(t)
	p.Sigma = append(p.Sigma,
		event("login", "lead", "info", "{product: smartermail, service: administrative}", "  s: {message|startswith: 'Webmail Login successful: With user '}\n  user: {message|contains: '@'}\n  condition: s and not user"),
		pack.SigmaFile{
			Indicator: pack.Indicator{ID: "taken", Title: "reset, then a login", Kind: pack.OnSigma, Parts: evidence.CompromisedThen, Class: "success", Severity: "critical", Confidence: evidence.Likely, Vulns: []string{"CVE-2026-23760"}},
			File:      "sigma/taken.yml", Correlation: true,
			Text: []byte("title: taken\nid: taken\ncorrelation:\n  type: temporal_ordered\n  rules: [reset, login]\n  timespan: 5m\n"),
		})
	prove(p)
	return p
}

func beginWith(t testing.TB, p *pack.Pack) *Examination {
	t.Helper()
	return engineOf(t, Options{}, p).Begin(&evidence.Source{ID: evidence.Identity{OS: evidence.Windows}})
}

func TestSequences(t *testing.T) {
	web, admin := webSchema(), adminSchema()
	reset := func(at time.Time, status string) evidence.Event {
		return row(web, 1, at, "POST", "/api/v1/auth/force-reset-password", "-", "192.0.2.1", "x", status)
	}
	login := func(at time.Time, user string) evidence.Event {
		e := row(admin, 1, at, "192.0.2.9", "Webmail Login successful: With user "+user)
		e.Ref.Path = "administrative"
		return e
	}
	affected := evidence.Installation{Signals: []evidence.Signal{exe("100.0.9504")}}
	fixed := evidence.Installation{Signals: []evidence.Signal{exe("100.0.9511")}, Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date("2026-01-16")}}}
	f := func(name string, want bool, install evidence.Installation, events ...evidence.Event) {
		t.Helper()
		x := beginWith(t, sequencePack(t))
		installed(t, x, install)
		feed(t, x, events...)
		got := finding(x.Result(now), "taken")
		if (got != nil) != want {
			t.Errorf("%s: %+v, want found %v", name, got, want)
		}
		if got == nil {
			return
		}
		if !got.Steps || len(got.Refs) != 2 || got.Refs[0].Path != "log" || got.Refs[1].Path != "administrative" || !got.Refs[1].Time.After(got.Refs[0].Time) || got.Class != verdict.Success || got.Count != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	f("reset, then the administrator", true, affected, reset(noon, "200"), login(noon.Add(2*time.Second), "admin"))
	f("refused by its status, and then the administrator all the same", true, affected, reset(noon, "400"), login(noon.Add(2*time.Second), "admin"))
	f("a user", false, affected, reset(noon, "200"), login(noon.Add(2*time.Second), "anna@example.test"))
	f("the other way round", false, affected, reset(noon, "200"), login(noon.Add(-2*time.Second), "admin"))
	f("much later", false, affected, reset(noon, "200"), login(noon.Add(time.Hour), "admin"))
	f("on a build that was fixed", false, fixed, reset(noon, "400"), login(noon.Add(2*time.Second), "admin"))
	x := beginWith(t, sequencePack(t))
	feed(t, x, reset(time.Time{}, "200"), login(noon, "admin"))
	if !slices.ContainsFunc(x.Result(now).Coverage, func(c evidence.Coverage) bool { return c.Missed != nil && c.Missed.Reason == evidence.Ambiguous }) {
		t.Error("a sighting without a time is no gap of sequences")
	}
	f("without a time", false, affected, reset(time.Time{}, "200"), login(noon, "admin"))
}

// TestSequencesInAFlood: what is kept of a flood still shows the sequence in
// it, whatever the order of lanes.
func TestSequencesInAFlood(t *testing.T) {
	var events []evidence.Event
	for n := range int64(500) {
		e := row(webSchema(), n+1, noon.Add(time.Duration(n)*200*time.Millisecond), "POST", "/api/v1/auth/force-reset-password", "-", fmt.Sprintf("192.0.2.%d", n%200), "x", "400")
		events = append(events, e)
	}
	e := row(adminSchema(), 1, noon.Add(3*time.Minute), "192.0.2.9", "Webmail Login successful: With user admin")
	e.Ref.Path = "administrative"
	events = append(events, e)
	var first *verdict.Finding
	for round := range 4 {
		x := beginWith(t, sequencePack(t))
		rand.New(rand.NewPCG(uint64(round), 3)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		feed(t, x, events...)
		got := finding(x.Result(now), "taken")
		if got == nil || len(got.Refs) == 0 || got.Refs[len(got.Refs)-1].Path != "administrative" {
			t.Fatalf("round %d: %+v", round, got)
		}
		if first == nil {
			first = got
		} else if !reflect.DeepEqual(first, got) {
			t.Fatalf("round %d differs:\n%+v\n%+v", round, first, got)
		}
	}
	x := beginWith(t, sequencePack(t))
	x.steps.lost = true
	gap := false
	for _, c := range x.Result(now).Coverage {
		gap = gap || c.Missed != nil && c.Missed.Reason == evidence.Limited && c.Parts == evidence.CompromisedThen
	}
	if !gap {
		t.Error("steps that were not kept are no gap")
	}
}

// TestStepsAreBounded: of too many steps the same ones are kept in any order,
// and the rest is a gap.
func TestStepsAreBounded(t *testing.T) {
	u := &use{by: &correlated{rule: &rule{Indicator: &pack.Indicator{ID: "c"}}}, as: "a"}
	type sight struct {
		key stepKey
		step
	}
	var all []sight
	for n := range int64(2000) {
		ref := evidence.Ref{Path: "log", At: n}
		all = append(all, sight{stepKey{use: u, group: fmt.Sprint(n % 97), minute: n / 300}, step{noon.Add(time.Duration(n) * time.Second), ref}})
	}
	var first map[stepKey][]step
	for round := range 5 {
		rand.New(rand.NewPCG(uint64(round), 7)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var whole steps
		for part := range slices.Chunk(all, 400) {
			var s steps
			for _, one := range part {
				s.add(one.key, one.step)
			}
			s.limit(300)
			whole.merge(&s)
			whole.limit(300 + round)
		}
		whole.limit(300)
		if !whole.lost || whole.count > 300 || whole.count < 280 {
			t.Fatalf("lost %v, %d kept", whole.lost, whole.count)
		}
		if round == 0 {
			first = whole.kept
		} else if !reflect.DeepEqual(first, whole.kept) {
			t.Fatalf("round %d keeps others", round)
		}
	}
}

// TestLongGroups: values are told apart however long they are, and cost little.
func TestLongGroups(t *testing.T) {
	e := row(webSchema(), 1, noon, "GET", strings.Repeat("x", 1<<16)+"a", "-", "192.0.2.1", "x", "200")
	o := row(webSchema(), 1, noon, "GET", strings.Repeat("x", 1<<16)+"b", "-", "192.0.2.1", "x", "200")
	at := []int{e.Index("cs-uri-stem")}
	if a, b := valuesAt(&e, at), valuesAt(&o, at); a == b || len(a) > 400 {
		t.Errorf("%d bytes, equal: %v", len(a), a == b)
	}
}

// TestCorrelationOfAPackNamesItsFields: one that groups by a field that no log
// has would never see anything.
func TestCorrelationOfAPackNamesItsFields(t *testing.T) {
	p := sequencePack(t)
	f := &p.Sigma[len(p.Sigma)-1]
	f.Text = append(f.Text, "  group-by: [c-nowhere]\n"...)
	_, _, err := Compile([]*pack.Pack{p}, Options{Now: now})
	if err == nil || !strings.Contains(err.Error(), `no log of rule "reset" has a field "c-nowhere"`) {
		t.Errorf("%v", err)
	}
}

// TestLabels: a label names who came by what the same event says, lowers
// nothing, and makes no finding.
func TestLabels(t *testing.T) {
	p := testPack(t)
	label := event("scanner", "", "", web, "  s: {cs-user-agent|contains: nuclei}\n  condition: s")
	label.LabelOnly, label.Label = true, "known scanner: nuclei"
	again := event("scanner-again", "", "", web, "  s: {cs-user-agent|contains: clei}\n  condition: s")
	again.LabelOnly, again.Label = true, label.Label // said once
	p.Sigma = append(p.Sigma, label, again)
	prove(p)
	x := beginWith(t, p)
	hub := func(line int64, agent string) evidence.Event {
		return row(webSchema(), line, noon, "POST", "/api/v1/settings/sysadmin/connect-to-hub", "-", "192.0.2.1", agent, "200")
	}
	feed(t, x, verbatim(hub(1, "Nuclei+-+Open-source+project")), verbatim(hub(2, "curl")), verbatim(row(webSchema(), 3, noon, "GET", "/", "-", "192.0.2.1", "nuclei", "200")))
	labels := map[string]int64{}
	for _, f := range x.Result(now).Findings {
		if f.Class != verdict.Attempt || f.Severity != verdict.Critical || f.Rule != "hub" {
			t.Errorf("finding %+v", f)
		}
		labels[f.Label] += f.Count
	}
	if want := map[string]int64{"known scanner: nuclei": 1, "": 1}; !reflect.DeepEqual(labels, want) {
		t.Errorf("labels %v, want %v", labels, want)
	}
}
