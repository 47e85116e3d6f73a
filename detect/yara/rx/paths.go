package rx

import "postern/detect/yara/atom"

// How far and wide paths are followed for atoms.
const (
	pathLength = 8
	pathCount  = 64
)

// paths lists every way through the program from pc on as the sets of its
// first bytes, up to pathLength of them. When there are too many it looks less
// far. ok is false where a way ends without a byte.
func (p *program) paths(pc int) (all [][]atom.Set, ok bool) {
	for length := pathLength; length >= 2; length -= 2 {
		w := walker{p: p, length: length, ok: true}
		w.walk(int32(pc), nil, 0)
		if !w.ok {
			return nil, false
		}
		if len(w.all) <= pathCount {
			return w.all, true
		}
	}
	return nil, false
}

type walker struct {
	p      *program
	length int
	all    [][]atom.Set
	ok     bool
	steps  int
}

func (w *walker) walk(pc int32, path []atom.Set, idle int) {
	for w.ok && len(w.all) <= pathCount {
		if w.steps++; w.steps > 20000 || idle > 64 {
			w.ok = false
			return
		}
		switch i := w.p.insts[pc]; i.code {
		case iMatch:
			w.leaf(path)
			return
		case iJump:
			pc = i.x
		case iAssert:
			pc++
		case iSplit:
			w.walk(i.x, path[:len(path):len(path)], idle+1)
			pc = i.y
		case iSet:
			path = append(path, atom.Set(w.p.sets[i.x]))
			idle = 0
			if len(path) == w.length {
				w.leaf(path)
				return
			}
			pc++
			continue
		}
		idle++
	}
}

func (w *walker) leaf(path []atom.Set) {
	if len(path) == 0 {
		w.ok = false
		return
	}
	w.all = append(w.all, path)
}

// begins is the set of bytes a match may begin with.
func (p *program) begins() (s Set) {
	var t threads
	t.reset(len(p.insts))
	stack := []int32{0}
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !t.add(pc) {
			continue
		}
		switch i := p.insts[pc]; i.code {
		case iSet:
			s.union(p.sets[i.x])
		case iJump:
			stack = append(stack, i.x)
		case iSplit:
			stack = append(stack, i.x, i.y)
		case iAssert:
			stack = append(stack, pc+1)
		}
	}
	return s
}
