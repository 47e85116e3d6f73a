package report

import "postern/verdict"

func fromVerdict(a verdict.Answers) Answers {
	return Answers{
		Exposed: fromPart(a.Exposed),
		Compromised: Compromise{
			Part: fromPart(a.Compromised.Part), Now: fromPart(a.Compromised.Now), Then: fromPart(a.Compromised.Then),
			Reading:     a.Compromised.Reading,
			DaysCovered: a.Compromised.DaysCovered, DaysRequired: a.Compromised.DaysRequired,
		},
		Reachable: fromPart(a.Reachable), Unprepared: fromPart(a.Unprepared),
	}
}

// fromPart renders a part. An answer nobody gave is unknown: silence is never
// safety.
func fromPart(p verdict.Part) Part {
	if p.Answer == "" {
		p.Answer = verdict.Unknown
	}
	return Part{p.Answer, cleanAll(p.Because), cleanAll(p.Gaps)}
}

func (a Answers) verdict() verdict.Answers {
	c := a.Compromised
	return verdict.Answers{
		Exposed: verdict.Part(a.Exposed),
		Compromised: verdict.Compromise{
			Part: verdict.Part(c.Part), Now: verdict.Part(c.Now), Then: verdict.Part(c.Then),
			Reading:     c.Reading,
			DaysCovered: c.DaysCovered, DaysRequired: c.DaysRequired,
		},
		Reachable: verdict.Part(a.Reachable), Unprepared: verdict.Part(a.Unprepared),
	}
}

// Each calls fn for every answer of a, compromised's now and then included.
func (a *Answers) Each(fn func(*Part)) {
	for _, p := range []*Part{&a.Exposed, &a.Compromised.Part, &a.Compromised.Now, &a.Compromised.Then, &a.Reachable, &a.Unprepared} {
		fn(p)
	}
}

// Worst is the worst of the four answers.
func (a *Answers) Worst() verdict.Answer {
	worst := verdict.NotExamined
	a.Each(func(p *Part) { worst = verdict.Worse(worst, p.Answer) })
	return worst
}

// doubt adds a gap to a part: what was safe becomes unknown, a yes stays.
func (p *Part) doubt(gap string) {
	if p.Answer == verdict.No || p.Answer == verdict.NoneSeen {
		p.Answer = verdict.Unknown
	}
	p.Gaps = append(p.Gaps, gap)
}
