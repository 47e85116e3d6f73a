package rx

import "postern/detect/yara/atom"

// Pattern finds the matches of one alternative of a string.
type Pattern struct {
	Atoms []atom.Atom // the places to start from; they may be dropped once an index has them
	whole bool        // there are no atoms: try every offset
	first Set         // bytes a match may begin with, when there are no atoms

	// A pattern of fixed length: (byte & mask) == val; where a set is not
	// that simple its position is in extra.
	val, mask []byte
	extra     map[int]Set
	all       bool // every mask is 0xff

	// Any other: forward runs from split, backward from there to the begin.
	forward, backward *program
	split             int
	greedy            bool
}

// Compile makes patterns of a node: one for each alternative at its top. greedy
// tells whether the longest match from a place counts, or the shortest.
func Compile(n *Node, greedy bool) ([]*Pattern, error) {
	if n.op == opAlt {
		var all []*Pattern
		for _, s := range n.subs {
			if s.op == opEmpty {
				continue
			}
			ps, err := Compile(s, greedy)
			if err != nil {
				return nil, err
			}
			all = append(all, ps...)
		}
		return all, nil
	}
	elements := []*Node{n}
	if n.op == opConcat {
		elements = n.subs
	}
	elements = unroll(elements)
	if path, ok := fixed(elements); ok {
		return []*Pattern{fixedPattern(path)}, nil
	}
	p, err := programPattern(elements)
	if err != nil {
		return nil, err
	}
	p.greedy = greedy
	return []*Pattern{p}, nil
}

// unroll turns x{n} of single bytes into n elements, and x{n,m} into n and the
// rest, so that atoms may be cut from them.
func unroll(elements []*Node) (out []*Node) {
	for _, e := range elements {
		if e.op != opRepeat || e.subs[0].op != opSet || e.min == 0 || e.min > 256 {
			out = append(out, e)
			continue
		}
		for range e.min {
			out = append(out, e.subs[0])
		}
		if e.max != e.min {
			rest := *e
			rest.min, rest.max = 0, max(e.max-e.min, -1)
			out = append(out, &rest)
		}
	}
	return out
}

func fixed(elements []*Node) (path []atom.Set, ok bool) {
	for _, e := range elements {
		if e.op != opSet {
			return nil, false
		}
		path = append(path, atom.Set(e.set))
	}
	return path, len(path) > 0
}

func fixedPattern(path []atom.Set) *Pattern {
	p := &Pattern{all: true, first: Set(path[0]), val: make([]byte, len(path)), mask: make([]byte, len(path))}
	for i, s := range path {
		var ok bool
		p.val[i], p.mask[i], ok = Set(s).exact()
		p.all = p.all && p.mask[i] == 0xff
		if !ok {
			if p.extra == nil {
				p.extra = map[int]Set{}
			}
			p.extra[i] = Set(s)
		}
	}
	if a, ok := atom.Best(path); ok {
		a.Fill(path)
		p.Atoms = []atom.Atom{a}
	}
	p.whole = len(p.Atoms) == 0
	return p
}

// programPattern picks the element from which all ways lead over good atoms.
func programPattern(elements []*Node) (*Pattern, error) {
	forward, marks, err := build(elements, false)
	if err != nil {
		return nil, err
	}
	p := &Pattern{forward: forward}
	at := p.choose(elements, marks)
	if at < 0 {
		p.first, p.whole = forward.begins(), true
		return p, nil
	}
	if at > 0 {
		prefix := make([]*Node, at)
		for i := range prefix {
			prefix[at-1-i] = elements[i]
		}
		p.backward, _, err = build(prefix, true)
	}
	return p, err
}

const (
	maxSplits = 200  // elements tried
	maxForms  = 2048 // keys of a pattern
)

// choose sets the split and its atoms; it returns the element, or -1.
func (p *Pattern) choose(elements []*Node, marks []int) (at int) {
	at = -1
	bestScore := 0.0
	var bestPaths [][]atom.Set
	var finder atom.Finder
	for k := 0; k < min(len(marks), maxSplits); k++ {
		paths, ok := p.forward.paths(marks[k])
		if !ok {
			continue
		}
		var atoms []atom.Atom
		score, forms := 1e9, 0
		for _, path := range paths {
			a, ok := finder.Best(path)
			if !ok || a.Score <= bestScore { // no better than what is there
				score = 0
				break
			}
			atoms = append(atoms, a)
			score, forms = min(score, a.Score), forms+a.Forms
		}
		if forms <= maxForms && score > bestScore {
			bestScore, at, p.Atoms, p.split, bestPaths = score, k, atoms, marks[k], paths
		}
		if len(paths) == 1 && len(paths[0]) == pathLength && plainRun(elements[k:]) {
			k += stride - 1 // the atoms that begin before were among these
		}
	}
	for i := range bestPaths {
		p.Atoms[i].Fill(bestPaths[i])
	}
	return at
}

// stride is how many places of a path atoms of full length may begin at.
const stride = pathLength - 3

func plainRun(elements []*Node) bool {
	for i, e := range elements {
		if i == stride {
			return true
		}
		if e.op != opSet {
			return false
		}
	}
	return false
}

// Match finds the matches in whose atom hit at offset at, back bytes behind
// the split; without atoms, those that begin at at. key is xored into the
// pattern. found takes where each begins and ends.
func (p *Pattern) Match(m *Machine, in *Input, at, back int, key byte, found func(from, to int)) {
	at -= back
	if at < 0 {
		return
	}
	if p.forward == nil {
		if p.equal(in.Data[at:], key) {
			found(at, at+len(p.val))
		}
		return
	}
	if p.whole && at < len(in.Data) && !p.first.has(in.Data[at]) {
		return
	}
	to := -1
	m.run(p.forward, p.split, in, at, 1, func(end int) bool {
		to = end
		return p.greedy
	})
	if to < 0 || to == at && p.backward == nil { // nothing is no match
		return
	}
	if p.backward == nil {
		found(at, to)
		return
	}
	m.run(p.backward, 0, in, at, -1, func(from int) bool {
		if from < to {
			found(from, to)
		}
		return true
	})
}

func (p *Pattern) equal(data []byte, key byte) bool {
	if len(data) < len(p.val) {
		return false
	}
	data = data[:len(p.val)]
	if p.all && key == 0 {
		return string(data) == string(p.val)
	}
	val, mask := p.val, p.mask[:len(data)]
	for i, c := range data {
		if (c^key)&mask[i] != val[i] {
			return false
		}
	}
	for i, s := range p.extra {
		if !s.has(data[i] ^ key) {
			return false
		}
	}
	return true
}

// Everywhere tells whether the pattern has no atoms, so that every offset of a
// content must be tried.
func (p *Pattern) Everywhere() bool { return p.whole }

// Starts tells whether a match of a pattern without atoms may begin with c.
func (p *Pattern) Starts(c byte) bool { return p.first.has(c) }

// Weak tells whether looking for the pattern costs much in any content: it has
// no atoms, or one so short that it stands everywhere.
func (p *Pattern) Weak() bool {
	for _, a := range p.Atoms {
		if a.Length < 2 || a.Score < 9 {
			return true
		}
	}
	return p.Everywhere()
}

// Reach is how many bytes from an atom a match may begin or end.
func (p *Pattern) Reach() int { return max(Limit, len(p.val)) }
