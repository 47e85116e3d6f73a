package sigma

import "slices"

// node is a condition: a test, the negation of one node, or a number of nodes
// of which at least so many must hold (all: and; one: or).
type node struct {
	test *test
	not  *node
	kids []*node
	need int
	cost int // of evaluation, to have the cheap asked first
}

// test is one comparison. Field is a position in the rule's fields, keyword for
// a search in the whole event.
type test struct {
	field int
	value value
}

const keyword = -1

// value is what a field is compared with.
type value interface {
	// holds reports whether any spelling in the cell equals, contains, ... the value.
	holds(e *Event, c *cell) bool
	// literals gives ASCII texts in lower case of which one stands in each text
	// that holds; none: it can't be told.
	literals() []string
	// cost compares with that of others.
	cost() int
}

func leaf(field int, v value) *node {
	cost := v.cost()
	if field == keyword {
		cost *= 20
	}
	return &node{test: &test{field, v}, cost: cost}
}

func negate(n *node) *node { return &node{not: n, cost: n.cost} }

func allOf(kids []*node) *node { return join(kids, len(kids)) }
func anyOf(kids []*node) *node { return join(kids, 1) }

func join(kids []*node, need int) *node {
	if len(kids) == 1 {
		return kids[0]
	}
	n := &node{kids: slices.Clone(kids), need: need}
	slices.SortStableFunc(n.kids, func(a, b *node) int { return a.cost - b.cost })
	for _, k := range kids {
		n.cost += k.cost
	}
	return n
}

// holds evaluates the condition over an event.
func (n *node) holds(e *Event) bool {
	switch {
	case n.test != nil:
		return n.test.value.holds(e, e.cell(n.test.field))
	case n.not != nil:
		return !n.not.holds(e)
	}
	hits := 0
	for i, k := range n.kids {
		if k.holds(e) {
			if hits++; hits == n.need {
				return true
			}
		} else if hits+len(n.kids)-i-1 < n.need {
			return false
		}
	}
	return false
}

// bounds reports whether the condition can be false and can be true when only
// so much is known of each test.
func (n *node) bounds(known func(*test) (canFail, canHold bool)) (canFail, canHold bool) {
	switch {
	case n.test != nil:
		return known(n.test)
	case n.not != nil:
		canFail, canHold = n.not.bounds(known)
		return canHold, canFail
	}
	surely, maybe := 0, 0
	for _, k := range n.kids {
		fail, hold := k.bounds(known)
		if hold {
			maybe++
		}
		if !fail {
			surely++
		}
	}
	return surely < n.need, maybe >= n.need
}
