package diff

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"postern/report"
	"postern/verdict"
)

func read(t testing.TB, name string) *report.Report {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := report.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// changed is the entered report after a change.
func changed(t testing.TB, change func(*report.Target)) *report.Report {
	r := read(t, "entered")
	change(&r.Targets[0])
	return report.Finish(r.Tool, r.Targets, r.Run)
}

func valid(t *testing.T, d *Diff) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:postern:diff:1", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:postern:diff:1")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := d.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	if doc, err = jsonschema.UnmarshalJSON(&out); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Error(err)
	}
}

func TestTheSameIsTheSame(t *testing.T) {
	d := Compare(read(t, "many"), read(t, "many"))
	valid(t, d)
	if d.Worse || d.LessRead {
		t.Error("two equal reports differ")
	}
	for _, h := range d.Hosts {
		if n := len(h.Answers) + len(h.Installations) + len(h.CVEs) + len(h.Findings) + len(h.Gained) + len(h.Lost); n > 0 || h.Reading != nil {
			t.Errorf("%s: %+v", h.Host, h)
		}
	}
}

// TestGoneIsNeverFixed: a log is taken away, and the finding in it with it.
func TestGoneIsNeverFixed(t *testing.T) {
	now := changed(t, func(r *report.Target) {
		r.Coverage = r.Coverage[1:]
		r.Findings = r.Findings[1:2]
		r.Answers.Compromised.Then.Answer, r.Answers.Compromised.Answer = verdict.Unknown, verdict.Unknown
		r.Answers.Compromised.DaysCovered = 12
	})
	d := Compare(read(t, "entered"), now)
	valid(t, d)
	h := d.Hosts[0]
	if d.Worse || !d.LessRead || len(h.Lost) != 1 {
		t.Errorf("worse %v, less read %v, lost %v", d.Worse, d.LessRead, h.Lost)
	}
	for _, f := range h.Findings {
		if f.Change != NoLongerSeen || !f.LessRead {
			t.Errorf("%+v", f)
		}
	}
	for _, a := range h.Answers {
		if a.Change != Better || !a.LessRead {
			t.Errorf("%+v", a)
		}
	}
	if len(h.Findings) != 2 || len(h.Answers) != 2 {
		t.Errorf("%d findings, %d answers", len(h.Findings), len(h.Answers))
	}
}

// TestAFileGoneFromAFolderThatWasRead is no loss of reading; it is still
// called no longer seen.
func TestAFileGoneFromAFolderThatWasRead(t *testing.T) {
	folder := report.Coverage{Kind: "file", Path: "C/inetpub/wwwroot", Parts: []string{"compromised.now"}, Count: 2}
	old := changed(t, func(r *report.Target) { r.Coverage = append(r.Coverage, folder) })
	gone := func(r *report.Target) {
		less := folder
		less.Count = 1
		r.Coverage = append(r.Coverage, less)
		r.Findings = []report.Finding{r.Findings[0], r.Findings[2]}
	}
	d := Compare(old, changed(t, gone))
	if f := d.Hosts[0].Findings; len(f) != 1 || f[0].Change != NoLongerSeen || f[0].LessRead || d.LessRead {
		t.Errorf("%+v, less read %v", f, d.LessRead)
	}
	d = Compare(old, changed(t, func(r *report.Target) { gone(r); r.Partial = true }))
	if !d.LessRead {
		t.Error("a selection may not have collected it")
	}
}

func TestWorse(t *testing.T) {
	for name, change := range map[string]func(*report.Target){
		"a new finding": func(r *report.Target) {
			f := r.Findings[0]
			f.ID, f.Rule = "other", "other"
			r.Findings = append(r.Findings, f)
		},
		"a graver finding": func(r *report.Target) { r.Findings[1].Severity = verdict.Critical },
		"an answer":        func(r *report.Target) { r.Answers.Compromised.Now.Answer = verdict.Yes },
		"another installation": func(r *report.Target) {
			in := r.Installations[0]
			in.Path, in.Vulnerabilities = "elsewhere", []report.Vulnerability{{ID: "CVE-2026-1", Status: verdict.Affected}}
			r.Installations = append(r.Installations, in)
		},
		"a CVE": func(r *report.Target) { r.Installations[0].Vulnerabilities[2].Status = verdict.Affected },
	} {
		if d := Compare(read(t, "entered"), changed(t, change)); !d.Worse {
			t.Errorf("%s does not make it worse", name)
		}
	}
	scan := changed(t, func(r *report.Target) {
		r.Findings = append(r.Findings, report.Finding{ID: "s", Rule: "s", Severity: verdict.High, Class: verdict.Scan})
	})
	if d := Compare(read(t, "entered"), scan); d.Worse || len(d.Hosts[0].Findings) != 1 {
		t.Error("a scan makes nothing worse")
	}
	better := changed(t, func(r *report.Target) { r.Answers.Compromised.Reading = verdict.KnockedAt })
	if d := Compare(better, read(t, "entered")); !d.Worse || d.Hosts[0].Reading.Change != Worse {
		t.Error("entered is worse than knocked at")
	}
}

func TestHostsThatCameAndWent(t *testing.T) {
	d := Compare(read(t, "many"), read(t, "entered"))
	valid(t, d)
	if len(d.Hosts) != 2 || d.Hosts[1].In != OnlyOld || !d.LessRead {
		t.Errorf("%+v", d.Hosts)
	}
	d = Compare(read(t, "none"), read(t, "entered"))
	valid(t, d)
	if len(d.Hosts) != 1 || d.Hosts[0].In != OnlyNew || !d.Worse || d.LessRead {
		t.Errorf("a new host with a yes: %+v", d)
	}
}

func TestAFindingWhoseFirstReferenceMovedIsTheSame(t *testing.T) {
	now := changed(t, func(r *report.Target) {
		f := &r.Findings[0]
		f.ID, f.Refs, f.Count = "moved", f.Refs[1:], 1
	})
	d := Compare(read(t, "entered"), now)
	if f := d.Hosts[0].Findings; len(f) != 1 || f[0].Change != Changed || d.Worse {
		t.Errorf("%+v", f)
	}
}
