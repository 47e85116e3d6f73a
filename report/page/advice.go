package page

import (
	"fmt"
	"slices"
	"strings"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// advice writes what to do now, in an order that keeps the evidence: whoever
// updates first overwrites what would have told.
func (p *sheet) advice(r *report.Report, h *report.Host) {
	p.heading("What to do now")
	for i, step := range steps(r, h) {
		p.text(fmt.Sprintf("  %d. ", i+1), bold, step)
	}
}

// firstStep is what several hosts need first.
type firstStep struct{ Who, Step string }

// firstSteps groups hosts by what is to be done first on each, in the order of
// worstFirst.
func firstSteps(r *report.Report) (all []firstStep) {
	const most = 8
	at := map[string]int{}
	hosts := [][]string{}
	for _, i := range worstFirst(r) {
		step := steps(r, &r.Hosts[i])[0]
		n, known := at[step]
		if !known {
			n = len(all)
			at[step] = n
			all, hosts = append(all, firstStep{Step: step}), append(hosts, nil)
		}
		hosts[n] = append(hosts[n], r.Hosts[i].Host)
	}
	for n, who := range hosts {
		all[n].Who = strings.Join(who[:min(len(who), most)], ", ")
		if left := len(who) - most; left > 0 {
			all[n].Who += fmt.Sprintf(" and %d more", left)
		}
	}
	return all
}

func steps(r *report.Report, h *report.Host) []string {
	exposed, compromised := h.Answers.Exposed.Answer, h.Answers.Compromised.Answer
	all := installations(r, h)
	if exposed == verdict.NotExamined && compromised == verdict.NotExamined {
		return []string{"No question was answered here: either none was asked that this target can answer, or what is here is not the product. Make sure that it is what you meant."}
	}
	if !slices.ContainsFunc(h.Targets, func(i int) bool { return r.Targets[i].Looked() }) {
		do := closeGaps(r, h)
		if do == nil {
			do = []string{"Nothing was examined here. Find the machine and run postern on it, on its image, or on its address."}
		}
		return append(do, "Until then treat it as exposed: take webmail and the API off the internet.")
	}
	var do []string
	switch {
	case compromised == verdict.Yes:
		do = suspected(exposed, all)
	case h.Answers.Compromised.Reading == verdict.Suspected:
		do = append([]string{"Treat this host as entered until a person has looked at the findings below."}, suspected(exposed, all)...)
	case exposed == verdict.Yes:
		do = []string{
			"Take webmail and the API off the internet now: allow their ports from an administrators' network only. The mail ports may stay open.",
			"Spend a few minutes on collecting before anything changes: the whole log folder, web server logs, settings, processes and connections, to another machine.",
			"Take a backup or a snapshot, one you can roll back to.",
			updateTo(all),
			"Smoke test: send, receive, log in; read the build again from disk and from the running page.",
		}
		if compromised == verdict.Unknown {
			do = append(do, "Whether somebody came in before the update is not settled: close the gaps below and run this again.")
		}
	case len(all) == 0 && exposed == verdict.NoneSeen:
		do = []string{"No installation was found here. Make sure that this is the machine you meant, and check the forgotten ones: test, backup and disaster recovery machines, templates."}
	case exposed == verdict.No:
		do = fixed(compromised)
	}
	if exposed == verdict.Unknown || compromised == verdict.Unknown {
		ways := closeGaps(r, h)
		if ways == nil {
			ways = []string{"Close the gaps listed below, then run this again."}
		}
		do = append(do, ways...)
	}
	if exposed == verdict.NotExamined && h.Answers.Compromised.Reading == verdict.OpenAttempt {
		do = append(do, "Run postern check on the host or its image: which build ran there tells whether the attempts could work.")
	}
	if exposed == verdict.Unknown {
		do = append(do, "Until the build is known, treat this host as exposed: take webmail and the API off the internet.")
	}
	if compromised == verdict.NotExamined && exposed != verdict.NoneSeen {
		do = append(do, "This says nothing about compromise: run postern on the host itself, on its disk image or on its logs.")
	}
	if len(do) == 0 {
		do = append(do, "Nothing urgent follows from this report. Keep it: it says what was true at this time.")
	}
	return do
}

func suspected(exposed verdict.Answer, all []report.Installation) []string {
	do := []string{
		"Isolate the host on the network, both from the internet and from its neighbours. Do not power it off: memory and processes are evidence.",
		"Collect before anything changes, to another machine: memory if you can, processes and connections, the whole log folder before it rotates, web server logs, settings, web folders; of a virtual machine a snapshot with memory.",
	}
	if exposed == verdict.Yes || exposed == verdict.Unknown {
		do = append(do, "Only then: "+lowerFirst(updateTo(all)))
	}
	return append(do,
		"Look at every machine this one can reach, the directory and the backups first.",
		"From a clean machine, and announced by other means than this mail server: change every password, token and key this host held or saw.",
		"Rebuild rather than clean: what ran here ran with the rights of the system.")
}

func fixed(compromised verdict.Answer) []string {
	switch compromised {
	case verdict.NoneSeen:
		return []string{"The build is fixed and nothing was seen. Keep this report, and watch for two weeks after the update: intruders waited for days before they acted."}
	case verdict.NotExamined:
		return nil
	}
	return []string{"The build is fixed, but an update removes no intruder who is already inside: look for a compromise that is older than the update."}
}

// updateTo names the build to go to: beyond every fix known to be missing.
func updateTo(all []report.Installation) string {
	highest := 0
	for _, in := range all {
		for _, v := range in.Vulnerabilities {
			if v.Status != verdict.Fixed && v.FixedBuild != nil {
				highest = max(highest, *v.FixedBuild)
			}
		}
	}
	if highest == 0 {
		return "Update to the latest build."
	}
	return fmt.Sprintf("Update every installation to the latest build; below %d known holes stay open.", highest)
}

// closeGaps says what would settle an unknown, by what is in the way; nil when
// nothing general can be said.
func closeGaps(r *report.Report, h *report.Host) []string {
	ways := []struct {
		reason evidence.Reason
		way    string
	}{
		{evidence.Unelevated, "Run postern again as root or administrator."},
		{evidence.Cancelled, "Run postern again and let it end: this run was cut short."},
		{evidence.NotCollected, "Collect again with the missing folders, or examine the host or a full image."},
		{evidence.Absent, "Find what must be here and is not: logs of that kind, a folder, a program. What that is stands among what could not be seen."},
		{evidence.Hole, "Look for the missing log days: backups, archives, a log server, the recycle bin. Ask who took them away."},
		{evidence.TooShort, "Fetch older logs from backups, archives or a log server; lengthen retention now, before more of them go."},
		{evidence.LowLevel, "Set the log level to detailed now; what was not logged will not come back."},
		{evidence.Proxied, "Name your reverse proxies with --proxy if their requests name clients; else read the proxies' own logs, and have X-Forwarded-For logged from now on."},
		{evidence.NoZone, "Name the host's time zone with --time-zone."},
		{evidence.Encrypted, "Examine a decrypted copy."},
		{evidence.Unanswered, "Make sure the address is right and reachable from here, or examine the host itself."},
		{evidence.NoBuild, "Read the build on the host itself: run postern there."},
		{evidence.Unreadable, "Make the unreadable files readable, and find out what refused them."},
		{evidence.Truncated, "Look for whole copies of the files that were cut short."},
		{evidence.Narrowed, "Run again without the options that left something out."},
	}
	rows := gapRows(r, h)
	var do []string
	for _, w := range ways {
		for _, g := range rows {
			if g.reason == string(w.reason) && (g.parts != "" || w.reason != evidence.Absent) {
				do = append(do, w.way)
				break
			}
		}
	}
	if guessedEnd(r, h) {
		do = append(do, "Say with --as-of when the evidence was taken: without it nobody can tell whether logs are missing at its end.")
	}
	return do
}

// guessedEnd reports whether the answer for then is open because nothing says when
// the evidence was taken.
func guessedEnd(r *report.Report, h *report.Host) bool {
	return h.Answers.Compromised.Then.Answer == verdict.Unknown && slices.ContainsFunc(h.Targets, func(i int) bool {
		return slices.Contains([]string{verdict.WhyNewest, verdict.WhyLogged, verdict.WhyNothing}, r.Targets[i].AsOfWhy)
	})
}

func lowerFirst(s string) string {
	return string(s[0]|0x20) + s[1:]
}
