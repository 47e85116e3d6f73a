package verdict

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// busy gives rows the hours that a log has events in.
func busy(rows []evidence.Coverage, has func(time.Time) bool) []evidence.Coverage {
	for i := range rows {
		b := evidence.BusyDay{Day: rows[i].Days[0]}
		for h := range 24 {
			if has(dayStart(b.Day).Add(time.Duration(h) * time.Hour)) {
				b.Hours |= 1 << h
			}
		}
		rows[i].Busy = []evidence.BusyDay{b}
	}
	return rows
}

func TestSilence(t *testing.T) {
	between := func(at time.Time, from, to string) bool {
		return !at.Before(hourOf(t, from)) && at.Before(hourOf(t, to))
	}
	office := func(at time.Time) bool {
		return at.Weekday() != time.Sunday && at.Weekday() != time.Saturday && at.Hour() >= 8 && at.Hour() < 18
	}
	silence := func(from, to string) func(time.Time) bool {
		return func(at time.Time) bool { return !between(at, from, to) }
	}
	f := func(name string, format evidence.LogFormat, first, last string, has func(time.Time) bool, gap string, bears bool, found int) {
		t.Helper()
		rows, findings := Families(askedOf(evidence.KindTree), []evidence.LogFormat{format}, busy(logsOf(format, "Logs", first, last), has))
		got, parts := "", evidence.Parts(0)
		for _, r := range rows {
			if r.Missed != nil && strings.Contains(r.Missed.Detail, "without an event") {
				got, parts = r.Missed.Detail, r.Parts
			}
		}
		if got != gap || (parts != 0) != bears || len(findings) != found {
			t.Errorf("%s: %q, parts %d, %d findings", name, got, parts, len(findings))
		}
		for _, n := range findings {
			if n.ID == "" || n.Class != Lead || n.Severity != Low || n.First.IsZero() || len(n.Refs) == 0 {
				t.Errorf("%s: %+v", name, n)
			}
		}
	}
	const nine = "9 hours without an event, where the same hours of other weeks have some: 2026-02-03 01:00 to 2026-02-03 10:00 UTC"
	night := silence("2026-02-03 01", "2026-02-03 10")
	f("nine hours of silence", admin, "2026-01-01", "2026-02-28", night, nine, true, 1)
	f("in a log that is not asked for", smtp, "2026-01-01", "2026-02-28", night, nine, false, 1)
	f("over midnight", admin, "2026-01-01", "2026-02-28", silence("2026-02-03 20", "2026-02-04 06"), "10 hours without an event, where the same hours of other weeks have some: 2026-02-03 20:00 to 2026-02-04 06:00 UTC", true, 1)
	f("four hours, in a year", admin, "2025-10-09", "2026-11-22", silence("2026-02-03 01", "2026-02-03 05"), "4 hours without an event, where the same hours of other weeks have some: 2026-02-03 01:00 to 2026-02-03 05:00 UTC", true, 1)
	f("two hours", admin, "2025-10-09", "2026-11-22", silence("2026-02-03 01", "2026-02-03 03"), "", false, 0)
	f("four weeks are no rhythm", admin, "2026-01-20", "2026-02-17", night, "", false, 0)
	f("outside the window", admin, "2025-01-01", "2025-03-28", silence("2025-02-03 01", "2025-02-03 10"), "9 hours without an event, where the same hours of other weeks have some: 2025-02-03 01:00 to 2025-02-03 10:00 UTC", false, 1)
	f("office hours", admin, "2026-01-01", "2026-04-30", office, "", false, 0)
	f("a holiday", admin, "2026-01-01", "2026-04-30", func(at time.Time) bool { return office(at) && !between(at, "2026-04-06 00", "2026-04-07 00") },
		"10 hours without an event, where the same hours of other weeks have some: 2026-04-06 08:00 to 2026-04-06 18:00 UTC", false, 0)

	cover := busy(logsOf(admin, "Logs", "2026-01-01", "2026-02-28"), night)
	cover = append(cover, evidence.Coverage{Kind: evidence.CoverLog, Path: "Logs/2026.02.03.log", Family: cover[0].Family, Format: admin.ID, Missed: &evidence.Missed{Reason: evidence.Truncated}})
	rows, _ := Families(askedOf(evidence.KindTree), formats, cover)
	for _, r := range rows {
		if r.Missed != nil && strings.Contains(r.Missed.Detail, "without an event") {
			t.Errorf("a day that is known to be cut: %s", r.Missed)
		}
	}
}

func hourOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestQuietLogsRaiseNothing: logs of every rate, steady or with quiet nights and
// weekends, are hardly ever said to be silent when chance alone is at work.
func TestQuietLogsRaiseNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	series, alarms := 0, 0
	for _, rate := range []float64{0.05, 0.2, 0.5, 1, 2, 3, 5, 10} { // events an hour
		for range 25 {
			rows := busy(logsOf(admin, "Logs", "2026-01-01", "2026-06-30"), func(at time.Time) bool {
				mean := rate * (1.2 + math.Sin(float64(at.Hour())/24*2*math.Pi))
				if at.Weekday() == time.Sunday {
					mean /= 3
				}
				return random.Float64() > math.Exp(-mean)
			})
			_, findings := Families(askedOf(evidence.KindTree), []evidence.LogFormat{admin}, rows)
			series++
			alarms += len(findings)
		}
	}
	if alarms > series/50 {
		t.Errorf("%d alarms in %d series", alarms, series)
	}
	t.Logf("%d alarms in %d series of half a year", alarms, series)
}
