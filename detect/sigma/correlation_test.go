package sigma

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func parseCorrelation(t *testing.T, body string) *Correlation {
	t.Helper()
	_, all, err := Parse("c.yml", []byte("title: c\ncorrelation:\n"+body), Options{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%s\n%d correlations, %v", body, len(all), err)
	}
	return all[0]
}

// sightings reads "minute:rule[/group][=value]" words.
func sightings(text string) []Sighting {
	var all []Sighting
	for word := range strings.FieldsSeq(text) {
		minute, rest, _ := strings.Cut(word, ":")
		rest, value, _ := strings.Cut(rest, "=")
		rule, group, _ := strings.Cut(rest, "/")
		after, _ := time.ParseDuration(minute + "m")
		all = append(all, Sighting{rule, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(after), []string{group}, value})
	}
	return all
}

func TestEvaluate(t *testing.T) {
	f := func(body, seen, want string) {
		t.Helper()
		if got := fmt.Sprint(parseCorrelation(t, body).Evaluate(sightings(seen))); got != want {
			t.Errorf("%s%s\ngot  %s\nwant %s", body, seen, got, want)
		}
	}
	count := func(condition string) string {
		return "  type: event_count\n  rules: [a]\n  group-by: [h]\n  timespan: 10m\n  condition: {" + condition + "}\n"
	}
	f(count("gte: 3"), "0:a 1:a 2:a", "[[0 1 2]]")
	f(count("gte: 3"), "0:a 1:a", "[]")
	f(count("gte: 3"), "2:a 0:a 10:a", "[[1 0 2]]") // any order; the span's end belongs to it
	f(count("gte: 3"), "0:a 1:a 11:a", "[]")
	f(count("gte: 3"), "0:a 9:a 10.5:a 11:a", "[[1 2 3]]")
	f(count("gte: 2"), "0:a/x 1:a/y 2:a/x 3:b/y", "[[0 2]]")
	f(count("gte: 2"), "0:a 1:a 2:a 20:a 21:a", "[[0 1 2] [3 4]]")
	f(count("gt: 2"), "0:a 1:a 2:a 3:a", "[[0 1 2 3]]")
	f(count("lt: 3"), "0:a 1:a 30:a 31:a 32:a", "[[0 1]]") // no tail of the second
	f(count("lte: 2"), "0:a 1:a 2:a", "[]")
	f(count("eq: 2"), "0:a 20:a 21:a", "[[1 2]]")
	f(count("gt: 1, lte: 3"), "0:a 1:a 2:a 3:a 30:a 31:a", "[[4 5]]")

	const values = "  type: value_count\n  rules: [a]\n  timespan: 10m\n  condition: {field: User, gte: 3}\n"
	f(values, "0:a=x 1:a=y 2:a=y 3:a=z", "[[0 1 2 3]]")
	f(values, "0:a=x 1:a=y 2:a=y 3:a=y 11:a=z 14:a=w", "[]")

	const temporal = "  type: temporal\n  rules: [a, b, c]\n  group-by: [h]\n  timespan: 10m\n"
	f(temporal, "0:c 1:a 2:b", "[[0 1 2]]")
	f(temporal, "0:c 1:a 11:b", "[]")
	f(temporal, "0:c 1:a 1:a 2:b 3:a 20:a", "[[0 1 2 3 4]]")
	f(temporal, "0:a/1 0:b/2 0:c/1", "[]")
	f(temporal+"  condition: {gte: 2}\n", "0:a 1:a 2:b", "[[0 1 2]]")
	f(temporal+"  condition: a and b and not c\n", "0:a 1:b 2:c", "[]")
	f(temporal+"  condition: a and b and not c\n", "0:a 1:b", "[[0 1]]")
	f(temporal+"  condition: 2 of them\n", "0:a 1:b", "[[0 1]]")

	const ordered = "  type: temporal_ordered\n  rules: [a, b, c]\n  group-by: [h]\n  timespan: 10m\n"
	f(ordered, "0:a 1:b 2:c", "[[0 1 2]]")
	f(ordered, "0:b 1:a 2:c", "[]")
	f(ordered, "0:b 1:a 2:c 3:b 4:a 5:c", "[[1 2 3 4 5]]")
	f(ordered, "0:c 0:b 0:a", "[[2 1 0]]") // equal times are in order
	f(ordered, "0:a 1:b 11:c", "[]")
	f(ordered+"  condition: {gte: 2}\n", "0:c 1:a 2:c", "[[1 2]]")
	f(ordered+"  condition: a AND b AND c\n", "0:a 1:b 2:c", "[[0 1 2]]")
	f(ordered+"  condition: a AND b AND c\n", "0:c 1:b 2:a", "[]")
}

// TestEvaluateIsAFunctionOfTheSet: the order of sightings makes no difference,
// no sighting is used twice, and each group is one group's, in time, in order.
func TestEvaluateIsAFunctionOfTheSet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, body := range []string{
		"  type: event_count\n  rules: [a, b]\n  timespan: 5m\n  condition: {gte: 3}\n",
		"  type: event_count\n  rules: [a, b]\n  timespan: 5m\n  condition: {gt: 1, lt: 4}\n",
		"  type: value_count\n  rules: [a, b]\n  timespan: 5m\n  condition: {field: F, gte: 2}\n",
		"  type: temporal\n  rules: [a, b, c]\n  timespan: 5m\n",
		"  type: temporal_ordered\n  rules: [a, b, c]\n  timespan: 5m\n",
	} {
		c := parseCorrelation(t, body)
		for range 300 {
			var text strings.Builder
			for i := range random.IntN(30) {
				fmt.Fprintf(&text, "%d.%02d:%c/%d=%d ", random.IntN(20), i, 'a'+random.IntN(4), random.IntN(2), random.IntN(3))
			}
			seen := sightings(text.String())
			shuffled := slices.Clone(seen)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			first, second := resolved(seen, c.Evaluate(seen)), resolved(shuffled, c.Evaluate(shuffled))
			if fmt.Sprint(first) != fmt.Sprint(second) {
				t.Fatalf("%s%s\n%v\n%v", body, text.String(), first, second)
			}
			used := map[string]bool{}
			for _, group := range first {
				for i, s := range group {
					key := fmt.Sprint(s)
					if used[key] || s.Group[0] != group[0].Group[0] || s.Time.Sub(group[0].Time) > c.Timespan || i > 0 && s.Time.Before(group[i-1].Time) {
						t.Fatalf("%s%s\n%v", body, text.String(), first)
					}
					used[key] = true
				}
			}
		}
	}
}

