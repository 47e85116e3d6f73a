package ioc

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	drivePath  = regexp.MustCompile(`^(?:\\\\[?.]\\)?[A-Za-z]:[\\/]`)
	devicePath = regexp.MustCompile(`^\\\\[?.]\\`)
	domainName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?$`)
	variable   = regexp.MustCompile(`^%[^%\\/]+%[\\/]|^\$\{?[A-Za-z_]+\}?/|^~/`)
)

// scriptName are endings that are files' and no domains'.
var scriptName = map[string]bool{
	".exe": true, ".dll": true, ".msi": true, ".aspx": true, ".ashx": true, ".asmx": true, ".asp": true, ".ps1": true, ".bat": true, ".cmd": true,
	".vbs": true, ".js": true, ".php": true, ".jsp": true, ".elf": true, ".sys": true, ".config": true, ".txt": true, ".log": true,
}

var defanged = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "[DOT]", ".", "[.", ".", ".]", ".", "[:]", ":", "[://]", "://", "[/]", "/")

// refang undoes the ways in which indicators are made harmless to click on.
func refang(s string) string {
	if strings.ContainsAny(s, "[({") && !strings.HasPrefix(s, "[") { // "[2001:db8::1]:443" is none
		s = defanged.Replace(s)
	}
	if len(s) > 4 && (strings.EqualFold(s[:4], "hxxp") || strings.EqualFold(s[:4], "h**p") || strings.EqualFold(s[:4], "meow") && strings.Contains(s, "://")) {
		s = "http" + s[4:]
	}
	return s
}

// address reads an address, with or without a port, or a network. why says what
// is wrong with a network that stands for half the world.
func address(word string) (value, why string) {
	if addr, err := netip.ParseAddrPort(word); err == nil {
		word = addr.Addr().String()
	}
	if addr, err := netip.ParseAddr(strings.Trim(word, "[]")); err == nil {
		return addr.Unmap().WithZone("").String(), ""
	}
	net, err := netip.ParsePrefix(word)
	if err == nil && net.Addr().Is4In6() && net.Bits() >= 96 { // "::ffff:192.0.2.0/120"
		net = netip.PrefixFrom(net.Addr().Unmap(), net.Bits()-96)
	}
	switch {
	case err != nil:
		return "", ""
	case net.Bits() == net.Addr().BitLen():
		return net.Addr().Unmap().String(), ""
	case net.Addr().Is4() && net.Bits() < 8 || net.Addr().Is6() && net.Bits() < 16:
		return "", fmt.Sprintf("the network %s is so wide that it tells nothing", word)
	}
	return net.Masked().String(), ""
}

// domain reads a name of at least two labels.
func domain(word string) (string, bool) {
	name := strings.ToLower(strings.TrimSuffix(word, "."))
	return name, len(name) <= 253 && domainName.MatchString(name)
}

// peer reads an address, a network or a domain.
func peer(word string) (e Entry, why string) {
	word = refang(word)
	if value, why := address(word); value != "" || why != "" {
		return Entry{Kind: Peer, Value: value}, why
	}
	if name, ok := domain(word); ok {
		return Entry{Kind: Peer, Value: name, Below: true}, ""
	}
	return e, shown(word) + " is no address, network or domain"
}

// link reads a URL.
func link(word string) (e Entry, why string) {
	word = refang(word)
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" {
		return e, shown(word) + " is no URL"
	}
	e = Entry{Kind: URL, Value: word, Host: strings.ToLower(u.Hostname())}
	if addr, _ := address(e.Host); addr != "" {
		e.Host = addr
	} else if name, ok := domain(e.Host); ok {
		e.Host = name
	} else {
		return e, shown(word) + " names no host that stands in logs by an address or a domain"
	}
	_, behind, _ := strings.Cut(word, "://")
	if at := strings.IndexAny(behind, "/?"); at >= 0 {
		e.Request, _, _ = strings.Cut(strings.ToLower(behind[at:]), "#")
	}
	if e.Request == "/" {
		e.Request = ""
	}
	return e, ""
}

// digest reads a hash of a kind that files are hashed by.
func digest(word string) (e Entry, why string) {
	word = strings.ToLower(word)
	if _, err := hex.DecodeString(word); err != nil || !slices.Contains([]int{32, 40, 64}, len(word)) {
		return e, shown(word) + " is no MD5, SHA-1 or SHA-256"
	}
	return Entry{Kind: Hash, Value: word}, ""
}

// file reads a path or a name of a file. Of a path that begins with a variable
// the name is looked for.
func file(word string) (e Entry, why string) {
	if drivePath.MatchString(word) || strings.HasPrefix(word, "/") {
		p := strings.ToLower(strings.ReplaceAll(devicePath.ReplaceAllString(word, ""), `\`, "/"))
		return Entry{Kind: Path, Value: cmp.Or(strings.TrimRight(p, "/"), "/")}, ""
	}
	lead := "a file's name alone"
	if variable.MatchString(word) {
		lead, word = "the name alone of "+Cut(word, maxTitle), path.Base(strings.ReplaceAll(word, `\`, "/"))
	}
	switch {
	case strings.ContainsAny(word, `\/`):
		return e, shown(word) + " names no drive"
	case strings.ContainsAny(word, "*?<>|\"\n\r\x00%") || word == "" || word == "." || word == ".." || len(word) > 255:
		return e, shown(word) + " is no file's name"
	}
	return Entry{Kind: Name, Value: strings.ToLower(word), Lead: lead}, ""
}

// agent reads what a client calls itself.
func agent(word string) (e Entry, why string) {
	if word = strings.TrimSpace(word); len(word) < 3 || len(word) > 1024 {
		return e, shown(word) + " is too short or too long for a user agent"
	}
	return Entry{Kind: Agent, Value: word}, ""
}

// crowded are domains below which everybody's names stand, or that servers
// contact by themselves.
var crowded = []string{
	"akamai.net", "akamaized.net", "amazonaws.com", "apple.com", "azure.com", "azureedge.net", "azurewebsites.net", "cloudflare.com", "cloudfront.net",
	"digicert.com", "dropbox.com", "facebook.com", "github.com", "githubusercontent.com", "gmail.com", "google.com", "googleapis.com", "gstatic.com",
	"letsencrypt.org", "live.com", "microsoft.com", "microsoftonline.com", "msftconnecttest.com", "office.com", "office365.com", "outlook.com",
	"telegram.org", "windows.com", "windows.net", "windowsupdate.com",
}

// registry are second labels below which a country's names stand.
var registry = regexp.MustCompile(`^(ac|co|com|edu|gov|go|gob|mil|net|ne|or|org)\.[a-z]{2}$`)

// little says why an entry tells little by itself: everybody names it. shared
// is of a list that others wrote; an operator's own may well name an address of
// their own network.
func little(e *Entry, shared bool) string {
	if e.Kind != Peer && (e.Kind != URL || e.Request != "") {
		return ""
	}
	host := e.Key()
	if net, err := netip.ParsePrefix(host); err == nil {
		return littleAddr(net.Addr(), shared)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return littleAddr(addr, shared)
	}
	switch {
	case slices.Contains(crowded, strings.TrimPrefix(host, "www.")):
		return "everybody contacts it or names below it"
	case registry.MatchString(host):
		return "a country's names stand below it"
	}
	return ""
}

func littleAddr(a netip.Addr, shared bool) string {
	switch {
	case a.IsLoopback() || a.IsUnspecified():
		return "every host itself"
	case a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "an address of many"
	case a.IsLinkLocalUnicast() || a.IsPrivate():
		if shared {
			return "a private address, of whose network the list does not say"
		}
	}
	return ""
}
