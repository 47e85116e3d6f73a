package yara

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// check compiles one rule file and tells which rules hold for text.
func check(tb testing.TB, rules, text string, externals map[string]any) (names []string, err error) {
	tb.Helper()
	r, errs := Compile([]Source{{"t.yar", []byte(rules)}}, Options{Externals: externals})
	if len(errs) > 0 {
		tb.Errorf("%s: %v", rules, errs)
		return nil, nil
	}
	err = r.Scan(context.Background(), strings.NewReader(text), int64(len(text)), nil, func(m Match) { names = append(names, m.Rule.Name) })
	return names, err
}

func TestConditions(t *testing.T) {
	const text = "The quick brown fox\x00jumps 123 over\nthe lazy dog"
	f := func(strs, condition string, want bool) {
		t.Helper()
		if strs != "" {
			strs = "strings: " + strs
		}
		names, err := check(t, `import "math" import "hash" import "string" import "time" import "console" import "pe" import "elf"
			rule r { `+strs+` condition: `+condition+` }`, text, map[string]any{"i": int64(7), "f": 1.5, "s": "Name", "b": true, "e": ""})
		if err != nil || (len(names) == 1) != want {
			t.Errorf("%s condition: %s: got %v %v, want %v", strs, condition, names, err, want)
		}
	}
	// operators
	f("", "true and not false or false", true)
	f("", "1 + 2 * 3 == 7 and (1 + 2) * 3 == 9 and 7 \\ 2 == 3 and -7 % 3 == -1", true)
	f("", "6 & 3 == 2 and 6 | 1 == 7 and 6 ^ 3 == 5 and ~0 == -1 and 1 << 4 == 16 and -16 >> 2 == -4", true)
	f("", "1 << i << 60 == 0 and not defined (1 << (i - 8))", true)
	f("", "f == 1.5 and f * 2 == 3 and 1 < f and 7.0 \\ 2 == 3.5", true)
	f("", "0x10 == 16 and 0o17 == 15 and 1KB == 1024 and 2MB == 2097152", true)
	f("", `"abc" contains "b" and not "abc" contains "B" and "abc" icontains "B"`, true)
	f("", `s startswith "Na" and s istartswith "na" and s endswith "me" and s iendswith "ME" and s iequals "nAmE"`, true)
	f("", `s matches /^n.m/i and not s matches /^ame/`, true)
	f("", `not "" matches /^$/ and not "" matches /x?/ and "a" matches /x?/`, true)
	f("", `"a" < "b" and "b" > "a" and s != "x" and s and not e`, true)
	f("", "b and b == 1 and i > 6", true)
	f("", "filesize == 47", true)
	// undefined
	f("", "uint8(48) == 0 or not (uint8(48) == 0)", false)
	f("", "not defined uint8(48) and not defined uint16(47) and not defined uint8(-1) and not defined (1 \\ (i - 7))", true)
	f("", "not (uint8(48) == 0 and true) and not (uint8(48) == 0 or false)", true)
	f("", "not defined pe.machine and not pe.is_pe and not defined elf.type and not defined pe.imphash()", true)
	f(`$a = "fox"`, "not defined @a[2] and not defined @a[0] and not defined !a[2] and @a == 16 and !a == 3", true)
	// readers
	f("", "uint8(0) == 0x54 and uint16(0) == 0x6854 and uint16be(0) == 0x5468 and uint32(0) == 0x20656854 and uint32be(0) == 0x54686520", true)
	f("", "int8(0) == 0x54 and int16be(18) == 0x7800 and int32(0) == 0x20656854 and int32be(0) == 0x54686520", true)
	// strings
	f(`$a = "fox"`, "$a and $a at 16 and $a in (0..16) and not $a in (17..40) and #a == 1", true)
	f(`$a = "the" nocase`, "#a == 2 and @a[2] == 35 and #a in (1..40) == 1", true)
	f(`$a = "he" fullword`, "$a", false)
	f(`$a = "the" fullword $b = "dog" fullword $c = "123" fullword`, "all of them", true)
	f(`$a = { 66 6F 78 00 ?? 75 6D }`, "$a", true)
	f(`$a = { 66 ~6E 78 (01 | 00) 6? ?5 }`, "$a at 16", true)
	f(`$a = { 66 6F [1-3] 6A }`, "$a and !a == 5", true)
	f(`$a = { 54 68 [-] 64 6F 67 }`, "$a and !a == 47", true)
	f(`$a = { 54 68 [2-250] 64 6F 67 }`, "$a", true)
	f(`$a = { 54 68 [2-20] 64 6F 67 }`, "$a", false)
	f(`$a = /\d{3}/ $b = /^The/ $c = /dog$/ $d = /q[^\s]+k\b/ $e = /FOX/i $g = /over.the/s`, "all of them", true)
	f(`$a = /over.the/ $b = /^quick/ $c = /lazy$/ $d = /\Bfox/`, "any of them", false)
	f(`$a = /[a-z]+/ fullword`, "@a[1] == 4 and !a[1] == 5", true)
	f(`$a = /q.*?k/`, "!a == 5", true)
	// sets
	f(`$a1 = "fox" $a2 = "cat" $b = "dog"`, "any of ($a*) and not all of ($a*) and 2 of them and 66% of them and 1 of ($a1, $b) and none of ($a2)", true)
	f(`$a = "fox" $b = "dog"`, "all of them in (10..48) and any of them at 16 and not all of them at 16", true)
	f(`$a = "fox" $b = "dog"`, "for all of them : ($ in (10..48) and # == 1 and @ > 10 and ! == 3)", true)
	f(`$a = "fox"`, "for any i in (1..#a) : (@a[i] == 16) and for all i in (1, 2, 3) : (i < 4) and for 2 i in (1..3) : (i > 1)", true)
	f("", `for any x in ("a", "Name") : (x == s) and not for any i in (2..1) : (true) and not for all i in (2..1) : (true)`, true)
	f("", "for none i in (1..3) : (i == 4)", true)
	f(`$ = "fox" $ = "dog"`, "all of them and 2 of ($*)", true)
	// modules
	f("", `math.entropy(0, filesize) > 3.5 and math.mean("ab") == 97.5 and math.in_range(2.0, 1.0, 3.0) and math.max(3, 4) == 4`, true)
	f("", `math.count(0x20, 0, 10) == 2 and math.mode() == 0x20 and math.abs(-3) == 3 and math.to_number(1 == 1) == 1 and math.to_string(10, 16) == "a"`, true)
	f("", `hash.md5("abc") == "900150983cd24fb0d6963f7d28e17f72" and hash.sha1(0, 3) == hash.sha1("The") and hash.crc32("abc") == 0x352441c2`, true)
	f("", `hash.sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" and hash.checksum32("ab") == 195`, true)
	f("", `string.to_int("-12") == -12 and string.to_int("0x1f") == 31 and string.to_int("z", 36) == 35 and not defined string.to_int("x") and string.length(s) == 4`, true)
	f("", `time.now() > 1700000000 and console.log("x", 1) and console.hex(3)`, true)
}

