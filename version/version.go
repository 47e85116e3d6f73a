// Package version orders product versions and tests them against ranges, one
// file per scheme. It is a leaf over the standard library.
package version

import "time"

// Scheme parses and orders the versions of one kind of product.
type Scheme interface {
	// Name is the scheme's name in packs: "dotnet-days".
	Name() string
	// Parse reads a version as it is written anywhere: a resource, a page, a tag.
	Parse(s string) (Version, error)
	// Compare orders two versions: -1, 0, 1. ok is false when they can't be
	// ordered (a bare marketing version against a build).
	Compare(a, b Version) (order int, ok bool)
	// Date gives the day a version was compiled; false when it does not tell.
	Date(v Version) (time.Time, bool)
}

// Version is a parsed version.
type Version struct {
	Text  string // as written
	Parts []int  // numeric parts as written
	Build int    // the ordering number; 0: it states none
}

// Zero reports whether v is no version at all.
func (v Version) Zero() bool { return v.Text == "" && v.Build == 0 && len(v.Parts) == 0 }

// Range is a set of versions, in the vers notation of CSAF product_version_range
// branches ("vers:generic/<100.0.9413", "vers:generic/>=100.0.8495|<=100.0.8664").
type Range struct {
	Text   string
	Bounds []Bound // all must hold
}

// Bound is one comparison.
type Bound struct {
	Op      string // "<", "<=", ">", ">=", "="
	Version Version
}
