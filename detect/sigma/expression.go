package sigma

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
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

func (v *expression) holds(e *event, c *cell) bool {
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
	return usable(required(tree.Simplify()))
}

// required walks an expression for the heaviest set of texts of which one stands
// in every match; none if it has no such set.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{longestASCII([]*syntax.Regexp{re})}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		best := []string{longestASCII(re.Sub)}
		for _, sub := range re.Sub {
			if found := required(sub); weight(found) > weight(best) {
				best = found
			}
		}
		return best
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

// longestASCII is the longest run of printable ASCII in neighbouring literals.
func longestASCII(subs []*syntax.Regexp) string {
	best, run := "", strings.Builder{}
	cut := func() {
		if run.Len() > len(best) {
			best = run.String()
		}
		run.Reset()
	}
	for _, sub := range subs {
		if sub.Op != syntax.OpLiteral {
			cut()
			continue
		}
		for _, c := range sub.Rune {
			if c < ' ' || c >= utf8.RuneSelf-1 {
				cut()
				continue
			}
			run.WriteRune(c)
		}
	}
	cut()
	return strings.ToLower(best)
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
