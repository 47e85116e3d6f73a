package detect

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"postern/evidence"
)

// hosts is what one or several rules call a peer: addresses, networks, names,
// and all names below one. Looking up costs the same for one and for 100,000.
type hosts struct {
	names map[string]bool // lower case; with a leading dot: all below
	addrs map[netip.Addr]string
	nets  map[netip.Prefix]string
	bits  []int // prefix lengths of nets
}

func newHosts(peers []string) *hosts {
	h := &hosts{names: map[string]bool{}, addrs: map[netip.Addr]string{}, nets: map[netip.Prefix]string{}}
	for _, peer := range peers {
		h.add(peer)
	}
	return h
}

func (h *hosts) add(peer string) {
	if net, err := netip.ParsePrefix(peer); err == nil {
		h.nets[net.Masked()] = peer
		if !slices.Contains(h.bits, net.Bits()) {
			h.bits = append(h.bits, net.Bits())
		}
		return
	}
	if addr, err := netip.ParseAddr(peer); err == nil {
		h.addrs[addr.Unmap()] = peer
		return
	}
	h.names[strings.ToLower(peer)] = true
}

// find returns the peer that a host, an address or a name without port, is. A
// name matches exactly, or an entry with a leading dot above it. It runs for
// every word of many events, and copies nothing.
func (h *hosts) find(host []byte) (peer string, held bool) {
	host = bytes.TrimSuffix(bytes.Trim(host, "[]"), []byte("."))
	if len(host) == 0 {
		return "", false
	}
	if mayBeAddr(host) {
		if addr, err := netip.ParseAddr(string(host)); err == nil {
			return h.findAddr(addr.Unmap().WithZone(""))
		}
	}
	var buf [256]byte
	name := fold(buf[:0], host)
	if slices.ContainsFunc(name, func(c byte) bool { return c >= 0x80 }) {
		name = bytes.ToLower(host)
	}
	if h.names[string(name)] {
		return string(name), true
	}
	for at := bytes.IndexByte(name, '.'); at >= 0; {
		if h.names[string(name[at:])] {
			return string(name[at:]), true
		}
		next := bytes.IndexByte(name[at+1:], '.')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return "", false
}

// mayBeAddr spares the parser what is plainly a name or a number.
func mayBeAddr(host []byte) bool {
	last := host[len(host)-1]
	return last >= '0' && last <= '9' && bytes.Count(host, []byte(".")) == 3 || bytes.IndexByte(host, ':') >= 0
}

func (h *hosts) findAddr(addr netip.Addr) (peer string, held bool) {
	if peer, held = h.addrs[addr]; held {
		return peer, true
	}
	for _, bits := range h.bits {
		if net, err := addr.Prefix(bits); err == nil {
			if peer, held = h.nets[net]; held {
				return peer, true
			}
		}
	}
	return "", false
}

// peerRules are all rules about peers, and what any of them calls one.
type peerRules struct {
	rules  []*rule
	known  *hosts
	always []*rule // those without literals
}

func newPeerRules(rules []*rule) *peerRules {
	p := &peerRules{known: newHosts(nil)}
	for _, r := range rules {
		if r.hosts == nil {
			continue
		}
		p.rules = append(p.rules, r)
		for _, peer := range r.Match.Peers {
			p.known.add(peer)
		}
		if r.ids == nil {
			p.always = append(p.always, r)
		}
	}
	return p
}

// matchPeers reports the peers that an event names.
func (p *program) matchPeers(e *evidence.Event, found func(sighting)) {
	if !p.peers.named(e) {
		return
	}
	m := p.mentioned(e)
	for _, r := range p.peers.rules {
		if s, ok := m.sight(r, e.Time); ok {
			found(s)
		}
	}
}

// named reports whether an event names a peer of any rule.
func (p *peerRules) named(e *evidence.Event) bool {
	return slices.ContainsFunc(e.Values, p.holds) || p.holds(e.Peer)
}

// holds reports whether a value names a peer of any rule.
func (p *peerRules) holds(value []byte) bool {
	for host := range hostsIn(value) {
		if _, held := p.known.find(host); held {
			return true
		}
	}
	return false
}
