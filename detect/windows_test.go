package detect

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/eventlog/evtx"
	"postern/eventlog/winjson"
	"postern/evidence"
	"postern/pack"
)

// corpora is where other people's data lies.
const corpora = "../../shared/corpora"

// alerts holds one Windows event log against an engine's rules: how often each
// matched, by id.
func alerts(t testing.TB, e *Engine, name string) map[string]int64 {
	t.Helper()
	return alertsBy(t, e, name, true)
}

func alertsBy(t testing.TB, e *Engine, name string, gated bool) map[string]int64 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := e.Begin(windows())
	x.ungated = !gated
	lane := x.Lane(evidence.Ref{Collector: "logs", Path: name})
	opt := evtx.Options{Ref: evidence.Ref{Collector: "logs", Path: name}}
	if strings.HasSuffix(name, ".json") {
		_, err = winjson.Read(context.Background(), f, winjson.Options{Options: opt, Zone: time.UTC}, lane.Events)
	} else {
		_, err = evtx.Read(context.Background(), f, opt, lane.Events)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := lane.Close(); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for key, b := range x.tally.buckets {
		counts[key.rule.ID] += b.count
	}
	return counts
}

// windowsRules are SigmaHQ's rules for Windows, the emerging threats among them.
func windowsRules(t testing.TB) []pack.TextFile {
	t.Helper()
	all := rulesIn(t, "sigma/rules/windows", ".yml")
	for _, folder := range []string{"sigma/rules-emerging-threats", "sigma/rules-threat-hunting"} {
		for _, f := range rulesIn(t, folder, ".yml") {
			if bytes.Contains(f.Text, []byte("product: windows")) || bytes.Contains(f.Text, []byte("category: antivirus")) {
				all = append(all, f)
			}
		}
	}
	return all
}

