package eventlog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

const adminLog = "2026.01.17-administrative.log"

func TestLineForms(t *testing.T) {
	f := func(name, file, log, wantMissed string, want ...string) {
		t.Run(name, func(t *testing.T) {
			for _, end := range []string{"\n", "\r\n"} {
				s := read(t, text(file, strings.ReplaceAll(log, "\n", end)))
				var got []string
				for _, e := range s.events {
					var fields []string
					for _, name := range e.Fields {
						fields = append(fields, name+"="+strings.ReplaceAll(e.fields[name], "\r", ""))
					}
					got = append(got, e.Time.Format("02T15:04:05.000 ")+strings.Join(fields, " "))
				}
				if !slices.Equal(got, want) {
					t.Errorf("got  %q\nwant %q", got, want)
				}
				if s.missed() != wantMissed {
					t.Errorf("missed %q (%s), want %q", s.missed(), s.details(), wantMissed)
				}
			}
		})
	}
	f("address", adminLog, "10:00:00.100 [1.2.3.4] User @ calling force-reset-password\n", "",
		"17T10:00:00.100 c-ip=1.2.3.4 message=User @ calling force-reset-password")
	f("no milliseconds", adminLog, "10:00:00 [::1] hello\n", "", "17T10:00:00.000 c-ip=::1 message=hello")
	f("component", adminLog, "01:27:54.052 [IpBruteForceDetector] [198.51.100.23] Added to IDS\n", "",
		"17T01:27:54.052 component=IpBruteForceDetector c-ip=198.51.100.23 message=Added to IDS")
	f("time last", adminLog, "[198.51.100.23] Webmail Login failed: [x] 01:27:54.052\n[198.51.100.23] at 10:00:00 then 01:27:55\n", "",
		"17T01:27:54.052 c-ip=198.51.100.23 message=Webmail Login failed: [x]", "17T01:27:55.000 c-ip=198.51.100.23 message=at 10:00:00 then")
	f("no bracket", adminLog, "10:00:00.100 started [x] [y]\n", "", "17T10:00:00.100 message=started [x] [y]")
	f("not an address", adminLog, "10:00:00.100 [1.2.3.256] a\n", "", "17T10:00:00.100 message=[1.2.3.256] a")
	f("session", "2026.01.17-smtpLog.log", "23:59:56.065 [111.70.33.193][39603817] cmd: EHLO example.com\n", "",
		"17T23:59:56.065 c-ip=111.70.33.193 session=39603817 message=cmd: EHLO example.com")
	f("viewer's date", adminLog, "[2026.02.10] 00:00:01.100 [1.2.3.4] a\n10:00:00.000 [1.2.3.4] b\n", "",
		"10T00:00:01.100 c-ip=1.2.3.4 message=a", "17T10:00:00.000 c-ip=1.2.3.4 message=b")
	f("continuation", adminLog, "00:00:01.100 [1.2.3.4] SMTP Login failed\n\tBrute force 1 of 5\n\n\tNext\n00:00:02.200 [5.6.7.8] b\n", "",
		"17T00:00:01.100 c-ip=1.2.3.4 message=SMTP Login failed\n\tBrute force 1 of 5\n\n\tNext", "17T00:00:02.200 c-ip=5.6.7.8 message=b")
	f("continuation of nothing", adminLog, "\tat x\n00:00:01.100 [1.2.3.4] a\n", "damaged", "17T00:00:01.100 c-ip=1.2.3.4 message=a")
	f("junk ends a record", adminLog, "00:00:01.100 [1.2.3.4] a\njunk\n\tmore\n00:00:01.200 [1.2.3.4] b\n", "damaged",
		"17T00:00:01.100 c-ip=1.2.3.4 message=a", "17T00:00:01.200 c-ip=1.2.3.4 message=b")
	f("after midnight", adminLog, "23:59:59.900 [1.2.3.4] a\n00:00:00.100 [1.2.3.4] b\n23:59:59.950 [1.2.3.4] c\n", "",
		"17T23:59:59.900 c-ip=1.2.3.4 message=a", "17T00:00:00.100 c-ip=1.2.3.4 message=b", "17T23:59:59.950 c-ip=1.2.3.4 message=c")
	f("past midnight", adminLog, "08:00:00.000 [1.2.3.4] a\n23:59:59.900 [1.2.3.4] b\n00:00:00.100 [1.2.3.4] c\n23:59:59.950 [1.2.3.4] d\n", "",
		"17T08:00:00.000 c-ip=1.2.3.4 message=a", "17T23:59:59.900 c-ip=1.2.3.4 message=b", "18T00:00:00.100 c-ip=1.2.3.4 message=c", "17T23:59:59.950 c-ip=1.2.3.4 message=d")
	f("cut in the message", adminLog, "00:00:01.100 [1.2.3.4] a\n00:00:02.100 [1.2.3.4] User @ call", "truncated",
		"17T00:00:01.100 c-ip=1.2.3.4 message=a", "17T00:00:02.100 c-ip=1.2.3.4 message=User @ call")
	f("cut in the time", adminLog, "00:00:01.100 [1.2.3.4] a\n00:00:0", "truncated", "17T00:00:01.100 c-ip=1.2.3.4 message=a")
	f("NULs between", adminLog, "00:00:01.100 [1.2.3.4] a\x00\x00\x0000:00:02.100 [1.2.3.4] b\n", "truncated",
		"17T00:00:01.100 c-ip=1.2.3.4 message=a", "17T00:00:02.100 c-ip=1.2.3.4 message=b")
	f("no day in the name", "admin.log", "00:00:01.100 [1.2.3.4] a\n", "ambiguous", "01T00:00:00.000 c-ip=1.2.3.4 message=a")
	f("no such day", "2026.13.17-administrative.log", "00:00:01.100 [1.2.3.4] a\n", "ambiguous", "01T00:00:00.000 c-ip=1.2.3.4 message=a")
	f("nothing understood", adminLog, "hello\nworld\n", "unknown format")
	f("blank", adminLog, "\n\n", "truncated")
}