func TestStringModifiers(t *testing.T) {
	f := func(str, text string, want int) {
		t.Helper()
		r, errs := Compile([]Source{{"t", []byte("rule r { strings: $a = " + str + " condition: $a }")}}, Options{})
		if len(errs) > 0 {
			t.Fatalf("%s: %v", str, errs)
		}
		n := 0
		err := r.Scan(context.Background(), strings.NewReader(text), int64(len(text)), nil, func(m Match) { n = len(m.Strings) })
		if err != nil || n != want {
			t.Errorf("%s in %q: %d matches, want %d (%v)", str, text, n, want, err)
		}
	}
	f(`"abc"`, "abc ABC abcabc", 3)
	f(`"aBc" nocase`, "abc ABC", 2)
	f(`"abc" wide`, "abc a\x00b\x00c\x00", 1)
	f(`"abc" wide ascii`, "abc a\x00b\x00c\x00", 2)
	f(`"abc" wide fullword`, "x\x00a\x00b\x00c\x00", 0)
	f(`"abc" wide fullword`, "xa\x00b\x00c\x00.\x00", 1)
	f(`"abc" xor`, "`cb abc", 2)
	f(`"abc" xor(1-2)`, "`cb abc", 1)
	f(`"abc" xor(0x01) wide`, "`\x01c\x01b\x01", 1)
	f(`"This program" base64`, "VGhpcyBwcm9ncmFt", 1)
	f(`"This program" base64`, "xxRoaXMgcHJvZ3Jhbxx", 1)
	f(`"This program" base64`, "xUaGlzIHByb2dyYWxx", 1)
	f(`"This program" base64wide`, "V\x00G\x00h\x00p\x00c\x00y\x00B\x00w\x00c\x00m\x009\x00n\x00c\x00m\x00F\x00t\x00", 1)
	f(`"abc" base64("!@#$%^&*(){}[].,|ABCDEFGHIJ\x09LMNOPQRSTUVWXYZabcdefghijklmnopqrstu")`, "nothing", 0)
	f(`"a\x00\"\\\t\n"`, "a\x00\"\\\t\n", 1)
	f(`"abc" private`, "abc", 0)
	f(`/ab+c/ wide`, "a\x00b\x00b\x00c\x00", 1)
	f(`/\bab\b/ wide`, ".\x00a\x00b\x00.\x00 xa\x00b\x00y\x00", 1)
	f(`/a{2,3}/`, "aaaa", 3)
	f(`/(foo|ba[rz]){2}/`, "foobar bazfoo bar", 2)
	f(`/\x41\.\//`, "A./", 1)
}

