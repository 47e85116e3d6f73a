package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"postern/evidence"
	"postern/verdict"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// asked is what the tests' operator asked.
func asked() verdict.Asked {
	return verdict.Asked{
		Parts: evidence.Exposed | evidence.Compromised, AsOf: at("2026-02-10 08:00"), AsOfWhy: "--as-of",
		Required: evidence.Period{From: at("2025-10-09 00:00"), To: at("2026-02-10 08:00")}, Now: at("2026-11-23 12:00"),
	}
}

const sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// entered is a tree of a server that was entered, with everything filled.
func entered() Target {
	log := "C/SmarterMail/Logs/2026.01.17-administrative.log"
	src := &evidence.Source{Target: "case/mail01", Kind: evidence.KindTree, ID: evidence.Identity{
		Host: "MAIL01", OS: evidence.Windows, Zone: time.UTC, ZoneFrom: "SYSTEM hive"}}
	install := verdict.Installation{
		Installation: evidence.Installation{
			Product: "smartermail", Path: "C/Program Files (x86)/SmarterTools/SmarterMail", Role: evidence.Active, RoleWhy: "service MailService",
			Signals: []evidence.Signal{{Kind: evidence.SignalProgram, Version: "100.0.9406.30415", Confidence: evidence.Confirmed,
				Ref: evidence.Ref{Collector: "installations", Path: "C/x/MailService.exe"}}},
			Changes: []evidence.Change{{Kind: evidence.ChangeCompiled, At: at("2025-10-02 17:00"), Ref: evidence.Ref{Collector: "installations", Path: "C/x/MailService.exe"}}},
			Notes:   []string{"the uninstall entry was not read"},
		},
		Name: "SmarterMail", Version: "100.0.9406.30415", Build: 9406, Confidence: evidence.Confirmed, BuildWhy: "version resource of MailService.exe", Behind: 7,
		Vulnerabilities: []verdict.Vulnerability{
			{ID: "CVE-2026-25067", Title: "path coercion", Status: verdict.Affected, FixedBuild: 9518, FixDate: at("2026-01-22 00:00"), Score: 6.9,
				Window: &verdict.Window{From: at("2026-01-22 00:00"), To: at("2026-02-10 08:00"), Why: "patch diffable", Open: true}},
			{ID: "CVE-2025-52691", Title: "upload", Status: verdict.Affected, FixedBuild: 9413, FixDate: at("2025-10-09 00:00"), Published: at("2025-12-29 00:00"), KEV: true, Ransomware: true, Score: 10,
				Window: &verdict.Window{From: at("2025-10-09 00:00"), To: at("2026-02-10 08:00"), Why: "patch diffable", Open: true}},
			{ID: "CVE-2019-7214", Title: "remoting", Status: verdict.Fixed, FixedBuild: 7040, WindowWhy: "never affected"},
		},
	}
	findings := []verdict.Finding{{
		ID: "f1", Rule: "sm-forced-reset", Title: "A system administrator's password was reset without anyone logged in", Question: evidence.CompromisedThen,
		Severity: verdict.Critical, Confidence: evidence.Confirmed, Class: verdict.Success, Count: 2, First: at("2026-01-17 10:51"), Last: at("2026-01-17 11:49"),
		Attack: []string{"T1190"}, Vulns: []string{"CVE-2026-23760"}, Next: "Isolate the host.",
		Refs: []evidence.Ref{
			{Collector: "logs", Path: log, Unit: evidence.Line, At: 3, Text: "10:51:58.000 [203.0.113.9] User @ calling force-reset-password, password=hunter2 \x1b[31m"},
			{Collector: "logs", Path: log, Unit: evidence.Line, At: 9, Text: "11:49:02.000 [203.0.113.9] User @ calling force-reset-password"},
		},
	}, {
		ID: "f2", Rule: "web-shell", Title: "A script where uploads land", Question: evidence.CompromisedNow, Severity: verdict.High,
		Confidence: evidence.Likely, Class: verdict.State, Count: 1, Refs: []evidence.Ref{{Collector: "files", Path: "C/inetpub/wwwroot/x\u202easpx_0.aspx", Unit: evidence.Offset}},
	}}
	findings[0].Sources = []string{"https://example.org/advisory", "javascript:alert(1)"}
	findings = append(findings, verdict.Finding{
		ID: "f3", Rule: "reset-then-login", Title: "A reset, then a login from the same address", Question: evidence.CompromisedThen, Severity: verdict.High,
		Confidence: evidence.Likely, Class: verdict.Success, Count: 2, First: at("2026-01-17 10:51"), Last: at("2026-01-17 10:52"), Steps: true, Attack: []string{"T1098", "T9999"},
		Refs: []evidence.Ref{
			{Collector: "logs", Path: log, Unit: evidence.Line, At: 3, Time: at("2026-01-17 10:51"), Text: "10:51:58.000 [203.0.113.9] User @ calling force-reset-password"},
			{Collector: "logs", Path: "C/inetpub/logs/u_ex260117.log", Unit: evidence.Line, At: 40, Time: at("2026-01-17 10:52"), Text: "2026-01-17 10:52:10 POST /api/v1/auth/authenticate-user 200"},
		},
	})
	cover := []evidence.Coverage{
		{Kind: evidence.CoverLog, Path: log, Parts: evidence.CompromisedThen, Count: 12, Bytes: 900, From: at("2026-01-17 00:00"), To: at("2026-01-17 23:00"), SHA256: sum, Family: "SmarterMail administrative"},
		evidence.Gap(evidence.CoverLogFamily, "C/SmarterMail/Logs", evidence.CompromisedThen, evidence.Hole, "2026-01-18 to 2026-01-20 are missing"),
		evidence.Gap(evidence.CoverFile, "C/inetpub/wwwroot/web.config", evidence.CompromisedNow, evidence.Unreadable, "access denied"),
	}
	answers := verdict.Answers{
		Exposed: verdict.Part{Answer: verdict.Yes, Because: []string{install.AffectedBy()}},
		Compromised: verdict.Compromise{
			Part:    verdict.Part{Answer: verdict.Yes, Because: []string{"now: a", "then: b"}, Gaps: []string{"hole"}},
			Now:     verdict.Part{Answer: verdict.Unknown, Because: []string{"A script where uploads land."}, Gaps: []string{"unreadable"}},
			Then:    verdict.Part{Answer: verdict.Yes, Because: []string{"A system administrator's password was reset.", "Logs covered 41 of 124 days."}, Gaps: []string{"hole"}},
			Reading: verdict.Entered, DaysCovered: 41, DaysRequired: 124,
		},
		Reachable: verdict.Part{Answer: verdict.NotExamined}, Unprepared: verdict.Part{Answer: verdict.NotExamined},
	}
	return NewTarget(src, asked(), []verdict.Installation{install}, findings, cover, answers)
}

