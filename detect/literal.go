package detect

import (
	"net/netip"
	"regexp"
	"strings"

	"postern/detect/sigma"
)

// shortest is the fewest bytes that make a literal worth looking for.
const shortest = 3

// fromRegexp gives literals of which one stands in every match, nil when the
// pattern has none.
func fromRegexp(re *regexp.Regexp) []string { return usable(sigma.Required(re), false) }

// usable folds alternatives and cuts each to its longest run of bytes that
// stand in a log as they are; nil if any is too short then.
func usable(alternatives []string, encoded bool) []string {
	var all []string
	for _, a := range alternatives {
		a = longestRun(strings.ToLower(a), encoded)
		if len(a) < shortest {
			return nil
		}
		all = append(all, a)
	}
	return all
}

// longestRun cuts at what is not plain ASCII, and in a path or query at what
// decoding makes of nothing that spellings tell of: a blank may have been "+", a
// first slash may have been added, and path and query stand in columns of their own.
func longestRun(s string, encoded bool) string {
	best := ""
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool {
		return r >= 0x7f || r < ' ' || encoded && (r == ' ' || r == '?')
	}) {
		if encoded {
			run = strings.Trim(run, "/")
		}
		if len(run) > len(best) {
			best = run
		}
	}
	return best
}

// peerLiterals are the peers themselves; none when one is a network or an IPv6
// address, which can be written in many ways.
func peerLiterals(peers []string) []string {
	var all []string
	for _, p := range peers {
		if addr, err := netip.ParseAddr(p); err == nil && !addr.Is4() || strings.Contains(p, "/") {
			return nil
		}
		all = append(all, strings.ToLower(p))
	}
	return usable(all, true)
}
