package eventlog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

const iisFields = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query cs-username c-ip cs(User-Agent) sc-status\r\n"

func TestW3CRows(t *testing.T) {
	f := func(name, log string, wantMissed string, want ...string) {
		t.Run(name, func(t *testing.T) {
			s := read(t, text("u_ex260117.log", log))
			var got []string
			for _, e := range s.events {
				got = append(got, strings.Join([]string{e.Time.Format(time.DateTime), e.fields["c-ip"], e.fields["cs-uri-stem"], e.fields["cs-uri-query"], e.fields["sc-status"]}, " "))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if s.missed() != wantMissed {
				t.Errorf("missed %q (%s), want %q", s.missed(), s.details(), wantMissed)
			}
		})
	}
	const row = "2026-01-17 10:00:01 192.0.2.1 GET /a - - 198.51.100.7 Mozilla/5.0+(x) 200\r\n"
	const parsed = "2026-01-17 10:00:01 198.51.100.7 /a \x00 200"
	f("one row", iisFields+row, "", parsed)
	f("no newline at the end of a whole row", iisFields+strings.TrimSpace(row), "", parsed)
	f("header again after a restart", iisFields+row+"#Software: x\r\n"+iisFields+row, "", parsed, parsed)
	f("other fields in mid-file", iisFields+row+"#Fields: date time cs-uri-stem c-ip\r\n2026-01-17 10:00:02 /b 203.0.113.9\r\n", "",
		parsed, "2026-01-17 10:00:02 203.0.113.9 /b  ")
	f("tabs", "#Fields: date\ttime\tc-ip\tcs-uri-stem\tcs-uri-query\tsc-status\r\n2026-01-17\t10:00:01\t198.51.100.7\t/a\tb c\t200\r\n", "",
		"2026-01-17 10:00:01 198.51.100.7 /a b c 200")
	f("rows before any fields", row+iisFields+row, "damaged", parsed)
	f("fewer columns", iisFields+"2026-01-17 10:00:01 192.0.2.1 GET /a\r\n"+row, "damaged",
		"2026-01-17 10:00:01 \x00 /a \x00 \x00", parsed)
	f("surplus at the end", iisFields+strings.TrimSpace(row)+" 0 0\r\n", "ambiguous", parsed)
	f("spaces in the query", iisFields+"2026-01-17 10:00:01 192.0.2.1 GET /a id=1 or 1=1 -- - 198.51.100.7 Mozilla/5.0+(x) 200\r\n", "",
		"2026-01-17 10:00:01 198.51.100.7 /a id=1 or 1=1 -- 200")
	f("no date that is one", iisFields+"2026-13-17 10:00:01 192.0.2.1 GET /a - - 198.51.100.7 x 200\r\n2026-02-30 10:00:01 a\r\n2026-01-17 24:00:00 a\r\n"+row, "damaged", parsed)
	f("cut in mid-row", iisFields+row+"2026-01-17 10:00:02 192.0.2.1 GET /b", "truncated",
		parsed, "2026-01-17 10:00:02 \x00 /b \x00 \x00")
	f("cut in the time", iisFields+row+"2026-01-17 10:0", "truncated", parsed)
	f("NULs at the end", iisFields+row+strings.Repeat("\x00", 70000), "truncated", parsed)
	f("NULs before a header", iisFields+row+strings.Repeat("\x00", 3<<20)+"#Software: x\r\n"+iisFields+row, "truncated", parsed, parsed)
	f("NULs after a cut row, before a good one", iisFields+"2026-01-17 10:0\x00\x00"+row, "truncated", parsed)
	f("only NULs", strings.Repeat("\x00", 5000), "truncated")
	f("only directives", "#Software: x\r\n"+iisFields, "")
	f("commas are another layout", "#Fields: date,time,c-ip\r\n2026-01-17,10:00:01,198.51.100.7\r\n", "unknown format")
	f("blank lines", iisFields+"\r\n\r\n"+row+"\r\n", "", parsed)
	f("too many columns", "#Fields: date time"+strings.Repeat(" x", maxColumns)+"\r\n"+row, "unknown format")
}

func TestW3CDatesWithoutADateColumn(t *testing.T) {
	f := func(name, log, wantMissed string, want ...string) {
		t.Helper()
		s := read(t, text(name, log))
		var got []string
		for _, e := range s.events {
			got = append(got, e.Time.Format(time.DateTime))
		}
		if !slices.Equal(got, want) || s.missed() != wantMissed {
			t.Errorf("%s %q: got %q missed %q, want %q %q", name, log, got, s.missed(), want, wantMissed)
		}
	}
	const fields = "#Fields: time c-ip cs-method\n"
	f("u_ex260117.log", fields+"10:00:01 192.0.2.1 GET\n", "", "2026-01-17 10:00:01")
	f("u_ex260117.log", "#Date: 2026-01-18 09:00:00\n"+fields+"10:00:01 192.0.2.1 GET\n", "", "2026-01-18 10:00:01")
	f("ftp.log", "#Date: 2026-01-18 09:00:00\n"+fields+"23:00:01 192.0.2.1 GET\n00:00:02 192.0.2.1 GET\n", "", "2026-01-18 23:00:01", "2026-01-19 00:00:02")
	const late, early = "23:00:01 192.0.2.1 GET\n", "00:00:02 192.0.2.1 GET\n"
	f("ftp.log", "#Date: 2026-01-18 09:00:00\n"+fields+late+early+late+early, "ambiguous", "2026-01-18 23:00:01", "2026-01-19 00:00:02", "2026-01-18 23:00:01", "2026-01-19 00:00:02")
	f("ftp.log", "#Date: 2026-01-18 09:00:00\n#Date: today\n"+fields+late, "ambiguous", "0001-01-01 00:00:00")
	f("ftp.log", fields+"10:00:01 192.0.2.1 GET\n", "ambiguous", "0001-01-01 00:00:00")
}

func TestW3CRolesAndSchemas(t *testing.T) {
	log := iisFields + "2026-01-17 10:00:01 192.0.2.1 POST /a b=1 joe 198.51.100.7 Agent/1 404\n" +
		"#Fields: date time c-ip cs-uri sc-status s-computername s-ip\n2026-01-17 10:00:02 198.51.100.8 /b?c 400 WEB1 192.0.2.1\n" +
		iisFields + "2026-01-17 10:00:03 192.0.2.1 GET /c - - 198.51.100.9 - 200\n"
	s := read(t, text("u_ex260117.log", log))
	roles := func(e kept) (got []string) {
		for r := range evidence.NumRoles {
			got = append(got, string(e.Role(r)))
		}
		return got
	}
	want := [][]string{
		{"198.51.100.7", "joe", "Agent/1", "POST", "/a", "b=1", "404", "192.0.2.1", "", ""},
		{"198.51.100.8", "", "", "", "/b?c", "", "400", "WEB1", "", ""},
		{"198.51.100.9", "", "", "GET", "/c", "", "200", "192.0.2.1", "", ""},
	}
	// Values are borrowed, so roles are read off the copies.
	for i, e := range s.events {
		if e.Source.Category != "webserver" || e.Format != "iis.w3c" {
			t.Errorf("event %d: schema %+v", i, e.Schema)
		}
		e.Values = nil
		for _, name := range e.Fields {
			v := []byte(e.fields[name])
			if e.fields[name] == "\x00" {
				v = nil
			}
			e.Values = append(e.Values, v)
		}
		if got := roles(e); !slices.Equal(got, want[i]) {
			t.Errorf("event %d: roles %q, want %q", i, got, want[i])
		}
	}
	if s.events[0].Schema != s.events[2].Schema || s.events[0].Schema == s.events[1].Schema {
		t.Error("one schema per shape and file")
	}
	if got := s.events[1].Ref; got != (evidence.Ref{Collector: "logs", Path: "u_ex260117.log", Unit: evidence.Line, At: 4}) {
		t.Errorf("ref %+v", got)
	}
	if got := string(s.events[2].Raw); got != "2026-01-17 10:00:03 192.0.2.1 GET /c - - 198.51.100.9 - 200" {
		t.Errorf("raw %q", got)
	}
}

// TestW3CRolesOfProxies: web proxies name some columns otherwise.
func TestW3CRolesOfProxies(t *testing.T) {
	format := &evidence.LogFormat{ID: "proxy", Source: evidence.LogSource{Category: "proxy"}}
	for fields, want := range map[string][3]string{
		"date time c-ip cs-method cs-uri cs-uri-path cs-uri-query cs(User-Agent)": {"cs-method", "cs-uri-path", "cs(User-Agent)"},
		"date time c-ip cs-uri-path cs-uri-stem cs-method":                        {"cs-method", "cs-uri-stem", ""},
		"c-ip cs-username c-agent date time r-host s-operation cs-uri sc-status":  {"s-operation", "cs-uri", "c-agent"},
		"c-ip c-agent s-operation cs-method cs(User-Agent) cs-uri":                {"cs-method", "cs-uri", "cs(User-Agent)"},
		"timestamp c-ip x-resultcode-httpstatus cs-method cs-url cs(User-Agent)":  {"cs-method", "cs-url", "cs(User-Agent)"},
	} {
		s := w3cSchema(format, strings.Fields(fields))
		for i, role := range []evidence.Role{evidence.RoleMethod, evidence.RolePath, evidence.RoleAgent} {
			got := ""
			if at := s.Roles[role]; at >= 0 {
				got = s.Fields[at]
			}
			if got != want[i] {
				t.Errorf("%s: %q, want %q", fields, got, want[i])
			}
		}
	}
}

func TestW3CShapesAreLimited(t *testing.T) {
	var log strings.Builder
	for i := range maxShapes + 1 {
		fmt.Fprintf(&log, "#Fields: date time c-ip x%d\n2026-01-17 10:00:01 192.0.2.1 a\n", i)
	}
	s := read(t, text("u_ex260117.log", log.String()))
	if len(s.events) != maxShapes || s.missed() != "damaged" {
		t.Errorf("%d events, missed %q; want %d and a gap", len(s.events), s.missed(), maxShapes)
	}
}

func TestReviewNarrowsTheWorkNotTheCoverage(t *testing.T) {
	in := text("u_ex260117.log", iisFields+
		"2026-01-16 10:00:00 a b c d e f g h\n2026-01-17 10:00:00 a b c d e f g h\n2026-01-18 10:00:00 a b c d e f g h\n")
	day := func(d int) time.Time { return time.Date(2026, 1, d, 10, 0, 0, 0, time.UTC) }
	in.Review = evidence.Period{From: day(17), To: day(18)}
	s := read(t, in)
	row := s.read()
	if len(s.events) != 1 || row.Count != 3 || !row.From.Equal(day(16)) || !row.To.Equal(day(18)) {
		t.Errorf("%d events delivered, row %+v", len(s.events), row)
	}
}

func TestDaysVouchedFor(t *testing.T) {
	f := func(name string, dates []string, want ...string) {
		t.Helper()
		log := iisFields
		for _, d := range dates {
			log += d + " 10:00:00 a b c d e f g h\n"
		}
		var got []string
		for _, d := range read(t, text(name, log)).read().Days {
			got = append(got, d.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %v: vouches for %v, want %v", name, dates, got, want)
		}
	}
	f("u_ex260117.log", []string{"2026-01-17"}, "2026-01-17")
	f("u_ex260117.log", []string{"2026-01-17", "2026-01-18"}, "2026-01-17") // its own file may be missing
	f("u_ex260117.log", []string{"2026-01-19", "2026-01-18"}, "2026-01-18", "2026-01-19")
	f("site.log", []string{"2026-01-18", "2026-01-17"}, "2026-01-17", "2026-01-18")
	f("u_ex260117.log", nil)
}
