package eventlog

import (
	"bytes"
	"time"

	"postern/evidence"
)

const (
	firstYear = 1980 // a log before it is a misread line
	lastYear  = 2200
	halfDay   = 12 * time.Hour
	lateClock = 23*time.Hour + 55*time.Minute
)

// calendar turns the clock of a line into an instant: the day comes from the
// line, a directive or the file's name, the zone from the format and the host.
type calendar struct {
	zone  *time.Location
	known bool      // a day is in force
	day   time.Time // midnight UTC of the day in force
	text  []byte    // the date column last read, so that a run of one day is parsed once

	started     bool // a clock was seen for this day
	first, last time.Duration
	shift       int // days past day, after midnight went by inside the file
}

func newCalendar(zone *time.Location, day time.Time, known bool) calendar {
	return calendar{zone: zone, day: day, known: known}
}

// setDay puts a day in force. The clock starts anew.
func (c *calendar) setDay(day time.Time) {
	*c = calendar{zone: c.zone, known: true, day: day, text: c.text[:0]}
}

// setDate puts the day of a date column ("2026-01-17") in force; false when it
// is none.
func (c *calendar) setDate(b []byte) bool {
	if c.known && bytes.Equal(b, c.text) {
		return true
	}
	day, ok := parseDate(b, '-')
	if ok {
		c.setDay(day)
		c.text = append(c.text, b...)
	}
	return ok
}

// on gives the instant, UTC, and its calendar day in the log's zone, for a
// clock on the day in force.
func (c *calendar) on(day time.Time, clock time.Duration) (time.Time, evidence.Day) {
	d := evidence.Day(day.Unix() / 86400)
	if c.zone == time.UTC {
		return day.Add(clock), d
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, int(clock/time.Second), int(clock%time.Second), c.zone).UTC(), d
}

// at gives the instant of a line that states no day. A clock that jumps back
// by more than half a day has passed midnight, one that then jumps forward as
// much is a late line of the day before. A file whose first line stands right
// before midnight began with a late line of its eve: its other lines keep the
// file's day. Called again with the same clock it gives the same answer.
func (c *calendar) at(clock time.Duration) (time.Time, evidence.Day) {
	switch {
	case !c.started:
		c.started, c.first = true, clock
	case clock < c.last-halfDay && c.first < lateClock:
		c.shift = 1
	case clock > c.last+halfDay:
		c.shift = 0
	}
	c.last = clock
	return c.on(c.day.Add(time.Duration(c.shift)*2*halfDay), clock)
}

// parseDate reads YYYY?MM?DD with the given separator, as midnight UTC.
func parseDate(b []byte, sep byte) (time.Time, bool) {
	if len(b) != 10 || b[4] != sep || b[7] != sep {
		return time.Time{}, false
	}
	y, ok1 := digits(b[:4])
	m, ok2 := digits(b[5:7])
	d, ok3 := digits(b[8:])
	if !ok1 || !ok2 || !ok3 {
		return time.Time{}, false
	}
	day := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return day, day.Day() == d && int(day.Month()) == m && plausible(day)
}

func plausible(day time.Time) bool { return day.Year() >= firstYear && day.Year() <= lastYear }

// parseClock reads all of b as HH:MM:SS with an optional fraction of one to
// nine digits.
func parseClock(b []byte) (time.Duration, bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, ok1 := digits(b[:2])
	m, ok2 := digits(b[3:5])
	s, ok3 := digits(b[6:8])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	clock := time.Duration(h*3600+m*60+s) * time.Second
	if len(b) == 8 {
		return clock, true
	}
	fraction, ok := digits(b[9:])
	if b[8] != '.' || !ok || len(b) > 18 {
		return 0, false
	}
	unit := time.Second
	for range len(b) - 9 {
		unit /= 10
	}
	return clock + time.Duration(fraction)*unit, true
}

// digits reads b, one to nine decimal digits, as a number.
func digits(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
