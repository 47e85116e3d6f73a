package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"maps"
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
	base []use     // of the rules that it builds on
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
	of    *rule
	as    string   // how it calls the rule
	group []string // fields whose values group them
	value []string // fields whose different values are counted
}

// byAddress reports whether a correlation tells clients apart by their address.
func (c *correlated) byAddress() bool {
	return slices.ContainsFunc(c.base, func(u use) bool {
		return slices.ContainsFunc(slices.Concat(u.group, u.value), func(field string) bool {
			role, known := webRoles[strings.ToLower(field)]
			return known && role == evidence.RoleAddress
		})
	})
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
	use          *use
	group, value string
	minute       int64
}

// compare orders keys; those of one group stand together, and groups by a hash,
// so that of too many it is not always the first or the last that are kept.
func (k stepKey) compare(o stepKey) int {
	if k.group != o.group {
		return cmp.Or(cmp.Compare(scattered(k.group), scattered(o.group)), cmp.Compare(k.group, o.group))
	}
	return cmp.Or(cmp.Compare(k.minute, o.minute), cmp.Compare(k.use.by.rule.ID, o.use.by.rule.ID), cmp.Compare(k.use.as, o.use.as), cmp.Compare(k.value, o.value))
}

func scattered(group string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(group)) // a hash never fails
	return h.Sum64()
}

// Limits of steps: kept of one minute, kept of one source, bytes of text of the
// first two and the last of a minute (the others keep none), bytes of values that
// are told apart as they are.
const (
	stepsAMinute = 16
	mostSteps    = 1 << 16
	stepText     = 1 << 10
	stepValue    = 256
)

// steps are the sightings kept for correlations.
type steps struct {
	kept    map[stepKey][]step // ascending
	count   int                // in kept
	lost    bool               // there were more than mostSteps: correlations saw a part
	undated bool               // a sighting had no time
}

func (s *steps) add(key stepKey, more ...step) {
	if s.kept == nil {
		s.kept = map[stepKey][]step{}
	}
	have := append(s.kept[key], more...)
	slices.SortFunc(have, compareSteps)
	have = slices.CompactFunc(have, func(a, b step) bool { return a.ref.Compare(b.ref) == 0 })
	if len(have) > stepsAMinute {
		have = append(have[:stepsAMinute-1], have[len(have)-1])
	}
	for i := 2; i < len(have)-1; i++ {
		have[i].ref.Text = ""
	}
	s.count += len(have) - len(s.kept[key])
	if s.kept[key] = have; s.count > 2*mostSteps {
		s.limit(mostSteps)
	}
}

// limit leaves the first steps in the order of their keys. What is left does
// not depend on the order in which steps came: whatever part of them is limited
// on the way, a key that is among the first of all is among the first of it.
func (s *steps) limit(most int) {
	if s.count <= most {
		return
	}
	s.lost, s.count = true, 0
	for _, key := range slices.SortedFunc(maps.Keys(s.kept), stepKey.compare) {
		if s.count += len(s.kept[key]); s.count > most {
			delete(s.kept, key)
		}
	}
	s.count = 0
	for _, have := range s.kept {
		s.count += len(have)
	}
}

func (s *steps) merge(o *steps) {
	s.lost, s.undated = s.lost || o.lost, s.undated || o.undated
	for key, more := range o.kept {
		s.add(key, more...)
	}
}

// gaps says what correlations did not see.
func (s *steps) gaps() (all []evidence.Coverage) {
	gap := func(reason evidence.Reason, detail string) {
		all = append(all, evidence.Gap(evidence.CoverLog, "sequences of events", evidence.CompromisedThen, reason, detail))
	}
	if s.lost {
		gap(evidence.Limited, "more sightings than are kept: a sequence among the others would not be seen")
	}
	if s.undated {
		gap(evidence.Ambiguous, "sightings without a time: a sequence that they are part of would not be seen")
	}
	return all
}

// sight keeps one sighting for the correlations that ask for it.
func (s *steps) sight(by []stepper, e *evidence.Event) {
	if e.Time.IsZero() {
		s.undated = s.undated || len(by) > 0 // nothing can be said of its order; the sighting itself stands
		return
	}
	for _, b := range by {
		key := stepKey{use: b.use, minute: e.Time.Unix() / 60, group: valuesAt(e, b.group), value: valuesAt(e, b.value)}
		ref := e.Ref
		ref.Time, ref.Text = e.Time, cutText(e.Text(), stepText)
		s.add(key, step{e.Time, ref})
	}
}

// valuesAt joins the values at some positions, lower case. Of a long one stands
// what tells it apart, so that memory is bounded.
func valuesAt(e *evidence.Event, positions []int) string {
	var all strings.Builder
	for _, at := range positions {
		if at < len(e.Values) {
			value := fold(nil, e.Values[at])
			if len(value) > stepValue {
				sum := sha256.Sum256(value)
				value = append(value[:stepValue], hex.EncodeToString(sum[:])...)
			}
			all.Write(value)
		}
		all.WriteByte(0)
	}
	return all.String()
}

// cutText is a record's text, at most so many bytes of it.
func cutText(raw []byte, most int) string {
	return strings.TrimRight(string(raw[:min(len(raw), most)]), "\r\n")
}
