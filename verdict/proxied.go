package verdict

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// What tells a proxy by what comes through it, and how much of a log it must
// hide; evidence.Strangers is one of them, too.
const (
	localPrograms = 8    // of the machine itself: what watches it has one or two names
	fewRequests   = 1000 // fewer say nothing about public addresses
	mostPublic    = 8    // public addresses, if they may be proxies
)

// proxied is the gap of a series whose records mostly come from proxies that
// speak for clients nobody names, so that one address is many people's. Logs from
// before the window are not asked about.
func (s *series) proxied(row evidence.Coverage, w window) []evidence.Coverage {
	logs := s.peers
	if w.days() > 0 {
		logs = slices.DeleteFunc(slices.Clone(logs), func(p peersOf) bool { return !p.to.IsZero() && evidence.DayOf(p.to) < w.first })
	}
	hide := hiding(logs)
	var requests, bad, hidden int64
	n := 0
	for _, log := range logs {
		requests += log.Requests
		if of, most := log.hidden(hide); most {
			n, bad, hidden = n+1, bad+log.Requests, hidden+of
		}
	}
	if bad == 0 || bad*20 < requests {
		return nil
	}
	where := ""
	if n < len(logs) {
		where = fmt.Sprintf("in %d of %d logs ", n, len(logs))
	}
	row.Count, row.Missed = 0, &evidence.Missed{Reason: evidence.Proxied, Detail: fmt.Sprintf(
		"%s%d of %d records come from %s, and whom they were made for is not known: all who came that way have one address, so sequences and lists of addresses say little; %s",
		where, hidden, bad, addresses(hide), unhide(hide))}
	return []evidence.Coverage{row}
}

// peersOf is who spoke to the server in one log.
type peersOf struct {
	evidence.Peers
	to time.Time // its last record
}

// hidden counts the requests that come from proxies, and tells whether they are
// most of the log; of known proxies a tenth is enough, for in whose log clients
// are named mostly a header that a proxy merely passes on may have named them.
func (p *peersOf) hidden(hide []evidence.Peer) (n int64, most bool) {
	var known int64
	for _, peer := range p.Few {
		at := slices.IndexFunc(hide, func(h evidence.Peer) bool { return keyOf(&h) == keyOf(&peer) })
		if at < 0 {
			continue
		}
		n += peer.Requests
		if hide[at].Kind >= evidence.OwnPeer {
			known += peer.Requests
		}
	}
	return n, n > 0 && (2*n > p.Requests || 10*known >= p.Requests)
}

// peerKey is what makes a peer one over several logs.
type peerKey struct {
	address string
	kind    evidence.PeerKind // of evidence.Others alone: an address may turn out to be of a surer kind
}

func keyOf(p *evidence.Peer) peerKey {
	if p.Address == evidence.Others {
		return peerKey{kind: p.Kind}
	}
	return peerKey{address: p.Address}
}

// hiding are the peers of a series that hide clients: known proxies, and whom so
// many programs of different names speak through that they must be strangers'. Of
// public addresses only where hardly any other spoke to the server.
func hiding(logs []peersOf) (hide []evidence.Peer) {
	all := map[peerKey]*evidence.Peer{}
	var requests int64
	many, public := false, 0
	for _, log := range logs {
		requests, many = requests+log.Requests, many || log.Many
		for _, p := range log.Few {
			key := keyOf(&p)
			to := all[key]
			if to == nil {
				to = &evidence.Peer{Address: p.Address}
				all[key] = to
			}
			to.Kind = max(to.Kind, p.Kind)
			to.Add(&p)
		}
	}
	for _, p := range all {
		if p.Kind == evidence.PublicPeer {
			public++
		}
	}
	open := many || public > mostPublic || requests < fewRequests
	for _, p := range all {
		names := bits.OnesCount64(p.Agents)
		unnamed := p.Agents&^1 == 0 // nobody logged a name
		switch {
		case p.Requests == 0:
		case p.Kind == evidence.NamedPeer,
			p.Kind == evidence.OwnPeer && (names >= localPrograms || unnamed),
			p.Kind == evidence.InnerPeer && names >= evidence.Strangers,
			p.Kind == evidence.PublicPeer && names >= evidence.Strangers && !open:
			hide = append(hide, *p)
		}
	}
	slices.SortFunc(hide, func(a, b evidence.Peer) int {
		return cmp.Or(-cmp.Compare(a.Requests, b.Requests), strings.Compare(a.Address, b.Address))
	})
	return hide
}

// Hiding are the addresses, lower case, that many people share by what the logs in
// cover tell of their peers: what one did there, another may have begun.
func Hiding(cover []evidence.Coverage) map[string]bool {
	byFamily := map[string][]peersOf{}
	for _, c := range cover {
		if c.Peers != nil && c.Missed == nil && c.Family != "" {
			byFamily[c.Family] = append(byFamily[c.Family], peersOf{*c.Peers, c.To})
		}
	}
	all := map[string]bool{}
	for _, logs := range byFamily {
		for _, p := range hiding(logs) {
			if p.Address != evidence.Others { // whose addresses are not known here
				all[strings.ToLower(p.Address)] = true
			}
		}
	}
	return all
}

// addresses names peers, the busiest first.
func addresses(hide []evidence.Peer) string {
	const most = 4
	var names []string
	of, others := len(hide), false
	for _, p := range hide {
		switch {
		case p.Address == evidence.Others:
			of, others = of-1, true
		case len(names) < most:
			names = append(names, p.Address)
		}
	}
	switch more := of - len(names); {
	case others:
		names = append(names, fmt.Sprintf("more than %d more", more))
	case more > 0:
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// unhide says what would name the clients.
func unhide(hide []evidence.Peer) string {
	var name []string
	others := false
	for _, p := range hide {
		if p.Kind < evidence.OwnPeer && 2*p.Told >= p.Requests {
			name, others = append(name, "--proxy "+p.Address), others || p.Address == evidence.Others
		}
	}
	const most = 4
	switch {
	case len(name) > most || others:
		return "they send a header that names clients: if they are proxies of yours, name them or their network with --proxy"
	case name != nil:
		return "a header there names clients: if that is a proxy of yours, say " + strings.Join(name, " ")
	case slices.ContainsFunc(hide, func(p evidence.Peer) bool { return p.Kind >= evidence.OwnPeer }):
		return "read the proxy's own log, and have X-Forwarded-For logged from now on"
	}
	return "if that is a proxy, read its own log, have X-Forwarded-For logged from now on, and name it with --proxy"
}
