package page

import (
	"fmt"
	"io"
	"strings"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// Text writes the report for a terminal: what must be known first, a line for
// every host when there are several, then for each host its answers, what to do
// now, its installations, its findings, and what could not be seen.
func Text(w io.Writer, r *report.Report, look Look) error {
	return sheets(w, r, look, (*sheet).host)
}

// sheets writes what stands above and between the hosts of a report, and each host
// as one says.
func sheets(w io.Writer, r *report.Report, look Look, one func(*sheet, *report.Report, *report.Host)) error {
	p := newSheet(w, look)
	p.text("", bold, title(r))
	p.notes(r)
	if len(r.Hosts) > 1 {
		p.table(r)
	}
	for i := range r.Hosts {
		one(p, r, &r.Hosts[i])
	}
	if len(r.Hosts) == 0 {
		p.heading("Nothing was examined, so nothing was answered.")
	}
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("page: text: %w", err)
	}
	return nil
}

func title(r *report.Report) string {
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

// note is what belongs on the first screen whatever the answers are.
type note struct {
	Grave bool
	Text  string
}

func (p *sheet) notes(r *report.Report) {
	for _, n := range notes(r) {
		c := yellow
		if n.Grave {
			c = red
		}
		p.text("! ", c, n.Text)
	}
}

// mostRefused is how many refusals stand above the answers.
const mostRefused = 5

func notes(r *report.Report) (all []note) {
	if r.Run.Cancelled {
		all = append(all, note{true, "Cancelled: this report is partial. What was not yet read is listed below as not seen, and makes answers unknown."})
	}
	if r.Unknown() != "" {
		all = append(all, note{true, "Written by a newer postern: what stands in " + r.Unknown() + " is not shown here. Update postern to see it."})
	}
	for _, limit := range r.Run.Limits {
		all = append(all, note{false, "Limit hit: " + limit})
	}
	for i, refused := range r.Tool.Refused {
		if more := len(r.Tool.Refused) - i; i == mostRefused && more > 1 {
			all = append(all, note{false, fmt.Sprintf("%d more rules, files or entries were refused; tool.refused of the JSON report names each.", more)})
			break
		}
		all = append(all, note{false, "Rule refused: " + refused})
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Elevated != nil && !*t.Elevated {
			lost := ""
			if n := countMissed(t, evidence.Unelevated, evidence.Unreadable); n > 0 {
				lost = fmt.Sprintf(" %d could not be read for it or for other reasons; they are listed below.", n)
			}
			all = append(all, note{true, "Not elevated on " + name(t) + ": run as root or administrator to see everything." + lost})
		}
		if lost := refusedByAntivirus(t); lost > 0 {
			all = append(all, note{true, fmt.Sprintf("Antivirus refused %d reads on %s: look at its history and quarantine.", lost, name(t))})
		}
		if t.Partial {
			all = append(all, note{false, name(t) + " is a selection: what is missing from it was not collected, and is not taken for absent."})
		}
	}
	return all
}

func name(t *report.Target) string {
	if t.Host != "" {
		return t.Host
	}
	return t.Target
}

func countMissed(t *report.Target, reasons ...evidence.Reason) (n int) {
	for _, c := range t.Coverage {
		for _, reason := range reasons {
			if c.Missed != nil && strings.HasPrefix(*c.Missed, string(reason)) {
				n++
			}
		}
	}
	return n
}

func refusedByAntivirus(t *report.Target) (n int) {
	for _, c := range t.Coverage {
		if c.Missed != nil && strings.Contains(*c.Missed, "antivirus") {
			n++
		}
	}
	return n
}

// table has one line for each host, and a sum in which no single no can pass
// for a no of all.
func (p *sheet) table(r *report.Report) {
	p.heading(fmt.Sprintf("%d hosts", len(r.Hosts)))
	p.text("  exposed      ", plain, tally(r, exposedOf))
	p.text("  compromised  ", plain, tally(r, compromisedOf))
	p.blank()
	first := p.look.Width - 60
	p.write("  " + pad("HOST", first) + " " + pad("BUILD", 8) + " " + pad("EXPOSED", 12) + " " + pad("COMPROMISED", 12) + " " + pad("READING", 16) + " GAPS\n")
	for i := range r.Hosts {
		h := &r.Hosts[i]
		exposed, c := h.Answers.Exposed.Answer, &h.Answers.Compromised
		p.write("  " + pad(h.Host, first) + " " + pad(builds(r, h), 8) + " " +
			p.paint(pad(answerWord(exposed), 12), answerColour(exposed)) + " " +
			p.paint(pad(answerWord(c.Answer), 12), answerColour(c.Answer)) + " " +
			pad(shortReading(c.Reading), 16) + fmt.Sprintf(" %4d\n", len(gapRows(r, h))))
	}
	p.heading("What to do first")
	for _, f := range firstSteps(r) {
		p.text("  - ", bold, f.Step)
		p.text("    on: ", faint, f.Who)
	}
}

// shortReading is a reading that fits into a column.
func shortReading(reading verdict.Reading) string {
	if reading == verdict.OpenAttempt {
		return "outcome open"
	}
	return string(reading)
}

// builds names the builds of a host, the lowest first; those of copies that
// nothing runs only where there is nothing else.
func builds(r *report.Report, h *report.Host) string {
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

// head names a host and its targets.
func (p *sheet) head(r *report.Report, h *report.Host) {
	p.blank()
	p.write(p.paint(strings.Repeat("-", p.look.Width), faint) + "\n")
	for n, i := range h.Targets {
		t := &r.Targets[i]
		lead := strings.Repeat(" ", columns(report.Escape(h.Host))+2)
		switch {
		case columns(lead) > p.look.Width/2: // a path, which leaves no room beside it
			if lead = "  "; n == 0 {
				p.text(h.Host, bold, "")
			}
		case n == 0:
			lead = h.Host + "  "
		}
		p.text(lead, bold, describe(t, h.Host))
	}
	p.blank()
}

// host writes everything about one host.
func (p *sheet) host(r *report.Report, h *report.Host) {
	p.head(r, h)
	p.answers(&h.Answers)
	if said := perTarget(r, h); said != nil {
		p.blank()
		for _, text := range said {
			p.text("  ", plain, text)
		}
	}
	p.advice(r, h)
	p.why(&h.Answers)
	p.installations(h, installations(r, h))
	p.findings(r, h)
	p.series(r, h)
	p.gaps(r, h)
}

func describe(t *report.Target, host string) string {
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
func (p *sheet) answers(a *report.Answers) {
	for _, row := range answerRows(a) {
		label := strings.ToUpper(row.Label)
		if row.Part {
			label = "  " + row.Label
		}
		said := row.Text
		if row.Read != verdict.Untouched {
			said = string(row.Read) + ". " + said
		}
		p.text(pad(label, 13)+pad(answerWord(row.Answer), 14), answerColour(row.Answer), said)
	}
}

// why writes the reasons that the one sentence of each answer left out.
func (p *sheet) why(a *report.Answers) {
	rows := whyRows(a)
	if len(rows) > 0 {
		p.heading("Why")
	}
	for _, row := range rows {
		p.text("  "+pad(row.Label, 9), plain, row.Text)
	}
}
