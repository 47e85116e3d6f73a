package detect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/verdict"
)

// judgeBuild gives the one installation of a source with these signals.
func judgeBuild(t *testing.T, opt Options, i evidence.Installation) (verdict.Installation, Result) {
	t.Helper()
	x := engineOf(t, opt, testPack(t)).Begin(&evidence.Source{ID: evidence.Identity{OS: evidence.Linux}})
	installed(t, x, i)
	r := x.Result(now)
	if len(r.Installations) != 1 {
		t.Fatalf("%d installations", len(r.Installations))
	}
	return r.Installations[0], r
}

// tally counts the CVEs by status: "7 affected, 1 fixed".
func statuses(i verdict.Installation) [3]int {
	return [3]int{len(i.With(verdict.Affected)), len(i.With(verdict.Fixed)), len(i.With(verdict.StatusUnknown))}
}

// TestBuilds holds the builds of the issue against the pack's eight CVEs:
// affected, fixed, unknown.
func TestBuilds(t *testing.T) {
	f := func(text string, build int, want [3]int) {
		t.Helper()
		i, r := judgeBuild(t, Options{}, evidence.Installation{Signals: []evidence.Signal{exe(text)}})
		if i.Build != build || statuses(i) != want {
			t.Errorf("%q: build %d %v, want %d %v (%s)", text, i.Build, statuses(i), build, want, i.BuildWhy)
		}
		if f := finding(r, "smartermail-affected"); (f != nil) != (want[0] > 0) {
			t.Errorf("%q: finding %+v", text, f)
		}
	}
	f("6919", 6919, [3]int{7, 1, 0})
	f("100.0.6919.30415", 6919, [3]int{7, 1, 0})
	f("Build 7957", 7957, [3]int{7, 1, 0})
	f("8600", 8600, [3]int{8, 0, 0})
	f("8700", 8700, [3]int{7, 1, 0})
	f("100.0.8930.39839", 8930, [3]int{7, 1, 0})
	f("9406", 9406, [3]int{7, 1, 0})
	f("9413", 9413, [3]int{6, 2, 0})
	f("9504 (Jan 8, 2026)", 9504, [3]int{6, 2, 0})
	f("9511", 9511, [3]int{4, 4, 0})
	f("9518", 9518, [3]int{3, 5, 0})
	f("9526", 9526, [3]int{2, 6, 0})
	f("9560", 9560, [3]int{1, 7, 0})
	f("9610", 9610, [3]int{0, 8, 0})
	f("9742", 9742, [3]int{0, 8, 0})
	f("16.3.6989.16341", 6989, [3]int{7, 1, 0})
	f("100.0.9742.26305+420ad0ab", 9742, [3]int{0, 8, 0})
	f("15.7", 0, [3]int{7, 1, 0})
	f("9823", 9823, [3]int{0, 8, 0}) // today
	f("9824", 0, [3]int{0, 0, 8})
	f("12345", 0, [3]int{0, 0, 8})
	f("", 0, [3]int{0, 0, 8})
	f("SmarterMail", 0, [3]int{0, 0, 8})
	f("100.0.1.2", 0, [3]int{0, 0, 8})
}

// TestEvidenceIsNoOlderThanItsBuild: a time that the build itself disproves
// closes no window.
func TestEvidenceIsNoOlderThanItsBuild(t *testing.T) {
	x := engineOf(t, Options{}, testPack(t)).Begin(&evidence.Source{ID: evidence.Identity{OS: evidence.Linux}})
	installed(t, x, evidence.Installation{Signals: []evidence.Signal{exe("9504")}})
	i := x.Result(date("2025-12-01")).Installations[0]
	for _, v := range i.With(verdict.Affected) {
		if v.Window == nil || !v.Window.To.Equal(now) {
			t.Errorf("%s: %+v %q", v.ID, v.Window, v.WindowWhy)
		}
	}
	if len(i.Notes) != 1 || !strings.Contains(i.Notes[0], "that time is wrong") {
		t.Errorf("notes %q", i.Notes)
	}
}

