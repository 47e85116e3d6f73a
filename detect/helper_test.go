package detect

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
	"postern/version"
)

var now = date("2026-11-23")

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// vuln is one line of the dossier's table.
func vuln(t testing.TB, s version.Scheme, id string, fixed, kev, start string, ranges ...string) pack.Vulnerability {
	t.Helper()
	v := pack.Vulnerability{ID: id, Title: id, SafeStart: date(start), Score: 9.8}
	var err error
	if v.Fixed, err = s.Parse(fixed); err != nil {
		t.Fatal(err)
	}
	v.FixDate, _ = s.Date(v.Fixed)
	if kev != "" {
		v.KEVAdded, v.Ransomware = date(kev), true
	}
	for _, text := range ranges {
		r, err := version.ParseRange(s, "vers:generic/"+text)
		if err != nil {
			t.Fatal(err)
		}
		v.Affected = append(v.Affected, r)
	}
	return v
}

// testPack is a small pack with the facts of the dossier.
func testPack(t testing.TB) *pack.Pack {
	t.Helper()
	s, ok := version.Lookup("dotnet-days")
	if !ok {
		t.Fatal("no scheme dotnet-days")
	}
	latest, err := s.Parse("100.0.9742")
	if err != nil {
		t.Fatal(err)
	}
	p := &pack.Pack{
		ID: "smartermail", Revision: "1", Scheme: s, Latest: pack.Latest{Version: latest}, RequiredFrom: date("2025-10-09"),
		Product: evidence.Product{ID: "smartermail", Name: "SmarterMail"},
		Starts:  regexp.MustCompile(`(?i)^(?:smtp|delivery server) started at `),
		Vulnerabilities: []pack.Vulnerability{
			vuln(t, s, "CVE-2026-24423", "100.0.9511", "2026-02-05", "2026-01-15", "<100.0.9511"),
			vuln(t, s, "CVE-2026-23760", "100.0.9511", "2026-01-26", "2026-01-08", "<100.0.9511"),
			vuln(t, s, "CVE-2025-52691", "100.0.9413", "2026-01-26", "2025-10-09", "<100.0.9413"),
			vuln(t, s, "CVE-2026-40514", "100.0.9610", "", "2026-04-24", "<100.0.9610"),
			vuln(t, s, "CVE-2026-7807", "100.0.9560", "", "2026-03-05", "<100.0.9560"),
			vuln(t, s, "CVE-2026-26930", "100.0.9526", "", "2026-01-30", "<100.0.9526"),
			vuln(t, s, "CVE-2026-25067", "100.0.9518", "", "2026-01-22", "<100.0.9518"),
			vuln(t, s, "CVE-2023-48114", "100.0.8747", "", "2023-12-13", ">=100.0.8495|<=100.0.8664"),
		},
		Logs: []evidence.LogFormat{
			{ID: "smartermail.administrative", Family: "SmarterMail administrative", Layout: "lines", Source: adminSchema().Source, Forms: []evidence.LineForm{{Schema: adminSchema()}}},
			{ID: "iis.w3c", Family: "web access", Layout: "w3c", Source: webSchema().Source},
			{ID: "squid", Family: "proxy", Layout: "lines"},
		},
		Places: []evidence.Place{
			{ID: "webroot", OS: evidence.Windows, Paths: []*regexp.Regexp{regexp.MustCompile(`^c:/inetpub/wwwroot/`)}, Hash: true, Content: 1 << 20, Parts: evidence.CompromisedNow},
			{ID: "domains", Paths: []*regexp.Regexp{regexp.MustCompile(`/domains/[^/]+$`)}, Folders: true, Parts: evidence.CompromisedNow},
		},
		Indicators: indicators(),
	}
	p.Sigma = []pack.SigmaFile{
		event("reset", "attempt", "high", web, "  s: {cs-method: POST, cs-uri-stem: /api/v1/auth/force-reset-password}\n  refused: {sc-status|re: '^[45]'}\n  condition: s", "CVE-2026-23760"),
		event("hub", "attempt", "critical", web, "  s: {cs-uri-stem|startswith: [/api/v1/settings/sysadmin/connect-to-hub, /api/v1/settings/system-admin/hub/connect]}\n  condition: s", "CVE-2026-24423"),
		event("webhook", "attempt", "medium", web, "  s: {cs-uri-stem|contains: /api/v1/webhook}\n  own: {cs-user-agent|contains: the-vendors-own-client}\n  refused: {sc-status|startswith: '4'}\n  condition: s and not own"),
		event("shell-used", "success", "critical", web, "  s: {cs-uri-stem|re|i: '/[a-z0-9]+_0\\.as[phm]x?$'}\n  condition: s"),
		event("report-traversal", "attempt", "high", web, "  s: {cs-uri-stem|contains: /api/v1/report/summary/, cs-uri-query|contains: [settings json, admin list]}\n  condition: s", "CVE-2026-7807"),
		event("reset-logged", "lead", "medium", "{product: smartermail, service: administrative}", "  s: {message|re|i: '\\buser @[^\\r\\n]*force-reset-password'}\n  condition: s"),
		event("no-agent", "scan", "info", web, "  s: {cs-user-agent: null}\n  condition: s"),
	}
	p.Sigma[0].Outcomes = []pack.Outcome{{Condition: "refused", Class: "failed", Severity: "low"}}
	p.Sigma[2].Outcomes = []pack.Outcome{{Condition: "refused", Class: "failed", Severity: "low"}}
	prove(p)
	return p
}

