package rx

import (
	"errors"
	"slices"
)

type code uint8

const (
	iSet   code = iota // x: index of the set
	iSplit             // x, y: where to go on
	iJump              // x
	iMatch
	iAssert // x: the op
)

type inst struct {
	code code
	x, y int32
}

// program is an automaton over bytes, forward or backward.
type program struct {
	insts []inst
	sets  []Set
	index map[Set]int32
}

var errTooLarge = errors.New("regular expression is too large")

// build compiles the elements of a sequence; marks are where each begins.
func build(elements []*Node, backward bool) (p *program, marks []int, err error) {
	p = &program{index: map[Set]int32{}}
	for _, n := range elements {
		marks = append(marks, len(p.insts))
		if err := p.emit(n, backward); err != nil {
			return nil, nil, err
		}
	}
	p.add(inst{code: iMatch})
	p.index, p.insts, p.sets = nil, slices.Clone(p.insts), slices.Clone(p.sets)
	return p, marks, nil
}

func (p *program) add(i inst) int {
	p.insts = append(p.insts, i)
	return len(p.insts) - 1
}

func (p *program) here() int32 { return int32(len(p.insts)) }

func (p *program) emit(n *Node, backward bool) error {
	if len(p.insts) > maxProgram {
		return errTooLarge
	}
	switch n.op {
	case opEmpty:
	case opSet:
		i, known := p.index[n.set]
		if !known {
			i = int32(len(p.sets))
			p.sets = append(p.sets, n.set)
			p.index[n.set] = i
		}
		p.add(inst{code: iSet, x: i})
	case opConcat:
		for i := range n.subs {
			if backward {
				i = len(n.subs) - 1 - i
			}
			if err := p.emit(n.subs[i], backward); err != nil {
				return err
			}
		}
	case opAlt:
		return p.alternatives(n, backward)
	case opRepeat:
		return p.repeat(n, backward)
	default:
		p.add(inst{code: iAssert, x: int32(n.op)})
	}
	return nil
}

func (p *program) alternatives(n *Node, backward bool) error {
	var ends []int
	for i, s := range n.subs {
		if i == len(n.subs)-1 {
			if err := p.emit(s, backward); err != nil {
				return err
			}
			break
		}
		split := p.add(inst{code: iSplit})
		p.insts[split].x = p.here()
		if err := p.emit(s, backward); err != nil {
			return err
		}
		ends = append(ends, p.add(inst{code: iJump}))
		p.insts[split].y = p.here()
	}
	for _, e := range ends {
		p.insts[e].x = p.here()
	}
	return nil
}

func (p *program) repeat(n *Node, backward bool) error {
	sub := n.subs[0]
	for range n.min {
		if err := p.emit(sub, backward); err != nil {
			return err
		}
	}
	if n.max < 0 {
		split := p.add(inst{code: iSplit})
		p.insts[split].x = p.here()
		if err := p.emit(sub, backward); err != nil {
			return err
		}
		p.add(inst{code: iJump, x: int32(split)})
		p.insts[split].y = p.here()
		return nil
	}
	var splits []int
	for range n.max - n.min {
		split := p.add(inst{code: iSplit})
		p.insts[split].x = p.here()
		splits = append(splits, split)
		if err := p.emit(sub, backward); err != nil {
			return err
		}
	}
	for _, s := range splits {
		p.insts[s].y = p.here()
	}
	return nil
}