func TestTheFutureIsAGap(t *testing.T) {
	i, r := judgeBuild(t, Options{Now: date("2025-01-01")}, evidence.Installation{Signals: []evidence.Signal{exe("9742")}})
	want := "program C/SmarterMail/MailService.exe states build 9742, compiled 2026-09-03, but the clock says 2025-01-01: one of the two is wrong"
	if i.Build != 0 || i.BuildWhy != want || statuses(i) != [3]int{0, 0, 8} {
		t.Errorf("build %d, why %q", i.Build, i.BuildWhy)
	}
	ambiguous := func(c evidence.Coverage) bool {
		return c.Missed != nil && c.Missed.Reason == evidence.Ambiguous && c.Parts == evidence.Exposed && c.Kind == evidence.CoverFile
	}
	if !slices.ContainsFunc(r.Coverage, ambiguous) {
		t.Errorf("no gap in %+v", r.Coverage)
	}
}

func TestSignals(t *testing.T) {
	sig := func(k evidence.SignalKind, v string) evidence.Signal {
		return evidence.Signal{Kind: k, Version: v, Confidence: evidence.Confirmed, Ref: evidence.Ref{Path: string(k)}}
	}
	f := func(name string, build int, confidence evidence.Confidence, disagree bool, notes int, signals ...evidence.Signal) {
		t.Helper()
		i, r := judgeBuild(t, Options{}, evidence.Installation{Signals: signals})
		if i.Build != build || i.Confidence != confidence || i.Disagree != disagree || len(i.Notes) != notes {
			t.Errorf("%s: build %d %s disagree %v notes %q, want %d %s %v %d notes (%s)", name, i.Build, i.Confidence, i.Disagree, i.Notes, build, confidence, disagree, notes, i.BuildWhy)
		}
		if (finding(r, "smartermail-mixed-files") != nil) != disagree {
			t.Errorf("%s: findings %+v", name, r.Findings)
		}
	}
	f("agree", 9511, evidence.Confirmed, false, 0, exe("100.0.9511.1"), dll("9511"))
	f("new library beside an old program", 9406, evidence.Unsure, true, 0, exe("9406"), dll("9511"))
	f("new program beside an old library", 9406, evidence.Unsure, true, 0, exe("9511"), dll("9406"))
	f("assembly alone", 9511, evidence.Confirmed, false, 0, sig(evidence.SignalAssembly, "9511"))
	f("pattern alone", 9511, evidence.Likely, false, 0, sig(evidence.SignalPattern, "9511"))
	f("pattern against program", 9511, evidence.Confirmed, false, 1, exe("9511"), sig(evidence.SignalPattern, "9406"))
	f("uninstall alone", 9511, evidence.Likely, false, 0, sig(evidence.SignalUninstall, "9511"))
	f("uninstall against program", 9511, evidence.Confirmed, false, 1, exe("9511"), sig(evidence.SignalUninstall, "9406"))
	f("container tag", 8930, evidence.Likely, false, 0, sig(evidence.SignalContainer, "8930"))
	f("pages", 9504, evidence.Unsure, true, 0, sig(evidence.SignalPage, "9504"), sig(evidence.SignalPage, "9511"))
	f("marketing version beside a build", 0, evidence.Unsure, true, 0, exe("15.7"), dll("9511"))
	f("present", 0, evidence.Unsure, false, 0, sig(evidence.SignalPresence, ""))
	f("an image tag without a build", 9511, evidence.Confirmed, false, 1, exe("9511"), sig(evidence.SignalContainer, "latest"))
	f("unreadable program beside a library", 9511, evidence.Confirmed, false, 1, exe("n/a"), dll("9511"))

	at := func(path string, s evidence.Signal) evidence.Signal {
		s.Ref.Path = path
		return s
	}
	f("an assembly version nobody set", 9511, evidence.Confirmed, false, 0, at("x.dll", dll("9511")), at("x.dll", sig(evidence.SignalAssembly, "1.0.0.0")))
	f("a pinned assembly version", 9511, evidence.Confirmed, false, 0, at("x.dll", dll("9511")), at("x.dll", sig(evidence.SignalAssembly, "16.0.0.0")))
	f("an assembly version of another file", 9511, evidence.Confirmed, false, 1, at("x.dll", dll("9511")), at("y.dll", sig(evidence.SignalAssembly, "1.0.0.0")))

	gaps := func(signals ...evidence.Signal) int {
		_, r := judgeBuild(t, Options{}, evidence.Installation{Signals: signals})
		return len(r.Coverage)
	}
	if weak, strong := gaps(exe("9511"), sig(evidence.SignalContainer, "latest")), gaps(exe("n/a"), dll("9511")); weak != 0 || strong != 1 {
		t.Errorf("gaps for what does not parse: tag %d, program %d", weak, strong)
	}

	i, r := judgeBuild(t, Options{}, evidence.Installation{Signals: []evidence.Signal{exe("9406"), dll("9511")}})
	if statuses(i) != [3]int{4, 1, 3} {
		t.Errorf("9406 beside 9511: %v, want 4 affected by both, 1 fixed in both, 3 open", statuses(i))
	}
	if want := "its files state different builds: program C/SmarterMail/MailService.exe (9406), library C/SmarterMail/MailService.dll (9511); the lowest is taken"; i.BuildWhy != want {
		t.Errorf("why %q, want %q", i.BuildWhy, want)
	}
	if f := finding(r, "smartermail-mixed-files"); len(f.Refs) != 2 || f.Severity != verdict.Medium || f.Question != evidence.Exposed {
		t.Errorf("finding %+v", f)
	}
}

