package target

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

func TestParseEndpoint(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{"https://mail.example.org", "https mail.example.org 0 /"},
		{"HTTPS://Mail.Example.ORG./", "https mail.example.org 0 /"},
		{"http://host:9998/", "http host 9998 /"},
		{"mail.example.org", " mail.example.org 0 /"},
		{"localhost:9998", " localhost 9998 /"},
		{"mail.example.org:8443/webmail/?a=b#/login", " mail.example.org 8443 /webmail/"},
		{"192.0.2.7", " 192.0.2.7 0 /"},
		{"192.0.2.7:80", " 192.0.2.7 80 /"},
		{"2001:db8::7", " 2001:db8::7 0 /"},
		{"[2001:DB8::7]:443", " 2001:db8::7 443 /"},
		{"https://[2001:db8::7]/x", "https 2001:db8::7 0 /x"},
		{"fe80::1%eth0", " fe80::1%eth0 0 /"},
		{"http://[fe80::1%25eth0]:80/", "http fe80::1%eth0 80 /"},
		{"::ffff:192.0.2.7", " 192.0.2.7 0 /"},
		{"https://bücher.example", "https xn--bcher-kva.example 0 /"},
		{"https://ПОЧТА.рф:443", "https xn--80a1acny.xn--p1ai 443 /"},
		{"https://a_b.example", "https a_b.example 0 /"},
		{"ftp://mail.example.org", "!only http and https"},
		{"https://", "!names no host"},
		{"https://:443", "!names no host"},
		{"https://admin:pw@mail.example.org", "!logs in nowhere"},
		{"mail.example.org:0", "!between 1 and 65535"},
		{"mail.example.org:65536", "!between 1 and 65535"},
		{"https://mail.example.org:", "!without a port"},
		{"https://mail.example.org:a", "!invalid port"},
		{"https://mail..example", "!label of 0 bytes"},
		{"https://mail example.org", "!invalid character"},
		{"https://127.1", "!no host name and no address"},
		{"https://0x7f.0.0.1", "!no host name and no address"},
		{"https://2130706433/", "!no host name and no address"},
		{"https://" + strings.Repeat("a", 64) + ".example", "!label of 64 bytes"},
		{"https://" + strings.Repeat("abcdefg.", 40) + "example", "!over 253"},
		{"https://[2001:db8::7", "!missing ']'"},
		{"https://☃.example", "!only letters"},
		{"https://\x00", "!invalid control character"},
		{"", "!names no host"},
	} {
		got, err := parseEndpoint(c.spec)
		if wrong, bad := strings.CutPrefix(c.want, "!"); bad {
			if !errors.Is(err, errAddress) || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%q: %+v, error %v, want %q", c.spec, got, err, wrong)
			}
			continue
		}
		if text := describe(got); err != nil || text != c.want {
			t.Errorf("%q: %q, error %v, want %q", c.spec, text, err, c.want)
		}
	}
}

func describe(e evidence.Endpoint) string {
	return strings.Join([]string{e.Scheme, e.Host, netip.AddrPortFrom(netip.IPv4Unspecified(), e.Port).String()[len("0.0.0.0:"):], e.Path}, " ")
}

func TestPunycode(t *testing.T) { // RFC 3492 section 7.1, B, C, I (lower case), L
	for in, want := range map[string]string{
		"他们为什么不说中文":                    "ihqwcrb4cv8a8dqg056pqjye",
		"他們爲什麽不說中文":                    "ihqwctvzc91f659drss3x8bo0yb",
		"почемужеонинеговорятпорусски": "b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"3年b組金八先生":                     "3b-ww4c5e180e575a65lsy2b",
		"bücher":                       "bcher-kva",
	} {
		if got, err := punycode(in); got != want || err != nil {
			t.Errorf("%q: %q, error %v, want %q", in, got, err, want)
		}
	}
}

func TestIsNetwork(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"there.example.org", "192.0.2.9"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join("10.0.0.0", "28"), 0o700); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]bool{
		"https://mail.example.org": true, "ftp://x": true, "mail.example.org": true, "mail.example.org:443": true, "localhost:9998": true,
		"192.0.2.7": true, "2001:db8::7": true, "[2001:db8::7]": true, "[::1]:443": true, "10.1.0.0/28": true, "bücher.example": true, "a:b::1": true,
		"there.example.org": false, "192.0.2.9": false, "10.0.0.0/28": false, "https://there.example.org": true,
		"": false, ".": false, "..": false, "evidence": false, "/mnt/image": false, "./mail.example.org": false, `C:\evidence`: false, "C:": false, "c:80": false,
		"evidence.zip": false, "u_ex260101.log": false, "logs/2026.01.01-administrative.log": false, "2026.01.01": false, "server.example.tar.gz": false,
	} {
		if got := IsNetwork(spec); got != want {
			t.Errorf("IsNetwork(%q) = %v", spec, got)
		}
	}
}

