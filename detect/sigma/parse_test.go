package sigma

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		rules, correlations, err := Parse("f.yml", []byte(text), Options{Placeholders: map[string][]string{"none": nil}})
		if got := fmt.Sprint(err); got != want || len(rules)+len(correlations) != 0 {
			t.Errorf("%s\ngot  %s (%d rules)\nwant %s", text, got, len(rules), want)
		}
	}
	head := "title: t\nid: r\nlogsource: {product: p}\n"
	item := func(line, want string) { // the line stands on line 6, from column 5
		t.Helper()
		f(head+"detection:\n  s:\n    "+line+"\n  condition: s\n", `f.yml:6:`+want)
	}
	condition := func(expr, want string) {
		t.Helper()
		f(head+"detection:\n  s: {A: x}\n  condition: "+expr+"\n", `f.yml:6:`+want)
	}
	at := func(column int, reason string) string { return fmt.Sprintf("%d: rule \"r\": %s", column, reason) }

	// Files and documents.
	f("", "f.yml:1:1: the file is empty")
	f("a: [", "f.yml:1:1: did not find expected node content")
	f("a: b\n c: d\n", "f.yml:2:1: mapping values are not allowed in this context")
	f("- a\n", "f.yml:1:1: want a rule (key: value)")
	f("a: "+strings.Repeat("[", 40)+strings.Repeat("]", 40), "f.yml:1:1: more than 100000 values, or nested deeper than 24")
	f("title: t\n", "f.yml:1:1: rule \"t\": neither `detection` nor `correlation` nor `filter`")
	f("id: r\nlogsource: {product: p}\ndetection: {s: {A: x}, condition: s}\n", "f.yml:1:1: rule \"r\": no `title`")
	f("title: t\ndetection: {s: {A: x}, condition: s}\n", "f.yml:1:1: rule \"t\": no `logsource` with product, category or service")
	f("title: t\nlogsource: {definition: p}\ndetection: {s: {A: x}, condition: s}\n", "f.yml:2:12: rule \"t\": no product, category or service in `logsource`")
	f(head+"level: hihg\ndetection: {s: {A: x}, condition: s}\n", `f.yml:4:8: rule "r": level "hihg" is none of informational, low, medium, high, critical`)
	f(head+"taxonomy: ecs\ndetection: {s: {A: x}, condition: s}\n", `f.yml:4:11: rule "r": taxonomy "ecs": only "sigma" is known, its fields would never match`)
	f(head+"action: global\n", "f.yml:1:1: rule \"r\": `action` (global, repeat, reset) is of the old Sigma format and changes the rules below it; write them out")
	f(head+"title: u\ndetection: {s: {A: x}, condition: s}\n", `f.yml:4:1: "title" stands here a second time`)
	f(head+"tags: [{a: b}]\ndetection: {s: {A: x}, condition: s}\n", `f.yml:4:8: rule "r": want a text`)

	// Searches.
	f(head+"detection: [a]\n", "f.yml:4:12: rule \"r\": want searches and a `condition` in `detection`\nf.yml:4:12: rule \"r\": no `condition`")
	f(head+"detection: {s: {A: x}}\n", "f.yml:4:12: rule \"r\": no `condition`")
	f(head+"detection: {s: {A: x}, timeframe: 5m, condition: s}\n", "f.yml:4:24: rule \"r\": `timeframe` is of the old Sigma format; write a correlation rule")
	f(head+"detection:\n  s: {}\n  condition: s\n", "f.yml:5:6: rule \"r\": an empty search: it would match every event")
	f(head+"detection:\n  s: []\n  t: {A: x}\n  condition: t\n", `f.yml:5:6: rule "r": an empty list: it would never match`)
	f(head+"detection:\n  s: [[a]]\n  t: {A: x}\n  condition: t\n", `f.yml:5:7: rule "r": a list in a list of a search`)
	f(head+"detection:\n  s: null\n  t: {A: x}\n  condition: t\n", `f.yml:5:6: rule "r": null is no keyword`)
	f(head+"detection:\n  s: {A: x, A: y}\n  condition: s\n", `f.yml:5:13: rule "r": "A" stands here a second time`)
	f(head+"detection:\n  s: {A: [], B: x}\n  condition: s\n", `f.yml:5:10: rule "r": no value for "A"`)
	f(head+"detection:\n  s: {A: {x: y}, B: x}\n  condition: s\n", `f.yml:5:10: rule "r": want a value, or a list of values`)

	// Modifiers.
	item(`F|contain: x`, at(5, `modifier "contain": there is none of that name`))
	item(`F|: x`, at(5, `modifier "": there is none of that name`))
	item(`F|contains: null`, at(17, `modifier "contains": does not fit a null`))
	item(`F|contains|re: x`, at(5, `modifier "re": fits unmodified values only`))
	item(`F|i: x`, at(5, "modifier \"i\": stands only after `re`"))
	item(`F|re: '(?=x)'`, at(11, "not in RE2's syntax: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"))
	item(`F|re: '(x)\1'`, at(11, "not in RE2's syntax: error parsing regexp: invalid escape sequence: `\\1`"))
	item(`F|re|startswith|endswith: x`, at(31, `modifier "endswith": stands beside another of its kind`))
	item(`F|re|cased: x`, at(17, `modifier "cased": does not fit a regular expression`))
	item(`F|re|windash: x`, at(19, `modifier "windash": does not fit a regular expression`))
	item(`F|re|expand: x`, at(18, `modifier "expand": placeholders in a regular expression are not read`))
	item(`F|cidr: [10.0.0.0/8, 10.0.0.0/33]`, at(26, `modifier "cidr": wants a network such as 10.0.0.0/8, not "10.0.0.0/33"`))
	item(`F|cidr: null`, at(13, `modifier "cidr": does not fit a null`))
	item(`'|cidr': 10.0.0.0/8`, at(5, `modifier "cidr": needs a field`))
	item(`'|gt': 5`, at(5, `modifier "gt": needs a field`))
	item(`F|gt: abc`, at(11, `modifier "gt": wants a number, not "abc"`))
	item(`F|gt|lt: 5`, at(14, `modifier "lt": stands beside another of its kind`))
	item(`F|gt|hour: 5`, at(5, `modifier "hour": stands beside another of its kind`))
	item(`F|contains|gt: abc`, at(20, `modifier "gt": does not fit a text`))
	item(`F|gt|contains: 5`, at(20, `modifier "contains": does not fit a comparison`))
	item(`F|exists: 'true'`, at(15, `modifier "exists": wants true or false`))
	item(`F|fieldref: ''`, at(17, `modifier "fieldref": wants the name of a field`))
	item(`F|contains|base64: x`, at(24, "modifier \"base64\": a text with wildcards has no Base64 form; put `contains` after it"))
	item(`F|wide: 'a?b'`, at(13, `modifier "wide": the wildcard ? is no character in UTF-16`))
	item(`F|expand: '%none%'`, at(15, `modifier "expand": no values for the placeholder %none%`))
	item(`F|windash|base64: ' -a -b -c -d -e -f'`, at(23, `modifier "base64": makes more than 1000 values of one`))

	// Conditions.
	condition("s and x", at(20, `condition: no search is named "x"`))
	condition("'s and x'", at(21, `condition: no search is named "x"`))
	condition("s x", at(16, "condition: `and` or `or` is missing before \"x\""))
	condition("s and", at(19, "condition: a search's name is missing at the end"))
	condition("(s or s", at(21, "condition: `)` is missing"))
	condition("s)", at(15, "condition: `and` or `or` is missing before \")\""))
	condition("s and or s", at(20, `condition: "or" stands where a search's name is wanted`))
	condition("0 of them", at(14, "condition: \"0\": want a number, `any` or `all` before `of`"))
	condition("s or most of them", at(19, "condition: \"most\": want a number, `any` or `all` before `of`"))
	condition("1 of", at(18, "condition: `them` or a pattern of names is missing at the end"))
	condition("1 of f*", at(19, `condition: "f*" names no search (one that begins with _ doesn't count)`))
	condition("1 of s?", at(19, "condition: \"s?\": in a pattern of names only `*` is a wildcard"))
	condition("2 of them", at(19, `condition: "them" names 1 searches, and 2 are wanted`))
	condition("s | count() > 5", at(16, "condition: aggregation after `|` is of the old Sigma format; write a correlation rule"))
	condition("[s, [s]]", at(18, "want a condition such as `selection and not filter`"))
	f(head+"detection:\n  s: {A: x}\n  condition: []\n", "f.yml:5:3: rule \"r\": no `condition`")
	condition(strings.Repeat("not ", 101)+"s", at(414, "condition: nested deeper than 100"))
}

