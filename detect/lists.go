package detect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
	"postern/verdict"
)

// onAgent is held against what clients call themselves; only lists have such.
const onAgent pack.IndicatorKind = "agent"

// listRules are the rules of lists that are found by other things than packs'
// rules are.
type listRules struct {
	listed map[string][]*rule // by path
	names  map[string][]*rule // by a file's name
	agents []*rule            // onAgent
}

// mostPeerLiterals is up to how many peers of a list the prefilter looks for.
// Beyond it every host of an event is looked up, at a microsecond an event: with
// 100,000 of them more events name a part of one than not.
const mostPeerLiterals = 20_000

// addLists takes the operator's lists of indicators.
func (e *Engine) addLists(own *Own) {
	e.refusals = append(e.refusals, own.Refused...)
	var sums evidence.Place // what files are hashed by
	for _, l := range own.Lists {
		for _, r := range rulesOf(l) {
			if err := e.claim(r.ID); err != nil {
				e.refuse("list", r.ID, err)
				continue
			}
			e.addListed(r, &sums)
		}
		e.notes = append(e.notes, notesOf(l)...)
	}
	e.askHashes(&sums)
}

func (e *Engine) addListed(r *rule, sums *evidence.Place) {
	switch r.Kind {
	case pack.OnPeer:
		r.hosts = newHosts(r.Match.Peers)
		if len(r.Match.Peers) <= mostPeerLiterals {
			r.ids = e.literals.mark(ofPeers, e.literals.intern(peerLiterals(r.Match.Peers)))
		}
		e.rules = append(e.rules, r)
	case onAgent:
		if len(r.agents) <= mostPeerLiterals {
			r.ids = e.literals.mark(ofAgents, e.literals.intern(usable(slices.Sorted(maps.Keys(r.agents)), true)))
		}
		e.rules, e.agents = append(e.rules, r), append(e.agents, r)
	case pack.OnHash:
		e.addHashes(r)
		for _, sum := range r.Match.Hashes {
			sums.Hash, sums.MD5, sums.SHA1 = true, sums.MD5 || len(sum) == 32, sums.SHA1 || len(sum) == 40
		}
	case pack.OnFile:
		e.addPaths(r)
	}
}

// rulesOf makes one rule of each kind of values that a list holds. Contact from
// a peer is an attempt, to one a success: the engine tells which it was.
func rulesOf(l *ioc.List) (all []*rule) {
	of := map[ioc.Kind][]*ioc.Entry{}
	plain := true
	for i := range l.Entries {
		e := &l.Entries[i]
		kind := e.Kind
		if kind == ioc.URL {
			kind = ioc.Peer // by its host
		}
		of[kind] = append(of[kind], e)
		plain = plain && e.About == nil && e.Lead == "" && e.Request == ""
	}
	add := func(kind ioc.Kind, id, title string, on pack.IndicatorKind, parts evidence.Parts, class verdict.Class, fill func(*rule, *ioc.Entry)) {
		entries := of[kind]
		if entries == nil {
			return
		}
		r := &rule{class: class, severity: verdict.High, own: true, named: true, Indicator: &pack.Indicator{
			ID: l.Name + ":" + id, Title: title + " of the list " + l.Name, Kind: on, Parts: parts, Class: string(class), Severity: string(verdict.High), Confidence: evidence.Likely,
			Next: "It stands in your list of indicators: read the records or the file, and what stands around them.",
		}}
		for _, e := range entries {
			fill(r, e)
		}
		if !plain {
			slices.SortStableFunc(entries, func(a, b *ioc.Entry) int { return strings.Compare(a.Key(), b.Key()) })
			r.entries = entries
		}
		all = append(all, r)
	}
	add(ioc.Peer, "peers", "An address or name", pack.OnPeer, evidence.CompromisedThen, verdict.Success, func(r *rule, e *ioc.Entry) {
		r.Match.Direction = pack.Either
		r.Match.Peers = append(r.Match.Peers, e.Key())
		if e.Below {
			r.Match.Peers = append(r.Match.Peers, "."+e.Value)
		}
	})
	add(ioc.Agent, "agents", "A user agent", onAgent, evidence.CompromisedThen, verdict.Success, func(r *rule, e *ioc.Entry) {
		if r.agents == nil {
			r.agents = map[string][]string{}
		}
		if key, called := e.Key(), spaced(e.Key()); !slices.Contains(r.agents[called], key) {
			r.agents[called] = append(r.agents[called], key)
		}
	})
	add(ioc.Hash, "hashes", "A file", pack.OnHash, evidence.CompromisedNow, verdict.State, func(r *rule, e *ioc.Entry) { r.Match.Hashes = append(r.Match.Hashes, e.Value) })
	add(ioc.Path, "paths", "A path", pack.OnFile, evidence.CompromisedNow, verdict.State, func(r *rule, e *ioc.Entry) { r.Match.Paths = append(r.Match.Paths, e.Value) })
	add(ioc.Name, "names", "A file's name", pack.OnFile, evidence.CompromisedNow, verdict.Lead, func(r *rule, e *ioc.Entry) { r.names = append(r.names, e.Value) })
	return all
}

