package pack

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/csaf"
	"postern/evidence"
	"postern/version"
)

// How the facts of a vulnerability stand in CSAF 2.0. Where the standard has a
// field it is used; the rest stands in texts of a fixed form, which the loader
// demands to the letter:
//
//	affected    product_status known_affected: products under a
//	            product_version_range branch, vers notation, one interval each
//	fixed       product_status first_fixed: one product under a product_version
//	            branch; absent when no source states the first fixed version
//	fix day     remediations, category vendor_fix, date
//	published   release_date; found: discovery_date
//	KEV         threats, category exploit_status, details
//	            "CISA KEV: added 2026-01-26; due 2026-02-16; ransomware: Known"
//	first use   threats, category exploit_status, details "First known use: ...",
//	            with date
//	CVSS v4.0   notes, category other, title "CVSS v4.0 base score", text "9.3 (VulnCheck)";
//	            CSAF 2.0 has no field for it
//	confidence  notes, category other, title "Confidence", text "confirmed: why"
//
// The safe start is computed: the earliest of fix day, found, first use and
// published.
var (
	kevDetails = regexp.MustCompile(`^CISA KEV: added (\d{4}-\d{2}-\d{2}); due (\d{4}-\d{2}-\d{2}); ransomware: (Known|Unknown)$`)
	cvss4Text  = regexp.MustCompile(`^(10\.0|\d\.\d) \([^)]+\)$`)
	cveID      = regexp.MustCompile(`^CVE-\d{4}-\d{4,}$`)
	idUnsafe   = regexp.MustCompile(`[^+a-z0-9-]+`)
)

const (
	kevPrefix      = "CISA KEV"
	firstUsePrefix = "First known use: "
	cvss4Title     = "CVSS v4.0 base score"
	sureTitle      = "Confidence"
)

// advisory reads one CSAF document into vulnerabilities.
func (l *loader) advisory(name string, content []byte) {
	f := l.file(name)
	doc, err := csaf.Parse(bytes.NewReader(content))
	if err != nil {
		f.Fail(place{}, ErrAdvisory, "%w", err)
		return
	}
	problems := csaf.Check(doc)
	for _, p := range problems {
		f.Fail(place{}, ErrAdvisory, "CSAF test %s: %s: %s", p.Test, p.Path, p.What)
	}
	if len(problems) > 0 {
		return
	}
	// CSAF 2.0 section 5.1: the file is named after the tracking id.
	if want := idUnsafe.ReplaceAllString(strings.ToLower(doc.Meta.Tracking.ID), "_") + ".json"; want != path.Base(name) {
		f.Fail(place{}, ErrAdvisory, "tracking id %q wants the file name %s", doc.Meta.Tracking.ID, want)
	}
	versions := l.versions(f, doc)
	for i := range doc.Vulnerabilities {
		l.vulnerability(f, doc, &doc.Vulnerabilities[i], versions)
	}
}

// branch is a version or range that a product id stands for.
type branch struct{ category, name string }

// versions maps the document's product ids to their version branches. A
// product of another name than the pack's is a fault: nothing would judge it.
func (l *loader) versions(f *file, doc *csaf.Document) map[string]branch {
	all := map[string]branch{}
	if doc.Products == nil {
		return all
	}
	doc.Products.Each(func(p *csaf.Product, path []*csaf.Branch) {
		product := slices.ContainsFunc(path, func(b *csaf.Branch) bool {
			return b.Category == "product_name" && b.Name == l.pack.Product.Name
		})
		if !product {
			f.Fail(place{}, ErrAdvisory, "product %q stands under no product_name branch %q", p.ID, l.pack.Product.Name)
			return
		}
		last := path[len(path)-1]
		all[p.ID] = branch{last.Category, last.Name}
	})
	return all
}

func (l *loader) vulnerability(f *file, doc *csaf.Document, from *csaf.Vulnerability, versions map[string]branch) {
	if !cveID.MatchString(from.CVE) {
		f.Fail(place{}, ErrAdvisory, "vulnerability %q has no CVE id", from.Title)
		return
	}
	f = l.file(f.Name + ": " + from.CVE)
	if slices.ContainsFunc(l.pack.Vulnerabilities, func(v Vulnerability) bool { return v.ID == from.CVE }) {
		f.Fail(place{}, ErrDuplicate, "another document has it")
		return
	}
	v := Vulnerability{ID: from.CVE, Title: from.Title, Published: f.when("release_date", from.Released)}
	if v.Title == "" {
		f.Fail(place{}, ErrMissing, "title")
	}
	if from.CWE != nil {
		v.CWE = from.CWE.ID
	}
	l.ranges(f, &v, from.Status, versions)
	v.Score = l.score(f, from)
	v.Confidence = l.sureness(f, from.Notes)
	found := f.optionalWhen("discovery_date", from.Discovered)
	firstUse := l.threats(f, &v, from.Threats)
	for _, r := range from.Remediation {
		if r.Category == "vendor_fix" && r.Date != "" {
			v.FixDate = earlier(v.FixDate, f.when("remediations date", r.Date))
		}
	}
	for _, r := range slices.Concat(from.References, doc.Meta.References) {
		if r.URL != "" && !slices.Contains(v.References, r.URL) {
			v.References = append(v.References, r.URL)
		}
	}
	v.SafeStart, v.StartWhy = safeStart(v.FixDate, found, firstUse, v.Published)
	l.pack.Vulnerabilities = append(l.pack.Vulnerabilities, v)
}

