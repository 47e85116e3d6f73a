package detect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/version"
)

// reading is one signal that states a version.
type reading struct {
	evidence.Signal
	version version.Version
}

// build is what an installation's signals say when taken together.
type build struct {
	version    version.Version
	readings   []version.Version // the distinct ones that count; more than one disagree
	confidence evidence.Confidence
	why        string
	known      bool
	disagree   bool
	notes      []string
	gaps       []evidence.Missed
}

// tiers are the kinds of signal in groups: within one, readings that differ
// disagree; a weaker group counts only where no stronger one states a version.
var tiers = [][]evidence.SignalKind{
	{evidence.SignalProgram, evidence.SignalLibrary, evidence.SignalAssembly, evidence.SignalPage},
	{evidence.SignalPattern},
	{evidence.SignalUninstall},
	{evidence.SignalContainer},
	{evidence.SignalBanner},
}

// decide reads the build off an installation's signals. Disagreement takes the
// lowest: a new library beside an old program was not updated.
func decide(s version.Scheme, i *evidence.Installation, now time.Time) build {
	var b build
	readings := b.parse(s, i)
	var main []reading
	for t, kinds := range tiers {
		tier := slices.DeleteFunc(slices.Clone(readings), func(r reading) bool { return !slices.Contains(kinds, r.Kind) })
		switch {
		case len(tier) == 0:
		case main == nil:
			main = tier
			b.settle(s, tier, t)
		default:
			b.compare(s, tier)
		}
	}
	if main == nil {
		b.why = "nothing that was read states its build"
		b.gap(evidence.NoBuild, b.why)
		return b
	}
	b.checkClock(s, readings, now)
	return b
}

func (b *build) gap(reason evidence.Reason, detail string) {
	b.gaps = append(b.gaps, evidence.Missed{Reason: reason, Detail: detail})
}

// parse reads every signal that states a version, strongest kind first. A
// strong one that does not parse is a gap: it may be the reading that counts.
func (b *build) parse(s version.Scheme, i *evidence.Installation) []reading {
	var all []reading
	for _, sig := range i.Signals {
		if strings.TrimSpace(sig.Version) == "" {
			continue
		}
		v, err := s.Parse(sig.Version)
		if sig.Kind == evidence.SignalAssembly && v.Build == 0 && resourceStates(s, i.Signals, sig.Ref.Path) {
			continue // a pinned assembly version; the same file's resource tells the build
		}
		if err != nil {
			b.notes = append(b.notes, fmt.Sprintf("The %s %s states %q, which is no version this product has.", sig.Kind, sig.Ref.Path, sig.Version))
			if slices.Contains(tiers[0], sig.Kind) {
				b.gap(evidence.Damaged, fmt.Sprintf("the %s %s states no readable version: %s", sig.Kind, sig.Ref.Path, err.Error()))
			}
			continue
		}
		all = append(all, reading{sig, v})
	}
	slices.SortStableFunc(all, func(x, y reading) int {
		return cmp.Or(cmp.Compare(strength(x.Kind), strength(y.Kind)), x.Ref.Compare(y.Ref), strings.Compare(x.Version, y.Version))
	})
	return all
}

// resourceStates reports whether the version resource of the file at path
// states a version.
func resourceStates(s version.Scheme, signals []evidence.Signal, path string) bool {
	return slices.ContainsFunc(signals, func(o evidence.Signal) bool {
		if o.Ref.Path != path || o.Kind != evidence.SignalProgram && o.Kind != evidence.SignalLibrary {
			return false
		}
		_, err := s.Parse(o.Version)
		return err == nil
	})
}

func strength(k evidence.SignalKind) int {
	return slices.Index(slices.Concat(tiers...), k)
}

// settle takes the build from the strongest group of readings there is.
func (b *build) settle(s version.Scheme, tier []reading, t int) {
	lowest := tier[0]
	for _, r := range tier {
		if !slices.ContainsFunc(b.readings, func(v version.Version) bool { return same(s, v, r.version) }) {
			b.readings = append(b.readings, r.version)
		}
		if order, ok := s.Compare(r.version, lowest.version); ok && order < 0 || !ok && r.version.Build == 0 {
			lowest = r
		}
	}
	b.known, b.version = true, lowest.version
	b.disagree = len(b.readings) > 1
	if b.disagree {
		b.confidence, b.why = evidence.Unsure, "its files state different builds: "+states(tier)+"; the lowest is taken"
		if tier[0].Kind == evidence.SignalPage {
			b.why = "its pages state different builds: " + states(tier) + "; the lowest is taken"
		}
		return
	}
	b.confidence = best(tier)
	if t > 0 && b.confidence != evidence.Unsure {
		b.confidence = evidence.Likely
	}
	b.why = "read from " + states(tier)
}

// same reports whether two readings are one version: what the scheme orders as
// equal, or what is written alike.
func same(s version.Scheme, a, b version.Version) bool {
	order, ok := s.Compare(a, b)
	return ok && order == 0 || !ok && slices.Equal(a.Parts, b.Parts)
}

// best is the confidence of the surest reading; one that states none is likely.
func best(tier []reading) evidence.Confidence {
	order := []evidence.Confidence{evidence.Confirmed, evidence.Likely, evidence.Unsure}
	found := evidence.Unsure
	for _, r := range tier {
		if c := cmp.Or(r.Confidence, evidence.Likely); slices.Index(order, c) < slices.Index(order, found) {
			found = c
		}
	}
	return found
}

// states writes who says what: "program a/x.exe (9406), library a/y.dll (9511)".
func states(tier []reading) string {
	var all []string
	for _, r := range tier {
		s := fmt.Sprintf("%s %s (%s)", r.Kind, r.Ref.Path, short(r.version))
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	if more := len(all) - 6; more > 0 {
		all = append(all[:6], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}

func short(v version.Version) string {
	if v.Build > 0 {
		return fmt.Sprint(v.Build)
	}
	return v.Text
}

// compare notes a weaker group that says something else.
func (b *build) compare(s version.Scheme, tier []reading) {
	for _, r := range tier {
		if !same(s, r.version, b.version) {
			b.notes = append(b.notes, fmt.Sprintf("The %s %s says %s; it is a weaker sign than the files and does not count.", r.Kind, r.Ref.Path, short(r.version)))
		}
	}
}

// checkClock distrusts a build whose day has not come: the clock or the
// reading is wrong, and nothing can be said with either.
func (b *build) checkClock(s version.Scheme, readings []reading, now time.Time) {
	future := map[string]bool{}
	for _, r := range readings {
		counts := slices.ContainsFunc(b.readings, func(v version.Version) bool { return same(s, v, r.version) })
		if day, tells := s.Date(r.version); counts && tells && day.After(now) {
			future[fmt.Sprintf("%s %s states build %s, compiled %s", r.Kind, r.Ref.Path, short(r.version), day.Format(time.DateOnly))] = true
		}
	}
	if len(future) == 0 {
		return
	}
	b.known, b.confidence = false, evidence.Unsure
	b.why = fmt.Sprintf("%s, but the clock says %s: one of the two is wrong", strings.Join(slices.Sorted(maps.Keys(future)), ", "), now.UTC().Format(time.DateOnly))
	b.gap(evidence.Ambiguous, b.why)
}
