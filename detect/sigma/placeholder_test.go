package sigma

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParsePlaceholders(t *testing.T) {
	for text, want := range map[string]map[string][]string{
		"admins: [adm1, 'adm2*']\nzone: corp.example\nports: [80, 443]\n":                                                               {"admins": {"adm1", "adm2*"}, "zone": {"corp.example"}, "ports": {"80", "443"}},
		"name: ours\npriority: 30\nvars:\n  admins: [adm1]\ntransformations:\n- {id: v, type: value_placeholders, include: [admins]}\n": {"admins": {"adm1"}},
		"'%admins%': adm1\n": {"admins": {"adm1"}},
	} {
		got, err := ParsePlaceholders("p.yml", []byte(text))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                      "p.yml:1:1: the file is empty",
		"- a\n":                 "p.yml:1:1: want placeholders",
		"a: []\n":               `p.yml:1:1: the placeholder "a" has no value`,
		"a: x\na: y\n":          `p.yml:2:1: "a" stands here a second time`,
		"a: x\n'%a%': y\n":      `p.yml:2:1: "a" stands here a second time`,
		"a: {b: c}\n":           "p.yml:1:4: want a text",
		"a b: c\n":              `p.yml:1:1: "a b" is no name`,
		"a: x\n---\nb: y\n":     "one document",
		"a: 'x\n":               "p.yml:2:1: ",
		"vars:\n  a: x\n  b:\n": `p.yml:3:3: the placeholder "b" has no value`,
	} {
		if _, err := ParsePlaceholders("p.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParsePlaceholders: what is read has names and values, all else has a place.
func FuzzParsePlaceholders(f *testing.F) {
	f.Add("a: [x, y]\nb: z\n")
	f.Add("vars: {a: &a x, b: *a}\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := ParsePlaceholders("p.yml", []byte(text))
		if err != nil {
			var place *Error
			if !errors.As(err, &place) {
				t.Errorf("no place in %v", err)
			}
			return
		}
		for name, all := range values {
			if !isPlaceholder(name) || len(all) == 0 {
				t.Errorf("%q: %q", name, all)
			}
		}
	})
}

// TestPlaceholdersGiven: values of a file are alternatives, wildcards and all.
func TestPlaceholdersGiven(t *testing.T) {
	values, err := ParsePlaceholders("p.yml", []byte("dcs: [dc1, 'dc2*']\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := "title: t\nlogsource: {product: windows}\ndetection:\n  s: {Host|expand: '%dcs%'}\n  condition: s\n"
	if _, _, err := Parse("r.yml", []byte(text), Options{}); !errors.Is(err, ErrPlaceholder) || !strings.Contains(err.Error(), "%dcs%") {
		t.Errorf("without values: %v", err)
	}
	rules, _, err := Parse("r.yml", []byte(text), Options{Placeholders: values})
	if err != nil || len(rules) != 1 {
		t.Fatal(rules, err)
	}
	literals, _ := rules[0].Literals()
	if slices.Sort(literals); !slices.Equal(literals, []string{"dc1", "dc2"}) {
		t.Errorf("literals %q", literals)
	}
}
