package eventlog

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/evidence"
)

// memory is a File in memory. Reads at or past bad fail.
type memory struct {
	data []byte
	size int64
	bad  int64
	err  error

	later []byte // what it holds once its head was read
}

func file(text string) *memory { return &memory{data: []byte(text), size: int64(len(text))} }

func (m *memory) Size() int64  { return m.size }
func (m *memory) Close() error { return nil }
func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	if m.err != nil && off+int64(len(p)) > m.bad {
		n := copy(p, m.data[min(off, m.bad):m.bad])
		return n, m.err
	}
	n, err := bytes.NewReader(m.data).ReadAt(p, off)
	if m.later != nil && off > 0 {
		m.data = m.later
	}
	return n, err
}

// kept is an event that outlives its batch.
type kept struct {
	evidence.Event
	fields map[string]string // "\x00" for nil
}

// sink keeps everything. It is safe for concurrent use.
type sink struct {
	mu     sync.Mutex
	events []kept
	rows   []evidence.Coverage
	lanes  []evidence.Ref
	closed int
	most   int
	fail   error
	seen   func() // called for each batch; nil: nothing
}

func (s *sink) Lane(r evidence.Ref) evidence.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes = append(s.lanes, r)
	return s
}
func (s *sink) Cover(c evidence.Coverage) { s.rows = append(s.rows, c) }
func (s *sink) Observe(context.Context, *evidence.Observation) error {
	return nil
}
func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}
func (s *sink) Events(b *evidence.EventBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, len(b.Events))
	if s.seen != nil {
		s.seen()
	}
	for _, e := range b.Events {
		k := kept{e, map[string]string{}}
		for i, name := range e.Fields {
			k.fields[name] = "\x00"
			if e.Values[i] != nil {
				k.fields[name] = string(e.Values[i])
			}
		}
		k.Raw, k.Peer = bytes.Clone(e.Raw), bytes.Clone(e.Peer)
		s.events = append(s.events, k)
	}
	return s.fail
}

func (s *sink) read() evidence.Coverage {
	for _, r := range s.rows {
		if r.Missed == nil {
			return r
		}
	}
	return evidence.Coverage{}
}

// missed gives the reasons of all gaps, "damaged,time zone".
func (s *sink) missed() string {
	var reasons []string
	for _, r := range s.rows {
		if r.Missed != nil {
			reasons = append(reasons, string(r.Missed.Reason))
		}
	}
	return strings.Join(reasons, ",")
}

func (s *sink) details() string {
	var all []string
	for _, r := range s.rows {
		if r.Missed != nil {
			all = append(all, r.Missed.Detail)
		}
	}
	return strings.Join(all, "|")
}

// read reads one log with the test formats.
func read(t testing.TB, in Input) *sink {
	t.Helper()
	s := &sink{}
	if in.Formats == nil {
		in.Formats = formats()
	}
	if err := Read(context.Background(), in, s); err != nil {
		t.Fatal(err)
	}
	if s.closed != len(s.lanes) {
		t.Fatalf("%d lanes opened, %d closed", len(s.lanes), s.closed)
	}
	return s
}

func text(name, content string) Input {
	return Input{Name: evidence.Name(name), File: file(content), Zone: time.UTC, Collector: "logs", Folder: "Logs"}
}

const clock = `\d{2}:\d{2}:\d{2}(?:\.\d{3})?`

