// Package detect compiles packs into an Engine and holds evidence against it:
// observations and events in, findings and judged installations out. It opens
// no file: content comes as an io.ReaderAt that a collector opened, and a read
// that fails while matching goes back to that collector as *evidence.ReadError.
//
// What it keeps is bounded whatever the input: per rule and class a count, two
// times and the first twenty references, and the product starts of a source.
// Results do not depend on the order in which lanes close.
package detect

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"postern/detect/yara"
	"postern/evidence"
	"postern/pack"
	"postern/version"
)

// Options are what the operator adds to the packs.
type Options struct {
	Now         time.Time         // the clock in force
	Parts       evidence.Parts    // what is asked
	Review      evidence.Period   // --since, --until; zero bounds: the required window
	LatestBuild map[string]string // pack id to the newest build the operator knows of
	UserAgent   string            // what probes say they are
	Recover     bool              // see evidence.Interest
	AllRefs     bool              // keep every reference instead of the first twenty
	Proxies     []netip.Prefix    // peers whose word on their clients is believed
	Own         Own               // rules and lists of the operator's own
	Every       bool              // hold all files of a Source that is Whole against content rules
}

// Refusal is one rule, file or entry of the operator's own that was left out.
type Refusal struct {
	Rule, File, Why string // Rule: "sigma", "yara" or "list"
	Placeholder     bool   // it would load if its placeholder had values
}

// String gives the kind and the reason, which names file and line.
func (r Refusal) String() string {
	if strings.HasPrefix(r.Why, r.File) {
		return r.Rule + ": " + r.Why
	}
	return r.Rule + ": " + r.File + ": " + r.Why
}

// Engine is compiled packs. Safe for concurrent use by several examinations.
type Engine struct {
	opt    Options
	packs  []*pack.Pack
	latest map[string]version.Version // by pack id: the newest build anyone named
	starts []*start
	logSources
	literals *literals
	interest evidence.Interest
	places   []*evidence.Place // whose copies interest.Places are, in its order: two packs may call theirs alike
	programs programs

	rules        []*rule // that are about no event
	events       []*rule
	correlations []*correlated
	peers        *peerRules
	hashes       map[string][]*rule // by SHA-256; of lists by MD5 and SHA-1, too
	files        []*rule            // about files and folders of a place
	checks       []*check
	ids          map[string]bool // of all rules but YARA's
	content      contentRules
	ownRules
	listRules
}

// logSources are the logs that rules are for.
type logSources struct {
	formats map[string]evidence.LogFormat // by LogFormat.ID
	windows []wanted
}

// programs are the programs of the schemas seen so far.
type programs struct {
	byKey sync.Map     // *program by format, source and fields
	kept  atomic.Int64 // how many those are

	once  sync.Once
	names *names // see called
}

// check is a check of settings and its grade.
type check struct {
	*rule
	*pack.Check
}

// Compile compiles packs. An error means that a pack as a whole can't be used:
// an id is taken twice, a rule names a place that is not there, a class that
// does not exist, or could never match. Refusals list rules of the operator's
// own that were left out, each with its file and reason.
func Compile(packs []*pack.Pack, opt Options) (*Engine, []Refusal, error) {
	e := &Engine{
		opt: opt, packs: packs, latest: map[string]version.Version{}, logSources: logSources{formats: map[string]evidence.LogFormat{}}, literals: newLiterals(),
		hashes: map[string][]*rule{}, listRules: listRules{listed: map[string][]*rule{}, names: map[string][]*rule{}}, content: contentRules{rules: map[*yara.Rule]*contentRule{}, scanned: map[*evidence.Place]bool{}},
		ids: map[string]bool{},
	}
	e.interest = evidence.Interest{Parts: opt.Parts, UserAgent: opt.UserAgent, Proxies: opt.Proxies, Recover: opt.Recover}
	var faults []error
	for i, p := range packs {
		if slices.ContainsFunc(packs[:i], func(o *pack.Pack) bool { return o.ID == p.ID || o.Product.ID == p.Product.ID && p.Product.ID != "" }) {
			faults = append(faults, fmt.Errorf("detect: pack %q: its id or product %q is taken; load one of the two", p.ID, p.Product.ID))
			continue
		}
		if err := e.add(p); err != nil {
			faults = append(faults, fmt.Errorf("detect: pack %q: %w", p.ID, err))
		}
	}
	for id := range opt.LatestBuild {
		if !slices.ContainsFunc(packs, func(p *pack.Pack) bool { return p.ID == id }) {
			faults = append(faults, fmt.Errorf("detect: latest build given for pack %q, which is not loaded", id))
		}
	}
	faults = append(faults, e.addAnomalies())
	if opt.Every {
		e.askEvery()
	}
	faults = append(faults, e.addYARA(packs, &opt.Own)...)
	if errors.Join(faults...) == nil { // else cases may name a rule that could not be compiled
		for _, p := range packs {
			for _, fault := range p.CheckTests(e.contentOf(p)) {
				faults = append(faults, fmt.Errorf("detect: pack %q: %w", p.ID, fault))
			}
		}
	}
	e.addOwnSigma(&opt.Own)
	e.addLists(&opt.Own)
	if len(opt.Own.YARA) > 0 {
		e.askContent()
	}
	e.peers = newPeerRules(e.rules)
	e.literals.build()
	if err := errors.Join(faults...); err != nil {
		return nil, nil, err
	}
	e.interest.Review = clip(opt.Review, e.interest.Required)
	return e, e.refusals, nil
}

