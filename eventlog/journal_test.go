package eventlog

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// binaryField writes a field as the journal does where its value is no text.
func binaryField(name, value string) string {
	return name + "\n" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(value)))) + value + "\n"
}

func entry(at int, message string) string {
	return fmt.Sprintf("__CURSOR=s=1;i=%d\n__REALTIME_TIMESTAMP=%d\n_HOSTNAME=mail\nSYSLOG_IDENTIFIER=sshd\n_PID=7\n%s\n", at, 1768640000000000+int64(at)*1e6, message)
}

func TestJournalExport(t *testing.T) {
	f := func(name, log, want string, messages ...string) {
		t.Helper()
		s := readAs(t, layout("journal"), text("journal.export", log))
		var got []string
		for _, e := range s.events {
			got = append(got, fmt.Sprint(e.Ref.At, " ", e.Time.Format("15:04:05"), " ", e.fields["message"]))
		}
		if strings.Join(got, "|") != strings.Join(messages, "|") || s.missed() != want {
			t.Errorf("%s: %.300q, missed %q (%s), want %q", name, got, s.missed(), s.details(), want)
		}
	}
	f("text", entry(0, "MESSAGE=a=b\n")+entry(1, "MESSAGE=c\n"), "", "1 08:53:20 a=b", "8 08:53:21 c")
	f("binary", entry(0, binaryField("MESSAGE", "a\nb\x00\n\nc"))+entry(1, "MESSAGE=d\n"), "", "1 08:53:20 a\nb\x00\n\nc", "12 08:53:21 d")
	f("no empty line at the end", strings.TrimSuffix(entry(0, "MESSAGE=a\n"), "\n"), "", "1 08:53:20 a")
	f("cut in text", entry(0, "MESSAGE=a\n")+"__REALTIME_TIMESTAMP=1768640000000000\nMESSAGE=b", "truncated", "1 08:53:20 a", "8 08:53:20 b")
	f("cut in binary", entry(0, "MESSAGE=a\n")+"__REALTIME_TIMESTAMP=1768640000000000\nMESSAGE\n\x09\x00\x00\x00\x00\x00\x00\x00b", "truncated", "1 08:53:20 a")
	f("junk between", entry(0, "MESSAGE=a\n")+"no field\n\n"+entry(1, "MESSAGE=c\n"), "damaged", "1 08:53:20 a", "10 08:53:21 c")
	long := strings.Repeat("x\x00\n", 200_000)
	f("over many blocks", entry(0, binaryField("MESSAGE", long))+entry(1, "MESSAGE=d\n"), "", "1 08:53:20 "+long, "200009 08:53:21 d")
	f("JSON", `{"__REALTIME_TIMESTAMP":"1768640000000000","MESSAGE":"a"}`+"\n", "", "1 08:53:20 a")
}

func systemLog(rows int) string {
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "Jan 17 %02d:%02d:%02d mail sshd[%d]: Failed password for invalid user admin%d from 198.51.100.%d port %d ssh2\n", i/3600%24, i/60%60, i%60, i%9999, i%40, i%250, 1024+i%60000)
	}
	return b.String()
}

func TestSystemLogYear(t *testing.T) {
	in := text("auth.log", "Jan 17 10:00:00 mail sshd[1]: x\n")
	if s := readAs(t, layout("syslog"), in); s.missed() != "ambiguous" || len(s.events) != 1 || !s.events[0].Time.IsZero() {
		t.Errorf("missed %q (%s)", s.missed(), s.details())
	}
	in.ModTime = time.Date(2026, 1, 17, 10, 0, 1, 0, time.UTC)
	if s := readAs(t, layout("syslog"), in); s.missed() != "" || s.events[0].Time.Format("2006-01-02 15") != "2026-01-17 10" {
		t.Errorf("missed %q (%s)", s.missed(), s.details())
	}
	in.ModTime = time.Date(2026, 8, 17, 10, 0, 1, 0, time.UTC)
	if s := readAs(t, layout("syslog"), in); s.missed() != "ambiguous" {
		t.Errorf("missed %q (%s)", s.missed(), s.details())
	}
}

func BenchmarkSyslog(b *testing.B) { benchmarkAs(b, "syslog", systemLog(100_000)) }
func BenchmarkJournalExport(b *testing.B) {
	benchmarkAs(b, "journal", strings.Repeat(entry(0, "MESSAGE=Failed password for invalid user a from 192.0.2.7 port 1 ssh2\n_UID=0\n_SYSTEMD_UNIT=ssh.service\n"), 50_000))
}

func FuzzReadSyslog(f *testing.F) {
	f.Add([]byte(systemLog(2) + "\x00x"))
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "syslog", layout("syslog"), content) })
}

func FuzzReadJournal(f *testing.F) {
	f.Add([]byte(entry(0, binaryField("MESSAGE", "a\n\nb")) + "\n\n" + entry(1, "MESSAGE=c\n") + "x\n"))
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1768640000000000","MESSAGE":[104, 105,255]}`))
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "journal.export", layout("journal"), content) })
}
