package eventlog

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// nowhere takes events and forgets them.
type nowhere struct{ n int }

func (s *nowhere) Lane(evidence.Ref) evidence.Lane                      { return s }
func (s *nowhere) Cover(evidence.Coverage)                              {}
func (s *nowhere) Observe(context.Context, *evidence.Observation) error { return nil }
func (s *nowhere) Events(b *evidence.EventBatch) error                  { s.n += len(b.Events); return nil }
func (s *nowhere) Close() error                                         { return nil }

func w3cLog(rows int) string {
	var b strings.Builder
	b.WriteString("#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-01-17 00:00:00\r\n" +
		"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n")
	paths := []string{"/interface/root", "/api/v1/mail/messages", "/Content/app.css", "/api/v1/settings/user", "/interface/app/views/mail.html"}
	for i := range rows {
		fmt.Fprintf(&b, "2026-01-17 %02d:%02d:%02d 192.0.2.10 GET %s v=100.0.9511.%d 443 - 198.51.100.%d Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/131.0.0.0+Safari/537.36 https://mail.example.org/interface/root 200 0 0 %d\r\n",
			i/3600%24, i/60%60, i%60, paths[i%len(paths)], i%7, i%250, i%900)
	}
	return b.String()
}

func mailLog(lines int) string {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "%02d:%02d:%02d.%03d [198.51.100.%d] Webmail Login successful: With user someone%d@example.org\r\n", i/3600%24, i/60%60, i%60, i%1000, i%250, i%40)
	}
	return b.String()
}

func benchmark(b *testing.B, name, log string) {
	in := text(name, log)
	in.Formats, in.Zone = formats(), time.FixedZone("CET", 3600)
	out := &nowhere{}
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Read(context.Background(), in, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.n)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkW3C(b *testing.B) { benchmark(b, "u_ex260117.log", w3cLog(200_000)) }
func BenchmarkLines(b *testing.B) {
	benchmark(b, "2026.01.17-administrative.log", mailLog(300_000))
}