// TestFormThatFitsAnyLine has continuation lines belong to the record before,
// and its days known from the file's name.
func TestFormThatFitsAnyLine(t *testing.T) {
	in := text("errorlog 2026.01.17.txt", "10:00:00 a\n\tat x\nfree text\n\tat y\n")
	mrs := formats()[2]
	mrs.Names = []*regexp.Regexp{regexp.MustCompile(`^errorlog (?P<date>\d{4}\.\d{2}\.\d{2})\.txt$`)}
	free := evidence.NewSchema("mrs", "message")
	free.Roles[evidence.RoleMessage] = 0
	mrs.Forms = append(mrs.Forms, evidence.LineForm{Fields: []evidence.FormField{{Name: "message"}}, Schema: free})
	in.Format = &mrs
	s := read(t, in)
	if len(s.events) != 2 || s.missed() != "" {
		t.Fatalf("%d events, missed %q (%s)", len(s.events), s.missed(), s.details())
	}
	if e := s.events[1]; e.fields["message"] != "free text\n\tat y" || !e.Time.IsZero() {
		t.Errorf("%q at %v", e.fields, e.Time)
	}
	if row := s.read(); len(row.Days) != 1 || row.Days[0].String() != "2026-01-17" {
		t.Errorf("row %+v", row)
	}
}

func TestHostZone(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Skip("no zone database: ", err)
	}
	f := func(day, clock string, zone *time.Location, want, wantMissed string) {
		t.Helper()
		in := text(day+"-administrative.log", clock+" [1.2.3.4] a\n")
		in.Zone = zone
		s := read(t, in)
		if got := s.events[0].Time.Format(time.RFC3339Nano); got != want || s.missed() != wantMissed {
			t.Errorf("%s %s: %s missed %q, want %s %q", day, clock, got, s.missed(), want, wantMissed)
		}
		if got := s.read().Days; len(got) != 1 || got[0].String() != strings.ReplaceAll(day, ".", "-") {
			t.Errorf("%s %s: days %v in the log's own zone", day, clock, got)
		}
	}
	f("2026.01.17", "00:30:00.250", zone, "2026-01-16T23:30:00.25Z", "")
	f("2026.07.17", "00:30:00", zone, "2026-07-16T22:30:00Z", "")
	f("2026.03.29", "04:00:00", zone, "2026-03-29T02:00:00Z", "") // the day the clock went forward
	f("2026.01.17", "00:30:00", nil, "2026-01-17T00:30:00Z", "time zone")
}

