package pack

import (
	"encoding/base64"
	"regexp"
	"slices"

	"postern/evidence"
	"postern/pack/settings"
)

// Leaf is one value of a settings file.
type Leaf = settings.Leaf

// Leaves flattens a settings file. What could be read comes with an error, too.
func Leaves(text []byte) ([]Leaf, error) { return settings.Read(text) }

// Check is one thing to look for in settings files. Its Indicator has Kind
// OnSetting and no Match; HoldsPath, Hits and Leaves are the whole of it.
type Check struct {
	Indicator
	Place   string         // Place.ID
	Name    *regexp.Regexp // over the machine's path as Place.Paths sees it; nil: every file of Place
	Key     *regexp.Regexp // over a leaf's key; nil: any, with Changed only
	Value   *regexp.Regexp // over a leaf's value; nil: any that is not empty
	Except  *regexp.Regexp // over a leaf's value: these are not meant; nil: none
	Over    int            // holds only when more leaves than this match; all of them are one finding
	Changed bool           // holds only for a file that was changed inside the required window
}

// HoldsPath reports whether a file of the place is meant.
func (c *Check) HoldsPath(path string) bool { return c.Name == nil || c.Name.MatchString(path) }

// ReadsContent reports whether the check looks at leaves at all.
func (c *Check) ReadsContent() bool { return c.Key != nil }

// Hits returns the leaves of a file that are meant; none: the check does not
// hold. A check of change alone gives one leaf without key or value: the file.
func (c *Check) Hits(leaves []Leaf, changed bool) []Leaf {
	if c.Changed && !changed {
		return nil
	}
	if !c.ReadsContent() {
		return []Leaf{{}}
	}
	var hits []Leaf
	for _, leaf := range leaves {
		if c.holds(leaf) {
			hits = append(hits, leaf)
		}
	}
	if len(hits) <= c.Over {
		return nil
	}
	return hits
}

func (c *Check) holds(leaf Leaf) bool {
	wanted := leaf.Value != ""
	if c.Value != nil {
		wanted = c.Value.MatchString(leaf.Value)
	}
	return wanted && c.Key.MatchString(leaf.Key) && (c.Except == nil || !c.Except.MatchString(leaf.Value))
}

func (l *loader) checks(s *specConfig) {
	f := l.file("config.yaml")
	for i := range s.Checks {
		f.unique(l.ids, s.Checks[i].ID)
		made := l.check(f, &s.Checks[i])
		if slices.ContainsFunc(l.pack.Places, func(p evidence.Place) bool { return p.ID == made.Place }) {
			l.proveCheck(f, &s.Checks[i], &made)
		}
		l.pack.Checks = append(l.pack.Checks, made)
	}
}

func (l *loader) check(f *file, s *specCheck) Check {
	out := Check{
		Indicator: Indicator{
			ID: s.ID.Value, Title: s.Title.Value, Kind: OnSetting, Parts: evidence.CompromisedNow,
			Class: s.Class.Value, Severity: s.Severity.Value, Confidence: evidence.Confidence(s.Confidence.Value),
			Vulns: strs(s.Vulns), Attack: strs(s.Attack), Next: s.Next.Value, Sources: f.links(s.Sources), FirstSeen: s.FirstSeen.Time,
		},
		Place: s.Place.Value, Name: s.Name.Regexp, Key: s.Key.Regexp, Value: s.Value.Regexp, Except: s.Except.Regexp, Changed: s.Changed,
	}
	l.known(f, s.Vulns, s.Attack)
	f.proof(s.Severity, s.Confidence, s.Class)
	f.lowerCase(s.Name)
	l.dated(f, s.ID, s.FirstSeen)
	for _, p := range []pattern{s.Name, s.Key, s.Value, s.Except} {
		f.quick(p)
	}
	if s.Count != nil {
		out.Over = s.Count.Over
		if out.Over < 1 {
			f.Fail(s.Count.At, ErrValue, "over %d; one match is enough without a count", out.Over)
		}
	}
	if out.Key == nil {
		switch {
		case !out.Changed:
			f.Fail(s.At, ErrMissing, "\"key\", or changed: true for a check of the file itself")
		case out.Value != nil || out.Except != nil || s.Count != nil:
			f.Fail(s.At, ErrValue, "value, except and count are never read without a key")
		}
	}
	i := slices.IndexFunc(l.pack.Places, func(p evidence.Place) bool { return p.ID == s.Place.Value })
	switch {
	case i < 0:
		f.Fail(s.Place.At, ErrReference, "no place %q", s.Place.Value)
	case out.ReadsContent() && l.pack.Places[i].Content == 0:
		f.Fail(s.Place.At, ErrValue, "place %q asks for no content", s.Place.Value)
	}
	return out
}

// proveCheck holds a check against its own examples and near misses.
func (l *loader) proveCheck(f *file, s *specCheck, c *Check) {
	for i := range s.Examples {
		if !l.checkHits(f, c, &s.Examples[i]) {
			f.Fail(s.Examples[i].At, ErrExample, "example of %q is not matched", c.ID)
		}
	}
	for i := range s.Near {
		if l.checkHits(f, c, &s.Near[i]) {
			f.Fail(s.Near[i].At, ErrExample, "near miss of %q is matched", c.ID)
		}
	}
}

func (l *loader) checkHits(f *file, c *Check, s *specCheckCase) bool {
	content := []byte(s.Text.Value)
	if s.Content.Value != "" {
		var err error
		if content, err = base64.StdEncoding.DecodeString(s.Content.Value); err != nil {
			f.Fail(s.Content.At, ErrValue, "content is no base64: %w", err)
		}
		if s.Text.Value != "" {
			f.Fail(s.At, ErrValue, "want either content or text")
		}
	}
	var leaves []Leaf
	if c.ReadsContent() {
		var err error
		if leaves, err = Leaves(content); err != nil {
			f.Fail(s.At, ErrValue, "%w", err)
		}
	}
	path := machinePath(s.File.Value)
	changed := !s.Changed.IsZero() && !s.Changed.Before(l.pack.RequiredFrom)
	return l.placed(c.Place, path) && c.HoldsPath(path) && len(c.Hits(leaves, changed)) > 0
}
