package peers

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"postern/eventlog/cut"
	"postern/evidence"
)

// Limits of what is kept of one log.
const (
	mostPublic = 8       // public addresses; a server that more speak to is open to everybody
	mostOthers = 1 << 10 // of each other kind: the first by their spelling
)

// Count counts who speaks to a server. The zero value is ready.
//
// Each request counts for its peer as what it was known for then: one address may be
// a public one in some and a proxy in others (Caddy's client_ip tells). Where many
// public addresses speak, only the latter are left. What is kept does not depend on
// the order of requests, so that parts of a log can be counted apart.
type Count struct {
	requests int64
	many     bool // more than mostPublic: none is in by
	by       [evidence.NamedPeer + 1]kindred

	last *evidence.Peer    // whom the last request came from
	as   evidence.PeerKind // what it was known for; see spoken.proxy
}

// kindred are the peers of one kind by their addresses.
type kindred struct {
	peers map[string]*evidence.Peer
	end   string // addresses from here on are left out, for mostOthers stand before them; "": none is
}

// spoken is one request, as far as it tells who may be a proxy.
type spoken struct {
	peer          []byte
	proxy         evidence.PeerKind // what is known of the peer: OwnPeer, NamedPeer, else 0
	client, named bool              // the client is known; the header names somebody
	agent         []byte
}

func (p *Count) add(s *spoken) {
	p.requests++
	peer := p.last
	if peer == nil || p.as != s.proxy || peer.Address != string(s.peer) {
		if p.many && s.proxy == 0 && isPublic(s.peer) {
			return
		}
		if peer = p.of(s); peer == nil {
			return
		}
		p.last, p.as = peer, s.proxy
	}
	if s.client {
		peer.Spoken++
		return
	}
	peer.Requests++
	if s.named {
		peer.Told++
	}
	peer.Agents |= 1 << (len(s.agent) & 63)
}

// of gives the count of a peer; nil if it is not to be kept.
func (p *Count) of(s *spoken) *evidence.Peer {
	kind := s.proxy
	if kind == 0 {
		for kind := range evidence.OwnPeer {
			if peer := p.by[kind].peers[string(s.peer)]; peer != nil {
				return peer
			}
		}
		kind = innerOf(s.peer)
	}
	return p.keep(string(s.peer), kind)
}

// keep gives the count of a peer of a kind, a new one where there is none; nil if
// it is not to be kept.
func (p *Count) keep(address string, kind evidence.PeerKind) *evidence.Peer {
	of := &p.by[kind]
	if peer := of.peers[address]; peer != nil {
		return peer
	}
	switch {
	case kind == evidence.PublicPeer && p.many:
		return nil
	case kind == evidence.PublicPeer && len(of.peers) == mostPublic:
		p.drop()
		return nil
	case of.end != "" && address >= of.end:
		return nil
	case len(of.peers) == 2*mostOthers:
		p.last = nil
		if of.trim(); address >= of.end {
			return nil
		}
	}
	if of.peers == nil {
		of.peers = map[string]*evidence.Peer{}
	}
	peer := &evidence.Peer{Address: address, Kind: kind}
	of.peers[address] = peer
	return peer
}

// drop forgets the public addresses: there are many.
func (p *Count) drop() {
	p.many, p.last, p.by[evidence.PublicPeer] = true, nil, kindred{}
}

// trim keeps the first mostOthers. Whoever is among these at the log's end was so
// all the time, and in every part of it, so that nothing of his is lost.
func (k *kindred) trim() {
	if len(k.peers) <= mostOthers {
		return
	}
	all := slices.Sorted(maps.Keys(k.peers))
	k.end = all[mostOthers]
	for _, address := range all[mostOthers:] {
		delete(k.peers, address)
	}
}

// State is all that was counted, with everybody kept, who was of several kinds
// once for each; Restore goes on from it.
func (p *Count) State() evidence.Peers {
	s := evidence.Peers{Requests: p.requests, Many: p.many}
	p.last = nil
	for kind := range p.by {
		p.by[kind].trim()
		for _, peer := range p.by[kind].peers {
			s.Few = append(s.Few, *peer)
		}
	}
	slices.SortFunc(s.Few, busier)
	return s
}

