package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

const shellRule = `rule page_that_evaluates {
    meta:
        description = "A page that evaluates what it is sent"
        class = "state"
        severity = "high"
        confidence = "likely"
        attack = "T1505.003"
        places = "webroot"
        next = "Keep a copy."
        reference = "https://example.org/a"
    strings:
        $in = "Request[" nocase
        $do = "eval(" nocase
    condition:
        all of them
}
`

// yaraPack is testPack with a YARA rule.
func yaraPack(t testing.TB, text string) *pack.Pack {
	t.Helper()
	p := testPack(t)
	p.YARA = []pack.TextFile{{File: "yara/a.yar", Text: []byte(text)}}
	p.Tests[0].Expect = append(p.Tests[0].Expect, pack.Expect{Rule: "page_that_evaluates"})
	p.Tests[1].Absent = append(p.Tests[1].Absent, pack.Absent{Rule: "page_that_evaluates"})
	return p
}

func page(path, text string, size int) *evidence.Observation {
	return &evidence.Observation{
		Kind: evidence.ObserveFile, Values: []string{path, "", fmt.Sprint(size)}, Time: noon, Ref: evidence.Ref{Path: path},
		Content: bytes.NewReader([]byte(text)), Size: int64(len(text)),
	}
}

func TestContentRules(t *testing.T) {
	text := `<%@ Page %><% EVAL(Request["x"]) %>`
	x := beginWith(t, yaraPack(t, shellRule))
	if err := observe(t, x, page(`C:\inetpub\wwwroot\a.aspx`, text, len(text))); err != nil {
		t.Fatal(err)
	}
	f := finding(x.Result(now), "page_that_evaluates")
	if f == nil || f.Class != verdict.State || f.Severity != verdict.High || f.Title != "A page that evaluates what it is sent" || f.Attack[0] != "T1505.003" || f.Sources[0] != "https://example.org/a" ||
		f.Refs[0].Unit != evidence.Offset || f.Refs[0].At != 19 || f.Refs[0].Text != "$in: Request[" {
		t.Errorf("finding %+v", f)
	}

	x = beginWith(t, yaraPack(t, shellRule))
	if err := observe(t, x, page(`C:\inetpub\wwwroot\a.aspx`, `<% Response.Write(Request["x"]) %>`, 40000)); err != nil {
		t.Fatal(err)
	}
	if err := observe(t, x, page(`C:\data\a.aspx`, text, len(text))); err != nil {
		t.Fatal(err)
	}
	r := x.Result(now)
	if f := finding(r, "page_that_evaluates"); f != nil {
		t.Errorf("found %+v", f)
	}
	gap := false
	for _, c := range r.Coverage {
		gap = gap || c.Missed != nil && c.Missed.Reason == evidence.TooLarge && c.Path == `C:\inetpub\wwwroot\a.aspx`
	}
	if !gap {
		t.Error("a file of which a part was scanned is no gap")
	}

	o := page(`C:\inetpub\wwwroot\b.aspx`, text, len(text))
	o.Content = broken{}
	var failed *evidence.ReadError
	if err := observe(t, x, o); !errors.As(err, &failed) {
		t.Errorf("a file that can't be read: %v", err)
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

// TestContentRulesRefused: a pack's rule that is not whole fails the pack.
func TestContentRulesRefused(t *testing.T) {
	f := func(want, text string) {
		t.Helper()
		_, _, err := Compile([]*pack.Pack{yaraPack(t, text)}, Options{Now: now})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f(`yara/a.yar:1:1: rule page_that_evaluates: its meta has no "next"`, strings.Replace(shellRule, `next = "Keep a copy."`, "", 1))
	f(`no place "nowhere"`, strings.Replace(shellRule, `places = "webroot"`, `places = "nowhere"`, 1))
	f(`does not ask for content`, strings.Replace(shellRule, `places = "webroot"`, `places = "domains"`, 1))
	f(`class "bad"`, strings.Replace(shellRule, `class = "state"`, `class = "bad"`, 1))
	f(`confidence "certain"`, strings.Replace(shellRule, `"likely"`, `"certain"`, 1))
	f(`pack "smartermail": yara/a.yar:15:16: `, strings.Replace(shellRule, "all of them", "all of theme", 1))
	f(`page_that_reads: no case expects it`, shellRule+strings.Replace(shellRule, "page_that_evaluates", "page_that_reads", 1))
}

// TestOwnYARA: signature-base compiles with the variables its rules expect, and
// its rules are held against every file that is looked at.
func TestOwnYARA(t *testing.T) {
	e := ownEngine(t, Own{YARA: rulesIn(t, "yara/signature-base", ".yar")})
	own := 0
	for _, c := range e.content.rules {
		if c.own {
			own++
		}
	}
	t.Logf("%d rules of the operator's own, %d refused", own, len(e.refusals))
	for _, r := range e.refusals {
		t.Errorf("refused: %s", r)
	}
	if own < 5000 {
		t.Errorf("%d rules", own)
	}
	x := e.Begin(windows())
	text := `<%@ Page Language="Jscript"%><%eval(Request.Item["pass"],"unsafe");%>`
	if err := observe(t, x, page(`C:\inetpub\wwwroot\a.aspx`, text, len(text))); err != nil {
		t.Fatal(err)
	}
	matched := 0
	for _, f := range x.Result(now).Findings {
		if strings.Contains(strings.ToLower(f.Rule), "webshell") {
			matched++
		}
	}
	if matched == 0 {
		t.Error("no rule of signature-base knows the best known page of all")
	}
}

// TestPlacesOfTwoPacks: two packs may call their places alike, and each means its
// own.
func TestPlacesOfTwoPacks(t *testing.T) {
	other := testPack(t)
	other.ID, other.Product.ID, other.Indicators, other.Sigma, other.Logs, other.Starts = "other", "other", nil, nil, nil, nil
	other.Places = []evidence.Place{{ID: "webroot", Paths: []*regexp.Regexp{regexp.MustCompile(`^c:/elsewhere/`)}, Content: 1 << 20, Parts: evidence.CompromisedNow}}
	other.Tests = nil
	x := engineOf(t, Options{}, yaraPack(t, shellRule), other).Begin(windows())
	text := `<%@ Page %><% EVAL(Request["x"]) %>`
	if err := observe(t, x, page(`C:\elsewhere\a_0.aspx`, text, len(text))); err != nil {
		t.Fatal(err)
	}
	for _, f := range x.Result(now).Findings {
		t.Errorf("found %+v", f)
	}
}

// TestContentNobodyOpened: a file that YARA rules are for and whose content
// nobody gave is a gap.
func TestContentNobodyOpened(t *testing.T) {
	x := beginWith(t, yaraPack(t, shellRule))
	o := page(`C:\inetpub\wwwroot\a.txt`, "", 7)
	o.Content = nil
	if err := observe(t, x, o); err != nil {
		t.Fatal(err)
	}
	gap := false
	for _, c := range x.Coverage() {
		gap = gap || c.Missed != nil && strings.Contains(c.Missed.Detail, "the YARA rules")
	}
	if !gap {
		t.Errorf("coverage %+v", x.Coverage())
	}
}
