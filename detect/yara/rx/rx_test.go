package rx

import (
	"strings"
	"testing"
	"time"
)

func TestParseErrors(t *testing.T) {
	f := func(re, want string) {
		t.Helper()
		_, err := ParseRegexp(re, false, false)
		if got := message(err); got != want {
			t.Errorf("%s: %q, want %q", re, got, want)
		}
	}
	for _, re := range []string{"a**", "|a", "(|a)", "()", "(a", "a)", "*a", "^*a", "(?:a)", "a{1}{2}", "a+*"} {
		f(re, "syntax error")
	}
	for _, re := range []string{"a|", "[]a]", "[^]a]", "[a-]", "a{b", "a{,2}", "a{,}", `\z`, `(a+)*`, "[[:alpha:]]", "a$b"} {
		f(re, "")
	}
	f("[a", "missing terminating ] for character class")
	f("[z-a]", "bad character range")
	f(`[\w-a]`, "bad character range")
	f("a{3,2}", "bad repeat interval")
	f("x{0}", "bad repeat interval")
	f("a{1,40000}", "repeat interval too large")
	f(`\x4`, "illegal escape sequence")
	f("a+?b+", "greedy and ungreedy quantifiers can't be mixed in a regular expression")
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimSpace(err.Error())
}

func TestFind(t *testing.T) {
	f := func(re, text string, at, length int) {
		t.Helper()
		tree, err := ParseRegexp(re, false, false)
		if err != nil {
			t.Fatal(err)
		}
		finder, err := NewFinder(tree)
		if err != nil {
			t.Fatal(err)
		}
		if i, n := finder.Find(text, nil); i != at || n != length {
			t.Errorf("%s in %q: %d %d, want %d %d", re, text, i, n, at, length)
		}
	}
	f("b+", "abbbc", 1, 3)
	f("b+?", "abbbc", 1, 1)
	f("^a", "ba", -1, 0)
	f("a$", "aba", 2, 1)
	f("x*", "abc", 0, 0)
	f(`\bfoo\b`, "a foo.", 2, 3)
	f("a.c", "a\nc", -1, 0)
}

// TestLinear holds expressions that take backtracking engines forever.
func TestLinear(t *testing.T) {
	text := strings.Repeat("a", 3000)
	for _, re := range []string{"(a+)+b", "(a|aa)+b", "(a*)*b", "(.*)(.*)(.*)(.*)b", "a{1,500}a{1,500}b"} {
		tree, err := ParseRegexp(re, false, false)
		if err != nil {
			t.Fatal(err)
		}
		ps, err := Compile(tree.Node, tree.Greedy)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var m Machine
		for _, p := range ps {
			p.Match(&m, &Input{Data: []byte(text), Begin: true, End: true}, len(text)-1, 0, 0, func(int, int) {})
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %v", re, d)
		}
	}
}

func FuzzParseRegexp(f *testing.F) {
	f.Add(`a(b|c[^d-f])*?\x41{2,3}\b$`, "abc")
	f.Fuzz(func(_ *testing.T, re, text string) {
		tree, err := ParseRegexp(re, true, true)
		if err != nil || len(re) > 200 || len(text) > 1000 {
			return
		}
		if finder, err := NewFinder(tree); err == nil {
			finder.Find(text, nil)
		}
	})
}

func FuzzParseHex(f *testing.F) {
	f.Add("61 ?? [2-4] (62 | 6? [1] 64) ~65 [-] 66")
	f.Fuzz(func(_ *testing.T, hex string) {
		frags, err := ParseHex(hex)
		if err != nil {
			return
		}
		for _, fragment := range frags {
			_, _ = Compile(fragment.Node, false)
		}
	})
}
