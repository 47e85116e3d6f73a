package verdict

import "postern/evidence"

func newSeries(name string, format evidence.LogFormat) *series {
	return &series{
		name: name, format: format, sound: map[evidence.Day]bool{}, named: map[evidence.Day]string{}, hours: map[evidence.Day]uint32{}, busy: map[evidence.Day]uint32{},
		missed: map[evidence.Reason]map[string]bool{},
	}
}

// broken stands for every reason why a log was not, or not wholly, read.
const broken = evidence.Unreadable

// note counts a row.
func (s *series) note(c evidence.Coverage) {
	if c.Missed == nil {
		s.count += c.Count
		s.tally.Files++
		s.tally.Unread += c.Unread
		s.tally.Cleared += c.Cleared
		return
	}
	reason := c.Missed.Reason
	switch reason {
	case evidence.Hole:
		return // what is not there breaks no log
	case evidence.NoZone, evidence.LowLevel:
	default:
		reason = broken
	}
	if s.missed[reason] == nil {
		s.missed[reason] = map[string]bool{}
	}
	s.missed[reason][c.Path] = true
}

// sum sums a series up. gone are the days missing inside it.
func (s *series) sum(w window, gone []evidence.Day) *evidence.Series {
	sum := s.tally
	sum.DaysRequired = w.days()
	for d, sound := range s.sound {
		if sound && w.holds(d) {
			sum.DaysCovered++
		}
	}
	if s.lacks(gone) {
		sum.DaysMissing, sum.Missing = len(gone), spell(gone)
	}
	sum.Low, sum.Unzoned, sum.Broken = len(s.missed[evidence.LowLevel]), len(s.missed[evidence.NoZone]), len(s.missed[broken])
	return &sum
}
