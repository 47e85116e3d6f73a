package csaf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const corpus = "../../shared/corpora/csaf"

// TestMandatoryTests runs the standard's own cases: a failing one must fail
// with its test, a valid one must pass it.
func TestMandatoryTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(corpus, "testcases.json"))
	if err != nil {
		t.Skip("no corpus of CSAF test cases: ", err)
	}
	type file struct{ Name string }
	var cases struct {
		Tests []struct {
			ID       string
			Failures []file
			Valid    []file
		}
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	run := 0
	there := func(f file) bool { // the corpus has the files of 6.1.1 to 6.1.22
		_, err := os.Stat(filepath.Join(corpus, f.Name))
		return err == nil
	}
	for _, c := range cases.Tests {
		for _, f := range c.Failures {
			if !there(f) {
				continue
			}
			if got := failed(t, f.Name); !slices.ContainsFunc(got, func(id string) bool { return id == c.ID || strings.HasPrefix(id, c.ID+".") }) {
				t.Errorf("%s must fail %s; failed %v", f.Name, c.ID, got)
			}
			run++
		}
		for _, f := range c.Valid {
			if !there(f) {
				continue
			}
			if got := failed(t, f.Name); len(got) > 0 {
				t.Errorf("%s must pass; failed %v", f.Name, got)
			}
			run++
		}
	}
	if run < 91 {
		t.Errorf("only %d cases ran", run)
	}
}

func failed(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var ids []string
	for _, p := range Check(d) {
		ids = append(ids, p.Test)
	}
	return ids
}

// TestExamplesPass: the standard's examples are valid documents.
func TestExamplesPass(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus, "examples/csaf/*.json"))
	more, _ := filepath.Glob(filepath.Join(corpus, "examples/csaf/csaf_vex/*.json"))
	files = append(files, more...)
	if len(files) == 0 {
		t.Skip("no corpus of CSAF examples")
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range Check(d) {
			t.Errorf("%s: %v", filepath.Base(name), p)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"":                                  ErrMalformed,
		"{":                                 ErrMalformed,
		"[]":                                ErrMalformed,
		`{"document":{"title":3}}`:          ErrMalformed,
		`{"vulnerabilities":{}}`:            ErrMalformed,
		`{} {}`:                             ErrMalformed,
		`{"x":[{"y":1,"z":2,"y":3}]}`:       ErrMalformed,
		`{"vulnerabilities":[{"cve":null}]`: ErrMalformed,
		strings.Repeat(" ", MaxSize+1):      ErrTooLarge,
		`{"product_tree":{"branches":` + strings.Repeat(`[{"branches":`, 65) + `[]` + strings.Repeat(`}]`, 65) + `}}`: ErrMalformed,
	} {
		if _, err := Parse(strings.NewReader(in)); !errors.Is(err, want) {
			t.Errorf("Parse(%.40q): %v, want %v", in, err, want)
		}
	}
	if _, err := Parse(strings.NewReader(`{"document":{"unknown":[1]},"x_more":{}}`)); err != nil {
		t.Errorf("an unknown field: %v", err)
	}
}

// minimal makes a document that passes, with one part replaced.
func minimal(category, rest string) string {
	return fmt.Sprintf(`{"document":{"category":%q,"csaf_version":"2.0","lang":"en","title":"t","publisher":{"category":"other","name":"n","namespace":"https://example.org"},
"notes":[{"category":"summary","text":"t"}],"references":[{"category":"external","summary":"s","url":"https://example.org"}],
"tracking":{"id":"A","status":"final","version":"1","initial_release_date":"2026-01-01T00:00:00Z","current_release_date":"2026-01-01T00:00:00Z",
"revision_history":[{"date":"2026-01-01T00:00:00Z","number":"1","summary":"s"}]}},
"product_tree":{"full_product_names":[{"name":"p","product_id":"P"},{"name":"q","product_id":"Q"}],"product_groups":[{"group_id":"G","product_ids":["P","Q"]}]}%s}`, category, rest)
}

