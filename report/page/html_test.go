package page

import (
	"crypto/sha256"
	"encoding/base64"
	stdhtml "html"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern/report"
	"postern/verdict"
)

func TestHTML(t *testing.T) {
	for _, name := range []string{"entered", "many", "none"} {
		out := html(t, read(t, name))
		checkHTML(t, out)
		out = strings.Replace(strings.Replace(out, styleText, "STYLE", 1), scriptText, "SCRIPT", 1)
		golden(t, name+".html", []byte(regexp.MustCompile(`sha256-[^&]*&#39;`).ReplaceAllString(out, "sha256-HASH&#39;")))
	}
}

// TestPolicy: the page allows its own style and script, by hash, and nothing
// else.
func TestPolicy(t *testing.T) {
	out := html(t, read(t, "entered"))
	m := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal("no policy")
	}
	hash := func(tag string) string {
		_, text, _ := strings.Cut(out, "<"+tag+">")
		text, _, _ = strings.Cut(text, "</"+tag+">")
		sum := sha256.Sum256([]byte(text))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	want := "default-src 'none'; style-src 'sha256-" + hash("style") + "'; script-src 'sha256-" + hash("script") + "'; base-uri 'none'; form-action 'none'"
	if got := stdhtml.UnescapeString(m[1]); got != want {
		t.Errorf("policy %s, want %s", got, want)
	}
	for _, bad := range []string{" style=", " src=", "@import", "url(http", "<link", "<base"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q would load or be refused", bad)
		}
	}
}

// TestHTMLSays: what a director and an analyst look for.
func TestHTMLSays(t *testing.T) {
	r := read(t, "many")
	r.Tool.Refused = []string{"proc_creation_x (mine/x.yml): unknown field"}
	out := html(t, r)
	for _, want := range []string{
		"Somebody got in. It is open to known attacks.", `<b class="reading">entered</b>`, "Do not power it off",
		`<ol class="refs steps">`, "2026-01-17 10:52:00Z", "C/inetpub/logs/u_ex260117.log:40", sumOf(r),
		`href="https://attack.mitre.org/techniques/T1190/">T1190 Exploit Public-Facing Application</a>`,
		`<a href="https://example.org/advisory">`, "proc_creation_x (mine/x.yml)", r.Run.BodySHA256, "2026-01-18 to 2026-01-20 are missing",
		`x\u202easpx_0.aspx`, "case/mail01: exposed YES", "version resource of MailService.exe",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not there", want)
		}
	}
	if strings.Contains(out, `href="javascript`) || !strings.Contains(out, "javascript:alert(1)") {
		t.Error("what is no web address is text")
	}
}

func sumOf(r *report.Report) string { return r.Targets[0].Findings[0].Refs[0].SHA256 }

func TestTimeline(t *testing.T) {
	r := read(t, "entered")
	line := newTimeline(r, &r.Hosts[0], "h1")
	for _, want := range []string{"CVE-2025-52691 exposed 2025-10-09 to 2026-02-10, open.", "SmarterMail administrative: 1 day.", "Findings, critical: 1.", "Findings, high: 2, 1 without a time.", "evidence taken 2026-02-10."} {
		if !strings.Contains(line.Says, want) {
			t.Errorf("%q is not in %q", want, line.Says)
		}
	}
	if len(line.Notes) != 0 {
		t.Errorf("%q", line.Notes)
	}
	far := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for i := range r.Targets[0].Findings {
		r.Targets[0].Findings[i].First, r.Targets[0].Findings[i].Last = &far, &far
	}
	if again := newTimeline(r, &r.Hosts[0], "h1"); len(again.Ticks) != len(line.Ticks) || again.Notes[0] != "3 findings lie far outside this period." {
		t.Errorf("a forged year squeezes the drawing: %v", again.Notes)
	}
	r.Targets[0].Examined, r.Targets[0].AsOf, r.Targets[0].Findings = report.Span{}, nil, nil
	if newTimeline(r, &r.Hosts[0], "h1") != nil {
		t.Error("a drawing of no time")
	}
}

func TestTicks(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, length := range []time.Duration{time.Hour, 30 * time.Hour, 20 * dayLong, 100 * dayLong, 400 * dayLong, 1000 * dayLong, 4000 * dayLong, 70_000 * dayLong} {
		if n := len(ticks(axis{from, from.Add(length)})); n > 21 || n < 2 && length > 2*time.Hour {
			t.Errorf("%v: %d ticks", length, n)
		}
	}
}

func TestWorstFirst(t *testing.T) {
	r := &report.Report{}
	for _, a := range []verdict.Answer{verdict.NoneSeen, verdict.Unknown, verdict.Yes} {
		h := report.Host{}
		h.Answers.Compromised.Answer = a
		r.Hosts = append(r.Hosts, h)
	}
	if got := worstFirst(r); got[0] != 2 || got[1] != 1 || got[2] != 0 {
		t.Errorf("%v", got)
	}
}

func TestAttackURL(t *testing.T) {
	for id, want := range map[string]string{
		"T1505.003": "https://attack.mitre.org/techniques/T1505/003/", "T1190": "https://attack.mitre.org/techniques/T1190/", "TA0001": "", "T11": "", "javascript:x": "", "T1190/../x": "",
	} {
		if got := attackURL(id); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
}
