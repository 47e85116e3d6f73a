package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"postern/docs"
	"postern/pack"
)

// fenced finds blocks with a name: ```yaml pack.yaml.
var fenced = regexp.MustCompile("(?ms)^```\\w+ (\\S+)\n(.*?)^```$")

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
	for _, m := range fenced.FindAllStringSubmatch(guide(t, "pack-guide"), -1) {
		fsys[m[1]] = &fstest.MapFile{Data: []byte(m[2])}
	}
	p, err := pack.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if v := p.Vulnerabilities[0]; v.SafeStart.Format("2006-01-02") != "2026-01-22" || v.Score != 6.9 || v.KEVAdded.IsZero() || len(p.Indicators) != 2 {
		t.Errorf("%+v", v)
	}
}

// TestNothingIsLeftOut: every field of the pack files, every load error and
// every reason of a gap stands in a guide.
func TestNothingIsLeftOut(t *testing.T) {
	for _, c := range []struct{ guide, file, pattern string }{
		{"pack-guide", "../pack/spec.go", `yaml:"(\w+)"`},
		{"pack-guide", "../pack/fault.go", `errors\.New\("(pack: [^"]+)"\)`},
		{"pack-guide", "../pack/strict/fault.go", `errors\.New\("(pack: [^"]+)"\)`},
		{"operator-guide", "../evidence/coverage.go", `Reason = "([^"]+)"`},
	} {
		source, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		text := guide(t, c.guide)
		found := regexp.MustCompile(c.pattern).FindAllStringSubmatch(string(source), -1)
		if len(found) < 6 {
			t.Errorf("%s: only %d matches of %s", c.file, len(found), c.pattern)
		}
		for _, m := range found {
			if !strings.Contains(text, "`"+m[1]+"`") && !regexp.MustCompile(`(?m)^[\s{-]*`+regexp.QuoteMeta(m[1])+`:( |$)`).MatchString(text) {
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
