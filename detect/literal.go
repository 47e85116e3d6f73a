package detect

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"postern/detect/sigma"
)

// shortest is the fewest bytes that make a literal worth looking for.
const shortest = 3

// fromRegexp gives literals of which one stands in every match, nil when the
// pattern has none.
func fromRegexp(re *regexp.Regexp) []string { return usable(sigma.Required(re), false) }

// usable folds alternatives and cuts each to its longest run of bytes that
// stand in a log as they are; nil if any is too short then. What is encoded may
// have "+" for a blank.
func usable(alternatives []string, encoded bool) []string {
	var all []string
	for _, a := range alternatives {
		a = longestRun(strings.ToLower(a), encoded)
		if len(a) < shortest {
			return nil
		}
		if encoded {
			all = append(all, spacings(a)...)
		} else {
			all = append(all, a)
		}
	}
	return all
}

// mostBlanks is how many blanks a literal of a path or query keeps.
const mostBlanks = 2

// spacings writes each blank of a text as it is and as "+".
func spacings(text string) []string {
	before, after, blank := strings.Cut(text, " ")
	if !blank {
		return []string{text}
	}
	var all []string
	for _, rest := range spacings(after) {
		all = append(all, before+" "+rest, before+"+"+rest)
	}
	return all
}

// longestRun cuts at what is not plain ASCII, and in a path or query at what
// decoding makes of nothing that spellings tell of: a first slash may have been
// added, path and query stand in columns of their own, and many blanks can be
// written in too many ways.
func longestRun(s string, encoded bool) string {
	best := ""
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return r >= 0x7f || r < ' ' || encoded && r == '?' }) {
		if encoded {
			run = fewBlanks(strings.Trim(run, "/"))
		}
		if len(run) > len(best) {
			best = run
		}
	}
	return best
}

// fewBlanks is the longest part of a text that has no more than mostBlanks.
func fewBlanks(s string) string {
	words := strings.Split(s, " ")
	best := ""
	for i := range words {
		if part := strings.Join(words[i:min(i+mostBlanks+1, len(words))], " "); len(part) > len(best) {
			best = part
		}
	}
	return best
}

// peerLiterals gives texts of which one stands wherever one of the peers is
// named; nil when a peer has none that tells enough. An IPv4 address that is
// written as an IPv6 one holds peerSpelling and may hold none of them.
func peerLiterals(peers []string) []string {
	names := map[string]bool{}
	for _, p := range peers {
		names[strings.ToLower(p)] = true
	}
	var all []string
	for p := range names {
		if p[0] == '.' && names[p[1:]] {
			continue // what is below a name holds it
		}
		texts := []string{p}
		if net, err := netip.ParsePrefix(p); err == nil {
			texts = netLiterals(net.Masked())
		} else if addr, err := netip.ParseAddr(p); err == nil {
			addr = addr.Unmap()
			texts = netLiterals(netip.PrefixFrom(addr, addr.BitLen()))
		}
		if texts = usable(texts, true); texts == nil {
			return nil
		}
		all = append(all, texts...)
	}
	return all
}

// netLiterals gives the ways in which an address of a network may begin: an IPv4
// address with its whole bytes, an IPv6 one with its first one or two groups, with
// and without leading zeros. None where they are too many or too short.
func netLiterals(net netip.Prefix) (all []string) {
	if !net.Addr().Is4() {
		return groupLiterals(net)
	}
	b, whole := net.Addr().As4(), net.Bits()/8
	if whole == 4 {
		return []string{net.Addr().String()}
	}
	if whole == 0 {
		return nil
	}
	open := 1 << (8 - net.Bits()%8) // values of the first byte that is not whole
	var begin strings.Builder
	for _, c := range b[:whole] {
		begin.WriteString(strconv.Itoa(int(c)) + ".")
	}
	if open == 256 {
		return []string{begin.String()}
	}
	for c := range open {
		all = append(all, begin.String()+strconv.Itoa(int(b[whole])+c)+".")
	}
	if whole == 3 { // the last byte, which no dot follows
		return []string{begin.String()}
	}
	return all
}

// groupLiterals is netLiterals of an IPv6 network.
func groupLiterals(net netip.Prefix) (all []string) {
	b := net.Addr().As16()
	first, second := int(b[0])<<8|int(b[1]), int(b[2])<<8|int(b[3])
	if net.Bits() < 16 || first == 0 {
		return nil // "::" may stand for it
	}
	if net.Bits() < 32 || second == 0 {
		return []string{strconv.FormatInt(int64(first), 16) + ":"}
	}
	for text := strconv.FormatInt(int64(second), 16); len(text) <= 4; text = "0" + text {
		all = append(all, strconv.FormatInt(int64(first), 16)+":"+text)
	}
	return all
}
