package version

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Errors that callers branch on.
var (
	ErrNotVersion = errors.New("version: no version in it")
	ErrTooSmall   = errors.New("version: build number below 3000 is no day count of this product")
)

const (
	// smallestBuild is 2008-03-19. Anything below is a misread number, not a
	// build (dossier section 2.1).
	smallestBuild = 3000
	// largestBuild is 2136-11-23: more is a misread.
	largestBuild = 50000
	// firstModern is the build every 100.0 release is at or above: what was to
	// be 17.x became 100.0.7xxx, and 16.3.6989 is older than 100.0.7000
	// (dossier section 1.3, "False friends"). Builds of 100.0 below it exist
	// (100.0.6919, 100.0.6970), so a bare marketing version is ordered only
	// against builds at or above this one.
	firstModern = 7000
	// lastLegacy is the last marketing version with a number of its own.
	lastLegacy = 16

	maxText = 256 // a longer text is no version
)

// dotnetDays is the scheme of products whose third number is the .NET
// automatic build number: days since 2000-01-01 (System.Reflection,
// AssemblyVersionAttribute). The fourth is half seconds since local midnight
// and never orders anything.
type dotnetDays struct{}

// Name returns "dotnet-days".
func (dotnetDays) Name() string { return "dotnet-days" }

var (
	// dotted finds the first dotted or bare number. What follows it ("+hash",
	// " (Jan 8, 2026)", "_0") is not part of it.
	dotted = regexp.MustCompile(`(?:^|[^0-9A-Za-z.])[vV]?(\d{1,9}(?:\.\d{1,9}){0,3})(?:$|[^0-9.A-Za-z]|\.?$|\.x)`)
	// label finds "Build 9511" before any other number, whatever stands around.
	label = regexp.MustCompile(`(?i)\bbuild[\s:#]*(\d{1,9}(?:\.\d{1,9}){0,3})\b`)
)

// Parse reads "9511", "Build 9511", "9504 (Jan 8, 2026)", "100.0.9511",
// "100.0.9742.26305+420ad0ab", "16.3.6989.16341", "SmarterMail Enterprise
// 15.7" and the like. A bare marketing version up to 16.x gives a Version with
// Build 0. Errors wrap ErrNotVersion or ErrTooSmall. A build whose day has not
// come is parsed: judging it needs a clock.
func (dotnetDays) Parse(s string) (Version, error) {
	if len(s) > maxText {
		return Version{}, fmt.Errorf("%w: %d bytes long", ErrNotVersion, len(s))
	}
	text := strings.TrimSpace(s)
	m := label.FindStringSubmatch(text)
	if m == nil {
		m = dotted.FindStringSubmatch(text)
	}
	if m == nil {
		return Version{}, fmt.Errorf("%w: %q", ErrNotVersion, s)
	}
	v := Version{Text: text}
	for part := range strings.SplitSeq(m[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return Version{}, fmt.Errorf("%w: %q: %w", ErrNotVersion, s, err)
		}
		v.Parts = append(v.Parts, n)
	}
	v.Parts = unpad(v.Parts)
	build, stated, err := buildOf(v.Parts)
	if err != nil {
		return Version{}, fmt.Errorf("%w: %q", err, s)
	}
	if stated {
		v.Build = build
	}
	return v, nil
}

// unpad takes off the zeros that fill a marketing version up to the four
// numbers of a version resource: 15.7.0.0 is 15.7. 1.0.0.0 is what compilers
// write where nobody set a version, and stays what it is.
func unpad(parts []int) []int {
	if len(parts) < 3 || parts[0] < 2 || parts[0] > lastLegacy || slices.Max(parts[2:]) > 0 {
		return parts
	}
	return parts[:2]
}

// buildOf picks the ordering number: the third of three or four, or the only
// one. Two numbers, or one small one, are a marketing version.
func buildOf(parts []int) (build int, stated bool, err error) {
	switch {
	case len(parts) >= 3:
		build = parts[2]
	case len(parts) == 1 && parts[0] > lastLegacy:
		build = parts[0]
	case parts[0] == 0 || parts[0] > lastLegacy:
		return 0, false, ErrNotVersion // 0.x and a bare "100.0" say nothing
	default:
		return 0, false, nil
	}
	if build < smallestBuild {
		return 0, false, ErrTooSmall
	}
	if build > largestBuild {
		return 0, false, ErrNotVersion
	}
	return build, true, nil
}

// Compare orders by build alone: 16 against 100 and the revision mean nothing.
// Where a side states no build, marketing numbers up to 16.x are compared by
// major and minor as far as both state them, and such a version is older than
// any build of the 100.0 line from 7000 on. Everything else is ok=false.
func (dotnetDays) Compare(a, b Version) (order int, ok bool) {
	if a.Build > 0 && b.Build > 0 {
		return cmp.Compare(a.Build, b.Build), true
	}
	if marketed(a) && marketed(b) {
		return compareMarketed(a, b)
	}
	switch {
	case marketed(b) && a.Build >= firstModern:
		return 1, true
	case marketed(a) && b.Build >= firstModern:
		return -1, true
	}
	return 0, false
}

// compareMarketed orders by major and minor. Equal numbers say equal only when
// both are bare: 15.7 may be any build of 15.7.
func compareMarketed(a, b Version) (order int, ok bool) {
	for i := range min(len(a.Parts), len(b.Parts), 2) {
		if c := cmp.Compare(a.Parts[i], b.Parts[i]); c != 0 {
			return c, true
		}
	}
	return 0, len(a.Parts) == 2 && len(b.Parts) == 2
}

// marketed reports a version that begins with a marketing number up to 16.x,
// with a build behind it or without.
func marketed(v Version) bool {
	if len(v.Parts) == 0 || v.Parts[0] <= 0 || v.Parts[0] > lastLegacy {
		return false
	}
	return v.Build == 0 || len(v.Parts) >= 3
}

// Date returns the day a build was compiled, midnight UTC; false for a
// marketing version.
func (dotnetDays) Date(v Version) (time.Time, bool) {
	if v.Build <= 0 {
		return time.Time{}, false
	}
	return time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, v.Build), true
}
