package detect

import (
	"postern/detect/anomaly"
	"postern/detect/persist"
	"postern/evidence"
)

// changedInWindow labels what was made or changed while the flaw could be used.
const changedInWindow = "made or changed in the exposure window"

// observeLeft holds what an intruder may leave against what is judged whatever the
// packs say, and the program it names against the packs' hashes, names and paths.
func (l *lane) observeLeft(o *evidence.Observation) {
	e := l.x.engine
	for _, j := range append(persist.Judge(o), persist.Tools(o, e.content.tools)...) {
		l.judged(o, j)
	}
	if path := persist.Path(o.Get("Image")); path != "" {
		s := seen{Observation: o, path: path, ref: o.Ref, size: -1}
		l.holdNamed(&s)
	}
}

// judged counts a judgement of an observation.
func (l *lane) judged(o *evidence.Observation, j anomaly.Judgement) {
	found := l.x.engine.content.odd[j.Rule].seen()
	if required := l.x.engine.interest.Required; found.label == "" && !required.From.IsZero() && !o.Time.IsZero() && required.Holds(o.Time) {
		found.label = changedInWindow
	}
	l.add(found, because(o.Ref, j.Reason), o.Time, nil)
}
