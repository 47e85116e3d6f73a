package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postern/docs"
	"postern/pack"
)

func guide(t *testing.T, name string) string {
	t.Helper()
	for _, g := range docs.Guides() {
		if g.Name == name {
			return g.Text
		}
	}
	t.Fatal("no guide ", name)
	return ""
}

// TestThePackOfTheGuideLoads: what an author copies works.
func TestThePackOfTheGuideLoads(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, text := range docs.Sample() {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	p, warnings, err := pack.Lint(fsys, time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if faults := p.CheckTests([]pack.RuleAt{{Name: "dropped_script"}}); len(faults) > 0 {
		t.Error(faults)
	}
	if v := p.Vulnerabilities[0]; v.SafeStart.Format("2006-01-02") != "2026-01-22" || v.Score != 6.9 || v.KEVAdded.IsZero() || len(p.Indicators) != 2 || len(p.Sigma) != 2 || len(p.YARA) != 1 || len(p.Checks) != 1 || len(p.Tests) != 2 || p.Playbook == nil {
		t.Errorf("%+v", v)
	}
}

// TestNothingIsLeftOut: every field of the pack files, every load error and
// every reason of a gap stands in a guide.
func TestNothingIsLeftOut(t *testing.T) {
	for _, c := range []struct{ guide, file, pattern string }{
		{"pack-guide", "../pack/spec.go", `yaml:"(\w+)"`},
		{"pack-guide", "../pack/fault.go", `errors\.New\("(pack: [^"]+)"\)`},
		{"pack-guide", "../pack/lint.go", `errors\.New\("([^"]+)"\)`},
		{"pack-guide", "../pack/strict/fault.go", `errors\.New\("(pack: [^"]+)"\)`},
		{"operator-guide", "../evidence/coverage.go", `Reason = "([^"]+)"`},
	} {
		source, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		text := guide(t, c.guide)
		found := regexp.MustCompile(c.pattern).FindAllStringSubmatch(string(source), -1)
		if len(found) < 4 {
			t.Errorf("%s: only %d matches of %s", c.file, len(found), c.pattern)
		}
		for _, m := range found {
			if !strings.Contains(text, "`"+m[1]+"`") && !regexp.MustCompile("(?m)(^|[\\s{,`])"+regexp.QuoteMeta(m[1])+":( |$)").MatchString(text) {
				t.Errorf("%s: %q of %s is not in it", c.guide, m[1], c.file)
			}
		}
	}
}

// TestGuidesArePlain: they are printed on any console.
func TestGuidesArePlain(t *testing.T) {
	for _, g := range docs.Guides() {
		code := false
		for i, line := range strings.Split(g.Text, "\n") {
			if strings.IndexFunc(line, func(r rune) bool { return r > 0x7e || r < ' ' }) >= 0 {
				t.Errorf("%s:%d: not plain ASCII", g.Name, i+1)
			}
			code = code != strings.HasPrefix(line, "```")
			if !code && !strings.HasPrefix(line, "|") && len(line) > 80 {
				t.Errorf("%s:%d: %d columns", g.Name, i+1, len(line))
			}
		}
	}
}
