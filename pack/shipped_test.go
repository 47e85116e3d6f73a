package pack_test

import (
	"bytes"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"postern/pack"
	"postern/packs"
)

func shipped(t testing.TB) *pack.Pack {
	t.Helper()
	sub, err := fs.Sub(packs.Shipped(), "smartermail")
	if err != nil {
		t.Fatal(err)
	}
	p, err := pack.Load(sub)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryShippedPackLoads(t *testing.T) {
	for _, name := range packs.Names() {
		sub, err := fs.Sub(packs.Shipped(), name)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := pack.Load(sub); err != nil || p.ID != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecisionTable: which CVEs a build is affected by, newest first.
func TestDecisionTable(t *testing.T) {
	p := shipped(t)
	v2026 := []string{"CVE-2026-7807", "CVE-2026-26930", "CVE-2026-25067", "CVE-2026-40514"}
	hub := append([]string{"CVE-2026-23760", "CVE-2026-24423"}, v2026...)
	upload := append([]string{"CVE-2025-52691"}, hub...)
	v2023 := append([]string{"CVE-2023-48114", "CVE-2023-48115", "CVE-2023-48116"}, upload...)
	v2021 := append([]string{"CVE-2021-32233", "CVE-2021-32234", "CVE-2021-40377", "CVE-2021-43977", "CVE-2020-29548"}, upload...)
	v2019 := append([]string{"CVE-2019-7211", "CVE-2019-7212", "CVE-2019-7213", "CVE-2019-7214"}, v2021...)
	for build, want := range map[string][]string{
		"100.0.6919.30415": v2019, "16.3.6989.16341": v2019, "7957": upload, "8495": v2023, "8664": v2023, "8700": v2023, "8747": upload,
		"8930": upload, "9406": upload, "9413": hub, "9504 (Jan 8, 2026)": hub, "9511": v2026,
		"9518":                          {"CVE-2026-26930", "CVE-2026-7807", "CVE-2026-40514"},
		"9526":                          {"CVE-2026-7807", "CVE-2026-40514"},
		"9560":                          {"CVE-2026-40514"},
		"9610":                          nil,
		"100.0.9742.26305+420ad0abcdef": nil,
		"15.7":                          v2019,
	} {
		v, err := p.Scheme.Parse(build)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range p.Vulnerabilities {
			in, known := c.Affected[0].Holds(p.Scheme, v)
			if !known {
				t.Errorf("%s: nothing is known of %s", build, c.ID)
			}
			if in {
				got = append(got, c.ID)
			}
		}
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: affected by\n%v, want\n%v", build, got, want)
		}
	}
}

func TestKEVFacts(t *testing.T) {
	p := shipped(t)
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for i, want := range []struct {
		id, added, due, start, fix string
		fixed                      int
		score                      float64
	}{
		{"CVE-2026-24423", "2026-02-05", "2026-02-26", "2026-01-15", "2026-01-15", 9511, 9.8},
		{"CVE-2026-23760", "2026-01-26", "2026-02-16", "2026-01-08", "2026-01-15", 9511, 9.3},
		{"CVE-2025-52691", "2026-01-26", "2026-02-16", "2025-10-09", "2025-10-09", 9413, 10},
	} {
		v := p.Vulnerabilities[i]
		if v.ID != want.id || !v.KEVAdded.Equal(day(want.added)) || !v.KEVDue.Equal(day(want.due)) || !v.Ransomware ||
			!v.SafeStart.Equal(day(want.start)) || !v.FixDate.Equal(day(want.fix)) || v.Fixed.Build != want.fixed || v.Score != want.score {
			t.Errorf("%+v, want %+v", v, want)
		}
	}
	if v := p.Vulnerabilities[3]; !v.KEVAdded.IsZero() {
		t.Errorf("a fourth KEV entry: %s", v.ID)
	}
	if !p.RequiredFrom.Equal(day("2025-10-09")) {
		t.Errorf("the required window starts %s", p.RequiredFrom)
	}
	for _, v := range p.Vulnerabilities {
		if v.SafeStart.IsZero() || v.StartWhy == "" || v.Published.IsZero() || len(v.References) == 0 || v.Confidence == "" {
			t.Errorf("incomplete: %+v", v)
		}
		if built, ok := p.Scheme.Date(v.Fixed); ok && !v.FixDate.Equal(built) {
			t.Errorf("%s: fixed %s, and build %d is of %s", v.ID, v.FixDate, v.Fixed.Build, built)
		}
	}
}

// TestIndicatorsAreTied: every indicator can be followed to its source.
func TestIndicatorsAreTied(t *testing.T) {
	p := shipped(t)
	all := slices.Clone(p.Indicators)
	for i := range p.Sigma {
		if !p.Sigma[i].LabelOnly {
			all = append(all, p.Sigma[i].Indicator)
		}
	}
	for i := range p.Checks {
		all = append(all, p.Checks[i].Indicator)
	}
	if len(all) < 80 {
		t.Errorf("only %d rules and indicators", len(all))
	}
	for _, in := range all {
		if len(in.Sources) == 0 || in.Next == "" || in.Confidence == "" {
			t.Errorf("%s is not tied", in.ID)
		}
		if in.Kind == pack.OnPeer && (in.ValidFrom.IsZero() || in.ValidUntil.IsZero()) {
			t.Errorf("%s: a peer without validity", in.ID)
		}
	}
}

// TestOwnMachinesPaths: places see a copied tree as they see the machine.
func TestOwnMachinesPaths(t *testing.T) {
	p := shipped(t)
	for path, want := range map[string]string{
		"c:/program files (x86)/smartertools/smartermail/service/settings/settings.json":             "settings",
		"d:/backup/2026/program files (x86)/smartertools/smartermail/service/settings/settings.json": "settings",
		"/etc/smartermail/administrators.json":                                                       "settings",
		"/mnt/old/etc/cron.d/x_0":                                                                    "cron",
		"/tmp/abc_0":                                                                                 "tmp",
		"c:/inetpub/wwwroot/x_0.aspx":                                                                "web-roots",
		"c:/smartermail/domains/google.abc.com":                                                      "domains",
		"c:/users/public/x.exe":                                                                      "droppers",
		"c:/windows/system32/notepad.exe":                                                            "",
		"/home/a/readme.md":                                                                          "",
	} {
		var in []string
		for _, pl := range p.Places {
			for _, re := range pl.Paths {
				if re.MatchString(path) {
					in = append(in, pl.ID)
				}
			}
		}
		if want == "" && len(in) > 0 || want != "" && !slices.Contains(in, want) {
			t.Errorf("%s: %v, want %q", path, in, want)
		}
	}
}

// TestAdvisoriesFitTheSchema: the mandatory tests are the loader's; the
// standard's JSON schema is held here.
func TestAdvisoriesFitTheSchema(t *testing.T) {
	const file = "../../shared/corpora/csaf/json_schema/csaf_json_schema.json"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skip("no CSAF schema: ", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	// The CVSS schemas lie elsewhere; csaf.Check does their work (6.1.8).
	for _, version := range []string{"2.0", "3.0", "3.1"} {
		name := "https://www.first.org/cvss/cvss-v" + version + ".json"
		standIn := map[string]any{"properties": map[string]any{"version": map[string]any{"const": version}}}
		if err := compiler.AddResource(name, standIn); err != nil {
			t.Fatal(err)
		}
	}
	if err := compiler.AddResource("csaf.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("csaf.json")
	if err != nil {
		t.Fatal(err)
	}
	advisories, err := fs.Glob(packs.Shipped(), "*/advisories/*.json")
	if err != nil || len(advisories) != 24 {
		t.Fatalf("%d advisories, %v", len(advisories), err)
	}
	for _, name := range advisories {
		text, err := fs.ReadFile(packs.Shipped(), name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	sub, err := fs.Sub(packs.Shipped(), "smartermail")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := pack.Load(sub); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTextsArePlain: titles and advice are printed on any console, also on one
// that knows ASCII only.
func TestTextsArePlain(t *testing.T) {
	err := fs.WalkDir(packs.Shipped(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(packs.Shipped(), name)
		if i := bytes.IndexFunc(text, func(r rune) bool { return r > 0x7e }); i >= 0 {
			t.Errorf("%s:%d: a character beyond ASCII", name, 1+bytes.Count(text[:i], []byte("\n")))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNumberedNamesAreNoProof: only the tail of an upload's first part is.
func TestNumberedNamesAreNoProof(t *testing.T) {
	p := shipped(t)
	for path, want := range map[string]string{
		"/etc/cron.d/x_0": "critical", "/etc/cron.d/backup_2": "medium", "/etc/cron.d/backup_2026": "",
		"c:/inetpub/wwwroot/x_0.aspx": "critical", "c:/inetpub/wwwroot/page_2.aspx": "medium", "c:/inetpub/wwwroot/page_2026.aspx": "",
	} {
		got := ""
		for _, in := range p.Indicators {
			if (in.Match.Place == "cron" || in.Match.Place == "web-roots") && in.Match.HoldsPath(path) {
				got += in.Severity
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestTheLastDayCounts: valid_until names the last day, not the first after it.
func TestTheLastDayCounts(t *testing.T) {
	for _, in := range shipped(t).Indicators {
		if in.ID == "warlock.control.outbound" {
			if want := time.Date(2026, 8, 12, 0, 0, 0, 0, time.UTC); !in.ValidUntil.Equal(want) {
				t.Errorf("valid until %s, want %s", in.ValidUntil, want)
			}
			return
		}
	}
	t.Error("the indicator is gone")
}
