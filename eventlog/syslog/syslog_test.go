package syslog

import (
	"strings"
	"testing"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

var linux = evidence.LogFormat{
	ID: "linux.syslog", Source: evidence.LogSource{Product: "linux", Service: "syslog"},
	Service: map[string]string{"sshd": "sshd", "cron": "cron", "sudo": "auth", "postfix": "mail"},
}

type cutter interface {
	Cut([]byte, *cut.Row) bool
}

func show(c cutter, line string) string {
	var row cut.Row
	if !c.Cut([]byte(line), &row) {
		return "not understood"
	}
	at := "undated"
	if !row.Time.IsZero() {
		at = row.Time.UTC().Format("2006-01-02T15:04:05.999")
	}
	words := []string{at, row.Schema.Source.Service}
	for i, name := range row.Schema.Fields {
		if row.Values[i] != nil {
			words = append(words, name+"="+string(row.Values[i]))
		}
	}
	return strings.Join(words, "|")
}

var newest = time.Date(2026, 1, 18, 0, 0, 0, 0, time.UTC)

func TestCut(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		if got := show(New(&linux, time.FixedZone("", 3600), newest), line); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", line, got, want)
		}
	}
	f("Jan 17 10:51:58 mail sshd[4711]: Failed password for invalid user a from 1.1.1.1 from 192.0.2.7 port 50000 ssh2",
		"2026-01-17T09:51:58|sshd|host=mail|program=sshd|pid=4711|message=Failed password for invalid user a from 1.1.1.1 from 192.0.2.7 port 50000 ssh2|c-ip=192.0.2.7")
	f("<78>Jan  7 10:51:58 mail CRON[77]: (root) CMD (true)", "2026-01-07T09:51:58|cron|host=mail|program=CRON|pid=77|message=(root) CMD (true)|priority=78")
	f("Dec 31 23:51:58.250 mail sudo: pam_unix(sudo:auth): failure; rhost=2001:db8::7  user=a", "2025-12-31T22:51:58.25|auth|host=mail|program=sudo|message=pam_unix(sudo:auth): failure; rhost=2001:db8::7  user=a|c-ip=2001:db8::7")
	f("Jan 17 2024 10:51:58 fw kernel: x", "2024-01-17T09:51:58|syslog|host=fw|program=kernel|message=x")
	f("Jan 17 10:51:58 mail -- MARK --", "2026-01-17T09:51:58|syslog|host=mail|message=-- MARK --")
	f("Jan 17 10:51:58 mail last message repeated 2 times", "2026-01-17T09:51:58|syslog|host=mail|message=last message repeated 2 times")
	f("Jan 17 10:51:58 mail sshd(pam_unix)[7]: x", "2026-01-17T09:51:58|sshd|host=mail|program=sshd|pid=7|message=x")
	f("2026-01-17T10:51:58.123456+02:00 mail postfix/smtpd[7]: connect from x[192.0.2.7]", "2026-01-17T08:51:58.123|mail|host=mail|program=postfix/smtpd|pid=7|message=connect from x[192.0.2.7]")
	f("2026-01-17T10:51:58 mail dovecot: imap-login: Login: user=<a>, rip=192.0.2.7, lip=10.0.0.1", "2026-01-17T09:51:58|syslog|host=mail|program=dovecot|message=imap-login: Login: user=<a>, rip=192.0.2.7, lip=10.0.0.1|c-ip=192.0.2.7")
	f("<34>1 2026-01-17T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed", "2026-01-17T22:14:15.003|syslog|host=mymachine.example.com|program=su|message='su root' failed|priority=34|msgid=ID47")
	f(`<165>1 2026-01-17T22:14:15.003000-07:00 - app 77 - [a@1 k="v]\"" b="c"][d] text`, `2026-01-18T05:14:15.003|syslog|program=app|pid=77|message=text|priority=165|data=[a@1 k="v]\"" b="c"][d]`)
	f("<165>1 - - - - - -", "undated|syslog|priority=165")
	for _, line := range []string{"", "x", "Jan 17 10:51:58", "Jan 17 10:51:58 mail", "Jan 32 10:51:58 mail x", "Jan 17 25:51:58 mail x: y", "Foo 17 10:51:58 mail x: y", "<1>1 2026-01-17T22:14:15Z a b c", `<1>1 - - - - - [a k="v`, "2026-01-17 10:51:58 mail x: y"} {
		f(line, "not understood")
	}
}