func TestRuleKinds(t *testing.T) {
	f := func(rules, text, want string) {
		t.Helper()
		names, err := check(t, rules, text, nil)
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("%s: got %q %v, want %q", rules, got, err, want)
		}
	}
	f(`private rule p { strings: $a = "x" condition: $a } rule q { condition: p }`, "x", "q")
	f(`global rule g { condition: filesize > 3 } rule q { condition: true }`, "x", "")
	f(`rule q { condition: true } global private rule g { condition: filesize > 3 }`, "xxxx", "q")
	f(`rule a1 { strings: $a = "x" condition: $a } rule a2 { condition: false } rule q { condition: any of (a*) and not all of (a1, a2) }`, "x", "a1 q")
	f(`rule a { strings: $a = "x" condition: $a } rule b { condition: not a }`, "y", "b")
}

func TestErrors(t *testing.T) {
	f := func(rules, want string) {
		t.Helper()
		_, errs := Compile([]Source{{"t.yar", []byte(rules)}}, Options{})
		if got := fmt.Sprint(errs); got != "["+want+"]" {
			t.Errorf("%s:\n got %s\nwant [%s]", rules, got, want)
		}
	}
	f(`rule r { condition: }`, `t.yar:1:21: unexpected "}", expected an expression`)
	f("rule r {\n  condition:\n    $a }", `t.yar:3:5: undefined string "$a"`)
	f(`rule r { strings: $a = "x" condition: true }`, `t.yar:1:19: unreferenced string "$a"`)
	f(`rule r { strings: $a = "x" $a = "y" condition: $a }`, `t.yar:1:28: duplicated string identifier "$a"`)
	f(`rule r { condition: foo }`, `t.yar:1:21: undefined identifier "foo"`)
	f(`import "cuckoo" rule r { condition: true }`, `t.yar:1:8: unknown module "cuckoo"`)
	f(`import "pe" rule r { condition: pe.nothing == 1 }`, `t.yar:1:36: invalid field name "nothing"`)
	f(`import "pe" rule r { condition: pe.sections }`, `t.yar:1:36: wrong usage of identifier "sections"`)
	f(`import "pe" rule r { condition: pe.imphash(1) == "" }`, `t.yar:1:43: wrong arguments for function "imphash"`)
	f(`import "pe" rule r { condition: pe.machine[0] == 1 }`, `t.yar:1:43: "machine" is not an array or dictionary`)
	f(`rule r { condition: 1 == "a" }`, `t.yar:1:23: type mismatch: integer == string`)
	f(`rule r { condition: 1 \ 0 == 1 }`, `t.yar:1:23: division by zero`)
	f(`rule r { condition: 9223372036854775807 + 1 == 0 }`, `t.yar:1:41: integer overflow in "9223372036854775807 + 1"`)
	f(`rule r { condition: 99999999999999999999 == 0 }`, `t.yar:1:21: integer overflow in "99999999999999999999"`)
	f(`rule r { strings: $a = /a(b/ condition: $a }`, `t.yar:1:25: regular expression string "$a": syntax error`)
	f(`rule r { strings: $a = /a+b*?/ condition: $a }`, `t.yar:1:25: regular expression string "$a": greedy and ungreedy quantifiers can't be mixed in a regular expression`)
	f(`rule r { strings: $a = { AA [3-2] BB } condition: $a }`, `t.yar:1:29: hex string "$a": invalid jump range`)
	f(`rule r { strings: $a = { AA B } condition: $a }`, `t.yar:1:29: hex string "$a": uneven number of digits in hex string`)
	f(`rule r { strings: $a = "x condition: $a }`, `t.yar:1:24: text without end`)
	f(`rule r { strings: $a = "\q" condition: $a }`, `t.yar:1:25: illegal escape sequence`)
	f(`rule r { strings: $a = { AA } wide condition: $a }`, `t.yar:1:31: modifier "wide" does not go with a hex string`)
	f(`rule r { strings: $a = "abc" xor nocase condition: $a }`, `t.yar:1:19: invalid modifier combination: xor nocase`)
	f(`rule r { condition: true } rule r { condition: true }`, `t.yar:1:33: duplicated identifier "r"`)
	f(`rule a1 { condition: true } rule b { condition: any of (a*) } rule a2 { condition: true }`, `t.yar:1:68: rule "a2" fits the wildcard "a*" that a rule before it uses`)
	f(`include "x.yar"`, `t.yar:1:9: include "x.yar": includes are not allowed here`)
	f(`rule r { condition: 101% of them }`, `t.yar:1:24: percentage must be between 1 and 100 (inclusive) t.yar:1:29: undefined string "$*"`)
	f(`rule r { condition: $ }`, `t.yar:1:21: wrong use of anonymous string`)
	f(`rule r { condition: for all i in (1..2) : (for all i in (1..2) : (true)) }`, `t.yar:1:44: duplicated loop identifier "i"`)
	f(`rule r { /* `, `t.yar:1:10: comment without end`)
	f(`rule r { condition: `+strings.Repeat("(", 5000), `t.yar:1:521: expression nested deeper than 500`)
}

