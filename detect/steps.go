package detect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"postern/detect/sigma"
	"postern/evidence"
)

// correlated is a correlation and its grade.
type correlated struct {
	*rule
	*sigma.Correlation
	over []overlay // correlations that it builds on
}

// overlay is a correlation that another builds on, and how that one calls it.
type overlay struct {
	*correlated
	as string
}

// use is how one correlation looks at the sightings of a rule.
type use struct {
	by    *correlated
	as    string   // how it calls the rule
	group []string // fields whose values group them
	value []string // fields whose different values are counted
}

// stepper is a use bound to a schema.
type stepper struct {
	*use
	group, value []int // positions
}

// steppers binds a rule's uses to a schema; lacking names columns it has not.
func (c columns) steppers(r *rule) (all []stepper, lacking []string) {
	for i := range r.event.uses {
		s := stepper{use: &r.event.uses[i]}
		var miss []string
		positions := func(fields []string) (at []int) {
			for _, field := range fields {
				column, known := c.resolve(field)
				if !known {
					miss = append(miss, field)
				}
				at = append(at, column.At)
			}
			return at
		}
		s.group, s.value = positions(s.use.group), positions(s.use.value)
		if miss == nil {
			all = append(all, s)
		}
		lacking = append(lacking, miss...)
	}
	return all, lacking
}

// step is one sighting that a correlation may build on.
type step struct {
	at  time.Time
	ref evidence.Ref
}

func compareSteps(a, b step) int { return cmp.Or(a.at.Compare(b.at), a.ref.Compare(b.ref)) }

// stepKey is what steps are thinned by: within one minute only the first few
// of a rule and group and the last are kept. No span of a minute or more
// between steps is lost so, and a flood costs no memory.
type stepKey struct {
	rule         *rule
	use          *use
	group, value string
	minute       int64
}

// Limits of steps: kept of one minute, minutes kept of one source, bytes of text
// of the first two and the last of a minute; the others keep none.
const (
	stepsAMinute = 16
	mostMinutes  = 1 << 15
	stepText     = 2 << 10
)

// steps are the sightings kept for correlations.
type steps struct {
	kept map[stepKey][]step // ascending
	lost bool               // more than mostMinutes: correlations saw a part
}

func (s *steps) add(key stepKey, more ...step) {
	have, known := s.kept[key]
	if !known && len(s.kept) >= mostMinutes {
		s.lost = true
		return
	}
	if s.kept == nil {
		s.kept = map[stepKey][]step{}
	}
	have = append(have, more...)
	slices.SortFunc(have, compareSteps)
	have = slices.CompactFunc(have, func(a, b step) bool { return a.ref.Compare(b.ref) == 0 })
	if len(have) > stepsAMinute {
		have = append(have[:stepsAMinute-1], have[len(have)-1])
	}
	for i := 2; i < len(have)-1; i++ {
		have[i].ref.Text = ""
	}
	s.kept[key] = have
}

func (s *steps) merge(o *steps) {
	s.lost = s.lost || o.lost
	for key, more := range o.kept {
		s.add(key, more...)
	}
}

// sight keeps one sighting for the correlations that ask for it.
func (s *steps) sight(r *rule, by []stepper, e *evidence.Event) {
	if e.Time.IsZero() {
		return // nothing can be said of its order; the sighting itself stands
	}
	for _, b := range by {
		key := stepKey{rule: r, use: b.use, minute: e.Time.Unix() / 60, group: valuesAt(e, b.group), value: valuesAt(e, b.value)}
		ref := e.Ref
		ref.Time, ref.Text = e.Time, cutText(e.Raw, stepText)
		s.add(key, step{e.Time, ref})
	}
}

// valuesAt joins the values at some positions, lower case.
func valuesAt(e *evidence.Event, positions []int) string {
	var all strings.Builder
	for _, at := range positions {
		if at < len(e.Values) {
			all.Write(fold(nil, e.Values[at]))
		}
		all.WriteByte(0)
	}
	return all.String()
}

// cutText is a record's text, at most so many bytes of it.
func cutText(raw []byte, most int) string {
	return strings.TrimRight(string(raw[:min(len(raw), most)]), "\r\n")
}
