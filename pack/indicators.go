package pack

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"postern/evidence"
)

// maxContent is the most bytes of a file that a place may ask for.
const maxContent = 16 << 20

var attackRef = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)

func (l *loader) indicators(s *specIndicators) {
	f := l.file("indicators.yaml")
	seen := map[string]bool{}
	for i := range s.Places {
		f.unique(seen, s.Places[i].ID)
		l.pack.Places = append(l.pack.Places, f.place(&s.Places[i]))
	}
	for i := range s.Indicators {
		f.unique(l.ids, s.Indicators[i].ID)
		made := l.indicator(f, &s.Indicators[i])
		l.prove(f, &s.Indicators[i], &made)
		l.pack.Indicators = append(l.pack.Indicators, made)
	}
}

func (f *file) place(s *specPlace) evidence.Place {
	if s.Content < 0 || s.Content > maxContent {
		f.fail(s.ID.at, ErrLimit, "place %q: content of %d bytes; at most %d", s.ID.string, s.Content, maxContent)
	}
	for _, p := range s.Paths {
		f.lowerCase(p.Pattern)
	}
	return evidence.Place{
		ID: s.ID.string, OS: evidence.OS(s.OS.string), Paths: f.rules(s.Paths), Roots: strs(s.Roots),
		Folders: s.Folders, Hash: s.Hash, Content: int64(s.Content), Parts: evidence.CompromisedNow,
	}
}

func (l *loader) indicator(f *file, s *specIndicator) Indicator {
	out := Indicator{
		ID: s.ID.string, Title: s.Title.string, Kind: IndicatorKind(s.Kind.string), Parts: evidence.CompromisedNow,
		Class: s.Class.string, Severity: s.Severity.string, Confidence: evidence.Confidence(s.Confidence.string),
		Vulns: strs(s.Vulns), Attack: strs(s.Attack), Next: s.Next.string, Label: s.Label.string, Sources: f.links(s.Sources),
		FirstSeen: s.FirstSeen.Time, ValidFrom: s.ValidFrom.Time, ValidUntil: s.ValidUntil.Time,
	}
	if !out.ValidUntil.IsZero() {
		out.ValidUntil = out.ValidUntil.AddDate(0, 0, 1) // the day named is the last
	}
	if out.Kind == OnEvent || out.Kind == OnPeer {
		out.Parts = evidence.CompromisedThen
	}
	l.known(f, s.Vulns, s.Attack)
	if !out.ValidUntil.IsZero() && !out.ValidFrom.Before(out.ValidUntil) {
		f.fail(s.ValidUntil.at, ErrValue, "valid_until lies before valid_from")
	}
	f.proof(s.Severity, s.Confidence, s.Class)
	for _, o := range s.Match.Outcomes {
		f.proof(o.Severity, s.Confidence, o.Class)
	}
	out.Match = l.match(f, s)
	return out
}

// known demands that CVEs are of the pack's advisories, and techniques look so.
func (l *loader) known(f *file, vulns, attack []text) {
	for _, v := range vulns {
		f.shaped(v, cveID, "a CVE id")
		if !slices.ContainsFunc(l.pack.Vulnerabilities, func(known Vulnerability) bool { return known.ID == v.string }) {
			f.fail(v.at, ErrReference, "no advisory has %s", v.string)
		}
	}
	for _, a := range attack {
		f.shaped(a, attackRef, "an ATT&CK technique, T1505.003")
	}
}

// proof keeps an unsure indicator from ever answering a question.
func (f *file) proof(severity, confidence, class text) {
	high := severity.string == "high" || severity.string == "critical"
	proves := class.string == "success" || class.string == "state"
	if confidence.string == string(evidence.Unsure) && proves && high {
		f.fail(severity.at, ErrUnsure, "class %s with severity %s; an unsure indicator goes no higher than medium", class.string, severity.string)
	}
}