// add merges one pack into the engine.
func (e *Engine) add(p *pack.Pack) error {
	if p.Scheme == nil && p.Product.ID != "" {
		return errors.New("it has no version scheme to read its product's build with")
	}
	in := &e.interest
	in.Products = append(in.Products, p.Product)
	for i := range p.Places {
		place := p.Places[i]
		wanted := func(ind pack.Indicator) bool { return ind.Kind == pack.OnFile && ind.Match.Place == place.ID }
		place.NoFiles = place.Folders && !place.Hash && place.Content == 0 && !slices.ContainsFunc(p.Indicators, wanted)
		in.Places, e.places = append(in.Places, place), append(e.places, &p.Places[i])
	}
	for _, f := range p.Logs {
		if _, known := e.formats[f.ID]; !known {
			e.formats[f.ID] = f
			in.Logs = append(in.Logs, f)
		}
	}
	if from := p.RequiredFrom; !from.IsZero() && (in.Required.From.IsZero() || from.Before(in.Required.From)) {
		in.Required.From = from
	}
	if err := e.setLatest(p); err != nil {
		return err
	}
	faults := []error{e.addIndicators(p), e.addChecks(p), e.addSigma(p)}
	if p.Starts != nil {
		e.addStarts(p)
	}
	return errors.Join(faults...)
}

// addIndicators compiles what indicators.yaml holds.
func (e *Engine) addIndicators(p *pack.Pack) error {
	var faults []error
	for i := range p.Indicators {
		r, err := compileIndicator(p, &p.Indicators[i])
		if err == nil {
			err = e.claim(r.ID)
		}
		if err == nil {
			e.addIndicator(r)
		} else {
			faults = append(faults, fmt.Errorf("indicator %q: %w", p.Indicators[i].ID, err))
		}
	}
	return errors.Join(faults...)
}

func (e *Engine) addIndicator(r *rule) {
	switch r.Kind {
	case pack.OnHash:
		e.addHashes(r)
		return
	case pack.OnPeer:
		r.ids = e.literals.mark(ofPeers, e.literals.intern(peerLiterals(r.Match.Peers)))
	default:
		e.files = append(e.files, r)
	}
	e.rules = append(e.rules, r)
}

// claim takes an id for a rule: findings are told apart by it.
func (e *Engine) claim(id string) error {
	if e.ids[id] {
		return errors.New("its id is taken")
	}
	e.ids[id] = true
	return nil
}

// addChecks compiles the checks of settings.
func (e *Engine) addChecks(p *pack.Pack) error {
	var faults []error
	for i := range p.Checks {
		c := &p.Checks[i]
		r, err := newRule(&c.Indicator)
		if err == nil {
			err = r.findPlace(p, c.Place)
		}
		if err == nil {
			err = e.claim(r.ID)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("check %q: %w", c.ID, err))
			continue
		}
		e.rules = append(e.rules, r)
		e.checks = append(e.checks, &check{r, c})
	}
	return errors.Join(faults...)
}

// setLatest settles the newest build known: the pack's, or what the operator
// named if that is newer.
func (e *Engine) setLatest(p *pack.Pack) error {
	e.latest[p.ID] = p.Latest.Version
	said, given := e.opt.LatestBuild[p.ID]
	if !given {
		return nil
	}
	if p.Scheme == nil {
		return errors.New("a latest build was given, and it has no version scheme")
	}
	v, err := p.Scheme.Parse(said)
	if err != nil {
		return fmt.Errorf("latest build %q: %w", said, err)
	}
	if v.Build > e.latest[p.ID].Build {
		e.latest[p.ID] = v
	}
	return nil
}

// clip leaves the bounds of review that narrow the required window.
func clip(review, required evidence.Period) evidence.Period {
	if !review.From.After(required.From) {
		review.From = time.Time{}
	}
	return review
}

// Interest is what the packs want to know, merged. The caller must not change it.
func (e *Engine) Interest() *evidence.Interest { return &e.interest }

// Begin starts holding one source's evidence against the packs.
func (e *Engine) Begin(src *evidence.Source) *Examination {
	x := &Examination{
		engine: e, os: src.ID.OS, files: src.Files != nil, partial: src.Partial, starts: map[*pack.Pack]startTimes{}, blind: map[string]bool{}, sums: map[string]int{},
		vouched: make([]bool, len(e.windows)), services: map[string]bool{},
	}
	if src.Files != nil {
		x.cover = e.gaps()
	}
	return x
}

// byAddress reports whether anything is concluded from clients' addresses.
func (e *Engine) byAddress() bool {
	return len(e.peers.rules) > 0 || slices.ContainsFunc(e.correlations, (*correlated).byAddress)
}

// limit is how many references a finding keeps.
func (e *Engine) limit() int {
	if e.opt.AllRefs {
		return int(^uint(0) >> 1)
	}
	return 20
}

// packOf returns the pack of a product, nil if none is loaded.
func (e *Engine) packOf(product string) *pack.Pack {
	for _, p := range e.packs {
		if p.Product.ID == product {
			return p
		}
	}
	return nil
}
