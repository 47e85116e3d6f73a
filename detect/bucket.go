package detect

import (
	"bytes"
	"slices"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

// mostText is how much of a record a reference carries.
const mostText = 4 << 10

// sighting is one match, before anybody knows what was installed then.
type sighting struct {
	rule     *rule
	class    verdict.Class
	severity verdict.Severity
	label    string
	fixed    verdict.Class // what it is instead while the build was proven fixed; "" for no difference
	about    *ioc.About    // what a list says of what matched; nil: nothing
}

// nothing is what a change of settings means while the build was proven fixed,
// or after the evidence was taken.
const nothing verdict.Class = "nothing"

// bucketKey is what sightings are counted by. What one means may depend on the
// build of its moment, which only the end of the examination tells: those are
// counted by day.
type bucketKey struct {
	rule  *rule
	class verdict.Class
	fixed verdict.Class
	label string
	about *ioc.About
	day   evidence.Day // where the build of the moment matters; 0 otherwise, and for undated ones
}

// bucket counts sightings and keeps the smallest references, so that buckets
// merge in any order to the same result.
type bucket struct {
	severity    verdict.Severity // the gravest
	count       int64
	first, last time.Time
	undated     bool // a sighting had no time
	refs        []evidence.Ref
}

// add counts one sighting. text gives the record, nil for none; it is asked only
// if the reference is kept. A reference counts once.
func (b *bucket) add(s sighting, ref evidence.Ref, at time.Time, text func() []byte, limit int) {
	i, twice := slices.BinarySearchFunc(b.refs, ref, evidence.Ref.Compare)
	if twice {
		return
	}
	b.count++
	b.severity = graver(b.severity, s.severity)
	b.span(at, at)
	b.undated = b.undated || at.IsZero()
	if i >= limit {
		return
	}
	if ref.Time.IsZero() {
		ref.Time = at
	}
	if ref.Text == "" && text != nil {
		record := text()
		ref.Text = string(bytes.TrimRight(record[:min(len(record), mostText)], "\r\n"))
	}
	b.keep(i, ref, limit)
}

func (b *bucket) keep(i int, ref evidence.Ref, limit int) {
	if len(b.refs) >= limit {
		b.refs = b.refs[:limit-1]
	}
	b.refs = slices.Insert(b.refs, min(i, len(b.refs)), ref)
}

// merge adds what another bucket counted.
func (b *bucket) merge(o *bucket, limit int) {
	b.count += o.count
	b.severity = graver(b.severity, o.severity)
	b.span(o.first, o.last)
	b.undated = b.undated || o.undated
	for _, ref := range o.refs {
		i, twice := slices.BinarySearchFunc(b.refs, ref, evidence.Ref.Compare)
		switch {
		case twice:
			b.count--
		case i < limit:
			b.keep(i, ref, limit)
		}
	}
}

func (b *bucket) span(first, last time.Time) {
	if !first.IsZero() && (b.first.IsZero() || first.Before(b.first)) {
		b.first = first
	}
	if last.After(b.last) {
		b.last = last
	}
}

func graver(a, b verdict.Severity) verdict.Severity {
	if slices.Index(severities, a) >= slices.Index(severities, b) {
		return a
	}
	return b
}

// dayKey is the day a failed attempt is counted under: inside the required
// window its own, outside it only its year, so that forged dates cannot make
// buckets without end.
func dayKey(at, from, now time.Time) evidence.Day {
	switch year := at.UTC().Year(); {
	case at.IsZero() || year < 2000 || at.After(now.AddDate(1, 0, 0)):
		return 0
	case at.Before(from) || at.After(now):
		return evidence.DayOf(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return evidence.DayOf(at.UTC())
}

// startTimes are product starts in order, the earliest of each minute: enough
// to find the first one after an update.
type startTimes []time.Time

// mostStarts bounds startTimes, at about a start an hour for half a year;
// beyond it the youngest are forgotten, and the update's own trace counts.
const mostStarts = 4096

func (s startTimes) add(at time.Time) startTimes {
	i, _ := slices.BinarySearchFunc(s, at, func(have, at time.Time) int { return have.Truncate(time.Minute).Compare(at.Truncate(time.Minute)) })
	if i < len(s) && s[i].Truncate(time.Minute).Equal(at.Truncate(time.Minute)) {
		if at.Before(s[i]) {
			s[i] = at
		}
		return s
	}
	if len(s) >= mostStarts {
		if i == len(s) {
			return s
		}
		s = s[:len(s)-1]
	}
	return slices.Insert(s, i, at)
}

// firstAfter returns the first start at or after t.
func (s startTimes) firstAfter(t time.Time) (first time.Time, ok bool) {
	i, _ := slices.BinarySearchFunc(s, t, time.Time.Compare)
	if i == len(s) {
		return time.Time{}, false
	}
	return s[i], true
}

// starts is product starts by pack.
type starts map[*pack.Pack]startTimes

func (s starts) add(p *pack.Pack, at time.Time) {
	if !at.IsZero() {
		s[p] = s[p].add(at)
	}
}
