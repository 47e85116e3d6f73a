package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A shape is an input whose memory is measured: a file or a folder below dir.
type shape struct {
	name  string
	write func(dir string, size int64) error
}

// shapes is every input of the section memory but Windows event logs, which need
// the corpora.
func shapes(seed uint64) []shape {
	return []shape{
		{"SmarterMail delivery log", func(dir string, size int64) error {
			return rows(filepath.Join(dir, "2026.01.17-delivery.log"), size, deliveryRow(newIIS(seed)))
		}},
		{"access log, combined", func(dir string, size int64) error {
			return rows(filepath.Join(dir, "access.log"), size, combinedRow(newIIS(seed)))
		}},
		{"access log, JSON lines", func(dir string, size int64) error {
			return rows(filepath.Join(dir, "access.json.log"), size, jsonRow(newIIS(seed)))
		}},
		{"one line", oneLine},
		{"gzip of equal lines", packed},
		{"100,000 files", manyFiles},
	}
}

// create writes a file through fn.
func create(name string, fn func(w *bufio.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 256<<10)
	if err := fn(w); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// rows writes a log of about size bytes whose lines row appends, spread over one day.
func rows(name string, size int64, row func(b []byte, at time.Time) []byte) error {
	return create(name, func(w *bufio.Writer) error {
		var b []byte
		for written := int64(0); written < size; written += int64(len(b)) {
			b = row(b[:0], day.Add(time.Duration(float64(written)/float64(size)*float64(24*time.Hour))))
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

func deliveryRow(g *iis) func(b []byte, at time.Time) []byte {
	return func(b []byte, at time.Time) []byte {
		b = at.AppendFormat(b, "15:04:05.000 [")
		b = strconv.AppendInt(b, 10_000_000+g.rand.Int64N(80_000_000), 10)
		b = append(b, "] "...)
		switch g.rand.IntN(5) {
		case 0:
			b = append(b, "Starting local delivery to "...)
			b = append(b, g.users[g.zipf(len(g.users))]...)
		case 1:
			b = append(b, "Delivery for "...)
			b = append(b, g.users[g.zipf(len(g.users))]...)
			b = append(b, " to "...)
			b = append(b, g.users[g.zipf(len(g.users))]...)
			b = append(b, " has completed (Delivered)"...)
		case 2:
			b = append(b, "[LocalDeliveryQueue] Begin Processing."...)
		case 3:
			b = append(b, "Process spam check results: _SPF: Pass, _DKIM: Pass, _BAYESIAN: "...)
			b = strconv.AppendInt(b, g.rand.Int64N(30), 10)
		default:
			b = append(b, "Sending remote mail to: "...)
			b = append(b, g.users[g.zipf(len(g.users))]...)
			b = append(b, ", host "...)
			b = append(b, g.peers[g.zipf(len(g.peers))]...)
		}
		return append(b, "\r\n"...)
	}
}

func combinedRow(g *iis) func(b []byte, at time.Time) []byte {
	return func(b []byte, at time.Time) []byte {
		b = append(b, g.peers[g.zipf(len(g.peers))]...)
		b = at.AppendFormat(b, " - - [02/Jan/2006:15:04:05 -0700] \"GET ")
		b = append(append(b, g.paths[g.zipf(len(g.paths))]...), '?')
		b = append(g.query(b), " HTTP/1.1\" 200 "...)
		b = strconv.AppendInt(b, g.rand.Int64N(90_000), 10)
		b = append(append(b, " \""...), g.referer[g.zipf(len(g.referer))]...)
		return append(b, "\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\"\n"...)
	}
}

func jsonRow(g *iis) func(b []byte, at time.Time) []byte {
	return func(b []byte, at time.Time) []byte {
		b = at.AppendFormat(b, `{"time_iso8601":"2006-01-02T15:04:05-07:00","remote_addr":"`)
		b = append(b, g.peers[g.zipf(len(g.peers))]...)
		b = append(b, `","remote_user":"","request_method":"GET","request_uri":"`...)
		b = append(append(b, g.paths[g.zipf(len(g.paths))]...), '?')
		b = append(g.query(b), `","status":"200","body_bytes_sent":"`...)
		b = strconv.AppendInt(b, g.rand.Int64N(90_000), 10)
		b = append(append(b, `","http_referer":"`...), g.referer[g.zipf(len(g.referer))]...)
		return append(b, "\",\"http_user_agent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0\"}\n"...)
	}
}

const webLog = "u_ex260117.log"

// oneLine is a web log whose first row does not end.
func oneLine(dir string, size int64) error {
	return create(filepath.Join(dir, webLog), func(w *bufio.Writer) error {
		if _, _, err := newIIS(1).write(w, 1000); err != nil {
			return err
		}
		_, err := io.CopyN(w, &repeated{text: "2026-01-17 12:00:00 192.0.2.10 GET /a "}, size)
		return err
	})
}

// packed is a web log that unpacks to about size bytes, some hundred times what
// it takes.
func packed(dir string, size int64) error {
	return create(filepath.Join(dir, webLog+".gz"), func(w *bufio.Writer) error {
		z := gzip.NewWriter(w)
		plain := bufio.NewWriter(z)
		if _, _, err := newIIS(1).write(plain, 1000); err != nil {
			return err
		}
		line := "2026-01-17 12:00:00 192.0.2.10 GET /interface/root v=1 443 - 240.1.2.3 Mozilla/5.0 - 200 0 0 12\r\n"
		if _, err := io.CopyN(z, &repeated{text: line}, size/int64(len(line))*int64(len(line))); err != nil {
			return err
		}
		return z.Close()
	})
}

// manyFiles is a folder of folders of small web logs, 100,000 a GiB.
func manyFiles(dir string, size int64) error {
	g := newIIS(1)
	for n := range int(size * 100_000 >> 30) {
		folder := filepath.Join(dir, fmt.Sprintf("W3SVC%d", n/365))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		name := filepath.Join(folder, day.AddDate(0, 0, -n%365).Format("u_ex060102.log"))
		if err := create(name, func(w *bufio.Writer) error { _, _, err := g.write(w, 10<<10); return err }); err != nil {
			return err
		}
	}
	return nil
}

// repeated is a text over and over.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.text[r.at:])
		n, r.at = n+c, (r.at+c)%len(r.text)
	}
	return n, nil
}
