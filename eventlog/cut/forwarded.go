package cut

import (
	"bytes"
	"net/netip"
)

// Client is whom a request came from by what a proxy says of it: the value of
// X-Forwarded-For ("client, proxy, proxy"), of Forwarded (RFC 7239), or of a
// header with one address. Every proxy adds at the right end whom it heard, and
// what stands left of that it was told. So the list is read from the right, past
// every hop that is a proxy itself, and what a client wrote is never reached;
// where all are proxies, the leftmost is taken. Blanks may be spelled "+", as IIS
// does, hops may have ports, and the list may be JSON's of several.
//
// The client is a part of list, an IPv4 address in IPv6 without its prefix. Nil:
// the right end is no address ("-", "unknown", an obfuscated name).
func Client(list []byte, proxy func(hop []byte, at netip.Addr) bool) (client []byte) {
	for {
		i := bytes.LastIndexByte(list, ',')
		hop, at, ok := hopOf(list[i+1:])
		if !ok {
			return client
		}
		client = hop
		if i < 0 || !proxy(hop, at) {
			return client
		}
		list = list[:i]
	}
}

// hopOf reads one hop: an address, or the parameters of one of Forwarded.
func hopOf(word []byte) (hop []byte, at netip.Addr, ok bool) {
	for len(word) > 0 && (word[0] == ' ' || word[0] == '+') {
		word = word[1:]
	}
	if at, ok = addressIPv4(word); ok { // as most are
		return word, at, true
	}
	if bytes.IndexByte(word, '=') >= 0 {
		word = forOf(word)
	}
	word = bytes.Trim(word, " \t+\"[")
	if i := bytes.IndexByte(word, ']'); i >= 0 { // of "[2001:db8::1]:443", or of a JSON list
		word = bytes.TrimRight(word[:i], "\"")
	}
	word = Host(word)
	if i := bytes.IndexByte(word, '%'); i >= 0 { // a zone
		word = word[:i]
	}
	if n := len("::ffff:"); len(word) > n && bytes.EqualFold(word[:n], []byte("::ffff:")) && isIPv4(word[n:]) {
		word = word[n:]
	}
	at, ok = Address(word)
	return word, at, ok
}

// forOf is the parameter "for" of one hop of Forwarded (RFC 7239, section 4).
func forOf(hop []byte) []byte {
	for more := true; more; {
		var pair []byte
		pair, hop, more = bytes.Cut(hop, []byte(";"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		if bytes.EqualFold(bytes.Trim(name, " \t+"), []byte("for")) {
			return value
		}
	}
	return nil
}

// Address reads all of b as an address, IPv4 in IPv6 as IPv4 and without a zone.
// It copies nothing of IPv4.
func Address(b []byte) (netip.Addr, bool) {
	if at, ok := addressIPv4(b); ok {
		return at, true
	}
	if len(b) < 2 || len(b) > 64 || bytes.IndexByte(b, ':') < 0 {
		return netip.Addr{}, false
	}
	at, err := netip.ParseAddr(string(b))
	return at.Unmap().WithZone(""), err == nil
}

// addressIPv4 reads four numbers without leading zeros, which some read as octal.
func addressIPv4(b []byte) (netip.Addr, bool) {
	var parts [4]byte
	at, digits, n := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9' && (digits == 0 || n > 0):
			if digits, n = digits+1, n*10+int(c-'0'); n > 255 {
				return netip.Addr{}, false
			}
			parts[at] = byte(n)
		case c == '.' && digits > 0 && at < 3:
			at, digits, n = at+1, 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	return netip.AddrFrom4(parts), at == 3 && digits > 0
}
