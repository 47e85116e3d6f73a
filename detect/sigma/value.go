package sigma

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// value ends the chain of an operand: what the field is compared with.
func (o *operand) value(it *item) (value, error) {
	switch o.kind {
	case aNull:
		if it.field == keyword {
			return nil, errors.New("null is no keyword")
		}
		return existence(false), nil
	case anExistence:
		return existence(strings.EqualFold(o.source, "true")), nil
	case aNetwork:
		return network{o.network}, nil
	case aComparison:
		return comparison{o.operator, it.part, o.number}, nil
	case aReference:
		return reference{it.detection.field(o.source), o.open, o.ends, it.cased}, nil
	case anExpr:
		return newExpression(o, it.flags)
	}
	v := &texts{cased: it.cased}
	for _, p := range o.patterns {
		if it.field == keyword && !slices.Contains(it.done, "startswith") && !slices.Contains(it.done, "endswith") {
			p = p.widen(true, true) // keywords stand anywhere (Sigma rules, Keywords search)
		}
		v.globs = append(v.globs, p.compile(it.cased))
	}
	return v, nil
}

// existence is the modifier exists, and null: the field is not there.
type existence bool

func (v existence) holds(_ *Event, c *cell) bool { return c.null != bool(v) }
func (v existence) literals() []string           { return nil }
func (v existence) cost() int                    { return 1 }

// network is the modifier cidr.
type network struct{ netip.Prefix }

func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func (v network) holds(_ *Event, c *cell) bool {
	for _, text := range c.plain {
		if addr, ok := address(text); ok && v.Contains(addr) {
			return true
		}
	}
	return false
}

func (v network) literals() []string { return nil } // an address has many spellings
func (v network) cost() int          { return 4 }

// address reads an IP address; an IPv4 one mapped into IPv6 is an IPv4 one.
func address(text []byte) (netip.Addr, bool) {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%interface-name")
	if len(text) < len("::") || len(text) > longest || !bytes.ContainsAny(text, ".:") {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(string(text))
	return addr.Unmap().WithZone(""), err == nil
}

// operators compare numbers.
var operators = []string{"lt", "lte", "gt", "gte"}

// comparison holds a number, or a part of a date, against another.
type comparison struct {
	operator string // one of operators, or eq
	part     string // minute, hour, ...; "": the number itself
	than     float64
}

func (v comparison) holds(_ *Event, c *cell) bool {
	for _, text := range c.plain {
		have, ok := 0.0, false
		if v.part == "" {
			have, ok = number(text)
		} else {
			have, ok = datePart(text, v.part)
		}
		if ok && compares(have, v.operator, v.than) {
			return true
		}
	}
	return false
}

func (v comparison) literals() []string { return nil }
func (v comparison) cost() int          { return 4 }

func compares(a float64, operator string, b float64) bool {
	switch operator {
	case "lt":
		return a < b
	case "lte":
		return a <= b
	case "gt":
		return a > b
	case "gte":
		return a >= b
	}
	return a == b
}

// number reads a decimal number, or a hexadecimal one as Windows writes them.
func number(text []byte) (float64, bool) {
	const longest = 40
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(text) > longest {
		return 0, false
	}
	if len(text) > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		u, err := strconv.ParseUint(string(text[2:]), 16, 64)
		return float64(u), err == nil
	}
	for _, b := range text {
		if (b < '0' || b > '9') && !bytes.ContainsRune([]byte("+-.eE"), rune(b)) {
			return 0, false // no Inf, NaN or 1_000
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}

// yamlNumber reads a number of a rule.
func yamlNumber(s string) (float64, bool) {
	s = strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return float64(i), true
	}
	return number([]byte(s))
}

// reference is the modifier fieldref: another field's value.
type reference struct {
	field       int
	left, right bool // open on that side, by contains, startswith, endswith
	cased       bool
}

func (v reference) holds(e *Event, c *cell) bool {
	other := e.cell(v.field)
	if c.null || other.null {
		return false
	}
	have, want := c.plain, other.plain
	if !v.cased {
		have, want = e.folded(c), e.folded(other)
	}
	for _, a := range have {
		for _, b := range want {
			if v.compare(a, b) {
				return true
			}
		}
	}
	return false
}

func (v reference) compare(a, b []byte) bool {
	switch {
	case v.left && v.right:
		return bytes.Contains(a, b)
	case v.left:
		return bytes.HasSuffix(a, b)
	case v.right:
		return bytes.HasPrefix(a, b)
	}
	return bytes.Equal(a, b)
}

func (v reference) literals() []string { return nil }
func (v reference) cost() int          { return 6 }
