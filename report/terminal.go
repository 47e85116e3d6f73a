package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"postern/evidence"
	"postern/verdict"
)

// Print writes the report for a person: what must be known first, a line for
// every host when there are several, then for each host its answers, what to do
// now, its installations, its findings, and what could not be seen.
func Print(w io.Writer, r *Report, look Look) error {
	p := newPage(w, look)
	p.text("", bold, title(r))
	p.notes(r)
	if len(r.Hosts) > 1 {
		p.table(r)
	}
	for i := range r.Hosts {
		p.host(r, &r.Hosts[i])
	}
	if len(r.Hosts) == 0 {
		p.heading("Nothing was examined, so nothing was answered.")
	}
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("report: print: %w", err)
	}
	return nil
}

func title(r *Report) string {
	packs := make([]string, 0, len(r.Tool.Packs))
	for _, k := range r.Tool.Packs {
		packs = append(packs, k.ID+" "+k.Revision)
	}
	text := "Postern " + r.Tool.Version
	if len(packs) > 0 {
		text += ", pack " + strings.Join(packs, ", ")
	}
	return text
}

// notes are what belongs on the first screen whatever the answers are.
func (p *page) notes(r *Report) {
	if r.Run.Cancelled {
		p.text("! ", red, "Cancelled: this report is partial. What was not yet read is listed below as not seen, and makes answers unknown.")
	}
	for _, limit := range r.Run.Limits {
		p.text("! ", yellow, "Limit hit: "+limit)
	}
	for _, refused := range r.Tool.Refused {
		p.text("! ", yellow, "Rule refused: "+refused)
	}
	for _, t := range r.Targets {
		if t.Elevated != nil && !*t.Elevated {
			lost := ""
			if n := countMissed(&t, evidence.Unelevated, evidence.Unreadable); n > 0 {
				lost = fmt.Sprintf(" %d could not be read for it or for other reasons; they are listed below.", n)
			}
			p.text("! ", red, "Not elevated on "+name(&t)+": run as root or administrator to see everything."+lost)
		}
		if lost := refusedByAntivirus(&t); lost > 0 {
			p.text("! ", red, fmt.Sprintf("Antivirus refused %d reads on %s: look at its history and quarantine.", lost, name(&t)))
		}
		if t.Partial {
			p.text("! ", yellow, name(&t)+" is a selection: what is missing from it was not collected, and is not taken for absent.")
		}
	}
}

func name(t *Target) string {
	if t.Host != "" {
		return t.Host
	}
	return t.Target
}

func countMissed(t *Target, reasons ...evidence.Reason) (n int) {
	for _, c := range t.Coverage {
		for _, reason := range reasons {
			if c.Missed != nil && strings.HasPrefix(*c.Missed, string(reason)) {
				n++
			}
		}
	}
	return n
}

func refusedByAntivirus(t *Target) (n int) {
	for _, c := range t.Coverage {
		if c.Missed != nil && strings.Contains(*c.Missed, "antivirus") {
			n++
		}
	}
	return n
}

// table has one line for each host, and a sum in which no single no can pass
// for a no of all.
func (p *page) table(r *Report) {
	p.heading(fmt.Sprintf("%d hosts", len(r.Hosts)))
	p.text("  exposed      ", plain, tally(r, func(a *Answers) verdict.Answer { return a.Exposed.Answer }))
	p.text("  compromised  ", plain, tally(r, func(a *Answers) verdict.Answer { return a.Compromised.Answer }))
	p.blank()
	first := p.look.Width - 51
	p.write("  " + pad("HOST", first) + " " + pad("BUILD", 11) + " " + pad("EXPOSED", 13) + " " + pad("COMPROMISED", 13) + " GAPS\n")
	for _, h := range r.Hosts {
		exposed, compromised := h.Answers.Exposed.Answer, h.Answers.Compromised.Answer
		p.write("  " + pad(h.Host, first) + " " + pad(builds(r, &h), 11) + " " +
			p.paint(pad(answerWord(exposed), 13), answerColour(exposed)) + " " +
			p.paint(pad(answerWord(compromised), 13), answerColour(compromised)) +
			fmt.Sprintf(" %4d\n", len(gapRows(r, &h))))
	}
}