const web = "{category: webserver}"

// event is a Sigma rule of a pack.
func event(id, class, severity, source, detection string, cves ...string) pack.SigmaFile {
	text := fmt.Sprintf("title: %s\nid: %s\nlogsource: %s\ndetection:\n%s\nlevel: medium\n", id, id, source, detection)
	return pack.SigmaFile{
		Indicator: pack.Indicator{ID: id, Title: id, Kind: pack.OnSigma, Parts: evidence.CompromisedThen, Class: class, Severity: severity, Vulns: cves},
		File:      "sigma/" + id + ".yml", Text: []byte(text),
	}
}

// prove gives every rule of a pack cases that name it, so that it compiles.
func prove(p *pack.Pack) {
	var hit, near pack.Test
	for _, f := range p.Sigma {
		hit.Expect, near.Absent = append(hit.Expect, pack.Expect{Rule: f.ID, Label: f.Label}), append(near.Absent, pack.Absent{Rule: f.ID})
	}
	p.Tests = []pack.Test{hit, near}
}

func indicators() []pack.Indicator {
	then := evidence.CompromisedThen
	high := string(verdict.High)
	return []pack.Indicator{
		{ID: "c2", Title: "contact with the attacker", Kind: pack.OnPeer, Parts: then, Class: "success", Severity: "critical", ValidFrom: date("2026-01-01"), ValidUntil: date("2026-06-01"), Match: pack.Match{
			Peers: []string{"198.51.100.7", "v2-api.example.org", ".microsfot.example"}, Direction: pack.Either,
		}},
		{ID: "c2-net", Title: "contact with the attacker's network", Kind: pack.OnPeer, Parts: then, Class: "success", Severity: high, Match: pack.Match{
			Peers: []string{"203.0.113.0/28", "2001:db8:bad::1"}, Direction: pack.Outbound,
		}},
		{ID: "dropped", Title: "dropped script", Kind: pack.OnFile, Parts: evidence.CompromisedNow, Class: "state", Severity: high, Match: pack.Match{
			Place: "webroot", Name: regexp.MustCompile(`_0\.aspx$`), Except: regexp.MustCompile(`/vendor_0\.aspx$`),
		}},
		{ID: "page", Title: "a page", Kind: pack.OnFile, Parts: evidence.CompromisedNow, Class: "state", Severity: high, Match: pack.Match{
			Place: "webroot", Magic: [][]byte{[]byte("<%@")},
		}},
		{ID: "locker", Title: "known locker", Kind: pack.OnHash, Parts: evidence.CompromisedNow, Class: "state", Severity: "critical", Match: pack.Match{
			Hashes: []string{"0cefeb6210b7103fd32b996beff518c9b6e1691a97bb1cda7f5fb57905c4be96"},
		}},
		{ID: "domain", Title: "planted domain", Kind: pack.OnFolder, Parts: evidence.CompromisedNow, Class: "state", Severity: high, Match: pack.Match{
			Place: "domains", Name: regexp.MustCompile(`/google\.abc\.com$`),
		}},
	}
}

