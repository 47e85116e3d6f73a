package evidence

// Peers is who spoke to a server by one of its logs, as far as it tells whether
// proxies stand in front of it.
type Peers struct {
	Requests int64  // of everybody
	Few      []Peer // the busiest of those that may be proxies, the busiest first; MostPeers at most, and their Others
	Many     bool   // public addresses of no proxy: so many that none of them is kept
}

// MostPeers bounds Peers.Few. The nodes of a load balancer are some tens; of more
// there are the Others, who may add one Peer for each kind but public ones.
const MostPeers = 64

// Others is the Address of a Peer that stands for all those of its Kind who are not
// in Few and may be proxies by what each did: named ones, the server's own, and inner
// ones of Strangers names or more.
const Others = ""

// Strangers is how many lengths of names tell a proxy by the programs that speak
// through it: a person's give themselves few, strangers' are many. Of few persons
// seen over a year there are four or five.
const Strangers = 12

// Peer is one address that spoke to a server, or several: see Others.
type Peer struct {
	Address  string
	Kind     PeerKind
	Requests int64  // of them those whose client is not known: its own, or of somebody behind it
	Told     int64  // of Requests those whose header names somebody, which is not believed of it
	Spoken   int64  // those whose client is known
	Agents   uint64 // of Requests: how long clients' names of their programs are, modulo 64, a bit each
}

// Add adds what another peer did, or the same one elsewhere.
func (p *Peer) Add(o *Peer) {
	p.Requests, p.Told, p.Spoken, p.Agents = p.Requests+o.Requests, p.Told+o.Told, p.Spoken+o.Spoken, p.Agents|o.Agents
}

// PeerKind is what an address may be.
type PeerKind uint8

// The kinds, each surer to be a proxy than the one before.
const (
	PublicPeer PeerKind = iota
	InnerPeer           // of a private or a shared network, link-local
	OwnPeer             // the server itself: loopback, or the address that it answers at
	NamedPeer           // a proxy as the operator says, or as the server's own settings do
)
