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

// TestHostsInValues: addresses and names are found behind labels, with ports and
// with other letters glued to them, and never inside a longer number.
func TestHostsInValues(t *testing.T) {
	index := newHosts([]string{"198.51.100.7", "evil.example.net", "2001:db8::7"})
	for value, want := range map[string]string{
		"wmic /node:198.51.100.7 process": "198.51.100.7", "mstsc /v:198.51.100.7:3389": "198.51.100.7", "198.51.100.7:80:x": "198.51.100.7",
		"cmdkey /add:evil.example.net": "evil.example.net", "CONNECT:evil.example.net:443:200": "evil.example.net", "evil.example.net.:443": "evil.example.net",
		"EHLO [IPv6:2001:db8::7]": "2001:db8::7", "[2001:db8::7]:25": "2001:db8::7", "x=ip:198.51.100.7": "198.51.100.7", "x%3Dip%253a198.51.100.7": "198.51.100.7",
		"198.51.100.7-x": "198.51.100.7", "x_198.51.100.7": "198.51.100.7", "a:x-198.51.100.7_y:b": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7",
		"1.198.51.100.7": "", "198.51.100.70": "", "x-1198.51.100.7": "", "x_198.51.100.7.1": "", "12:34:56.789": "", "2001:db8::71": "", "x:2001:db8::7:1": "", "::": "", ":.:": "",
	} {
		got := ""
		for host := range hostsIn([]byte(value)) {
			if peer, held := index.find(host); held {
				got = peer
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
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
