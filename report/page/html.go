package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"postern/report"
	"postern/verdict"
)

var (
	//go:embed html/page.html
	pageText string
	//go:embed html/style.css
	styleText string
	//go:embed html/script.js
	scriptText string
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"word": answerWord, "attackURL": attackURL, "attackName": func(id string) string { return attackNames[id] },
	"place": place, "second": second, "minute": minute, "day": day, "about": about, "product": product, "aboutInstall": aboutInstall,
	"exposure": exposure, "cves": newCVEs, "fixedIn": fixedIn, "builds": builds, "size": size, "isLink": isLink, "join": strings.Join,
	"count": count, "slug": slug, "cutRefs": cutRefs, "moreRefs": moreRefs,
	"seriesTitle": func() string { return seriesTitle },
	"pc":          func(x float64) string { return fmt.Sprintf("%.2f%%", x) },
}).Parse(pageText))

// view is what the template shows.
type view struct {
	R                    *report.Report
	Title                string
	Notes                []note
	Hosts                []hostView // the worst first
	Exposed, Compromised string     // tallies
	Firsts               []firstStep
	Policy               string
	Style                template.CSS
	Script               template.JS
}

// hostView is one host.
type hostView struct {
	ID            string
	H             *report.Host
	R             *report.Report
	Are           []string // its targets
	Headline      string
	Answers       []answerRow
	PerTarget     []string
	Advice        []string
	Why           []whyRow
	Line          *timeline
	Chunks        []chunk
	Found         int
	Installations []report.Installation
	Gaps          []gapGroup
	Missed        int
	SeenAll       string
	Looked        []lookedRow
	Series        []seriesRow
	Hashes        []report.Coverage
	MoreHashes    int
}

// chunk is a run of findings that a browser lays out together, or not at all
// while they are out of sight.
type chunk struct {
	First    int // index of the first
	Host     *hostView
	Findings []*report.Finding
}

const (
	chunkSize = 40
	mostOpen  = 3    // findings that are unfolded from the start
	mostRows  = 5000 // of one table; what is left out is said, and stands in the JSON report
	mostRefs  = 100  // of one finding
)

// HTML writes the report as one file for a browser: it opens offline, loads
// nothing, and its only script filters and folds.
func HTML(w io.Writer, r *report.Report) error {
	r = visible(r)
	v := view{
		R: r, Title: pageTitle(r), Notes: notes(r),
		Exposed: tally(r, exposedOf), Compromised: tally(r, compromisedOf), Firsts: firstSteps(r),
		Policy: "default-src 'none'; style-src " + source(styleText) + "; script-src " + source(scriptText) + "; base-uri 'none'; form-action 'none'",
		Style:  template.CSS(styleText), Script: template.JS(scriptText),
	}
	for n, i := range worstFirst(r) {
		v.Hosts = append(v.Hosts, newHostView(r, &r.Hosts[i], fmt.Sprintf("h%d", n+1)))
	}
	for i := range v.Hosts {
		for k := range v.Hosts[i].Chunks {
			v.Hosts[i].Chunks[k].Host = &v.Hosts[i]
		}
	}
	if err := pageTemplate.Execute(w, &v); err != nil {
		return fmt.Errorf("page: html: %w", err)
	}
	return nil
}

// source names an inline style or script in a content security policy (CSP 3,
// section 2.3.1).
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func pageTitle(r *report.Report) string {
	if len(r.Hosts) == 1 {
		return r.Hosts[0].Host
	}
	return fmt.Sprintf("%d hosts", len(r.Hosts))
}

