package postern_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"postern"
	"postern/collect"
	"postern/detect"
	"postern/evidence"
	"postern/evidence/evidencetest"
	"postern/pack"
	"postern/packs"
	"postern/probe"
	"postern/report"
	"postern/target"
	"postern/verdict"
)

var update = flag.Bool("update", false, "write what the tests expect")

// clock is the day the examples are examined on.
var clock = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// asOf is when each example's evidence was taken.
var asOf = map[string]time.Time{
	"patched-in-time":         time.Date(2026, 9, 8, 6, 0, 0, 0, time.UTC),
	"exposed-and-probed":      time.Date(2026, 1, 13, 0, 0, 0, 0, time.UTC),
	"late-and-entered":        time.Date(2026, 4, 29, 8, 0, 0, 0, time.UTC),
	"checked-only":            time.Date(2026, 1, 30, 16, 0, 0, 0, time.UTC),
	"through-a-proxy":         time.Date(2026, 2, 3, 23, 0, 0, 0, time.UTC),
	"velociraptor-collection": time.Date(2026, 1, 21, 2, 10, 2, 0, time.UTC),
}

// TestExamples examines every example and compares the whole report.
func TestExamples(t *testing.T) {
	for name := range asOf {
		t.Run(name, func(t *testing.T) {
			doc := examine(t, filepath.Join("examples", name, "evidence"), asOf[name], nil)
			doc.Run = report.Run{}
			have, err := json.MarshalIndent(doc, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("examples", name, "expected.json"), append(have, '\n'))
		})
	}
}

