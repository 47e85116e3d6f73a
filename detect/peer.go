package detect

import (
	"net/netip"
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
			m.from = hostsIn(string(value))
		case p.outbound:
			m.to = append(m.to, hostsIn(string(value))...)
		default:
			m.named = append(m.named, hostsIn(string(value))...)
		}
	}
	return m
}

// sight grades a peer: contact to it is the finding, contact from it an
// attempt at most, and its name alone a lead.
func (m *mentions) sight(r *rule, at time.Time) (sighting, bool) {
	s := sighting{r, r.class, r.severity, r.Label}
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
// and percent-decoded once and twice.
func hostsIn(value string) []string {
	var hosts []string
	for range 3 {
		for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return !inHost(r) }) {
			hosts = append(hosts, bareHost(word))
		}
		decoded := unescape(value)
		if decoded == value {
			break
		}
		value = decoded
	}
	return hosts
}

func inHost(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '-' || r == '_' || r == ':' || r > 0x7f
}

// bareHost takes the port off "host:port" and "1.2.3.4:80".
func bareHost(word string) string {
	if _, err := netip.ParseAddr(word); err == nil {
		return word
	}
	word = strings.TrimSuffix(word, ":")
	if strings.Count(word, ":") == 1 {
		word, _, _ = strings.Cut(word, ":")
	} else if ap, err := netip.ParseAddrPort(word); err == nil {
		return ap.Addr().String()
	}
	return strings.TrimSuffix(word, ".")
}

// unescape decodes %XX; a broken escape stays and hides nothing.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(c))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
