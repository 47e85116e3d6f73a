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
	bits  []int // prefix lengths of nets, the narrowest first
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
			slices.SortFunc(h.bits, func(a, b int) int { return b - a })
		}
		return
	}
	if addr, err := netip.ParseAddr(peer); err == nil {
		h.addrs[addr.Unmap()] = peer
		return
	}
	h.names[strings.ToLower(peer)] = true
}

// find returns the first peer of holding.
func (h *hosts) find(host []byte) (peer string, held bool) {
	h.holding(host, func(p string) bool {
		peer, held = p, true
		return false
	})
	return peer, held
}

// appendAll adds every peer of holding.
func (h *hosts) appendAll(peers []string, host []byte) []string {
	h.holding(host, func(p string) bool {
		peers = append(peers, p)
		return true
	})
	return peers
}

// holding yields the peers that a host, an address or a name without port, is,
// the narrowest first: itself and the networks around it, or the entries with a
// leading dot above it. It runs for every word of many events, and copies nothing.
func (h *hosts) holding(host []byte, yield func(peer string) bool) {
	for len(host) > 0 && (host[0] == '[' || host[0] == ']') {
		host = host[1:]
	}
	for len(host) > 0 && (host[len(host)-1] == '[' || host[len(host)-1] == ']') {
		host = host[:len(host)-1]
	}
	host = bytes.TrimSuffix(host, []byte("."))
	if len(host) == 0 {
		return
	}
	if addr, is := dotted(host); is {
		h.holdingAddr(addr, yield)
		return
	}
	if mayBeAddr(host) {
		if addr, err := netip.ParseAddr(string(host)); err == nil {
			h.holdingAddr(addr.Unmap().WithZone(""), yield)
			return
		}
	}
	var buf [256]byte
	name := fold(buf[:0], host)
	if slices.ContainsFunc(name, func(c byte) bool { return c >= 0x80 }) {
		name = bytes.ToLower(host)
	}
	if h.names[string(name)] && !yield(string(name)) {
		return
	}
	for at := bytes.IndexByte(name, '.'); at >= 0; {
		if at > 0 && h.names[string(name[at:])] && !yield(string(name[at:])) {
			return
		}
		next := bytes.IndexByte(name[at+1:], '.')
		if next < 0 {
			return
		}
		at += 1 + next
	}
}

// mayBeAddr spares the parser what is plainly a name, a number or a clock: an IPv6
// address has seven colons, or six before an IPv4 one, where "::" does not stand for
// some.
func mayBeAddr(host []byte) bool {
	return bytes.IndexByte(host, ':') >= 0 && (bytes.Count(host, []byte(":")) >= 6 || bytes.Contains(host, []byte("::")))
}

// dotted reads an IPv4 address as netip does.
func dotted(host []byte) (addr netip.Addr, is bool) {
	var b [4]byte
	n, value, digits := 0, 0, 0
	for _, c := range host {
		switch {
		case c == '.' && digits > 0 && n < 3:
			b[n] = byte(value)
			n, value, digits = n+1, 0, 0
		case c < '0' || c > '9' || digits > 0 && value == 0:
			return addr, false
		default:
			if value = value*10 + int(c-'0'); value > 255 {
				return addr, false
			}
			digits++
		}
	}
	b[3] = byte(value)
	return netip.AddrFrom4(b), n == 3 && digits > 0
}

func (h *hosts) holdingAddr(addr netip.Addr, yield func(peer string) bool) {
	if peer, held := h.addrs[addr]; held && !yield(peer) {
		return
	}
	for _, bits := range h.bits {
		if net, err := addr.Prefix(bits); err == nil {
			if peer, held := h.nets[net]; held && !yield(peer) {
				return
			}
		}
	}
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

// append adds the hosts in a value that are a peer of any rule.
func (p *peerRules) append(hosts [][]byte, value []byte) [][]byte {
	for host := range hostsIn(value) {
		if _, held := p.known.find(host); held {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// matchPeers reports the peers that an event names.
func (p *program) matchPeers(e *evidence.Event, found func(sighting)) {
	m := p.mentioned(e)
	if len(m.from)+len(m.to)+len(m.named) == 0 {
		return
	}
	for _, r := range p.peers.rules {
		m.sight(r, e, found)
	}
}