// TestExaminersSideBySide runs several at once in one process, over one
// engine, as an agent does: each gives the report it gives alone.
func TestExaminersSideBySide(t *testing.T) {
	if *update {
		t.Skip("TestExamples writes the reports")
	}
	for name := range asOf {
		for _, twin := range []string{"first", "second"} {
			t.Run(name+" "+twin, func(t *testing.T) {
				t.Parallel()
				doc := examine(t, filepath.Join("examples", name, "evidence"), asOf[name], nil)
				doc.Run = report.Run{}
				have, err := json.MarshalIndent(doc, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				compare(t, filepath.Join("examples", name, "expected.json"), append(have, '\n'))
			})
		}
	}
}

// TestReadings demands of each example what it adds up to in a word.
func TestReadings(t *testing.T) {
	for name, want := range map[string]verdict.Reading{
		"patched-in-time":         verdict.Untouched,
		"exposed-and-probed":      verdict.OpenAttempt,
		"late-and-entered":        verdict.Entered,
		"checked-only":            verdict.KnockedAt,
		"through-a-proxy":         verdict.Entered,
		"velociraptor-collection": verdict.Entered,
	} {
		doc := examine(t, filepath.Join("examples", name, "evidence"), asOf[name], nil)
		if got := doc.Targets[0].Answers.Compromised.Reading; got != want {
			t.Errorf("%s reads %q, want %q", name, got, want)
		}
		told := slices.ContainsFunc(doc.Targets[0].Findings, func(f report.Finding) bool { return f.Steps && f.Class == verdict.Success })
		if want == verdict.Entered && !told {
			t.Errorf("%s tells no steps", name)
		}
	}
}

// TestCheckedWhileAffected: the scans of checked-only on a build that had the
// holes. The same answers are then no proof that nothing worked.
func TestCheckedWhileAffected(t *testing.T) {
	const service = "Program Files (x86)/SmarterTools/SmarterMail/Service/"
	root := filepath.Join("examples", "checked-only", "evidence")
	dir := linked(t, root, filesOf(t, root))
	for name, assembly := range map[string]string{"MailService.exe": "", "MailService.dll": "100.0.9504.18877", "SmarterMail.Standard.dll": "100.0.9504.18877"} {
		replace(t, filepath.Join(dir, service+name), evidencetest.PE("100.0.9504.18877", assembly))
	}
	// A reset that was answered with a success is one on this build, its owner's too: without it.
	for _, name := range []string{"inetpub/logs/LogFiles/W3SVC1/u_ex260121.log", "SmarterMail/Logs/2026.01.21-administrative.log"} {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.DeleteFunc(bytes.SplitAfter(data, []byte("\n")), func(line []byte) bool { return bytes.Contains(line, []byte("force-reset-password")) })
		replace(t, path, bytes.Join(lines, nil))
	}
	got := examine(t, dir, asOf["checked-only"], nil).Targets[0].Answers.Compromised
	if got.Reading != verdict.OpenAttempt || got.Then.Answer != verdict.Unknown {
		t.Errorf("reads %q, then %s: %v", got.Reading, got.Then.Answer, got.Then.Because)
	}
}

// replace puts other content in a file of a linked tree.
func replace(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// examine runs the whole pipeline as the command does. change, if not nil,
// wraps the opened source first.
func examine(t testing.TB, dir string, asOf time.Time, change func(*evidence.Source)) *report.Report {
	t.Helper()
	return examineBy(t, dir, asOf, change, collect.Options{})
}

// examineBy is examine, with the work done as opt says.
func examineBy(t testing.TB, dir string, asOf time.Time, change func(*evidence.Source), opt collect.Options) *report.Report {
	t.Helper()
	sources, err := target.Open(context.Background(), dir, target.Options{AsOf: asOf})
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range sources {
		defer src.Close()
		src.Target = filepath.Base(filepath.Dir(dir)) // the folder's place on this machine is no part of the answer
		src.Files = dated{src.Files}
		if change != nil {
			change(src)
		}
	}
	p, engine, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	all := engine.Interest().Parts
	x := postern.Examiner{
		Engine:     engine,
		Collectors: append(collect.All(opt), probe.All()...),
		Asked: verdict.Asked{
			Parts: all, Now: clock, AsOf: asOf, MaxAge: 90 * 24 * time.Hour,
			Packs: []verdict.PackAge{{ID: p.ID, Revision: p.Revision, Date: p.Date}},
		},
	}
	tool := report.Tool{Packs: []report.Pack{{ID: p.ID, Revision: p.Revision, SHA256: p.SHA256}}}
	return report.Finish(tool, x.Examine(context.Background(), sources), report.Run{})
}

// compiled gives the shipped pack and its engine, which any number of
// examinations may share.
func compiled() (*pack.Pack, *detect.Engine, error) {
	c := compileOnce()
	return c.pack, c.engine, c.err
}

var compileOnce = sync.OnceValue(func() (c struct {
	pack   *pack.Pack
	engine *detect.Engine
	err    error
}) {
	dir, err := fs.Sub(packs.Shipped(), "smartermail")
	if err != nil {
		c.err = err
		return c
	}
	if c.pack, c.err = pack.Load(dir); c.err != nil {
		return c
	}
	all := evidence.Exposed | evidence.Compromised | evidence.Reachable | evidence.Unprepared
	var refused []detect.Refusal
	c.engine, refused, c.err = detect.Compile([]*pack.Pack{c.pack}, detect.Options{Now: clock, Parts: all, UserAgent: "Postern/test"})
	if len(refused) > 0 {
		c.err = fmt.Errorf("refused: %v", refused)
	}
	return c
})

// dated gives every file one modification time: a checkout's own times are no
// part of an example.
type dated struct{ evidence.Tree }

func (d dated) Walk(ctx context.Context, root evidence.Name, fn func(evidence.Entry) error) error {
	return d.Tree.Walk(ctx, root, func(e evidence.Entry) error {
		e.ModTime = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		return fn(e)
	})
}

func compare(t *testing.T, path string, have []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, have, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s differs from what the test makes now; run with -update and read the diff", path)
	}
}

// TestExampleBinaries makes the examples' program files and hives and demands
// that the ones in the repository are these, byte for byte.
func TestExampleBinaries(t *testing.T) {
	const (
		service = "Program Files (x86)/SmarterTools/SmarterMail/Service/"
		uploads = "velociraptor-collection/evidence/uploads/"
		hives   = uploads + "ntfs/%5C%5C.%5CC%3A/Windows/System32/config/"
	)
	for path, data := range map[string][]byte{
		"patched-in-time/evidence/" + service + "MailService.exe":                      evidencetest.PE("100.0.9742.26305", ""),
		"patched-in-time/evidence/" + service + "MailService.dll":                      evidencetest.PE("100.0.9742.26305", "100.0.9742.26305"),
		"patched-in-time/evidence/" + service + "SmarterMail.Standard.dll":             evidencetest.PE("100.0.9742.26305", "100.0.9742.26305"),
		"patched-in-time/evidence/Windows/System32/config/SYSTEM":                      systemHive("MAIL01", "W. Europe Standard Time"),
		"patched-in-time/evidence/Windows/System32/config/SOFTWARE":                    softwareHive("100.0.9742", "20260904", time.Date(2026, 9, 4, 4, 5, 12, 0, time.UTC)),
		"late-and-entered/evidence/" + service + "MailService.exe":                     evidencetest.PE("100.0.9610.20114", ""),
		"late-and-entered/evidence/" + service + "MailService.dll":                     evidencetest.PE("100.0.9610.20114", "100.0.9610.20114"),
		"late-and-entered/evidence/Windows/System32/config/SYSTEM":                     systemHive("MAIL02", "Eastern Standard Time"),
		"late-and-entered/evidence/Windows/System32/config/SOFTWARE":                   softwareHive("100.0.9610", "20260428", time.Date(2026, 4, 28, 13, 20, 3, 0, time.UTC)),
		"late-and-entered/evidence/Backup/SmarterMail-2025-12/Service/MailService.exe": evidencetest.PE("100.0.9406.31022", ""),
		"late-and-entered/evidence/Backup/SmarterMail-2025-12/Service/MailService.dll": evidencetest.PE("100.0.9406.31022", "100.0.9406.31022"),
		"exposed-and-probed/evidence/opt/smartermail/MailService":                      append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...),
		"exposed-and-probed/evidence/opt/smartermail/MailService.dll":                  evidencetest.PE("100.0.9504.18877", "100.0.9504.18877"),
		"exposed-and-probed/evidence/opt/smartermail/SmarterMail.Standard.dll":         evidencetest.PE("100.0.9504.18877", "100.0.9504.18877"),
		"checked-only/evidence/" + service + "MailService.exe":                         evidencetest.PE("100.0.9511.21870", ""),
		"checked-only/evidence/" + service + "MailService.dll":                         evidencetest.PE("100.0.9511.21870", "100.0.9511.21870"),
		"checked-only/evidence/" + service + "SmarterMail.Standard.dll":                evidencetest.PE("100.0.9511.21870", "100.0.9511.21870"),
		"checked-only/evidence/Windows/System32/config/SYSTEM":                         systemHive("MAIL04", "Singapore Standard Time"),
		"checked-only/evidence/Windows/System32/config/SOFTWARE":                       softwareHive("100.0.9511", "20260116", time.Date(2026, 1, 16, 14, 38, 20, 0, time.UTC)),
		"through-a-proxy/evidence/" + service + "MailService.exe":                      evidencetest.PE("100.0.9504.18877", ""),
		"through-a-proxy/evidence/" + service + "MailService.dll":                      evidencetest.PE("100.0.9504.18877", "100.0.9504.18877"),
		"through-a-proxy/evidence/" + service + "SmarterMail.Standard.dll":             evidencetest.PE("100.0.9504.18877", "100.0.9504.18877"),
		"through-a-proxy/evidence/Windows/System32/config/SYSTEM":                      systemHive("MAIL05", "W. Europe Standard Time"),
		"through-a-proxy/evidence/Windows/System32/config/SOFTWARE":                    softwareHive("100.0.9504", "20260112", time.Date(2026, 1, 12, 18, 7, 44, 0, time.UTC)),
		uploads + "auto/C%3A/" + service + "MailService.exe":                           evidencetest.PE("100.0.9413.22004", ""),
		hives + "SYSTEM":   systemHive("MAIL06", "Pacific Standard Time"),
		hives + "SOFTWARE": softwareHive("100.0.9413", "20260112", time.Date(2026, 1, 13, 5, 20, 3, 0, time.UTC)),
	} {
		compare(t, filepath.Join("examples", path), data)
	}
}