// TestRecordsAcrossBlocks reads records longer than a block, and one longer
// than a record may be.
func TestRecordsAcrossBlocks(t *testing.T) {
	var log, want strings.Builder
	lines := 0
	record := func(cont int) {
		log.WriteString("10:00:00.000 [1.2.3.4] a\n" + strings.Repeat("\tat Some.Where.Else()\n", cont))
		lines += 1 + cont
	}
	for i := range 300 {
		record(i)
	}
	record(30_000) // 660 KB
	record(3)
	want.WriteString(log.String())
	s := read(t, text(adminLog, log.String()))
	var got strings.Builder
	for _, e := range s.events {
		got.Write(e.Raw)
		got.WriteByte('\n')
	}
	if len(s.events) != 302 || s.missed() != "" || got.String() != want.String() {
		t.Errorf("%d events of 302, missed %q, bytes kept %d of %d", len(s.events), s.missed(), got.Len(), want.Len())
	}
	if at := s.events[301].Ref.At; at != int64(lines-3) {
		t.Errorf("last record at line %d, want %d", at, lines-3)
	}
	record(200_000)
	if s := read(t, text(adminLog, log.String())); len(s.events) != 303 || s.missed() != "damaged" {
		t.Errorf("record over the limit: %d events, missed %q", len(s.events), s.missed())
	}
}

func TestSteadyPathAllocatesNothing(t *testing.T) {
	f := func(name string, log func(int) string) {
		cost := func(n int) float64 {
			in := text(name, log(n))
			in.Formats = formats()
			out := &nowhere{}
			return testing.AllocsPerRun(3, func() {
				if err := Read(t.Context(), in, out); err != nil {
					t.Fatal(err)
				}
			})
		}
		if few, many := cost(20_000), cost(120_000); many > few+20 {
			t.Errorf("%s: %v allocations for 20,000 lines, %v for 120,000", name, few, many)
		}
	}
	f("u_ex260117.log", w3cLog)
	f(adminLog, mailLog)
}

// TestStamps: lines that state day and clock need no day from elsewhere.
func TestStamps(t *testing.T) {
	f := func(name, layout, line, want, missed string) {
		t.Helper()
		format := evidence.LogFormat{ID: "m", Layout: "lines", Zone: evidence.ZoneHost, Stamps: layout, Forms: []evidence.LineForm{{Fields: []evidence.FormField{
			{Before: "", Name: "at", Type: evidence.Stamp}, {Before: " ", Name: "level"}, {Before: " ", Name: "message"},
		}}}}
		in := text("m.log", line+"\n")
		in.Zone = nil
		s := readAs(t, &format, in)
		got := ""
		for _, e := range s.events {
			got += e.Time.Format("2006-01-02T15:04:05.999") + " " + e.fields["at"] + "|" + e.fields["level"] + "|" + e.fields["message"]
		}
		if got != want || s.missed() != missed {
			t.Errorf("%s: %q, want %q; missed %q (%s)", name, got, want, s.missed(), s.details())
		}
	}
	f("a blank inside", "", "2026-01-17 10:51:58,123 INFO x y", "2026-01-17T10:51:58.123 2026-01-17 10:51:58,123|INFO|x y", "time zone")
	f("an offset", "", "2026-01-17T10:51:58+01:00 INFO x y", "2026-01-17T09:51:58 2026-01-17T10:51:58+01:00|INFO|x y", "")
	f("an access log's", "", "17/Jan/2026:10:51:58 +0100 INFO x", "2026-01-17T09:51:58 17/Jan/2026:10:51:58 +0100|INFO|x", "")
	f("seconds", "", "1768640000 INFO x", "2026-01-17T08:53:20 1768640000|INFO|x", "")
	f("its own", "02.01.2006 15:04:05", "17.01.2026 10:51:58 INFO x", "2026-01-17T10:51:58 17.01.2026 10:51:58|INFO|x", "time zone")
	f("many blanks", "Mon Jan _2 15:04:05 2006", "Sat Jan  7 10:51:58 2026 INFO x", "2026-01-07T10:51:58 Sat Jan  7 10:51:58 2026|INFO|x", "time zone")
	f("none", "", "INFO x y z", "", "unknown format")
	f("no such day", "", "2026-02-30 10:51:58 INFO x", "", "unknown format")
}
