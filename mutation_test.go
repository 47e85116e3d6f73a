package postern_test

import (
	"context"
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"

	"postern"
	"postern/collect"
	"postern/evidence"
	"postern/pack"
	"postern/packs"
	"postern/target"
)

// openCase opens a pack's case as the command does.
func openCase(ctx context.Context, t *pack.Test, files map[string][]byte, changed map[string]time.Time) (*evidence.Source, error) {
	return target.OpenMemory(ctx, t.File, files, changed, target.Options{Zone: t.Zone, AsOf: t.AsOf})
}

func selftest(t testing.TB, p *pack.Pack) ([]postern.CaseResult, error) {
	t.Helper()
	return postern.Selftest(context.Background(), p, openCase, collect.All(collect.Options{}))
}

// TestShippedCases: every shipped pack passes its own cases.
func TestShippedCases(t *testing.T) {
	p := shippedPack(t)
	results, err := selftest(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Fatal("the pack has no cases")
	}
	for _, r := range results {
		for _, fault := range r.Faults {
			t.Errorf("%s: %s", r.File, fault)
		}
	}
}

func shippedPack(t testing.TB) *pack.Pack {
	t.Helper()
	p, _, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryRuleIsProven breaks every rule of the shipped pack on purpose, a
// value, a term, an outcome, a string or a pattern at a time: each time loading
// or a case must fail. A mutant that passes is a part of a rule that nothing
// proves.
func TestEveryRuleIsProven(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("some hundred runs of the cases")
	}
	whole := shippedPack(t)
	tried := 0
	for i := range whole.Sigma {
		f := &whole.Sigma[i]
		r := newProver(t, whole, f.ID, f.Name, f.Label, func(p *pack.Pack) *pack.Pack {
			return partOf(p, p.Sigma, nil)
		})
		for _, m := range sigmaMutants(t, f) {
			tried++
			mutant := *whole
			mutant.Sigma = slices.Clone(whole.Sigma)
			mutant.Sigma[i] = m.file
			switch refused, noticed := r.caught(&mutant); {
			case refused != nil && strings.Contains(refused.Error(), "which it builds on"): // another correlation needs this one as it is
			case refused != nil:
				t.Errorf("%s: %s: the mutant does not compile, which proves nothing: %v", f.File, m.what, refused)
			case noticed == (m.what == unchanged):
				t.Errorf("%s: nothing notices: %s", f.File, m.what)
			}
		}
	}
	for i, f := range whole.YARA {
		var r *prover
		last := ""
		for _, m := range yaraMutants(string(f.Text)) {
			if m.rule != last {
				r = newProver(t, whole, m.rule, m.rule, "", func(p *pack.Pack) *pack.Pack { return yaraAlone(p, i, m.rule) })
				last = m.rule
			}
			tried++
			mutant := *whole
			mutant.YARA = slices.Clone(whole.YARA)
			mutant.YARA[i].Text = []byte(m.text)
			switch refused, noticed := r.caught(&mutant); {
			case refused != nil:
				t.Errorf("%s: rule %s: %s: the mutant does not compile, which proves nothing: %v", f.File, m.rule, m.what, refused)
			case !noticed:
				t.Errorf("%s: rule %s: nothing notices: %s", f.File, m.rule, m.what)
			}
		}
	}
	t.Logf("%d mutants of %d Sigma and %d YARA files", tried, len(whole.Sigma), len(whole.YARA))
}

// prover runs the cases that name a rule against the rule alone, as it is and
// broken: a pack without the other rules compiles many times faster, and what it
// does not find is missing from both.
type prover struct {
	whole *pack.Pack
	near  []pack.Test // the cases that name the rule
	far   []pack.Test // the others, asked only if none of those notices
	alone []postern.CaseResult
	part  func(p *pack.Pack) *pack.Pack // p with the rule and what it builds on
}

func newProver(t *testing.T, whole *pack.Pack, id, name, label string, part func(*pack.Pack) *pack.Pack) *prover {
	t.Helper()
	r := &prover{whole: whole, part: part}
	for _, c := range whole.Tests {
		if slices.ContainsFunc(c.Expect, func(e pack.Expect) bool { return e.Rule == id || e.Rule == name || label != "" && e.Label == label }) ||
			slices.ContainsFunc(c.Absent, func(a pack.Absent) bool { return a.Rule == id || a.Rule == name }) {
			r.near = append(r.near, c)
		} else {
			r.far = append(r.far, c)
		}
	}
	alone, err := r.run(part(whole), r.near)
	if err != nil {
		t.Fatalf("%s alone: %v", name, err)
	}
	r.alone = alone
	return r
}

func (r *prover) run(p *pack.Pack, cases []pack.Test) ([]postern.CaseResult, error) {
	return postern.SelftestCases(context.Background(), p, cases, openCase, collect.All(collect.Options{}))
}

// caught reports whether a case tells a mutant of the pack from the pack; refused
// is why the mutant does not even compile.
func (r *prover) caught(mutant *pack.Pack) (refused error, noticed bool) {
	results, err := r.run(r.part(mutant), r.near)
	if err != nil || !reflect.DeepEqual(results, r.alone) {
		return err, err == nil
	}
	results, err = r.run(mutant, r.far)
	return err, slices.ContainsFunc(results, func(c postern.CaseResult) bool { return len(c.Faults) > 0 })
}