func systemHive(host, zone string) []byte {
	made := time.Date(2024, 3, 5, 9, 0, 0, 0, time.UTC)
	key := func(name string, values []evidencetest.HiveValue, keys ...evidencetest.HiveKey) evidencetest.HiveKey {
		return evidencetest.HiveKey{Name: name, Written: made, Values: values, Keys: keys}
	}
	return evidencetest.Hive(key("ROOT", nil,
		key("Select", []evidencetest.HiveValue{{Name: "Current", Data: uint32(1)}}),
		key("ControlSet001", nil,
			key("Control", nil,
				key("ComputerName", nil, key("ComputerName", []evidencetest.HiveValue{{Name: "ComputerName", Data: host}})),
				key("TimeZoneInformation", []evidencetest.HiveValue{{Name: "TimeZoneKeyName", Data: zone}})),
			key("Services", nil,
				key("MailService", []evidencetest.HiveValue{
					{Name: "DisplayName", Data: "SmarterMail"},
					{Name: "ImagePath", Data: `"C:\Program Files (x86)\SmarterTools\SmarterMail\Service\MailService.exe"`},
					{Name: "ObjectName", Data: "LocalSystem"},
					{Name: "Start", Data: uint32(2)},
				})))))
}

func softwareHive(version, installed string, written time.Time) []byte {
	entry := evidencetest.HiveKey{Name: "{6A1F0C7E-2B9D-4E51-9C35-8D7A40E1B2F3}", Written: written, Values: []evidencetest.HiveValue{
		{Name: "DisplayName", Data: "SmarterMail"},
		{Name: "DisplayVersion", Data: version},
		{Name: "InstallDate", Data: installed},
		{Name: "InstallLocation", Data: `C:\Program Files (x86)\SmarterTools\SmarterMail\`},
	}}
	for _, name := range []string{"Uninstall", "CurrentVersion", "Windows", "Microsoft", "WOW6432Node", "ROOT"} {
		entry = evidencetest.HiveKey{Name: name, Written: written, Keys: []evidencetest.HiveKey{entry}}
	}
	return evidencetest.Hive(entry)
}
