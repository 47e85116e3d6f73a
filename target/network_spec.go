package target

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"postern/evidence"
)

// errAddress marks a web address that is none.
var errAddress = errors.New("target: not a web address")

// fileEndings are what nobody's host name ends in, and a mistyped file does.
var fileEndings = []string{".zip", ".tar", ".gz", ".tgz", ".zst", ".tzst", ".7z", ".rar", ".log", ".txt", ".csv", ".json", ".evtx", ".vhd", ".vhdx", ".vmdk", ".img", ".raw", ".dd", ".e01", ".iso"}

var (
	drive    = regexp.MustCompile(`^[A-Za-z]:`)
	hasPort  = regexp.MustCompile(`^(\[[^\]]+\]|[^/:\[\]]+):[0-9]+(/.*)?$`)
	topLevel = regexp.MustCompile(`[^0-9.]\.?$`) // the last label is no number: RFC 1123 section 2.1
)

// IsNetwork reports whether spec names something on the network rather than a
// file: a URL, host:port, an address, a range of addresses, or a dotted host
// name. What exists as a path is a path, unless it is written as a URL.
func IsNetwork(spec string) bool {
	if strings.Contains(spec, "://") {
		return true
	}
	if _, err := os.Lstat(spec); err == nil || spec == "" || drive.MatchString(spec) && !strings.Contains(spec[2:], ":") {
		return false
	}
	if _, err := netip.ParsePrefix(spec); err == nil {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(spec, "[]")); err == nil || hasPort.MatchString(spec) {
		return true
	}
	name, err := hostName(spec)
	return err == nil && strings.Contains(name, ".") && topLevel.MatchString(name) && !isFileName(name)
}

func isFileName(name string) bool {
	for _, ending := range fileEndings {
		if path.Ext(name) == ending {
			return true
		}
	}
	return false
}

// parseEndpoint reads a web address as an operator writes it: a URL, host,
// host:port or [address]:port. Query and fragment are dropped: a page is asked
// for, not an action.
func parseEndpoint(spec string) (evidence.Endpoint, error) {
	var none evidence.Endpoint
	bad := func(why string) (evidence.Endpoint, error) {
		return none, fmt.Errorf("%w: %q: %s", errAddress, spec, why)
	}
	text := spec
	if addr, err := netip.ParseAddr(spec); err == nil && addr.Is6() { // bare, without brackets
		text = "[" + strings.Replace(spec, "%", "%25", 1) + "]"
	}
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return bad(err.Error())
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme != "" && scheme != "http" && scheme != "https":
		return bad(fmt.Sprintf("%s is not asked, only http and https", u.Scheme))
	case u.User != nil:
		return bad("it carries a user name; postern logs in nowhere, leave it out")
	case u.Hostname() == "":
		return bad("it names no host")
	}
	named := evidence.Endpoint{Scheme: strings.ToLower(u.Scheme), Path: u.EscapedPath()}
	if !strings.HasPrefix(named.Path, "/") {
		named.Path = "/" + named.Path
	}
	if named.Host, err = hostName(u.Hostname()); err != nil {
		return none, fmt.Errorf("%w: %q: %w", errAddress, spec, err)
	}
	if strings.HasSuffix(u.Host, ":") {
		return bad("a colon without a port")
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return bad("port " + port + " is not between 1 and 65535")
		}
		named.Port = uint16(n)
	}
	return named, nil
}

// parseRange reads a CIDR range.
func parseRange(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is no network (10.0.0.0/28)", text)
	}
	if p.Addr().Is4In6() {
		return p, fmt.Errorf("%q: write IPv4 networks as such", text)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q has bits beyond its length set; the network is %s", text, p.Masked())
	}
	return p, nil
}

// hostName gives a host name as DNS carries it: lower case, ASCII, without the
// final dot, each label 1 to 63 of letters, digits, "-" and "_", 253 in all
// (RFC 1123 section 2.1, RFC 5890 for the others). Addresses come back in
// their usual form.
func hostName(text string) (string, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().String(), nil
	}
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(text), "."), ".")
	for i, label := range labels {
		ascii, err := asciiLabel(label)
		if err != nil {
			return "", fmt.Errorf("%q is no host name: %w", text, err)
		}
		labels[i] = ascii
	}
	name := strings.Join(labels, ".")
	switch {
	case len(name) > 253:
		return "", fmt.Errorf("%q is no host name: over 253 bytes", text)
	case !topLevel.MatchString(name):
		return "", fmt.Errorf("%q is no host name and no address", text)
	}
	return name, nil
}

func asciiLabel(label string) (string, error) {
	for _, c := range label {
		switch {
		case c >= 0x80:
			encoded, err := punycode(label)
			if err != nil {
				return "", err
			}
			return checkLength("xn--" + encoded)
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return "", fmt.Errorf("%q cannot stand in one", c)
		}
	}
	return checkLength(label)
}

func checkLength(label string) (string, error) {
	if label == "" || len(label) > 63 {
		return "", fmt.Errorf("a label of %d bytes", len(label))
	}
	return label, nil
}