// addHashes files a rule under each of its hashes.
func (e *Engine) addHashes(r *rule) {
	e.rules = append(e.rules, r)
	for _, sum := range r.Match.Hashes {
		if have := e.hashes[sum]; len(have) == 0 || have[len(have)-1] != r {
			e.hashes[sum] = append(have, r)
		}
	}
}

// askHashes has every file that is looked at hashed.
func (e *Engine) askHashes(sums *evidence.Place) {
	for i := range e.interest.Places {
		p := &e.interest.Places[i]
		p.Hash = p.Hash || sums.Hash && !p.NoFiles
		p.MD5, p.SHA1 = p.Hash && sums.MD5, p.Hash && sums.SHA1
	}
}

// addPaths has the paths and names of a list looked for, whatever stands there.
func (e *Engine) addPaths(r *rule) {
	e.rules = append(e.rules, r)
	place := &evidence.Place{ID: r.ID, Folders: true, Hash: true, Parts: evidence.CompromisedNow}
	ask := func(values []string, asked *map[string]bool, listed map[string][]*rule) {
		for _, value := range values {
			if *asked == nil {
				*asked = map[string]bool{}
			}
			if !(*asked)[value] {
				(*asked)[value] = true
				listed[value] = append(listed[value], r)
			}
		}
	}
	ask(r.Match.Paths, &place.Files, e.listed)
	ask(r.names, &place.Names, e.names)
	e.interest.Places, e.places = append(e.interest.Places, *place), append(e.places, place)
}

// mostURL is how many bytes of a URL a label shows.
const mostURL = 200

// mostWeak is how many entries that tell little a note names.
const mostWeak = 8

// notesOf says what of a list is not held against evidence as an indicator is,
// by its publisher's word or because everybody names it. They are no gaps.
func notesOf(l *ioc.List) (all []evidence.Coverage) {
	say := func(detail string) {
		all = append(all, evidence.Gap(evidence.CoverState, "list "+l.Name, 0, evidence.OutOfScope, detail))
	}
	for _, left := range l.Left {
		more := ""
		if left.ContextOnly() {
			more = "; --ioc-context takes them as leads"
		}
		say("left out: " + left.String() + more)
	}
	var weak []string
	for i := range l.Entries {
		if e := &l.Entries[i]; e.Little {
			weak = append(weak, ioc.Cut(e.Value, mostURL)+" ("+e.Lead+")")
		}
	}
	if n := len(weak); n > 0 {
		if n > mostWeak {
			weak = append(weak[:mostWeak:mostWeak], fmt.Sprintf("and %d more", n-mostWeak))
		}
		say("leads only, for they tell little by themselves: " + strings.Join(weak, ", "))
	}
	return all
}

// matched grades the sighting of entries by what their list says of them: of
// several with one value, or that hold one host, one that proves something goes
// before one that does not. whats are the values as they were found, the closest
// first, at when, values the event's.
func (r *rule) matched(s *sighting, whats []string, at time.Time, values [][]byte) {
	label := s.label
	if s.label = note(whats[0], label); r.entries == nil {
		return
	}
	var best *ioc.Entry
	var forms []string
	why, named := "", ""
	for _, what := range whats {
		for _, e := range r.entriesOf(what) {
			if e.Request != "" && forms == nil {
				forms = spellingsOf(values)
			}
			if lack := lacks(e, forms, at); best == nil || why != "" && lack == "" {
				best, why, named = e, lack, what
			}
		}
	}
	if best == nil {
		return
	}
	if why != "" {
		s.class, s.severity = verdict.Lead, verdict.Medium
	}
	s.label = named
	if s.about = best.About; s.about != nil {
		s.label = note(note(named, s.about.ID), s.about.Note)
	}
	s.label = note(note(s.label, why), label)
}