func TestExposureFindings(t *testing.T) {
	_, r := judgeBuild(t, Options{}, evidence.Installation{Signals: []evidence.Signal{exe("9406"), dll("9406")}})
	f := finding(r, "smartermail-affected")
	if f == nil || f.Severity != verdict.Critical || f.Class != verdict.State || len(f.Refs) != 2 || f.Count != 2 ||
		f.Title != "SmarterMail build 9406 at C/SmarterMail is affected by CVE-2026-24423 (KEV, ransomware) and 6 more (2 of them in KEV); all fixed in 9610" {
		t.Errorf("finding %+v", f)
	}
	_, r = judgeBuild(t, Options{}, evidence.Installation{Signals: []evidence.Signal{exe("9560")}})
	if f := finding(r, "smartermail-affected"); f == nil || f.Severity != verdict.High {
		t.Errorf("without KEV: %+v", f)
	}
	_, r = judgeBuild(t, Options{}, evidence.Installation{Role: evidence.Copy, Signals: []evidence.Signal{exe("9406")}})
	if f := finding(r, "smartermail-vulnerable-copy"); f == nil || f.Class != verdict.Lead || f.Severity != verdict.Low || len(r.Findings) != 1 {
		t.Errorf("copy: %+v", r.Findings)
	}
}

func TestBehind(t *testing.T) {
	f := func(have, latest string, want int) {
		t.Helper()
		opt := Options{}
		if latest != "" {
			opt.LatestBuild = map[string]string{"smartermail": latest}
		}
		if i, _ := judgeBuild(t, opt, evidence.Installation{Signals: []evidence.Signal{exe(have)}}); i.Behind != want {
			t.Errorf("%s with latest %q: %d behind, want %d", have, latest, i.Behind, want)
		}
	}
	f("9742", "", 0)
	f("9560", "", 1)
	f("9504", "9800", 5)
	f("9406", "", 6)
	f("6919", "", 7)
	f("9504", "9400", 5) // what the operator knows is older than the pack
	f("15.7", "", -1)
	f("x", "", -1)
}

