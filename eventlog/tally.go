package eventlog

import (
	"cmp"
	"maps"
	"regexp"
	"time"

	"postern/eventlog/peers"
	"postern/evidence"
)

const maxBack = time.Hour // clocks may run back by this much unremarked

// tally is what became of a log's lines. A line between runs of NULs counts
// as one. events + directives + continued + blank + misread is lines.
type tally struct {
	lines, events, directives, continued, blank, misread int64

	misreadAt int64 // first line not understood; 0: none. So for those below.
	short     int64 // rows with fewer columns than #Fields names
	shortAt   int64
	extra     int64 // rows with more columns, whose surplus was dropped
	extraAt   int64
	long      int64 // lines whose rest was skipped
	longAt    int64
	nulAt     int64       // first line with NULs
	undated   int64       // events without a day
	back      int64       // events more than maxBack before one that stands above them
	cut       bool        // the last line was cut
	peers     peers.Count // who spoke to the server

	from, to time.Time
	days     map[evidence.Day]struct{}
	day      evidence.Day            // the last one put in days
	hours    map[evidence.Day]uint32 // of events with a time, UTC
	hour     int64                   // since 1970, the last one put in hours
	low      *regexp.Regexp          // see evidence.LogFormat; nil once a record did not fit
	serves   *regexp.Regexp          // see evidence.LogFormat; nil once a record did fit

	apart bool     // these are some lines of a log, to be joined to those before
	times []moment // of events that are not in back, if apart
}

// moment is one time that n events in a row have.
type moment struct {
	at time.Time
	n  int64
}

// onlyLow reports whether every record was one that the lowest level writes.
func (t *tally) onlyLow() bool { return t.low != nil && t.events > 0 }

func first(count, at *int64, line int64) {
	if *count++; *at == 0 {
		*at = line
	}
}

// see counts an event's time, and its day if that alone is known: one without
// a day of either kind is undated.
func (t *tally) see(at time.Time, day evidence.Day) {
	if at.IsZero() && day == 0 {
		t.undated++
		return
	}
	if t.days == nil {
		t.days = map[evidence.Day]struct{}{}
	}
	if day != t.day {
		t.day = day
		t.days[day] = struct{}{}
	}
	switch {
	case at.IsZero():
		return
	case t.from.IsZero():
		t.from, t.to = at, at
	case at.Before(t.from):
		t.from = at
	case at.After(t.to):
		t.to = at
	}
	switch last := len(t.times) - 1; {
	case t.to.Sub(at) > maxBack:
		t.back++
	case !t.apart:
	case last >= 0 && t.times[last].at.Equal(at):
		t.times[last].n++
	default:
		t.times = append(t.times, moment{at, 1})
	}
	if hour := at.Unix() / 3600; hour != t.hour {
		if t.hours == nil {
			t.hours = map[evidence.Day]uint32{}
		}
		t.hour = hour
		t.hours[evidence.Day(hour/24)] |= 1 << (hour % 24)
	}
}

// counts are the numbers that add up.
func (t *tally) counts() [11]*int64 {
	return [...]*int64{&t.lines, &t.events, &t.directives, &t.continued, &t.blank, &t.misread, &t.short, &t.extra, &t.long, &t.undated, &t.back}
}

// firsts are the numbers of lines of which the first counts.
func (t *tally) firsts() [5]*int64 {
	return [...]*int64{&t.misreadAt, &t.shortAt, &t.extraAt, &t.longAt, &t.nulAt}
}

// join adds the tally of the lines that follow, which was taken apart.
func (t *tally) join(o *tally) {
	for i, n := range o.counts() {
		*t.counts()[i] += *n
	}
	for i, n := range o.firsts() {
		*t.firsts()[i] = cmp.Or(*t.firsts()[i], *n)
	}
	t.peers.Merge(&o.peers)
	t.cut = t.cut || o.cut
	if o.low == nil {
		t.low = nil
	}
	if o.serves == nil {
		t.serves = nil
	}
	t.joinTimes(o)
}

func (t *tally) joinTimes(o *tally) {
	if o.days != nil && t.days == nil {
		t.days = map[evidence.Day]struct{}{}
	}
	maps.Copy(t.days, o.days)
	if o.from.IsZero() {
		return
	}
	if t.hours == nil {
		t.hours = map[evidence.Day]uint32{}
	}
	for day, hours := range o.hours {
		t.hours[day] |= hours
	}
	if t.from.IsZero() {
		t.from, t.to = o.from, o.to
		return
	}
	for _, m := range o.times {
		if t.to.Sub(m.at) > maxBack {
			t.back += m.n
		}
	}
	if o.from.Before(t.from) {
		t.from = o.from
	}
	if o.to.After(t.to) {
		t.to = o.to
	}
}