// partOf is a pack with those of its rules alone; its cases expect no others.
func partOf(p *pack.Pack, sigma []pack.SigmaFile, yara []pack.TextFile) *pack.Pack {
	part := *p
	part.Sigma, part.YARA, part.Tests = sigma, yara, slices.Clone(p.Tests)
	gone := ruleNames(p)
	for name := range ruleNames(&part) {
		delete(gone, name)
	}
	for i := range part.Tests {
		c := &part.Tests[i]
		c.Expect = slices.DeleteFunc(slices.Clone(c.Expect), func(e pack.Expect) bool { return gone[e.Rule] })
		c.Absent = slices.DeleteFunc(slices.Clone(c.Absent), func(a pack.Absent) bool { return gone[a.Rule] })
	}
	return &part
}

// ruleNames are the ids and names of a pack's Sigma and YARA rules.
func ruleNames(p *pack.Pack) map[string]bool {
	all := map[string]bool{}
	for i := range p.Sigma {
		all[p.Sigma[i].ID], all[p.Sigma[i].Name] = true, true
	}
	for _, f := range p.YARA {
		for _, m := range yaraRule.FindAllSubmatch(f.Text, -1) {
			all[string(m[2])] = true
		}
	}
	return all
}

type sigmaMutant struct {
	what string
	file pack.SigmaFile
}

const (
	never     = "zz-no-such-thing-zz"
	unchanged = "nothing"
)

// sigmaMutants breaks one value, one term, one outcome or the class at a time.
func sigmaMutants(t *testing.T, f *pack.SigmaFile) []sigmaMutant {
	t.Helper()
	var all []sigmaMutant
	for n := -1; ; n++ { // -1: written anew and nothing else, which must change nothing
		var doc yaml.Node
		if err := yaml.Unmarshal(f.Text, &doc); err != nil {
			t.Fatalf("%s: %v", f.File, err)
		}
		m := &breaker{left: n}
		if n < 0 {
			m.what = unchanged
		}
		m.document(doc.Content[0])
		if m.what == "" {
			break
		}
		text, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		broken := *f
		broken.Text = text
		all = append(all, sigmaMutant{m.what, broken})
	}
	for i, o := range f.Outcomes {
		broken := *f
		broken.Outcomes = slices.Delete(slices.Clone(f.Outcomes), i, i+1)
		all = append(all, sigmaMutant{fmt.Sprintf("outcome %q dropped", o.Condition), broken})
	}
	if !f.LabelOnly {
		broken := *f
		broken.Class = map[bool]string{true: "state", false: "scan"}[f.Class == "scan"]
		all = append(all, sigmaMutant{"another class", broken})
	}
	return all
}

// breaker makes the n-th change to a rule: it counts down, and changes when it
// reaches zero.
type breaker struct {
	left int
	what string
}

func (b *breaker) now(what string) bool {
	if b.what != "" {
		return false
	}
	if b.left == 0 {
		b.what = what
		return true
	}
	b.left--
	return false
}

func (b *breaker) document(root *yaml.Node) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, val := root.Content[i].Value, root.Content[i+1]
		switch key {
		case "detection":
			for j := 0; j+1 < len(val.Content); j += 2 {
				if name := val.Content[j].Value; name != "condition" && name != "timeframe" {
					b.search(name, val.Content[j+1])
				}
			}
		case "correlation":
			b.correlation(val)
		}
	}
}

// search breaks the values and drops the terms of one search.
func (b *breaker) search(at string, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for j := 0; j+1 < len(n.Content); j += 2 {
			name := at + "." + n.Content[j].Value
			b.search(name, n.Content[j+1])
			if len(n.Content) > 2 && b.now("term "+name+" dropped") {
				n.Content = slices.Delete(n.Content, j, j+2)
				return
			}
		}
	case yaml.SequenceNode:
		for j, item := range n.Content {
			b.search(fmt.Sprintf("%s.%d", at, j), item)
		}
	case yaml.ScalarNode:
		if b.now("value " + at + ": " + n.Value) {
			n.SetString(never)
		}
	}
}

func (b *breaker) correlation(n *yaml.Node) {
	for j := 0; j+1 < len(n.Content); j += 2 {
		switch val := n.Content[j+1]; n.Content[j].Value {
		case "timespan":
			if b.now("timespan a second") {
				val.SetString("1s")
			}
			if b.now("timespan of years") {
				val.SetString("3000d")
			}
		case "group-by":
			if b.now("group-by dropped") {
				n.Content = slices.Delete(n.Content, j, j+2)
				return
			}
		case "type":
			if val.Value == "temporal_ordered" && b.now("order does not matter") {
				val.SetString("temporal")
			}
		}
	}
}

type yaraMutant struct{ rule, what, text string }

