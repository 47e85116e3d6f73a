package verdict

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
)

// HoleRule is the rule of the finding for days missing from a series of logs.
const HoleRule = "log-day-missing"

// mostRanges is how many ranges of missing days one gap spells out.
const mostRanges = 10

// FindingID is the stable identity of a finding: its rule and first reference.
func FindingID(rule string, first evidence.Ref) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + first.Path + "\x00" + string(first.Unit) + "\x00" + strconv.FormatInt(first.At, 10)))
	return hex.EncodeToString(sum[:8])
}

// series is the logs of one family in one directory.
type series struct {
	name     string // Coverage.Family
	format   evidence.LogFormat
	count    int64
	from, to time.Time
	sound    map[evidence.Day]bool   // vouched for by files read whole
	named    map[evidence.Day]string // a file of that day, whole or not
	hours    map[evidence.Day]uint32 // vouched for by logs of single hours
	peers    []peersOf               // of each log that counted them
	tally    evidence.Series         // what is counted as rows come
	missed   map[evidence.Reason]map[string]bool
	busy     map[evidence.Day]uint32 // hours with an event
}

// wholeDay is a bit for every hour.
const wholeDay = 1<<24 - 1

// gather sorts log rows into series, by name. A file with a gap vouches for
// no day, and takes away the days it shares with others. A missing time zone
// moves times by hours and takes no record away: the file keeps its day.
func gather(logs []evidence.LogFormat, cover []evidence.Coverage) []*series {
	formats := map[string]evidence.LogFormat{}
	for _, f := range logs {
		formats[f.ID] = f
	}
	broken := map[string]bool{}
	for _, c := range cover {
		if c.Kind == evidence.CoverLog && c.Missed != nil && c.Missed.Reason != evidence.NoZone {
			broken[c.Path] = true
		}
	}
	byName := map[string]*series{}
	for _, c := range cover {
		if c.Kind != evidence.CoverLog || c.Family == "" {
			continue
		}
		s := byName[c.Family]
		if s == nil {
			s = newSeries(c.Family, formats[c.Format])
			byName[c.Family] = s
		}
		s.add(c, broken[c.Path])
	}
	all := slices.Collect(maps.Values(byName))
	for _, s := range all {
		for d, hours := range s.hours {
			if _, known := s.sound[d]; !known && hours == wholeDay {
				s.sound[d] = true
			}
		}
	}
	slices.SortFunc(all, func(a, b *series) int { return strings.Compare(a.name, b.name) })
	return all
}

func (s *series) add(c evidence.Coverage, broken bool) {
	s.note(c)
	if c.Peers != nil {
		s.peers = append(s.peers, peersOf{*c.Peers, c.To})
	}
	if !c.From.IsZero() && (s.from.IsZero() || c.From.Before(s.from)) {
		s.from = c.From
	}
	if c.To.After(s.to) {
		s.to = c.To
	}
	for _, b := range c.Busy {
		s.busy[b.Day] |= b.Hours
	}
	for i, d := range c.Days {
		if p, known := s.named[d]; !known || c.Path < p {
			s.named[d] = c.Path
		}
		if i < len(c.Hours) && !broken {
			s.hours[d] |= c.Hours[i]
			continue
		}
		if sound, known := s.sound[d]; !known || sound {
			s.sound[d] = !broken
		}
	}
}

// family is the name shared by a format's logs in all directories.
func (s *series) family() string { return cmp.Or(s.format.Family, s.name) }

// missing lists the days between the first and the last that no file names.
func (s *series) missing() []evidence.Day {
	if len(s.named) == 0 {
		return nil
	}
	days := slices.Sorted(maps.Keys(s.named))
	var gone []evidence.Day
	for i, d := range days[1:] {
		// File names can claim any year, so what is kept is bounded.
		for m := days[i] + 1; m < d && len(gone) < 100_000; m++ {
			gone = append(gone, m)
		}
	}
	return gone
}

// torn lists the days of which logs of single hours are there, not all of them.
func (s *series) torn() []evidence.Day {
	var days []evidence.Day
	for _, d := range slices.Sorted(maps.Keys(s.hours)) {
		if _, known := s.sound[d]; !known {
			days = append(days, d)
		}
	}
	return days
}

// unbroken reports whether a series lives day by day, so that a day without a
// file stands out. One that writes only now and then does not.
func (s *series) unbroken(gone int) bool { return len(s.named) >= 2 && gone <= len(s.named) }

// lacks reports whether days that no file names are missing from a series, and
// are not those of one that is written now and then.
func (s *series) lacks(gone []evidence.Day) bool {
	return s.format.Daily && len(gone) > 0 && (s.format.Need || s.unbroken(len(gone)))
}