// worstFirst orders hosts by what must be known first: compromised, then
// exposed, then the order in which they were named.
func worstFirst(r *report.Report) []int {
	bad := []verdict.Answer{verdict.Yes, verdict.Unknown, verdict.NoneSeen, verdict.No, verdict.NotExamined}
	read := []verdict.Reading{verdict.Entered, verdict.Suspected, verdict.OpenAttempt, verdict.KnockedAt, verdict.Untouched}
	rank := func(i int) int {
		a := &r.Hosts[i].Answers
		return slices.Index(bad, a.Compromised.Answer)*100 + slices.Index(read, a.Compromised.Reading)*10 + slices.Index(bad, a.Exposed.Answer)
	}
	all := make([]int, len(r.Hosts))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return rank(a) - rank(b) })
	return all
}

func newHostView(r *report.Report, h *report.Host, id string) hostView {
	rows := gapRows(r, h)
	v := hostView{
		ID: id, H: h, R: r, Headline: headline(&h.Answers), Answers: answerRows(&h.Answers), PerTarget: perTarget(r, h),
		Advice: steps(r, h), Why: whyRows(&h.Answers), Line: newTimeline(r, h, id), Installations: installations(r, h),
		Gaps: gapGroups(rows), Missed: len(rows), SeenAll: seenAll(r, h), Looked: lookedRows(r, h), Series: seriesRows(r, h),
	}
	for _, i := range h.Targets {
		v.Are = append(v.Are, describe(&r.Targets[i], h.Host))
	}
	all := findings(r, h)
	v.Found = len(all)
	for first := 0; first < len(all); first += chunkSize {
		v.Chunks = append(v.Chunks, chunk{First: first, Findings: all[first:min(len(all), first+chunkSize)]})
	}
	v.Hashes = hashed(r, h)
	v.MoreHashes = max(0, len(v.Hashes)-mostRows)
	v.Hashes = v.Hashes[:len(v.Hashes)-v.MoreHashes]
	return v
}

// Unfold reports whether the finding at this place of its chunk is open from
// the start: the few worst, if they prove something.
func (c chunk) Unfold(i int) bool { return c.First+i < mostOpen && proves(c.Findings[i]) }

// cveTable is a table of CVEs of one installation.
type cveTable struct {
	Host string
	All  []report.Vulnerability
	Says string // "" for those that count
}

// newCVEs is the table of those that count, or of all others; nil where there
// are none.
func newCVEs(in report.Installation, host string, counts bool) *cveTable {
	counting, rest := split(&in)
	if counts {
		rest = map[verdict.Status][]report.Vulnerability{"": counting}
	}
	t := &cveTable{Host: host, All: rest[""]}
	var said []string
	for _, s := range statuses {
		if n := len(rest[s]); n > 0 {
			t.All = append(t.All, rest[s]...)
			said = append(said, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(t.All) == 0 {
		return nil
	}
	if !counts {
		t.Says = "Other CVEs: " + strings.Join(said, ", ")
	}
	return t
}

// hashed are the files of a host that were read whole, once each.
func hashed(r *report.Report, h *report.Host) (all []report.Coverage) {
	seen := map[[2]string]bool{}
	for _, i := range h.Targets {
		for _, c := range r.Targets[i].Coverage {
			if key := [2]string{c.Path, c.SHA256}; c.SHA256 != "" && !seen[key] {
				seen[key] = true
				all = append(all, c)
			}
		}
	}
	return all
}

// isLink reports whether an address may be a link: the web's, and no other.
func isLink(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}

// attackURL is where MITRE tells of a technique; "" for what is no id.
func attackURL(id string) string {
	main, sub, _ := strings.Cut(id, ".")
	if len(main) != 5 || main[0] != 'T' || strings.Trim(main[1:]+sub, "0123456789") != "" {
		return ""
	}
	return "https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/") + "/"
}

// slug is an answer, severity or class as the name of a style, "" for any
// other text: a report that was read may hold one.
func slug(v any) string {
	text := fmt.Sprint(v)
	if len(text) > 20 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return text
}

func cutRefs(all []report.Ref) []report.Ref { return all[:min(len(all), mostRefs)] }
func moreRefs(all []report.Ref) int         { return max(0, len(all)-mostRefs) }

func size(n int64) string {
	switch {
	case n == 0:
		return ""
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d KB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}
