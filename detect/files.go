package detect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/detect/yara"
	"postern/evidence"
	"postern/pack"
)

// seen is one file or folder as rules see it.
type seen struct {
	*evidence.Observation
	path   string // the machine's, lower case, slashes forward
	sum    string // SHA-256, "" if it was not hashed
	ref    evidence.Ref
	places []*evidence.Place // those it lies in
	size   int64             // the file's own; -1: not known
}

// observePath holds a file or folder against the rules for its place, its hash
// and its content. An error is a *evidence.ReadError: what could be told
// without the content was told.
func (l *lane) observePath(ctx context.Context, o *evidence.Observation) error {
	s := seen{Observation: o, path: strings.ToLower(strings.ReplaceAll(o.Get("TargetFilename"), `\`, "/")), sum: sha256Of(o.Get("Hashes")), ref: o.Ref, size: -1}
	s.ref.SHA256 = cmp.Or(s.ref.SHA256, s.sum)
	if size, err := strconv.ParseInt(o.Get("Size"), 10, 64); err == nil {
		s.size = size
	}
	for _, i := range l.placesOf(o, s.path) {
		s.places = append(s.places, l.x.engine.places[i])
	}
	failed := l.holdIndicators(&s)
	if o.Kind == evidence.ObserveFile {
		l.holdAnomalies(&s)
		failed = errors.Join(failed, l.holdSettings(&s), l.holdContent(ctx, &s))
	}
	if failed != nil {
		return &evidence.ReadError{Err: failed}
	}
	return nil
}

// in reports whether the file lies in a place.
func (s *seen) in(p *evidence.Place) bool { return slices.Contains(s.places, p) }

// unread reports whether the file has content that nobody opened, and covers it.
func (l *lane) unread(s *seen, parts evidence.Parts, what string) bool {
	if s.Content != nil || s.size == 0 {
		return false
	}
	l.x.Cover(evidence.Gap(evidence.CoverFile, s.ref.Path, parts, evidence.Unreadable, "its content could not be held against "+what))
	return true
}

// holdIndicators holds a file or folder against names, hashes and bytes.
func (l *lane) holdIndicators(s *seen) error {
	var failed error
	if s.Kind == evidence.ObserveFile {
		l.holdNamed(s)
	}
	for _, r := range l.x.engine.listed[s.path] {
		l.sight(r, s, s.path)
	}
	for _, r := range l.x.engine.files {
		if (r.Kind == pack.OnFolder) != (s.Kind == evidence.ObserveFolder) || !s.in(r.place) || !r.Match.HoldsPath(s.path) {
			continue
		}
		holds, err := l.begins(r, s)
		if err != nil {
			failed = err
		}
		if !holds {
			continue
		}
		l.sight(r, s, "")
	}
	return failed
}

// holdNamed holds a program, or what tells of one, against hashes and names.
func (l *lane) holdNamed(s *seen) {
	for sum := range sumsOf(s.Get("Hashes")) {
		for _, r := range l.x.engine.hashes[sum] {
			l.sight(r, s, sum)
		}
	}
	if e := l.x.engine; len(e.names) > 0 {
		name := path.Base(s.path)
		for _, r := range e.names[name] {
			l.sight(r, s, name)
		}
	}
}

// sight counts a file or folder for a rule; what is what matched, for a list.
func (l *lane) sight(r *rule, s *seen, what string) {
	found := sighting{rule: r, class: r.class, severity: r.severity, label: r.Label}
	if r.named {
		r.matched(&found, []string{what}, time.Time{}, nil) // a file is what it is, at any time
	}
	l.add(found, s.ref, s.Time, nil)
}

// placesOf are the places that a file or folder lies in: as its collector says, or
// else as its path tells.
func (l *lane) placesOf(o *evidence.Observation, path string) (all []int) {
	if o.Places != nil {
		return o.Places
	}
	in := &l.x.engine.interest
	for i := range in.Places {
		if placeHolds(&in.Places[i], o.Kind, l.x.os, path) {
			all = append(all, i)
		}
	}
	return all
}

// placeHolds reports whether a file or folder lies in a place.
func placeHolds(p *evidence.Place, kind evidence.ObservationKind, os evidence.OS, path string) bool {
	if p.OS != "" && os != "" && p.OS != os || kind == evidence.ObserveFolder && !p.Folders {
		return false
	}
	return p.Files[path] || kind == evidence.ObserveFile && p.Names[path[strings.LastIndexByte(path, '/')+1:]] || slices.ContainsFunc(p.Paths, func(re *regexp.Regexp) bool { return re.MatchString(path) })
}

// holdSettings holds a settings file against the checks for its place. What was
// read of one before an error is held all the same.
func (l *lane) holdSettings(s *seen) error {
	var asking []*check
	var most int64
	for _, c := range l.x.engine.checks {
		if s.in(c.place) && (c.Name == nil || c.Name.MatchString(s.path)) {
			asking, most = append(asking, c), max(most, c.place.Content)
		}
	}
	if asking == nil {
		return nil
	}
	var leaves []pack.Leaf
	var failed error
	if parts := asking[0].rule.Parts; !l.unread(s, parts, "the checks of settings") && s.Content != nil {
		leaves, failed = l.leaves(s, min(s.Size, most), parts)
	}
	for _, c := range asking {
		for _, leaf := range c.Hits(leaves, l.x.changed(s)) {
			ref := s.ref
			ref.Unit, ref.At, ref.Text = evidence.Offset, leaf.Offset, leaf.Key+": "+leaf.Value
			if leaf.Key == "" {
				ref = s.ref // the file itself
			}
			found := sighting{rule: c.rule, class: c.class, severity: c.severity, label: c.rule.Label}
			if c.Changed {
				found.fixed = nothing
			}
			l.add(found, ref, s.Time, nil)
		}
	}
	return failed
}

// leaves reads the first size bytes of a settings file. One that does not
// decode, or not whole, is a gap; what was read of it is given all the same.
func (l *lane) leaves(s *seen, size int64, parts evidence.Parts) ([]pack.Leaf, error) {
	text := make([]byte, size)
	n, err := readFull(s.Content, text, 0)
	leaves, bad := pack.Leaves(text[:n])
	switch {
	case s.size > size:
		l.x.Cover(evidence.Gap(evidence.CoverFile, s.ref.Path, parts, evidence.TooLarge, fmt.Sprintf("only its first %d bytes were held against the checks of settings", size)))
	case bad != nil && err == nil:
		l.x.Cover(evidence.Gap(evidence.CoverFile, s.ref.Path, parts, evidence.Damaged, "its settings could not be read to their end: "+bad.Error()))
	}
	return leaves, err
}

// changed reports whether a file was changed inside the required window.
func (x *Examination) changed(s *seen) bool {
	from := x.engine.interest.Required.From
	return !s.Time.IsZero() && !s.Time.Before(from)
}

// holdContent holds a file's content against the YARA rules, in one pass.
func (l *lane) holdContent(ctx context.Context, s *seen) error {
	e := l.x.engine
	if e.content.set == nil || !slices.ContainsFunc(s.places, func(p *evidence.Place) bool { return e.content.scanned[p] }) {
		return nil
	}
	if l.unread(s, evidence.CompromisedNow, "the YARA rules") || s.Content == nil {
		return nil
	}
	err := e.content.set.Scan(ctx, s.Content, s.Size, externals(s.Get("TargetFilename")), func(m yara.Match) {
		r := e.content.rules[m.Rule]
		if r == nil || len(r.within) > 0 && !slices.ContainsFunc(r.within, s.in) {
			return
		}
		ref := s.ref
		if len(m.Strings) > 0 {
			first := m.Strings[0]
			ref.Unit, ref.At, ref.Text = evidence.Offset, first.Offset, first.Name+": "+string(first.Data)
		}
		l.add(sighting{rule: r.rule, class: r.class, severity: r.severity, label: r.Label}, ref, s.Time, nil)
	})
	var limit *yara.LimitError
	switch {
	case errors.As(err, &limit):
		l.x.Cover(evidence.Gap(evidence.CoverFile, s.ref.Path, evidence.CompromisedNow, evidence.Limited, limit.Error()))
		err = nil
	case s.size > s.Size:
		l.x.Cover(evidence.Gap(evidence.CoverFile, s.ref.Path, evidence.CompromisedNow, evidence.TooLarge, fmt.Sprintf("only its first %d bytes were held against the YARA rules", s.Size)))
	}
	return err
}

// externals are the variables that rule sets of the field expect of a scanner.
func externals(name string) map[string]any {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	return map[string]any{
		"filename": base, "filepath": strings.TrimSuffix(name, base), "extension": path.Ext(base), "filetype": "", "owner": "",
	}
}

// sumsOf gives the hashes of a Hashes field, lower case.
func sumsOf(hashes string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for h := range strings.SplitSeq(hashes, ",") {
			if _, sum, ok := strings.Cut(strings.TrimSpace(h), "="); ok && !yield(strings.ToLower(sum)) {
				return
			}
		}
	}
}

// sha256Of reads the SHA-256 off a Hashes field: "MD5=...,SHA256=...".
func sha256Of(hashes string) string {
	for h := range strings.SplitSeq(hashes, ",") {
		if name, sum, ok := strings.Cut(strings.TrimSpace(h), "="); ok && strings.EqualFold(name, "SHA256") {
			return strings.ToLower(sum)
		}
	}
	return ""
}