func resolved(seen []Sighting, groups [][]int) [][]Sighting {
	var all [][]Sighting
	for _, g := range groups {
		var one []Sighting
		for _, i := range g {
			one = append(one, seen[i])
		}
		all = append(all, one)
	}
	return all
}

func TestCorrelationFields(t *testing.T) {
	c := parseCorrelation(t, `  type: temporal
  rules: [a, b]
  group-by: [host, ip]
  timespan: 90m
  generate: true
  aliases:
    ip: {a: src, b: dst}
`)
	got := fmt.Sprint(c.Group("a"), c.Group("b"), c.Group("c"), c.Timespan, c.Generate)
	if want := "[host src] [host dst] [host ip] 1h30m0s true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCorrelationRefusals(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		_, all, err := Parse("c.yml", []byte("title: c\ncorrelation:\n"+body), Options{})
		if got := fmt.Sprint(err); got != `c.yml:`+want || len(all) != 0 {
			t.Errorf("%s\ngot  %s\nwant c.yml:%s", body, got, want)
		}
	}
	f("  []\n", "3:3: rule \"c\": want type, rules, timespan and condition in `correlation`")
	f("  {type: event_count, rules: [a], timespan: 1m}\n", "3:3: rule \"c\": no `condition` in `correlation`")
	f("  {type: temporal, timespan: 1m}\n", "3:3: rule \"c\": type, rules and timespan are needed in `correlation`")
	f("  {type: value_avg, rules: [a], timespan: 1m, condition: {gte: 1}}\n", `3:10: rule "c": correlation type "value_avg" is not known`)
	f("  {type: temporal, rules: [a], timespan: 1m, within: x}\n", "3:46: rule \"c\": \"within\" is not known in `correlation`")
	f("  {type: event_count, rules: [a], timespan: 1m, condition: {gte: 1, field: F}}\n", `3:69: rule "c": "field" is not known in the condition of event_count`)
	f("  {type: event_count, rules: [a], timespan: 1m, condition: {gte: x}}\n", `3:66: rule "c": want a whole number`)
	f("  {type: event_count, rules: [a], timespan: 1m, condition: {lt: 1}}\n", `3:60: rule "c": the condition never holds: a time without any match is not seen`)
	f("  {type: event_count, rules: [a], timespan: 1m, condition: {gt: 5, lt: 6}}\n", `3:60: rule "c": the condition never holds: a time without any match is not seen`)
	f("  {type: event_count, rules: [a], timespan: 1m, condition: a}\n", "3:60: rule \"c\": want a comparison such as `gte: 10`")
	f("  {type: event_count, rules: [a], timespan: 1m, condition: {}}\n", "3:60: rule \"c\": no comparison such as `gte: 10` in the condition")
	f("  {type: value_count, rules: [a], timespan: 1m, condition: {gte: 2}}\n", "3:60: rule \"c\": no `field` in the condition of value_count")
	f("  {type: temporal, rules: [a, b], timespan: 1m, condition: a and x}\n", `3:66: rule "c": condition: no search is named "x"`)
	f("  {type: temporal, rules: [a, b], timespan: 1m, condition: not a}\n", `3:60: rule "c": the condition holds without any match, and a time without any is not seen`)
	f("  {type: temporal_ordered, rules: [a, b], timespan: 1m, condition: a or b}\n", "3:68: rule \"c\": in order, a condition must link all rules by `and`")
	f("  {type: temporal_ordered, rules: [a, b], timespan: 1m, condition: a and a}\n", "3:68: rule \"c\": in order, a condition must link all rules by `and`")
	f("  {type: temporal, rules: [a], timespan: 1m, generate: maybe}\n", `3:56: rule "c": want true or false`)
	f("  {type: temporal, rules: [a], timespan: 1m, aliases: {x: y}}\n", `3:59: rule "c": want a field for each rule (rule: field)`)
	for _, span := range []string{"1", "m", "0m", "-1m", "1.5h", "1x", "99999999999999999999d", "4294967295y"} {
		f("  {type: temporal, rules: [a], timespan: "+span+"}\n", fmt.Sprintf("3:42: rule %q: timespan %q: want a number and s, m, h or d, such as 90m\nc.yml:3:3: rule \"c\": type, rules and timespan are needed in `correlation`", "c", span))
	}
}
