package version

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRange marks a range that cannot be read.
var ErrRange = errors.New("version: bad range")

const (
	versPrefix = "vers:generic/"
	maxBounds  = 8
)

// Lookup returns the scheme a pack names; false if there is none.
func Lookup(name string) (Scheme, bool) {
	for _, s := range []Scheme{dotnetDays{}} {
		if s.Name() == name {
			return s, true
		}
	}
	return nil, false
}

// ParseRange reads one interval in vers notation, "vers:generic/<100.0.9413"
// or "vers:generic/>=100.0.8495|<100.0.8747": at most one lower and one upper
// bound, or one "=" version. The vers notation joins several intervals into
// one text; here each is a product of its own, so that no reading of "|" as
// "or" can differ. Every bound must be orderable against itself in the scheme,
// and the interval must not be empty. Errors wrap ErrRange.
func ParseRange(s Scheme, text string) (Range, error) {
	r := Range{Text: text}
	rest, ok := strings.CutPrefix(text, versPrefix)
	if !ok {
		return Range{}, fmt.Errorf("%w: %q: must begin with %s", ErrRange, text, versPrefix)
	}
	for part := range strings.SplitSeq(rest, "|") {
		b, err := parseBound(s, part)
		if err != nil {
			return Range{}, fmt.Errorf("%w: %q: %w", ErrRange, text, err)
		}
		if r.Bounds = append(r.Bounds, b); len(r.Bounds) > maxBounds {
			return Range{}, fmt.Errorf("%w: %q: more than %d bounds", ErrRange, text, maxBounds)
		}
	}
	if err := r.check(s); err != nil {
		return Range{}, fmt.Errorf("%w: %q: %w", ErrRange, text, err)
	}
	return r, nil
}

func parseBound(s Scheme, part string) (Bound, error) {
	for _, op := range []string{"<=", ">=", "<", ">", "="} {
		text, ok := strings.CutPrefix(part, op)
		if !ok {
			continue
		}
		v, err := s.Parse(text)
		if err != nil {
			return Bound{}, err
		}
		if _, ordered := s.Compare(v, v); !ordered {
			return Bound{}, fmt.Errorf("%s cannot order %q", s.Name(), text)
		}
		return Bound{Op: op, Version: v}, nil
	}
	return Bound{}, fmt.Errorf("%q begins with none of < <= > >= =", part)
}

// check refuses an interval that says a side twice or holds nothing.
func (r Range) check(s Scheme) error {
	var low, high, exact []Bound
	for _, b := range r.Bounds {
		switch b.Op[0] {
		case '<':
			high = append(high, b)
		case '>':
			low = append(low, b)
		default:
			exact = append(exact, b)
		}
	}
	if len(exact) > 1 || len(exact) == 1 && len(r.Bounds) > 1 || len(low) > 1 || len(high) > 1 {
		return errors.New("one lower and one upper bound, or one exact version, and no more")
	}
	if len(low) == 0 || len(high) == 0 {
		return nil
	}
	order, ok := s.Compare(low[0].Version, high[0].Version)
	if !ok {
		return errors.New("its bounds cannot be ordered")
	}
	if order > 0 || order == 0 && (low[0].Op == ">" || high[0].Op == "<") {
		return errors.New("it holds no version")
	}
	return nil
}

// Holds reports whether v lies in r. known is false when the scheme cannot
// order v against a bound and no other bound already excludes it: then nothing
// is known, and in is false. A range without bounds is never known.
func (r Range) Holds(s Scheme, v Version) (in, known bool) {
	known = len(r.Bounds) > 0
	for _, b := range r.Bounds {
		order, ok := s.Compare(v, b.Version)
		if !ok {
			known = false
			continue
		}
		if !b.admits(order) {
			return false, true
		}
	}
	return known, known
}

func (b Bound) admits(order int) bool {
	switch b.Op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "=":
		return order == 0
	}
	return false
}
