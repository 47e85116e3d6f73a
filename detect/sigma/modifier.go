package sigma

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// item is one line of a search on its way through its modifiers.
type item struct {
	*detection
	field    int // keyword: in the whole event
	operands []operand
	done     []string // modifiers applied

	all, neq, cased bool
	flags           string // of regular expressions
	part            string // of a date
}

// kind is what an operand is at this point of the chain. Values begin as one of
// the first four (Sigma rules, Value modifiers: transformation and type modifiers).
type kind string

const (
	aText       kind = "text"
	aNumber     kind = "number"
	aBoolean    kind = "boolean"
	aNull       kind = "null"
	anExpr      kind = "regular expression"
	aNetwork    kind = "network"
	aReference  kind = "field reference"
	anExistence kind = "existence"
	aComparison kind = "comparison"
)

// operand is one value of an item.
type operand struct {
	node       *yaml.Node
	kind       kind
	source     string    // as written
	patterns   []pattern // of a text: alternatives
	number     float64
	operator   string // of a comparison
	open, ends bool   // contains, startswith, endswith on what is no text: left open, right open
	network    netip.Prefix
}

func newOperand(n *yaml.Node) operand {
	o := operand{node: n, kind: aText, source: n.Value}
	switch n.Tag {
	case "!!null":
		o.kind = aNull
	case "!!bool":
		o.kind = aBoolean
	case "!!int", "!!float":
		o.kind = aNumber
	}
	o.patterns = []pattern{parsePattern(n.Value)}
	if o.kind == aNumber {
		// 0x10 stands for 16 in YAML; the log may have either.
		if i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64); err == nil && strconv.FormatInt(i, 10) != n.Value {
			o.patterns = append(o.patterns, parsePattern(strconv.FormatInt(i, 10)))
		}
	}
	return o
}

// modify applies one modifier (Sigma modifiers appendix). The node is the value
// at fault, nil for the key.
func (it *item) modify(name string) (*yaml.Node, error) {
	switch name {
	case "all":
		it.all = true
	case "neq":
		it.neq = true
	case "cased":
		it.cased = true
		return it.each(cased)
	case "contains":
		return it.each(func(o *operand) error { return o.widen(true, true) })
	case "startswith":
		return it.each(func(o *operand) error { return o.widen(false, true) })
	case "endswith":
		return it.each(func(o *operand) error { return o.widen(true, false) })
	case "windash":
		return it.each(func(o *operand) error { return o.rewrite(pattern.dashes) })
	case "wide", "utf16le", "utf16be", "utf16", "base64", "base64offset":
		return it.each(func(o *operand) error { return o.encode(name) })
	case "expand":
		return it.each(func(o *operand) error { return o.expand(it.opt.Placeholders) })
	case "i", "ignorecase", "m", "multiline", "s", "dotall":
		return it.flag(name)
	case "re", "cidr", "fieldref", "exists":
		if slices.ContainsFunc(it.done, func(m string) bool { return m != "all" && m != "neq" }) {
			return nil, errors.New("fits unmodified values only")
		}
		return it.retype(name)
	case "lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year":
		return it.compare(name)
	default:
		return nil, errors.New("there is none of that name")
	}
	return nil, nil
}

// each changes every operand.
func (it *item) each(change func(*operand) error) (*yaml.Node, error) {
	for i := range it.operands {
		if err := change(&it.operands[i]); err != nil {
			return it.operands[i].node, err
		}
	}
	return nil, nil
}

func (o *operand) misfit() error { return fmt.Errorf("does not fit a %s", o.kind) }

// plain makes a number or boolean the text that it is in a log.
func (o *operand) plain() bool {
	if o.kind == aNumber || o.kind == aBoolean {
		o.kind = aText
	}
	return o.kind == aText
}

func cased(o *operand) error {
	if !o.plain() && o.kind != aReference {
		return o.misfit()
	}
	return nil
}

// widen opens a value on the left and on the right.
func (o *operand) widen(left, right bool) error {
	if o.kind == anExpr || o.kind == aReference {
		if len(o.operator) > 0 {
			return errors.New("stands beside another of its kind")
		}
		o.open, o.ends, o.operator = left, right, "widened"
		return nil
	}
	return o.rewrite(func(p pattern) ([]pattern, error) { return []pattern{p.widen(left, right)}, nil })
}

// rewrite turns each alternative of a text into others.
func (o *operand) rewrite(change func(pattern) ([]pattern, error)) error {
	if !o.plain() {
		return o.misfit()
	}
	var all []pattern
	for _, p := range o.patterns {
		changed, err := change(p)
		if err != nil {
			return err
		}
		if all = append(all, changed...); len(all) > maxAlternatives {
			return fmt.Errorf("makes more than %d values of one", maxAlternatives)
		}
	}
	o.patterns = all
	return nil
}

// flag sets a sub-modifier of re.
func (it *item) flag(name string) (*yaml.Node, error) {
	if !slices.Contains(it.done, "re") {
		return nil, errors.New("stands only after `re`")
	}
	letter := map[string]string{"ignorecase": "i", "multiline": "m", "dotall": "s"}[name]
	if letter == "" {
		letter = name
	}
	if !strings.Contains(it.flags, letter) {
		it.flags += letter
	}
	return nil, nil
}

// retype gives unmodified values another meaning.
func (it *item) retype(name string) (*yaml.Node, error) {
	if it.field == keyword && name != "re" {
		return nil, errors.New("needs a field")
	}
	return it.each(func(o *operand) error {
		switch {
		case name == "exists":
			if o.kind != aBoolean {
				return errors.New("wants true or false")
			}
			o.kind = anExistence
		case !o.plain():
			return o.misfit()
		case name == "re":
			o.kind = anExpr
		case name == "fieldref":
			if o.source == "" {
				return errors.New("wants the name of a field")
			}
			o.kind = aReference
		case name == "cidr":
			network, err := parseNetwork(o.source)
			if err != nil {
				return fmt.Errorf("wants a network such as 10.0.0.0/8, not %q", o.source)
			}
			o.kind, o.network = aNetwork, network
		}
		return nil
	})
}

// compare makes numbers of values, and says what of the field they are held
// against: `field|hour|gte: 8`.
func (it *item) compare(name string) (*yaml.Node, error) {
	if it.field == keyword {
		return nil, errors.New("needs a field")
	}
	isPart := !slices.Contains(operators, name)
	if isPart && it.part != "" || isPart && len(it.done) > 0 && slices.Contains(operators, it.done[len(it.done)-1]) {
		return nil, errors.New("stands beside another of its kind")
	}
	if isPart {
		it.part = name
	}
	return it.each(func(o *operand) error {
		switch {
		case o.kind == aComparison && !isPart && o.operator == "eq":
		case o.kind == aComparison:
			return errors.New("stands beside another of its kind")
		case o.kind != aNumber && o.kind != aText || len(it.done) > 0 && o.kind == aText && !slices.Contains(it.done, "neq"):
			return o.misfit()
		default:
			var ok bool
			if o.number, ok = yamlNumber(o.source); !ok {
				return fmt.Errorf("wants a number, not %q", o.source)
			}
			o.kind = aComparison
		}
		o.operator = name
		if isPart {
			o.operator = "eq"
		}
		return nil
	})
}
