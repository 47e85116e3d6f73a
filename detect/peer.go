package detect

import (
	"bytes"
	"iter"
	"net/netip"
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

// mostSighted is how many hosts of one event are named for one list; further ones
// are counted together.
const mostSighted = 64

// sight reports the peers of a rule: contact to one is the finding, contact from
// it an attempt at most, and its name alone a lead. Of a list every host is
// reported, once and as the gravest of that; for other rules the first one stands
// for all.
func (m *mentions) sight(r *rule, e *evidence.Event, found func(sighting)) {
	var few, held [4]string // nearly always enough
	seen := few[:0]
	further := map[verdict.Class]bool(nil)
	all := func(hosts [][]byte, class verdict.Class, how string) {
		for _, h := range hosts {
			if len(seen) > 0 && !r.named {
				return
			}
			peers := r.hosts.appendAll(held[:0], h)
			if len(peers) == 0 || slices.Contains(seen, peers[0]) {
				continue
			}
			s := r.sighting(peers, class, how, e)
			if len(seen) < mostSighted {
				seen = append(seen, peers[0])
				found(s)
				continue
			}
			if s.label, s.about = othersNoted, nil; !further[s.class] {
				if further == nil {
					further = map[verdict.Class]bool{}
				}
				further[s.class] = true
				found(s)
			}
		}
	}
	if r.Match.Direction != pack.Inbound {
		all(m.to, r.class, "")
	}
	if r.Match.Direction != pack.Outbound {
		class := r.class
		if class == verdict.State || class == verdict.Success {
			class = verdict.Attempt
		}
		all(m.from, class, "")
	}
	all(m.named, verdict.Lead, labelMention)
	if r.Match.Direction == pack.Outbound {
		all(m.from, verdict.Lead, labelMention)
	}
}

// sighting grades a host by the peers that hold it.
func (r *rule) sighting(peers []string, class verdict.Class, how string, e *evidence.Event) sighting {
	s := sighting{rule: r, class: class, severity: r.severity, label: note(r.Label, how)}
	if at := e.Time; !at.IsZero() && !(evidence.Period{From: r.ValidFrom, To: r.ValidUntil}).Holds(at) {
		s.class, s.label = verdict.Lead, note(r.Label, labelStale)
	}
	if r.named {
		r.matched(&s, peers, e.Time, e.Values)
	}
	return s
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
				if named && !hostsOf(value[start:end], yield) {
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

// longestAddr is how long an IPv6 address is with an IPv4 one at its end.
const longestAddr = 45

// hostsOf yields what of a word may be a host: all of it, what stands between
// its colons ("/node:192.0.2.7", "v:host.example:3389"), an IPv6 address behind
// one ("IPv6:2001:db8::7"), and IPv4 addresses that other letters are glued to
// ("x_192.0.2.7-y").
func hostsOf(word []byte, yield func([]byte) bool) bool {
	whole := bareHost(word)
	if !yield(whole) {
		return false
	}
	colon := bytes.IndexByte(word, ':')
	if colon < 0 {
		return quads(word, yield)
	}
	if mayBeAddr(word) {
		if _, err := netip.ParseAddr(string(word)); err == nil {
			return true // whose colons are its own
		}
	}
	for rest, again := word, len(whole) <= colon; ; again = false {
		part := rest
		if colon >= 0 {
			part = rest[:colon]
		}
		if bytes.IndexByte(part, '.') > 0 && (!again && !yield(bareHost(part)) || !quads(part, yield)) {
			return false
		}
		if colon < 0 {
			return true
		}
		rest = rest[colon+1:]
		if len(rest) <= longestAddr && mayBeAddr(rest) && !yield(bareHost(rest)) {
			return false
		}
		colon = bytes.IndexByte(rest, ':')
	}
}

// quads yields the IPv4 addresses in a word that is more than one, where no
// further digits or numbers adjoin them.
func quads(word []byte, yield func([]byte) bool) bool {
	for at := 0; at < len(word); {
		if !isDigit(word[at]) {
			at++
			continue
		}
		end := at
		for end < len(word) && (isDigit(word[end]) || word[end] == '.' && end+1 < len(word) && isDigit(word[end+1])) {
			end++
		}
		if end-at < len(word) && end-at >= len("0.0.0.0") && end-at <= len("255.255.255.255") && bytes.Count(word[at:end], []byte(".")) == 3 && !yield(word[at:end]) {
			return false
		}
		at = end
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

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
