package detect

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"postern/detect/sigma"
	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

// Own is what the operator brings beside the packs. What of it can't be
// honoured is refused by name, and everything else counts.
type Own struct {
	Sigma        []pack.TextFile
	YARA         []pack.TextFile
	Placeholders map[string][]string               // for Sigma's modifier expand
	Externals    map[string]any                    // YARA's external variables
	Include      func(name string) ([]byte, error) // reads what YARA files include; nil refuses it
	Lists        []*ioc.List                       // of indicators
	Refused      []Refusal                         // entries of those lists that can't be honoured
}

// ownRules is what the engine could not make use of.
type ownRules struct {
	refusals  []Refusal
	notes     []evidence.Coverage // what of lists is not held as an indicator is
	unread    []*rule             // for logs that nothing here reads
	fieldless []*rule             // for fields that none of their logs has
}

// ownSigma is what gaps of the operator's Sigma rules are called by.
const ownSigma = "sigma of your own"

// ownContent is how much of a file the operator's YARA rules are held against.
const ownContent = 64 << 20

// addOwnSigma compiles the operator's Sigma files.
func (e *Engine) addOwnSigma(own *Own) {
	var filters []*sigma.Filter
	var rules []*sigma.Rule
	var correlations []*sigma.Correlation
	for _, f := range own.Sigma {
		r, c, err := sigma.Parse(f.File, f.Text, sigma.Options{Placeholders: own.Placeholders, Filters: &filters})
		e.refuse("sigma", f.File, err)
		rules, correlations = append(rules, r...), append(correlations, c...)
	}
	e.refuse("sigma", "", sigma.Apply(rules, filters))
	for _, s := range rules {
		f := gradeOf(s)
		r, err := newRule(&f.Indicator)
		if err == nil {
			r.own, r.event = true, &eventRule{Rule: s}
			err = e.take(r)
		}
		switch {
		case err != nil:
			e.refuse("sigma", s.File, fmt.Errorf("%s:%d: %w", s.File, s.Line, err))
		case !e.read(s):
			e.unread = append(e.unread, r)
		case ofWindows(s):
			e.wantOwn(s)
			if !e.answered(s) && !e.answeredByWindows(s) {
				e.fieldless = append(e.fieldless, r)
			}
		case !e.answered(s):
			e.fieldless = append(e.fieldless, r)
		}
	}
	var bound []*correlated
	for _, c := range correlations {
		ind := ownIndicator(&c.Meta, "success")
		r, err := newRule(&ind)
		if err == nil {
			err = e.claim(r.ID)
		}
		if err != nil {
			e.refuse("sigma", c.File, fmt.Errorf("%s:%d: correlation %q: %w", c.File, c.Line, ind.ID, err))
			continue
		}
		r.own = true
		bound = append(bound, &correlated{rule: r, Correlation: c})
	}
	for c, err := range e.bind(bound) {
		e.refuse("sigma", c.File, fmt.Errorf("%s:%d: correlation %q: %w", c.File, c.Line, c.rule.ID, err))
	}
	for _, c := range e.correlations {
		if c.own && c.tried() {
			c.class = verdict.Attempt
		}
	}
}

// tried reports whether all that a correlation builds on are requests that
// somebody made of a web server: many tries are no success.
func (c *correlated) tried() bool {
	return !slices.ContainsFunc(c.base, func(u use) bool { return !u.of.own || u.of.class != verdict.Attempt }) &&
		!slices.ContainsFunc(c.over, func(o overlay) bool { return !o.tried() })
}

// answered reports whether a log of the rule's source has the fields that the
// rule can't do without.
func (e *Engine) answered(s *sigma.Rule) bool {
	for _, f := range e.formats {
		if meets(s.Source, &f) && slices.ContainsFunc(shapes(&f), func(shape *evidence.Schema) bool {
			return sigma.Compile([]*sigma.Rule{s}, columns{shape}.resolve).Len() > 0
		}) {
			return true
		}
	}
	return false
}

// read reports whether any log format that is read at all is one the rule is for.
func (e *Engine) read(s *sigma.Rule) bool {
	for _, f := range e.formats {
		if meets(s.Source, &f) {
			return true
		}
	}
	return ofWindows(s)
}

// refuse lists what of the operator's own was left out, an entry a reason.
func (e *Engine) refuse(kind, file string, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			e.refuse(kind, file, one)
		}
		return
	}
	e.refusals = append(e.refusals, Refusal{Rule: kind, File: file, Why: err.Error(), Placeholder: errors.Is(err, sigma.ErrPlaceholder)})
}

// gaps says which of the operator's rules are held against nothing.
func (e *Engine) gaps() []evidence.Coverage {
	parts := map[string]evidence.Parts{"sigma": evidence.CompromisedThen, "yara": evidence.CompromisedNow, "list": evidence.Compromised}
	refused := map[string]int{}
	for _, r := range e.refusals {
		refused[r.Rule]++
	}
	all := slices.Clone(e.notes)
	for _, kind := range slices.Sorted(maps.Keys(refused)) {
		all = append(all, evidence.Gap(evidence.CoverState, kind+" of your own", parts[kind], evidence.Unsupported,
			count(refused[kind], "rule, file or entry was", "rules, files or entries were")+" refused; the report names each"))
	}
	if len(e.unread) > 0 {
		all = append(all, evidence.Gap(evidence.CoverState, ownSigma, evidence.CompromisedThen, evidence.Unsupported,
			count(len(e.unread), "rule is", "rules are")+" for logs that this version does not read: "+sourcesOf(e.unread)))
	}
	if len(e.fieldless) > 0 {
		all = append(all, evidence.Gap(evidence.CoverState, ownSigma, evidence.CompromisedThen, evidence.Unsupported,
			count(len(e.fieldless), "rule needs", "rules need")+" fields that no log read here has: "+titlesOf(e.fieldless)))
	}
	return all
}

// mostNamed is how many rules or log sources a gap names.
const mostNamed = 12

// named joins names, the first of many.
func named(names []string) string {
	if more := len(names) - mostNamed; more > 0 {
		names = append(slices.Clone(names[:mostNamed]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// titlesOf names rules by title.
func titlesOf(rules []*rule) string {
	var titles []string
	for _, r := range rules {
		titles = append(titles, fmt.Sprintf("%q", r.Title))
	}
	return named(titles)
}

// sourcesOf names the log sources of rules, those of the most rules first.
func sourcesOf(rules []*rule) string {
	counts := map[string]int{}
	for _, r := range rules {
		s := r.event.Source
		counts[strings.Join(strings.Fields(s.Product+" "+s.Category+" "+s.Service), " ")]++
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%d)", name, counts[name])
	}
	return named(names)
}