// page is the same server as seen from outside.
func servedPage() Target {
	src := &evidence.Source{Target: "https://mail01.example.org/", Kind: evidence.KindURL, ID: evidence.Identity{Host: "mail01"}}
	none := verdict.Part{Answer: verdict.NotExamined}
	return NewTarget(src, asked(), nil, nil, []evidence.Coverage{{Kind: evidence.CoverPage, Path: "https://mail01.example.org/interface/root", Parts: evidence.Exposed, Count: 1}},
		verdict.Answers{Exposed: verdict.Part{Answer: verdict.No, Because: []string{"it serves 9742"}},
			Compromised: verdict.Compromise{Part: none, Now: none, Then: none}, Reachable: none, Unprepared: none})
}

func quiet() Target {
	src := &evidence.Source{Target: "", Kind: evidence.KindHost, ID: evidence.Identity{Host: "mail02", OS: evidence.Linux}}
	none := verdict.Part{Answer: verdict.NoneSeen}
	seen := []evidence.Coverage{{Kind: evidence.CoverState, Path: "processes", Parts: evidence.Exposed | evidence.Compromised, Count: 99}}
	return NewTarget(src, asked(), nil, nil, seen, verdict.Answers{Exposed: none,
		Compromised: verdict.Compromise{Part: none, Now: none, Then: none, DaysCovered: 124, DaysRequired: 124}})
}

