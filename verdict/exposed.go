package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// exposed: is there an installation that a known CVE affects? A yes outranks
// every gap; a no is earned by reading the build of every installation on a
// source that was walked whole, with packs young enough to speak.
func (j judge) exposed() Part {
	gaps := gapsOf(j.cover, evidence.Exposed)
	p := Part{Gaps: listGaps(gaps)}
	var deciding []evidence.Coverage
	for _, g := range gaps {
		if !j.onlyAid(g) {
			deciding = append(deciding, g)
		}
	}
	live := slices.DeleteFunc(slices.Clone(j.installs), func(i Installation) bool { return i.Role == evidence.Copy })
	for _, i := range live {
		if s := i.AffectedBy(); s != "" {
			p.Answer, p.Because = Yes, append(p.Because, s)
		}
	}
	switch {
	case p.Answer == Yes:
	case len(live) == 0:
		p.Answer, p.Because = j.nothingInstalled(deciding)
	default:
		p.Answer, p.Because = j.notAffected(live, deciding)
		if p.Answer == Unknown && len(p.Gaps) == 0 {
			p.Gaps = slices.Clone(p.Because) // an unknown always lists what is missing
		}
	}
	return p
}

// onlyAid reports a gap that is listed and decides nothing: a discovery aid
// (a hive, a unit folder) that is not there, on a source that is whole.
func (j judge) onlyAid(g evidence.Coverage) bool {
	aid := g.Kind == evidence.CoverHive || g.Kind == evidence.CoverState || g.Kind == evidence.CoverFile
	return aid && g.Missed.Reason == evidence.Absent && !j.asked.Partial
}

// nothingInstalled answers when no installation but copies was found.
func (j judge) nothingInstalled(gaps []evidence.Coverage) (Answer, []string) {
	packs := j.packNames()
	switch {
	case len(j.installs) > 0:
		return Unknown, []string{"Only copies were found that nothing runs; the installation they belong to was not seen."}
	case j.asked.Kind == evidence.KindLogs:
		return NotExamined, []string{"Logs say nothing of the installed build."}
	case gaps != nil:
		return Unknown, []string{"No installation was found, but not everything could be looked at."}
	case !seen(j.cover, evidence.Exposed):
		return Unknown, []string{"Nothing was looked at that could show an installation."}
	case j.asked.Kind == evidence.KindURL || j.asked.Kind == evidence.KindNetwork:
		return NotExamined, []string{fmt.Sprintf("What answers here is no product that the loaded packs know (%s).", packs)}
	case j.asked.Kind == evidence.KindHost && j.asked.Live && !j.asked.Partial:
		return NoneSeen, []string{fmt.Sprintf("No installation was found in the files or the running state of this host (%s).", packs)}
	}
	return Unknown, []string{"No installation was found, but other volumes and the running state were not seen."}
}

// notAffected answers when no installation is known to be affected.
func (j judge) notAffected(live []Installation, gaps []evidence.Coverage) (Answer, []string) {
	var doubts []string
	for _, i := range live {
		if s := i.undecided(); s != "" {
			doubts = append(doubts, s)
		}
	}
	for _, p := range j.asked.Packs {
		if age := j.asked.Now.Sub(p.Date); j.asked.MaxAge > 0 && age > j.asked.MaxAge {
			doubts = append(doubts, fmt.Sprintf("Pack %s %s of %s is %d days old, too old to say that nothing newer affects this build; update it.",
				p.ID, p.Revision, p.Date.UTC().Format(time.DateOnly), int(age.Hours()/24)))
		}
	}
	if len(j.asked.Packs) == 0 {
		doubts = append(doubts, "No pack says which CVEs there are.")
	}
	if j.asked.Partial {
		doubts = append(doubts, "The source is a selection; other installations may not have been collected.")
	}
	if !seen(j.cover, evidence.Exposed) {
		doubts = append(doubts, "Nothing says that the source was looked through for other installations.")
	}
	if gaps != nil {
		doubts = append(doubts, "Not everything that could hold an installation could be looked at.")
	}
	if doubts != nil {
		return Unknown, appendNew(nil, doubts...)
	}
	var because []string
	for _, i := range live {
		because = append(because, fmt.Sprintf("%s is fixed for all %s known to %s; %s.", i.String(), count(len(i.Vulnerabilities), "CVE"), j.packNames(), i.behind()))
	}
	return No, because
}

