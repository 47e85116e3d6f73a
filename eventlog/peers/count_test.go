package peers

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"postern/evidence"
)

// TestMerge: whatever parts of a log are counted apart, the sum is the same.
func TestMerge(t *testing.T) {
	var all []spoken
	for i := range 300 {
		s := spoken{peer: fmt.Appendf(nil, "10.0.0.%d", i%7), agent: make([]byte, i%11), named: i%3 == 0}
		switch {
		case i%5 == 0:
			s.peer = fmt.Appendf(nil, "203.0.113.%d", i/5%(2+i/20))
		case i%13 == 0:
			s.peer, s.proxy, s.client = []byte("127.0.0.1"), evidence.OwnPeer, i%2 == 0
		}
		all = append(all, s)
	}
	for n := range len(all) + 1 {
		var whole, first, second Count
		for i := range all[:min(n+50, len(all))] {
			whole.add(&all[i])
			if i < n {
				first.add(&all[i])
			} else {
				second.add(&all[i])
			}
		}
		first.Merge(&second)
		if got, want := first.Told(), whole.Told(); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %d: %+v, want %+v", n, got, want)
		}
	}
}

// TestOthers: a load balancer of more nodes than are kept is still seen whole, and
// people's machines do not add up to one.
func TestOthers(t *testing.T) {
	f := func(what string, peers, names int, want ...evidence.Peer) {
		t.Helper()
		var c Count
		for i := range peers * 20 {
			c.add(&spoken{peer: fmt.Appendf(nil, "10.0.%d.1", i%peers), agent: make([]byte, i/peers%names), named: true})
		}
		got := c.Told().Few
		if n := min(peers, evidence.MostPeers); len(got) != n+len(want) || !reflect.DeepEqual(append([]evidence.Peer{}, got[n:]...), append([]evidence.Peer{}, want...)) {
			t.Errorf("%s: %d, %+v", what, len(got), got[min(n, len(got)):])
		}
	}
	f("forty nodes", 40, 20)
	f("a hundred", 100, 20, evidence.Peer{Address: evidence.Others, Kind: evidence.InnerPeer, Requests: 36 * 20, Told: 36 * 20, Agents: 1<<20 - 1})
	f("a hundred people", 100, 4)
}

// TestOrder: who is kept, and with what, does not depend on whose requests come
// first, on how they are shared out, or on where a count is taken up.
func TestOrder(t *testing.T) {
	var all []spoken
	for i := range 9000 {
		s := spoken{peer: fmt.Appendf(nil, "10.0.%d.%d", i%4000/200, i%200), agent: make([]byte, i%50)}
		switch i % 5 {
		case 0:
			s.peer, s.client = []byte("198.51.100.9"), i%2 == 0
			if s.client || i%3 == 0 {
				s.proxy = evidence.NamedPeer
			}
		case 1:
			s.peer = fmt.Appendf(nil, "203.0.113.%d", i%90/10)
		}
		all = append(all, s)
	}
	want := ""
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		var parts [4]Count
		for _, i := range random.Perm(len(all)) {
			parts[random.IntN(1+int(seed)%4)].add(&all[i])
		}
		var sum Count
		for i := range parts {
			sum.Merge(&parts[i])
			if err := sum.Restore(sum.State()); err != nil {
				t.Fatal(err)
			}
		}
		got := fmt.Sprintf("%+v", sum.State())
		if want == "" {
			want = got
		}
		if got != want || len(sum.by[evidence.InnerPeer].peers) != mostOthers || !sum.many {
			t.Fatalf("seed %d: %d kept, many %t:\n%.300s\nwant\n%.300s", seed, len(sum.by[evidence.InnerPeer].peers), sum.many, got, want)
		}
	}
}

// BenchmarkSettle is the cost of one row: of a public server, of one that inner
// addresses or a single one speak to, and behind a proxy whose header is believed.
func BenchmarkSettle(b *testing.B) {
	schema := evidence.NewSchema("iis.w3c", "s-ip", "c-ip", "cs-uri-stem", "cs(User-Agent)", "X-Forwarded-For")
	schema.Source.Category = "webserver"
	for i, role := range []evidence.Role{evidence.RoleHost, evidence.RoleAddress, evidence.RolePath, evidence.RoleAgent, evidence.RoleForwarded} {
		schema.Roles[role] = int8(i)
	}
	for name, peer := range map[string]func(i int) string{
		"public": func(i int) string { return fmt.Sprintf("198.51.%d.%d", i/250, i%250) },
		"inner":  func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) },
		"one":    func(int) string { return "10.0.0.5" },
		"proxy":  func(int) string { return "127.0.0.1" },
	} {
		b.Run(name, func(b *testing.B) {
			var from [500][]byte
			for i := range from {
				from[i] = []byte(peer(i))
			}
			values := [][]byte{[]byte("192.0.2.10"), nil, []byte("/a"), []byte("Mozilla/5.0+(Windows+NT+10.0)"), []byte("198.51.100.9,+203.0.113.5")}
			s, n := New(nil), &Count{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				values[1] = from[i%len(from)]
				s.Settle(schema, values, n)
			}
		})
	}
}