func tally(r *Report, of func(*Answers) verdict.Answer) string {
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

// builds names the builds of a host, the lowest first; those of copies that
// nothing runs only where there is nothing else.
func builds(r *Report, h *Host) string {
	low, more := 0, 0
	all := installations(r, h)
	for _, in := range all {
		switch {
		case in.Role == evidence.Copy && all[0].Role != evidence.Copy:
		case in.Build == nil:
			more++
		case low == 0:
			low = *in.Build
		case *in.Build != low:
			low = min(low, *in.Build)
			more++
		}
	}
	switch {
	case low == 0 && more == 0:
		return "-"
	case low == 0:
		return "?"
	case more > 0:
		return fmt.Sprintf("%d +%d", low, more)
	}
	return fmt.Sprint(low)
}

// host writes everything about one host.
func (p *page) host(r *Report, h *Host) {
	p.blank()
	p.write(p.paint(strings.Repeat("-", p.look.Width), faint) + "\n")
	for n, i := range h.Targets {
		t := &r.Targets[i]
		lead := strings.Repeat(" ", columns(escape(h.Host))+2)
		if n == 0 {
			lead = h.Host + "  "
		}
		p.text(lead, bold, describe(t, h.Host))
	}
	p.blank()
	p.answers(&h.Answers)
	if len(h.Targets) > 1 {
		p.perTarget(r, h)
	}
	p.advice(r, h)
	p.why(&h.Answers)
	p.installations(installations(r, h))
	p.findings(r, h)
	p.gaps(r, h)
}

func describe(t *Target, host string) string {
	said := []string{string(t.Kind)}
	if t.Target != host && t.Target != "" {
		said[0] += " " + t.Target
	}
	if t.OS != "" {
		said = append(said, string(t.OS))
	}
	if t.TimeZone != "" {
		said = append(said, "times "+t.TimeZone)
	}
	if t.AsOf != nil {
		as := "as of " + minute(*t.AsOf)
		if t.AsOfWhy != "" {
			as += " (" + t.AsOfWhy + ")"
		}
		said = append(said, as)
	}
	return strings.Join(said, ", ")
}

// answers writes one sentence for each question, the reason first.
func (p *page) answers(a *Answers) {
	p.answer("EXPOSED", a.Exposed, sentence(a.Exposed, exposedSays))
	whole := compromisedSays[a.Compromised.Answer]
	if a.Compromised.Answer == verdict.NotExamined {
		whole = sentence(a.Compromised.Now, compromisedSays)
	}
	p.answer("COMPROMISED", a.Compromised.Part, whole)
	if a.Compromised.Answer != verdict.NotExamined {
		p.answer("  now", a.Compromised.Now, sentence(a.Compromised.Now, nowSays))
		p.answer("  then", a.Compromised.Then, sentence(a.Compromised.Then, thenSays)+days(&a.Compromised))
	}
	p.answer("REACHABLE", a.Reachable, sentence(a.Reachable, nil))
	p.answer("UNPREPARED", a.Unprepared, sentence(a.Unprepared, nil))
}

func (p *page) answer(label string, part Part, text string) {
	p.text(pad(label, 13)+pad(answerWord(part.Answer), 14), answerColour(part.Answer), text)
}

// why writes the reasons that the one sentence of each answer left out.
func (p *page) why(a *Answers) {
	head := false
	for _, q := range []struct {
		label string
		part  Part
	}{{"exposed", a.Exposed}, {"now", a.Compromised.Now}, {"then", a.Compromised.Then}} {
		for _, because := range q.part.Because[min(1, len(q.part.Because)):] {
			if !head {
				p.heading("Why")
				head = true
			}
			p.text("  "+pad(q.label, 9), plain, because)
		}
	}
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
)

func sentence(part Part, otherwise map[verdict.Answer]string) string {
	if len(part.Because) > 0 {
		return part.Because[0]
	}
	return otherwise[part.Answer]
}

func days(c *Compromise) string {
	if c.DaysRequired == 0 || c.Then.Answer == verdict.NotExamined {
		return ""
	}
	return fmt.Sprintf(" Logs cover %d of %d days.", c.DaysCovered, c.DaysRequired)
}

// perTarget shows what each target of a host says, where they may contradict.
func (p *page) perTarget(r *Report, h *Host) {
	p.blank()
	for _, i := range h.Targets {
		a := &r.Targets[i].Answers
		said := fmt.Sprintf("%s: exposed %s, compromised %s", r.Targets[i].Target, answerWord(a.Exposed.Answer), answerWord(a.Compromised.Answer))
		if a.Compromised.Answer != verdict.NotExamined {
			said += fmt.Sprintf(" (now %s, then %s)", answerWord(a.Compromised.Now.Answer), answerWord(a.Compromised.Then.Answer))
		}
		p.text("  ", plain, said)
	}
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func day(t *time.Time) string {
	if t == nil {
		return "?"
	}
	return t.UTC().Format("2006-01-02")
}
