package timeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/report"
	"postern/verdict"
)

// Format is how a timeline is written.
type Format string

// The formats; Timesketch tells them by the ending of the file.
const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
)

// FormatOf tells the format from the ending of a file's name.
func FormatOf(path string) (Format, error) {
	switch ending := strings.ToLower(filepath.Ext(path)); ending {
	case ".csv":
		return CSV, nil
	case ".jsonl":
		return JSONL, nil
	}
	return "", fmt.Errorf("timeline: %q ends in neither .csv nor .jsonl, by which Timesketch tells the format", path)
}

// row is one entry as it is written; the names are the columns.
type row struct {
	Message    string   `json:"message"`
	Datetime   string   `json:"datetime"`
	Timestamp  int64    `json:"timestamp"` // microseconds since 1970
	Desc       string   `json:"timestamp_desc"`
	Host       string   `json:"host"`
	Severity   string   `json:"severity"`
	Class      string   `json:"class"`
	Confidence string   `json:"confidence"`
	Title      string   `json:"title"`
	Label      string   `json:"label"`
	Path       string   `json:"source_path"`
	Position   string   `json:"position"` // "line 12"
	Attack     []string `json:"attack"`
	Vulns      []string `json:"vulnerabilities"`
	Rule       string   `json:"rule"`
	Target     string   `json:"target"`
	Tags       []string `json:"tag"`
}

var head = []string{"message", "datetime", "timestamp", "timestamp_desc", "host", "severity", "class", "confidence", "title", "label",
	"source_path", "position", "attack", "vulnerabilities", "rule", "target", "tag"}

func (r *row) cells() []string {
	return []string{r.Message, r.Datetime, fmt.Sprint(r.Timestamp), r.Desc, r.Host, r.Severity, r.Class, r.Confidence, r.Title, r.Label,
		r.Path, r.Position, strings.Join(r.Attack, " "), strings.Join(r.Vulns, " "), r.Rule, r.Target, strings.Join(r.Tags, ",")}
}

// Write writes all rows, the earliest first, those without a time before them. It
// is called once, after every examination has ended, and returns the first error
// that adding or writing met: then rows are missing.
func (t *Timeline) Write(w io.Writer, format Format) error {
	if t.err != nil {
		return t.err
	}
	next, err := t.sorter.sorted()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16) // keeps its first error until Flush
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if format == CSV {
		writeCells(out, head)
	}
	var last *entry
	for {
		e, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if t.meanings[e.of].of.Class == "" || last != nil && t.compare(last, e) == 0 {
			continue // it came to nothing, or was told before
		}
		last = e
		r := t.row(e)
		if format == CSV {
			writeCells(out, r.cells())
		} else if err := enc.Encode(&r); err != nil {
			return fmt.Errorf("timeline: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	return nil
}

func writeCells(out *bufio.Writer, cells []string) {
	for i, c := range cells {
		if i > 0 {
			out.WriteByte(',') //nolint:errcheck // kept until Flush
		}
		out.WriteString(report.Cell(c)) //nolint:errcheck // kept until Flush
	}
	out.WriteString("\r\n") //nolint:errcheck // kept until Flush
}

// stamp has the same width for every time: pandas, by which Timesketch reads
// CSV, takes one form in a file and drops the others.
const stamp = "2006-01-02T15:04:05.000000-07:00"

func (t *Timeline) row(e *entry) row {
	m, from := &t.meanings[e.of], &t.from[e.from]
	if m.row == nil {
		m.row = newRow(m.of)
	}
	r := *m.row
	r.Timestamp, r.Desc, r.Host, r.Target, r.Path = e.at, e.desc, from.host, from.target, e.path
	if e.at == noTime {
		r.Timestamp, r.Tags = 0, append(slices.Clone(r.Tags), "no-time")
	}
	r.Datetime = time.UnixMicro(r.Timestamp).UTC().Format(stamp)
	if e.unit != "" {
		r.Position = string(e.unit) + " " + strconv.FormatInt(e.place, 10)
	}
	r.Message = r.Title
	if e.text != "" {
		r.Message += ": " + e.text
	} else if e.path != "" {
		r.Message += ": " + e.path
	}
	return r
}

// newRow is what all rows of one meaning have in common.
func newRow(f *verdict.Finding) *row {
	return &row{
		Severity: string(f.Severity), Class: string(f.Class), Confidence: string(f.Confidence), Rule: report.Escape(f.Rule),
		Title: report.Escape(f.Title), Label: report.Clean(f.Label), Attack: escaped(f.Attack), Vulns: escaped(f.Vulns), Tags: tags(f),
	}
}

func escaped(all []string) []string {
	out := make([]string, 0, len(all))
	for _, text := range all {
		out = append(out, report.Escape(text))
	}
	return out
}

// tags are what Timesketch filters by.
func tags(f *verdict.Finding) []string {
	all := []string{string(f.Class)}
	if f.Severity != "" {
		all = append(all, string(f.Severity))
	}
	return append(all, escaped(f.Attack)...)
}