// TestBeyondTheCorpus covers 6.1.23 to 6.1.33, for which the corpus has no cases.
func TestBeyondTheCorpus(t *testing.T) {
	vul := func(s string) string { return `,"vulnerabilities":[` + s + `]` }
	notes := `"notes":[{"category":"summary","text":"t"}]`
	for _, c := range []struct{ want, in string }{
		{"", minimal("csaf_base", "")},
		{"", minimal("csaf_security_advisory", vul(`{`+notes+`,"product_status":{"known_affected":["P"]}}`))},
		{"", minimal("csaf_vex", vul(`{"cve":"CVE-2026-0001",`+notes+`,"product_status":{"known_affected":["P"],"known_not_affected":["Q"]},"remediations":[{"category":"vendor_fix","details":"d","product_ids":["P"]}],"threats":[{"category":"impact","details":"d","group_ids":["G"]}]}`))},
		{"6.1.23", minimal("csaf_base", vul(`{"cve":"CVE-2026-0001"},{"cve":"CVE-2026-0001"}`))},
		{"6.1.24", minimal("csaf_base", vul(`{"involvements":[{"party":"vendor","date":"2026-01-01T00:00:00Z"},{"party":"vendor","date":"2026-01-01T00:00:00Z"}]}`))},
		{"6.1.25", `{"document":{"category":"csaf_base"},"product_tree":{"full_product_names":[{"product_id":"P","product_identification_helper":{"hashes":[{"filename":"f","file_hashes":[{"algorithm":"sha256","value":"1"},{"algorithm":"sha256","value":"2"}]}]}}]}}`},
		{"6.1.26", minimal("Security_Advisory", "")},
		{"6.1.26", minimal("V E X", "")},
		{"6.1.26", minimal("csaf_other", "")},
		{"6.1.27.1", strings.Replace(minimal("csaf_informational_advisory", ""), `"summary","text"`, `"faq","text"`, 1)},
		{"6.1.27.2", strings.Replace(minimal("csaf_security_incident_response", ""), `"external"`, `"self"`, 1)},
		{"6.1.27.3", minimal("csaf_informational_advisory", vul(`{}`))},
		{"6.1.27.4", `{"document":{"category":"csaf_vex"}}`},
		{"6.1.27.5", minimal("csaf_security_advisory", vul(`{"product_status":{}}`))},
		{"6.1.27.6", minimal("csaf_security_advisory", vul(`{`+notes+`}`))},
		{"6.1.27.7", minimal("csaf_vex", vul(`{"cve":"CVE-2026-0001",`+notes+`,"product_status":{"first_fixed":["P"]}}`))},
		{"6.1.27.8", minimal("csaf_vex", vul(`{`+notes+`,"product_status":{"fixed":["P"]}}`))},
		{"6.1.27.9", minimal("csaf_vex", vul(`{"cve":"CVE-2026-0001",`+notes+`,"product_status":{"known_not_affected":["P"]}}`))},
		{"6.1.27.10", minimal("csaf_vex", vul(`{"cve":"CVE-2026-0001",`+notes+`,"product_status":{"known_affected":["P"]}}`))},
		{"6.1.27.11", minimal("csaf_security_advisory", "")},
		{"6.1.28", strings.Replace(minimal("csaf_base", ""), `"lang":"en"`, `"lang":"en","source_lang":"EN"`, 1)},
		{"6.1.29", minimal("csaf_base", vul(`{"remediations":[{"category":"vendor_fix","details":"d"}]}`))},
		{"6.1.30", strings.Replace(minimal("csaf_base", ""), `"version":"1"`, `"version":"1.0.0"`, 1)},
		{"6.1.31", `{"document":{"category":"csaf_base"},"product_tree":{"branches":[{"category":"product_version","name":"prior to 4.2","product":{"product_id":"P"}}]}}`},
		{"6.1.32", minimal("csaf_base", vul(`{"flags":[{"label":"component_not_present"}]}`))},
		{"6.1.33", minimal("csaf_base", vul(`{"flags":[{"label":"component_not_present","product_ids":["P"]},{"label":"vulnerable_code_not_present","group_ids":["G"]}]}`))},
	} {
		d, err := Parse(strings.NewReader(c.in))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range Check(d) {
			got = append(got, p.Test)
		}
		if c.want == "" && len(got) > 0 || c.want != "" && !slices.Contains(got, c.want) {
			t.Errorf("want %q, got %v in %.120s", c.want, got, c.in)
		}
	}
}

// TestScores holds the equations against scores from the specifications' own
// examples and from public records.
func TestScores(t *testing.T) {
	for _, c := range []struct {
		version, vector               string
		base, temporal, environmental float64
	}{
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10, 10, 10},
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, 9.8, 9.8},
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:L/A:N", 7.2, 7.2, 7.2},
		{"3.1", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N", 5.9, 5.9, 5.9},
		{"3.0", "CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, 6.4, 6.4},
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0, 0, 0},
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C", 9.8, 8.8, 8.8},
		{"3.1", "CVSS:3.1/AV:L/AC:L/PR:H/UI:R/S:U/C:H/I:H/A:H/MAV:N", 6.5, 6.5, 6.8},
		{"2.0", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, 7.8, 7.8},
		{"2.0", "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", 7.8, 6.4, 6.4},
		{"2.0", "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", 7.8, 6.4, 9.2},
		{"2.0", "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10, 10, 10},
	} {
		v, err := parseVector(c.version, c.vector)
		if err != nil {
			t.Error(err)
			continue
		}
		if b, tm, e := v.scores(); b != c.base || tm != c.temporal || e != c.environmental {
			t.Errorf("%s: %v %v %v, want %v %v %v", c.vector, b, tm, e, c.base, c.temporal, c.environmental)
		}
	}
	for _, bad := range []string{"", "CVSS:3.1/", "CVSS:3.1/AV:N", "AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/A:H", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"} {
		if _, err := parseVector("3.1", bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzParseCheck(f *testing.F) {
	f.Add([]byte(minimal("csaf_vex", `,"vulnerabilities":[{"cve":"CVE-2026-0001","scores":[{"products":["P"],"cvss_v3":{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H","baseScore":10,"baseSeverity":"CRITICAL"}}]}]`)))
	f.Add([]byte(`{"product_tree":{"relationships":[{"product_reference":"A","relates_to_product_reference":"A","full_product_name":{"product_id":"A"}}]}}`))
	names, _ := filepath.Glob(filepath.Join(corpus, "mandatory/*.json"))
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, p := range Check(d) {
			if p.Test == "" || p.What == "" {
				t.Fatalf("a problem without a name: %+v", p)
			}
		}
	})
}
