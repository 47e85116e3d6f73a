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
		l.dated(f, s.Indicators[i].ID, s.Indicators[i].FirstSeen)
		for _, p := range []pattern{s.Indicators[i].Match.Name, s.Indicators[i].Match.Except} {
			f.quick(p)
		}
		made := l.indicator(f, &s.Indicators[i])
		l.prove(f, &s.Indicators[i], &made)
		l.pack.Indicators = append(l.pack.Indicators, made)
	}
}

func (f *file) place(s *specPlace) evidence.Place {
	if s.Content < 0 || s.Content > maxContent {
		f.Fail(s.ID.At, ErrLimit, "place %q: content of %d bytes; at most %d", s.ID.Value, s.Content, maxContent)
	}
	for _, p := range slices.Concat(s.Paths, s.Sites) {
		f.lowerCase(p.Pattern)
		f.quick(p.Pattern)
	}
	return evidence.Place{
		ID: s.ID.Value, OS: evidence.OS(s.OS.Value), Paths: f.rules(s.Paths), Sites: f.rules(s.Sites), Roots: strs(s.Roots),
		Folders: s.Folders, Hash: s.Hash, Content: int64(s.Content), Parts: evidence.CompromisedNow,
	}
}

func (l *loader) indicator(f *file, s *specIndicator) Indicator {
	out := Indicator{
		ID: s.ID.Value, Title: s.Title.Value, Kind: IndicatorKind(s.Kind.Value), Parts: evidence.CompromisedNow,
		Class: s.Class.Value, Severity: s.Severity.Value, Confidence: evidence.Confidence(s.Confidence.Value),
		Vulns: strs(s.Vulns), Attack: strs(s.Attack), Next: s.Next.Value, Label: s.Label.Value, Sources: f.links(s.Sources),
		FirstSeen: s.FirstSeen.Time, ValidFrom: s.ValidFrom.Time, ValidUntil: s.ValidUntil.Time,
	}
	if !out.ValidUntil.IsZero() {
		out.ValidUntil = out.ValidUntil.AddDate(0, 0, 1) // the day named is the last
	}
	if out.Kind == OnPeer {
		out.Parts = evidence.CompromisedThen
	}
	l.known(f, s.Vulns, s.Attack)
	if !out.ValidUntil.IsZero() && !out.ValidFrom.Before(out.ValidUntil) {
		f.Fail(s.ValidUntil.At, ErrValue, "valid_until lies before valid_from")
	}
	f.proof(s.Severity, s.Confidence, s.Class)
	out.Match = l.match(f, s)
	return out
}

// known demands that CVEs are of the pack's advisories, and techniques look so.
func (l *loader) known(f *file, vulns, attack []text) {
	for _, v := range vulns {
		f.shaped(v, cveID, "a CVE id")
		if !slices.ContainsFunc(l.pack.Vulnerabilities, func(known Vulnerability) bool { return known.ID == v.Value }) {
			f.Fail(v.At, ErrReference, "no advisory has %s", v.Value)
		}
	}
	for _, a := range attack {
		f.shaped(a, attackRef, "an ATT&CK technique, T1505.003")
	}
}

// proof keeps an unsure indicator from ever answering a question.
func (f *file) proof(severity, confidence, class text) {
	high := severity.Value == "high" || severity.Value == "critical"
	proves := class.Value == "success" || class.Value == "state"
	if confidence.Value == string(evidence.Unsure) && proves && high {
		f.Fail(severity.At, ErrUnsure, "class %s with severity %s; an unsure indicator goes no higher than medium", class.Value, severity.Value)
	}
}

// match makes the runtime match and refuses fields that the kind never reads.
func (l *loader) match(f *file, s *specIndicator) Match {
	m := &s.Match
	out := Match{
		Place: m.Place.Value, Name: m.Name.Regexp, Except: m.Except.Regexp,
		Magic: f.decoded(m.Magic), Hashes: f.hashes(m.Hashes), Peers: f.peers(m.Peers),
		Direction: Direction(m.Direction.Value),
	}
	f.lowerCase(m.Name)
	f.lowerCase(m.Except)
	l.fits(f, s)
	if m.Place.Value != "" {
		l.inPlace(f, s)
	}
	return out
}