// TestRegression: each rule of SigmaHQ's regression data matches the log beside
// it as often as its authors say at least.
func TestRegression(t *testing.T) {
	index, err := os.ReadFile(corpora + "/sigma/regression-dev.tsv")
	if err != nil {
		t.Skipf("no corpora: %v", err)
	}
	e := ownEngine(t, Own{Sigma: windowsRules(t)})
	pairs, met := 0, 0
	for line := range strings.Lines(string(index)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(cells) < 6 {
			continue
		}
		pairs++
		least, err := strconv.ParseInt(cells[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		log := filepath.Join(corpora, "sigma", cells[4])
		all := alerts(t, e, log)
		if exported := alerts(t, e, strings.TrimSuffix(log, ".evtx")+".json"); !maps.Equal(all, exported) {
			t.Errorf("%s: the log gives %v, its export %v", log, all, exported)
		}
		if got := all[cells[0]]; got >= least {
			met++
		} else {
			t.Errorf("%s: %d matches, want %d: %s", cells[0], got, least, cells[3])
		}
	}
	t.Logf("%d of %d pairs match", met, pairs)
}

// eventLogs lists logs of recorded attacks.
func eventLogs(t testing.TB) (all []string) {
	t.Helper()
	err := filepath.WalkDir(corpora+"/evtx/mitre", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.EqualFold(filepath.Ext(name), ".evtx") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Skipf("no corpora: %v", err)
	}
	return all
}

// windowsPack is a pack with two rules for Windows, one of which needs its logs.
func windowsPack(t testing.TB) *pack.Pack {
	p := testPack(t)
	p.Sigma = []pack.SigmaFile{
		event("service", "lead", "high", "{product: windows, service: system}", "  s: {EventID: 7045, ServiceName: x}\n  condition: s"),
		event("child", "success", "high", "{product: windows, category: process_creation}", "  s: {Image|endswith: whoami.exe}\n  condition: s"),
	}
	p.Windows = []pack.EventLog{
		{Source: evidence.LogSource{Product: "windows", Service: "system"}, Need: true, File: "logs.yaml", Line: 7, Column: 5},
		{Source: evidence.LogSource{Product: "windows", Category: "process_creation"}, File: "logs.yaml", Line: 8, Column: 5},
	}
	prove(p)
	return p
}

// ownRule is a Sigma rule of the operator's own.
func ownRule(name, source, search string) pack.TextFile {
	return pack.TextFile{File: name + ".yml", Text: []byte("title: " + name + "\nid: " + name + "\nlogsource: " + source + "\ndetection:\n  s: " + search + "\n  condition: s\n")}
}

// TestWindowsUnseen: a log source of Windows that a rule is for, and of which no
// event was seen in the time that is asked about, is told once, and decides if a
// pack needs it or a rule of the operator's is for it.
func TestWindowsUnseen(t *testing.T) {
	const needs, extra = " of which no log has any since 2025-10-09: System", "not every machine logs, and no log has any since 2025-10-09: process_creation (Sysmon 1, where Sysmon is installed; or Security 4688, where the audit policy Process Creation is on)"
	source := func(category, service string) evidence.LogSource {
		return evidence.LogSource{Product: "windows", Category: category, Service: service}
	}
	f := func(what string, src *evidence.Source, own []pack.TextFile, seen []evidence.LogSource, at time.Time, want ...string) {
		t.Helper()
		e := engineOf(t, Options{Own: Own{Sigma: own}}, windowsPack(t))
		x := e.Begin(src)
		for _, s := range seen {
			schema := evidence.NewSchema(evtx.Format, "EventID", "Image", "ServiceName")
			schema.Source = s
			feed(t, x, evidence.Event{Schema: schema, Values: make([][]byte, 3), Time: at})
		}
		var got []string
		for _, c := range x.Result(now).Coverage {
			said := c.Missed.String()
			if c.Parts == 0 {
				said += " (decides nothing)"
			}
			got = append(got, c.Path+" "+said)
		}
		ok := len(got) == len(want)
		for i := range want {
			ok = ok && strings.Contains(got[i], want[i])
		}
		if !ok {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	all := []evidence.LogSource{source("", "system"), source("process_creation", "security")}
	linux, pile := &evidence.Source{ID: evidence.Identity{OS: evidence.Linux}, Files: noFiles{}}, &evidence.Source{Files: noFiles{}}
	part := &evidence.Source{ID: evidence.Identity{OS: evidence.Windows}, Files: noFiles{}, Partial: true}
	f("no log", windows(), nil, nil, noon, "absent: rules are also for events that "+extra, "absent: rules are for events"+needs)
	f("not collected", part, nil, nil, noon, "not collected: rules are also", "not collected: rules are for events"+needs)
	f("all of them", windows(), nil, all, noon)
	f("all of them, long ago", windows(), nil, all, date("2024-01-01"), "log level: rules are also for", "log level: rules are for events"+needs+": read, and it had none")
	f("without audit", windows(), nil, []evidence.LogSource{source("", "system"), source("", "security")}, noon, "log level: rules are also for")
	f("System alone is missing", windows(), nil, all[1:], noon, "absent: rules are for events"+needs)
	f("a pile without any", pile, nil, nil, noon)
	f("a pile with one", pile, nil, all[1:], noon, "absent: rules are for events"+needs)
	f("Linux", linux, nil, nil, noon)
	f("a web address", &evidence.Source{}, nil, nil, noon)

	own := []pack.TextFile{
		ownRule("a", "{product: windows, category: process_creation}", "{Image: x}"), ownRule("b", "{category: process_creation}", "{Image: x}"),
		ownRule("c", "{product: windows, service: sysmon}", "{Image: x}"), ownRule("d", "{category: webserver}", "{cs-method: x}"),
	}
	const ownGap = "sigma of your own absent: 3 rules are for events of Windows of which no log has any since 2025-10-09: process_creation (Sysmon 1; or Security 4688) for 2, Sysmon for 1"
	f("own rules", windows(), own, all[:1], noon, "decides nothing", ownGap)
	f("own rules, a pile without any", pile, own, nil, noon, ownGap)
	f("own rules, all met", windows(), own, append(all, source("", "sysmon")), noon)
	f("own rules on Linux", linux, own, nil, noon, "3 rules are for event logs of Windows, which a Linux system has none of: process_creation (Sysmon 1; or Security 4688) for 2, Sysmon for 1 (decides nothing)")
}

// TestWindowsRefused: a rule of a pack for Windows whose log source the pack does
// not list, or with a field that no event of it has, refuses the pack.
func TestWindowsRefused(t *testing.T) {
	f := func(change func(p *pack.Pack), want string) {
		t.Helper()
		p := windowsPack(t)
		change(p)
		prove(p)
		switch _, _, err := Compile([]*pack.Pack{p}, Options{Now: now}); {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%v, want %q", err, want)
		}
	}
	f(func(p *pack.Pack) { p.Windows = p.Windows[1:] }, "sigma/service.yml: rule \"service\": its log source is of Windows, and windows in logs.yaml does not list it")
	f(func(p *pack.Pack) {
		p.Windows = append(p.Windows, pack.EventLog{File: "logs.yaml", Line: 9, Column: 5})
	}, "logs.yaml:9:5: no rule is for category \"\" and service \"\" of windows")
	typo := event("typo", "lead", "high", "{product: windows, category: process_creation}", "  s:\n    Immage|endswith: whoami.exe\n  condition: s")
	f(func(p *pack.Pack) { p.Sigma = append(p.Sigma, typo) }, "sigma/typo.yml:6:5: rule \"typo\": no event of its source has a field \"Immage\"")
	f(func(p *pack.Pack) { p.Sigma, p.Windows[1].Fields = append(p.Sigma, typo), []string{"Immage"} }, "")
	counts := event("counts", "lead", "high", "{}", "")
	f(func(p *pack.Pack) {
		counts.Text = []byte("title: c\nid: counts\ncorrelation:\n  type: event_count\n  rules: [child]\n  group-by: [Usser]\n  timespan: 1h\n  condition: {gte: 2}\n")
		p.Sigma = append(p.Sigma, counts)
	}, "correlation \"counts\": no log of rule \"child\" has a field \"Usser\"")
}

// TestWindowsOwnFields: a rule of the operator's own for fields that no event of
// its source has is a gap of the rule set, and so are events that lack a column.
func TestWindowsOwnFields(t *testing.T) {
	e := ownEngine(t, Own{Sigma: []pack.TextFile{
		ownRule("typo", "{product: windows, category: process_creation}", "{Immage: x}"), ownRule("taxonomy", "{category: process_creation}", "{OriginalFileName: x}"),
		ownRule("plain", "{product: windows, service: windefend}", "{Threat Name: x, ThreatName: x}"), ownRule("other", "{product: windows, service: system}", "{AnyDriversOwn: x}"),
	}})
	if got := titlesOf(e.fieldless); got != `"typo"` || len(e.unread) > 0 {
		t.Errorf("without fields %s, unread %d", got, len(e.unread))
	}
	s := evidence.NewSchema(evtx.Format, "Image")
	s.Source = evidence.LogSource{Product: "windows", Category: "process_creation", Service: "security"}
	if got := e.program(s).ownBlind; !slices.Equal(got, []string{"OriginalFileName"}) {
		t.Errorf("lacking %q", got)
	}
	s.Source.Category = ""
	if got := e.program(s).ownBlind; len(got) > 0 {
		t.Errorf("another kind of event lacks %q", got)
	}
}

// TestMitre: SigmaHQ's rules raise an alert in as many files of recorded attacks
// as an independent evaluator finds, and the same ones without the prefilter.
func TestMitre(t *testing.T) {
	e := ownEngine(t, Own{Sigma: rulesIn(t, "sigma/rules/windows", ".yml")})
	files, hit := 0, 0
	for _, name := range eventLogs(t) {
		files++
		found := alerts(t, e, name)
		if len(found) > 0 {
			hit++
		}
		if all := alertsBy(t, e, name, false); !testing.Short() && !maps.Equal(found, all) {
			t.Errorf("%s: %v with the prefilter, %v without", name, found, all)
		}
	}
	t.Logf("alerts in %d of %d files", hit, files)
	if hit < 158 {
		t.Errorf("alerts in %d of %d files, want 158", hit, files)
	}
}

// BenchmarkWindows is all of SigmaHQ's rules for Windows over recorded attacks,
// decoding included.
func BenchmarkWindows(b *testing.B) {
	e := ownEngine(b, Own{Sigma: rulesIn(b, "sigma/rules/windows", ".yml")})
	var files [][]byte
	size := 0
	for _, name := range eventLogs(b) {
		text, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, text)
		size += len(text)
	}
	b.SetBytes(int64(size))
	var records int64
	for b.Loop() {
		x := e.Begin(windows())
		for _, text := range files {
			lane := x.Lane(evidence.Ref{Path: "log"})
			got, err := evtx.Read(b.Context(), bytes.NewReader(text), evtx.Options{}, lane.Events)
			if err != nil || lane.Close() != nil {
				b.Fatal(err)
			}
			records += got.Records
		}
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "events/s")
}

// TestWindowsColumns: an event of an older system that lacks what a pack's rule
// needs is a gap of that log.
func TestWindowsColumns(t *testing.T) {
	e := engineOf(t, Options{}, shipped(t))
	s := evidence.NewSchema(evtx.Format, "Image", "CommandLine")
	s.Source = evidence.LogSource{Product: "windows", Category: "process_creation"}
	if got := e.program(s).blind; !slices.Equal(got, []string{"ParentImage"}) {
		t.Errorf("lacking: %q", got)
	}
	s = evidence.NewSchema(evtx.Format, "Image", "CommandLine", "ParentImage")
	s.Source = evidence.LogSource{Product: "windows", Category: "process_creation"}
	if got := e.program(s).blind; len(got) > 0 {
		t.Errorf("lacking: %q", got)
	}
}