// match makes the runtime match and refuses fields that the kind never reads.
func (l *loader) match(f *file, s *specIndicator) Match {
	m := &s.Match
	out := Match{
		Families: strs(m.Families), Place: m.Place.string, Name: m.Name.Regexp, Except: m.Except.Regexp, Text: m.Text.Regexp,
		Content: f.decoded(m.Content), Magic: f.decoded(m.Magic), Hashes: f.hashes(m.Hashes), Peers: f.peers(m.Peers),
		Direction: Direction(m.Direction.string),
	}
	for _, family := range m.Families {
		if !slices.ContainsFunc(l.pack.Logs, func(g evidence.LogFormat) bool { return g.Family == family.string }) {
			f.fail(family.at, ErrReference, "no log has the family %q", family.string)
		}
	}
	out.Where = l.conditions(f, m.Families, m.Where)
	for _, o := range m.Outcomes {
		out.Outcomes = append(out.Outcomes, Outcome{Where: l.conditions(f, m.Families, o.Where), Class: o.Class.string, Severity: o.Severity.string, WhenFixed: o.WhenFixed.string})
	}
	f.lowerCase(m.Name)
	f.lowerCase(m.Except)
	l.fits(f, s)
	if m.Place.string != "" {
		l.inPlace(f, s)
	}
	return out
}

// fits refuses what an indicator's kind never reads, and the lack of what it
// needs: either would be silent later.
func (l *loader) fits(f *file, s *specIndicator) {
	m, kind := &s.Match, IndicatorKind(s.Kind.string)
	onFile := kind == OnFile || kind == OnFolder
	for _, c := range []struct {
		field     string
		set       bool
		read, ask bool
	}{
		{"families", len(m.Families) > 0, kind == OnEvent || kind == OnPeer, false},
		{"where", len(m.Where) > 0, kind == OnEvent, kind == OnEvent},
		{"outcomes", len(m.Outcomes) > 0, kind == OnEvent, false},
		{"place", m.Place.string != "", onFile, onFile},
		{"name", m.Name.Regexp != nil, onFile, kind == OnFolder},
		{"except", m.Except.Regexp != nil, onFile, false},
		{"content", len(m.Content) > 0, kind == OnFile, false},
		{"text", m.Text.Regexp != nil, kind == OnFile, false},
		{"magic", len(m.Magic) > 0, kind == OnFile, false},
		{"hashes", len(m.Hashes) > 0, kind == OnHash, kind == OnHash},
		{"peers", len(m.Peers) > 0, kind == OnPeer, kind == OnPeer},
		{"direction", m.Direction.string != "", kind == OnPeer, kind == OnPeer},
		{"valid_from", !s.ValidFrom.IsZero(), kind == OnPeer, false},
		{"valid_until", !s.ValidUntil.IsZero(), kind == OnPeer, false},
	} {
		switch {
		case c.set && !c.read:
			f.fail(m.at, ErrValue, "%q is never read for kind %s", c.field, kind)
		case !c.set && c.ask:
			f.fail(m.at, ErrMissing, "%q for kind %s", c.field, kind)
		}
	}
	if kind == OnHash && !slices.ContainsFunc(l.pack.Places, func(p evidence.Place) bool { return p.Hash }) {
		f.fail(m.at, ErrReference, "no place has hash: true, so no file would ever be hashed")
	}
	if kind == OnFile && m.Name.Regexp == nil && len(m.Content) == 0 && m.Text.Regexp == nil && len(m.Magic) == 0 {
		f.fail(m.at, ErrMissing, "a name or a test of content; every file of the place would match")
	}
}

// inPlace checks that the place exists and asks for what the match reads.
func (l *loader) inPlace(f *file, s *specIndicator) {
	m := &s.Match
	i := slices.IndexFunc(l.pack.Places, func(p evidence.Place) bool { return p.ID == m.Place.string })
	if i < 0 {
		f.fail(m.Place.at, ErrReference, "no place %q", m.Place.string)
		return
	}
	p := l.pack.Places[i]
	if (len(m.Content) > 0 || len(m.Magic) > 0 || m.Text.Regexp != nil) && p.Content == 0 {
		f.fail(m.Place.at, ErrValue, "place %q asks for no content", p.ID)
	}
	if s.Kind.string == string(OnFolder) && !p.Folders {
		f.fail(m.Place.at, ErrValue, "place %q asks for no folders", p.ID)
	}
}

