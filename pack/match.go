package pack

import (
	"bytes"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// HoldsPath reports whether a file or folder is meant: path is the examined
// machine's, lower case with forward slashes, as Place.Paths sees it. The
// Place itself is the caller's to check.
func (m *Match) HoldsPath(path string) bool {
	return (m.Name == nil || m.Name.MatchString(path)) && (m.Except == nil || !m.Except.MatchString(path))
}

// HoldsContent reports whether content, the first Place.Content bytes of a
// file, begins as Magic says. What stands in a file otherwise is a YARA rule's.
func (m *Match) HoldsContent(content []byte) bool {
	starts := func(want []byte) bool { return bytes.HasPrefix(content, want) }
	return len(m.Magic) == 0 || slices.ContainsFunc(m.Magic, starts)
}

// HoldsPeer reports whether a host, an address or a name without port, is one
// of Peers. A name matches exactly; only an entry with a leading dot matches
// the names below it, so that a shared hosting suffix never matches as a parent.
func (m *Match) HoldsPeer(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "" {
		return false
	}
	addr, err := netip.ParseAddr(host)
	isAddr := err == nil
	return slices.ContainsFunc(m.Peers, func(peer string) bool {
		switch {
		case isAddr:
			return peerHasAddr(peer, addr.Unmap().WithZone(""))
		case strings.HasPrefix(peer, "."):
			return strings.HasSuffix(host, peer)
		}
		return host == peer
	})
}

func peerHasAddr(peer string, addr netip.Addr) bool {
	if net, err := netip.ParsePrefix(peer); err == nil {
		return net.Contains(addr)
	}
	one, err := netip.ParseAddr(peer)
	return err == nil && one.Unmap() == addr
}

// peerName is a host name or, with a leading dot, all names below one.
var peerName = regexp.MustCompile(`^\.?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)
