package probe

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
)

// Limits of one page: how often one pattern may match and how many different
// versions it may read, how long a quoted match may be, and how long a version
// or name.
const (
	maxMatches  = 4096
	maxVersions = 16
	maxText     = 200
	maxWord     = 100
)

// reading is what one page says about one product.
type reading struct {
	product string
	signals []evidence.Signal // a presence, or one per build read
	builds  bool
	cluster bool
	crowded bool // more versions than are kept
	notes   []string
}

// readPage holds a page against one product's patterns; false when the page is
// not the product's. Every build on it is read, whether they agree or not.
func readPage(r reader, ref evidence.Ref, body []byte) (reading, bool) {
	seen := firstMatch(r.request.Product, body)
	if seen == nil {
		return reading{}, false
	}
	got := reading{product: r.product}
	for _, b := range r.request.Builds {
		got.readBuilds(b, ref, body)
	}
	got.weighTicks(r.request.Builds)
	got.builds = len(got.signals) > 0
	if !got.builds {
		got.signals = []evidence.Signal{{Kind: evidence.SignalPresence, Confidence: evidence.Confirmed, Ref: at(ref, body, seen)}}
	}
	got.cluster = r.request.Cluster != nil && r.request.Cluster.Match(body)
	if name := submatch(r.request.Host, body); name != "" {
		got.notes = append(got.notes, "it calls itself "+strconv.QuoteToGraphic(name))
	}
	switch submatch(r.request.OS, body) {
	case "W":
		got.notes = append(got.notes, "it says that it runs on Windows")
	case "L":
		got.notes = append(got.notes, "it says that it runs on Linux")
	}
	return got, true
}

func (got *reading) readBuilds(b evidence.BuildPattern, ref evidence.Ref, body []byte) {
	var versions []string
	matches := b.Regexp.FindAllSubmatchIndex(body, maxMatches)
	for _, m := range matches {
		if len(m) < 4 || m[2] < 0 {
			continue
		}
		version := clip(body[m[2]:m[3]], maxWord)
		if b.Ticks {
			version = buildOfTicks(version)
		}
		if version == "" || slices.Contains(versions, version) {
			continue
		}
		if len(versions) == maxVersions {
			got.crowded = true
			return
		}
		versions = append(versions, version)
		got.signals = append(got.signals, evidence.Signal{Kind: evidence.SignalPage, Version: version, Confidence: b.Confidence, Ref: at(ref, body, m)})
	}
	got.crowded = got.crowded || len(matches) == maxMatches
}

// weighTicks drops a build reckoned from a compile time that differs from the
// versions the page states: a style sheet may be newer than the server, and a
// clock's zone shifts the day. The difference becomes a note.
func (got *reading) weighTicks(patterns []evidence.BuildPattern) {
	reckoned := func(s evidence.Signal) bool {
		return slices.ContainsFunc(patterns, func(b evidence.BuildPattern) bool { return b.Ticks && b.Regexp.MatchString(s.Ref.Text) })
	}
	i := slices.IndexFunc(got.signals, func(s evidence.Signal) bool { return !reckoned(s) })
	if i < 0 {
		return
	}
	stated := got.signals[i].Version
	got.signals = slices.DeleteFunc(got.signals, func(s evidence.Signal) bool {
		if !reckoned(s) || slices.Contains(numbers(stated), s.Version) {
			return false
		}
		got.notes = append(got.notes, fmt.Sprintf("its compile time would be build %s, and it states %s; what it states counts", s.Version, stated))
		return true
	})
}

// numbers splits a version into the numbers it is written with.
func numbers(version string) []string {
	return strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })
}

// ticksAtUnixEpoch is 1970-01-01 in .NET ticks: 100 ns since 0001-01-01
// (System.DateTime.Ticks).
const ticksAtUnixEpoch = 621_355_968_000_000_000

// buildOfTicks turns a compile time in .NET ticks into the build number that
// the compiler gave on that day: days since 2000-01-01 (AssemblyVersion with
// "*"). "" for what is no such time.
func buildOfTicks(s string) string {
	ticks, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return ""
	}
	seconds := (ticks - ticksAtUnixEpoch) / 10_000_000
	days := (seconds - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()) / 86400
	if days < 1 || days > 99_999 {
		return ""
	}
	return strconv.FormatInt(days, 10)
}

func firstMatch(any []*regexp.Regexp, body []byte) []int {
	for _, re := range any {
		if m := re.FindIndex(body); m != nil {
			return m
		}
	}
	return nil
}

// submatch returns the first group of re over body, "" without one.
func submatch(re *regexp.Regexp, body []byte) string {
	if re == nil {
		return ""
	}
	m := re.FindSubmatch(body)
	if len(m) < 2 {
		return ""
	}
	return clip(bytes.TrimSpace(m[1]), maxWord)
}

// at is ref with the place and the text of a match.
func at(ref evidence.Ref, body []byte, match []int) evidence.Ref {
	ref.Unit, ref.At = evidence.Offset, int64(match[0])
	ref.Text = clip(body[match[0]:match[1]], maxText)
	return ref
}

func clip(b []byte, limit int) string {
	return string(b[:min(len(b), limit)])
}

// gaps are what a reading leaves open at a page.
func (got *reading) gaps(path string) []evidence.Coverage {
	var gaps []evidence.Coverage
	if got.cluster {
		gaps = append(gaps, evidence.Gap(evidence.CoverPage, path, evidence.Exposed, evidence.OutOfScope,
			"the page says that this host has partners in a cluster, and they were not seen; check every node under its own name or address"))
	}
	if got.crowded {
		gaps = append(gaps, evidence.Gap(evidence.CoverPage, path, evidence.Exposed, evidence.Ambiguous,
			fmt.Sprintf("the page states more than %d versions; read the build from the program files on the host", maxVersions)))
	}
	return gaps
}
