package detect

import (
	"slices"
	"testing"
)

func TestSpellings(t *testing.T) {
	f := func(spell func([][]byte) [][]byte, value string, want ...string) {
		t.Helper()
		var got []string
		for _, s := range spell([][]byte{[]byte(value)}) {
			got = append(got, string(s))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	f(pathForms, "/a/b", "/a/b")
	f(pathForms, "%2Freset", "%2Freset", "/reset")
	f(pathForms, "/%252Fx", "/%252Fx", "/%2Fx", "//x", "/x")
	f(pathForms, "%25252Freset", "%25252Freset", "%252Freset", "%2Freset", "/%2Freset") // not three times
	f(pathForms, "/a///b", "/a///b", "/a/b")
	f(pathForms, `/a\b`, `/a\b`, "/a/b")
	f(pathForms, "/a/x/../b/./c", "/a/x/../b/./c", "/a/b/c")
	f(pathForms, "/../../b", "/../../b", "/b")
	f(pathForms, "/%zz%2/reset%", "/%zz%2/reset%") // a broken escape hides nothing
	f(pathForms, "/%\x10\x10", "/%\x10\x10")
	f(queryForms, "x=a+b%2f..", "x=a+b%2f..", "x=a b/..")
	f(queryForms, "x=%252e", "x=%252e", "x=%2e", "x=.")
	f(wordForms, "Mozilla/5.0+(X)", "Mozilla/5.0+(X)", "Mozilla/5.0 (X)")
	f(wordForms, "(X;+E/1;++http://x)", "(X;+E/1;++http://x)", "(X; E/1;  http://x)", "(X; E/1; +http://x)")
	f(wordForms, "a+(+http://x)", "a+(+http://x)", "a ( http://x)", "a (+http://x)")
	f(wordForms, "a+C+++b", "a+C+++b", "a C   b", "a C++ b")
	f(wordForms, "a+g++/1", "a+g++/1", "a g  /1", "a g++/1")
	f(wordForms, "a+x++", "a+x++", "a x  ", "a x++")
	f(wordForms, "scan%20ner", "scan%20ner") // an agent is not decoded
}

// TestColumns: Sigma's names of a web log's fields, by role and in all spellings.
func TestColumns(t *testing.T) {
	values := [][]byte{[]byte("POST"), []byte("/A%2fb"), []byte("x=%31+2"), []byte("192.0.2.1"), []byte("a+b"), []byte("200")}
	f := func(field string, want ...string) {
		t.Helper()
		c, known := columns{webSchema()}.resolve(field)
		if known != (want != nil) {
			t.Errorf("%s: known %v", field, known)
			return
		}
		if !known {
			return
		}
		got := []string{string(values[c.At])}
		if c.Spell != nil {
			got = nil
			for _, s := range c.Spell(values) {
				got = append(got, string(s))
			}
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: %q, want %q among it", field, got, w)
			}
		}
	}
	f("cs-method", "POST")
	f("CS-METHOD", "POST")
	f("cs-uri-stem", "/A%2fb", "/A/b")
	f("cs-uri-query", "x=%31+2", "x=1 2", "/A%2fb?x=%31+2", "/A/b?x=1 2")
	f("c-uri", "/A/b?x=1 2")
	f("c-uri-query", "x=%31+2", "x=1 2")
	f("c-ip", "192.0.2.1")
	f("c-useragent", "a+b", "a b")
	f("cs(User-Agent)", "a+b", "a b")
	f("sc-status", "200")
	f("cs-referer")
	f("no-such-field")
	if c, known := (columns{adminSchema()}).resolve("message"); !known || c.At != 1 || c.Spell != nil {
		t.Errorf("message: %+v", c)
	}
}