// formats are what the SmarterMail pack states, in its words.
func formats() []evidence.LogFormat {
	schema := func(id string, roles map[evidence.Role]string, names ...string) *evidence.Schema {
		s := evidence.NewSchema(id, names...)
		for r, n := range roles {
			s.Roles[r] = int8(s.Index(n))
		}
		return s
	}
	message := map[evidence.Role]string{evidence.RoleMessage: "message"}
	client := map[evidence.Role]string{evidence.RoleMessage: "message", evidence.RoleAddress: "c-ip"}
	f := func(before, name string, kind evidence.FieldType) evidence.FormField {
		return evidence.FormField{Before: before, Name: name, Type: kind}
	}
	at, ip, rest := f("", "time", evidence.ClockTime), f(" [", "c-ip", evidence.IPAddress), f("] ", "message", evidence.AnyText)
	const admin, smtp, other = "smartermail.administrative", "smartermail.smtp", "smartermail.other"
	plain := func(id string) evidence.LineForm {
		return evidence.LineForm{Fields: []evidence.FormField{at, f(" ", "message", evidence.AnyText)}, Schema: schema(id, message, "message")}
	}
	mail := func(id, kinds string, forms ...evidence.LineForm) evidence.LogFormat {
		return evidence.LogFormat{
			ID: id, Family: "SmarterMail " + strings.TrimPrefix(id, "smartermail."), Layout: "lines",
			Names:   []*regexp.Regexp{regexp.MustCompile(`^(?P<date>\d{4}\.\d{2}\.\d{2})-(?:` + kinds + `)\.log(?:\.zip)?$`)},
			DateFmt: "2006.01.02", Zone: evidence.ZoneHost, Sniff: regexp.MustCompile(`^(?:\[\d{4}\.\d\d\.\d\d\] )?` + clock + ` `),
			Forms: forms, Cont: regexp.MustCompile(`^\s`), Daily: true, Source: evidence.LogSource{Product: "smartermail"},
		}
	}
	return []evidence.LogFormat{
		mail(admin, "administrative",
			evidence.LineForm{Fields: []evidence.FormField{at, ip, rest}, Schema: schema(admin, client, "c-ip", "message")},
			evidence.LineForm{Fields: []evidence.FormField{at, f(" [", "component", evidence.AnyText), f("] [", "c-ip", evidence.IPAddress), rest}, Schema: schema(admin, client, "component", "c-ip", "message")},
			evidence.LineForm{Fields: []evidence.FormField{f("[", "c-ip", evidence.IPAddress), rest, f(" ", "time", evidence.ClockTime)}, Schema: schema(admin, client, "c-ip", "message")},
			plain(admin)),
		mail(smtp, "smtplog|imaplog|poplog",
			evidence.LineForm{Fields: []evidence.FormField{at, ip, f("][", "session", evidence.AnyText), rest}, Schema: schema(smtp, client, "c-ip", "session", "message")},
			plain(smtp)),
		mail(other, "[a-z]+", plain(other)),
		{
			ID: "iis.w3c", Family: "web access", Layout: "w3c", Zone: evidence.ZoneUTC, Daily: true, DateFmt: "060102",
			Names: []*regexp.Regexp{regexp.MustCompile(`^u_ex(?P<date>\d{6})(?:_x)?\.log$`)},
			Sniff: regexp.MustCompile(`(?m)^#(?:Software: Microsoft Internet|Fields: )`), Source: evidence.LogSource{Product: "iis", Category: "webserver"},
		},
	}
}

// fromFile reads a corpus file, or skips.
func fromFile(t *testing.T, path string) Input {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../shared/corpora", path))
	if err != nil {
		t.Skip("corpora are not here: ", err)
	}
	return text(filepath.Base(path), string(data))
}

func TestCorporaReadWhole(t *testing.T) {
	f := func(path, format string, events int) {
		t.Run(path, func(t *testing.T) {
			s := read(t, fromFile(t, path))
			if len(s.events) != events || s.missed() != "" {
				t.Errorf("%d events, want %d; missed %q: %s", len(s.events), events, s.missed(), s.details())
			}
			row := s.read()
			if row.Format != format || row.Count != int64(events) || row.SHA256 == "" || row.From.IsZero() || len(row.Days) == 0 {
				t.Errorf("row %+v", row)
			}
		})
	}
	f("iis/iis6.log", "iis.w3c", 12)
	f("iis/iis7_owa.log", "iis.w3c", 3)
	f("iis/iis7_sqli.log", "iis.w3c", 2)
	f("iis/iis10.log", "iis.w3c", 1)
	f("iis/iis10_cookies.log", "iis.w3c", 3)
	f("smartermail/Logs/2020.04.29-delivery.log", "smartermail.other", 10)
	f("smartermail/Logs/2020.04.29-smtpLog.log", "smartermail.smtp", 4)
	f("smartermail/Logs/2020.04.29-xmppLog.log", "smartermail.other", 6)
	f("smartermail/Logs/2020.05.12-administrative.log", "smartermail.administrative", 7)
	f("smartermail/Logs/2020.05.12-delivery.log", "smartermail.other", 12)
	f("smartermail/Logs/2020.08.12-delivery.log", "smartermail.other", 3)
	f("smartermail/Logs/2020.08.12-imapLog.log", "smartermail.smtp", 1)
	f("smartermail/Logs/2020.08.12-smtpLog.log", "smartermail.smtp", 2)
	f("smartermail/Logs/2020.08.12-xmppLog.log", "smartermail.other", 2)
	f("smartermail/Logs/2022.01.17-delivery.log", "smartermail.other", 2)
}

var _ io.ReaderAt = (*memory)(nil)
