package detect

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"postern/detect/tools"
	"postern/detect/yara"
	"postern/evidence"
	"postern/pack"
)

// contentRules are all YARA rules, in one set, and what is judged of files besides.
type contentRules struct {
	set     *yara.Rules // nil: none
	rules   map[*yara.Rule]*contentRule
	scanned map[*evidence.Place]bool // places whose files they are held against
	odd     map[string]*rule         // of packages anomaly and persist, by ID
	tools   *tools.Table
}

// contentRule is a YARA rule, its grade, and the places it is held against.
type contentRule struct {
	*rule
	from   *pack.Pack        // nil: the operator's own
	within []*evidence.Place // nil: all that are scanned
}

// contentOf lists the YARA rules of a pack.
func (e *Engine) contentOf(p *pack.Pack) []pack.RuleAt {
	if e.content.set == nil {
		return nil
	}
	var all []pack.RuleAt
	for _, y := range e.content.set.All() {
		if c := e.content.rules[y]; c != nil && c.from == p {
			all = append(all, pack.RuleAt{Name: y.Name, File: inPack(y.File), Line: y.Line, Column: 1})
		}
	}
	return all
}

// addYARA compiles the packs' and the operator's YARA rules into one set.
func (e *Engine) addYARA(packs []*pack.Pack, own *Own) []error {
	var sources []yara.Source
	owner := map[string]*pack.Pack{}
	for _, p := range packs {
		for _, f := range p.YARA {
			name := p.ID + "/" + f.File
			owner[name] = p
			sources = append(sources, yara.Source{Name: name, Text: f.Text})
		}
	}
	for _, f := range own.YARA {
		sources = append(sources, yara.Source{Name: f.File, Text: f.Text})
	}
	if len(sources) == 0 {
		return nil
	}
	externals := map[string]any{"filename": "", "filepath": "", "extension": "", "filetype": "", "owner": ""}
	for name, value := range own.Externals {
		externals[name] = value
	}
	set, errs := yara.Compile(sources, yara.Options{Externals: externals, Include: own.Include})
	var faults []error
	more := map[string]int{}
	for _, err := range errs {
		if more[err.File]++; owner[err.File] != nil {
			faults = append(faults, fault(err.File, err.Line, err.Column, errors.New(err.Message)))
		}
	}
	for _, err := range errs { // of the operator's files, which are refused whole, the first of each
		if n := more[err.File]; owner[err.File] == nil && n > 0 {
			e.refuse("yara", err.File, fmt.Errorf("%w; the whole file is refused, for %s", err, count(n, "reason", "reasons")))
			more[err.File] = 0
		}
	}
	e.content.set = set
	for _, y := range set.All() {
		if y.Private {
			continue
		}
		c, err := e.gradeContent(y, owner[y.File])
		if err != nil {
			faults = append(faults, fault(y.File, y.Line, 1, fmt.Errorf("rule %s: %w", y.Name, err)))
			continue
		}
		e.content.rules[y] = c
		e.rules = append(e.rules, c.rule)
	}
	return faults
}

// inPack is the name of a YARA file in its pack, whose id stands before it.
func inPack(name string) string {
	_, file, _ := strings.Cut(name, "/")
	return file
}

// fault is a fault of a pack's YARA file.
func fault(name string, line, column int, err error) error {
	id, file, _ := strings.Cut(name, "/")
	return fmt.Errorf("detect: pack %q: %w", id, &pack.Fault{File: file, Line: line, Column: column, Err: err})
}

// askEvery wants every file of a source that is whole, with all its content.
func (e *Engine) askEvery() {
	place := &evidence.Place{ID: "every file", Every: true, Hash: true, Content: math.MaxInt64, Parts: evidence.CompromisedNow}
	e.interest.Places, e.places = append(e.interest.Places, *place), append(e.places, place)
	e.content.scanned[place] = true
}

// askContent has the operator's YARA rules held against every file that is
// looked at.
func (e *Engine) askContent() {
	for i := range e.interest.Places {
		if p := &e.interest.Places[i]; !p.NoFiles {
			p.Content = max(p.Content, ownContent)
			e.content.scanned[e.places[i]] = true
		}
	}
}

// gradeContent reads a rule's grade off its meta. A pack's rule must state it
// all; one of the operator's own is graded by the score that rule sets of the
// field give (75 when they give none; 80 and above: alert, 60: warning, 40: notice).
func (e *Engine) gradeContent(y *yara.Rule, p *pack.Pack) (*contentRule, error) {
	meta := map[string]string{}
	for _, m := range y.Meta {
		meta[m.Name] = fmt.Sprint(m.Value)
	}
	ind := pack.Indicator{
		ID: y.Name, Title: cmp.Or(meta["description"], y.Name), Kind: pack.OnYARA, Parts: evidence.CompromisedNow, Class: "state",
		Severity: scored(meta["score"]), Confidence: evidence.Likely, Sources: references(y), Next: "A YARA rule of yours matched: keep a copy of the file and its times, and read it.",
	}
	c := &contentRule{from: p}
	if p != nil {
		for _, name := range []string{"description", "class", "severity", "confidence", "attack", "places", "next"} {
			if meta[name] == "" {
				return nil, fmt.Errorf("its meta has no %q", name)
			}
		}
		ind.Class, ind.Severity, ind.Confidence, ind.Next = meta["class"], meta["severity"], evidence.Confidence(meta["confidence"]), meta["next"]
		ind.Attack, ind.Vulns = list(meta["attack"]), list(meta["vulnerabilities"])
		if !slices.Contains([]evidence.Confidence{evidence.Confirmed, evidence.Likely, evidence.Unsure}, ind.Confidence) {
			return nil, fmt.Errorf("confidence %q is none there is", ind.Confidence)
		}
		for _, id := range list(meta["places"]) {
			place, err := e.scan(p, id)
			if err != nil {
				return nil, err
			}
			c.within = append(c.within, place)
		}
	}
	var err error
	c.rule, err = newRule(&ind)
	c.own = p == nil
	return c, err
}

// scan has the files of a pack's place held against YARA rules.
func (e *Engine) scan(p *pack.Pack, id string) (*evidence.Place, error) {
	i := slices.IndexFunc(p.Places, func(pl evidence.Place) bool { return pl.ID == id })
	switch {
	case i < 0:
		return nil, fmt.Errorf("no place %q", id)
	case p.Places[i].Content <= 0:
		return nil, fmt.Errorf("place %q does not ask for content", id)
	}
	e.content.scanned[&p.Places[i]] = true
	return &p.Places[i], nil
}

// references are the values of every meta named so: reference, reference2.
func references(y *yara.Rule) []string {
	var all []string
	for _, m := range y.Meta {
		if text, is := m.Value.(string); is && strings.HasPrefix(m.Name, "reference") {
			all = append(all, text)
		}
	}
	return all
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// scored gives the severity of a score from 0 to 100.
func scored(score string) string {
	n := 75
	if _, err := fmt.Sscanf(score, "%d", &n); err != nil {
		n = 75
	}
	switch {
	case n >= 80:
		return "high"
	case n >= 60:
		return "medium"
	case n >= 40:
		return "low"
	}
	return "info"
}
