package page

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"postern/report"
)

// tables are what CSV can write. The first column of each is the host.
var tables = []struct {
	name string
	head []string
	rows func(t *report.Target, row func(...string))
}{
	{"findings", []string{"severity", "class", "confidence", "question", "part", "title", "first", "last", "count", "open", "label",
		"reference", "step", "time", "path", "at", "sha256", "text", "next", "attack", "vulnerabilities", "sources", "rule", "id", "target"}, findingRows},
	{"vulnerabilities", []string{"cve", "title", "status", "kev", "ransomware", "score", "fixed_build", "exposed_from", "exposed_to", "open", "why",
		"fix_date", "published", "kev_added", "kev_due", "product", "path", "build", "role", "target"}, vulnerabilityRows},
	{"coverage", []string{"missed", "kind", "path", "bears_on", "count", "bytes", "from", "to", "sha256", "family", "target"}, coverageRows},
}

// Tables names the tables that CSV can write.
func Tables() []string {
	names := make([]string, 0, len(tables))
	for _, t := range tables {
		names = append(names, t.name)
	}
	return names
}

// CSV writes one table (RFC 4180, a header, every cell quoted, no line breaks
// in a cell): findings has a row for every reference, so that a filter on
// reference 1 leaves one for each finding.
func CSV(w io.Writer, r *report.Report, table string) error {
	out := bufio.NewWriter(w) // keeps its first error until Flush
	for _, t := range tables {
		if t.name != table {
			continue
		}
		writeRow(out, append([]string{"host"}, t.head...))
		r = visible(r)
		for i := range r.Hosts {
			h := &r.Hosts[i]
			for _, k := range h.Targets {
				t.rows(&r.Targets[k], func(cells ...string) {
					writeRow(out, append([]string{h.Host}, cells...))
				})
			}
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("page: csv: %w", err)
		}
		return nil
	}
	return fmt.Errorf("page: csv: no table %q; the tables are %s", table, strings.Join(Tables(), ", "))
}

func writeRow(out *bufio.Writer, cells []string) {
	for i, c := range cells {
		if i > 0 {
			c = "," + report.Cell(c)
		} else {
			c = report.Cell(c)
		}
		out.WriteString(c) //nolint:errcheck // kept until Flush
	}
	out.WriteString("\r\n") //nolint:errcheck // kept until Flush
}

func findingRows(t *report.Target, row func(...string)) {
	for i := range t.Findings {
		f := &t.Findings[i]
		refs := f.Refs
		if len(refs) == 0 {
			refs = make([]report.Ref, 1) // a finding without one is a row too
		}
		for n, ref := range refs {
			step := ""
			if f.Steps {
				step = strconv.Itoa(n + 1)
			}
			row(string(f.Severity), string(f.Class), string(f.Confidence), f.Question, f.Part, f.Title, stamp(f.First), stamp(f.Last),
				strconv.FormatInt(f.Count, 10), yesNo(f.Open), f.Label,
				strconv.Itoa(n+1), step, stamp(ref.Time), ref.Path, unit(&ref), ref.SHA256, ref.Text, f.Next,
				strings.Join(f.Attack, " "), strings.Join(f.Vulns, " "), strings.Join(f.References, " "), f.Rule, f.ID, t.Target)
		}
	}
}

func vulnerabilityRows(t *report.Target, row func(...string)) {
	for i := range t.Installations {
		in := &t.Installations[i]
		for _, v := range in.Vulnerabilities {
			from, to, open, why := "", "", "", v.WindowWhy
			if v.Window != nil {
				from, to, open, why = stamp(v.Window.From), stamp(v.Window.To), yesNo(v.Window.Open), v.Window.Why
			}
			score := ""
			if v.Score != nil {
				score = strconv.FormatFloat(*v.Score, 'f', 1, 64)
			}
			row(v.ID, v.Title, string(v.Status), yesNo(v.KEV), yesNo(v.Ransomware), score, integer(v.FixedBuild), from, to, open, why,
				stamp(v.FixDate), stamp(v.Published), stamp(v.KEVAdded), stamp(v.KEVDue), in.Product, in.Path, integer(in.Build), string(in.Role), t.Target)
		}
	}
}

func coverageRows(t *report.Target, row func(...string)) {
	for _, c := range t.Coverage {
		missed := ""
		if c.Missed != nil {
			missed = *c.Missed
		}
		row(missed, string(c.Kind), c.Path, strings.Join(c.Parts, " "), strconv.FormatInt(c.Count, 10), strconv.FormatInt(c.Bytes, 10),
			stamp(c.From), stamp(c.To), c.SHA256, c.Family, t.Target)
	}
}

// unit is where in its file a reference stands.
func unit(r *report.Ref) string {
	switch {
	case r.Line != nil:
		return fmt.Sprintf("line %d", *r.Line)
	case r.Record != nil:
		return fmt.Sprintf("record %d", *r.Record)
	case r.Offset != nil:
		return fmt.Sprintf("offset %d", *r.Offset)
	}
	return ""
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func integer(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
