package detect

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

// Notes on a peer's finding.
const (
	labelMention = "named in a record, not contacted as far as it shows"
	labelStale   = "outside the time for which the indicator is known good"
)

// peers is all that several rules call a peer, to tell at once that a host is
// none of them.
type peers struct {
	names, addrs map[string]bool
	below        []string // endings with their dot
	nets         []netip.Prefix
}

func newPeers(rules []*rule) *peers {
	p := &peers{names: map[string]bool{}, addrs: map[string]bool{}}
	for _, r := range rules {
		for _, peer := range r.Match.Peers {
			net, err := netip.ParsePrefix(peer)
			addr, bad := netip.ParseAddr(peer)
			switch {
			case err == nil:
				p.nets = append(p.nets, net)
			case bad == nil:
				p.addrs[addr.Unmap().String()] = true
			case strings.HasPrefix(peer, "."):
				p.below = append(p.below, peer)
			default:
				p.names[peer] = true
			}
		}
	}
	return p
}

// any reports whether one of the event's hosts may be a peer of a rule: those
// it denies, pack.Match.HoldsPeer denies too.
func (p *peers) any(m *mentions) bool {
	return slices.ContainsFunc([][]string{m.from, m.to, m.named}, func(hosts []string) bool { return slices.ContainsFunc(hosts, p.maybe) })
}

func (p *peers) maybe(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "" {
		return false
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' || strings.Contains(host, ":") {
		if addr, err := netip.ParseAddr(host); err == nil {
			addr = addr.Unmap().WithZone("")
			return p.addrs[addr.String()] || slices.ContainsFunc(p.nets, func(n netip.Prefix) bool { return n.Contains(addr) })
		}
	}
	return p.names[host] || slices.ContainsFunc(p.below, func(end string) bool { return strings.HasSuffix(host, end) })
}

// mentions are the hosts one event names, and how.
type mentions struct {
	from, to, named []string
}

// mentioned reads the hosts off an event. In a log of what comes in, the
// address came to us and all else is only named; in a log of what goes out,
// the address is ours and the hosts in its other values were contacted.
func (p *program) mentioned(e *evidence.Event) *mentions {
	m := &mentions{}
	address := int(p.schema.Roles[evidence.RoleAddress])
	for i, value := range e.Values {
		switch {
		case i == address:
			m.from = hostsIn(value)
		case p.outbound:
			m.to = append(m.to, hostsIn(value)...)
		default:
			m.named = append(m.named, hostsIn(value)...)
		}
	}
	return m
}

// sight grades a peer: contact to it is the finding, contact from it an
// attempt at most, and its name alone a lead.
func (m *mentions) sight(r *rule, at time.Time) (sighting, bool) {
	s := sighting{r, r.class, r.severity, r.Label, ""}
	any := func(hosts []string) bool {
		for _, h := range hosts {
			if r.Match.HoldsPeer(h) {
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
	if !at.IsZero() && !(evidence.Period{From: r.ValidFrom, To: r.ValidUntil}).Holds(at) {
		s.class, s.label = verdict.Lead, note(r.Label, labelStale)
	}
	return s, true
}

func note(label, more string) string {
	if label == "" {
		return more
	}
	return label + "; " + more
}

// hostsIn cuts a value into what may be host names and addresses, as written
// and percent-decoded once and twice. Each holds a dot or a colon.
func hostsIn(value []byte) []string {
	var hosts []string
	for range 3 {
		for start := 0; start < len(value); {
			end := start
			named := false
			for end < len(value) && inHost[value[end]] {
				named = named || value[end] == '.' || value[end] == ':'
				end++
			}
			if named {
				hosts = append(hosts, bareHost(string(value[start:end])))
			}
			start = end + 1
		}
		decoded := unescape(value)
		if len(decoded) == len(value) {
			break
		}
		value = decoded
	}
	return hosts
}

// inHost are the bytes of host names and addresses, with or without a port.
var inHost = func() (in [256]bool) {
	for c := range in {
		in[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_' || c == ':' || c > 0x7f
	}
	return in
}()

// bareHost takes the port off "host:port", and the dot off a full name.
func bareHost(word string) string {
	if strings.Count(strings.TrimSuffix(word, ":"), ":") <= 1 { // more is an IPv6 address, whose port stands outside its brackets
		word, _, _ = strings.Cut(word, ":")
	}
	return strings.TrimSuffix(word, ".")
}

// unescape decodes %XX; a broken escape stays and hides nothing.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			if c, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(c))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}
