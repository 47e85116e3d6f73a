package sigma

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rule wraps a detection, given in YAML's flow style or indented by four.
func rule(detection string) string {
	return "title: t\nid: r\nlogsource: {product: p}\ndetection:\n" + detection
}

func parseRule(t *testing.T, detection string) *Rule {
	t.Helper()
	placeholders := map[string][]string{"dc": {"dc1", "dc2*"}, "empty": nil}
	rules, _, err := Parse("f.yml", []byte(rule(detection)), Options{Placeholders: placeholders})
	if err != nil || len(rules) != 1 {
		t.Fatalf("%s\n%d rules, %v", detection, len(rules), err)
	}
	return rules[0]
}

// bind gives a program for events with these fields, "name=value" each; a name
// alone is a field that the schema has and the event lacks.
func bind(r *Rule, event []string) (*Program, [][]byte) {
	var names []string
	var values [][]byte
	for _, f := range event {
		name, value, there := strings.Cut(f, "=")
		names, values = append(names, name), append(values, nil)
		if there {
			values[len(values)-1] = []byte(value)
		}
	}
	return Compile([]*Rule{r}, func(name string) (Column, bool) {
		i := slices.Index(names, name)
		return Column{At: i}, i >= 0
	}), values
}

func matches(r *Rule, event ...string) bool {
	p, values := bind(r, event)
	return p.Len() == 1 && p.Match(0, values, bytes.Join(values, []byte(" ")))
}

