package eventlog

import (
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"postern/evidence"
)

const firewall = "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n" +
	"#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path pid\r\n\r\n" +
	"2026-01-17 10:51:58 ALLOW TCP 10.0.0.5 192.0.2.7 50000 443 0 - 0 0 0 - - - SEND 4711\r\n" +
	"2026-01-17 10:51:59 DROP UDP fe80::1 ff02::fb 5353 5353 72 - - - - - - - RECEIVE\r\n" +
	"2026-01-17 10:52:00 INFO-EVENTS-LOST - - - - - - - - - - - - 12 - -\r\n"

// TestWindowsFirewall: rows in local time, the sender's address in its role.
func TestWindowsFirewall(t *testing.T) {
	format := layout("w3c")
	format.Source = evidence.LogSource{Category: "firewall", Product: "windows"}
	in := text("pfirewall.log", firewall)
	in.Zone = time.FixedZone("", 3600)
	s := readAs(t, format, in)
	if len(s.events) != 3 || s.missed() != "damaged" { // RECEIVE of older systems has no pid
		t.Fatalf("%d events, missed %q (%s)", len(s.events), s.missed(), s.details())
	}
	e := s.events[0]
	if e.Time.Format("15:04:05") != "09:51:58" || e.fields["c-ip"] != "" || e.fields["src-ip"] != "10.0.0.5" || e.fields["path"] != "SEND" || e.Roles[evidence.RoleAddress] != 4 || e.Source.Category != "firewall" {
		t.Errorf("%+v", e)
	}
	if e := s.events[1]; e.fields["src-ip"] != "fe80::1" || e.fields["action"] != "DROP" || e.fields["path"] != "RECEIVE" {
		t.Errorf("%+v", e)
	}
	if e := s.events[2]; e.fields["src-ip"] != "\x00" || e.fields["info"] != "12" {
		t.Errorf("%+v", e)
	}
}

// TestVariantsOfIIS: what versions, sites and services of IIS write otherwise.
func TestVariantsOfIIS(t *testing.T) {
	wide := func(log string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(log)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	const head = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-01-17 00:00:05\r\n"
	const ftp = head + "#Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status sc-win32-status sc-substatus x-session x-fullpath\r\n" +
		"2026-01-17 00:00:05 192.0.2.7 - 10.0.0.1 21 ControlChannelOpened - - 0 0 5b1c - \r\n"
	f := func(name, log, want string, times ...string) {
		t.Helper()
		s := readAs(t, layout("w3c"), text("u_ex260117.log", log))
		var got []string
		for _, e := range s.events {
			got = append(got, e.Time.Format("02T15:04:05"))
		}
		if strings.Join(got, " ") != strings.Join(times, " ") || s.missed() != want {
			t.Errorf("%s: %q, want %q; missed %q (%s), want %q", name, got, times, s.missed(), s.details(), want)
		}
	}
	f("no date column", head+"#Fields: time c-ip cs-method\r\n00:00:05 192.0.2.7 GET\r\n", "", "17T00:00:05")
	f("no date column, over midnight, a new head", head+"#Fields: time c-ip\r\n23:59:58 192.0.2.7\r\n#Date: 2026-01-18 00:00:01\r\n#Fields: time c-ip cs-method\r\n00:00:01 192.0.2.7 GET\r\n", "", "17T23:59:58", "18T00:00:01")
	f("fields again in mid-file", head+"#Fields: date time c-ip\r\n2026-01-17 00:00:05 192.0.2.7\r\n"+head+"#Fields: time date cs-method c-ip\r\n00:00:06 2026-01-17 GET 192.0.2.7\r\n", "", "17T00:00:05", "17T00:00:06")
	f("tabs", head+"#Fields:\tdate\ttime\tc-ip\tcs-uri-stem\r\n2026-01-17\t00:00:05\t192.0.2.7\t/a b\r\n", "", "17T00:00:05")
	f("FTP", ftp, "", "17T00:00:05")
	f("UTF-16", wide(ftp), "", "17T00:00:05")
	f("ANSI", head+"#Fields: date time cs-uri-stem c-ip\r\n2026-01-17 00:00:05 /z\xfcrich 192.0.2.7\r\n", "", "17T00:00:05")
	f("cookies and time taken", head+"#Fields: date time c-ip cs(Cookie) cs(Referer) time-taken\r\n2026-01-17 00:00:05 192.0.2.7 a=b;+c=\"d+e\" - 15\r\n", "", "17T00:00:05")
	f("HTTP.sys", head+"#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason s-queuename\r\n2026-01-17 00:00:05 192.0.2.7 51000 10.0.0.1 443 - - - - - - Timer_ConnectionIdle -\r\n", "", "17T00:00:05")
	f("rows before their head", "2026-01-17 00:00:05 192.0.2.7\r\n"+head+"#Fields: date time c-ip\r\n2026-01-17 00:00:06 192.0.2.7\r\n", "damaged", "17T00:00:06")
}

// TestQuotedValues: quotes hold values together where the columns then come out
// even, and are bytes as any where not.
func TestQuotedValues(t *testing.T) {
	f := func(name, fields, row, want, missed string) {
		t.Helper()
		s := readAs(t, layout("w3c"), text("x.log", "#Fields: "+fields+"\n"+row+"\n"))
		got := ""
		for _, e := range s.events {
			for i, v := range e.Fields {
				if i > 1 {
					got += v + "=" + e.fields[v] + "|"
				}
			}
		}
		if got = strings.ReplaceAll(got, "\x00", "-"); got != want || s.missed() != missed {
			t.Errorf("%s: %q, want %q; missed %q (%s)", name, got, want, s.missed(), s.details())
		}
	}
	f("SGOS", "date time c-ip cs-categories sc-status cs(User-Agent) s-ip", `2026-01-17 10:00:01 192.0.2.7 "Search Engines/Portals;x" 200 "Mozilla/5.0 (X)" 192.0.2.1`,
		"c-ip=192.0.2.7|cs-categories=Search Engines/Portals;x|sc-status=200|cs(User-Agent)=Mozilla/5.0 (X)|s-ip=192.0.2.1|", "")
	f("a quote in quotes, an empty value", "date time c-ip cs(User-Agent) x", `2026-01-17 10:00:01 192.0.2.7 "a ""b"" c" ""`, `c-ip=192.0.2.7|cs(User-Agent)=a ""b"" c|x=-|`, "")
	f("a quote that a client sent", "date time c-ip cs-uri-stem sc-status", `2026-01-17 10:00:01 192.0.2.7 "/a 200`, `c-ip=192.0.2.7|cs-uri-stem="/a|sc-status=200|`, "")
	f("columns that come out uneven", "date time c-ip cs-uri-stem sc-status", `2026-01-17 10:00:01 192.0.2.7 "/a b" c 200`, `c-ip=192.0.2.7|cs-uri-stem="/a|sc-status=b"|`, "ambiguous")
	f("names by blanks, values by tabs", "date time x-edge-location c-ip cs(User-Agent)", "2026-01-17\t10:00:01\tFRA2\t192.0.2.7\tMozilla 5", "x-edge-location=FRA2|c-ip=192.0.2.7|cs(User-Agent)=Mozilla 5|", "")
}
