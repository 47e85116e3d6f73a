package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
)

// check reads a log's text as a format twice, with a small buffer and with a
// large one, and holds what must be true of any text.
func check(t *testing.T, name string, format *evidence.LogFormat, content []byte) {
	t.Helper()
	var got [2]result
	var events [2][]string
	for i, size := range []int64{1, blockSize} {
		in := text(name, string(content))
		in.Format = format
		s := &sink{}
		l := &log{in: &in, out: s, file: newStored(in.File)}
		got[i] = l.read(context.Background(), name, []string{name}, bytes.NewReader(content), size)
		l.cover(got[i], "")
		r := got[i]
		if sum := r.events + r.directives + r.continued + r.blank + r.misread; sum != r.lines {
			t.Fatalf("%d lines, %d accounted for: %+v", r.lines, sum, r.tally)
		}
		if int(r.events) != len(s.events) {
			t.Fatalf("%d events counted, %d delivered", r.events, len(s.events))
		}
		lines := bytes.Split(content, []byte("\n"))
		if !bytes.Contains(content, []byte{0}) && r.long == 0 && len(content) > 0 && !bytes.HasPrefix(content, []byte("\xff\xfe")) && !bytes.HasPrefix(content, []byte("\xfe\xff")) {
			want := len(lines)
			if len(lines[want-1]) == 0 || string(content) == "\xef\xbb\xbf" {
				want--
			}
			if int(r.lines) != want {
				t.Fatalf("%d lines, want %d", r.lines, want)
			}
			for _, e := range s.events {
				if at := int(e.Ref.At); at < 1 || at > want || !bytes.Contains(lines[at-1], bytes.TrimSuffix(bytes.SplitN(e.Raw, []byte("\n"), 2)[0], []byte("\r"))) {
					t.Fatalf("line %d is not %q", at, e.Raw)
				}
			}
		}
		if r.misread > 0 && s.missed() == "" {
			t.Fatal("lines not understood and no gap")
		}
		for _, e := range s.events {
			for name, v := range e.fields {
				if e.Verbatim && v != "\x00" && !bytes.Contains(e.Raw, bytes.TrimRight([]byte(v), "\n")) {
					t.Fatalf("%s: %q is not in %q", name, v, e.Raw)
				}
			}
			events[i] = append(events[i], fmt.Sprint(e.Ref.At, e.Time, e.fields, e.Verbatim))
		}
	}
	in := text(name, string(content))
	in.Format = format
	apart(t, in, 3, 200)
	if got[0].lines != got[1].lines || !slices.Equal(events[0], events[1]) {
		t.Fatalf("the buffer's size changes what is read:\n%q\n%q", events[0], events[1])
	}
}

func FuzzReadW3C(f *testing.F) {
	f.Add([]byte(iisFields + "2026-01-17 10:00:01 192.0.2.1 GET /a - - 198.51.100.7 x 200\r\n"))
	f.Add([]byte("#Date: 2026-01-18 09:00:00\n#Fields: time c-ip cs-method\n10:00:01 192.0.2.1 GET\n\x00\x00\x0010:00:02 192.0.2.1 GET x"))
	f.Add([]byte(iisFields + "2026-01-17 10:00:01 192.0.2.1 GET /a x y z - 198.51.100.7 x 200\n#Fields: a\tb\n1\t2 3\n"))
	f.Add([]byte(w3cLog(3)))
	format := formats()[3]
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "u_ex260117.log", &format, content) })
}

func FuzzReadLines(f *testing.F) {
	f.Add([]byte("00:00:01.100 [1.2.3.4] a\n\tb\n\n\tc\n[x] [1.2.3.4] d 10:00:00\n[2026.02.10] 00:00:01 e\n\x00\x00 f"))
	f.Add([]byte("10:00:00 [c] [::1] a\r\n   at b\r\n\xff\xfe"))
	f.Add([]byte(mailLog(3)))
	f.Add([]byte(adminLine + strings.Repeat("\tat x\n", 800) + adminLine))
	format := formats()[0]
	f.Fuzz(func(t *testing.T, content []byte) { check(t, adminLog, &format, content) })
}

// FuzzRead reads any bytes as whatever they look like: it must return, and
// must cover.
func FuzzRead(f *testing.F) {
	f.Add(adminLog, []byte(adminLine))
	f.Add(adminLog+".gz", []byte(gzipOf(adminLine)))
	f.Add("logs.zip", []byte(zipOf(f, member{adminLog, adminLine}, member{"../x", "y"})))
	f.Add("a.zst", []byte(zstdOf(f, adminLine)))
	f.Add("u_ex260117.log", []byte("\xff\xfe#\x00F\x00i\x00e\x00l\x00d\x00s\x00:\x00 \x00a\x00"))
	all := formats()
	f.Fuzz(func(t *testing.T, name string, stored []byte) {
		in := text(name, string(stored))
		in.Formats = all
		s := &sink{}
		if err := Read(context.Background(), in, s); err != nil {
			t.Fatal(err)
		}
		if len(s.rows) == 0 {
			t.Fatal("nothing covered")
		}
		if s.closed != len(s.lanes) {
			t.Fatalf("%d lanes opened, %d closed", len(s.lanes), s.closed)
		}
	})
}

// FuzzFrom: whatever is said of how far a log was read, it is read on from there
// or refused.
func FuzzFrom(f *testing.F) {
	content := w3cLog(50)
	in := text("u_ex260117.log", content)
	in.Formats, in.Block, in.section = formats(), 1000, 2000
	in.Keep = func(state []byte, _ bool) evidence.Sink {
		f.Add(state)
		return &sink{}
	}
	if err := Read(context.Background(), in, &sink{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		in := text("u_ex260117.log", content)
		in.Formats = formats()
		if _, err := Check(context.Background(), in.File, state); err != nil && !errors.Is(err, errPoint) {
			t.Fatal(err)
		}
		in.From = state
		if err := Read(context.Background(), in, &sink{}); err != nil && !errors.Is(err, errPoint) {
			t.Fatal(err)
		}
	})
}