// Restore takes up a count where State left it. The error says what no State
// gives.
func (p *Count) Restore(s evidence.Peers) error {
	*p = Count{requests: s.Requests, many: s.Many}
	for _, peer := range s.Few {
		if peer.Kind > evidence.NamedPeer || min(peer.Requests, peer.Told, peer.Spoken) < 0 {
			return fmt.Errorf("peers: %d requests of %q, of kind %d", peer.Requests, peer.Address, peer.Kind)
		}
		if to := p.keep(peer.Address, peer.Kind); to != nil {
			*to = peer
		}
	}
	return nil
}

// Fork gives a count of lines that follow, for Merge: whether the lines before
// tell that there are many spares it to keep some that nobody asks for.
func (p *Count) Fork() Count { return Count{many: p.many} }

// Merge adds what was counted of other lines of the log.
func (p *Count) Merge(o *Count) {
	p.requests += o.requests
	if o.many {
		p.drop()
	}
	for kind := range o.by {
		for _, peer := range o.by[kind].peers {
			if to := p.keep(peer.Address, peer.Kind); to != nil {
				to.Add(peer)
			}
		}
	}
}

// busier orders peers, the busiest first.
func busier(a, b evidence.Peer) int {
	return cmp.Or(-cmp.Compare(a.Requests+a.Spoken, b.Requests+b.Spoken), -cmp.Compare(bits.OnesCount64(a.Agents), bits.OnesCount64(b.Agents)),
		strings.Compare(a.Address, b.Address), cmp.Compare(a.Kind, b.Kind))
}

// sorted are those kept, each address of the surest of its kinds, the busiest
// first.
func (p *Count) sorted() (all []evidence.Peer) {
	at := map[string]int{}
	for _, peer := range p.State().Few {
		i, known := at[peer.Address]
		if !known {
			at[peer.Address] = len(all)
			all = append(all, peer)
			continue
		}
		all[i].Add(&peer)
		all[i].Kind = max(all[i].Kind, peer.Kind)
	}
	slices.SortFunc(all, busier)
	return all
}

// Told is what a coverage row tells of them; nil where nobody was counted.
func (p *Count) Told() *evidence.Peers {
	if p.requests == 0 {
		return nil
	}
	few := p.sorted()
	if len(few) > evidence.MostPeers {
		few = append(few[:evidence.MostPeers:evidence.MostPeers], others(few[evidence.MostPeers:])...)
	}
	return &evidence.Peers{Requests: p.requests, Few: few, Many: p.many}
}

// others sums peers up, by kind: a proxy of very many addresses is one all the same.
func others(peers []evidence.Peer) (sums []evidence.Peer) {
	for _, p := range peers {
		if p.Kind == evidence.PublicPeer || p.Kind == evidence.InnerPeer && bits.OnesCount64(p.Agents) < evidence.Strangers {
			continue
		}
		i := slices.IndexFunc(sums, func(s evidence.Peer) bool { return s.Kind == p.Kind })
		if i < 0 {
			i = len(sums)
			sums = append(sums, evidence.Peer{Address: evidence.Others, Kind: p.Kind})
		}
		sums[i].Add(&p)
	}
	return sums
}

// shared is the network that providers use among themselves (RFC 6598).
var shared = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)

// innerOf tells an address of an inner network from a public one, and from what
// is no address.
func innerOf(peer []byte) evidence.PeerKind {
	at, ok := cut.Address(cut.Host(peer))
	switch {
	case !ok:
	case at.IsLoopback():
		return evidence.OwnPeer
	case at.IsPrivate() || at.IsLinkLocalUnicast() || shared.Contains(at):
		return evidence.InnerPeer
	}
	return evidence.PublicPeer
}

// isPublic reports whether b is an IPv4 address that plainly is of no inner
// network. It spares the parser most of a crowd.
func isPublic(b []byte) bool {
	if len(b) < len("1.1.1.1") || len(b) > len("111.111.111.111") || b[0] < '1' || b[0] > '9' {
		return false
	}
	if b[0] == '1' {
		switch b[1] {
		case '0': // 10., 100.
			return false
		case '2', '6', '7', '9': // 127., 169., 172., 192.
			if b[2] == '7' || b[2] == '9' || b[2] == '2' {
				return false
			}
		}
	}
	last := b[len(b)-1]
	return last >= '0' && last <= '9' && bytes.IndexByte(b, ',') < 0 && bytes.IndexByte(b, ':') < 0
}
