package verdict

import (
	"cmp"
	"fmt"
	"slices"

	"postern/evidence"
)

// mostGaps is how many gaps one part lists; the rest is counted.
const mostGaps = 20

// Worse returns the worse of two answers: yes, unknown, none-seen, no,
// not-examined.
func Worse(a, b Answer) Answer {
	if rank(a) <= rank(b) {
		return a
	}
	return b
}

// rank orders answers, worst first. What is no answer at all counts as
// unknown, never as something better.
func rank(a Answer) int {
	switch a {
	case Yes:
		return 0
	case NoneSeen:
		return 2
	case No:
		return 3
	case NotExamined:
		return 4
	}
	return 1
}

// atLeast reports whether a severity is s or above.
func atLeast(have, s Severity) bool {
	order := []Severity{Info, Low, Medium, High, Critical}
	return slices.Index(order, have) >= slices.Index(order, s)
}

// Merge folds the answers of several sources of one host, worst first: a part
// is as bad as its worst source, and every reason and gap stays, the worst
// source's first. Without any answers nothing was examined.
func Merge(all ...Answers) Answers {
	pick := func(of func(Answers) Part) Part {
		parts := make([]Part, len(all))
		for i, a := range all {
			parts[i] = of(a)
		}
		return mergeParts(parts...)
	}
	m := Answers{
		Exposed:    pick(func(a Answers) Part { return a.Exposed }),
		Reachable:  pick(func(a Answers) Part { return a.Reachable }),
		Unprepared: pick(func(a Answers) Part { return a.Unprepared }),
	}
	m.Compromised = headline(pick(func(a Answers) Part { return a.Compromised.Now }), pick(func(a Answers) Part { return a.Compromised.Then }))
	for _, a := range all {
		m.Compromised.Reading = worseReading(m.Compromised.Reading, a.Compromised.Reading)
		if a.Compromised.Then.Answer != NotExamined {
			m.Compromised.DaysCovered = max(m.Compromised.DaysCovered, a.Compromised.DaysCovered)
			m.Compromised.DaysRequired = max(m.Compromised.DaysRequired, a.Compromised.DaysRequired)
		}
	}
	return m
}

func mergeParts(parts ...Part) Part {
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(rank(a.Answer), rank(b.Answer)) })
	merged := Part{Answer: NotExamined}
	for _, p := range parts {
		merged.Answer = Worse(merged.Answer, p.Answer)
		merged.Because = appendNew(merged.Because, p.Because...)
		merged.Gaps = appendNew(merged.Gaps, p.Gaps...)
	}
	return merged
}

// headline is the worse of now and then, both printed.
func headline(now, then Part) Compromise {
	c := Compromise{Now: now, Then: then}
	c.Answer = Worse(now.Answer, then.Answer)
	for _, b := range now.Because {
		c.Because = appendNew(c.Because, "now: "+b)
	}
	for _, b := range then.Because {
		c.Because = appendNew(c.Because, "then: "+b)
	}
	c.Gaps = appendNew(appendNew(nil, now.Gaps...), then.Gaps...)
	return c
}

func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// gapsOf selects the missed rows that bear on any of parts.
func gapsOf(cover []evidence.Coverage, parts evidence.Parts) []evidence.Coverage {
	var gaps []evidence.Coverage
	for _, c := range cover {
		if c.Missed != nil && c.Parts&parts != 0 {
			gaps = append(gaps, c)
		}
	}
	return gaps
}

// seen reports whether anything at all was looked at for parts.
func seen(cover []evidence.Coverage, parts evidence.Parts) bool {
	return slices.ContainsFunc(cover, func(c evidence.Coverage) bool { return c.Missed == nil && c.Parts&parts != 0 })
}

// listGaps writes gaps as "path: reason: detail", the gravest first, and
// counts what does not fit.
func listGaps(gaps []evidence.Coverage) []string {
	gaps = slices.Clone(gaps)
	slices.SortStableFunc(gaps, func(a, b evidence.Coverage) int {
		return cmp.Or(cmp.Compare(gravity(a), gravity(b)), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Missed.String(), b.Missed.String()))
	})
	var list []string
	for _, g := range gaps {
		list = appendNew(list, g.Path+": "+g.Missed.String())
	}
	if more := len(list) - mostGaps; more > 0 {
		list = append(list[:mostGaps], fmt.Sprintf("and %s", count(more, "more gap")))
	}
	return list
}

// gravity ranks a gap: what ended the work, then what logs lack, then what was
// refused, then what was cut, then the rest.
func gravity(c evidence.Coverage) int {
	groups := [][]evidence.Reason{
		{evidence.Cancelled, evidence.Limited, evidence.Unelevated},
		{evidence.TooShort, evidence.Hole, evidence.LowLevel, evidence.Proxied, evidence.Narrowed},
		{evidence.Unreadable, evidence.Encrypted, evidence.Unanswered, evidence.NoBuild, evidence.Ambiguous},
		{evidence.Truncated, evidence.Damaged, evidence.TooLarge, evidence.NotCollected},
	}
	for i, g := range groups {
		if slices.Contains(g, c.Missed.Reason) {
			return i
		}
	}
	if c.Kind == evidence.CoverLogFamily {
		return 1
	}
	return len(groups)
}

// count writes "1 day", "3 days".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
