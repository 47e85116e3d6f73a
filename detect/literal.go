package detect

import (
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strings"
)

// shortest is the fewest bytes that make a literal worth looking for.
const shortest = 3

// fromRegexp gives literals of which one stands in every match, nil when the
// pattern has none.
func fromRegexp(re *regexp.Regexp) []string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	return usable(required(tree.Simplify()), false)
}

// required walks a pattern for the heaviest set of literals one of which every
// match holds.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if found := required(sub); weight(found) > weight(best) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			found := required(sub)
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
}

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
// decoding makes: a blank may have been "+", a first slash may have been added,
// and path and query stand in columns of their own.
func longestRun(s string, encoded bool) string {
	best := ""
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool {
		return r >= 0x7f || r < ' ' || encoded && (r == ' ' || r == '+' || r == '%' || r == '\\' || r == '?')
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

// weight is the length of the shortest literal of a set, 0 of none.
func weight(set []string) int {
	w := 0
	for i, s := range set {
		if i == 0 || len(s) < w {
			w = len(s)
		}
	}
	return w
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
