package sigma

import (
	"slices"
	"strings"
)

// shortest is the fewest bytes that make a literal worth looking for.
const shortest = 3

// literal is a text to look for, and the field it is compared in.
type literal struct {
	text  string
	field int
}

// Literals gives texts in lower case of which at least one stands, ASCII case
// folded, in the raw bytes of every event that the rule matches, unless a value
// is spelled otherwise there. fields[i] is the field that texts[i] is compared
// in, "" for a keyword. None: the rule must always be evaluated.
func (r *Rule) Literals() (texts, fields []string) {
	for _, l := range r.condition.literals() {
		field := ""
		if l.field != keyword {
			field = r.fields[l.field]
		}
		texts, fields = append(texts, l.text), append(fields, field)
	}
	return texts, fields
}

// literals is the heaviest set of the condition. Where `need` of the kids must
// hold, any len(kids)-need+1 of them have one among them that does: for "and"
// the best kid, for "or" all of them.
func (n *node) literals() []literal {
	switch {
	case n.test != nil:
		var all []literal
		for _, text := range n.test.value.literals() {
			all = append(all, literal{text, n.test.field})
		}
		return reduce(all)
	case n.not != nil:
		return nil
	}
	var sets [][]literal
	for _, k := range n.kids {
		if set := k.literals(); len(set) > 0 {
			sets = append(sets, set)
		}
	}
	enough := len(n.kids) - n.need + 1
	if len(sets) < enough {
		return nil
	}
	slices.SortStableFunc(sets, heaviest)
	return reduce(slices.Concat(sets[:enough]...))
}

// heaviest orders sets: first the one whose text of the least worth has the most,
// then the one with fewer texts.
func heaviest(a, b []literal) int {
	lightest := func(set []literal) int {
		least := worth(set[0].text)
		for _, l := range set[1:] {
			least = min(least, worth(l.text))
		}
		return least
	}
	if d := lightest(b) - lightest(a); d != 0 {
		return d
	}
	return len(a) - len(b)
}

// plain are texts that stand in about every record of some log.
var plain = map[string]bool{"get": true, "post": true, "head": true, "true": true, "false": true, "http": true, "https": true, "http://": true, "https://": true, "mozilla/": true, "mozilla/5.0": true}

// worth is how much a text tells: the longer the more.
func worth(text string) int {
	if plain[text] {
		return 1
	}
	return len(text)
}

// reduce drops a text that holds another of the same field.
func reduce(set []literal) []literal {
	const most = 200 // beyond, comparing all with all costs more than it saves
	slices.SortStableFunc(set, func(a, b literal) int { return len(a.text) - len(b.text) })
	if len(set) > most {
		return slices.Compact(set)
	}
	var kept []literal
	for _, l := range set {
		if !slices.ContainsFunc(kept, func(k literal) bool { return k.field == l.field && strings.Contains(l.text, k.text) }) {
			kept = append(kept, l)
		}
	}
	return kept
}
