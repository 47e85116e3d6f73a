package page

import (
	"fmt"
	"strings"

	"postern/report"
	"postern/verdict"
)

// answerRow is one answer in one sentence.
type answerRow struct {
	Label  string // "Exposed", "now"
	Part   bool   // now or then of the answer above it
	Answer verdict.Answer
	Read   verdict.Reading // of compromised
	Text   string
}

// answerRows gives the four answers, now and then below compromised.
func answerRows(a *report.Answers) []answerRow {
	c := &a.Compromised
	whole := compromisedSays[c.Answer]
	if c.Answer == verdict.NotExamined {
		whole = sentence(c.Now, compromisedSays)
	}
	if c.Reading != verdict.Untouched {
		whole = readingSays[c.Reading] + " " + whole
		if c.Answer == verdict.Yes {
			whole = readingSays[c.Reading]
		}
	}
	rows := []answerRow{
		{"Exposed", false, a.Exposed.Answer, "", sentence(a.Exposed, exposedSays)},
		{"Compromised", false, c.Answer, c.Reading, strings.TrimSpace(whole)},
	}
	if c.Answer != verdict.NotExamined {
		rows = append(rows,
			answerRow{"now", true, c.Now.Answer, "", sentence(c.Now, nowSays)},
			answerRow{"then", true, c.Then.Answer, "", sentence(c.Then, thenSays) + days(c)})
	}
	return append(rows,
		answerRow{"Reachable", false, a.Reachable.Answer, "", sentence(a.Reachable, nil)},
		answerRow{"Unprepared", false, a.Unprepared.Answer, "", sentence(a.Unprepared, nil)})
}

var (
	exposedSays = map[verdict.Answer]string{
		verdict.Yes: "An installation is below a fixed build.", verdict.Unknown: "What was read does not settle it.",
		verdict.NoneSeen: "No installation was found.", verdict.No: "Every installation is at or above the fixed builds.",
	}
	compromisedSays = map[verdict.Answer]string{
		verdict.Yes:         "Traces of a compromise were found.",
		verdict.Unknown:     "No proof was found, and part of what would show it was not seen.",
		verdict.NoneSeen:    "Everything asked for was read and nothing matched.",
		verdict.No:          "Proven not.",
		verdict.NotExamined: "Nothing here says anything about compromise.",
	}
	nowSays = map[verdict.Answer]string{
		verdict.Yes: "Files or state show it.", verdict.Unknown: "Files or state were not all seen.",
		verdict.NoneSeen: "Files and state were read, and nothing matched.", verdict.NotExamined: "No files or state here.",
	}
	thenSays = map[verdict.Answer]string{
		verdict.Yes: "The logs show it.", verdict.Unknown: "The logs do not cover the whole period.",
		verdict.NoneSeen: "The logs of the whole period were read, and nothing matched.", verdict.NotExamined: "No logs here.",
	}
	readingSays = map[verdict.Reading]string{
		verdict.Entered:     "Proof stands among the findings.",
		verdict.Suspected:   "A person has to look at the findings.",
		verdict.OpenAttempt: "Somebody tried what the build was, or may have been, affected by.",
		verdict.KnockedAt:   "Only scans, and attempts on what was proven fixed.",
	}
)

func sentence(part report.Part, otherwise map[verdict.Answer]string) string {
	if len(part.Because) > 0 {
		return part.Because[0]
	}
	return otherwise[part.Answer]
}

func days(c *report.Compromise) string {
	if c.DaysRequired == 0 || c.Then.Answer == verdict.NotExamined {
		return ""
	}
	return fmt.Sprintf(" Logs cover %d of %d days.", c.DaysCovered, c.DaysRequired)
}

// whyRow is a reason that the one sentence of an answer left out.
type whyRow struct{ Label, Text string }

func whyRows(a *report.Answers) (rows []whyRow) {
	for _, q := range []struct {
		label string
		part  report.Part
	}{{"exposed", a.Exposed}, {"now", a.Compromised.Now}, {"then", a.Compromised.Then}} {
		for _, because := range q.part.Because[min(1, len(q.part.Because)):] {
			rows = append(rows, whyRow{q.label, because})
		}
	}
	return rows
}

// headline says what a host's answers come to in a breath: whether somebody
// got in, then whether the door is still open.
func headline(a *report.Answers) string {
	said := []string{entrySays(&a.Compromised), doorSays[a.Exposed.Answer]}
	return strings.TrimSpace(strings.Join(said, " "))
}

var doorSays = map[verdict.Answer]string{
	verdict.Yes:      "It is open to known attacks.",
	verdict.Unknown:  "Whether it is open to known attacks is not settled.",
	verdict.NoneSeen: "No installation was found.",
	verdict.No:       "Its build is fixed.",
}

func entrySays(c *report.Compromise) string {
	seen := map[verdict.Reading]string{
		verdict.Entered:     "Somebody got in.",
		verdict.Suspected:   "Somebody may have got in.",
		verdict.OpenAttempt: "Somebody tried to get in; whether it worked is open.",
		verdict.KnockedAt:   "Somebody knocked, and nothing shows that anyone got in.",
		verdict.Untouched:   "Nothing shows a break-in.",
	}[c.Reading]
	switch c.Answer {
	case verdict.Yes:
		if c.Reading == verdict.Untouched { // a report from before readings
			return "Traces of a break-in were found."
		}
		return "Somebody got in."
	case verdict.NotExamined:
		return "Whether anyone got in was not examined."
	case verdict.Unknown:
		if c.Reading == verdict.KnockedAt || c.Reading == verdict.Untouched {
			return strings.TrimSuffix(seen, ".") + ", but not all was seen."
		}
	}
	return seen
}

// tally counts the hosts by one answer, the worst first, so that no single no
// can pass for a no of all.
func tally(r *report.Report, of func(*report.Answers) verdict.Answer) string {
	var said []string
	for _, a := range []verdict.Answer{verdict.Yes, verdict.Unknown, verdict.NoneSeen, verdict.No, verdict.NotExamined} {
		n := 0
		for i := range r.Hosts {
			if of(&r.Hosts[i].Answers) == a {
				n++
			}
		}
		if n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, answerWord(a)))
		}
	}
	return strings.Join(said, ", ")
}

func exposedOf(a *report.Answers) verdict.Answer     { return a.Exposed.Answer }
func compromisedOf(a *report.Answers) verdict.Answer { return a.Compromised.Answer }

// perTarget is what each target of a host says, where they may contradict.
func perTarget(r *report.Report, h *report.Host) (said []string) {
	if len(h.Targets) < 2 {
		return nil
	}
	for _, i := range h.Targets {
		c, a := &r.Targets[i].Answers.Compromised, &r.Targets[i].Answers
		text := fmt.Sprintf("%s: exposed %s, compromised %s", r.Targets[i].Target, answerWord(a.Exposed.Answer), answerWord(c.Answer))
		if c.Answer != verdict.NotExamined {
			text += fmt.Sprintf(" (now %s, then %s)", answerWord(c.Now.Answer), answerWord(c.Then.Answer))
		}
		if c.Reading != verdict.Untouched {
			text += ", " + string(c.Reading)
		}
		said = append(said, text)
	}
	return said
}

// answerWord is an answer as printed: a yes and an unknown must not be
// overlooked where there is no colour.
func answerWord(a verdict.Answer) string {
	switch a {
	case verdict.Yes:
		return "YES"
	case verdict.Unknown:
		return "UNKNOWN"
	case verdict.NotExamined:
		return "not examined"
	case verdict.NoneSeen:
		return "none seen"
	}
	return string(a)
}
