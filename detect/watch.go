package detect

import (
	"bytes"
	"time"

	"postern/evidence"
	"postern/verdict"
)

// watch is who is told of every sighting; see is nil where nobody is.
type watch struct {
	see   func(verdict.Sighting)
	means map[bucketKey]*verdict.Finding // what those told of come to
}

// Watch has every sighting told to see as it is made, by all lanes at once. It is
// called before the first lane is opened. What the sightings come to is known
// when Result has returned; see verdict.Sighting.
func (x *Examination) Watch(see func(verdict.Sighting)) {
	x.watch = watch{see, map[bucketKey]*verdict.Finding{}}
}

// show tells of one sighting.
func (l *lane) show(key bucketKey, ref evidence.Ref, at time.Time, text func() []byte) {
	if ref.Time.IsZero() {
		ref.Time = at
	}
	if ref.Text == "" && text != nil {
		record := text()
		ref.Text = string(bytes.TrimRight(record[:min(len(record), mostText)], "\r\n"))
	}
	f := l.shown[key]
	if f == nil {
		f = l.x.meaning(key)
		if l.shown == nil {
			l.shown = map[bucketKey]*verdict.Finding{}
		}
		l.shown[key] = f
	}
	l.x.watch.see(verdict.Sighting{Ref: ref, Of: f})
}

// meaning is what the sightings of a key come to, as far as it is known.
func (x *Examination) meaning(key bucketKey) *verdict.Finding {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.watch.means[key]
	if f == nil {
		f = &verdict.Finding{Rule: key.rule.ID, Label: key.label}
		x.watch.means[key] = f
	}
	return f
}

// settle says what the sightings that were told of come to.
func (x *Examination) settle(installs []judged, asOf time.Time) {
	for key, f := range x.watch.means {
		b := x.tally.buckets[key]
		if b == nil { // one of too many entries of a list
			b = x.tally.buckets[bucketKey{rule: key.rule, class: key.class, fixed: key.fixed, label: othersNoted}]
		}
		if b == nil {
			b = &bucket{severity: key.rule.severity, undated: true}
		}
		class, severity, counts := grade(key, b, installs, asOf)
		if !counts {
			continue
		}
		*f = key.rule.finding(class, severity, key.label, key.about)
	}
}