func TestOthersOfTheFileAreRead(t *testing.T) {
	text := rule("  s: {A|nope: x}\n  condition: s\n") + "---\n" + rule("  s: {A: x}\n  condition: s\n") +
		"postern: {class: lead}\n---\n---\ntitle: c\nname: n\ncorrelation: {type: event_count, rules: [r], timespan: 1m, condition: {gte: 2}}\n"
	rules, correlations, err := Parse("f.yml", []byte(text), Options{})
	if len(rules) != 1 || rules[0].Line != 8 || len(correlations) != 1 || correlations[0].Name != "n" {
		t.Errorf("%d rules, %d correlations", len(rules), len(correlations))
	}
	var place *Error
	if !errors.As(err, &place) || place.Line != 5 || place.Rule != "r" {
		t.Error(err)
	}
	global := "action: global\nlevel: low\n---\n" + rule("  s: {A: x}\n  condition: s\n") + "---\naction: reset\n---\n" + rule("  s: {B: x}\n  condition: s\n")
	if rules, _, err = Parse("f.yml", []byte(global), Options{}); len(rules) != 1 || rules[0].fields[0] != "B" || err == nil {
		t.Error("rules below `action: global` are not as they look", len(rules), err)
	}
}

func TestMeta(t *testing.T) {
	text := `title: T
id: i
name: n
status: test
level: high
description: d
author: [a, b]
references: r
tags: [attack.t1059, cve.2025-1]
falsepositives: [none]
logsource: {product: windows, category: c, service: s, definition: d, extra: e}
detection: {s: {A: x}, condition: s}
custom: {a: [b]}
`
	rules, _, err := Parse("f.yml", []byte(text), Options{})
	if err != nil || len(rules) != 1 {
		t.Fatal(err)
	}
	got := fmt.Sprint(rules[0].Meta, rules[0].Source)
	if want := "{i n T test high d a, b [r] [attack.t1059 cve.2025-1] [none] f.yml 1} {windows c s d}"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilters(t *testing.T) {
	filter := func(rules, condition string) string {
		return "---\ntitle: f\nlogsource: {product: p}\nfilter:\n  rules: " + rules + "\n  adm: {User|startswith: adm_, A|fieldref: B}\n  condition: " + condition + "\n"
	}
	base := rule("  s: {A: x, C: y}\n  condition: s\n")
	f := func(text string, want string, hit ...string) {
		t.Helper()
		rules, _, err := Parse("f.yml", []byte(text), Options{})
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(matches(rules[0], hit...))
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
	f(base+filter("[r]", "not adm"), "false", "A=x", "B=x", "C=y", "User=adm_1")
	f(base+filter("any", "not adm"), "false", "A=x", "B=x", "C=y", "User=adm_1")
	f(base+filter("[r]", "not adm"), "true", "A=x", "B=z", "C=y", "User=adm_1")
	f(base+filter("[r]", "not adm"), "true", "A=x", "C=y")
	f(base+filter("[r]", "adm"), "f.yml:13:14: rule \"f\": the condition of a filter must begin with `not`: it is linked to the rule's by `and`")
	f(base+filter("[r, q]", "not adm"), `f.yml:8:1: rule "f": filters rule "q", which is not there or of another log source`)
	f(base+strings.Replace(filter("[r]", "not adm"), "product: p", "product: q", 1), `f.yml:8:1: rule "f": filters rule "r", which is not there or of another log source`)
	f(base+strings.Replace(filter("[r]", "not adm"), "  rules: [r]\n", "", 1), "f.yml:11:3: rule \"f\": no `rules` in `filter`: want ids, names, or any")

	var filters []*Filter
	rules, _, err := Parse("f.yml", []byte(base), Options{Filters: &filters})
	_, _, err2 := Parse("g.yml", []byte(filter("[r]", "not adm")), Options{Filters: &filters})
	if err = errors.Join(err, err2, Apply(rules, filters)); err != nil || len(filters) != 1 {
		t.Fatal(err)
	}
	if matches(rules[0], "A=x", "B=x", "C=y", "User=adm_1") || !slices.Contains(rules[0].Fields(), "User") {
		t.Error("the filter of another file does not act")
	}
}
