package pack

import (
	"bytes"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
)

// Holds reports whether the condition holds for a value as the log writes it;
// nil is a field that the record does not have. Everything is compared ASCII
// case folded. A path or query is compared as written, percent-decoded once and
// twice, and a path also with doubled slashes, backslashes and dot segments
// resolved: the condition holds if any of these spellings satisfies it, so that
// an encoding can hide nothing, and a negated one if none does. An absent value
// satisfies only OpEmpty, and therefore every other condition that is negated.
func (c *Condition) Holds(value []byte) bool {
	if c.Op == OpEmpty {
		return (len(value) == 0) != c.Negate
	}
	if value == nil {
		return c.Negate
	}
	return slices.ContainsFunc(c.spellings(value), c.satisfied) != c.Negate
}

// satisfied compares one spelling, lower case already.
func (c *Condition) satisfied(value string) bool {
	if c.Op == OpRegexp {
		return c.Regexp != nil && c.Regexp.MatchString(value)
	}
	return slices.ContainsFunc(c.Values, func(want string) bool {
		want = strings.ToLower(want)
		switch c.Op {
		case OpEquals:
			return value == want
		case OpContains:
			return strings.Contains(value, want)
		case OpStartsWith:
			return strings.HasPrefix(value, want)
		case OpEndsWith:
			return strings.HasSuffix(value, want)
		}
		return false
	})
}

// spellings lists what a value may have been before an encoder saw it.
func (c *Condition) spellings(value []byte) []string {
	plain := strings.ToLower(string(value))
	if !c.encoded() {
		return []string{plain}
	}
	all := []string{plain}
	for range 2 {
		last := all[len(all)-1]
		decoded := strings.ToLower(unescape(last, c.query()))
		if decoded == last {
			break
		}
		all = append(all, decoded)
	}
	if c.path() {
		if tidy := tidyPath(all[len(all)-1]); tidy != all[len(all)-1] {
			all = append(all, tidy)
		}
	}
	return all
}

func (c *Condition) path() bool {
	return c.Field == "" && c.Role == evidence.RolePath || c.Field == "cs-uri-stem"
}

func (c *Condition) query() bool {
	return c.Field == "" && c.Role == evidence.RoleQuery || c.Field == "cs-uri-query"
}

func (c *Condition) encoded() bool { return c.path() || c.query() }

// unescape decodes %XX and, in queries, "+". What does not decode stays: a
// broken escape must not hide the rest of the value.
func unescape(s string, plus bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		case s[i] == '+' && plus:
			out = append(out, ' ')
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

func hexDigit(c byte) int {
	return strings.IndexByte("0123456789abcdef", c)
}

// tidyPath resolves what servers resolve before they route: backslashes,
// doubled slashes, "." and "..". It never climbs above the root.
func tidyPath(p string) string {
	var kept []string
	for part := range strings.SplitSeq(strings.ReplaceAll(p, `\`, "/"), "/") {
		switch part {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, part)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// HoldsPath reports whether a file or folder is meant: path is the examined
// machine's, lower case with forward slashes, as Place.Paths sees it. The
// Place itself is the caller's to check.
func (m *Match) HoldsPath(path string) bool {
	return (m.Name == nil || m.Name.MatchString(path)) && (m.Except == nil || !m.Except.MatchString(path))
}

// TestsContent reports whether the match looks into content at all.
func (m *Match) TestsContent() bool {
	return len(m.Content) > 0 || len(m.Magic) > 0 || m.Text != nil
}

// HoldsContent reports whether content, the first Place.Content bytes of a
// file, passes every test of content there is.
func (m *Match) HoldsContent(content []byte) bool {
	stands := func(want []byte) bool { return bytes.Contains(content, want) }
	starts := func(want []byte) bool { return bytes.HasPrefix(content, want) }
	return (len(m.Content) == 0 || slices.ContainsFunc(m.Content, stands)) &&
		(len(m.Magic) == 0 || slices.ContainsFunc(m.Magic, starts)) &&
		(m.Text == nil || m.Text.Match(content))
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