func TestOpenURL(t *testing.T) {
	scope := &Scope{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/29"), netip.MustParsePrefix("2001:db8::/112")}, Names: []string{"*.example.org"}}
	past := &Scope{Names: []string{"*.example.org"}, Until: time.Unix(0, 0)}
	future := &Scope{Names: []string{"*.example.org"}, From: time.Now().Add(time.Hour)}
	for _, c := range []struct {
		spec  string
		scope *Scope
		count int
		err   error
	}{
		{"https://mail.example.org", nil, 1, nil},
		{"https://mail.example.org", scope, 1, nil},
		{"https://mail.example.net", scope, 0, evidence.ErrOutOfScope},
		{"https://mail.example.org", past, 0, evidence.ErrOutOfScope},
		{"https://mail.example.org", future, 0, evidence.ErrOutOfScope},
		{"192.0.2.9", scope, 0, evidence.ErrOutOfScope},
		{"192.0.2.0/29", scope, 8, nil},
		{"192.0.2.4/30", scope, 4, nil},
		{"192.0.2.0/28", scope, 0, evidence.ErrOutOfScope},
		{"192.0.2.0/29", nil, 0, evidence.ErrOutOfScope},
		{"192.0.2.7/32", nil, 1, nil},
		{"192.0.2.9/32", scope, 0, evidence.ErrOutOfScope},
		{"2001:db8::/112", scope, 65536, nil},
		{"2001:db8::/111", scope, 0, evidence.ErrLimit},
		{"0.0.0.0/0", scope, 0, evidence.ErrLimit},
		{"https://mail.example.org:99999", nil, 0, errAddress},
	} {
		got, err := openURL(t.Context(), c.spec, Options{Scope: c.scope})
		if len(got) != c.count || !errors.Is(err, c.err) {
			t.Errorf("%s: %d sources, error %v, want %d, %v", c.spec, len(got), err, c.count, c.err)
		}
		for _, src := range got {
			if src.Kind != evidence.KindURL || src.Net == nil || src.Files != nil || src.State != nil || src.Target == "" || src.ID.Host == "" || src.Close() != nil {
				t.Fatalf("%s: source %+v", c.spec, src)
			}
		}
	}
	if _, err := openURL(t.Context(), "192.0.2.1/29", Options{Scope: scope}); err == nil || !strings.Contains(err.Error(), "192.0.2.0/29") {
		t.Errorf("a range that is none: %v", err)
	}
	if _, err := openURL(t.Context(), "192.0.2.0/29", Options{}); err == nil || !strings.Contains(err.Error(), "--scope FILE") {
		t.Errorf("a range without a scope: %v", err)
	}
}

func TestHostIsAskedWhereItResolvesAndNowhereElse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	there := netip.MustParseAddrPort(listener.Addr().String())
	h := &namedHost{
		named: evidence.Endpoint{Host: "mail.example.org"}, pace: NewPace(1000), dialer: net.Dialer{Timeout: time.Second},
		lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if strings.TrimSuffix(host, ".") != "mail.example.org" {
				t.Errorf("looked up %q", host)
			}
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, nil
		},
	}
	if _, err := h.Dial(t.Context(), there); !errors.Is(err, evidence.ErrOutOfScope) {
		t.Errorf("connected before resolving: %v", err)
	}
	if _, err := h.Resolve(t.Context(), "other.example.org"); !errors.Is(err, evidence.ErrOutOfScope) {
		t.Errorf("resolved another name: %v", err)
	}
	addrs, err := h.Resolve(t.Context(), "MAIL.example.org.")
	if err != nil || len(addrs) != 2 || addrs[0] != there.Addr() {
		t.Fatalf("resolved to %v, %v", addrs, err)
	}
	conn, err := h.Dial(t.Context(), there)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := h.Dial(t.Context(), netip.MustParseAddrPort("127.0.0.2:80")); !errors.Is(err, evidence.ErrOutOfScope) {
		t.Errorf("connected to another address: %v", err)
	}
	h.named.Port = there.Port() - 1
	if _, err := h.Dial(t.Context(), there); !errors.Is(err, evidence.ErrOutOfScope) {
		t.Errorf("connected to another port than the one named: %v", err)
	}
}

func TestAddressResolvesToItself(t *testing.T) {
	srcs, err := openURL(t.Context(), "[2001:db8::7]:443", Options{})
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := srcs[0].Net.Resolve(t.Context(), "2001:db8::7")
	if err != nil || len(addrs) != 1 || addrs[0] != netip.MustParseAddr("2001:db8::7") {
		t.Errorf("%v, %v", addrs, err)
	}
}

func TestPaceIsSharedPerAddress(t *testing.T) {
	p := NewPace(0.001)
	a, b := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if p.wait(ctx, a) != nil || p.wait(ctx, b) != nil {
		t.Error("the first connection must not wait")
	}
	if p.wait(ctx, a) == nil {
		t.Error("the second connection did not wait")
	}
	if NewPace(0).perSecond != PoliteRate || NewPace(-1).perSecond != PoliteRate {
		t.Error("no rate is the polite one")
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"https://mail.example.org", "http://host:9998/", "[::1]:80", "fe80::1%eth0", "10.0.0.0/28", "bücher.example", "https://u:p@h/%2e%2e/?a#b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		got, err := parseEndpoint(spec)
		if err != nil {
			return
		}
		if again, err := hostName(got.Host); err != nil || again != got.Host {
			t.Errorf("%q: host %q is not in its final form: %q, %v", spec, got.Host, again, err)
		}
		if !strings.HasPrefix(got.Path, "/") || strings.ContainsAny(got.Path, "?# \r\n") {
			t.Errorf("%q: path %q", spec, got.Path)
		}
	})
}