func (l *loader) conditions(f *file, families []text, specs []specCondition) []Condition {
	var out []Condition
	for i := range specs {
		s := &specs[i]
		c := Condition{Field: s.Field.string, Op: Op(s.Op.string), Values: folded(s.Values), Regexp: s.Regexp.Regexp, Negate: s.Negate}
		f.lowerCase(s.Regexp)
		role, known := roleNames[s.Role.string]
		c.Role = role
		switch {
		case (s.Role.string == "") == (s.Field.string == ""):
			f.fail(s.at, ErrValue, "want either a role or a field")
		case s.Role.string != "" && !known:
			f.fail(s.Role.at, ErrReference, "no role %q", s.Role.string)
		case !slices.ContainsFunc(l.pack.Logs, func(g evidence.LogFormat) bool { return inFamilies(families, g.Family) && has(&g, &c) }):
			f.fail(s.at, ErrReference, "no log it is held against has %s%s", s.Role.string, s.Field.string)
		}
		switch wantsRe, wantsValues := c.Op == OpRegexp, c.Op != OpRegexp && c.Op != OpEmpty; {
		case wantsRe != (c.Regexp != nil):
			f.fail(s.at, ErrValue, "regexp goes with op re, and only with it")
		case wantsValues != (len(c.Values) > 0):
			f.fail(s.at, ErrValue, "values go with every op but re and empty")
		case slices.Contains(c.Values, ""):
			f.fail(s.at, ErrValue, "an empty value; op empty says it plainly")
		}
		out = append(out, c)
	}
	return out
}

func inFamilies(families []text, family string) bool {
	return len(families) == 0 || slices.ContainsFunc(families, func(t text) bool { return t.string == family })
}

// has reports whether any shape of a log can fill the condition's role or field.
func has(g *evidence.LogFormat, c *Condition) bool {
	if g.Layout == "w3c" {
		return c.Field == "" && slices.Contains(w3cRoles, c.Role) || slices.Contains(w3cFields, c.Field)
	}
	return slices.ContainsFunc(g.Forms, func(form evidence.LineForm) bool {
		return c.Field == "" && form.Schema.Roles[c.Role] >= 0 || c.Field != "" && form.Schema.Index(c.Field) >= 0
	})
}

func (f *file) decoded(all []text) [][]byte {
	var out [][]byte
	for _, t := range all {
		b, err := base64.StdEncoding.DecodeString(t.string)
		if err != nil || len(b) == 0 {
			f.fail(t.at, ErrValue, "%q is no base64", t.string)
			continue
		}
		out = append(out, b)
	}
	return out
}

func (f *file) hashes(all []text) []string {
	for _, t := range all {
		if b, err := hex.DecodeString(t.string); err != nil || len(b) != 32 || strings.ToLower(t.string) != t.string {
			f.fail(t.at, ErrValue, "%q is no SHA-256 in lower-case hex", t.string)
		}
	}
	return strs(all)
}

// peers are addresses, networks and names, lower case. A network wider than /8
// or /16 (IPv6) would match strangers.
func (f *file) peers(all []text) []string {
	for _, t := range all {
		if _, err := netip.ParseAddr(t.string); err == nil {
			continue
		}
		if net, err := netip.ParsePrefix(t.string); err == nil {
			if net.Addr().Is4() && net.Bits() < 8 || net.Addr().Is6() && net.Bits() < 16 || net.Masked() != net {
				f.fail(t.at, ErrValue, "network %q is too wide or has host bits", t.string)
			}
			continue
		}
		f.shaped(t, peerName, "an address, a network or a host name in lower case")
	}
	return strs(all)
}

// folded is values as Condition compares them.
func folded(all []text) []string {
	var out []string
	for _, t := range all {
		out = append(out, strings.ToLower(t.string))
	}
	return out
}

// lowerCase refuses a pattern that asks for an upper-case letter: it is held
// against lower-case text and that part of it would never match.
func (f *file) lowerCase(p pattern) {
	if p.Regexp == nil {
		return
	}
	tree, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil || asksUpper(tree) {
		f.fail(p.at, ErrValue, "%s asks for an upper-case letter; what it is held against is lower case", p)
	}
}

func asksUpper(re *syntax.Regexp) bool {
	upper := re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 && slices.ContainsFunc(re.Rune, unicode.IsUpper)
	return upper || slices.ContainsFunc(re.Sub, asksUpper)
}
