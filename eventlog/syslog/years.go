package syslog

import (
	"fmt"
	"time"

	"postern/eventlog/cut"
)

// lately is how long before the file's own time its last line may be, so that
// the two are taken for the same year's without a word.
const lately = 62 * 24 * time.Hour

// years finds the year of lines that state none. The first line is of the
// latest year that does not put it after the file's own time; from there on
// December before January is a new year.
type years struct {
	newest time.Time // no line is younger; zero: not known
	zone   *time.Location

	year  int // of the line before; 0: no line yet
	month time.Month
	last  time.Time // the latest line's time
	past  int64     // lines that lie after newest all the same
}

// day gives a line's day as midnight UTC, false if its year cannot be known. A
// year that the line states itself is taken.
func (y *years) day(stated int, m time.Month, d int, clock time.Duration) (time.Time, bool) {
	if stated > 0 {
		return cut.DateOf(stated, m, d)
	}
	if y.newest.IsZero() {
		return time.Time{}, false
	}
	switch {
	case y.year == 0:
		y.year = y.newest.In(y.zone).Year()
		for range 8 { // 29 February is of a leap year
			if day, ok := cut.DateOf(y.year, m, d); ok && !y.late(day, clock) {
				break
			}
			y.year--
		}
	case m <= y.month-6:
		y.year++
	case m == time.December && y.month == time.January && d > 25: // a late line of the year before
		y.year--
	}
	y.month = m
	day, ok := cut.DateOf(y.year, m, d)
	if !ok {
		return time.Time{}, false
	}
	if y.late(day, clock) {
		y.past++
	}
	if at := cut.In(day, clock, y.zone); at.After(y.last) {
		y.last = at
	}
	return day, true
}

// late reports whether a time lies after the file's own by more than clocks and
// zones differ.
func (y *years) late(day time.Time, clock time.Duration) bool {
	return cut.In(day, clock, y.zone).After(y.newest.Add(24 * time.Hour))
}

// Doubt says why the year may be wrong.
func (y *years) Doubt() string {
	switch stamp := y.newest.UTC().Format("2006-01-02 15:04 MST"); {
	case y.year == 0:
		return ""
	case y.past > 0:
		return fmt.Sprintf("lines state no year, and the file, which is of %s, spans more than one: %d of them lie after it", stamp, y.past)
	case y.newest.Sub(y.last) > lately:
		return fmt.Sprintf("lines state no year: the last is taken to be of %s because the file is of %s, long after it", y.last.Format("2006-01-02"), stamp)
	}
	return ""
}
