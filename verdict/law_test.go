package verdict

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"postern/evidence"
)

// TestSilenceIsNeverSafety is the law as a property: over random evidence, a
// gap more, or a row that vouches for something less, never turns yes or
// unknown into none-seen or no, nor any answer into no or none-seen that was
// not one before.
func TestSilenceIsNeverSafety(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		asked, installs, findings, cover := random(r)
		before := answer(asked, installs, findings, cover)
		var after Answers
		what := ""
		if i := slices.IndexFunc(cover, func(c evidence.Coverage) bool { return c.Missed == nil && r.IntN(8) == 0 }); i >= 0 && !lastOfFew(cover, i) && r.IntN(2) == 0 {
			what = "without " + cover[i].Path
			after = answer(asked, installs, findings, slices.Delete(slices.Clone(cover), i, i+1))
		} else {
			g := randomGap(r)
			what = "with gap " + g.Path + " " + g.Missed.String()
			after = answer(asked, installs, findings, append(slices.Clone(cover), g))
		}
		for name, of := range map[string]func(Answers) Part{
			"exposed":     func(a Answers) Part { return a.Exposed },
			"now":         func(a Answers) Part { return a.Compromised.Now },
			"then":        func(a Answers) Part { return a.Compromised.Then },
			"compromised": func(a Answers) Part { return a.Compromised.Part },
		} {
			b, a := of(before).Answer, of(after).Answer
			if (a == NoneSeen || a == No) && a != b {
				t.Fatalf("seed %d: %s %s: %s became %s", seed, what, name, b, a)
			}
			if b == Yes && a != Yes {
				t.Fatalf("seed %d: %s %s: yes became %s", seed, what, name, a)
			}
		}
	}
}

// lastOfFew reports whether a row is one of a directory's last three logs: what
// goes then is not a day out of a series but the series. Two such rests look
// like a folder that was moved, and nothing else on the source says otherwise.
func lastOfFew(cover []evidence.Coverage, i int) bool {
	n := 0
	for _, c := range cover {
		if c.Family != "" && c.Family == cover[i].Family && c.Missed == nil {
			n++
		}
	}
	return cover[i].Family != "" && n <= 3
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func random(r *rand.Rand) (Asked, []Installation, []Finding, []evidence.Coverage) {
	asked := askedOf(pick(r, evidence.KindHost, evidence.KindTree, evidence.KindTree, evidence.KindCollection, evidence.KindLogs, evidence.KindURL))
	asked.Partial, asked.Live = r.IntN(4) == 0, r.IntN(2) == 0
	asked.AsOf = pick(r, now, day("2025-10-12"), day("2025-10-20"))
	asked.AsOfWhy = pick(r, WhySaid, WhySaid, WhyNewest)
	asked.Required.To = asked.AsOf
	var installs []Installation
	for range r.IntN(3) {
		installs = append(installs, install(pick(r, evidence.Active, evidence.RoleUnknown, evidence.Copy), pick(r, 0, 9406, 9742), pick(r, Affected, Fixed, Fixed, StatusUnknown), Fixed))
	}
	var findings []Finding
	for range r.IntN(3) {
		findings = append(findings, Finding{
			Rule: "r", Title: "t", Question: pick(r, evidence.CompromisedNow, evidence.CompromisedThen, evidence.Compromised), Class: pick(r, State, Lead, Scan, Attempt, Failed, Success),
			Severity: pick(r, Info, Low, Medium, High, Critical), Confidence: pick(r, evidence.Confirmed, evidence.Unsure), Open: r.IntN(2) == 0,
		})
	}
	cover := []evidence.Coverage{walked()}
	last := asked.AsOf.AddDate(0, 0, -1)
	if last.After(day("2025-11-01")) {
		last = day("2025-10-20") // the long window stays short of logs, and the test fast
	}
	for _, f := range formats {
		for _, folder := range []string{"a", "b"}[:1+r.IntN(2)] {
			var skip []string
			if r.IntN(3) == 0 {
				skip = append(skip, last.AddDate(0, 0, -r.IntN(3)).Format(time.DateOnly))
			}
			cover = append(cover, logsOf(f, f.ID+"/"+folder, "2025-10-09", last.Format(time.DateOnly), skip...)...)
		}
	}
	for range r.IntN(2) {
		cover = append(cover, randomGap(r))
	}
	return asked, installs, findings, cover
}

func randomGap(r *rand.Rand) evidence.Coverage {
	g := evidence.Gap(pick(r, evidence.CoverFile, evidence.CoverLog, evidence.CoverHive, evidence.CoverState, evidence.CoverPage), pick(r, ".", "sm.admin/a/2025.10.10.log", "x"),
		pick(r, evidence.Exposed, evidence.CompromisedNow, evidence.CompromisedThen, evidence.Compromised),
		pick(r, evidence.Unreadable, evidence.Absent, evidence.Truncated, evidence.Cancelled, evidence.Unelevated, evidence.Damaged), "")
	if g.Kind == evidence.CoverLog && r.IntN(2) == 0 {
		g.Family, g.Format, g.Days = "SmarterMail administrative sm.admin/a", "sm.admin", []evidence.Day{evidence.DayOf(day("2025-10-10"))}
	}
	return g
}
