package rx

import "sync"

// Finder searches a text for a regular expression ("matches"). Safe for
// concurrent use.
type Finder struct {
	program  *program
	first    Set
	empty    bool // may match nothing
	greedy   bool
	machines sync.Pool
}

// NewFinder compiles a regular expression for searching.
func NewFinder(r *Regexp) (*Finder, error) {
	p, _, err := build([]*Node{r.Node}, false)
	if err != nil {
		return nil, err
	}
	f := &Finder{program: p, first: p.begins(), greedy: r.Greedy}
	f.empty = p.nullable()
	f.machines.New = func() any { return new(Machine) }
	return f, nil
}

// nullable tells whether the program may match without a byte.
func (p *program) nullable() bool {
	seen := make([]bool, len(p.insts))
	stack := []int32{0}
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch i := p.insts[pc]; i.code {
		case iMatch:
			return true
		case iJump:
			stack = append(stack, i.x)
		case iSplit:
			stack = append(stack, i.x, i.y)
		case iAssert:
			stack = append(stack, pc+1)
		}
	}
	return false
}

// Find returns where the first match begins and its length, or -1. It gives up
// when going, asked now and then, says so; nil never does.
func (f *Finder) Find(text string, going func() bool) (at, length int) {
	m := f.machines.Get().(*Machine)
	defer f.machines.Put(m)
	m.Going = going
	in := &Input{Data: []byte(text), Begin: true, End: true}
	for at := 0; at <= len(text) && m.going(1); at++ {
		if !f.empty && (at == len(text) || !f.first.has(text[at])) {
			continue
		}
		to := -1
		m.run(f.program, 0, in, at, 1, func(end int) bool {
			to = end
			return f.greedy
		})
		if to >= 0 {
			return at, to - at
		}
	}
	return -1, 0
}