func sample(targets ...Target) *Report {
	return Finish(Tool{Version: "0.1.0", Commit: "abc", Packs: []Pack{{ID: "smartermail", Revision: "2026.11.1", SHA256: sum}}}, targets,
		Run{Started: at("2026-11-23 12:00"), Ended: at("2026-11-23 12:01"), Machine: "laptop"})
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:postern:report:1", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:postern:report:1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encode(t *testing.T, r *Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReportsFollowTheSchema(t *testing.T) {
	schema := compiled(t)
	for name, r := range map[string]*Report{
		"full":    sample(entered(), servedPage(), quiet()),
		"empty":   sample(),
		"missing": sample(Missing("nowhere", "", evidence.KindTree, asked().Parts, evidence.Absent, "not there")),
		"merged":  Merge(sample(entered()), sample(servedPage())),
		"listed":  sample(Inventory([]Target{entered()}, []Listed{{Name: "mail09"}}, asked().Parts)...),
		"zero":    sample(NewTarget(&evidence.Source{Kind: evidence.KindTree}, verdict.Asked{}, []verdict.Installation{{}}, nil, nil, verdict.Answers{})),
	} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encode(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{`{}`, `{"schema":"postern.report/2"}`, strings.Replace(string(encode(t, sample(entered()))), `"answer": "yes"`, `"answer": "clean"`, 1)} {
		doc, _ := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if schema.Validate(doc) == nil {
			t.Errorf("the schema takes %.60s", bad)
		}
	}
}

// TestSchemaKnowsEveryField walks the Go types beside the schema: a field that
// one has and the other lacks is a contract that nobody published.
func TestSchemaKnowsEveryField(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(JSONSchema(), &doc); err != nil {
		t.Fatal(err)
	}
	defs := doc["$defs"].(map[string]any)
	for name, typ := range map[string]any{
		"tool": Tool{}, "pack": Pack{}, "target": Target{}, "span": Span{}, "installation": Installation{}, "signal": Signal{}, "change": Change{},
		"vulnerability": Vulnerability{}, "window": Window{}, "answers": Answers{}, "part": Part{}, "compromise": Compromise{},
		"finding": Finding{}, "ref": Ref{}, "coverage": Coverage{}, "series": Series{}, "host": Host{}, "run": Run{},
	} {
		props := defs[name].(map[string]any)["properties"].(map[string]any)
		fields := jsonFields(reflect.TypeOf(typ))
		for f := range fields {
			if props[f] == nil {
				t.Errorf("%s.%s is not in the schema", name, f)
			}
		}
		for f := range props {
			if !fields[f] {
				t.Errorf("the schema's %s.%s is not in the report", name, f)
			}
		}
	}
}

func jsonFields(typ reflect.Type) map[string]bool {
	names := map[string]bool{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			for n := range jsonFields(f.Type) {
				names[n] = true
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}

func TestReferencesGetTheirFilesHash(t *testing.T) {
	target := entered()
	if got := target.Findings[0].Refs[0].SHA256; got != sum {
		t.Errorf("hash %q, want the coverage row's", got)
	}
	if got := target.Findings[1].Refs[0].SHA256; got != "" {
		t.Errorf("hash %q for a file nobody hashed", got)
	}
	twice := []evidence.Coverage{{Path: "a", SHA256: sum}, {Path: "a", SHA256: strings.Repeat("0", 64)}}
	if hashes(twice)["a"] != "" {
		t.Error("a path with two hashes must have none")
	}
}

func TestReportHidesSecretsAndControls(t *testing.T) {
	text := string(encode(t, sample(entered())))
	for _, bad := range []string{"hunter2", "\x1b", "\u202e", `\u001b`} {
		if strings.Contains(text, bad) {
			t.Errorf("%q stands in the output", bad)
		}
	}
}

func TestBodyHashIsTheBodys(t *testing.T) {
	a, b := sample(entered()), sample(entered())
	b.Run.Started, b.Run.Machine = at("2020-01-01 00:00"), "other"
	b = Finish(b.Tool, b.Targets, b.Run)
	if a.Run.BodySHA256 == "" || a.Run.BodySHA256 != b.Run.BodySHA256 {
		t.Error("run changes the body's hash")
	}
	if c := sample(quiet()); c.Run.BodySHA256 == a.Run.BodySHA256 {
		t.Error("two bodies, one hash")
	}
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("jq is not here to compute the hash another way")
	}
	cmd := exec.Command("sh", "-c", jq+" -cS 'del(.run)' | sha256sum")
	cmd.Stdin = bytes.NewReader(encode(t, a))
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), a.Run.BodySHA256) {
		t.Errorf("jq says %s, the report %s (%v)", out, a.Run.BodySHA256, err)
	}
}

func TestReadTakesWhatWasWritten(t *testing.T) {
	r := sample(entered(), servedPage(), quiet())
	text := encode(t, r)
	back, err := Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, back), text) {
		t.Error("reading and writing again gives other bytes")
	}
	more := strings.Replace(string(encode(t, strip(r))), `"schema"`, `"added_later": 1, "schema"`, 1)
	if newer, err := Read(strings.NewReader(more)); err != nil || newer.Unknown() != "added_later" {
		t.Errorf("a field added within the version: %v", err)
	}
	if back.Unknown() != "" {
		t.Errorf("%q is known", back.Unknown())
	}
}

// TestReadTakesOldReports: the first reports had no reading, no times of
// references, no steps and no sources.
func TestReadTakesOldReports(t *testing.T) {
	text := string(encode(t, strip(sample(entered()))))
	for _, field := range []string{`"reading": "[^"]*",`, `"time": "[^"]*",`, `"steps": true,`, `(?s)"references": \[.*?\],`} {
		text = regexp.MustCompile(field).ReplaceAllString(text, "")
	}
	old, err := Read(strings.NewReader(text))
	if err != nil || old.Unknown() != "" {
		t.Fatal(err)
	}
	if got := Merge(old, old).Hosts[0].Answers.Compromised; got.Reading != verdict.Untouched || got.Answer != verdict.Yes {
		t.Errorf("%q, %q", got.Reading, got.Answer)
	}
}

