package peers

import (
	"bytes"
	"cmp"
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
	mostInner  = 1 << 10 // others
)

// Count counts who speaks to a server. The zero value is ready.
type Count struct {
	requests int64
	public   int  // in by
	many     bool // more than mostPublic: none is in by
	by       map[string]*evidence.Peer

	last *evidence.Peer // whom the last request came from
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
	if peer == nil || peer.Address != string(s.peer) {
		if p.many && s.proxy == 0 && isPublic(s.peer) {
			return
		}
		if peer = p.of(s); peer == nil {
			return
		}
		p.last = peer
	}
	p.raise(peer, s.proxy)
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

// raise takes a peer for no less than a kind. Who is no longer a public one does not
// count among these.
func (p *Count) raise(peer *evidence.Peer, kind evidence.PeerKind) {
	if peer.Kind == evidence.PublicPeer && kind > peer.Kind {
		p.public--
	}
	peer.Kind = max(peer.Kind, kind)
}

// of gives the count of a peer; nil if it is not to be kept.
func (p *Count) of(s *spoken) *evidence.Peer {
	if peer := p.by[string(s.peer)]; peer != nil {
		return peer
	}
	return p.keep(string(s.peer), max(s.proxy, innerOf(s.peer)))
}

func (p *Count) keep(address string, kind evidence.PeerKind) *evidence.Peer {
	if kind == evidence.PublicPeer {
		if p.many {
			return nil
		}
		if p.public++; p.public > mostPublic {
			p.drop()
			return nil
		}
	} else if len(p.by) >= mostInner {
		return nil
	}
	if p.by == nil {
		p.by = map[string]*evidence.Peer{}
	}
	peer := &evidence.Peer{Address: address, Kind: kind}
	p.by[address] = peer
	return peer
}

// drop forgets the public addresses: there are many.
func (p *Count) drop() {
	p.many, p.public, p.last = true, 0, nil
	for address, peer := range p.by {
		if peer.Kind == evidence.PublicPeer {
			delete(p.by, address)
		}
	}
}

// State is all that was counted, with everybody kept; Restore goes on from it.
func (p *Count) State() evidence.Peers {
	return evidence.Peers{Requests: p.requests, Few: p.sorted(), Many: p.many}
}

// Restore takes up a count where State left it.
func (p *Count) Restore(s evidence.Peers) {
	*p = Count{requests: s.Requests, many: s.Many, by: map[string]*evidence.Peer{}}
	for _, peer := range s.Few {
		if peer.Kind == evidence.PublicPeer {
			p.public++
		}
		p.by[peer.Address] = &peer
	}
}

// Fork gives a count of lines that follow, for Merge: of what the lines before tell
// it knows whether there are many.
func (p *Count) Fork() Count { return Count{many: p.many} }

// Merge adds what was counted of other lines of the log, those that follow.
func (p *Count) Merge(o *Count) {
	p.requests += o.requests
	if o.many && !p.many {
		p.drop()
	}
	for _, peer := range o.sorted() {
		if p.many && peer.Kind == evidence.PublicPeer {
			continue
		}
		to := p.by[peer.Address]
		if to == nil {
			if to = p.keep(peer.Address, peer.Kind); to == nil {
				continue
			}
		}
		p.raise(to, peer.Kind)
		to.Add(&peer)
	}
}

// sorted are those kept, the busiest first.
func (p *Count) sorted() (all []evidence.Peer) {
	for _, peer := range p.by {
		all = append(all, *peer)
	}
	slices.SortFunc(all, func(a, b evidence.Peer) int {
		return cmp.Or(-cmp.Compare(a.Requests+a.Spoken, b.Requests+b.Spoken), -cmp.Compare(bits.OnesCount64(a.Agents), bits.OnesCount64(b.Agents)), strings.Compare(a.Address, b.Address))
	})
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
