package evidence

// Peers is who spoke to a server by one of its logs, as far as it tells whether
// proxies stand in front of it.
type Peers struct {
	Requests int64  // of everybody
	Few      []Peer // the busiest of those that may be proxies, the busiest first; MostPeers at most
	Many     bool   // public addresses of no proxy: so many that none of them is kept
}

// MostPeers bounds Peers.Few.
const MostPeers = 16

// Peer is one address that spoke to a server.
type Peer struct {
	Address  string
	Kind     PeerKind
	Requests int64  // of them those whose client is not known: its own, or of somebody behind it
	Told     int64  // of Requests those whose header names somebody, which is not believed of it
	Spoken   int64  // those whose client is known
	Agents   uint64 // of Requests: how long clients' names of their programs are, modulo 64, a bit each
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
