package sigma

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const corpus = "../../../shared/corpora/sigma"

// corpusFiles gives SigmaHQ's rules by file, or skips.
func corpusFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	folders, _ := filepath.Glob(corpus + "/rules*")
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yml" {
				return err
			}
			text, err := os.ReadFile(path)
			files[path] = text
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		t.Skipf("no rules in %s", corpus)
	}
	return files
}

func corpusRules(t testing.TB) []*Rule {
	t.Helper()
	var all []*Rule
	for path, text := range corpusFiles(t) {
		rules, _, err := Parse(path, text, Options{})
		if err != nil && !errors.Is(err, ErrPlaceholder) {
			t.Error(err)
		}
		all = append(all, rules...)
	}
	return all
}

// TestCorpusLoads: every rule of SigmaHQ loads, save those that need
// placeholders, and these load with them.
func TestCorpusLoads(t *testing.T) {
	loaded, waiting, blind := 0, 0, 0
	for path, text := range corpusFiles(t) {
		rules, correlations, err := Parse(path, text, Options{})
		if errors.Is(err, ErrPlaceholder) {
			waiting++
			given := Options{Placeholders: map[string][]string{"known_cdcs": {"dc1"}}}
			if rules, _, err = Parse(path, text, given); err != nil || len(rules) != 1 {
				t.Errorf("with placeholders: %d rules, %v", len(rules), err)
			}
			continue
		}
		if err != nil || len(rules) != 1 || len(correlations) != 0 {
			t.Errorf("%s: %d rules, %v", path, len(rules), err)
			continue
		}
		loaded++
		if texts, _ := rules[0].Literals(); len(texts) == 0 {
			blind++
		}
	}
	t.Logf("%d rules load, %d more with placeholders; %d have no literal", loaded, waiting, blind)
	if loaded < 3700 {
		t.Errorf("only %d rules load", loaded)
	}
}

// windowsEvent is a golden decoding of an EVTX record.
type windowsEvent struct {
	Event struct {
		System              map[string]any
		EventData, UserData map[string]any
	}
}

// flatten names an event's fields as the Sigma rules specification does (Field
// Usage, 3).
func flatten(out map[string][]byte, prefix string, node any) {
	switch v := node.(type) {
	case nil:
	case map[string]any:
		for key, val := range v {
			switch name := strings.ReplaceAll(key, " ", ""); {
			case key == "#attributes" || key == "#text":
				flatten(out, prefix, val)
			case prefix == "":
				flatten(out, key, val)
				flatten(out, name, val)
			default:
				flatten(out, prefix+"_"+name, val)
				flatten(out, name, val)
			}
		}
	case string:
		out[prefix] = []byte(v)
	default:
		text, _ := json.Marshal(v)
		out[prefix] = text
	}
}

// TestRegression holds SigmaHQ's rules against the events that they must match.
func TestRegression(t *testing.T) {
	table, err := os.ReadFile(corpus + "/regression-dev.tsv")
	if err != nil {
		t.Skip(err)
	}
	matched, missed := 0, 0
	for line := range strings.Lines(string(table)) {
		column := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(column) < 5 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(corpus, column[3]))
		if err != nil {
			t.Fatal(err)
		}
		rules, _, err := Parse(column[3], text, Options{})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		golden, err := os.ReadFile(filepath.Join(corpus, strings.TrimSuffix(column[4], "evtx")+"json"))
		if err != nil {
			t.Fatal(err)
		}
		if matchesAny(t, rules[0], golden) {
			matched++
		} else {
			missed++
			t.Logf("no match: %s %q", column[3], rules[0].Title)
		}
	}
	t.Logf("%d match, %d do not", matched, missed)
	if missed > 0 {
		t.Errorf("%d of %d do not match", missed, matched+missed)
	}
}

func matchesAny(t *testing.T, r *Rule, golden []byte) bool {
	t.Helper()
	for _, fields := range goldenEvents(t, golden) {
		values, resolve := schema(fields)
		p := Compile([]*Rule{r}, resolve)
		if p.Len() == 1 && p.Match(0, values, golden) {
			return true
		}
	}
	return false
}

func goldenEvents(t *testing.T, golden []byte) []map[string][]byte {
	t.Helper()
	var all []map[string][]byte
	for dec := json.NewDecoder(bytes.NewReader(golden)); dec.More(); {
		var e windowsEvent
		dec.UseNumber()
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		fields := map[string][]byte{}
		flatten(fields, "", e.Event.System)
		flatten(fields, "", e.Event.EventData)
		flatten(fields, "", e.Event.UserData)
		all = append(all, fields)
	}
	return all
}

// TestPrefilterChangesNothing holds all rules against all golden events: no rule
// matches one that has none of its literals.
func TestPrefilterChangesNothing(t *testing.T) {
	rules := corpusRules(t)
	literals := map[*Rule][][]byte{}
	for _, r := range rules {
		texts, _ := r.Literals()
		for _, l := range texts {
			literals[r] = append(literals[r], []byte(l))
		}
	}
	events, evaluated, candidates, matched := 0, 0, 0, 0
	shallow, _ := filepath.Glob(corpus + "/regression_data/*/*/*/*/*.json")
	deep, _ := filepath.Glob(corpus + "/regression_data/*/*/*/*/*/*.json")
	for _, path := range slices.Concat(shallow, deep) {
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, fields := range goldenEvents(t, golden) {
			values, resolve := schema(fields)
			raw := bytes.Join(values, []byte("\n"))
			lower := []byte(asciiLower(string(raw)))
			p := Compile(rules, resolve)
			events++
			for i := range p.Len() {
				evaluated++
				has := len(literals[p.Rule(i)]) == 0 || containsAny(lower, literals[p.Rule(i)])
				if has {
					candidates++
				}
				if p.Match(i, values, raw) {
					if matched++; !has {
						t.Errorf("%s: %s matches without a literal", path, p.Rule(i).File)
					}
				}
			}
		}
	}
	t.Logf("%d events: %d rules fit the fields, %d of them have a literal there, %d match", events, evaluated, candidates, matched)
}

// schema puts an event's fields into columns.
func schema(fields map[string][]byte) ([][]byte, func(string) (Column, bool)) {
	at, values := map[string]int{}, [][]byte{}
	for name, value := range fields {
		at[name] = len(values)
		values = append(values, value)
	}
	return values, func(name string) (Column, bool) {
		i, ok := at[name]
		return Column{At: i}, ok
	}
}