// TestValues: one field F with a value of the rule, against values of a log.
func TestValues(t *testing.T) {
	f := func(item string, yes, no []string) {
		t.Helper()
		r := parseRule(t, "  s:\n    "+item+"\n  condition: s\n")
		for i, v := range slices.Concat(yes, no) {
			if got, want := matches(r, "F="+v, "G=Other"), i < len(yes); got != want {
				t.Errorf("%s: %q: %v", item, v, got)
			}
		}
	}
	// Rules specification, General, String Wildcard, Escaping.
	f(`F: Ab`, []string{"ab", "AB"}, []string{"", "abc", "a b"})
	f(`F: ''`, []string{""}, []string{"x"})
	f(`F: '*'`, []string{"", "x"}, nil)
	f(`F: '?*'`, []string{"x", "é"}, []string{""})
	f(`F: 'prog?.exe'`, []string{"progA.exe", "PROGé.EXE"}, []string{"prog.exe", "progAB.exe"})
	f(`F: 'a*b*c'`, []string{"abc", "aXbYbZc"}, []string{"acb", "abcd", "xabc"})
	f(`F: 'a?*b'`, []string{"axb", "axyb"}, []string{"ab"})
	f(`F: 'ab*ba'`, []string{"abba", "abxba"}, []string{"aba"})
	f(`F: 'C:\Win*'`, []string{`c:\windows`}, []string{`C:Win`})
	f(`F: 'C:\*'`, []string{`C:*`}, []string{`C:\x`})
	f(`F: 'C:\\*'`, []string{`C:\x`, `C:\`}, []string{`C:*`})
	f(`F: 'C:\\\*'`, []string{`C:\*`}, []string{`C:\x`})
	f(`F: 'a\\b'`, []string{`a\b`}, []string{`a\\b`})
	f(`F: '\\\\srv\x'`, []string{`\\srv\x`}, []string{`\srv\x`})
	f(`F: '\\\srv'`, []string{`\\srv`}, []string{`\srv`})
	f(`F: 'a\?'`, []string{"a?"}, []string{"ab"})
	f(`F: 'a\'`, []string{`a\`}, []string{"a"})
	// Folding: Unicode's, and no letter of ASCII has an equal outside it.
	f(`F: 'straÙe-Ωσ'`, []string{"STRAùE-ωΣ", "straùe-Ως"}, []string{"strauE-ωΣ"})
	f(`F: 'ks'`, []string{"KS"}, []string{"\u212as", "k\u017f"})
	// Lists, numbers, booleans.
	f(`F: [a, 'b*']`, []string{"A", "bc"}, []string{"ab"})
	f(`F: 4688`, []string{"4688"}, []string{"46880", "4688.0"})
	f(`F: 0x10`, []string{"0x10", "0X10", "16"}, []string{"10"})
	f(`F: 1.50`, []string{"1.50"}, []string{"1.5"})
	f(`F: true`, []string{"true", "True"}, []string{"false", "1"})
	f(`F: [null, '']`, []string{""}, []string{"x"})
}

func TestModifiers(t *testing.T) {
	f := func(item string, yes, no []string) {
		t.Helper()
		r := parseRule(t, "  s:\n    "+item+"\n  condition: s\n")
		for i, v := range slices.Concat(yes, no) {
			if got, want := matches(r, "F="+v, "G=Other"), i < len(yes); got != want {
				t.Errorf("%s: %q: %v", item, v, got)
			}
		}
	}
	f(`F|contains: B`, []string{"abc", "b"}, []string{"ac", ""})
	f(`F|contains: ''`, []string{"", "x"}, nil)
	f(`F|contains: 'a?c*e'`, []string{"xabcdex", "ABCE"}, []string{"ace"})
	f(`F|contains: 12`, []string{"x123"}, []string{"x1"})
	f(`F|startswith: Ab`, []string{"abc"}, []string{"xab"})
	f(`F|endswith: '\cmd.exe'`, []string{`C:\CMD.EXE`}, []string{`C:\xcmd.exe`, `\cmd.exe `})
	f(`F|endswith: '?.exe'`, []string{`éx.EXE`}, []string{`.exe`})
	f(`F|contains|all: [a, b]`, []string{"ba"}, []string{"a", "b"})
	f(`F|all: ['a*', '*b']`, []string{"ab"}, []string{"a", "b"})
	f(`F|all|contains: [a, b]`, []string{"ba"}, []string{"a"})
	f(`F|neq: a`, []string{"b", ""}, []string{"a", "A"})
	f(`F|neq: [a, b]`, []string{"c"}, []string{"a", "b"})
	f(`F|contains|neq: a`, []string{"b"}, []string{"bab"})
	f(`F|cased: Ab`, []string{"Ab"}, []string{"ab", "AB"})
	f(`F|contains|cased: Ab`, []string{"xAbx"}, []string{"xabx"})
	f(`F|exists: true`, []string{"", "x"}, nil)
	f(`F|exists: false`, nil, []string{"", "x"})
	// Modifiers appendix, windash.
	f(`F|windash|contains: ' -f'`, []string{"x -f", "x /F", "x –f", "x —f", "x ―f"}, []string{"xf", "x f", "x--f"})
	f(`F|contains|windash: '/a-b /c'`, []string{"-a-b ―c"}, []string{"-a/b -c"})
	f(`F|windash: '--f'`, []string{"--f", "-/f"}, []string{"/-f"})
	f(`F|windash|endswith: '-x'`, []string{"a —X"}, []string{"a x"})
	// Regular Expression.
	f(`F|re: 'a+b$'`, []string{"xaab"}, []string{"AAB", "ab "})
	f(`F|re|i: 'a+B$'`, []string{"xAAb"}, []string{"ab "})
	f(`F|re|m: '^b$'`, []string{"a\nb\nc"}, []string{"ab"})
	f(`F|re: '^b$'`, []string{"b"}, []string{"a\nb\nc"})
	f(`F|re|s: 'a.b'`, []string{"a\nb"}, []string{"ab"})
	f(`F|re|ignorecase|dotall|multiline: '^a.b$'`, []string{"x\nA\nB"}, []string{"ab"})
	f(`F|re|startswith: 'a|b'`, []string{"bx"}, []string{"xb"})
	f(`F|re|endswith: 'a|b'`, []string{"xb"}, []string{"bx"})
	f(`F|re|contains: 'a|b'`, []string{"xbx"}, []string{"x"})
	f(`F|re|all: ['a', 'b$']`, []string{"ab"}, []string{"ba"})
	f(`F|re: '(?i)wget.{1,9}(exe|dll)'`, []string{"WGET x.EXE"}, []string{"WGET x"})
	// Encoding.
	f(`F|base64: 'foo'`, []string{"Zm9v"}, []string{"foo"})
	f(`F|base64|contains: 'http://'`, []string{"x aHR0cDovLw== y"}, []string{"aHR0cDov"})
	f(`F|base64offset|contains: 'foobar'`, []string{"Zm9vYmFy", "xmb29iYXx", "xZvb2Jhcx"}, []string{"foobar"})
	f(`F|wide: 'cmd'`, []string{"c\x00m\x00d\x00"}, []string{"cmd"})
	f(`F|utf16le|contains: 'cm*d'`, []string{"c\x00m\x00--d\x00"}, []string{"cmd"})
	f(`F|utf16be: 'cmd'`, []string{"\x00c\x00m\x00d"}, []string{"cmd"})
	f(`F|utf16: 'cmd'`, []string{"\xff\xfec\x00m\x00d\x00"}, []string{"c\x00m\x00d\x00"})
	f(`F|wide|base64offset|contains: 'ping'`, []string{"cABpAG4AZw", "AAaQBuAGcA"}, []string{"cGluZw=="})
	f(`F|utf16|base64: 'a'`, []string{"//5hAA=="}, nil)
	f(`F|windash|base64: ' -x'`, []string{"IC14", "IC94"}, []string{"IHgK"})
	// Numeric, time and address modifiers.
	f(`F|lt: 10`, []string{"9", "-1", " 9.5 ", "0x9"}, []string{"10", "a", "", "nan", "1_0", "0xg"})
	f(`F|lte: 10`, []string{"10", "1e1"}, []string{"11"})
	f(`F|gt: 10`, []string{"11", "0xFF"}, []string{"10", "inf"})
	f(`F|gte: 0x10`, []string{"16"}, []string{"15"})
	f(`F|gt|neq: 10`, []string{"10", "a"}, []string{"11"})
	f(`F|cidr: 10.0.0.0/8`, []string{"10.1.2.3", "::ffff:10.0.0.1"}, []string{"11.0.0.1", "10.0.0", "x", ""})
	f(`F|cidr: ['fe80::/10', '192.0.2.7']`, []string{"fe80::1%eth0", "192.0.2.7"}, []string{"192.0.2.8", "::1"})
	f(`F|hour: 8`, []string{"2024-05-06T08:09:10.5Z", "08:09:10"}, []string{"2024-05-06 09:09:10", "2024-05-06", "8"})
	f(`F|hour|gte: 8`, []string{"2024-05-06 23:00:00"}, []string{"2024-05-06 07:00:00"})
	f(`F|minute: 9`, []string{"06/May/2024:08:09:10 +0200"}, []string{"08:08:08"})
	f(`F|day: 6`, []string{"2024-05-06"}, []string{"08:06:06"})
	f(`F|week: 19`, []string{"2024/05/06 00:00:00"}, []string{"2024-05-05"})
	f(`F|month: 5`, []string{"2024-05-06"}, []string{"2024-06-05"})
	f(`F|year|lt: 2024`, []string{"2023-05-06"}, []string{"2024-05-06", "08:09:10"})
	// Specific modifiers.
	f(`F|fieldref: G`, []string{"oTHER"}, []string{"x", ""})
	f(`F|fieldref|neq: G`, []string{"x"}, []string{"other"})
	f(`F|fieldref|contains: G`, []string{"an other one"}, []string{"oth"})
	f(`F|fieldref|startswith: G`, []string{"others"}, []string{"another"})
	f(`F|fieldref|endswith: G`, []string{"another"}, []string{"others"})
	f(`F|fieldref|cased: G`, []string{"Other"}, []string{"other"})
	f(`F|fieldref: H`, nil, []string{"", "x"})
	f(`F|expand: '%dc%'`, []string{"dc1", "DC2x"}, []string{"%dc%", "dc1x"})
	f(`F|contains|expand: '%dc%-%dc%'`, []string{"xdc1-dc1x", "dc2-dc2"}, []string{"dc1"})
	f(`F|expand: '\%dc%'`, []string{"%dc%"}, []string{"dc1"})
	f(`F|expand: '100%'`, []string{"100%"}, nil)
	f(`F: '%dc%'`, []string{"%dc%"}, []string{"dc1"})
}

func TestNullAndMissing(t *testing.T) {
	f := func(item string, want bool, event ...string) {
		t.Helper()
		if got := matches(parseRule(t, "  s:\n    "+item+"\n  condition: s\n"), event...); got != want {
			t.Errorf("%s in %q: %v", item, event, got)
		}
	}
	f(`F: null`, true, "F", "G=x")
	f(`F: null`, true, "G=x")
	f(`F: null`, false, "F=")
	f(`F:`, true, "F")
	f(`F|neq: null`, true, "F=")
	f(`F|neq: null`, false, "F")
	f(`F|exists: false`, true, "F")
	f(`F|exists: true`, false, "F")
	f(`F|neq: a`, true, "G=x")
	f(`F: '*'`, false, "F")
	f(`F: ''`, false, "F")
	f(`F|re: '.*'`, false, "F")
	f(`F|lt: 5`, false, "F")
	f(`F|fieldref: G`, false, "F", "G")
	f(`F|fieldref: G`, false, "F=", "G")
}

func TestSearches(t *testing.T) {
	f := func(detection string, want bool, event ...string) {
		t.Helper()
		if got := matches(parseRule(t, detection), event...); got != want {
			t.Errorf("%s\nin %q: %v", detection, event, got)
		}
	}
	const and = "  s: {A: x, B: y}\n  condition: s\n"
	f(and, true, "A=x", "B=y")
	f(and, false, "A=x", "B=z")
	const or = "  s: [{A: x}, {B: y, C: z}, keyword]\n  condition: s\n"
	f(or, true, "A=x", "B=", "C=")
	f(or, false, "A=", "B=y", "C=")
	f(or, true, "A=", "B=y", "C=z")
	f(or, true, "D=a KEYWORD here")
	f("  s: keyword\n  condition: s\n", true, "D=a KEYWORD here")
	f("  s: [4625, 'a*c']\n  condition: s\n", true, "D=id 4625.")
	f("  s: [4625, 'a*c']\n  condition: s\n", true, "D=xabcx")
	f("  s: ['a*c']\n  condition: s\n", true, "D=a", "E=c") // across fields, as raw has it
	f("  s: {'|all': [a, b]}\n  condition: s\n", true, "D=xax", "E=xbx")
	f("  s: {'|all': [a, b]}\n  condition: s\n", false, "D=xax", "E=x")
	f("  s: {'|re': '^b'}\n  condition: s\n", true, "D=a", "E=b")
	f("  s: {'|startswith': [b]}\n  condition: s\n", true, "D=a", "E=ba")
	f("  s: {'|startswith': [b]}\n  condition: s\n", false, "D=a", "E=ab")
	f("  s: {'|cased': [Kw]}\n  condition: s\n", false, "D=a kw b")
	f("  s: {'|base64offset|contains': [foobar]}\n  condition: s\n", true, "D=a Zm9vYmFy b")
	f("  s: &x {A: x}\n  u: *x\n  condition: u\n", true, "A=x")
}

func TestConditions(t *testing.T) {
	const searches = "  a: {A: x}\n  b: {B: x}\n  sel_1: {C: x}\n  sel_2: {D: x}\n  _h: {E: x}\n  not-this: {F: x}\n"
	f := func(condition string, yes, no []string) {
		t.Helper()
		r := parseRule(t, searches+"  condition: "+condition+"\n")
		for i, set := range slices.Concat(yes, no) {
			event := []string{"A=", "B=", "C=", "D=", "E=", "F="}
			for j := range event {
				if strings.Contains(set, event[j][:1]) {
					event[j] += "x"
				}
			}
			if got, want := matches(r, event...), i < len(yes); got != want {
				t.Errorf("%s with %q: %v", condition, set, got)
			}
		}
	}
	f("a", []string{"A"}, []string{"", "B"})
	f("a and b", []string{"AB"}, []string{"A", "B"})
	f("a or b", []string{"A", "B"}, []string{"", "C"})
	f("a AND NOT b", []string{"A"}, []string{"AB", ""})
	f("not not a", []string{"A"}, []string{""})
	f("a or b and sel_1", []string{"A", "BC"}, []string{"B", "C"})
	f("(a or b) and sel_1", []string{"AC", "BC"}, []string{"A", "C"})
	f("not a and b", []string{"B"}, []string{"AB", ""})
	f("not (a and b)", []string{"A", ""}, []string{"AB"})
	f("(a)and(b)", []string{"AB"}, []string{"A"})
	f("1 of them", []string{"A", "F"}, []string{"", "E"})
	f("any of sel_*", []string{"C", "D"}, []string{"A"})
	f("all of them", []string{"ABCDF"}, []string{"ABCD", "ABCDE"})
	f("all of sel_*", []string{"CD"}, []string{"C", "D"})
	f("all of sel*1", []string{"C"}, []string{"D"})
	f("1 of sel_1", []string{"C"}, []string{"D"})
	f("2 of them", []string{"AB", "CF"}, []string{"A", "AE"})
	f("1 of sel_* and not 1 of n*", []string{"C"}, []string{"CF", ""})
	f("_h", []string{"E"}, []string{"A"})
	f("not-this", []string{"F"}, []string{"A"})
	f("[a, b and sel_1]", []string{"A", "BC"}, []string{"B"})
	f("\n    a and\n    b", []string{"AB"}, []string{"A"})
	f(">-\n    a and\n    b", []string{"AB"}, []string{"A"})
}

func TestAddCondition(t *testing.T) {
	r := parseRule(t, "  s: {A: x}\n  answered: {B: 200}\n  condition: s\n")
	if i, err := r.AddCondition("answered"); i != 0 || err != nil {
		t.Fatal(i, err)
	}
	if i, err := r.AddCondition("s and not answered"); i != 1 || err != nil {
		t.Fatal(i, err)
	}
	_, err := r.AddCondition("s and nothing")
	if want := `f.yml:1:1: rule "r": condition "s and nothing": no search is named "nothing"`; fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	p, values := bind(r, []string{"A=x", "B=200"})
	e := p.On(values, nil)
	defer e.End()
	if got := []bool{e.Match(0), e.Holds(0, 0), e.Holds(0, 1)}; !slices.Equal(got, []bool{true, true, false}) {
		t.Error(got)
	}
	if got := r.Fields(); !slices.Equal(got, []string{"A", "B"}) {
		t.Error(got)
	}
}

func TestSpelling(t *testing.T) {
	r := parseRule(t, "  s: {Path|contains|all: ['/../', secret]}\n  f: {Path: null}\n  condition: s and not f\n")
	p := Compile([]*Rule{r}, func(string) (Column, bool) {
		return Column{At: 0, Spell: func(values [][]byte) [][]byte {
			return [][]byte{values[0], bytes.ReplaceAll(values[0], []byte("%2e"), []byte("."))}
		}}, true
	})
	if !p.Match(0, [][]byte{[]byte("/%2e%2e/SECRET")}, nil) || p.Match(0, [][]byte{[]byte("/%2e/secret")}, nil) {
		t.Error("spellings are not all compared")
	}
}

func TestCompileDropsWhatCannotMatch(t *testing.T) {
	f := func(detection string, want int, fields ...string) {
		t.Helper()
		if p, _ := bind(parseRule(t, detection), fields); p.Len() != want {
			t.Errorf("%s\nwith %q: %d rules", detection, fields, p.Len())
		}
	}
	f("  s: {A: x, B: y}\n  condition: s\n", 0, "A")
	f("  s: {A: x, B: y}\n  condition: s\n", 1, "A", "B")
	f("  s: [{A: x}, {B: y}]\n  condition: s\n", 1, "A")
	f("  s: {A: x, B: null}\n  condition: s\n", 1, "A")
	f("  s: {A: x, B|exists: false}\n  condition: s\n", 1, "A")
	f("  s: {A: x, B|exists: true}\n  condition: s\n", 0, "A")
	f("  s: {A: x}\n  n: {B: y}\n  condition: s and not n\n", 1, "A")
	f("  s: {A: x}\n  n: {B: null}\n  condition: s and not n\n", 0, "A")
	f("  s: {A|fieldref: B}\n  condition: s\n", 0, "A")
	f("  s: [kw]\n  condition: s\n", 1)
	f("  s: {A: x}\n  t: {B: x}\n  u: {C: x}\n  condition: 2 of them\n", 0, "A")
	f("  s: {A: x}\n  t: {B: x}\n  u: {C: x}\n  condition: 2 of them\n", 1, "A", "C")
}

func TestFits(t *testing.T) {
	f := func(rule, log LogSource, want bool) {
		t.Helper()
		if got := rule.Fits(log); got != want {
			t.Errorf("%v fits %v: %v", rule, log, got)
		}
	}
	f(LogSource{Product: "windows"}, LogSource{Product: "Windows", Service: "security"}, true)
	f(LogSource{Product: "windows", Service: "system"}, LogSource{Product: "windows", Service: "security"}, false)
	f(LogSource{Category: "webserver"}, LogSource{}, false)
	f(LogSource{Category: "webserver", Definition: "with headers"}, LogSource{Category: "webserver"}, true)
}

func TestLiterals(t *testing.T) {
	f := func(detection, want string) {
		t.Helper()
		texts, fields := parseRule(t, detection).Literals()
		var all []string
		for i := range texts {
			all = append(all, fields[i]+":"+texts[i])
		}
		if got := strings.Join(all, " "); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", detection, got, want)
		}
	}
	f("  s: {A: Powershell, B|contains: Longer-than-this}\n  condition: s\n", "B:longer-than-this")
	f("  s: {A: [one, three]}\n  condition: s\n", "A:one A:three")
	f("  s: {A: [one, no]}\n  condition: s\n", "")
	f("  s: {A: [one, 'x*', null]}\n  condition: s\n", "")
	f("  s: {A: 'ab*cdefÄghi'}\n  condition: s\n", "A:cdef")
	f("  s: {A|contains|windash: ' -EncodedCommand'}\n  condition: s\n", "A:encodedcommand")
	f("  s: {A|contains: [cmd, cmd.exe, xcmd]}\n  condition: s\n", "A:cmd")
	f("  s: {A: cmd}\n  n: {B: whoami}\n  condition: s and not n\n", "A:cmd")
	f("  s: {A: cmd}\n  n: {B: whoami}\n  condition: s or not n\n", "")
	f("  s: {A: cmd}\n  n: {B: whoami}\n  condition: s or n\n", "A:cmd B:whoami")
	f("  a: {A: first}\n  b: {B: secondly}\n  c: {C: thirdly_}\n  condition: 2 of them\n", "B:secondly C:thirdly_")
	f("  a: {A: first}\n  b: {B: null}\n  c: {C: thirdly}\n  condition: 2 of them\n", "A:first C:thirdly")
	f("  s: [kw, other]\n  condition: s\n", "")
	f("  s: [kwd, other]\n  condition: s\n", ":kwd :other")
	f("  s: {A|re: 'x(wget|curl)\\s+http'}\n  condition: s\n", "A:xwget A:xcurl")
	f("  s: {A|re: '[Pp]rogram[Dd]ata.*[0-9]+'}\n  condition: s\n", "A:programdata")
	f("  s: {A|re: '(abc|defg)x?'}\n  condition: s\n", "A:abc A:defg")
	f("  s: {A|re|i: 'KERNEL'}\n  condition: s\n", "A:kernel")
	f("  s: {A|re: '(abc)?'}\n  condition: s\n", "")
	f("  s: {A|cidr: 10.0.0.0/8, B|fieldref: C, D|lt: 500, E: null, F|exists: true}\n  condition: s\n", "")
	f("  s: {A: 4688}\n  condition: s\n", "A:4688")
	f("  s: {A: 0x1000}\n  condition: s\n", "A:4096 A:0x1000")
	f("  s: {A|wide: cmd}\n  condition: s\n", "")
	f("  s: {A|base64offset|contains: foobar}\n  condition: s\n", "A:zvb2jhc A:mb29iyx A:zm9vymfy")
	f("  s: {A|cased: CMD}\n  condition: s\n", "A:cmd")
	f("  s: {A|neq: cmdline}\n  condition: s\n", "")
}

func TestLongListsKeepTheirLiterals(t *testing.T) {
	r := parseRule(t, "  s: {A: [abc"+strings.Repeat(", xyz", 1500)+"]}\n  condition: s\n")
	if texts, _ := r.Literals(); !slices.Equal(texts, []string{"abc", "xyz"}) {
		t.Errorf("%d literals", len(texts))
	}
}
