package eventlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const adminLine = "10:00:00.000 [1.2.3.4] a\n"

type member struct{ name, text string }

func zipOf(t testing.TB, members ...member) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, m.text)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipOf(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func zstdOf(t testing.TB, text string) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(z.EncodeAll([]byte(text), nil))
}

func xzOf(t testing.TB, text string, dictionary int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: dictionary}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bzipped2 is adminLine twice, as bzip2 1.0.8 -9 packs it.
const bzipped2 = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xc0\x0a\x50\x03\x00\x00\x10\xdb\x00\x00\x10\x40\x01\x7c\x10\x00\x0a\x20\x00\x20\x00\x31\x03" +
	"\x40\xd0\x0a\xa9\xa3\x40\x69\x49\x52\x1a\x6d\xc6\x16\xf3\xa8\x5d\x95\x3a\xca\xd2\x79\x48\x7c\x5d\xc9\x14\xe1\x42\x43\x00\x29\x40\x0c"

func TestContainers(t *testing.T) {
	f := func(name, file, stored string, events int, wantMissed string, wantPaths ...string) {
		t.Run(name, func(t *testing.T) {
			s := read(t, text(file, stored))
			if len(s.events) != events || s.missed() != wantMissed {
				t.Errorf("%d events, want %d; missed %q (%s), want %q", len(s.events), events, s.missed(), s.details(), wantMissed)
			}
			var paths []string
			for _, l := range s.lanes {
				paths = append(paths, l.Path)
			}
			if !slices.Equal(paths, wantPaths) {
				t.Errorf("lanes %q, want %q", paths, wantPaths)
			}
			sum := sha256.Sum256([]byte(stored))
			if row := s.read(); wantMissed == "" && row.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("sha256 %q is not the stored file's", row.SHA256)
			}
		})
	}
	two := strings.Repeat(adminLine, 2)
	f("plain", adminLog, two, 2, "", adminLog)
	f("zip", adminLog+".zip", zipOf(t, member{adminLog, two}), 2, "", adminLog+".zip")
	f("zip, member of another name", adminLog+".zip", zipOf(t, member{"a.txt", two}), 2, "", adminLog+".zip")
	f("zip of two", "logs.zip", zipOf(t, member{adminLog, two}, member{"d/", ""}, member{"d/2026.01.18-administrative.log", adminLine}), 3, "",
		"logs.zip/"+adminLog, "logs.zip/d/2026.01.18-administrative.log")
	f("names are text", "logs.zip", zipOf(t, member{"../../etc/" + adminLog, two}, member{`C:\x\` + adminLog, two}), 4, "",
		"logs.zip/../../etc/"+adminLog, `logs.zip/C:\x\`+adminLog)
	f("same name twice", "logs.zip", zipOf(t, member{adminLog, two}, member{adminLog, two}), 4, "ambiguous", "logs.zip/"+adminLog, "logs.zip/"+adminLog)
	f("one empty member", "logs.zip", zipOf(t, member{adminLog, two}, member{"2026.01.18-administrative.log", ""}), 2, "truncated", "logs.zip/"+adminLog)
	f("empty zip", "logs.zip", zipOf(t), 0, "truncated")
	f("cut zip", adminLog+".zip", zipOf(t, member{adminLog, two})[:60], 0, "truncated")
	f("gzip", adminLog+".gz", gzipOf(two), 2, "", adminLog+".gz")
	f("gzip in two parts", adminLog+".gz", gzipOf(two)+gzipOf(two), 4, "", adminLog+".gz")
	f("gzip under a plain name", adminLog, gzipOf(two), 2, "", adminLog)
	f("cut gzip", adminLog+".gz", gzipOf(two)[:20], 0, "truncated", adminLog+".gz")
	f("cut gzip checksum", adminLog+".gz", strings.TrimSuffix(gzipOf(two), gzipOf(two)[len(gzipOf(two))-4:]), 2, "truncated", adminLog+".gz")
	f("wrong gzip checksum", adminLog+".gz", gzipOf(two)[:len(gzipOf(two))-8]+"\x00\x00\x00\x00\x00\x00\x00\x00", 2, "damaged", adminLog+".gz")
	f("gzip of nothing", adminLog+".gz", gzipOf(""), 0, "truncated")
	f("zstd", adminLog+".zst", zstdOf(t, two), 2, "", adminLog+".zst")
	f("cut zstd", adminLog+".zst", zstdOf(t, two)[:12], 0, "truncated")
	f("xz", adminLog+".xz", xzOf(t, two, 1<<16), 2, "", adminLog+".xz")
	f("xz in two parts", adminLog+".xz", xzOf(t, two, 1<<16)+xzOf(t, two, 1<<16), 4, "", adminLog+".xz")
	f("xz of a large dictionary", adminLog+".xz", xzOf(t, two, maxDictionary*2), 0, "too large")
	f("cut xz", adminLog+".xz", xzOf(t, two, 1<<16)[:60], 2, "truncated", adminLog+".xz")
	f("xz of a filter that is not read", adminLog+".xz", "\xfd7zXZ\x00"+strings.Repeat("x", 60), 0, "unknown format")
	f("bzip2", adminLog+".bz2", bzipped2, 2, "", adminLog+".bz2")
	f("bzip2 in two parts", adminLog+".bz2", bzipped2+bzipped2, 4, "", adminLog+".bz2")
	f("cut bzip2", adminLog+".bz2", bzipped2[:30], 0, "damaged")
	f("wrong bzip2 checksum", adminLog+".bz2", strings.Replace(bzipped2, "\xc0\x0a\x50\x03", "\xc0\x0a\x50\x04", 1), 2, "damaged", adminLog+".bz2")
	f("container in a container", adminLog+".zip", zipOf(t, member{adminLog + ".gz", gzipOf(strings.Repeat(adminLine, 50))}), 0, "unknown format")
	bomb := strings.Repeat("\x00", freeText+1<<20)
	f("gzip bomb", adminLog+".gz", gzipOf(bomb), 0, "too large", adminLog+".gz")
	f("zip bomb", adminLog+".zip", zipOf(t, member{adminLog, bomb}), 0, "too large", adminLog+".zip")
	encrypted := []byte(zipOf(t, member{adminLog, two}))
	encrypted[6] |= 1
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	f("encrypted", adminLog+".zip", string(encrypted), 0, "encrypted")
	method := []byte(zipOf(t, member{adminLog, two}))
	method[bytes.Index(method, []byte("PK\x01\x02"))+10] = 14
	f("unknown method", adminLog+".zip", string(method), 0, "unknown format")
}

func TestEncodings(t *testing.T) {
	const log = "10:00:00.000 [1.2.3.4] Zürich \U0001f600\r\n10:00:01.000 [1.2.3.4] b\r\n"
	wide := func(little bool) string {
		b := []byte{0xfe, 0xff}
		for _, u := range utf16.Encode([]rune(log)) {
			b = append(b, byte(u>>8), byte(u))
		}
		if little {
			for i := 0; i+1 < len(b); i += 2 {
				b[i], b[i+1] = b[i+1], b[i]
			}
		}
		return string(b)
	}
	f := func(name, stored, want, wantMissed string) {
		t.Helper()
		s := read(t, text(adminLog, stored))
		if len(s.events) == 0 || s.events[0].fields["message"] != want || s.missed() != wantMissed {
			t.Errorf("%s: %d events, missed %q (%s)", name, len(s.events), s.missed(), s.details())
		}
	}
	f("utf-8", log, "Zürich \U0001f600", "")
	f("utf-8 with mark", "\xef\xbb\xbf"+log, "Zürich \U0001f600", "")
	f("utf-16le", wide(true), "Zürich \U0001f600", "")
	f("utf-16be", wide(false), "Zürich \U0001f600", "")
	f("utf-16le cut in a character", wide(true)[:len(wide(true))-3], "Zürich \U0001f600", "truncated")
	f("ansi", "10:00:00.000 [1.2.3.4] Z\xfcrich\r\n", "Z\xfcrich", "")
	if s := read(t, text(adminLog, "\xef\xbb\xbf")); s.missed() != "truncated" {
		t.Errorf("a mark and nothing else: missed %q", s.missed())
	}
}

func TestWhatCannotBeReadIsCovered(t *testing.T) {
	f := func(name string, in Input, events int, want string) {
		t.Helper()
		s := read(t, in)
		if len(s.events) != events || s.missed() != want {
			t.Errorf("%s: %d events, want %d; missed %q (%s), want %q", name, len(s.events), events, s.missed(), s.details(), want)
		}
		if row := s.read(); row.SHA256 != "" && want != "unknown format" {
			t.Errorf("%s: a hash of a file not read whole", name)
		}
	}
	long := strings.Repeat(adminLine, 50_000)
	broken := text(adminLog, long)
	broken.File = &memory{data: []byte(long), size: int64(len(long)), bad: 300_000, err: errors.New("cyclic redundancy check")}
	f("bad sector", broken, 12000, "unreadable")
	refused := text(adminLog, long)
	refused.File = &memory{data: []byte(long), size: int64(len(long)), err: errors.New("access denied")}
	f("refused", refused, 0, "unreadable")
	shrunk := text(adminLog, long)
	shrunk.File = &memory{data: []byte(long[:260_000]), size: int64(len(long))}
	f("shrunk while read", shrunk, 10400, "truncated")
	f("empty", text(adminLog, ""), 0, "truncated")
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(i * i * 7)
	}
	f("binary named log", text(adminLog, "\x7fELF\x02\x01\x01"+string(noise)), 0, "unknown format")
	f("nobody's log", text("notes.txt", "hello\n"), 0, "unknown format")
	known := text("renamed.bin", string(noise))
	known.Format = &formats()[0]
	f("binary the caller calls a log", known, 0, "unknown format")

	grown := text(adminLog, long)
	grown.File = &memory{data: []byte(long), size: int64(len(adminLine) * 4)}
	if s := read(t, grown); len(s.events) != 4 || s.missed() != "" {
		t.Errorf("grown while read: %d events, missed %q", len(s.events), s.missed())
	}
}

func TestHundredMegabyteLine(t *testing.T) {
	line := "10:00:00.000 [1.2.3.4] " + strings.Repeat("x", 100<<20) + "\n"
	s := read(t, text(adminLog, adminLine+line+"10:00:02.000 [1.2.3.4] evil\n"))
	if len(s.events) != 3 || s.events[2].fields["message"] != "evil" || s.events[2].Ref.At != 3 || s.missed() != "too large" {
		t.Fatalf("%d events, missed %q", len(s.events), s.missed())
	}
	if !strings.Contains(s.details(), "1 lines over") || !strings.HasSuffix(s.details(), "line 2") {
		t.Errorf("detail %q", s.details())
	}
	if n := len(s.events[1].Raw); n != maxLine {
		t.Errorf("%d bytes of the line kept", n)
	}
}

func TestCancelledIsAGap(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, in := range []Input{text(adminLog, adminLine), text("logs.zip", zipOf(t, member{adminLog, adminLine}))} {
		s := &sink{}
		if err := Read(cancelled, in, s); !errors.Is(err, context.Canceled) || s.missed() != "cancelled" {
			t.Errorf("%s: %v, missed %q", in.Name, err, s.missed())
		}
	}
	f := func(in Input, want string) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		in.Formats = formats()
		s := &sink{seen: cancel}
		if err := Read(ctx, in, s); !errors.Is(err, context.Canceled) || s.missed() != want {
			t.Errorf("%s: %v, missed %q, want %q", in.Name, err, s.missed(), want)
		}
	}
	long := strings.Repeat(adminLine, 50_000)
	f(text(adminLog, long), "cancelled")
	f(text(adminLog+".gz", gzipOf(long)), "cancelled")
	f(text("logs.zip", zipOf(t, member{adminLog, long}, member{"2026.01.18-administrative.log", long})), "cancelled,cancelled")
}

func TestLaneErrorIsReturnedAndCovered(t *testing.T) {
	full := errors.New("disk full")
	in := text("logs.zip", zipOf(t, member{adminLog, adminLine}, member{"2026.01.18-administrative.log", adminLine}))
	in.Formats = formats()
	s := &sink{fail: full}
	if err := Read(context.Background(), in, s); !errors.Is(err, full) || s.missed() != "unreadable,unreadable" || s.closed != 1 {
		t.Errorf("%v, missed %q, %d closed", err, s.missed(), s.closed)
	}
}

func TestSniff(t *testing.T) {
	all := formats()
	f := func(name, head, want string) {
		t.Helper()
		got := ""
		if format := Sniff(name, []byte(head), all); format != nil {
			got = format.ID
		}
		if got != want {
			t.Errorf("%s %q: %q, want %q", name, head, got, want)
		}
	}
	const iis, line = "#Software: Microsoft Internet Information Services 10.0\r\n", "10:00:00.000 x\n"
	f("u_ex260117.log", iis, "iis.w3c")
	f("Logs/U_EX260117.LOG", iis, "iis.w3c")
	f("u_ex260117.log.gz", iis, "iis.w3c")
	f(adminLog, iis, "iis.w3c") // content decides
	f(adminLog, line, "smartermail.administrative")
	f(`C:\SmarterMail\Logs\2026.01.17-smtpLog.log.zip`, line, "smartermail.smtp")
	f("2026.01.17-delivery.log", line, "smartermail.other")
	f("whatever.log", line, "smartermail.administrative") // the first whose content fits
	f("2026.01.17-smtplog.log", "\tat x\n", "smartermail.smtp")
	f("2026.01.17-smtplog.log", "\x00\x00\x00", "smartermail.smtp")
	f("2026.01.17-smtplog.log", "MZ\x90\x00\x03\x00\x00\x00", "")
	f("2026.01.17-smtplog.log", "\xff\xfe1\x000\x00:\x000\x000\x00:\x000\x000\x00 \x00", "smartermail.smtp")
	f("2026.01.17-smtplog.log.zip", "PK\x03\x04\x14\x00\x00\x00\x00", "smartermail.smtp")
	f("logs.zip", "PK\x03\x04\x14\x00\x00\x00\x00", "")
	f("notes.txt", "hello", "")
	f("", "", "")
}
