package verdict

import (
	"time"

	"postern/evidence"
)

// AsOf says when the evidence was taken, and why that is believed: what the
// operator said, now for a live host or a URL, else the newest trace in the
// coverage (never after now).
func AsOf(said time.Time, kind evidence.Kind, captured time.Time, cover []evidence.Coverage, now time.Time) (time.Time, string) {
	return now, ""
}

// Families sums up the log rows of cover into one log-family row per family,
// judged against its own rhythm and the required window, and finds the holes.
// The rows returned are to be added to cover.
func Families(asked Asked, logs []evidence.LogFormat, cover []evidence.Coverage) ([]evidence.Coverage, []Finding) {
	return nil, nil
}

// Judge answers the four questions for one source.
func Judge(asked Asked, logs []evidence.LogFormat, installs []Installation, findings []Finding, cover []evidence.Coverage) Answers {
	return Answers{}
}

// Merge folds the answers of several sources of one host, worst first.
func Merge(all ...Answers) Answers { return Answers{} }