func TestFixMoment(t *testing.T) {
	change := func(k evidence.ChangeKind, at string) evidence.Change { return evidence.Change{Kind: k, At: date(at)} }
	endOf := func(s string) time.Time { return date(s).Add(24*time.Hour - time.Second) }
	f := func(name, want string, changes ...evidence.Change) {
		t.Helper()
		i, _ := judgeBuild(t, Options{}, evidence.Installation{Signals: []evidence.Signal{exe("9511")}, Changes: changes})
		got := ""
		if !i.FixedAt.IsZero() {
			got = i.FixedAt.Format(time.DateOnly)
		}
		if got != want || i.FixedWhy == "" {
			t.Errorf("%s: %q (%s), want %q", name, got, i.FixedWhy, want)
		}
		if i.Build != 9511 {
			t.Errorf("%s: build %d", name, i.Build)
		}
	}
	birth, meta, key, process, compiled := evidence.ChangeBirth, evidence.ChangeMetadata, evidence.ChangeRegistry, evidence.ChangeProcess, evidence.ChangeCompiled
	f("no trace", "")
	f("the compile day alone", "", change(compiled, "2026-01-15"))
	f("birth", "2026-01-20", change(birth, "2026-01-20"))
	f("the latest", "2026-02-02", change(birth, "2026-01-20"), change(meta, "2026-02-02"), change(key, "2026-01-25"))
	f("install date", "2026-01-20", evidence.Change{Kind: evidence.ChangeInstallDate, At: endOf("2026-01-20")})
	f("the first process start after", "2026-01-22", change(birth, "2026-01-20"), change(process, "2026-01-30"), change(process, "2026-01-22"))
	f("the process start after", "2026-01-23", change(birth, "2026-01-20"), change(process, "2026-01-23"))
	f("copied with the old birth", "", change(birth, "2025-01-01"))
	f("a trace of the future", "2026-01-20", change(birth, "2026-01-20"), change(meta, "2027-01-01"))

	i, _ := judgeBuild(t, Options{}, evidence.Installation{Signals: []evidence.Signal{exe("9511")}, Changes: []evidence.Change{
		{Kind: evidence.ChangeInstallDate, At: endOf("2026-01-20")}, {Kind: birth, At: date("2026-01-20").Add(10 * time.Hour)}, {Kind: process, At: date("2026-01-20").Add(11 * time.Hour)},
	}})
	if want := date("2026-01-20").Add(11 * time.Hour); !i.FixedAt.Equal(want) {
		t.Errorf("a sharper trace of the same day: %s, want %s (%s)", i.FixedAt, want, i.FixedWhy)
	}
}

func TestStartsInTheLog(t *testing.T) {
	x := begin(t)
	for n, at := range []string{"2026-01-10", "2026-02-01", "2026-01-21"} {
		feed(t, x, verbatim(row(adminSchema(), int64(n+1), date(at), "-", "SMTP started at 1/1/2026 00:00:00 AM")))
	}
	installed(t, x, evidence.Installation{Signals: []evidence.Signal{exe("9511")}, Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date("2026-01-20")}}})
	if i := x.Result(now).Installations[0]; !i.FixedAt.Equal(date("2026-01-21")) || !strings.HasPrefix(i.FixedWhy, "the first start of the product (2026-01-21 00:00Z) after the creation of its program files") {
		t.Errorf("fixed at %s: %s", i.FixedAt, i.FixedWhy)
	}
	var s startTimes
	for n := range 3 * mostStarts {
		s = s.add(date("2026-01-01").Add(time.Duration(n) * time.Minute))
	}
	if first, ok := s.firstAfter(date("2026-01-02")); len(s) != mostStarts || !ok || !first.Equal(date("2026-01-02")) {
		t.Errorf("%d starts kept, first %s", len(s), first)
	}
}