func TestFilesAreRefusedWholeAndApart(t *testing.T) {
	r, errs := Compile([]Source{
		{"good", []byte(`rule same { condition: true }`)},
		{"bad", []byte(`rule fine { condition: true } rule wrong { condition: x }`)},
		{"also", []byte("rule same { meta: a = \"b\" c = -3 d = true condition: true }\nrule tagged : t1 t2 { condition: true }")},
	}, Options{})
	if len(errs) != 1 || errs[0].File != "bad" {
		t.Errorf("errors %v", errs)
	}
	var got []string
	for _, rule := range r.All() {
		got = append(got, fmt.Sprint(rule.File, ":", rule.Line, " ", rule.Name, rule.Tags, rule.Meta))
	}
	want := "good:1 same[] [] also:1 same[] [{a b 1} {c -3 1} {d true 1}] also:2 tagged[t1 t2] []"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
}

func TestInclude(t *testing.T) {
	files := map[string]string{"rules/b.yar": `rule b { condition: true }`, "rules/deep/c.yar": `include "../b.yar" include "d.yar" rule c { condition: b and d }`,
		"rules/deep/d.yar": `import "pe" rule d { condition: not pe.is_pe }`, "rules/loop": `include "./loop"`, "rules/one": `include "two"`, "rules/two": `include ".\\one"`, "/abs": ``,
		"rules/wide": strings.Repeat(`include "/abs" `, 6000)}
	opt := Options{Include: func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("no such file")
	}}
	r, errs := Compile([]Source{{"rules/a.yar", []byte(`include "deep/c.yar" include "/abs" rule a { condition: c }`)}}, opt)
	var names []string
	for _, rule := range r.All() {
		names = append(names, rule.File+":"+rule.Name)
	}
	if got := strings.Join(names, " "); len(errs) > 0 || got != "rules/b.yar:b rules/deep/d.yar:d rules/deep/c.yar:c rules/a.yar:a" {
		t.Errorf("%v %v", got, errs)
	}
	for src, want := range map[string]string{
		`include "c"`:    `rules/a:1:9: include "c": no such file`,
		`include "a"`:    `rules/a:1:9: include "a": the file includes itself`,
		`include "loop"`: `rules/loop:1:9: include "./loop": the file includes itself`,
		`include "one"`:  `rules/two:1:9: include ".\\one": the file includes itself`,
		`include "wide"`: `rules/wide:1:74994: include "/abs": more than 5000 files`,
	} {
		if _, errs := Compile([]Source{{"rules/a", []byte(src)}}, opt); fmt.Sprint(errs) != "["+want+"]" {
			t.Errorf("%s: %v", src, errs)
		}
	}
}

