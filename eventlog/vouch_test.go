package eventlog

import (
	"fmt"
	"regexp"
	"testing"

	"postern/evidence"
)

const webRow = "2026-01-%02d %02d:30:00 192.0.2.1 GET / - - 198.51.100.7 x 200\n"

// TestWhatANameVouchesFor: names of a day, an hour, a week and a month.
func TestWhatANameVouchesFor(t *testing.T) {
	all := formats()
	web := &all[len(all)-1]
	web.Names = append(web.Names, regexp.MustCompile(`^u_ex(?P<date>\d{6})(?P<hour>\d{2})?\.log$`))
	f := func(name, want string, rows ...[2]int) {
		t.Helper()
		log := iisFields
		for _, r := range rows {
			log += fmt.Sprintf(webRow, r[0], r[1])
		}
		in := text(name, log)
		in.Formats = all
		out := &sink{}
		if err := Read(t.Context(), in, out); err != nil {
			t.Fatal(err)
		}
		row := out.read()
		if got := fmt.Sprint(row.Days, row.Hours); got != want {
			t.Errorf("%s: vouches for %s, want %s", name, got, want)
		}
	}
	f("u_ex260117.log", "[2026-01-17] []", [2]int{17, 5})
	f("u_ex260117.log", "[2026-01-17] []", [2]int{17, 5}, [2]int{18, 0})
	f("u_ex26011705.log", "[2026-01-17] [32]", [2]int{17, 5})
	f("u_ex26011723.log", "[2026-01-17 2026-01-18] [8388608 1]", [2]int{17, 23}, [2]int{18, 0})
	f("u_ex26011700.log", "[2026-01-16] [8388608]", [2]int{16, 23}) // named by a local clock
	f("u_ex260101.log", "[2026-01-01 2026-01-02 2026-01-03] []", [2]int{1, 1}, [2]int{2, 1}, [2]int{3, 1})
	f("u_ex2601.log", "[2026-01-02 2026-01-22] []", [2]int{2, 1}, [2]int{22, 1})
}

// TestLogOfFailuresOnly: a log of nothing but failures was written at the
// lowest level, and is a gap where the log is needed.
func TestLogOfFailuresOnly(t *testing.T) {
	f := func(name, log string, need bool, want evidence.Reason, parts evidence.Parts) {
		t.Helper()
		in := text(name, log)
		in.Formats = formats()
		for i := range in.Formats {
			in.Formats[i].Low, in.Formats[i].Need = regexp.MustCompile(`(?i)\bfailed\b`), need
		}
		out := &sink{}
		if err := Read(t.Context(), in, out); err != nil {
			t.Fatal(err)
		}
		var got evidence.Reason
		var bears evidence.Parts
		for _, row := range out.rows {
			if row.Missed != nil {
				got, bears = row.Missed.Reason, row.Parts
			}
		}
		if got != want || bears != parts {
			t.Errorf("%q: missed %q bears on %d, want %q on %d", log, got, bears, want, parts)
		}
	}
	failed, fine := "10:00:00 [192.0.2.7] SMTP Login failed: bad password\n\tmore\n", "10:00:01 [192.0.2.7] IMAP Login successful\n"
	f(adminLog, failed+failed, true, evidence.LowLevel, evidence.CompromisedThen)
	f(adminLog, failed+failed, false, evidence.LowLevel, 0)
	f(adminLog, failed+fine, true, "", 0)
	f(adminLog, fine+failed, true, "", 0)
}

// TestFolderTellsTheService: the same name in another service's folder is
// another log.
func TestFolderTellsTheService(t *testing.T) {
	all := formats()
	web := all[len(all)-1]
	smtp := web
	smtp.ID, smtp.Inside = "iis.service", regexp.MustCompile(`(^|/)smtpsvc\d+$`)
	all = append([]evidence.LogFormat{smtp}, all...)
	for name, want := range map[string]string{
		"LogFiles/SMTPSVC1/u_ex260117.log": "iis.service", `LogFiles\SmtpSvc1\u_ex260117.log`: "iis.service",
		"LogFiles/W3SVC1/u_ex260117.log": "iis.w3c", "u_ex260117.log": "iis.w3c", "smtpsvc1/old/u_ex260117.log": "iis.w3c",
	} {
		if got := Sniff(name, []byte(iisFields), all); got == nil || got.ID != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
}
