package detect

import (
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
// name matches exactly, or an entry with a leading dot above it.
func (h *hosts) find(host string) (peer string, held bool) {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "" {
		return "", false
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' || strings.Contains(host, ":") {
		if addr, err := netip.ParseAddr(host); err == nil {
			return h.findAddr(addr.Unmap().WithZone(""))
		}
	}
	if h.names[host] {
		return host, true
	}
	for at := strings.IndexByte(host, '.'); at >= 0; {
		if h.names[host[at:]] {
			return host[at:], true
		}
		next := strings.IndexByte(host[at+1:], '.')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return "", false
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
	rules   []*rule
	known   *hosts
	always  []*rule            // those without literals
	literal map[uint32][]*rule // by the literals of the prefilter
}

func newPeerRules(rules []*rule) *peerRules {
	p := &peerRules{known: newHosts(nil), literal: map[uint32][]*rule{}}
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
		for _, id := range r.ids {
			p.literal[id] = append(p.literal[id], r)
		}
	}
	return p
}

// spared reports whether the prefilter proves that an event names no peer.
func (p *peerRules) spared(l *literals, e *evidence.Event) bool {
	if len(p.rules) == 0 {
		return true
	}
	if !e.Hits.Known || len(p.always) > 0 || among(e.Hits, l.peer) || among(e.Hits, l.fold) {
		return false
	}
	return !slices.ContainsFunc(e.Hits.IDs, func(id uint32) bool { return p.literal[id] != nil })
}

// match reports the peers that an event names.
func (p *peerRules) match(l *literals, in *program, e *evidence.Event, found func(sighting)) {
	if p.spared(l, e) {
		return
	}
	m := in.mentioned(e)
	known := func(host string) bool { _, held := p.known.find(host); return held }
	if !slices.ContainsFunc([][]string{m.from, m.to, m.named}, func(hosts []string) bool { return slices.ContainsFunc(hosts, known) }) {
		return
	}
	for _, r := range p.rules {
		if s, ok := m.sight(r, e.Time); ok {
			found(s)
		}
	}
}