func TestExternals(t *testing.T) {
	r, errs := Compile([]Source{{"x", []byte(`rule r { condition: name == "a" and n == 2 }`)}}, Options{Externals: map[string]any{"name": "", "n": int64(2)}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	f := func(externals map[string]any, want string) {
		t.Helper()
		got := ""
		err := r.Scan(context.Background(), strings.NewReader(""), 0, externals, func(m Match) { got += m.Rule.Name })
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: %q, want %q", externals, got, want)
		}
	}
	f(nil, "")
	f(map[string]any{"name": "a"}, "r")
	f(map[string]any{"name": "a", "n": int64(3)}, "")
	f(map[string]any{"name": 1}, `yara: external variable "name": int given, string declared`)
	f(map[string]any{"other": 1}, `yara: external variable "other" is not declared`)
	if _, errs := Compile(nil, Options{Externals: map[string]any{"x": []int{1}}}); len(errs) != 1 {
		t.Errorf("%v", errs)
	}
}

func TestWindowsSeeTheSame(t *testing.T) {
	var b bytes.Buffer
	for i := range 60_000 {
		fmt.Fprintf(&b, "%d needle-%d ", i*7919, i)
	}
	text := b.Bytes()
	rules := []Source{{"w", []byte(`rule w { strings: $a = "needle" fullword $b = /needle-\d+9 / $c = { 6E 65 65 64 6C 65 2D 31 20 [-] 6E 65 65 64 6C 65 2D 35 39 39 39 39 }
		condition: all of them and uint8(600000) > 0 }`)}}
	count := func(window int) (n map[string]int, ends int) {
		r, errs := Compile(rules, Options{Window: window, Listed: 1 << 30})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		n = map[string]int{}
		err := r.Scan(context.Background(), bytes.NewReader(text), int64(len(text)), nil, func(m Match) {
			for _, s := range m.Strings {
				n[s.Name]++
				ends += int(s.Offset) + s.Length
			}
		})
		if err != nil {
			t.Error(err)
		}
		return n, ends
	}
	whole, ends := count(1 << 30)
	if parts, e := count(1 << 10); fmt.Sprint(parts) != fmt.Sprint(whole) || e != ends || whole["$a"] != 60_000 {
		t.Errorf("whole %v %d, by windows %v %d", whole, ends, parts, e)
	}
}

type broken struct{}

func (broken) ReadAt(b []byte, off int64) (int, error) { return 0, io.ErrClosedPipe }

func TestLimitsAndErrors(t *testing.T) {
	r, _ := Compile([]Source{{"x", []byte(`rule r { strings: $a = "aa" condition: $a and #a == 10 }`)}}, Options{MaxMatches: 10})
	text := strings.Repeat("a", 100)
	found := 0
	err := r.Scan(context.Background(), strings.NewReader(text), 100, nil, func(Match) { found++ })
	var limit *LimitError
	if !errors.As(err, &limit) || found != 1 || err.Error() != `yara: limit: matches of a string: at string "$a" of rule "r" there are more than 10` {
		t.Errorf("%v, %d found", err, found)
	}
	if err := r.Scan(context.Background(), broken{}, 10, nil, func(Match) {}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if err := r.Scan(context.Background(), strings.NewReader("a"), 10, nil, func(Match) {}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Scan(ctx, strings.NewReader(text), 100, nil, func(Match) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
