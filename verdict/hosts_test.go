package verdict

import (
	"fmt"
	"testing"
	"time"

	"postern/evidence"
)

// TestComputers: logs of several computers are a gap; a computer that was renamed
// or joined a domain is one.
func TestComputers(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	log := func(path string, hosts ...evidence.Host) evidence.Coverage {
		return evidence.Coverage{Kind: evidence.CoverLog, Path: path, Hosts: hosts}
	}
	host := func(name string, from, to int) evidence.Host {
		return evidence.Host{Name: name, From: day(from), To: day(to)}
	}
	asked := Asked{Kind: evidence.KindLogs, Required: evidence.Period{From: day(1)}}
	f := func(what, want string, cover ...evidence.Coverage) {
		t.Helper()
		if got := fmt.Sprint(computers(asked, cover)); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		if gaps := mixed(asked, cover); len(gaps) > 0 != (len(computers(asked, cover)) > 1) || len(gaps) > 0 && gaps[0].Parts != evidence.CompromisedThen {
			t.Errorf("%s: %v", what, gaps)
		}
	}
	f("none", "[]", log("access.log"))
	f("one", "[MAIL09 (2 logs)]", log("System.evtx", host("MAIL09", 1, 9)), log("Security.evtx", host("MAIL09", 3, 9)))
	f("two", "[DC01 (1 log) MAIL09 (1 log)]", log("a/Security.evtx", host("MAIL09", 1, 9)), log("b/Security.evtx", host("DC01", 1, 9)))
	f("two, one after the other", "[DC01 (1 log) MAIL09 (1 log)]", log("a/Security.evtx", host("MAIL09", 1, 3)), log("b/Security.evtx", host("DC01", 5, 9)))
	f("another before the window", "[MAIL09 (1 log)]", log("a/Security.evtx", host("MAIL09", 1, 3)), log("b/Security.evtx", host("DC01", -9, 0)))
	f("joined a domain", "[mail09.example.org (1 log)]", log("System.evtx", host("mail09.example.org", 2, 9), host("MAIL09", 1, 2)))
	f("renamed", "[MAIL09 (2 logs)]", log("System.evtx", host("MAIL09", 3, 9), host("WIN-4711", 1, 3)), log("Security.evtx", host("MAIL09", 4, 9)))
	f("renamed twice", "[MAIL09 (1 log)]", log("System.evtx", host("A", 1, 1), host("MAIL09", 5, 9), host("WIN-4711", 2, 3)))
	f("forwarded", "[DC01 (1 log) MAIL09 (1 log)]", log("ForwardedEvents.evtx", host("MAIL09", 1, 9), host("DC01", 2, 8)))
	f("renamed in one log, side by side in another", "[DC01 (2 logs) MAIL09 (2 logs)]", log("x", host("MAIL09", 4, 9), host("DC01", 1, 3)), log("y", host("DC01", 1, 9), host("MAIL09", 2, 3)))
	f("one name in two domains", "[MAIL.custa.local (1 log) MAIL.custb.local (1 log)]", log("a", host("MAIL.custa.local", 1, 9)), log("b", host("MAIL.custb.local", 1, 9)))
	f("and without any", "[MAIL.custa.local (2 logs) MAIL.custb.local (1 log)]", log("a", host("MAIL", 1, 9)), log("b", host("MAIL.custa.local", 1, 9)), log("c", host("MAIL.custb.local", 1, 9)))
	f("case", "[MAIL.custa.local (2 logs)]", log("a", host("MAIL.custa.local", 1, 9)), log("b", host("mail.CUSTA.local", 1, 9)))
	asked.Kind = evidence.KindTree
	f("logs of two computers in a folder of nobody's", "[DB02 (1 log) WEB01 (1 log)]", log("a", host("WEB01", 1, 4)), log("b", host("DB02", 10, 13)))
	asked.OS = evidence.Windows
	f("one machine's logs, renamed", "[MAIL09 (2 logs)]", log("a", host("MAIL09", 5, 9)), log("b", host("WIN-4711", 1, 3)))
	f("one machine's logs, and forwarded ones", "[DC01 (1 log) MAIL09 (1 log)]", log("a", host("MAIL09", 1, 9)), log("b", host("DC01", 1, 3)))
}
