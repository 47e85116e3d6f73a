package verdict

import (
	"time"

	"postern/evidence"
)

// Why an as-of time is believed. WhyNewest and WhyLogged are guesses from below:
// whatever was younger may have been taken away, so they earn no none-seen for
// then.
const (
	WhySaid     = "the operator said so"
	WhyNow      = "the source answers now"
	WhyCaptured = "the collection says when it was taken"
	WhyNewest   = "the newest trace in the evidence"
	WhyLogged   = "the newest event in the logs, which is after the time that the collection says"
	WhyNothing  = "nothing tells when the evidence was taken; now is assumed"
)

// AsOf says when the evidence was taken, and why that is believed: what the
// operator said, now for a live host or a URL, when the collection was
// captured, else the newest trace in the coverage. Logs that go on after the
// capture show that it is not when the evidence was taken: their end counts. A
// trace or capture after now (a wrong clock) counts as now; what the operator
// said stands.
func AsOf(said time.Time, kind evidence.Kind, captured time.Time, cover []evidence.Coverage, now time.Time) (time.Time, string) {
	switch {
	case !said.IsZero():
		return said, WhySaid
	case kind == evidence.KindHost || kind == evidence.KindURL || kind == evidence.KindNetwork:
		return now, WhyNow
	case !captured.IsZero():
		if last := lastLogged(cover); last.After(captured.Add(clockSlack)) {
			return clamp(last, now), WhyLogged
		}
		return clamp(captured, now), WhyCaptured
	}
	var newest time.Time
	for _, c := range cover {
		for _, t := range []time.Time{c.From, c.To} {
			if t.After(newest) && t.After(unset) {
				newest = t
			}
		}
	}
	if newest.IsZero() {
		return now, WhyNothing
	}
	return clamp(newest, now), WhyNewest
}

// clockSlack is how far logs may run ahead of the capture that they belong to: a
// collection takes minutes, and stamps its beginning or its end.
const clockSlack = time.Hour

// lastLogged is the time of the newest event in any log.
func lastLogged(cover []evidence.Coverage) (last time.Time) {
	for _, c := range cover {
		if c.Kind == evidence.CoverLog && c.To.After(last) {
			last = c.To
		}
	}
	return last
}

// unset is later than the times that archives and images write where none is
// known: 1970, 1980 (zip), 1985 (npm). Such a time tells nothing.
var unset = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

func clamp(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}
