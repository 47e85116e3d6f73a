package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// Judge answers the four questions for one source. cover is all rows,
// Families' among them. The arguments are not changed.
func Judge(asked Asked, logs []evidence.LogFormat, installs []Installation, findings []Finding, cover []evidence.Coverage) Answers {
	j := judge{asked, logs, installs, findings, cover}
	all := gather(logs, cover)
	w := requiredDays(asked)
	a := Answers{
		Exposed:    j.dropped(evidence.Exposed, j.exposed),
		Reachable:  Part{Answer: NotExamined, Because: []string{"This version does not examine who can reach what."}},
		Unprepared: Part{Answer: NotExamined, Because: []string{"This version does not examine the response plan."}},
	}
	covered := coveredByAll(w, logs, all)
	a.Compromised = headline(
		j.dropped(evidence.CompromisedNow, j.now),
		j.dropped(evidence.CompromisedThen, func() Part { return j.then(w, covered) }))
	a.Compromised.DaysRequired, a.Compromised.DaysCovered = w.days(), covered
	a.Compromised.Reading = j.reading()
	return a
}

// judge holds the arguments of one judgement.
type judge struct {
	asked    Asked
	logs     []evidence.LogFormat
	installs []Installation
	findings []Finding
	cover    []evidence.Coverage
}

// dropped answers a question the operator left out, and asks the others.
func (j judge) dropped(part evidence.Parts, ask func() Part) Part {
	if j.asked.Parts&part == 0 {
		return Part{Answer: NotExamined, Because: []string{"This question was not asked."}}
	}
	return ask()
}

// weigh says what speaks in the findings that bear on part: what proves,
// what may prove but is too weak to, and the leads.
func (j judge) weigh(part evidence.Parts) (proof, doubt, open, leads []Finding) {
	for _, f := range j.findings {
		if f.Question&part == 0 {
			continue
		}
		switch f.weight() {
		case proves:
			proof = append(proof, f)
		case doubts:
			doubt = append(doubt, f)
		case opens:
			open = append(open, f)
		case says:
			if f.Class == Lead && atLeast(f.Severity, Low) { // one for information is none to follow
				leads = append(leads, f)
			}
		}
	}
	return proof, doubt, open, leads
}

// reading says what the findings of both parts add up to. A lead adds nothing.
func (j judge) reading() Reading {
	read := Untouched
	for _, f := range j.findings {
		if f.Question&j.asked.Parts&evidence.Compromised != 0 {
			read = worseReading(read, f.reading())
		}
	}
	return read
}

// reading is what one finding alone adds up to.
func (f *Finding) reading() Reading {
	switch f.weight() {
	case proves:
		return Entered
	case doubts:
		return Suspected
	case opens:
		return OpenAttempt
	}
	if f.Class == Scan || f.Class == Failed || f.Class == Attempt {
		return KnockedAt
	}
	return Untouched
}

// worseReading returns the worse of two readings.
func worseReading(a, b Reading) Reading {
	order := []Reading{Entered, Suspected, OpenAttempt, KnockedAt, Untouched}
	return order[min(slices.Index(order, a), slices.Index(order, b))]
}

// weight is how much a finding says about compromise.
type weight uint8

const (
	says   weight = iota // something happened, and nothing follows
	opens                // an attempt whose outcome is open
	doubts               // may prove, and is too weak to
	proves
)

func (f *Finding) weight() weight {
	switch f.Class {
	case State, Success:
		switch {
		case atLeast(f.Severity, High) && f.Confidence != evidence.Unsure:
			return proves
		case atLeast(f.Severity, Medium):
			return doubts
		}
	case Attempt:
		if f.Open && atLeast(f.Severity, Medium) {
			return opens
		}
	}
	return says
}

// now: what is there. A finding outranks every gap.
func (j judge) now() Part {
	switch j.asked.Kind {
	case evidence.KindLogs:
		return Part{Answer: NotExamined, Because: []string{"Logs do not show what is on the machine now."}}
	case evidence.KindURL, evidence.KindNetwork:
		return Part{Answer: NotExamined, Because: []string{"A web address does not show what is on the machine."}}
	}
	proof, doubt, _, leads := j.weigh(evidence.CompromisedNow)
	gaps := gapsOf(j.cover, evidence.CompromisedNow)
	p := Part{Gaps: listGaps(gaps)}
	switch {
	case proof != nil:
		p.Answer, p.Because = Yes, tell(proof)
	case doubt != nil:
		p.Answer, p.Because = Unknown, tell(doubt)
		p.Because = append(p.Because, "This may be a compromise or not; a person has to look.")
	case gaps != nil:
		p.Answer, p.Because = Unknown, []string{"Nothing matched in what could be read, but part of what was asked for could not be read."}
	case !seen(j.cover, evidence.CompromisedNow):
		p.Answer, p.Because = Unknown, []string{"Nothing was looked at that could show a compromise."}
	case j.asked.Alone:
		p.Answer, p.Because = NoneSeen, []string{"Every file of what was named was read, and nothing matched. This is no answer for the rest of the machine."}
	default:
		p.Answer, p.Because = NoneSeen, []string{"Every place the packs ask for was read, and nothing matched."}
	}
	return j.withLeads(p, leads)
}

