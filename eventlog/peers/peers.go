// Package peers tells whom the records of a log came from where proxies stand in
// front of the server, and counts who spoke to it. A proxy is who the operator
// names, and who can be nobody else: the machine itself, speaking over its
// loopback or from the address that it answers at, and whom the server itself
// takes for one (Caddy's trusted_proxies). What anybody else writes into a header
// is no more than that.
package peers

import (
	"bytes"
	"net/netip"
	"slices"

	"postern/eventlog/cut"
	"postern/evidence"
)

// Settler settles the clients of one log's rows.
type Settler struct {
	named   []netip.Prefix
	isProxy func(hop []byte, at netip.Addr) bool // c.proxy, made once

	schema    *evidence.Schema // whose columns follow; -1: none
	address   int
	forwarded int // what the request's header says
	agent     int
	own       int    // the server's own address
	judged    int    // the server's own conclusion (Caddy's client_ip)
	mine      []byte // the server's own address, of the row in hand
	last      []byte // the peer looked at last
	lastKind  evidence.PeerKind
	requests  bool // the rows are of what was asked of a web server
	crowd     bool // and of public addresses none is a proxy but the server itself
}

// New gives a settler that believes these peers, beside those that are evident.
func New(named []netip.Prefix) *Settler {
	c := &Settler{named: named}
	c.isProxy = c.proxy
	return c
}

func (c *Settler) bind(s *evidence.Schema) {
	c.schema = s
	c.address, c.forwarded, c.agent = int(s.Roles[evidence.RoleAddress]), int(s.Roles[evidence.RoleForwarded]), int(s.Roles[evidence.RoleAgent])
	c.own = max(s.Index("s-ip"), s.Index("server_addr"))
	if c.judged = s.Index("request.client_ip"); c.address >= 0 && s.Fields[c.address] != "request.remote_ip" {
		c.judged = -1
	}
	c.requests = s.Source.Category == "webserver" && s.Roles[evidence.RolePath] >= 0
	c.crowd = c.requests && len(c.named) == 0 && c.judged < 0
}

// Settle puts a row's client into its address's place, as a part of the value
// that names it, and gives the peer that stood there; nil if that is the client.
// It counts the request. Values belong to schema; their bytes are not changed.
func (c *Settler) Settle(schema *evidence.Schema, values [][]byte, count *Count) (peer []byte) {
	if schema != c.schema {
		c.bind(schema)
	}
	if c.address < 0 || len(values[c.address]) == 0 {
		return nil
	}
	if c.mine = nil; c.own >= 0 {
		c.mine = values[c.own]
	}
	if c.crowd && count.many && isPublic(values[c.address]) && !bytes.Equal(values[c.address], c.mine) {
		count.requests++
		return nil
	}
	return c.weigh(values, count)
}

// weigh is Settle for who is not plainly one of a crowd.
func (c *Settler) weigh(values [][]byte, count *Count) (peer []byte) {
	s := spoken{peer: values[c.address]}
	if bytes.IndexByte(s.peer, ',') >= 0 { // the server logs the header in the client's place
		client := cut.Client(s.peer, c.isProxy)
		if client == nil {
			return nil
		}
		peer, s.peer, values[c.address] = s.peer, client, client
	}
	s.proxy = c.kind(values, s.peer)
	if c.forwarded >= 0 && values[c.forwarded] != nil {
		s.named = true
		if s.proxy != 0 && peer == nil {
			if client := cut.Client(values[c.forwarded], c.isProxy); client != nil && !bytes.Equal(client, s.peer) {
				peer, s.client, values[c.address] = s.peer, true, client
			}
		}
	}
	if c.requests || len(c.named) > 0 {
		c.count(values, &s, count)
	}
	return peer
}

// count counts a request, or a record of another service, where only the proxies
// that the operator names mean anything.
func (c *Settler) count(values [][]byte, s *spoken, to *Count) {
	switch {
	case c.requests:
		if c.agent >= 0 {
			s.agent = values[c.agent]
		}
		to.add(s)
	case s.proxy == evidence.NamedPeer:
		to.add(s)
	default:
		to.requests++
	}
}

// kind tells of a peer whether it is a proxy; 0 if not.
func (c *Settler) kind(values [][]byte, peer []byte) evidence.PeerKind {
	switch {
	case bytes.Equal(peer, c.mine):
		return evidence.OwnPeer
	case c.judged >= 0 && values[c.judged] != nil && !bytes.Equal(values[c.judged], peer):
		return evidence.NamedPeer
	case len(c.named) == 0 && !mayBeLoopback(peer):
		return 0
	}
	if !bytes.Equal(peer, c.last) {
		c.last, c.lastKind = append(c.last[:0], peer...), c.kindOf(peer)
	}
	return c.lastKind
}

// kindOf tells of an address alone whether it is a proxy's; 0 if not.
func (c *Settler) kindOf(peer []byte) evidence.PeerKind {
	at, ok := cut.Address(cut.Host(peer))
	switch {
	case !ok:
	case c.isNamed(at):
		return evidence.NamedPeer
	case at.IsLoopback():
		return evidence.OwnPeer
	}
	return 0
}

// proxy reports whether an address is that of a proxy.
func (c *Settler) proxy(hop []byte, at netip.Addr) bool {
	return at.IsLoopback() || bytes.Equal(hop, c.mine) || c.isNamed(at)
}

func (c *Settler) isNamed(at netip.Addr) bool {
	return slices.ContainsFunc(c.named, func(p netip.Prefix) bool { return p.Contains(at) })
}

// mayBeLoopback spares the parser what plainly is not.
func mayBeLoopback(peer []byte) bool {
	return peer[0] == ':' || peer[0] == '0' || bytes.HasPrefix(peer, []byte("127."))
}