func TestWindows(t *testing.T) {
	window := func(i evidence.Installation, cve string) verdict.Vulnerability {
		t.Helper()
		got, _ := judgeBuild(t, Options{}, i)
		at := slices.IndexFunc(got.Vulnerabilities, func(v verdict.Vulnerability) bool { return v.ID == cve })
		return got.Vulnerabilities[at]
	}
	f := func(name string, v verdict.Vulnerability, from, to string, open bool, why string) {
		t.Helper()
		switch {
		case from == "":
			if v.Window != nil || !strings.Contains(v.WindowWhy, why) {
				t.Errorf("%s: %+v %q", name, v.Window, v.WindowWhy)
			}
		case v.Window == nil || !v.Window.From.Equal(date(from)) || !v.Window.To.Equal(date(to)) || v.Window.Open != open || !strings.Contains(v.Window.Why, why):
			t.Errorf("%s: %+v %q", name, v.Window, v.WindowWhy)
		}
	}
	inst := func(build string, born string) evidence.Installation {
		i := evidence.Installation{Signals: []evidence.Signal{exe(build)}}
		if born != "" {
			i.Changes = []evidence.Change{{Kind: evidence.ChangeBirth, At: date(born)}}
		}
		return i
	}
	f("fixed late", window(inst("9610", "2026-04-28"), "CVE-2026-23760"), "2026-01-08", "2026-04-28", false, "creation of its program files")
	f("fixed without a trace", window(inst("9610", ""), "CVE-2026-23760"), "2026-01-08", "2026-11-23", true, "compiled on 2026-04-24, so not before then")
	epoch := inst("9610", "2026-03-01")
	epoch.Changes = append(epoch.Changes, evidence.Change{Kind: evidence.ChangeCompiled, At: date("1980-01-01")})
	f("an archive without times", window(epoch, "CVE-2026-23760"), "2026-01-08", "2026-11-23", true, "compiled on 2026-04-24, so not before then")
	f("affected", window(inst("9504", "2026-01-08"), "CVE-2026-23760"), "2026-01-08", "2026-11-23", true, "still affected")
	f("unknown", window(inst("", "2026-01-08"), "CVE-2026-23760"), "2026-01-08", "2026-11-23", true, "nothing that was read states its build")
	f("fixed before it began", window(inst("9511", "2026-01-15"), "CVE-2026-40514"), "2026-04-24", "2026-11-23", true, "still affected")
	f("fixed on the day it began", window(inst("9610", "2026-04-24"), "CVE-2026-40514"), "", "", false, "fixed before the exposure began on 2026-04-24")
	f("older than the first affected", window(inst("7957", ""), "CVE-2023-48114"), "", "", false, "older than the first affected")
	f("between last affected and fixed", window(inst("8700", ""), "CVE-2023-48114"), "2023-12-13", "2026-11-23", true, "no trace")
}

func TestRunningOld(t *testing.T) {
	f := func(name string, os evidence.OS, old bool, changes ...evidence.Change) {
		t.Helper()
		x := engineOf(t, Options{}, testPack(t)).Begin(&evidence.Source{ID: evidence.Identity{OS: os}})
		installed(t, x, evidence.Installation{Signals: []evidence.Signal{exe("9742")}, Changes: changes})
		r := x.Result(now)
		i := r.Installations[0]
		want := [3]int{0, 8, 0}
		if old {
			want = [3]int{0, 0, 8}
		}
		if statuses(i) != want || (finding(r, "smartermail-running-old") != nil) != old || (len(r.Coverage) > 0) != old {
			t.Errorf("%s: %v, %+v, %+v", name, statuses(i), r.Findings, r.Coverage)
		}
	}
	at := func(k evidence.ChangeKind, s string) evidence.Change { return evidence.Change{Kind: k, At: date(s)} }
	process := at(evidence.ChangeProcess, "2026-10-01")
	f("started after", evidence.Windows, false, process, at(evidence.ChangeBirth, "2026-09-10"))
	f("file born after the start", evidence.Windows, true, process, at(evidence.ChangeBirth, "2026-10-02"))
	f("record changed after the start, Windows", evidence.Windows, false, process, at(evidence.ChangeMetadata, "2026-10-02"))
	f("inode changed after the start, Linux", evidence.Linux, true, process, at(evidence.ChangeMetadata, "2026-10-02"))
	f("installed on the day of the start", evidence.Windows, false, at(evidence.ChangeProcess, "2026-10-02"), evidence.Change{Kind: evidence.ChangeInstallDate, At: date("2026-10-03").Add(-time.Second)})
}

func TestInstallationsMerge(t *testing.T) {
	x := begin(t)
	installed(t, x, evidence.Installation{Role: evidence.RoleUnknown, Signals: []evidence.Signal{exe("9742")}})
	installed(t, x, evidence.Installation{Role: evidence.Active, RoleWhy: "service MailService", Signals: []evidence.Signal{exe("9742"), dll("9742")}})
	installed(t, x, evidence.Installation{Product: "something else"})
	r := x.Result(now)
	if len(r.Installations) != 1 || r.Installations[0].Role != evidence.Active || len(r.Installations[0].Signals) != 2 {
		t.Errorf("installations %+v", r.Installations)
	}
}