// then: what the logs of the required window show. None-seen needs every day.
func (j judge) then(w window, covered int) Part {
	if k := j.asked.Kind; k == evidence.KindURL || k == evidence.KindNetwork {
		return Part{Answer: NotExamined, Because: []string{"A web address keeps no logs that could be read."}}
	}
	proof, doubt, open, leads := j.weigh(evidence.CompromisedThen)
	gaps := gapsOf(j.cover, evidence.CompromisedThen)
	p := Part{Gaps: listGaps(gaps)}
	days := fmt.Sprintf("Logs covered %d of %s, %s to %s", covered, count(w.days(), "day"), stamp(j.asked.Required.From), stamp(j.asked.AsOf))
	if each := byFamily(w, j.logs, gather(j.logs, j.cover)); each != "" {
		days += " (" + each + ")"
	}
	days += "."
	switch {
	case proof != nil:
		p.Answer, p.Because = Yes, tell(proof)
	case doubt != nil:
		p.Answer, p.Because = Unknown, append(tell(doubt), "This may be a compromise or not; a person has to look.")
	case open != nil:
		p.Answer, p.Because = Unknown, append(tell(open), "The build at that moment was, or may have been, affected, so the outcome is open.")
	case gaps != nil:
		p.Answer, p.Because = Unknown, []string{"Nothing matched in the logs that could be read, but they do not tell the whole story."}
	case w.days() == 0 || covered < w.days():
		p.Answer, p.Because = Unknown, []string{"Nothing matched, but the logs do not reach over the required window."}
	case slices.Contains([]string{WhyNewest, WhyLogged, WhyNothing}, j.asked.AsOfWhy):
		// The newest trace is only the newest that was left: an evening of
		// logs taken off the end would not be missed.
		p.Answer, p.Because = Unknown, []string{"Nothing matched, but nothing says when the evidence was taken, so logs may be missing at its end."}
		p.Gaps = appendNew(p.Gaps, "as of: "+j.asked.AsOfWhy+": say when the evidence was taken with --as-of")
	default:
		p.Answer, p.Because = NoneSeen, []string{"Every log that must be there covers the whole window, and nothing matched."}
	}
	if proof == nil && doubt == nil && open == nil {
		p.Because = append(p.Because, j.knocks()...)
	}
	p.Because = append(p.Because, days)
	return j.withLeads(p, leads)
}

// knocks says who came and, as far as it was seen, got no further: scans, and
// attempts on what was proven fixed.
func (j judge) knocks() []string {
	var sightings int64
	var titles []string
	for _, f := range j.findings {
		if f.Question&evidence.CompromisedThen != 0 && f.reading() == KnockedAt {
			sightings += f.Count
			titles = appendNew(titles, strings.TrimSuffix(f.Title, "."))
		}
	}
	if titles == nil {
		return nil
	}
	if more := len(titles) - mostKnocks; more > 0 {
		titles = append(titles[:mostKnocks], count(more, "other kind"))
	}
	return []string{fmt.Sprintf("Knocked at %s (%s).", count(int(sightings), "time"), strings.Join(titles, "; "))}
}

// mostKnocks is how many kinds of knocking one sentence names.
const mostKnocks = 4

func (j judge) withLeads(p Part, leads []Finding) Part {
	if len(leads) > 0 {
		rest := "are worth a look and prove nothing alone."
		if len(leads) == 1 {
			rest = "is worth a look and proves nothing alone."
		}
		p.Because = append(p.Because, count(len(leads), "lead")+" "+rest)
	}
	return p
}

// spanned writes from when to when, to the second; the day of the end only where
// it is another.
func spanned(from, to time.Time) string {
	const second = "15:04:05Z"
	end := to.UTC().Format(second)
	if from.UTC().Format(time.DateOnly) != to.UTC().Format(time.DateOnly) {
		end = to.UTC().Format(time.DateOnly + " " + second)
	}
	return from.UTC().Format(time.DateOnly+" "+second) + " to " + end
}

// tell writes one sentence a finding, the gravest first.
func tell(findings []Finding) []string {
	order := []Severity{Critical, High, Medium, Low, Info}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
	var sentences []string
	for _, f := range sorted {
		s := strings.TrimSuffix(f.Title, ".")
		switch {
		case f.Steps && len(f.Refs) > 1:
			s += fmt.Sprintf(" (%s, %s", count(len(f.Refs), "step"), spanned(f.Refs[0].Time, f.Refs[len(f.Refs)-1].Time))
			if f.Count > 1 {
				s += fmt.Sprintf("; the first of %d such sequences", f.Count)
			}
			s += ")"
		case f.First.IsZero() && f.Count > 1:
			s += fmt.Sprintf(" (%d times)", f.Count)
		case f.First.IsZero() || f.Class == State:
		case f.Count > 1 && stamp(f.First) == stamp(f.Last):
			s += fmt.Sprintf(" (%d times, %s)", f.Count, stamp(f.First))
		case f.Count > 1:
			s += fmt.Sprintf(" (%d times, %s to %s)", f.Count, stamp(f.First), stamp(f.Last))
		default:
			s += " (" + stamp(f.First) + ")"
		}
		if len(f.Refs) > 0 {
			s += ", see " + f.Refs[0].Path
		}
		sentences = appendNew(sentences, s+".")
	}
	return sentences
}
