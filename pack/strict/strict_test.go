package strict_test

import (
	"errors"
	"strings"
	"testing"

	"postern/pack/strict"
)

// animal has every kind of field there is.
type animal struct {
	strict.Here
	Name  strict.Text            `yaml:"name" need:"yes"`
	Born  strict.Day             `yaml:"born"`
	Call  strict.Pattern         `yaml:"call"`
	Legs  int                    `yaml:"legs"`
	Tame  bool                   `yaml:"tame"`
	Kind  strict.Text            `yaml:"kind" enum:"cat,dog"`
	Young []animal               `yaml:"young"`
	Home  *animal                `yaml:"home"`
	Tags  map[string]strict.Text `yaml:"tags"`
	Other strict.Opaque          `yaml:"other"`
}

func decode(text string) (animal, error) {
	var a animal
	f := strict.File{Name: "a.yaml", Faults: &strict.Faults{}}
	f.Decode([]byte(text), &a)
	return a, f.Faults.Err()
}

func TestDecode(t *testing.T) {
	a, err := decode("name: Anna\nborn: 2020-02-29\ncall: '^m'\nlegs: 4\ntame: true\nkind: cat\nyoung:\n  - {name: Bea}\nhome: {name: Zoo}\ntags: {x: '1'}\nother: &x [*x, !t 1]\n")
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != (strict.Text{Value: "Anna", At: strict.Place{Line: 1, Column: 7}}) || a.Born.Year() != 2020 || !a.Call.MatchString("meow") || a.Legs != 4 || !a.Tame ||
		a.Young[0].Name.Value != "Bea" || a.Young[0].At != (strict.Place{Line: 8, Column: 5}) || a.Home.Name.Value != "Zoo" || a.Tags["x"].Value != "1" || !a.Other.Set() {
		t.Errorf("%+v", a)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		text, want string
		is         error
	}{
		{"name: a\nnam: b", `a.yaml:2:1: pack: unknown field: "nam"`, strict.ErrUnknownField},
		{"name: a\nname: b", `a.yaml:2:1: pack: said twice: field "name"`, strict.ErrDuplicate},
		{"legs: 4", `a.yaml:1:1: pack: missing: field "name"`, strict.ErrMissing},
		{"name: ''", `a.yaml:1:1: pack: missing: field "name"`, strict.ErrMissing},
		{"name: true", `a.yaml:1:7: pack: bad value: want a text`, strict.ErrValue},
		{"name: [a]", `a.yaml:1:7: pack: bad value: want a text`, strict.ErrValue},
		{"name: a\nlegs: four", `a.yaml:2:7: pack: bad value: want a whole number`, strict.ErrValue},
		{"name: a\ntame: 1", `a.yaml:2:7: pack: bad value: want true or false`, strict.ErrValue},
		{"name: a\nborn: today", `a.yaml:2:7: pack: bad value: "today" is no day (2006-01-02)`, strict.ErrValue},
		{"name: a\ncall: 'a(?=b)'", "a.yaml:2:7: pack: bad value: error parsing regexp: invalid or unsupported Perl syntax: `(?=`", strict.ErrValue},
		{"name: a\ncall: 'a*'", `a.yaml:2:7: pack: bad value: pattern "a*" matches everything`, strict.ErrValue},
		{"name: a\nkind: cow", `a.yaml:2:7: pack: bad value: "cow" is none of cat, dog`, strict.ErrValue},
		{"name: a\nyoung: {name: b}", `a.yaml:2:8: pack: bad value: want a list`, strict.ErrValue},
		{"name: a\nhome: b", `a.yaml:2:7: pack: bad value: want fields (name: value)`, strict.ErrValue},
		{"name: &x a\nkind: *x", "a.yaml:1:7: pack: syntax: anchors, aliases and tags are not read; write it out\na.yaml:2:7: pack: syntax: anchors, aliases and tags are not read; write it out", strict.ErrSyntax},
		{"name: !x a", `a.yaml:1:7: pack: syntax: anchors, aliases and tags are not read; write it out`, strict.ErrSyntax},
		{"name: a\n---\nname: b", `a.yaml:2:1: pack: syntax: a second document; a pack file holds one`, strict.ErrSyntax},
		{"", `a.yaml:1:1: pack: syntax: the file is empty`, strict.ErrSyntax},
		{"name: " + strings.Repeat("a", 5000), `a.yaml:1:7: pack: limit: text longer than 4096 bytes`, strict.ErrLimit},
		{"name: a\nhome: " + strings.Repeat("{name: a, home: ", 30) + "{name: a}" + strings.Repeat("}", 30), "a.yaml:2:382: pack: limit: more than 50000 values, or nested deeper than 24\na.yaml:2:391: pack: limit: more than 50000 values, or nested deeper than 24", strict.ErrLimit},
	} {
		_, err := decode(c.text)
		if err == nil || err.Error() != c.want || !errors.Is(err, c.is) {
			t.Errorf("%.60s:\n%v\nwant\n%s", c.text, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("name: a\nyoung: [{name: b, tags: {x: y}}]\nother: {a: [*b]}")
	f.Add("name: &x a\n---\n<<: *x")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := decode(text)
		if err == nil && a.Name.Value == "" {
			t.Fatalf("%q: read without its name", text)
		}
	})
}
