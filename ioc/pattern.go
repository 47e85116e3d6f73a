package ioc

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a pattern.
const (
	maxPattern = 1 << 20
	maxNested  = 100
	maxParts   = 100_000 // comparisons and values
)

// expression is a STIX pattern (STIX 2.1, section 9): a comparison, or several
// patterns and what joins them.
type expression struct {
	op    operator
	parts []*expression
	test  *comparison // of opTest
	from  time.Time   // of opDuring
	until time.Time
	times int // of opRepeats
}

// operator joins patterns. AND, and what stands between two observations as
// FOLLOWEDBY, need both sides; OR needs one.
type operator uint8

const (
	opTest operator = iota
	opBoth
	opEither
	opDuring  // START ... STOP
	opRepeats // REPEATS n TIMES
	opWithin  // WITHIN n SECONDS
)

// comparison is one test of an object's property.
type comparison struct {
	object string
	path   string // steps joined by dots, quotes and list positions left out
	op     string // "=", "!=", "<", "<=", ">", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET" or "EXISTS"
	not    bool
	values []string
}

// parsePattern parses a STIX pattern. An error says at which character (from 1)
// what was wanted.
func parsePattern(text string) (*expression, error) {
	p := &patternParser{text: text}
	switch {
	case len(text) > maxPattern:
		return nil, fmt.Errorf("longer than %d bytes", maxPattern)
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("not UTF-8")
	}
	p.step()
	x := p.binary(0, p.observation)
	if p.err == nil && p.tok != end {
		p.fail("want AND, OR, FOLLOWEDBY, a qualifier or the end")
	}
	return x, p.err
}

// levels are what joins, loosest first: of observations, and inside brackets.
var (
	observationLevels = []string{"FOLLOWEDBY", "OR", "AND"}
	comparisonLevels  = []string{"OR", "AND"}
)

// binary reads what a level joins; unit reads what stands between.
func (p *patternParser) binary(level int, unit func() *expression) *expression {
	return p.joined(observationLevels, level, unit)
}

func (p *patternParser) joined(levels []string, level int, unit func() *expression) *expression {
	if level == len(levels) {
		return unit()
	}
	first := p.joined(levels, level+1, unit)
	if !p.is(levels[level]) {
		return first
	}
	x := &expression{op: opBoth, parts: []*expression{first}}
	if levels[level] == "OR" {
		x.op = opEither
	}
	for p.take(levels[level]) {
		x.parts = append(x.parts, p.joined(levels, level+1, unit))
	}
	return x
}

// nest keeps the depth of brackets within bounds.
func (p *patternParser) nest(inside func() *expression, shut string) *expression {
	if p.depth++; p.depth > maxNested {
		p.fail("want at most %d brackets in each other", maxNested)
	}
	var x *expression
	if p.err == nil {
		x = inside()
	}
	p.depth--
	p.want(shut)
	return x
}

// observation reads [comparisons] or (observations), and its qualifiers.
func (p *patternParser) observation() (x *expression) {
	switch {
	case p.take("["):
		x = p.nest(func() *expression { return p.joined(comparisonLevels, 0, p.comparison) }, "]")
	case p.take("("):
		x = p.nest(func() *expression { return p.binary(0, p.observation) }, ")")
	default:
		p.fail("want [")
	}
	for p.err == nil && (p.is("START") || p.is("WITHIN") || p.is("REPEATS")) {
		x = p.qualifier(x)
	}
	return x
}

func (p *patternParser) qualifier(of *expression) *expression {
	x := &expression{parts: []*expression{of}}
	switch {
	case p.take("START"):
		x.op, x.from = opDuring, p.moment()
		p.want("STOP")
		x.until = p.moment()
	case p.take("WITHIN"):
		x.op = opWithin
		p.count()
		p.want("SECONDS")
	case p.take("REPEATS"):
		x.op, x.times = opRepeats, 2
		if p.count() == "1" {
			x.times = 1
		}
		p.want("TIMES")
	}
	return x
}

func (p *patternParser) moment() (at time.Time) {
	if at = stamp(p.value); p.tok != typedText && p.tok != quotedText || at.IsZero() {
		p.fail("want a time (t'2026-01-31T00:00:00Z')")
	}
	p.step()
	return at
}

func (p *patternParser) count() string {
	n := p.value
	if p.tok != number || strings.ContainsAny(n, "+-Z") {
		p.fail("want a number")
	}
	p.step()
	return n
}

// comparison reads one test, or several in round brackets.
func (p *patternParser) comparison() *expression {
	if p.take("(") {
		return p.nest(func() *expression { return p.joined(comparisonLevels, 0, p.comparison) }, ")")
	}
	c := &comparison{}
	if p.tok == word && p.value == "EXISTS" {
		p.step()
		c.op = "EXISTS"
	}
	p.property(c)
	if c.op == "" {
		c.not = p.take("NOT")
		p.compared(c)
	}
	if p.parts += 1 + len(c.values); p.parts > maxParts {
		p.fail("want at most %d comparisons and values", maxParts)
	}
	return &expression{test: c}
}

// property reads an object path: type:step.step[2].'step'.
func (p *patternParser) property(c *comparison) {
	if p.tok != word {
		p.fail("want an object's type (file:name)")
		return
	}
	c.object = p.value
	p.step()
	p.want(":")
	var steps []string
	for {
		if p.tok != word && p.tok != quotedText {
			p.fail("want the name of a property")
			return
		}
		steps = append(steps, p.value)
		p.step()
		for p.take("[") {
			if p.tok != number && !p.is("*") {
				p.fail("want a position or *")
			}
			p.step()
			p.want("]")
		}
		if !p.take(".") {
			break
		}
	}
	c.path = strings.Join(steps, ".")
}

// compared reads the operator and the values.
func (p *patternParser) compared(c *comparison) {
	switch {
	case p.tok == sign && strings.ContainsAny(p.value, "=<>!"):
		c.op = map[string]string{"==": "=", "<>": "!="}[p.value]
		if c.op == "" {
			c.op = p.value
		}
	case p.tok == word && (p.value == "IN" || p.value == "LIKE" || p.value == "MATCHES" || p.value == "ISSUBSET" || p.value == "ISSUPERSET"):
		c.op = p.value
	default:
		p.fail("want a comparison (=, IN, LIKE, ...)")
		return
	}
	p.step()
	if c.op != "IN" {
		p.literal(c)
		return
	}
	p.want("(")
	for p.literal(c); p.take(",") && len(c.values) <= maxParts; {
		p.literal(c)
	}
	p.want(")")
}

func (p *patternParser) literal(c *comparison) {
	if p.tok != quotedText && p.tok != typedText && p.tok != number && !p.is("true") && !p.is("false") {
		p.fail("want a value")
		return
	}
	c.values = append(c.values, p.value)
	p.step()
}