// fits refuses what an indicator's kind never reads, and the lack of what it
// needs: either would be silent later.
func (l *loader) fits(f *file, s *specIndicator) {
	m, kind := &s.Match, IndicatorKind(s.Kind.Value)
	onFile := kind == OnFile || kind == OnFolder
	for _, c := range []struct {
		field     string
		set       bool
		read, ask bool
	}{
		{"place", m.Place.Value != "", onFile, onFile},
		{"name", m.Name.Regexp != nil, onFile, kind == OnFolder},
		{"except", m.Except.Regexp != nil, onFile, false},
		{"magic", len(m.Magic) > 0, kind == OnFile, false},
		{"hashes", len(m.Hashes) > 0, kind == OnHash, kind == OnHash},
		{"peers", len(m.Peers) > 0, kind == OnPeer, kind == OnPeer},
		{"direction", m.Direction.Value != "", kind == OnPeer, kind == OnPeer},
		{"valid_from", !s.ValidFrom.IsZero(), kind == OnPeer, false},
		{"valid_until", !s.ValidUntil.IsZero(), kind == OnPeer, false},
	} {
		switch {
		case c.set && !c.read:
			f.Fail(m.At, ErrValue, "%q is never read for kind %s", c.field, kind)
		case !c.set && c.ask:
			f.Fail(m.At, ErrMissing, "%q for kind %s", c.field, kind)
		}
	}
	if kind == OnHash && !slices.ContainsFunc(l.pack.Places, func(p evidence.Place) bool { return p.Hash }) {
		f.Fail(m.At, ErrReference, "no place has hash: true, so no file would ever be hashed")
	}
	if kind == OnFile && m.Name.Regexp == nil && len(m.Magic) == 0 {
		f.Fail(m.At, ErrMissing, "a name or a magic; every file of the place would match")
	}
}

// inPlace checks that the place exists and asks for what the match reads.
func (l *loader) inPlace(f *file, s *specIndicator) {
	m := &s.Match
	i := slices.IndexFunc(l.pack.Places, func(p evidence.Place) bool { return p.ID == m.Place.Value })
	if i < 0 {
		f.Fail(m.Place.At, ErrReference, "no place %q", m.Place.Value)
		return
	}
	p := l.pack.Places[i]
	if len(m.Magic) > 0 && p.Content == 0 {
		f.Fail(m.Place.At, ErrValue, "place %q asks for no content", p.ID)
	}
	if s.Kind.Value == string(OnFolder) && !p.Folders {
		f.Fail(m.Place.At, ErrValue, "place %q asks for no folders", p.ID)
	}
}

func (f *file) decoded(all []text) [][]byte {
	var out [][]byte
	for _, t := range all {
		b, err := base64.StdEncoding.DecodeString(t.Value)
		if err != nil || len(b) == 0 {
			f.Fail(t.At, ErrValue, "%q is no base64", t.Value)
			continue
		}
		out = append(out, b)
	}
	return out
}

func (f *file) hashes(all []text) []string {
	for _, t := range all {
		if b, err := hex.DecodeString(t.Value); err != nil || len(b) != 32 || strings.ToLower(t.Value) != t.Value {
			f.Fail(t.At, ErrValue, "%q is no SHA-256 in lower-case hex", t.Value)
		}
	}
	return strs(all)
}

// peers are addresses, networks and names, lower case. A network wider than /8
// or /16 (IPv6) would match strangers.
func (f *file) peers(all []text) []string {
	for _, t := range all {
		if _, err := netip.ParseAddr(t.Value); err == nil {
			continue
		}
		if net, err := netip.ParsePrefix(t.Value); err == nil {
			if net.Addr().Is4() && net.Bits() < 8 || net.Addr().Is6() && net.Bits() < 16 || net.Masked() != net {
				f.Fail(t.At, ErrValue, "network %q is too wide or has host bits", t.Value)
			}
			continue
		}
		f.shaped(t, peerName, "an address, a network or a host name in lower case")
	}
	return strs(all)
}

// lowerCase refuses a pattern that asks for an upper-case letter: it is held
// against lower-case text and that part of it would never match.
func (f *file) lowerCase(p pattern) {
	if p.Regexp == nil {
		return
	}
	tree, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil || asksUpper(tree) {
		f.Fail(p.At, ErrValue, "%s asks for an upper-case letter; what it is held against is lower case", p)
	}
}

func asksUpper(re *syntax.Regexp) bool {
	upper := re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 && slices.ContainsFunc(re.Rune, unicode.IsUpper)
	return upper || slices.ContainsFunc(re.Sub, asksUpper)
}
