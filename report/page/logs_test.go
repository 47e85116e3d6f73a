package page

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// piles is a report of two families of logs, one of them absent.
func piles() *report.Report {
	at, absent := time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC), "absent: none was found"
	t := report.Target{
		Target: "pile", Kind: evidence.KindLogs,
		Coverage: []report.Coverage{
			{Kind: evidence.CoverLogFamily, Family: "SmarterMail administrative", Missed: &absent},
			{Kind: evidence.CoverLogFamily, Family: "web access .", Count: 1234, From: &at, To: &at, Series: &report.Series{
				Files: 3, Unread: 1, Cleared: 2, DaysCovered: 1, DaysRequired: 410, DaysMissing: 2, Missing: "2026-01-15 to 2026-01-16", Low: 1, Unzoned: 3, Broken: 1,
			}},
		},
	}
	t.Answers.Compromised.DaysRequired = 410
	t.Answers.Compromised.Then = report.Part{Answer: verdict.Unknown, Because: []string{"Not all was read.", "It is told below, see a.log.", "Logs covered 1 of 410 days."}}
	return report.Finish(report.Tool{}, []report.Target{t}, report.Run{})
}

func TestLogs(t *testing.T) {
	var out bytes.Buffer
	if err := Logs(&out, piles(), Look{}); err != nil {
		t.Fatal(err)
	}
	checkPlain(t, out.String())
	for _, want := range []string{
		"COMPROMISED  UNKNOWN       Not all was read.\n                           Logs covered 1 of 410 days.\n",
		"  SmarterMail administrative\n                               0         0  -           -             0/410   0%\n    ! none was found, and one must be there\n",
		"  web access                   3      1234  2026-01-17  2026-01-17    1/410  <1%\n    ! 2 days missing inside the series: 2026-01-15 to 2026-01-16\n    ! 2 records say that somebody cleared a log\n",
		"    ! 1 line or record not understood\n    ! 1 log written at too low a level to tell all\n    ! 3 logs in local times of an unknown zone, read as UTC\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if page := html(t, piles()); !strings.Contains(page, `<td class="n">1/410</td><td class="n">&lt;1%</td><td>2 days missing`) {
		t.Error("the page has no table of families")
	}
}

// TestManyFamilies: of too many, those with flaws are shown.
func TestManyFamilies(t *testing.T) {
	r := piles()
	whole := r.Targets[0].Coverage[1]
	for n := range 40 {
		c := whole
		c.Family, c.Series = fmt.Sprintf("family %d", n), &report.Series{DaysCovered: 410, DaysRequired: 410}
		r.Targets[0].Coverage = append([]report.Coverage{c}, r.Targets[0].Coverage...)
	}
	var out bytes.Buffer
	if err := Logs(&out, r, Look{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"! none was found", "! 2 days missing", "410/410 100%", "and 12 more"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestShare(t *testing.T) {
	for in, want := range map[[2]int]string{{0, 0}: "- -", {0, 410}: "0/410 0%", {1, 410}: "1/410 <1%", {409, 410}: "409/410 99%", {410, 410}: "410/410 100%"} {
		if days, percent := share(in[0], in[1]); days+" "+percent != want {
			t.Errorf("%v: %s %s, want %s", in, days, percent, want)
		}
	}
}
