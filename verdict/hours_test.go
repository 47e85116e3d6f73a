package verdict

import (
	"slices"
	"strings"
	"testing"

	"postern/evidence"
)

// TestHoursMakeADay: a log of one hour vouches for no day, those of all hours
// together do.
func TestHoursMakeADay(t *testing.T) {
	f := func(name string, hours []uint32, broken bool, covered int, gap string) {
		t.Helper()
		d := evidence.DayOf(day("2026-01-17"))
		cover := slices.Concat(logsOf(admin, "Logs", "2025-10-09", "2026-11-22"), logsOf(web, "W3SVC1", "2025-10-09", "2026-11-22", "2026-01-17"))
		for i, h := range hours {
			row := cover[len(cover)-1]
			row.Path, row.Days, row.Hours = "W3SVC1/hour"+string(rune('a'+i)), []evidence.Day{d}, []uint32{h}
			cover = append(cover, row)
			if broken && i == 0 {
				row.Missed = &evidence.Missed{Reason: evidence.Truncated}
				cover = append(cover, row)
			}
		}
		asked := askedOf(evidence.KindTree)
		rows, _ := Families(asked, formats, cover)
		got := Judge(asked, formats, nil, nil, append(cover, rows...)).Compromised
		if got.DaysCovered != covered || (got.Then.Answer == NoneSeen) != (covered == 410) {
			t.Errorf("%s: %d days covered, then %s", name, got.DaysCovered, got.Then.Answer)
		}
		if all := strings.Join(got.Then.Gaps, "\n"); gap != "" && !strings.Contains(all, gap) {
			t.Errorf("%s: gaps %q, want %q", name, all, gap)
		}
	}
	f("one hour", []uint32{1 << 5}, false, 409, "1 day without a log for every hour: 2026-01-17")
	f("all hours", []uint32{wholeDay}, false, 410, "")
	f("in two files", []uint32{0xfff, 0xfff000}, false, 410, "")
	f("one short", []uint32{0xfff, 0x7ff000}, false, 409, "without a log for every hour")
	f("all, one cut", []uint32{0xfff, 0xfff000}, true, 409, "truncated")
}

// TestEachFamilyIsNamed: where one family is absent, what the others covered is
// said all the same.
func TestEachFamilyIsNamed(t *testing.T) {
	cover := append(logsOf(admin, "Logs", "2026-01-01", "2026-02-10"), walked())
	got := answer(askedOf(evidence.KindTree), nil, nil, cover).Compromised
	want := "Logs covered 0 of 410 days, 2025-10-09 to 2026-11-23 (SmarterMail administrative 41, web access 0)."
	if !slices.Contains(got.Then.Because, want) || got.DaysCovered != 0 {
		t.Errorf("%d days, because %q", got.DaysCovered, got.Then.Because)
	}
}

// TestSitesAreTwoRecords: what one site's logs lack is listed, though the other
// site's have it.
func TestSitesAreTwoRecords(t *testing.T) {
	cover := slices.Concat(full(), logsOf(web, "W3SVC2", "2025-10-09", "2026-11-01", "2026-02-02"))
	rows, holes := Families(askedOf(evidence.KindTree), formats, cover)
	var said []string
	for _, r := range rows {
		if r.Missed != nil {
			said = append(said, r.Path+": "+r.Missed.String())
		}
	}
	for _, want := range []string{
		"web access W3SVC2: hole: 1 day missing inside the series: 2026-02-02",
		"web access W3SVC2: window: 21 days that others of the family have and this folder has not: 2026-11-02 to 2026-11-22",
	} {
		if !slices.Contains(said, want) {
			t.Errorf("%q is not among %q", want, said)
		}
	}
	if len(holes) != 1 || len(said) != 2 {
		t.Errorf("%d findings, gaps %q", len(holes), said)
	}
}

// TestNarrowedDaysAreNotCovered: what --since left out was not read.
func TestNarrowedDaysAreNotCovered(t *testing.T) {
	f := func(review evidence.Period, want int) {
		t.Helper()
		asked := askedOf(evidence.KindTree)
		asked.Review = review
		if got := answer(asked, nil, nil, full()).Compromised; got.DaysCovered != want || got.DaysRequired != 410 || (got.Then.Answer == NoneSeen) != (want == 410) {
			t.Errorf("%v: %d of %d days, then %s", review, got.DaysCovered, got.DaysRequired, got.Then.Answer)
		}
	}
	f(evidence.Period{}, 410)
	f(evidence.Period{From: day("2025-10-09")}, 410)
	f(evidence.Period{From: day("2026-11-13")}, 10)
	f(evidence.Period{From: day("2026-11-13").Add(1)}, 9)
	f(evidence.Period{From: day("2026-11-13"), To: day("2026-11-20")}, 7)
}
