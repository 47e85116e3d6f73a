package verdict

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

var (
	now      = day("2026-11-23")
	required = day("2025-10-09")
	admin    = evidence.LogFormat{ID: "sm.admin", Family: "SmarterMail administrative", Layout: "lines", Daily: true, Need: true, Parts: evidence.CompromisedThen}
	web      = evidence.LogFormat{ID: "iis.w3c", Family: "web access", Layout: "w3c", Daily: true, Need: true, Parts: evidence.CompromisedThen}
	smtp     = evidence.LogFormat{ID: "sm.smtp", Family: "SmarterMail smtp", Layout: "lines", Daily: true, Parts: evidence.CompromisedThen}
	formats  = []evidence.LogFormat{admin, web, smtp}
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// askedOf is a question about a source that could answer everything.
func askedOf(kind evidence.Kind) Asked {
	return Asked{
		Parts: evidence.Exposed | evidence.Compromised | evidence.Reachable | evidence.Unprepared, Kind: kind, Live: kind == evidence.KindHost,
		Required: evidence.Period{From: required, To: now}, AsOf: now, AsOfWhy: WhySaid, Now: now,
		Packs: []PackAge{{"smartermail", "2026.11.1", day("2026-11-20")}}, MaxAge: 90 * 24 * time.Hour,
	}
}

// walked is the row of a tree that was looked through.
func walked() evidence.Coverage {
	return evidence.Coverage{Kind: evidence.CoverFile, Path: ".", Parts: evidence.Exposed | evidence.Compromised, Count: 1000}
}

// series is a log of each day from first to last in one folder, but for skip.
func logsOf(f evidence.LogFormat, folder, first, last string, skip ...string) []evidence.Coverage {
	var rows []evidence.Coverage
	for d := day(first); !d.After(day(last)); d = d.AddDate(0, 0, 1) {
		if slices.Contains(skip, d.Format(time.DateOnly)) {
			continue
		}
		rows = append(rows, evidence.Coverage{
			Kind: evidence.CoverLog, Path: folder + "/" + d.Format("2006.01.02") + ".log", Parts: f.Parts, Count: 10, From: d, To: d.Add(23 * time.Hour),
			Family: f.Family + " " + folder, Format: f.ID, Days: []evidence.Day{evidence.DayOf(d)},
		})
	}
	return rows
}

// full covers everything the formats need over the whole window.
func full() []evidence.Coverage {
	return slices.Concat([]evidence.Coverage{walked()}, logsOf(admin, "Logs", "2025-10-09", "2026-11-22"), logsOf(web, "W3SVC1", "2025-10-09", "2026-11-22"))
}

// answer runs Families and Judge as the examiner does.
func answer(asked Asked, installs []Installation, findings []Finding, cover []evidence.Coverage) Answers {
	rows, holes := Families(asked, formats, cover)
	return Judge(asked, formats, installs, slices.Concat(findings, holes), slices.Concat(cover, rows))
}

func install(role evidence.InstallRole, build int, statuses ...Status) Installation {
	i := Installation{Name: "SmarterMail", Build: build, Behind: 0, Confidence: evidence.Confirmed}
	i.Path, i.Role = "C/SmarterMail", role
	for n, s := range statuses {
		i.Vulnerabilities = append(i.Vulnerabilities, Vulnerability{ID: fmt.Sprintf("CVE-2026-%d", n+1), Status: s, FixedBuild: 9413 + n, KEV: n == 0, Ransomware: n == 0})
	}
	if build == 0 {
		i.BuildWhy, i.Behind = "nothing that was read states its build", -1
	}
	return i
}

func gap(parts evidence.Parts, reason evidence.Reason) evidence.Coverage {
	return evidence.Gap(evidence.CoverFile, "C/lost", parts, reason, "")
}

func TestExposed(t *testing.T) {
	fixed, hit, blind := install(evidence.Active, 9742, Fixed, Fixed), install(evidence.Active, 9406, Affected, Fixed), install(evidence.Active, 0, StatusUnknown)
	f := func(name string, want Answer, asked Asked, installs []Installation, extra ...evidence.Coverage) {
		t.Helper()
		got := Judge(asked, formats, installs, nil, append(extra, walked())).Exposed
		if got.Answer != want {
			t.Errorf("%s: %s, want %s (%q)", name, got.Answer, want, got.Because)
		}
		if len(got.Because) == 0 {
			t.Errorf("%s: no reason given", name)
		}
		if got.Answer == Unknown && len(got.Gaps) == 0 && len(installs) > 0 && installs[0].Role != evidence.Copy {
			t.Errorf("%s: unknown without a gap", name)
		}
	}
	tree, host, url, pile := askedOf(evidence.KindTree), askedOf(evidence.KindHost), askedOf(evidence.KindURL), askedOf(evidence.KindLogs)
	f("affected", Yes, tree, []Installation{hit})
	f("affected though nothing says it runs", Yes, tree, []Installation{install(evidence.RoleUnknown, 9406, Affected)})
	f("affected outranks gaps", Yes, tree, []Installation{hit, fixed}, gap(evidence.Exposed, evidence.Unreadable))
	f("one affected among fixed", Yes, tree, []Installation{fixed, hit})
	f("fixed", No, tree, []Installation{fixed})
	f("fixed, its copy is not", No, tree, []Installation{fixed, install(evidence.Copy, 9406, Affected)})
	f("copies alone", Unknown, tree, []Installation{install(evidence.Copy, 9742, Fixed)})
	f("unknown build", Unknown, tree, []Installation{fixed, blind})
	f("no CVE judged", Unknown, tree, []Installation{install(evidence.Active, 9742)})
	f("fixed with a gap", Unknown, tree, []Installation{fixed}, gap(evidence.Exposed, evidence.Unreadable))
	f("fixed with another question's gap", No, tree, []Installation{fixed}, gap(evidence.CompromisedThen, evidence.Unreadable))
	absentHive := evidence.Gap(evidence.CoverHive, "SYSTEM", evidence.Exposed, evidence.Absent, "")
	f("an absent hive on a whole tree", No, tree, []Installation{fixed}, absentHive)
	partial := tree
	partial.Partial = true
	f("an absent hive on a selection", Unknown, partial, []Installation{fixed}, absentHive)
	f("fixed, on a selection", Unknown, partial, []Installation{fixed})
	old := tree
	old.Now = now.AddDate(0, 0, 91)
	f("a pack of 94 days", Unknown, old, []Installation{fixed})
	old.MaxAge = 0
	f("a pack of 94 days, no limit", No, old, []Installation{fixed})
	f("nothing on a live host", NoneSeen, host, nil)
	f("nothing on a live host with a gap", Unknown, host, nil, gap(evidence.Exposed, evidence.Unelevated))
	dead := host
	dead.Live = false
	f("nothing on a host without its state", Unknown, dead, nil)
	f("nothing in a tree", Unknown, tree, nil)
	f("nothing in a collection", Unknown, askedOf(evidence.KindCollection), nil)
	f("a foreign page", NotExamined, url, nil)
	f("a silent page", Unknown, url, nil, gap(evidence.Exposed, evidence.Unanswered))
	f("a fixed page", No, url, []Installation{fixed})
	f("logs", NotExamined, pile, nil)
	dropped := tree
	dropped.Parts = evidence.Compromised
	f("not asked", NotExamined, dropped, []Installation{hit})

	if got := Judge(url, formats, nil, nil, nil).Exposed.Answer; got != Unknown {
		t.Errorf("a URL that nobody looked at: %s", got)
	}
	if got := Judge(tree, formats, []Installation{fixed}, nil, nil).Exposed.Answer; got != Unknown {
		t.Errorf("a tree that nobody walked: %s", got)
	}
}

func TestCompromisedNow(t *testing.T) {
	f := func(name string, want Answer, asked Asked, findings []Finding, cover ...evidence.Coverage) {
		t.Helper()
		got := Judge(asked, formats, nil, findings, cover).Compromised.Now
		if got.Answer != want || len(got.Because) == 0 {
			t.Errorf("%s: %s, want %s (%q)", name, got.Answer, want, got.Because)
		}
	}
	shell := Finding{Rule: "shell", Title: "a script in the web root", Question: evidence.CompromisedNow, Class: State, Severity: High, Confidence: evidence.Confirmed}
	with := func(change func(*Finding)) []Finding {
		c := shell
		change(&c)
		return []Finding{c}
	}
	tree := askedOf(evidence.KindTree)
	f("high state", Yes, tree, []Finding{shell}, walked())
	f("yes outranks gaps", Yes, tree, []Finding{shell}, gap(evidence.Compromised, evidence.Unreadable))
	f("success", Yes, tree, with(func(f *Finding) { f.Class = Success }), walked())
	f("unsure", Unknown, tree, with(func(f *Finding) { f.Confidence = evidence.Unsure }), walked())
	f("medium", Unknown, tree, with(func(f *Finding) { f.Severity = Medium }), walked())
	f("low", NoneSeen, tree, with(func(f *Finding) { f.Severity = Low }), walked())
	for _, c := range []Class{Lead, Scan, Attempt, Failed} {
		f(string(c), NoneSeen, tree, with(func(f *Finding) { f.Class = c; f.Severity = Critical }), walked())
	}
	f("another question's finding", NoneSeen, tree, with(func(f *Finding) { f.Question = evidence.Exposed }), walked())
	f("gap", Unknown, tree, nil, walked(), gap(evidence.CompromisedNow, evidence.Cancelled))
	f("nothing covered", Unknown, tree, nil)
	f("logs", NotExamined, askedOf(evidence.KindLogs), []Finding{shell}, walked())
	f("url", NotExamined, askedOf(evidence.KindURL), nil, walked())
}

func TestCompromisedThen(t *testing.T) {
	f := func(name string, want Answer, asked Asked, findings []Finding, cover []evidence.Coverage) Answers {
		t.Helper()
		got := answer(asked, nil, findings, cover)
		if got.Compromised.Then.Answer != want || len(got.Compromised.Then.Because) == 0 {
			t.Errorf("%s: %s, want %s (%q, gaps %q)", name, got.Compromised.Then.Answer, want, got.Compromised.Then.Because, got.Compromised.Then.Gaps)
		}
		return got
	}
	reset := Finding{Rule: "reset", Title: "an administrator was reset", Question: evidence.CompromisedThen, Class: Success, Severity: Critical, Confidence: evidence.Confirmed}
	try := Finding{Rule: "try", Title: "somebody tried", Question: evidence.CompromisedThen, Class: Attempt, Severity: Medium, Open: true}
	settled := try
	settled.Open = false
	minor := try
	minor.Severity = Low
	tree := askedOf(evidence.KindTree)
	if c := f("everything covered", NoneSeen, tree, nil, full()).Compromised; c.DaysCovered != 410 || c.DaysRequired != 410 {
		t.Errorf("covered %d of %d days, want 410 of 410", c.DaysCovered, c.DaysRequired)
	}
	f("success", Yes, tree, []Finding{reset}, full())
	f("success without logs enough", Yes, tree, []Finding{reset}, logsOf(web, "W3SVC1", "2026-01-17", "2026-01-17"))
	f("open attempt", Unknown, tree, []Finding{try}, full())
	f("attempt on a fixed build", NoneSeen, tree, []Finding{settled}, full())
	f("small attempt", NoneSeen, tree, []Finding{minor}, full())
	f("gap", Unknown, tree, nil, append(full(), gap(evidence.CompromisedThen, evidence.Truncated)))
	f("url", NotExamined, askedOf(evidence.KindURL), nil, nil)
	f("logs can tell", NoneSeen, askedOf(evidence.KindLogs), nil, full())

	if got := Judge(tree, formats, nil, nil, full()[:500]).Compromised.Then.Answer; got != Unknown {
		t.Errorf("days missing and no family rows: %s", got)
	}
	short := slices.Concat(logsOf(admin, "Logs", "2026-10-13", "2026-11-22"), logsOf(web, "W3SVC1", "2025-10-09", "2026-11-22"))
	if c := f("41 days", Unknown, tree, nil, short).Compromised; c.DaysCovered != 41 {
		t.Errorf("covered %d days, want 41", c.DaysCovered)
	}
	f("one family only", Unknown, tree, nil, logsOf(admin, "Logs", "2025-10-09", "2026-11-22"))
	moved := slices.Concat(logsOf(admin, "C/Logs", "2025-10-09", "2026-02-01"), logsOf(admin, "D/Logs", "2026-02-02", "2026-11-22"), logsOf(web, "W3SVC1", "2025-10-09", "2026-11-22"))
	f("a log folder that was moved", NoneSeen, tree, nil, moved)
	moved = slices.Concat(logsOf(admin, "C/Logs", "2025-10-09", "2026-02-01"), logsOf(admin, "D/Logs", "2026-02-01", "2026-11-22"), logsOf(web, "W3SVC1", "2025-10-09", "2026-11-22"))
	f("a log folder that was moved in the middle of a day", NoneSeen, tree, nil, moved)
	f("a second site with a day missing", Unknown, tree, nil, append(full(), logsOf(web, "W3SVC2", "2025-10-09", "2026-11-22", "2026-01-17")...))
	f("a second site that stops early", Unknown, tree, nil, append(full(), logsOf(web, "W3SVC2", "2025-10-09", "2026-01-16")...))
	f("a second site with every day", NoneSeen, tree, nil, append(full(), logsOf(web, "W3SVC2", "2025-10-09", "2026-11-22")...))
	f("a day missing before the window", NoneSeen, tree, nil, append(full(), logsOf(web, "W3SVC2", "2025-09-01", "2026-11-22", "2025-09-20")...))

	guessed := tree
	guessed.AsOfWhy = WhyNewest
	f("nobody says when it was taken", Unknown, guessed, nil, full())
	narrowed := tree
	narrowed.Review.From = day("2026-11-01")
	f("--since", Unknown, narrowed, nil, full())
	narrowed.Review = evidence.Period{To: day("2026-11-01")}
	f("--until", Unknown, narrowed, nil, full())
	wide := tree
	wide.Review = evidence.Period{From: required, To: now}
	f("--since as early as the window", NoneSeen, wide, nil, full())
	early := tree
	early.AsOf = day("2025-10-01")
	f("taken before the window", Unknown, early, nil, full())

	damaged := full()
	broken := damaged[20]
	broken.Count, broken.Days, broken.Missed = 0, nil, &evidence.Missed{Reason: evidence.Damaged}
	if c := f("a damaged day", Unknown, tree, nil, append(damaged, broken)).Compromised; c.DaysCovered != 409 {
		t.Errorf("covered %d days with one damaged, want 409", c.DaysCovered)
	}
}

func TestFamilies(t *testing.T) {
	tree := askedOf(evidence.KindTree)
	cover := slices.Concat(logsOf(admin, "C/Logs", "2026-01-15", "2026-01-25", "2026-01-17", "2026-01-18", "2026-01-22"), logsOf(smtp, "C/Logs", "2026-01-15", "2026-01-16"))
	rows, findings := Families(tree, formats, cover)
	want := []string{
		"SmarterMail administrative C/Logs: 80 ",
		"SmarterMail administrative C/Logs: 0 hole: 3 days missing inside the series: 2026-01-17 to 2026-01-18, 2026-01-22",
		"SmarterMail smtp C/Logs: 20 ",
		"SmarterMail administrative: 0 window: covers 8 of 410 days, from 2026-01-15 to 2026-01-25",
		"web access: 0 absent: no web access log: a product's built-in web server writes none; ask the reverse proxy or load balancer",
	}
	var got []string
	for _, r := range rows {
		missed := ""
		if r.Missed != nil {
			missed = r.Missed.String()
		}
		if r.Kind != evidence.CoverLogFamily {
			t.Errorf("%s: kind %s", r.Path, r.Kind)
		}
		got = append(got, fmt.Sprintf("%s: %d %s", r.Path, r.Count, missed))
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(findings) != 1 {
		t.Fatalf("%d findings, want 1", len(findings))
	}
	f := findings[0]
	if f.Rule != "log-day-missing" || f.Class != Lead || f.Severity != Medium || f.Question != evidence.CompromisedThen || f.ID == "" {
		t.Errorf("finding %+v", f)
	}
	var paths []string
	for _, r := range f.Refs {
		paths = append(paths, r.Path)
	}
	if want := []string{"C/Logs/2026.01.16.log", "C/Logs/2026.01.19.log", "C/Logs/2026.01.21.log", "C/Logs/2026.01.23.log"}; !slices.Equal(paths, want) {
		t.Errorf("refs %q, want %q", paths, want)
	}
	if f.First != day("2026-01-17") || f.Last != day("2026-01-22") {
		t.Errorf("from %s to %s", f.First, f.Last)
	}
	if rows, _ := Families(askedOf(evidence.KindURL), formats, nil); rows != nil {
		t.Errorf("a URL has log families: %+v", rows)
	}
	sporadic := slices.Concat(logsOf(smtp, "Logs", "2026-01-01", "2026-01-01"), logsOf(smtp, "Logs", "2026-02-01", "2026-02-01"))
	if rows, findings := Families(tree, []evidence.LogFormat{smtp}, sporadic); len(findings) != 0 || len(rows) != 1 {
		t.Errorf("a log that is written now and then has holes: %+v", rows)
	}
}

func TestAsOf(t *testing.T) {
	cover := []evidence.Coverage{{From: day("2026-01-01"), To: day("2026-02-01")}, {To: day("2026-03-01")}}
	f := func(name string, said, captured time.Time, kind evidence.Kind, cover []evidence.Coverage, want time.Time, wantWhy string) {
		t.Helper()
		if got, why := AsOf(said, kind, captured, cover, now); !got.Equal(want) || why != wantWhy {
			t.Errorf("%s: %s (%s), want %s (%s)", name, got, why, want, wantWhy)
		}
	}
	none := time.Time{}
	f("said", day("2026-05-05"), day("2026-04-04"), evidence.KindHost, cover, day("2026-05-05"), WhySaid)
	f("host", none, day("2026-04-04"), evidence.KindHost, cover, now, WhyNow)
	f("captured", none, day("2026-04-04"), evidence.KindCollection, cover, day("2026-04-04"), WhyCaptured)
	logged := append([]evidence.Coverage{{Kind: evidence.CoverLog, To: day("2026-04-06")}}, cover...)
	f("logs that go on after the capture", none, day("2026-04-04"), evidence.KindCollection, logged, day("2026-04-06"), WhyLogged)
	f("logs of the capture's own minutes", none, day("2026-04-06").Add(-time.Minute), evidence.KindCollection, logged, day("2026-04-06").Add(-time.Minute), WhyCaptured)
	f("files newer than the capture", none, day("2026-02-04"), evidence.KindCollection, cover, day("2026-02-04"), WhyCaptured)
	f("newest", none, none, evidence.KindTree, cover, day("2026-03-01"), WhyNewest)
	f("a trace from tomorrow", none, none, evidence.KindTree, []evidence.Coverage{{To: now.AddDate(0, 0, 1)}}, now, WhyNewest)
	f("nothing", none, none, evidence.KindLogs, nil, now, WhyNothing)
	f("times nobody set", none, none, evidence.KindTree, []evidence.Coverage{{To: day("1980-01-01")}, {To: day("1970-01-01")}}, now, WhyNothing)
}

// TestSentences pins what a director reads.
func TestSentences(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	i := install(evidence.Active, 9406, Affected, Affected, Fixed, Affected)
	i.Vulnerabilities[3].KEV = true
	f(i.AffectedBy(), "SmarterMail build 9406 at C/SmarterMail is affected by CVE-2026-1 (KEV, ransomware) and 2 more (1 of them in KEV); all fixed in 9416.")
	i = install(evidence.Active, 9406, Affected)
	f(i.AffectedBy(), "SmarterMail build 9406 at C/SmarterMail is affected by CVE-2026-1 (KEV, ransomware); fixed in 9413.")
	i.Vulnerabilities[0].FixedBuild = 0
	f(i.AffectedBy(), "SmarterMail build 9406 at C/SmarterMail is affected by CVE-2026-1 (KEV, ransomware); no fixed build is known for CVE-2026-1.")
	i = install(evidence.Active, 9406, Affected, Affected)
	i.Vulnerabilities[1].FixedBuild = 0
	f(i.AffectedBy(), "SmarterMail build 9406 at C/SmarterMail is affected by CVE-2026-1 (KEV, ransomware) and 1 more; fixed in 9413, but no source states a first fixed build for CVE-2026-2.")

	fixed := install(evidence.Active, 9560, Fixed, Fixed)
	fixed.Behind = 1
	because := func(p Part) string { return strings.Join(p.Because, " ") }
	tree := askedOf(evidence.KindTree)
	f(because(Judge(tree, formats, []Installation{fixed}, nil, []evidence.Coverage{walked()}).Exposed),
		"SmarterMail build 9560 at C/SmarterMail is fixed for all 2 CVEs known to pack smartermail 2026.11.1 of 2026-11-20; 1 security build behind the latest known.")
	blind := install(evidence.Active, 0, StatusUnknown, StatusUnknown)
	f(because(Judge(tree, formats, []Installation{blind}, nil, []evidence.Coverage{walked()}).Exposed),
		"SmarterMail of unknown build at C/SmarterMail: not known whether it is affected by 2 CVEs; nothing that was read states its build.")
	f(because(answer(tree, nil, nil, full()).Compromised.Then),
		"Every log that must be there covers the whole window, and nothing matched. Logs covered 410 of 410 days, 2025-10-09 to 2026-11-23.")
	call := Finding{Title: "A script was called.", Class: Success, Severity: High, Count: 2, First: day("2026-01-17"), Last: day("2026-01-17")}
	f(tell([]Finding{call})[0], "A script was called (2 times, 2026-01-17).")
	call.Last = call.Last.Add(26*time.Hour + 5*time.Minute)
	f(tell([]Finding{call})[0], "A script was called (2 times, 2026-01-17 to 2026-01-18 02:05Z).")
	lead := Finding{Title: "odd", Question: evidence.CompromisedNow, Class: Lead, Severity: Medium}
	f(because(Judge(tree, formats, nil, []Finding{lead}, []evidence.Coverage{walked()}).Compromised.Now),
		"Every place the packs ask for was read, and nothing matched. 1 lead is worth a look and proves nothing alone.")
	named := tree
	named.Alone = true
	f(because(Judge(named, formats, nil, nil, []evidence.Coverage{walked()}).Compromised.Now),
		"Every file of what was named was read, and nothing matched. This is no answer for the rest of the machine.")
	shell := Finding{Title: "A script in the web root", Question: evidence.CompromisedNow, Class: State, Severity: High, Confidence: evidence.Likely, Refs: []evidence.Ref{{Path: "C/inetpub/x_0.aspx"}}}
	got := answer(tree, nil, []Finding{shell}, full()).Compromised
	f(got.Because[0], "now: A script in the web root, see C/inetpub/x_0.aspx.")
	if got.Answer != Yes || got.Then.Answer != NoneSeen {
		t.Errorf("headline %s, then %s", got.Answer, got.Then.Answer)
	}
}

func TestGapsAreCappedAndCounted(t *testing.T) {
	cover := []evidence.Coverage{walked()}
	for n := range 50 {
		cover = append(cover, evidence.Gap(evidence.CoverFile, fmt.Sprintf("f%02d", n), evidence.Exposed, evidence.Truncated, ""))
	}
	cover = append(cover, evidence.Gap(evidence.CoverState, "processes", evidence.Exposed, evidence.Cancelled, "Ctrl-C"))
	gaps := Judge(askedOf(evidence.KindTree), formats, nil, nil, cover).Exposed.Gaps
	if len(gaps) != mostGaps+1 || gaps[0] != "processes: cancelled: Ctrl-C" || gaps[mostGaps] != "and 31 more gaps" {
		t.Errorf("gaps %q", gaps)
	}
}

func TestMerge(t *testing.T) {
	bad := answer(askedOf(evidence.KindTree), []Installation{install(evidence.Active, 9406, Affected)}, nil, nil)
	good := answer(askedOf(evidence.KindTree), []Installation{install(evidence.Active, 9742, Fixed)}, nil, full())
	page := answer(askedOf(evidence.KindURL), nil, nil, []evidence.Coverage{walked()})
	m := Merge(page, good, bad)
	if m.Exposed.Answer != Yes || m.Compromised.Then.Answer != Unknown || m.Compromised.Now.Answer != Unknown || m.Reachable.Answer != NotExamined {
		t.Errorf("merged %+v", m)
	}
	if !strings.Contains(m.Exposed.Because[0], "9406") || len(m.Exposed.Because) != 3 {
		t.Errorf("worst first: %q", m.Exposed.Because)
	}
	if m.Compromised.DaysCovered != 410 || m.Compromised.DaysRequired != 410 {
		t.Errorf("days %d of %d", m.Compromised.DaysCovered, m.Compromised.DaysRequired)
	}
	if m := Merge(good, page); m.Exposed.Answer != No || m.Compromised.Answer != NoneSeen {
		t.Errorf("a page spoils what the host answers: %s %s", m.Exposed.Answer, m.Compromised.Answer)
	}
	if m := Merge(); m.Exposed.Answer != NotExamined || m.Compromised.Answer != NotExamined {
		t.Errorf("nothing merged: %+v", m)
	}
}

// TestReadings: what findings add up to, and that merging keeps the worst.
func TestReadings(t *testing.T) {
	find := func(class Class, severity Severity, confidence evidence.Confidence, open bool) Finding {
		return Finding{Title: string(class), Question: evidence.CompromisedThen, Class: class, Severity: severity, Confidence: confidence, Open: open, Count: 2}
	}
	asked := Asked{Parts: evidence.Compromised, Kind: evidence.KindTree}
	f := func(want Reading, says string, findings ...Finding) {
		t.Helper()
		a := Judge(asked, nil, nil, findings, nil)
		if a.Compromised.Reading != want || says != "" && !strings.Contains(strings.Join(a.Compromised.Then.Because, " "), says) {
			t.Errorf("%v: %q, %q; want %q, %q", findings, a.Compromised.Reading, a.Compromised.Then.Because, want, says)
		}
	}
	scan, failed := find(Scan, Info, evidence.Confirmed, false), find(Failed, Low, evidence.Confirmed, false)
	open, entered := find(Attempt, Medium, evidence.Likely, true), find(Success, High, evidence.Likely, false)
	doubt := find(Success, High, evidence.Unsure, false)
	f(Untouched, "")
	f(Untouched, "1 lead", find(Lead, Critical, evidence.Confirmed, false))
	f(KnockedAt, "Knocked at 4 times (scan; failed).", scan, failed)
	f(OpenAttempt, "outcome is open", scan, open)
	f(Suspected, "a person has to look", open, doubt)
	f(Entered, "success", scan, open, entered)
	other := find(Success, Critical, evidence.Confirmed, false)
	other.Question = evidence.Exposed
	f(Untouched, "", other)
	a, b := Answers{}, Answers{}
	a.Compromised.Reading, b.Compromised.Reading = KnockedAt, Entered
	if got := Merge(a, b).Compromised.Reading; got != Entered {
		t.Errorf("merged: %q", got)
	}
	steps := entered
	steps.Steps, steps.Refs = true, []evidence.Ref{{Path: "a", Time: time.Date(2026, 1, 17, 10, 51, 58, 0, time.UTC)}, {Path: "b", Time: time.Date(2026, 1, 17, 10, 52, 4, 0, time.UTC)}}
	f(Entered, "2 steps, 2026-01-17 10:51:58Z to 10:52:04Z; the first of 2 such sequences", steps)
	steps.Refs = []evidence.Ref{steps.Refs[0], {Time: time.Date(2026, 1, 19, 3, 0, 0, 0, time.UTC)}}
	f(Entered, "2026-01-17 10:51:58Z to 2026-01-19 03:00:00Z", steps)
}