// packNames writes what a no holds for: "pack smartermail 2026.11.1 of 2026-11-20".
func (j judge) packNames() string {
	var names []string
	for _, p := range j.asked.Packs {
		names = append(names, fmt.Sprintf("pack %s %s of %s", p.ID, p.Revision, p.Date.UTC().Format(time.DateOnly)))
	}
	if names == nil {
		return "no pack"
	}
	return strings.Join(names, " and ")
}

// String names an installation: "SmarterMail build 9406 at C/SmarterMail".
func (i *Installation) String() string {
	name := i.Name
	if name == "" {
		name = i.Product
	}
	switch {
	case i.Build > 0:
		name += fmt.Sprintf(" build %d", i.Build)
	case i.Version != "":
		name += " " + i.Version
	default:
		name += " of unknown build"
	}
	return name + " at " + i.Path
}

// With returns the CVEs of one status, in the pack's order: KEV entries first.
func (i *Installation) With(s Status) []Vulnerability {
	return slices.DeleteFunc(slices.Clone(i.Vulnerabilities), func(v Vulnerability) bool { return v.Status != s })
}

// AffectedBy is the sentence that names the CVEs an installation is affected
// by, "" when none is known to be.
func (i *Installation) AffectedBy() string {
	hit := i.With(Affected)
	if len(hit) == 0 {
		return ""
	}
	s := i.String() + " is affected by " + hit[0].ID + hit[0].marks()
	if more := len(hit) - 1; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
		if kev := len(slices.DeleteFunc(slices.Clone(hit[1:]), func(v Vulnerability) bool { return !v.KEV })); kev > 0 {
			s += fmt.Sprintf(" (%d of them in KEV)", kev)
		}
	}
	return s + "; " + fixedIn(hit) + "."
}

// fixedIn says which build ends it all, and names a CVE that no source states
// one for.
func fixedIn(hit []Vulnerability) string {
	fixed, open := 0, ""
	for _, v := range hit {
		if fixed = max(fixed, v.FixedBuild); v.FixedBuild == 0 && open == "" {
			open = v.ID
		}
	}
	switch {
	case fixed == 0:
		return "no fixed build is known for " + open
	case open != "":
		return fmt.Sprintf("fixed in %d, but no source states a first fixed build for %s", fixed, open)
	case len(hit) > 1:
		return fmt.Sprintf("all fixed in %d", fixed)
	}
	return fmt.Sprintf("fixed in %d", fixed)
}

func (v Vulnerability) marks() string {
	switch {
	case v.KEV && v.Ransomware:
		return " (KEV, ransomware)"
	case v.KEV:
		return " (KEV)"
	}
	return ""
}

// undecided is the sentence that says why an installation earns no no, "" when
// it does.
func (i *Installation) undecided() string {
	open := i.With(StatusUnknown)
	switch {
	case len(i.Vulnerabilities) == 0:
		return i.String() + " could not be held against any CVE."
	case len(open) == 0:
		return ""
	case i.BuildWhy != "":
		return fmt.Sprintf("%s: not known whether it is affected by %s; %s.", i.String(), count(len(open), "CVE"), strings.TrimSuffix(i.BuildWhy, "."))
	}
	return fmt.Sprintf("%s: not known whether it is affected by %s.", i.String(), count(len(open), "CVE"))
}

func (i *Installation) behind() string {
	if i.Behind < 0 {
		return "how far it is behind the latest build is not known"
	}
	return count(i.Behind, "security build") + " behind the latest known"
}
