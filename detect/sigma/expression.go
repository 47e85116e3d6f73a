package sigma

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxExpression bounds a regular expression's text.
const maxExpression = 10_000

// expression is the modifier re: it may match anywhere in the field. The regular
// expression is asked only where one of its required texts stands.
type expression struct {
	*regexp.Regexp
	need   []string // folded; one of them stands in every match; none: unknown
	needed [][]byte
}

func newExpression(o *operand, flags string) (*expression, error) {
	text := o.source
	if len(text) > maxExpression {
		return nil, fmt.Errorf("regular expression longer than %d bytes", maxExpression)
	}
	if o.operator == "widened" && !(o.open && o.ends) {
		text = "(?:" + text + ")"
		if !o.open {
			text = `\A` + text
		}
		if !o.ends {
			text += `\z`
		}
	}
	if flags != "" {
		text = "(?" + flags + ")" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("not in RE2's syntax: %w", err)
	}
	e := &expression{Regexp: re, need: Required(re)}
	for _, n := range e.need {
		e.needed = append(e.needed, []byte(n))
	}
	return e, nil
}

func (v *expression) holds(e *Event, c *cell) bool {
	if len(c.plain) == 0 {
		return false
	}
	var folded [][]byte
	if len(v.needed) > 0 {
		folded = e.folded(c)
	}
	for i, text := range c.plain {
		if (folded == nil || containsAny(folded[i], v.needed)) && v.Match(text) {
			return true
		}
	}
	return false
}

func containsAny(text []byte, any [][]byte) bool {
	for _, a := range any {
		if bytes.Contains(text, a) {
			return true
		}
	}
	return false
}

func (v *expression) literals() []string { return v.need }
func (v *expression) cost() int          { return 100 }

// Required gives texts in lower case of which at least one stands, ASCII case
// folded, in whatever the expression matches. None: it has no such set.
func Required(re *regexp.Regexp) []string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil // what regexp compiled parses
	}
	return usable(shortestOf(required(tree.Simplify())))
}

// required walks an expression for the heaviest set of texts of which one stands
// in every match; none if it has no such set.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpLiteral, syntax.OpConcat:
		return longestOf(re)
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			found := required(sub)
			if weight(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
}

// Bounds of the texts that a part of an expression, and a class of characters, is
// written out to.
const (
	mostTexts = 16
	mostClass = 4
)

// longestOf joins neighbouring parts of a sequence that stand for few texts, and
// gives the heaviest of the sets so made and of those that a part requires.
func longestOf(re *syntax.Regexp) []string {
	var best []string
	take := func(set []string) {
		if weight(set) > weight(best) {
			best = set
		}
	}
	run := []string{""}
	for _, part := range partsOf(re, nil) {
		texts := textsOf(part)
		joined := products(run, texts)
		if joined == nil {
			take(run)
			take(inner(part))
			if joined = texts; joined == nil {
				joined = []string{""}
			}
		}
		run = joined
	}
	take(run)
	return best
}

// inner is required of what is no literal: those were joined already.
func inner(re *syntax.Regexp) []string {
	if re.Op == syntax.OpLiteral {
		return nil
	}
	return required(re)
}

// partsOf takes sequences and groups apart.
func partsOf(re *syntax.Regexp, parts []*syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return partsOf(re.Sub[0], parts)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			parts = partsOf(sub, parts)
		}
		return parts
	case syntax.OpLiteral:
		for i := range re.Rune {
			parts = append(parts, &syntax.Regexp{Op: syntax.OpLiteral, Rune: re.Rune[i : i+1]})
		}
		return parts
	}
	return append(parts, re)
}

// textsOf writes an expression out, in lower case; nil if it stands for more than
// a few texts, or for some that are not printable ASCII.
func textsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	case syntax.OpCapture:
		return textsOf(re.Sub[0])
	case syntax.OpQuest:
		return union([]string{""}, textsOf(re.Sub[0]))
	case syntax.OpLiteral, syntax.OpConcat:
		all := []string{""}
		if re.Op == syntax.OpLiteral {
			for _, c := range re.Rune {
				all = products(all, printable(c, c))
			}
			return all
		}
		for _, sub := range re.Sub {
			all = products(all, textsOf(sub))
		}
		return all
	case syntax.OpAlternate:
		all := textsOf(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			all = union(all, textsOf(sub))
		}
		return all
	case syntax.OpCharClass:
		var all []string
		for i := 0; i < len(re.Rune); i += 2 {
			texts := printable(re.Rune[i], re.Rune[i+1])
			if texts == nil {
				return nil
			}
			if all = append(all, texts...); len(all) > 2*mostClass {
				return nil
			}
		}
		slices.Sort(all)
		if all = slices.Compact(all); len(all) > mostClass {
			return nil
		}
		return all
	}
	return nil
}

// printable lists the characters of a range.
func printable(from, to rune) (all []string) {
	if from < ' ' || to >= utf8.RuneSelf-1 || to-from > 2*mostClass {
		return nil
	}
	for c := from; c <= to; c++ {
		all = append(all, strings.ToLower(string(c)))
	}
	return all
}

// shortestOf drops a text that holds another.
func shortestOf(texts []string) []string {
	var kept []string
	for i, t := range texts {
		if !slices.ContainsFunc(texts, func(o string) bool { return len(o) < len(t) && strings.Contains(t, o) }) && !slices.Contains(texts[:i], t) {
			kept = append(kept, t)
		}
	}
	return kept
}

func few(texts []string) []string {
	if len(texts) > mostTexts {
		return nil
	}
	return texts
}

// union is all of both sets; nil if there are too many, or either is nil.
func union(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	return few(slices.Concat(a, b))
}

// products are the texts of one set with each of the other behind; nil as union.
func products(a, b []string) (all []string) {
	if a == nil || b == nil || len(a)*len(b) > mostTexts {
		return nil
	}
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// usable gives nothing when a text is too short to look for.
func usable(texts []string) []string {
	if weight(texts) < shortest || len(texts) > maxAlternatives {
		return nil
	}
	return texts
}

// weight is the length of the shortest text of a set, 0 of none.
func weight(texts []string) int {
	w := 0
	for i, t := range texts {
		if i == 0 || len(t) < w {
			w = len(t)
		}
	}
	return w
}