var (
	yaraRule   = regexp.MustCompile(`(?m)^(private )?rule (\w+)`)
	yaraString = regexp.MustCompile(`(?m)^\s*(\$\w*)\s*=\s*("(?:[^"\\]|\\.)*"|/(?:[^/\\\n]|\\.)+/[is]*|\{[^}]*\})`)
	yaraName   = regexp.MustCompile(`\b[a-z]\w+`)
	yaraCond   = regexp.MustCompile(`(?ms)^\s*condition:\s*(.*?)^\}`)
)

// yaraMutants makes each string of a rule one that stands nowhere, and each
// condition one that always holds.
func yaraMutants(text string) []yaraMutant {
	var all []yaraMutant
	starts := yaraRule.FindAllStringSubmatchIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		body, rule := text[at[0]:end], text[at[4]:at[5]]
		change := func(what string, from, to int, with string) {
			all = append(all, yaraMutant{rule, what, text[:at[0]] + body[:from] + with + body[to:] + text[end:]})
		}
		for _, s := range yaraString.FindAllStringSubmatchIndex(body, -1) {
			change("string "+body[s[2]:s[3]]+" "+body[s[4]:s[5]], s[4], s[5], `"`+never+`"`)
		}
		if c := yaraCond.FindStringSubmatchIndex(body); c != nil && at[2] < 0 {
			always := "true\n"
			if yaraString.MatchString(body) {
				always = "true or any of them\n"
			}
			change("condition true", c[2], c[3], always)
		}
	}
	return all
}

// yaraAlone is a pack without YARA rules but for one of its i-th file and those
// of the file that its condition or another's names.
func yaraAlone(p *pack.Pack, i int, rule string) *pack.Pack {
	text := string(p.YARA[i].Text)
	starts := yaraRule.FindAllStringSubmatchIndex(text, -1)
	head := text[:starts[0][0]]
	bodies := map[string]string{}
	for k, at := range starts {
		end := len(text)
		if k+1 < len(starts) {
			end = starts[k+1][0]
		}
		bodies[text[at[4]:at[5]]] = text[at[0]:end]
	}
	wanted := map[string]bool{}
	var want func(name string)
	want = func(name string) {
		if wanted[name] {
			return
		}
		wanted[name] = true
		if c := yaraCond.FindString(bodies[name]); c != "" {
			for _, word := range yaraName.FindAllString(c, -1) {
				if bodies[word] != "" {
					want(word)
				}
			}
		}
	}
	want(rule)
	for _, at := range starts { // in the order of the file
		if name := text[at[4]:at[5]]; wanted[name] {
			head += bodies[name]
		}
	}
	file := p.YARA[i]
	file.Text = []byte(head)
	return partOf(p, p.Sigma, []pack.TextFile{file})
}

// TestEveryIndicatorIsProven does the same to what indicators.yaml and
// config.yaml hold, whose examples stand beside them: loading must fail.
func TestEveryIndicatorIsProven(t *testing.T) {
	dir, err := fs.Sub(packs.Shipped(), "smartermail")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dir, name)
		files[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, name := range []string{"indicators.yaml", "config.yaml"} {
		whole := files[name].Data
		for n := 0; ; n++ {
			var doc yaml.Node
			if err := yaml.Unmarshal(whole, &doc); err != nil {
				t.Fatal(err)
			}
			b := &breaker{left: n}
			b.indicators(doc.Content[0])
			if b.what == "" {
				break
			}
			tried++
			text, err := yaml.Marshal(&doc)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: text}
			if _, err := pack.Load(files); err == nil {
				t.Errorf("%s: nothing notices: %s", name, b.what)
			}
		}
		files[name] = &fstest.MapFile{Data: whole}
	}
	if tried < 50 {
		t.Errorf("%d mutants: the pack holds more", tried)
	}
	t.Logf("%d mutants", tried)
}

// indicators breaks what the indicators and checks of a file are matched by.
func (b *breaker) indicators(root *yaml.Node) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key := root.Content[i].Value; key != "indicators" && key != "checks" {
			continue
		}
		for _, item := range root.Content[i+1].Content {
			id := ""
			for j := 0; j+1 < len(item.Content); j += 2 {
				switch key, val := item.Content[j].Value, item.Content[j+1]; key {
				case "id":
					id = val.Value
				case "key", "value", "name", "except":
					b.pattern(id+"."+key, val)
				case "match":
					for k := 0; k+1 < len(val.Content); k += 2 {
						b.matcher(id+"."+val.Content[k].Value, val.Content[k].Value, val.Content[k+1])
					}
				}
			}
		}
	}
}

func (b *breaker) matcher(at, key string, val *yaml.Node) {
	switch key {
	case "name", "except", "text":
		b.pattern(at, val)
	case "hashes", "peers", "magic", "content":
		for _, item := range val.Content {
			if !b.now(at + " " + item.Value) {
				continue
			}
			switch key {
			case "hashes":
				item.SetString(strings.Repeat("0", 64))
			case "peers":
				item.SetString("no-such-peer.example")
			default:
				item.SetString("enotbm8tc3VjaC10aGluZw==")
			}
		}
	}
}

func (b *breaker) pattern(at string, val *yaml.Node) {
	if b.now(at + " " + val.Value) {
		val.SetString(never)
	}
}
