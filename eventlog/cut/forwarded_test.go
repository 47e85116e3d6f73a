package cut

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// near are the proxies of these tests: the machine's own, and one network.
func near(_ []byte, at netip.Addr) bool {
	return at.IsLoopback() || netip.MustParsePrefix("10.0.0.0/24").Contains(at) || netip.MustParsePrefix("2001:db8:f::/48").Contains(at)
}

func TestClient(t *testing.T) {
	f := func(list, want string) {
		t.Helper()
		if got := Client([]byte(list), near); string(got) != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
	f("203.0.113.5", "203.0.113.5")
	f("198.51.100.9, 203.0.113.5", "203.0.113.5") // the left one the client wrote
	f("203.0.113.5, 10.0.0.7", "203.0.113.5")
	f("203.0.113.5,+10.0.0.7,+127.0.0.1", "203.0.113.5") // IIS
	f("203.0.113.5,10.0.0.7", "203.0.113.5")
	f("10.0.0.8, 203.0.113.5, 10.0.0.7", "203.0.113.5") // nor can he name a proxy
	f("203.0.113.5:55555", "203.0.113.5")               // Azure's gateway
	f("203.0.113.5:1, 10.0.0.7:2", "203.0.113.5")
	f("2001:db8::5, 2001:db8:f::1", "2001:db8::5")
	f("[2001:db8::5]:443", "2001:db8::5")
	f("[2001:db8::5]", "2001:db8::5")
	f("fe80::1%eth0", "fe80::1")
	f("::ffff:203.0.113.5", "203.0.113.5")
	f("::FFFF:203.0.113.5, ::ffff:10.0.0.7", "203.0.113.5")
	f("10.0.0.9, 10.0.0.7", "10.0.0.9") // all proxies: the one furthest off
	f("10.0.0.7", "10.0.0.7")

	f("", "")
	f("-", "")
	f("unknown", "")
	f("203.0.113.5, unknown", "") // the proxy did not know: what it was told is no answer
	f("203.0.113.5,", "")
	f("203.0.113.5, unknown, 10.0.0.7", "10.0.0.7")
	f("203.0.113.5 10.0.0.7", "")
	f("203.0.113.05", "")
	f("203.0.113.256", "")
	f("203.0.113", "")
	f("1.2.3.4.5", "")
	f("mail.example.org", "")

	f(`["198.51.100.9","203.0.113.5"]`, "203.0.113.5") // a header sent twice, as JSON
	f(`["2001:db8::5", "10.0.0.7"]`, "2001:db8::5")

	f("for=203.0.113.5", "203.0.113.5")
	f(`for="[2001:db8::5]:4711";proto=http;by=10.0.0.7`, "2001:db8::5")
	f("For=198.51.100.9, FOR=203.0.113.5;proto=https", "203.0.113.5")
	f("proto=https;+for=203.0.113.5,+for=10.0.0.7", "203.0.113.5")
	f(`for="_hidden", for=unknown`, "")
	f(`for="x, for=203.0.113.5`, "203.0.113.5")
	f("by=203.0.113.5", "")
}

func TestAddress(t *testing.T) {
	for _, text := range []string{"0.0.0.0", "255.255.255.255", "1.2.3.4", "::1", "::ffff:1.2.3.4", "2001:db8::5", "fe80::1%eth0", "01.2.3.4", "1.2.3", "1..2.3", ".1.2.3", "1.2.3.4 ", "", ":", "a"} {
		want, err := netip.ParseAddr(text)
		got, ok := Address([]byte(text))
		if ok != (err == nil) || ok && got != want.Unmap().WithZone("") {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}

// FuzzClient: what comes out is an address that stands in the list, and nothing
// that a client writes in front changes whom the proxy heard.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{"203.0.113.5, 10.0.0.7", `for="[2001:db8::5]:1"`, `["a","1.2.3.4"]`, "::ffff:1.2.3.4", "1.2.3.4:5,+6", "%,]["} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		got := Client(list, near)
		if got != nil {
			if _, ok := Address(got); !ok || !bytes.Contains(list, got) {
				t.Errorf("%q: %q", list, got)
			}
		}
		for _, heard := range []string{"203.0.113.5", "203.0.113.5, 127.0.0.1", "for=203.0.113.5"} {
			if got := string(Client([]byte(string(list)+", "+heard), near)); got != "203.0.113.5" {
				t.Errorf("%q before %q: %q", list, heard, got)
			}
		}
		if at, ok := Address(list); ok && !strings.Contains(string(list), "%") {
			if want, err := netip.ParseAddr(string(list)); err != nil || want.Unmap() != at {
				t.Errorf("%q: %v, want %v", list, at, want)
			}
		}
	})
}

func BenchmarkClient(b *testing.B) {
	list := []byte("203.0.113.5,+10.0.0.7")
	for b.Loop() {
		Client(list, near)
	}
}
