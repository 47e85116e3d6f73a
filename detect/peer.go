package detect

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

// Notes on a peer's finding.
const (
	labelRecovered = "recovered from space that the log no longer uses"
	labelMention   = "named in a record, not contacted as far as it shows"
	labelStale     = "outside the time for which the indicator is known good"
)

// mentions are the hosts one event names that are a peer of some rule, and how.
type mentions struct {
	from, to, named [][]byte
}

// mentioned reads the hosts off an event. In a log of what comes in, the
// address came to us, and so did the proxy that spoke for it; all else is only named; in a log of what goes out,
// the address is ours and the hosts in its other values were contacted, or contacted
// us where the record says that it was not us who began.
func (p *program) mentioned(e *evidence.Event) (m mentions) {
	cameIn := p.began >= 0 && p.began < len(e.Values) && bytes.EqualFold(e.Values[p.began], []byte("false"))
	for i, value := range e.Values {
		switch {
		case i == p.address:
			m.from = p.peers.append(p.peers.append(m.from, value), e.Peer)
		case p.outbound && cameIn:
			m.from = p.peers.append(m.from, value)
		case p.outbound:
			m.to = p.peers.append(m.to, value)
		default:
			m.named = p.peers.append(m.named, value)
		}
	}
	return m
}

// sight grades a peer: contact to it is the finding, contact from it an
// attempt at most, and its name alone a lead.
func (m *mentions) sight(r *rule, e *evidence.Event) (sighting, bool) {
	s, peer := sighting{rule: r, class: r.class, severity: r.severity, label: r.Label}, ""
	any := func(hosts [][]byte) bool {
		for _, h := range hosts {
			if p, held := r.hosts.find(h); held {
				peer = p
				return true
			}
		}
		return false
	}
	switch {
	case r.Match.Direction != pack.Inbound && any(m.to):
	case r.Match.Direction != pack.Outbound && any(m.from):
		if r.class == verdict.State || r.class == verdict.Success {
			s.class = verdict.Attempt
		}
	case any(m.named) || r.Match.Direction == pack.Outbound && any(m.from):
		s.class, s.label = verdict.Lead, note(s.label, labelMention)
	default:
		return s, false
	}
	if at := e.Time; !at.IsZero() && !(evidence.Period{From: r.ValidFrom, To: r.ValidUntil}).Holds(at) {
		s.class, s.label = verdict.Lead, note(r.Label, labelStale)
	}
	if r.named {
		r.matched(&s, peer, e.Time, e.Values)
	}
	return s, true
}

// note adds to a label what it does not say yet.
func note(label, more string) string {
	switch {
	case label == "" || more == "":
		return label + more
	case slices.Contains(strings.Split(label, "; "), more):
		return label
	}
	return label + "; " + more
}

// hostsIn cuts a value into what may be host names and addresses, as written
// and percent-decoded once and twice. Each holds a dot or a colon.
func hostsIn(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for range 3 {
			for start := 0; start < len(value); {
				end := start
				named := false
				for end < len(value) && inHost[value[end]] {
					named = named || value[end] == '.' || value[end] == ':'
					end++
				}
				if named && !yield(bareHost(value[start:end])) {
					return
				}
				start = end + 1
			}
			decoded := unescape(value, false)
			if len(decoded) == len(value) {
				return
			}
			value = decoded
		}
	}
}

// inHost are the bytes of host names and addresses, with or without a port.
var inHost = func() (in [256]bool) {
	for c := range in {
		in[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_' || c == ':' || c > 0x7f
	}
	return in
}()

// bareHost takes the port off "host:port", and the dot off a full name.
func bareHost(word []byte) []byte {
	if bytes.Count(bytes.TrimSuffix(word, []byte(":")), []byte(":")) <= 1 { // more is an IPv6 address, whose port stands outside its brackets
		word, _, _ = bytes.Cut(word, []byte(":"))
	}
	return bytes.TrimSuffix(word, []byte("."))
}
