package sigma

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxNesting bounds parentheses and chains of "not".
const maxNesting = 100

// search is a named search of a rule (Sigma rules, Search-Identifier).
type search struct {
	name string
	node *node
}

// conditionError says where in a condition the fault stands.
type conditionError struct {
	at     int // byte
	reason string
}

func (e *conditionError) Error() string { return e.reason }

// condition compiles the condition of a detection. A list of them is linked by
// "or" (Sigma rules, Condition).
func (p *parser) condition(detection *yaml.Node, conditions []*yaml.Node, searches []search) *node {
	if len(conditions) == 0 {
		p.fail(detection, "no `condition`")
	}
	var all []*node
	for _, c := range conditions {
		if c.Kind != yaml.ScalarNode || isNull(c) {
			p.fail(c, "want a condition such as `selection and not filter`")
			continue
		}
		n, err := parseCondition(c.Value, searches)
		if err != nil {
			p.fail(p.inside(c, err.at), "condition: %w", err)
			continue
		}
		all = append(all, n)
	}
	return anyOf(all)
}

// grammar reads one condition by recursive descent. Precedence, least binding
// first: or, and, not, x of searches, parentheses.
type grammar struct {
	searches []search
	words    []word
	end      int
	depth    int
}

type word struct {
	text string
	at   int
}

func parseCondition(expr string, searches []search) (*node, *conditionError) {
	g := &grammar{searches: searches, end: len(expr)}
	if i := strings.IndexByte(expr, '|'); i >= 0 {
		return nil, &conditionError{i, "aggregation after `|` is of the old Sigma format; write a correlation rule"}
	}
	g.words = split(expr)
	n, err := g.or()
	if err == nil && len(g.words) > 0 {
		err = g.fault("`and` or `or` is missing before %q", g.words[0].text)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// split cuts an expression into parentheses and what stands between blanks.
func split(expr string) []word {
	var words []word
	start := -1
	for i, c := range expr + " " {
		paren, blank := c == '(' || c == ')', strings.ContainsRune(" \t\r\n", c)
		if (paren || blank) && start >= 0 {
			words = append(words, word{expr[start:i], start})
			start = -1
		}
		switch {
		case paren:
			words = append(words, word{string(c), i})
		case !blank && start < 0:
			start = i
		}
	}
	return words
}

func (g *grammar) fault(format string, args ...any) *conditionError {
	at := g.end
	if len(g.words) > 0 {
		at = g.words[0].at
	}
	return &conditionError{at, fmt.Sprintf(format, args...)}
}

// take consumes the next word if it is one of these, whatever its case.
func (g *grammar) take(text string) bool {
	if len(g.words) == 0 || !strings.EqualFold(g.words[0].text, text) {
		return false
	}
	g.words = g.words[1:]
	return true
}

func (g *grammar) or() (*node, *conditionError)  { return g.chain("or", g.and, anyOf) }
func (g *grammar) and() (*node, *conditionError) { return g.chain("and", g.not, allOf) }

func (g *grammar) chain(link string, operand func() (*node, *conditionError), join func([]*node) *node) (*node, *conditionError) {
	var all []*node
	for {
		n, err := operand()
		if err != nil {
			return nil, err
		}
		if all = append(all, n); !g.take(link) {
			return join(all), nil
		}
	}
}

func (g *grammar) not() (*node, *conditionError) {
	if g.depth++; g.depth > maxNesting {
		return nil, g.fault("nested deeper than %d", maxNesting)
	}
	defer func() { g.depth-- }()
	if g.take("not") {
		n, err := g.not()
		if err != nil {
			return nil, err
		}
		return negate(n), nil
	}
	if g.take("(") {
		n, err := g.or()
		if err == nil && !g.take(")") {
			err = g.fault("`)` is missing")
		}
		return n, err
	}
	return g.name()
}

// name reads a search's name, or a quantity of them.
func (g *grammar) name() (*node, *conditionError) {
	if len(g.words) == 0 {
		return nil, g.fault("a search's name is missing at the end")
	}
	first := g.words[0]
	if len(g.words) > 1 && strings.EqualFold(g.words[1].text, "of") {
		return g.quantity()
	}
	for _, s := range g.searches {
		if s.name == first.text {
			g.words = g.words[1:]
			return s.node, nil
		}
	}
	switch strings.ToLower(first.text) {
	case "and", "or", "not", "of", "(", ")":
		return nil, g.fault("%q stands where a search's name is wanted", first.text)
	}
	return nil, g.fault("no search is named %q", first.text)
}

// quantity reads "1 of them", "all of selection_*" and the like. Names that
// begin with "_" are left out, as the specification has it.
func (g *grammar) quantity() (*node, *conditionError) {
	count := strings.ToLower(g.words[0].text)
	need, err := strconv.Atoi(count)
	if count == "any" {
		need, err = 1, nil
	}
	if count != "all" && (err != nil || need < 1) {
		return nil, g.fault("%q: want a number, `any` or `all` before `of`", g.words[0].text)
	}
	if g.words = g.words[2:]; len(g.words) == 0 {
		return nil, g.fault("`them` or a pattern of names is missing at the end")
	}
	pattern := g.words[0].text
	if strings.ContainsAny(pattern, `?\`) {
		return nil, g.fault("%q: in a pattern of names only `*` is a wildcard", pattern)
	}
	var all []*node
	names := parsePattern(pattern).compile(true)
	for _, s := range g.searches {
		if !strings.HasPrefix(s.name, "_") && (strings.EqualFold(pattern, "them") || names.match([]byte(s.name))) {
			all = append(all, s.node)
		}
	}
	switch {
	case len(all) == 0:
		return nil, g.fault("%q names no search (one that begins with _ doesn't count)", pattern)
	case count == "all":
		need = len(all)
	case need > len(all):
		return nil, g.fault("%q names %d searches, and %d are wanted", pattern, len(all), need)
	}
	g.words = g.words[1:]
	return join(all, need), nil
}