// ranges fills what is affected and what is fixed, and refuses a fixed version
// that its own ranges call affected.
func (l *loader) ranges(f *file, v *Vulnerability, status *csaf.Status, versions map[string]branch) {
	if status == nil || len(status.KnownAffected) == 0 {
		f.Fail(place{}, ErrMissing, "known_affected products")
		return
	}
	for _, id := range status.KnownAffected {
		b := versions[id]
		if b.category != "product_version_range" {
			f.Fail(place{}, ErrAdvisory, "affected product %q is no product_version_range", id)
			continue
		}
		parsed, err := version.ParseRange(l.pack.Scheme, b.name)
		if err != nil {
			f.Fail(place{}, ErrAdvisory, "%w", err)
			continue
		}
		v.Affected = append(v.Affected, parsed)
	}
	if len(status.FirstFixed) == 0 {
		return
	}
	b := versions[status.FirstFixed[0]]
	if len(status.FirstFixed) > 1 || b.category != "product_version" {
		f.Fail(place{}, ErrAdvisory, "first_fixed wants one product under a product_version branch")
		return
	}
	fixed, err := l.pack.Scheme.Parse(b.name)
	if err != nil {
		f.Fail(place{}, ErrAdvisory, "first fixed: %w", err)
		return
	}
	v.Fixed = fixed
	for _, r := range v.Affected {
		if in, known := r.Holds(l.pack.Scheme, fixed); in || !known {
			f.Fail(place{}, ErrAdvisory, "%s does not exclude the first fixed version %s", r.Text, fixed.Text)
		}
	}
}

// score is the highest base score stated, of any CVSS version.
func (l *loader) score(f *file, from *csaf.Vulnerability) (highest float64) {
	for _, s := range from.Scores {
		for _, c := range []csaf.CVSS{s.V2, s.V3} {
			if n, ok := c.Number("baseScore"); ok {
				highest = max(highest, n)
			}
		}
	}
	for _, n := range from.Notes {
		if n.Title != cvss4Title {
			continue
		}
		m := cvss4Text.FindStringSubmatch(n.Text)
		if m == nil {
			f.Fail(place{}, ErrValue, "note %q: %q is not like \"9.3 (VulnCheck)\"", cvss4Title, n.Text)
			continue
		}
		score, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			f.Fail(place{}, ErrValue, "note %q: %w", cvss4Title, err)
		}
		highest = max(highest, score)
	}
	return highest
}

// sureness reads the note that every vulnerability of a pack must have.
func (l *loader) sureness(f *file, notes []csaf.Note) evidence.Confidence {
	for _, n := range notes {
		if n.Title != sureTitle {
			continue
		}
		word, _, _ := strings.Cut(n.Text, ":")
		if !slices.Contains(strings.Split(confidences, ","), word) {
			f.Fail(place{}, ErrValue, "note %q begins with none of %s", sureTitle, confidences)
		}
		return evidence.Confidence(word)
	}
	f.Fail(place{}, ErrMissing, "note %q", sureTitle)
	return ""
}

// threats fills the KEV facts and returns the day of first known use.
func (l *loader) threats(f *file, v *Vulnerability, threats []csaf.Threat) (firstUse time.Time) {
	for _, t := range threats {
		switch {
		case strings.HasPrefix(t.Details, kevPrefix):
			m := kevDetails.FindStringSubmatch(t.Details)
			if m == nil || t.Category != "exploit_status" {
				f.Fail(place{}, ErrValue, "threat %q is not of the form %s", t.Details, kevDetails)
				continue
			}
			v.KEVAdded, v.KEVDue = f.when("KEV added", m[1]), f.when("KEV due", m[2])
			v.Ransomware = m[3] == "Known"
		case strings.HasPrefix(t.Details, firstUsePrefix):
			firstUse = earlier(firstUse, f.when("first use", t.Date))
		}
	}
	return firstUse
}

// safeStart is the earliest of the days that could have begun an attack, and
// which one it is.
func safeStart(fixed, found, used, published time.Time) (time.Time, string) {
	var start time.Time
	var why string
	for _, c := range []struct {
		day time.Time
		why string
	}{{used, "first known use"}, {found, "found or reported"}, {fixed, "fix shipped, so the patch could be compared"}, {published, "published"}} {
		if !c.day.IsZero() && (start.IsZero() || c.day.Before(start)) {
			start, why = c.day, c.why
		}
	}
	return start, fmt.Sprintf("%s %s", start.Format(time.DateOnly), why)
}

// earlier returns the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// when reads a day or an RFC 3339 time that must be there.
func (f *file) when(what, value string) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC()
		}
	}
	f.Fail(place{}, ErrValue, "%s: %q is no date", what, value)
	return time.Time{}
}

func (f *file) optionalWhen(what, value string) time.Time {
	if value == "" {
		return time.Time{}
	}
	return f.when(what, value)
}
