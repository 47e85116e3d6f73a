package sigma

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var seedRules = []string{
	"title: t\nlogsource: {product: windows}\ndetection:\n  a:\n    Image|endswith: ['\\cmd.exe', '\\p?sh*.exe']\n    CommandLine|contains|all: [a, b]\n  b: [one, two*three]\n  condition: a and not 1 of b*\n",
	"title: t\nlogsource: {category: c}\ndetection:\n  a:\n    A|re|i: '^a+b'\n    B|cidr: 10.0.0.0/8\n    C|windash|contains: ' -enc'\n    D|wide|base64offset|contains: http\n    E: null\n    F|exists: true\n    G|hour|gte: 8\n    H|fieldref: A\n    I|neq: 0x10\n    J|expand: '%x%'\n  condition: all of them\n",
	"title: t\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b]\n  group-by: [h]\n  timespan: 5m\n  aliases: {h: {a: x, b: y}}\n",
	"title: t\nlogsource: {product: p}\nfilter:\n  rules: any\n  s: {User|startswith: adm_}\n  condition: not s\n",
	"a: &a [1]\nb: *a\n---\n---\ntitle: 1\n",
}

// FuzzParse: what parses has names and conditions, and compiles; all else has a place.
func FuzzParse(f *testing.F) {
	for _, s := range seedRules {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rules, correlations, err := Parse("f.yml", []byte(text), Options{Placeholders: map[string][]string{"x": {"y", "*z"}}})
		var place *Error
		if err != nil && (!errors.As(err, &place) || place.Line < 1 || place.Column < 1) {
			t.Errorf("no place in %v", err)
		}
		for _, c := range correlations {
			var seen []Sighting
			for i, rule := range append(c.Rules, c.Rules...) {
				seen = append(seen, Sighting{Rule: rule, Time: time.Unix(int64(i), 0)})
			}
			for _, group := range c.Evaluate(seen) {
				if len(group) == 0 {
					t.Error("a group of none")
				}
			}
		}
		for _, r := range rules {
			values := make([][]byte, len(r.fields))
			for i := range values {
				values[i] = []byte("a-b")
			}
			soundly(t, r, values)
		}
	})
}

// FuzzCondition: a condition parses or says where it does not.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{"a and not (b or c_1)", "1 of c_* or all of them", "2 of them", "a | count() > 5", "not not a", "a and", "(", "any of"} {
		f.Add(s)
	}
	yes := leaf(0, existence(true))
	searches := []search{{"a", yes}, {"b", yes}, {"c_1", yes}, {"c_2", yes}, {"_d", yes}}
	f.Fuzz(func(t *testing.T, expr string) {
		n, err := parseCondition(expr, searches)
		if (n == nil) == (err == nil) || err != nil && (err.at < 0 || err.at > len(expr)) {
			t.Errorf("%q: %v, %v", expr, n, err)
		}
	})
}

// FuzzMatch holds patterns against texts, and against what a regular expression
// made of the pattern says; the pattern's literal must stand in what matches.
func FuzzMatch(f *testing.F) {
	f.Add(`*\cmd.exe`, `C:\Windows\CMD.exe`)
	f.Add(`a?b*c\*d`, "aéb--c*d")
	f.Add(`*-/x*?`, "ÄÖſK-/X\xff")
	f.Add(`\\\\srv\\*`, `\\srv\\share`)
	f.Add("\xe7", "\x85\x8a흦煊흦") // valid only together
	f.Fuzz(func(t *testing.T, source, text string) {
		p := parsePattern(source)
		dashed, _ := p.dashes()
		if !bytes.Equal(fold(nil, fold(nil, []byte(text))), fold(nil, []byte(text))) {
			t.Errorf("fold(%q) is not stable", text)
		}
		for _, p := range []pattern{p, dashed[0], p.widen(true, true)} {
			for _, cased := range []bool{true, false} {
				g, s := p.compile(cased), text
				if !cased {
					s = string(fold(nil, []byte(text)))
				}
				got := g.match([]byte(s))
				if want := asExpression(t, p, cased, s); got != want && utf8.ValidString(source) && utf8.ValidString(text) {
					t.Errorf("%q cased=%v on %q: %v, a regular expression says %v", source, cased, s, got, want)
				}
				if got && !strings.Contains(asciiLower(text), g.longest) {
					t.Errorf("%q matches %q without its literal %q", source, text, g.longest)
				}
			}
		}
	})
}

// asExpression is the pattern as a regular expression.
func asExpression(t *testing.T, p pattern, cased bool, text string) bool {
	t.Helper()
	re := `(?s)\A`
	for _, part := range p {
		switch part.wild {
		case anyRun:
			re += `.*`
		case anyRune:
			re += `.`
		case anyDash:
			re += `[-/–—―]`
		default:
			if !cased {
				part.text = string(fold(nil, []byte(part.text)))
			}
			re += regexp.QuoteMeta(part.text)
		}
	}
	compiled, err := regexp.Compile(re + `\z`)
	if err != nil {
		return false // no UTF-8
	}
	return compiled.MatchString(text)
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
