package eventlog

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"postern/evidence"
)

// clientsOf gives "client" or "client via peer" of every event.
func clientsOf(t *testing.T, format string, proxies []string, log string) (all []string) {
	t.Helper()
	in := text("x.log", log)
	for _, p := range proxies {
		in.Proxies = append(in.Proxies, netip.MustParsePrefix(p))
	}
	s := readAs(t, layout(format), in)
	if s.missed() != "" {
		t.Errorf("%s: %s", log, s.details())
	}
	for _, e := range s.events {
		client := e.fields[e.Fields[e.Roles[evidence.RoleAddress]]]
		if e.Peer != nil {
			client += " via " + string(e.Peer)
		}
		all = append(all, client)
	}
	return all
}

const (
	w3cProxied   = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status X-Forwarded-For\n"
	w3cUnproxied = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status\n"
)

// w3cFrom is a row of IIS with a custom field, as it writes one (blanks are "+").
func w3cFrom(peer, list string) string {
	return "2026-01-17 10:51:58 192.0.2.10 GET /a - 443 - " + peer + " x 200 " + list + "\n"
}

func TestClients(t *testing.T) {
	f := func(name, format string, proxies []string, log string, want ...string) {
		t.Helper()
		if got := clientsOf(t, format, proxies, log); strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	one := []string{"10.0.0.5/32"}
	f("IIS, loopback", "w3c", nil, w3cProxied+w3cFrom("127.0.0.1", "198.51.100.9,+203.0.113.5")+w3cFrom("::1", "203.0.113.6"),
		"203.0.113.5 via 127.0.0.1", "203.0.113.6 via ::1")
	f("IIS, from the address it answers at", "w3c", nil, w3cProxied+w3cFrom("192.0.2.10", "203.0.113.5,+192.0.2.10"), "203.0.113.5 via 192.0.2.10")
	f("IIS, a proxy of a private address that nobody named", "w3c", nil, w3cProxied+w3cFrom("10.0.0.5", "203.0.113.5"), "10.0.0.5")
	f("IIS, named", "w3c", one, w3cProxied+w3cFrom("10.0.0.5", "203.0.113.5")+w3cFrom("10.0.0.6", "203.0.113.5"), "203.0.113.5 via 10.0.0.5", "10.0.0.6")
	f("IIS, a header of a client", "w3c", one, w3cProxied+w3cFrom("203.0.113.66", "198.51.100.9"), "203.0.113.66")
	f("IIS, nothing said", "w3c", nil, w3cProxied+w3cFrom("127.0.0.1", "-")+w3cFrom("127.0.0.1", "unknown")+w3cFrom("127.0.0.1", "127.0.0.1"), "127.0.0.1", "127.0.0.1", "127.0.0.1")
	f("IIS, other names", "w3c", nil, strings.Replace(w3cProxied, "X-Forwarded-For", "cs(x-forwarded-for)", 1)+w3cFrom("127.0.0.1", "203.0.113.5")+
		strings.Replace(w3cProxied, "X-Forwarded-For", "OriginalIP", 1)+w3cFrom("127.0.0.1", "203.0.113.6:50123"), "203.0.113.5 via 127.0.0.1", "203.0.113.6 via 127.0.0.1")
	f("IIS, the header in the client's place", "w3c", one, w3cUnproxied+"2026-01-17 10:51:58 192.0.2.10 GET /a - 443 - 198.51.100.9,+203.0.113.5,+10.0.0.5 x 200\n",
		"203.0.113.5 via 198.51.100.9,+203.0.113.5,+10.0.0.5")

	const at = " - - [17/Jan/2026:10:51:58 +0100] "
	const combined = at + `"GET / HTTP/1.1" 200 5 "-" "x"`
	f("nginx, its format main", "ncsa", nil, "127.0.0.1"+combined+` "203.0.113.5"`+"\n"+"127.0.0.1"+combined+` "junk, 203.0.113.6"`+"\n"+"127.0.0.1"+combined+` "-"`+"\n",
		"203.0.113.5 via 127.0.0.1", "203.0.113.6 via 127.0.0.1", "127.0.0.1")
	named := "127.0.0.1" + combined + ` "mail.example.org" "203.0.113.5"` + "\n"
	f("nginx, Host before it, and an address for Host", "ncsa", nil, named+named+"127.0.0.1"+combined+` "198.51.100.9" "203.0.113.6"`+"\n",
		"203.0.113.5 via 127.0.0.1", "203.0.113.5 via 127.0.0.1", "203.0.113.6 via 127.0.0.1")
	f("nginx, other addresses behind", "ncsa", nil, "127.0.0.1"+combined+" 192.168.1.1:80 192.168.1.1\n", "127.0.0.1")
	f("Apache, the header in the client's place", "ncsa", nil, "198.51.100.9, 203.0.113.5"+at+`"GET / HTTP/1.1" 200 5`+"\n", "203.0.113.5")
	f("Apache, and a proxy at its end", "ncsa", one, "198.51.100.9, 203.0.113.5, 10.0.0.5"+at+`"GET / HTTP/1.1" 200 5`+"\n", "203.0.113.5 via 10.0.0.5")

	f("nginx, JSON", "json", nil, `{"time_iso8601":"2026-01-17T10:51:58+01:00","remote_addr":"127.0.0.1","request_uri":"/","http_x_forwarded_for":"198.51.100.9, 203.0.113.5"}`+"\n",
		"203.0.113.5 via 127.0.0.1")
	caddy := func(peer, client, headers string) string {
		return `{"ts":1768640000.1,"request":{"remote_ip":"` + peer + `","client_ip":"` + client + `","method":"GET","uri":"/","headers":{` + headers + `}},"status":200}` + "\n"
	}
	f("Caddy, before the server", "json", nil, caddy("203.0.113.5", "203.0.113.5", `"X-Forwarded-For":["198.51.100.9"]`), "203.0.113.5")
	f("Caddy, which trusts its peer", "json", nil, caddy("10.0.0.5", "198.51.100.9", `"X-Forwarded-For":["198.51.100.9, 203.0.113.5"]`)+
		caddy("10.0.0.5", "203.0.113.5", `"X-Forwarded-For":["198.51.100.9","203.0.113.5"]`)+caddy("10.0.0.5", "203.0.113.5", ``),
		"203.0.113.5 via 10.0.0.5", "203.0.113.5 via 10.0.0.5", "203.0.113.5 via 10.0.0.5")
	f("Traefik", "json", []string{"10.0.0.0/24"}, `{"ClientAddr":"10.0.0.5:4711","ClientHost":"10.0.0.5","RequestMethod":"GET","RequestPath":"/","StartUTC":"2026-01-17T09:51:58Z","request_X-Forwarded-For":"203.0.113.5"}`+"\n",
		"203.0.113.5 via 10.0.0.5")
}

// TestClientsChangeNothing: with no proxy named, and peers of public addresses,
// no header moves a client, whatever it says.
func TestClientsChangeNothing(t *testing.T) {
	lists := []string{"127.0.0.1", "203.0.113.5", "10.0.0.5,+127.0.0.1", "::1", "192.0.2.10", "for=127.0.0.1", "-", "x", "198.51.100.1,+192.0.2.10,+127.0.0.1"}
	peers := []string{"203.0.113.66", "2001:db8::66", "198.51.100.1", "::ffff:203.0.113.66", "128.0.0.1", "127", "0.0.0.0", "1.127.0.0"}
	for _, peer := range peers {
		for _, list := range lists {
			if got := clientsOf(t, "w3c", nil, w3cProxied+w3cFrom(peer, list)); len(got) != 1 || got[0] != peer {
				t.Errorf("%s, %s: %q", peer, list, got)
			}
		}
	}
}

// TestClientCannotCutTheList: a blank in the header leaves of it what the client
// wrote, and that is not believed.
func TestClientCannotCutTheList(t *testing.T) {
	in := text("x.log", w3cProxied+w3cFrom("127.0.0.1", "198.51.100.9 x, 203.0.113.5"))
	in.Format = layout("w3c")
	s := read(t, in)
	if len(s.events) != 1 || s.events[0].fields["c-ip"] != "127.0.0.1" || s.events[0].Peer != nil || s.missed() != "ambiguous" {
		t.Errorf("%v, missed %q", s.events, s.missed())
	}
}

// TestClientStandsInItsRecord: what a literal search of the record finds, it finds
// of the client, and nothing is copied.
func TestClientStandsInItsRecord(t *testing.T) {
	in := text("x.log", w3cProxied+strings.Repeat(w3cFrom("127.0.0.1", "198.51.100.9,+203.0.113.5"), 3))
	in.Format = layout("w3c")
	lane := &within{}
	if err := Read(t.Context(), in, lane); err != nil || lane.n != 3 || lane.fault != "" {
		t.Errorf("%d events, %v: %s", lane.n, err, lane.fault)
	}
}

// within tests that an event's client is a part of its record, in place.
type within struct {
	nowhere
	fault string
}

func (w *within) Lane(evidence.Ref) evidence.Lane { return w }
func (w *within) Events(b *evidence.EventBatch) error {
	for i := range b.Events {
		w.n++
		e := &b.Events[i]
		client := e.Role(evidence.RoleAddress)
		at := bytes.LastIndex(e.Raw, client)
		if string(client) != "203.0.113.5" || at < 0 || &e.Raw[at] != &client[0] {
			w.fault = fmt.Sprintf("%q", client)
		}
	}
	return nil
}

// counted gives what a log's coverage tells of its peers: "address kind
// requests/told/spoken names".
func counted(t *testing.T, format *evidence.LogFormat, proxies []netip.Prefix, log string) string {
	t.Helper()
	in := text("x.log", log)
	in.Proxies = proxies
	p := readAs(t, format, in).read().Peers
	if p == nil {
		return ""
	}
	words := []string{fmt.Sprint(p.Requests, p.Many)}
	for _, peer := range p.Few {
		words = append(words, fmt.Sprintf("%s %d %d/%d/%d %b", peer.Address, peer.Kind, peer.Requests, peer.Told, peer.Spoken, peer.Agents))
	}
	return strings.Join(words, "; ")
}

func TestPeersAreCounted(t *testing.T) {
	f := func(name string, log, want string) {
		t.Helper()
		if got := counted(t, layout("w3c"), []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")}, log); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	many := ""
	for i := range 40 {
		many += w3cFrom(fmt.Sprintf("203.0.113.%d", i), "-")
	}
	f("one of the public", w3cProxied+w3cFrom("203.0.113.5", "-")+w3cFrom("203.0.113.5", "192.0.2.99"), "2 false; 203.0.113.5 0 2/1/0 10")
	f("inner ones", w3cProxied+w3cFrom("10.0.0.5", "203.0.113.5")+w3cFrom("192.168.1.1", "-")+w3cFrom("10.0.0.5", "-")+w3cFrom("100.64.0.1", "-")+w3cFrom("fd00::1", "-")+w3cFrom("172.32.0.1", "-"),
		"6 false; 10.0.0.5 1 2/1/0 10; 100.64.0.1 1 1/0/0 10; 172.32.0.1 0 1/0/0 10; 192.168.1.1 1 1/0/0 10; fd00::1 1 1/0/0 10")
	f("proxies", w3cProxied+w3cFrom("127.0.0.1", "203.0.113.5")+w3cFrom("127.0.0.1", "-")+w3cFrom("192.0.2.10", "-")+w3cFrom("10.0.0.9", "203.0.113.5"),
		"4 false; 127.0.0.1 2 1/0/1 10; 192.0.2.10 2 1/0/0 10; 10.0.0.9 3 0/0/1 0")
	f("a crowd", w3cProxied+many+w3cFrom("10.0.0.5", "-")+many, "81 true; 10.0.0.5 1 1/0/0 10")
	f("names of programs", w3cProxied+w3cFrom("10.0.0.5", "-")+strings.Replace(w3cFrom("10.0.0.5", "-"), " x ", " curl/8 ", 1), "2 false; 10.0.0.5 1 2/0/0 1000010")

	ftp := layout("w3c")
	ftp.Source = evidence.LogSource{Product: "windows", Service: "iis-ftp"}
	if got := counted(t, ftp, nil, w3cProxied+w3cFrom("10.0.0.5", "-")); got != "" {
		t.Errorf("a log of no web server: %s", got)
	}
	if got := counted(t, ftp, []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")}, w3cProxied+w3cFrom("10.0.0.5", "-")+w3cFrom("10.0.0.6", "-")); got != "2 false; 10.0.0.5 3 1/0/0 1" {
		t.Errorf("a log of no web server, with a proxy named: %s", got)
	}
}
