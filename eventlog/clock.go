package eventlog

import (
	"bytes"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

const (
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
	shift       int  // days past day, after midnight went by inside the file
	lost        bool // the clock went by midnight more than once, or skipped most of a day

	read, anew bool // a date column was read, and put another day in force; see join
}

func newCalendar(zone *time.Location, day time.Time, known bool) calendar {
	return calendar{zone: zone, day: day, known: known}
}

// setDay puts a day in force. The clock starts anew.
func (c *calendar) setDay(day time.Time) {
	*c = calendar{zone: c.zone, known: true, day: day, text: c.text[:0], lost: c.lost, read: c.read, anew: true}
}

// fork gives a calendar for lines further on, all with a date column. The one it
// is taken from may be behind.
func (c *calendar) fork() calendar {
	f := *c
	f.text, f.read, f.anew = bytes.Clone(c.text), false, false
	return f
}

// join takes over from the lines that follow, read by a fork.
func (c *calendar) join(f *calendar) {
	if f.read && (f.anew || !bytes.Equal(f.text, c.text)) {
		c.setDay(f.day)
		c.text = append(c.text, f.text...)
	}
}

// setDate puts the day of a date column ("2026-01-17") in force; false when it
// is none.
func (c *calendar) setDate(b []byte) bool {
	if c.known && bytes.Equal(b, c.text) {
		c.read = true
		return true
	}
	day, ok := cut.Date(b, '-')
	if ok {
		c.setDay(day)
		c.text = append(c.text, b...)
		c.read = true
	}
	return ok
}

// on gives the instant, UTC, and its calendar day in the log's zone, for a
// clock on the day in force.
func (c *calendar) on(day time.Time, clock time.Duration) (time.Time, evidence.Day) {
	return cut.In(day, clock, c.zone), evidence.Day(day.Unix() / 86400)
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
		c.lost = c.lost || c.shift > 0
		c.shift = 1
	case clock > c.last+halfDay:
		c.lost = c.lost || c.shift > 0 && clock < lateClock
		c.shift = 0
	}
	c.last = clock
	return c.on(c.day.Add(time.Duration(c.shift)*2*halfDay), clock)
}

// doubt says why days may be wrong; "" for no reason.
func (c *calendar) doubt() string {
	if c.lost {
		return "its lines state no day, and its clock passes midnight in ways that tell no single day: later days are guessed"
	}
	return ""
}
