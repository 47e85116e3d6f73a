package pack

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"

	"postern/evidence"
)

// Limits of a list of indicators.
const (
	maxListLine = 4096
	maxListed   = 1 << 20
	maxUnlisted = 1000 // refused lines
	shownWord   = 80   // bytes of what is refused
)

// ReadList reads a list of indicators of the operator's own: one a line, an
// address, a network (CIDR), a domain (which stands for all names below it,
// too), a URL (for its host alone), a SHA-256, or a path on the machine; behind a
// comma, semicolon, tab or "#" a remark. Defanged forms (hxxp, [.]) are read. name
// is how findings call the list. Each line that is none of these is in refused, a
// *Fault with its line. The error is r's own, or wraps ErrLimit or, of what is
// plainly no list, ErrValue.
func ReadList(name string, r io.Reader) (found []Indicator, refused []error, err error) {
	l := list{name: name}
	in := bufio.NewReaderSize(r, maxListLine)
	for line := 1; ; line++ {
		text, more, err := in.ReadLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("pack: list %s: %w", name, err)
		}
		if line > maxListed {
			return nil, nil, fmt.Errorf("%w: list %s has more than %d lines", ErrLimit, name, maxListed)
		}
		if line == 1 {
			text = []byte(strings.TrimPrefix(string(text), "\ufeff"))
		}
		if why := l.take(string(text), more); why != "" {
			l.refused = append(l.refused, &Fault{File: name, Line: line, Column: 1, Err: fmt.Errorf("%w: %s", ErrValue, why)})
		}
		if len(l.refused) > maxUnlisted {
			return nil, nil, fmt.Errorf("%w: %s is no list of indicators: more than %d lines are none, the first: %w", ErrValue, name, maxUnlisted, l.refused[0])
		}
		for more {
			if _, more, err = in.ReadLine(); err != nil && !errors.Is(err, io.EOF) {
				return nil, nil, fmt.Errorf("pack: list %s: %w", name, err)
			}
		}
	}
	return l.indicators(), l.refused, nil
}

// list is what of a list was read so far.
type list struct {
	name                 string
	peers, hashes, paths []string
	refused              []error
}

// take reads one line; why says what is wrong with it.
func (l *list) take(line string, long bool) (why string) {
	word := line
	at := strings.IndexAny(word, ",;\t#")
	if at >= 0 {
		word = word[:at]
	}
	word = refang(strings.Trim(word, " \"'\r"))
	switch {
	case word == "" && !(long && at < 0):
		return ""
	case long:
		return "a line of more than 4096 bytes"
	case isHex(word, 64):
		l.hashes = append(l.hashes, strings.ToLower(word))
	case isHex(word, 32) || isHex(word, 40):
		return fmt.Sprintf("%q is an MD5 or SHA-1; give the SHA-256", word)
	case isHex(word, 128):
		return "a SHA-512; give the SHA-256"
	case strings.Contains(word, "://"):
		return l.url(word)
	case drivePath.MatchString(word) || strings.HasPrefix(word, "/"):
		path := machinePath(devicePath.ReplaceAllString(word, ""))
		l.paths = append(l.paths, cmp.Or(strings.TrimRight(path, "/"), "/"))
	case word[0] == '\\':
		return fmt.Sprintf("%q names no drive", word)
	case l.address(word):
	case domainName.MatchString(strings.ToLower(word)):
		name := strings.ToLower(strings.TrimSuffix(word, "."))
		if scriptName[path.Ext(name)] {
			return fmt.Sprintf("%q is a bare file name; give its whole path", word)
		}
		l.peers = append(l.peers, name, "."+name)
	default:
		return fmt.Sprintf("%q is no address, network, domain, URL, SHA-256 or path", word[:min(len(word), shownWord)])
	}
	return ""
}

func (l *list) url(word string) (why string) {
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" {
		return fmt.Sprintf("%q is no URL", word)
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case l.address(host):
	case domainName.MatchString(host):
		l.peers = append(l.peers, strings.TrimSuffix(host, "."))
	default:
		return fmt.Sprintf("%q names no host that stands in logs by an address or a domain", word)
	}
	return ""
}

// address takes an address, with or without a port, or a network.
func (l *list) address(word string) bool {
	if addr, err := netip.ParseAddrPort(word); err == nil {
		word = addr.Addr().String()
	}
	if addr, err := netip.ParseAddr(word); err == nil {
		l.peers = append(l.peers, addr.Unmap().WithZone("").String())
		return true
	}
	net, err := netip.ParsePrefix(word)
	if err == nil {
		l.peers = append(l.peers, net.Masked().String())
	}
	return err == nil
}

var (
	drivePath  = regexp.MustCompile(`^(?:\\\\[?.]\\)?[A-Za-z]:[\\/]`)
	devicePath = regexp.MustCompile(`^\\\\[?.]\\`)
	domainName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?$`)
)

// scriptName are endings that are files' and no domains'.
var scriptName = map[string]bool{
	".exe": true, ".dll": true, ".msi": true, ".aspx": true, ".ashx": true, ".asmx": true, ".asp": true, ".ps1": true, ".bat": true, ".cmd": true,
	".vbs": true, ".js": true, ".php": true, ".jsp": true, ".elf": true, ".sys": true, ".config": true, ".txt": true, ".log": true,
}

// refang undoes the ways in which indicators are made harmless to click on.
func refang(s string) string {
	s = strings.NewReplacer("[.]", ".", "(.)", ".", "[:]", ":", "[://]", "://").Replace(s)
	if len(s) > 4 && strings.EqualFold(s[:4], "hxxp") {
		s = "http" + s[4:]
	}
	return s
}

func isHex(s string, n int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == n
}

// indicators makes one indicator of each kind that the list holds. Contact from
// a peer is an attempt, to one a success: the engine tells which it was.
func (l *list) indicators() []Indicator {
	base := Indicator{Severity: "high", Confidence: evidence.Likely, Next: "It stands in your list of indicators: read the records or the file, and what stands around them."}
	make := func(suffix, title string, kind IndicatorKind, parts evidence.Parts, class string, m Match) Indicator {
		i := base
		i.ID, i.Title, i.Kind, i.Parts, i.Class, i.Match = l.name+":"+suffix, title+" of the list "+l.name, kind, parts, class, m
		return i
	}
	var all []Indicator
	if l.peers != nil {
		all = append(all, make("peers", "An address or name", OnPeer, evidence.CompromisedThen, "success", Match{Peers: l.peers, Direction: Either}))
	}
	if l.hashes != nil {
		all = append(all, make("hashes", "A file", OnHash, evidence.CompromisedNow, "state", Match{Hashes: l.hashes}))
	}
	if l.paths != nil {
		all = append(all, make("paths", "A path", OnFile, evidence.CompromisedNow, "state", Match{Paths: l.paths}))
	}
	return all
}