// strip is r without the hash of its body, as someone who edits it would.
func strip(r *Report) *Report {
	c := *r
	c.Run.BodySHA256 = ""
	return &c
}

func TestReadRefuses(t *testing.T) {
	good := string(encode(t, sample(entered())))
	bare := string(encode(t, strip(sample(entered()))))
	for _, tc := range []struct {
		name, text, says string
		want             error
	}{
		{"nothing", "", "not a postern report", ErrNotReport},
		{"not JSON", "MZ\x90", "not a postern report", ErrNotReport},
		{"another document", `{"schema":"openvex"}`, `its schema is "openvex", wanted postern.report/1`, ErrNotReport},
		{"a newer version", `{"schema":"postern.report/2"}`, "its schema is postern.report/2 and this program reads postern.report/1; update postern", ErrNewer},
		{"no answers", `{"schema":"postern.report/1","targets":[{}],"hosts":[{"targets":[0]}]}`, "not one of the five answers", ErrNotReport},
		{"an answer of its own", strings.ReplaceAll(bare, `"answer": "yes"`, `"answer": "clean"`), `"clean" is not one of the five answers`, ErrNotReport},
		{"a reading of its own", strings.ReplaceAll(bare, `"reading": "entered"`, `"reading": "all is well"`), `"all is well" is not a reading`, ErrNotReport},
		{"a truncated file", good[:len(good)/2], "it ends in the middle", ErrCutShort},
		{"an index outside", strings.Replace(bare, "\"targets\": [\n        0\n", "\"targets\": [\n        7\n", 1), "no target 7", ErrNotReport},
		{"a second document", good + good, "not a postern report", ErrNotReport},
		{"an edit", strings.Replace(good, "9406", "9742", 1), "take the original file", ErrChanged},
	} {
		_, err := Read(strings.NewReader(tc.text))
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %v with %q", tc.name, err, tc.want, tc.says)
		}
	}
}

func TestHostsMergeWorstFirst(t *testing.T) {
	r := Merge(sample(servedPage(), quiet()), sample(entered()))
	if len(r.Targets) != 3 || len(r.Hosts) != 2 {
		t.Fatalf("%d targets, %d hosts; want 3 and 2", len(r.Targets), len(r.Hosts))
	}
	mail01 := r.Hosts[0]
	if !reflect.DeepEqual(mail01.Targets, []int{0, 2}) || mail01.Answers.Exposed.Answer != verdict.Yes {
		t.Errorf("MAIL01 and mail01 are one host and exposed: %v %v", mail01.Targets, mail01.Answers.Exposed.Answer)
	}
}

func TestUnnamedTargetsStayApart(t *testing.T) {
	a := Missing("evidence", "", evidence.KindTree, asked().Parts, evidence.Absent, "x")
	u := Missing("https://a/", "", evidence.KindURL, asked().Parts, evidence.Unanswered, "x")
	if r := Merge(sample(a, u), sample(a, u)); len(r.Hosts) != 3 {
		t.Errorf("%d hosts: two folders of one name are two, one URL is one", len(r.Hosts))
	}
}

func TestAnswersNobodyGaveAreUnknown(t *testing.T) {
	target := NewTarget(&evidence.Source{}, verdict.Asked{}, nil, nil, nil, verdict.Answers{})
	target.Answers.Each(func(p *Part) {
		if p.Answer != verdict.Unknown {
			t.Errorf("%q", p.Answer)
		}
	})
}

// TestWrittenReports keeps whole documents, which report/page prints.
func TestWrittenReports(t *testing.T) {
	for name, r := range map[string]*Report{
		"entered": sample(entered()), "many": sample(entered(), servedPage(), quiet()), "none": sample(),
	} {
		path, got := filepath.Join("testdata", name+".json"), encode(t, r)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs; look, then -update", path)
		}
	}
}

// TestExamplesFollowTheSchema: what the examples must give, all of them.
func TestExamplesFollowTheSchema(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "examples", "*", "expected.json"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	schema := compiled(t)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		doc.(map[string]any)["run"].(map[string]any)["limits"] = []any{} // the examples stand without their run
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	r := sample(entered(), servedPage())
	var out bytes.Buffer
	if err := strip(r).WriteJSON(&out); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte(`{"schema":"postern.report/1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Merge(r, r).WriteJSON(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&again); errors.Is(err, ErrChanged) {
			t.Fatal(err)
		}
	})
}
