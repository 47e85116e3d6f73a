package verdict

import (
	"fmt"
	"strings"
	"testing"

	"postern/evidence"
)

const (
	stranger = 1<<12 - 1 // names of many people's programs
	watcher  = 1 << 5    // of one
)

func TestProxied(t *testing.T) {
	asked := Asked{Parts: evidence.Compromised, AsOf: day("2026-02-01")}
	asked.Required.From = day("2026-01-01")
	peer := func(address string, kind evidence.PeerKind, requests int64, agents uint64) evidence.Peer {
		return evidence.Peer{Address: address, Kind: kind, Requests: requests, Agents: agents}
	}
	log := func(requests int64, many bool, few ...evidence.Peer) *evidence.Peers {
		return &evidence.Peers{Requests: requests, Many: many, Few: few}
	}
	f := func(name, want string, logs ...*evidence.Peers) {
		t.Helper()
		var cover []evidence.Coverage
		for i, p := range logs {
			at := day("2026-01-10").AddDate(0, 0, i)
			cover = append(cover, evidence.Coverage{Kind: evidence.CoverLog, Path: at.String(), Family: web.Family + " W3SVC1", Format: web.ID, Parts: evidence.CompromisedThen, From: at, To: at, Peers: p})
		}
		rows, _ := Families(asked, []evidence.LogFormat{web}, cover)
		got := ""
		for _, r := range rows {
			if r.Missed != nil && r.Missed.Reason == evidence.Proxied {
				got = r.Missed.Detail
				if r.Parts&evidence.CompromisedThen == 0 {
					t.Errorf("%s: it bears on nothing", name)
				}
			}
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	inner, own, named, public := evidence.InnerPeer, evidence.OwnPeer, evidence.NamedPeer, evidence.PublicPeer
	f("a public server", "", log(9000, true))
	f("and what watches it", "", log(9000, true, peer("127.0.0.1", own, 8000, watcher), peer("10.0.0.3", inner, 500, watcher)))
	f("three people inside", "", log(9000, false, peer("10.0.0.3", inner, 5000, 7), peer("10.0.0.4", inner, 3000, 9), peer("10.0.0.5", inner, 1000, 3)))
	f("a proxy", "9000 of 9000 records come from 10.0.0.5", log(9000, false, peer("10.0.0.5", inner, 9000, stranger)))
	f("two, with people inside", "8000 of 9000 records come from 10.0.0.6, 10.0.0.5", log(9000, false, peer("10.0.0.5", inner, 3000, stranger), peer("10.0.0.6", inner, 5000, stranger), peer("10.0.0.7", inner, 1000, 3)))
	f("known over several logs", "in 2 of 3 logs 600 of 700 records come from 10.0.0.5",
		log(300, false, peer("10.0.0.5", inner, 300, stranger&0x3f)), log(400, false, peer("10.0.0.5", inner, 300, stranger&^0x3f)), log(400, true))
	f("an inner scanner's day among many", "", log(900, false, peer("10.0.0.5", inner, 900, stranger)), log(90000, true))
	told := peer("10.0.0.5", inner, 9000, stranger)
	told.Told = 8900
	f("one that names clients", "say --proxy 10.0.0.5", log(9000, false, told))
	f("the machine's own", "come from 127.0.0.1", log(9000, false, peer("127.0.0.1", own, 9000, stranger)))
	spoken := peer("127.0.0.1", own, 500, stranger)
	spoken.Spoken = 9000
	f("which mostly names clients", "", log(9500, false, spoken))
	spoken.Requests = 2000
	f("which passes on what some clients send", "2000 of 11000", log(11000, false, spoken))
	f("no names of programs logged", "come from ::1", log(9000, false, peer("::1", own, 9000, 1)))
	f("named", "come from 10.0.0.9", log(9000, true, peer("10.0.0.9", named, 1000, watcher)))
	f("named, and it names clients", "", log(9000, true, evidence.Peer{Address: "10.0.0.9", Kind: named, Spoken: 8000}))
	f("a public proxy", "come from 203.0.113.5", log(9000, false, peer("203.0.113.5", public, 9000, stranger)))
	f("a scanner among few, of little", "", log(900, false, peer("203.0.113.5", public, 900, stranger)))
	f("a scanner among many", "", log(9000, false, peer("203.0.113.5", public, 9000, stranger)), log(9000, true))

	nodes := make([]evidence.Peer, 40)
	for i := range nodes {
		nodes[i] = peer(fmt.Sprintf("10.0.1.%d", i+10), inner, 200, stranger)
	}
	f("many nodes of a load balancer", "8000 of 8000 records come from 10.0.1.10, 10.0.1.11, 10.0.1.12, 10.0.1.13, 36 more", log(8000, false, nodes...))
	f("very many", "12000 of 12000 records come from 10.0.1.10, 10.0.1.11, 10.0.1.12, 10.0.1.13, more than 36 more", log(12000, false, append(nodes, peer(evidence.Others, inner, 4000, stranger))...))
	if all := Hiding([]evidence.Coverage{{Family: "web", Peers: log(12000, false, append(nodes, peer(evidence.Others, inner, 4000, stranger))...)}}); len(all) != len(nodes) || all[evidence.Others] {
		t.Errorf("the others have no address: %v", all)
	}

	asked.Required.From = day("2026-01-11")
	f("before what is asked about", "", log(9000, false, peer("10.0.0.5", inner, 9000, stranger)))
}
