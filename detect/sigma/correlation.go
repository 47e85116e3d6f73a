package sigma

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The types of a Correlation (Sigma correlation rules, Correlation Types).
const (
	EventCount      = "event_count"
	ValueCount      = "value_count"
	Temporal        = "temporal"
	TemporalOrdered = "temporal_ordered"
)

// maxRules bounds the rules of one correlation.
const maxRules = 100

// Correlation finds rules' matches that belong together.
type Correlation struct {
	Meta
	Type     string
	Rules    []string                     // ids or names of rules and correlations
	GroupBy  []string                     // field names, or aliases
	Aliases  map[string]map[string]string // alias to a rule's id or name to its field
	Timespan time.Duration
	Values   []string // fields whose different values value_count counts
	Generate bool     // the rules' own matches are of interest too

	limits []limit
	expr   *node // over Rules, of a temporal correlation
}

// limit is one comparison of the condition.
type limit struct {
	operator string
	count    float64
}

// Group gives the fields that a match of a rule is grouped by, aliases resolved,
// in the order of GroupBy. The rule is called as in Rules.
func (c *Correlation) Group(rule string) []string {
	fields := slices.Clone(c.GroupBy)
	for i, name := range fields {
		if field := c.Aliases[name][rule]; field != "" {
			fields[i] = field
		}
	}
	return fields
}

func (p *parser) correlation(meta Meta, n *yaml.Node) *Correlation {
	c := &Correlation{Meta: meta}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "want type, rules, timespan and condition in `correlation`")
		return c
	}
	var condition *yaml.Node
	for key, val := range p.pairs(n) {
		switch key.Value {
		case "type":
			if c.Type = p.text(val); !slices.Contains([]string{EventCount, ValueCount, Temporal, TemporalOrdered}, c.Type) {
				p.fail(val, "correlation type %q is not known", c.Type)
			}
		case "rules":
			c.Rules = p.texts(val)
		case "group-by":
			c.GroupBy = p.texts(val)
		case "timespan":
			span, err := parseTimespan(p.text(val))
			if c.Timespan = span; err != nil {
				p.fail(val, "%w", err)
			}
		case "generate":
			if c.Generate = strings.EqualFold(val.Value, "true"); val.Tag != "!!bool" {
				p.fail(val, "want true or false")
			}
		case "aliases":
			c.Aliases = p.aliases(val)
		case "condition":
			condition = val
		default:
			p.fail(key, "%q is not known in `correlation`", key.Value)
		}
	}
	if len(c.Rules) > maxRules {
		p.fail(n, "more than %d rules in one correlation", maxRules)
	}
	if c.Type == "" || len(c.Rules) == 0 || slices.Contains(c.Rules, "") || c.Timespan == 0 {
		p.fail(n, "type, rules and timespan are needed in `correlation`")
	}
	p.limits(c, n, condition)
	return c
}

func (p *parser) aliases(n *yaml.Node) map[string]map[string]string {
	all := map[string]map[string]string{}
	for alias, rules := range p.pairs(n) {
		all[alias.Value] = map[string]string{}
		if rules.Kind != yaml.MappingNode {
			p.fail(rules, "want a field for each rule (rule: field)")
			continue
		}
		for rule, field := range p.pairs(rules) {
			all[alias.Value][rule.Value] = p.text(field)
		}
	}
	return all
}

// units of a timespan (Time Selection), and those of the reference implementation.
var units = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	'M': 2629746 * time.Second, 'y': 31556952 * time.Second,
}

func parseTimespan(s string) (time.Duration, error) {
	if s != "" {
		n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
		unit := units[s[len(s)-1]]
		if err == nil && n > 0 && unit > 0 && n <= uint64(math.MaxInt64/unit) {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("timespan %q: want a number and s, m, h or d, such as 90m", s)
}

// limits reads the condition: comparisons of a count or, of a temporal
// correlation, also an expression over the rules.
func (p *parser) limits(c *Correlation, parent, n *yaml.Node) {
	temporal := c.Type == Temporal || c.Type == TemporalOrdered
	switch {
	case n == nil && temporal:
		c.limits = []limit{{"gte", float64(len(c.Rules))}}
		return
	case n == nil:
		p.fail(parent, "no `condition` in `correlation`")
		return
	case n.Kind == yaml.ScalarNode && temporal:
		p.expression(c, n)
		return
	case n.Kind != yaml.MappingNode:
		p.fail(n, "want a comparison such as `gte: 10`")
		return
	}
	for key, val := range p.pairs(n) {
		switch {
		case key.Value == "field" && c.Type == ValueCount:
			c.Values = p.texts(val)
		case slices.Contains(operators, key.Value) || key.Value == "eq":
			count, ok := yamlNumber(p.text(val))
			if !ok || count != math.Trunc(count) {
				p.fail(val, "want a whole number")
			}
			c.limits = append(c.limits, limit{key.Value, count})
		default:
			p.fail(key, "%q is not known in the condition of %s", key.Value, c.Type)
		}
	}
	switch {
	case len(c.limits) == 0:
		p.fail(n, "no comparison such as `gte: 10` in the condition")
	case c.Type == ValueCount && len(c.Values) == 0:
		p.fail(n, "no `field` in the condition of value_count")
	case c.never():
		p.fail(n, "the condition never holds: a time without any match is not seen")
	}
}

// never reports limits that no count from one up keeps.
func (c *Correlation) never() bool {
	low, high := 1.0, math.Inf(1)
	for _, l := range c.limits {
		switch l.operator {
		case "gt":
			low = max(low, l.count+1)
		case "gte":
			low = max(low, l.count)
		case "lt":
			high = min(high, l.count-1)
		case "lte":
			high = min(high, l.count)
		case "eq":
			low, high = max(low, l.count), min(high, l.count)
		}
	}
	return low > high
}

// expression reads a condition over the names of rules. In order they must all
// be there: what else an order of alternatives means is said nowhere.
func (p *parser) expression(c *Correlation, n *yaml.Node) {
	var rules []search
	for i, name := range c.Rules {
		rules = append(rules, search{name, &node{test: &test{field: i}}})
	}
	expr, err := parseCondition(n.Value, rules)
	switch {
	case err != nil:
		p.fail(p.inside(n, err.at), "condition: %w", err)
	case c.Type == Temporal && expr.sighted(make([]bool, len(c.Rules))):
		p.fail(n, "the condition holds without any match, and a time without any is not seen")
	case c.Type == Temporal:
		c.expr = expr
	case !expr.linksAll(len(c.Rules)):
		p.fail(n, "in order, a condition must link all rules by `and`")
	default:
		c.limits = []limit{{"gte", float64(len(c.Rules))}}
	}
}

// linksAll reports an expression that is so many different rules linked by "and".
func (n *node) linksAll(rules int) bool {
	seen := map[int]bool{}
	for _, k := range n.kids {
		if k.test != nil {
			seen[k.test.field] = true
		}
	}
	return rules == 1 && n.test != nil || len(seen) == rules && len(n.kids) == rules && n.need == rules
}

// sighted evaluates an expression over rules, seen by their position.
func (n *node) sighted(seen []bool) bool {
	_, holds := n.bounds(func(t *test) (canFail, canHold bool) { return !seen[t.field], seen[t.field] })
	return holds
}