// Families sums up the log rows of cover into one log-family row per family
// and directory, and judges them against their rhythm and the required window:
// days missing from a daily series are a gap and a finding, so are hours without
// an event that chance does not explain (see silence), and a family that
// must be there and is not, or does not span the window, is a gap. The rows
// returned are to be added to cover; cover is not changed.
//
// A hole bears on then where a day of the required window is missing from a
// directory of a needed family, also if another directory has that day: two
// sites are two records, and what one saw the other did not. A hole elsewhere
// is listed all the same.
func Families(asked Asked, logs []evidence.LogFormat, cover []evidence.Coverage) ([]evidence.Coverage, []Finding) {
	if asked.Kind == evidence.KindURL || asked.Kind == evidence.KindNetwork {
		return nil, nil
	}
	all := gather(logs, cover)
	w := requiredDays(asked)
	var rows []evidence.Coverage
	var findings []Finding
	for _, s := range all {
		row := evidence.Coverage{
			Kind: evidence.CoverLogFamily, Path: s.name, Family: s.name, Format: s.format.ID,
			Parts: s.format.Parts | evidence.CompromisedThen, Count: s.count, From: s.from, To: s.to,
		}
		gone := s.missing()
		sum := row
		sum.Series = s.sum(w, gone)
		rows = append(rows, sum)
		rows = append(rows, s.asides(row, w, all)...)
		rows = append(rows, s.proxied(row, w)...)
		if silent, found := s.silence(row, w); silent.Missed != nil {
			rows, findings = append(rows, silent), append(findings, found...)
		}
		if !s.lacks(gone) {
			continue
		}
		row.Count, row.Missed = 0, &evidence.Missed{Reason: evidence.Hole, Detail: count(len(gone), "day") + " missing inside the series: " + spell(gone)}
		if !s.format.Need || !w.holdsAny(gone) {
			row.Parts = 0
		}
		rows = append(rows, row)
		if s.unbroken(len(gone)) {
			findings = append(findings, s.hole(gone))
		}
	}
	if asked.Parts&evidence.CompromisedThen == 0 {
		return rows, findings
	}
	rows = append(rows, shortfalls(asked, logs, all)...)
	rows = append(rows, mixed(asked, cover)...)
	return append(rows, narrowed(asked)...), findings
}

// asides are the gaps of one directory beside its holes: days without a log for
// every hour, and days before its first or after its last that others of its
// family have. The latter bear on then only while the directories ran side by
// side: one that takes over where another ends is a folder that was moved.
func (s *series) asides(row evidence.Coverage, w window, all []*series) []evidence.Coverage {
	if !s.format.Daily || !s.format.Need {
		return nil
	}
	var rows []evidence.Coverage
	aside := func(reason evidence.Reason, detail string, days []evidence.Day, bears bool) {
		if len(days) == 0 {
			return
		}
		row := row
		row.Count, row.Missed = 0, &evidence.Missed{Reason: reason, Detail: count(len(days), "day") + detail + spell(days)}
		if !bears || !w.holdsAny(days) {
			row.Parts = 0
		}
		rows = append(rows, row)
	}
	aside(evidence.Hole, " without a log for every hour: ", s.torn(), true)
	aside(evidence.TooShort, " that others of the family have and this folder has not: ", s.beyond(covered(w, s.family(), all)), s.parallel(all))
	return rows
}

// beyond lists the days, of those given, before the first or after the last of
// the series.
func (s *series) beyond(have map[evidence.Day]bool) []evidence.Day {
	if len(s.named) == 0 {
		return nil
	}
	first, last := s.span()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(have)), func(d evidence.Day) bool { return d >= first && d <= last })
}

// parallel reports whether another directory of the family was written at the
// same time. A folder that was moved ends on the day the next one begins.
func (s *series) parallel(all []*series) bool {
	first, last := s.span()
	return slices.ContainsFunc(all, func(o *series) bool {
		begin, end := o.span()
		return o != s && o.family() == s.family() && first < end && last > begin
	})
}

// span is the first and the last day that a file names; equal when none does.
func (s *series) span() (first, last evidence.Day) {
	if len(s.named) == 0 {
		return 0, 0
	}
	days := slices.Sorted(maps.Keys(s.named))
	return days[0], days[len(days)-1]
}

// holdsAny reports whether one of the days lies in the window.
func (w window) holdsAny(days []evidence.Day) bool {
	return slices.ContainsFunc(days, func(d evidence.Day) bool { return d >= w.first && d < w.end })
}

// hole is the finding for missing days: a lead, for logs are removed by
// retention rules too, and by whoever has something to hide.
func (s *series) hole(gone []evidence.Day) Finding {
	var refs []evidence.Ref
	for _, d := range gone {
		for _, near := range []evidence.Day{d - 1, d + 1} {
			if path := s.named[near]; path != "" {
				refs = append(refs, evidence.Ref{Collector: "logs", Path: path})
			}
		}
	}
	slices.SortFunc(refs, evidence.Ref.Compare)
	refs = slices.CompactFunc(refs, func(a, b evidence.Ref) bool { return a.Compare(b) == 0 })
	f := Finding{
		Rule: HoleRule, Title: fmt.Sprintf("%s missing from the %s logs: %s", count(len(gone), "day"), s.name, spell(gone)),
		Question: evidence.CompromisedThen, Severity: Medium, Confidence: evidence.Confirmed, Class: Lead,
		Count: int64(len(refs)), First: dayStart(gone[0]), Last: dayStart(gone[len(gone)-1]), Refs: refs,
		Attack: []string{"T1070"}, Next: "Find out who or what removed these days, and look for them in backups and on log servers.",
	}
	if len(refs) > 0 {
		f.ID = FindingID(f.Rule, refs[0])
	}
	return f
}