// entriesOf gives the entries that a value, found in evidence, is of.
func (r *rule) entriesOf(what string) (all []*ioc.Entry) {
	key, below := what, false
	if r.Kind == pack.OnPeer {
		key, below = strings.CutPrefix(what, ".")
	}
	i, _ := slices.BinarySearchFunc(r.entries, key, func(e *ioc.Entry, key string) int { return strings.Compare(e.Key(), key) })
	for ; i < len(r.entries) && r.entries[i].Key() == key; i++ {
		if e := r.entries[i]; !below || e.Below {
			all = append(all, e)
		}
	}
	return all
}

// lacks says why the sighting of an entry proves nothing, "" where it does.
func lacks(e *ioc.Entry, forms []string, at time.Time) string {
	switch {
	case e.Lead != "":
		return e.Lead
	case e.Request != "" && !asks(forms, e):
		return "its host alone, of " + ioc.Cut(e.Value, mostURL)
	case e.About != nil && !at.IsZero() && !(evidence.Period{From: e.About.From, To: e.About.Until}).Holds(at):
		return labelStale
	}
	return ""
}

// spellingsOf gives the values of an event as written and decoded, lower case.
func spellingsOf(values [][]byte) (all []string) {
	for i := range values {
		for _, form := range decodings(values[i:i+1], false) {
			all = append(all, string(fold(nil, form)))
		}
	}
	return all
}

// asks reports whether an event names the request of a URL: its path and query,
// whole, behind the host or in columns of their own. forms are those of its values.
func asks(forms []string, e *ioc.Entry) bool {
	path, query, _ := strings.Cut(e.Request, "?")
	hasPath, hasQuery := false, query == ""
	for _, form := range forms {
		if asked(form, e.Request, e.Host) {
			return true
		}
		hasPath, hasQuery = hasPath || form == path, hasQuery || strings.TrimPrefix(form, "?") == query
	}
	return hasPath && hasQuery
}

// asked reports whether a value holds a request, to its end, behind the host it
// is made of.
func asked(value, request, host string) bool {
	for from := 0; ; {
		at := strings.Index(value[from:], request)
		if at < 0 {
			return false
		}
		at += from
		before, behind := value[:at], value[at+len(request):]
		if port := strings.LastIndexByte(before, ':'); port > 0 && strings.Trim(before[port+1:], "0123456789") == "" {
			before = before[:port]
		}
		if (at == 0 || strings.HasSuffix(before, host) || strings.HasSuffix(before, host+"]")) && (behind == "" || strings.IndexByte(" \t\"'#&<>;,?", behind[0]) >= 0) {
			return true
		}
		from = at + 1
	}
}

// matchAgents reports the listed user agents that an event names.
func (p *program) matchAgents(event *evidence.Event, found func(sighting)) {
	if p.agent >= len(event.Values) || len(event.Values[p.agent]) == 0 {
		return
	}
	called := spaced(strings.ToLower(string(event.Values[p.agent])))
	for _, r := range p.agents {
		keys := r.agents[called]
		if len(keys) == 0 {
			continue
		}
		s := sighting{rule: r, class: r.class, severity: r.severity}
		if !p.outbound {
			s.class = verdict.Attempt
		}
		r.matched(&s, keys, event.Time, event.Values)
		found(s)
	}
}

// spaced writes "+" as a blank: IIS writes a blank as "+", so that the two can't
// be told apart in its logs.
func spaced(text string) string { return strings.ReplaceAll(text, "+", " ") }

// titled gives a finding what a list says of the entry that matched.
func titled(f *verdict.Finding, of *ioc.About, list string) {
	if of == nil {
		return
	}
	if of.Title != "" {
		f.Title = of.Title + ", of the list " + strings.TrimSuffix(list, f.Rule[strings.LastIndexByte(f.Rule, ':'):])
	}
	f.Confidence, f.Sources = cmp.Or(of.Confidence, f.Confidence), of.Sources
}