// TestYears: December before January is a year's end, the file's own time is
// the latest there is, and what cannot be so is said.
func TestYears(t *testing.T) {
	f := func(name string, newest time.Time, doubt string, pairs ...string) {
		t.Helper()
		r := New(&linux, time.UTC, newest)
		for i := 0; i < len(pairs); i += 2 {
			got := show(r, pairs[i]+" 10:00:00 mail x: y")
			if got, _, _ = strings.Cut(got, "|"); got != pairs[i+1] && got != pairs[i+1]+"T10:00:00" {
				t.Errorf("%s: %s is %s, want %s", name, pairs[i], got, pairs[i+1])
			}
		}
		if got := r.Doubt(); (got == "") != (doubt == "") || !strings.Contains(got, doubt) {
			t.Errorf("%s: doubt %q, want %q", name, got, doubt)
		}
	}
	f("within a year", newest, "", "Jan 16", "2026-01-16", "Jan 17", "2026-01-17")
	f("over new year", newest, "", "Dec 30", "2025-12-30", "Jan  1", "2026-01-01", "Dec 31", "2025-12-31", "Jan  2", "2026-01-02")
	f("rotated in the year before", time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC), "", "Dec  1", "2025-12-01", "Dec 31", "2025-12-31")
	f("written in another zone", newest, "", "Jan 18", "2026-01-18")
	f("more than a year", newest, "spans more than one", "Jan 10", "2026-01-10", "Dec  1", "2026-12-01", "Jan  3", "2027-01-03")
	f("copied long after", newest, "long after it", "Mar  1", "2025-03-01")
	f("leap day", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "long after it", "Feb 29", "2024-02-29")
	f("nothing tells", time.Time{}, "", "Jan 17", "undated")
}

func TestJournalJSON(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		if got := show(NewJournal(&linux), line); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", line, got, want)
		}
	}
	f(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1768640000123456","_HOSTNAME":"mail","_COMM":"sshd-session","SYSLOG_IDENTIFIER":"sshd","_PID":"7","SYSLOG_PID":"8","PRIORITY":"6","MESSAGE":"Accepted \"x\" from 192.0.2.7 port 1","_UID":"0","_SYSTEMD_UNIT":"ssh.service"}`,
		`2026-01-17T08:53:20.123|sshd|host=mail|program=sshd|pid=7|message=Accepted "x" from 192.0.2.7 port 1|c-ip=192.0.2.7|priority=6|unit=ssh.service|uid=0`)
	f(`{"__REALTIME_TIMESTAMP":"1768640000000000","MESSAGE":[104, 105,255],"_COMM":"x"}`, "2026-01-17T08:53:20|syslog|program=x|message=hi\xff")
	f(`{"MESSAGE":"x"}`, "undated|syslog|message=x")
	f(`{"a":"x"}`, "not understood")
	f(`{"MESSAGE":`, "not understood")
	j, row := NewJournal(&linux), cut.Row{}
	for _, line := range []string{`{"__REALTIME_TIMESTAMP":"1768640000000000","MESSAGE":""}`, `{"__REALTIME_TIMESTAMP":"1768640000000000","MESSAGE":null}`} {
		if !j.Cut([]byte(line), &row) {
			t.Error(line)
		}
	}
	if got := j.Doubt(); !strings.HasPrefix(got, "1 entries without") {
		t.Errorf("a text left out: %q", got)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("Jan 17 10:51:58 mail sshd[4711]: from 192.0.2.7"))
	f.Add([]byte("<34>1 2026-01-17T22:14:15.003Z h su - ID47 [a b=\"\\\"\"] x"))
	f.Add([]byte("2026-01-17T10:51:58+01:00 h p: x"))
	f.Add([]byte("Feb 29 10:51:58 h p: x"))
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r := New(&linux, time.UTC, newest)
		var row cut.Row
		for _, c := range []cutter{r, r, NewJournal(&linux)} {
			if c.Cut(line, &row) && len(row.Values) != len(row.Schema.Fields) {
				t.Errorf("%+v", row)
			}
		}
		r.Doubt()
	})
}