func engineOf(t testing.TB, opt Options, packs ...*pack.Pack) *Engine {
	t.Helper()
	if opt.Now.IsZero() {
		opt.Now = now
	}
	e, refused, err := Compile(packs, opt)
	if err != nil || len(refused) != 0 {
		t.Fatalf("compile: %v, refused %v", err, refused)
	}
	return e
}

func begin(t testing.TB) *Examination {
	t.Helper()
	return engineOf(t, Options{}, testPack(t)).Begin(&evidence.Source{ID: evidence.Identity{OS: evidence.Windows}})
}

// webSchema is an IIS log's default shape.
func webSchema() *evidence.Schema {
	s := evidence.NewSchema("iis.w3c", "cs-method", "cs-uri-stem", "cs-uri-query", "c-ip", "cs(User-Agent)", "sc-status")
	s.Source = evidence.LogSource{Category: "webserver", Product: "windows", Service: "iis"}
	for i, r := range []evidence.Role{evidence.RoleMethod, evidence.RolePath, evidence.RoleQuery, evidence.RoleAddress, evidence.RoleAgent, evidence.RoleStatus} {
		s.Roles[r] = int8(i)
	}
	return s
}

func adminSchema() *evidence.Schema {
	s := evidence.NewSchema("smartermail.administrative", "c-ip", "message")
	s.Source = evidence.LogSource{Product: "smartermail", Service: "administrative"}
	s.Roles[evidence.RoleAddress], s.Roles[evidence.RoleMessage] = 0, 1
	return s
}

// row makes an event whose raw bytes are its values, as in a W3C line.
func row(s *evidence.Schema, line int64, at time.Time, values ...string) evidence.Event {
	e := evidence.Event{Schema: s, Time: at, Ref: evidence.Ref{Collector: "logs", Path: "log", Unit: evidence.Line, At: line}}
	for i, v := range values {
		if i > 0 {
			e.Raw = append(e.Raw, ' ')
		}
		if v == "-" {
			e.Values = append(e.Values, nil)
		} else {
			e.Values = append(e.Values, []byte(v))
		}
		e.Raw = append(e.Raw, v...)
	}
	return e
}

// ungated holds every rule against every event.
func ungated(x *Examination) *Examination {
	x.ungated = true
	return x
}

// verbatim says of a row, as a reader does, that it holds its values.
func verbatim(e evidence.Event) evidence.Event {
	e.Verbatim = true
	return e
}

func feed(t testing.TB, x *Examination, events ...evidence.Event) {
	t.Helper()
	for _, e := range events {
		l := x.Lane(e.Ref)
		if err := l.Events(&evidence.EventBatch{Schema: e.Schema, Events: []evidence.Event{e}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func observe(t testing.TB, x *Examination, o *evidence.Observation) error {
	t.Helper()
	l := x.Lane(o.Ref)
	err := l.Observe(t.Context(), o)
	if closed := l.Close(); closed != nil {
		t.Fatal(closed)
	}
	return err
}

func installed(t testing.TB, x *Examination, i evidence.Installation) {
	t.Helper()
	if i.Product == "" {
		i.Product = "smartermail"
	}
	if i.Role == "" {
		i.Role = evidence.Active
	}
	if i.Path == "" {
		i.Path = "C/SmarterMail"
	}
	if err := observe(t, x, &evidence.Observation{Kind: evidence.ObserveProduct, Installation: &i}); err != nil {
		t.Fatal(err)
	}
}

func exe(text string) evidence.Signal {
	return evidence.Signal{Kind: evidence.SignalProgram, Version: text, Confidence: evidence.Confirmed, Ref: evidence.Ref{Path: "C/SmarterMail/MailService.exe"}}
}

func dll(text string) evidence.Signal {
	return evidence.Signal{Kind: evidence.SignalLibrary, Version: text, Confidence: evidence.Confirmed, Ref: evidence.Ref{Path: "C/SmarterMail/MailService.dll"}}
}

// finding returns the finding of a rule, nil if there is none.
func finding(r Result, rule string) *verdict.Finding {
	for i := range r.Findings {
		if r.Findings[i].Rule == rule {
			return &r.Findings[i]
		}
	}
	return nil
}
