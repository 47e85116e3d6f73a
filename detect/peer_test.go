package detect

import (
	"net/netip"
	"testing"

	"postern/pack"
)

// TestHostsFindWhatRulesHold: the index finds a host where the list, gone
// through one by one, holds it, and nowhere else.
func TestHostsFindWhatRulesHold(t *testing.T) {
	lists := [][]string{
		{"192.0.2.7", "a.example", ".b.example"},
		{"198.51.100.0/24", "2001:db8::7", "2001:db8:1::/48", "::ffff:203.0.113.9"},
	}
	held := 0
	for _, l := range lists {
		m, index := pack.Match{Peers: l}, newHosts(l)
		for _, host := range []string{
			"192.0.2.7", "192.0.2.8", "::ffff:192.0.2.7", "::ffff:c000:207", "a.example", "A.Example.", "x.a.example", "b.example", "x.b.example", "X.Y.B.EXAMPLE",
			"198.51.100.200", "[2001:DB8::7]", "2001:db8::7%eth0", "2001:0db8:0000::0007", "2001:db8:1:2::3", "203.0.113.9", "::ffff:203.0.113.9", "", ".", "..", "1", "a1", "1.2.3",
		} {
			_, found := index.find([]byte(host))
			if want := m.HoldsPeer(host); found != want {
				t.Errorf("%q among %q: %v, want %v", host, l, found, want)
			}
			if found {
				held++
			}
		}
	}
	if held < 12 {
		t.Errorf("only %d hosts are held", held)
	}
}

// TestDotted: IPv4 addresses are read as netip reads them.
func TestDotted(t *testing.T) {
	for _, text := range []string{"192.0.2.7", "0.0.0.0", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "1..2.3", ".1.2.3", "1.2.3.", "", "a.b.c.d", "1.2.3.4a", "99999999999999999999.1.1.1", "00.0.0.0"} {
		got, is := dotted([]byte(text))
		want, err := netip.ParseAddr(text)
		if is != (err == nil) || is && got != want {
			t.Errorf("%q: %v %v, want %v %v", text, got, is, want, err)
		}
	}
}
