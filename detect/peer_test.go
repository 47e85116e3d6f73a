package detect

import (
	"slices"
	"testing"

	"postern/pack"
)

// TestPeersDenyOnlyWhatRulesDeny: the shortcut over all rules never denies a
// host that one of them holds.
func TestPeersDenyOnlyWhatRulesDeny(t *testing.T) {
	lists := [][]string{
		{"192.0.2.7", "a.example", ".b.example"},
		{"198.51.100.0/24", "2001:db8::7", "2001:db8:1::/48", "::ffff:203.0.113.9"},
	}
	var rules []*rule
	for _, l := range lists {
		rules = append(rules, &rule{Indicator: &pack.Indicator{Match: pack.Match{Peers: l}}})
	}
	known, held := newPeers(rules), 0
	for _, host := range []string{
		"192.0.2.7", "192.0.2.8", "::ffff:192.0.2.7", "::ffff:c000:207", "a.example", "A.Example.", "x.a.example", "b.example", "x.b.example", "X.Y.B.EXAMPLE",
		"198.51.100.200", "[2001:DB8::7]", "2001:db8::7%eth0", "2001:0db8:0000::0007", "2001:db8:1:2::3", "203.0.113.9", "::ffff:203.0.113.9", "", ".", "1", "a1", "1.2.3",
	} {
		holds := slices.ContainsFunc(rules, func(r *rule) bool { return r.Match.HoldsPeer(host) })
		if holds && !known.maybe(host) {
			t.Errorf("%q is held by a rule and denied", host)
		}
		if holds {
			held++
		} else if known.maybe(host) {
			t.Errorf("%q is held by no rule and not denied: no harm, but slow", host)
		}
	}
	if held < 12 {
		t.Errorf("only %d hosts are held", held)
	}
}
