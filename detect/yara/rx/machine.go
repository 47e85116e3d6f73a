package rx

// Input is what a pattern is held against: a window of the content, and
// whether the content begins or ends with it.
type Input struct {
	Data       []byte
	Begin, End bool
}

// Machine holds the working memory of matching. It belongs to one goroutine;
// the zero Machine is ready.
type Machine struct {
	Going     func() bool // asked now and then: whether to go on; nil: always
	now, next threads
	stack     []int32
	work      int // threads followed since Going was asked
}

// turn is how many threads are followed before Going is asked again.
const turn = 1 << 15

// going counts work and tells whether there may be more.
func (m *Machine) going(work int) bool {
	if m.work += work + 1; m.work < turn {
		return true
	}
	if m.Going != nil && !m.Going() {
		m.work = turn // ask again next time
		return false
	}
	m.work = 0
	return true
}

// threads is a sparse set of positions in a program.
type threads struct {
	dense, sparse []int32
}

func (t *threads) reset(n int) {
	if len(t.sparse) < n {
		t.sparse = make([]int32, n)
	}
	t.dense = t.dense[:0]
}

func (t *threads) add(pc int32) bool {
	if i := t.sparse[pc]; int(i) < len(t.dense) && t.dense[i] == pc {
		return false
	}
	t.sparse[pc] = int32(len(t.dense))
	t.dense = append(t.dense, pc)
	return true
}

// run simulates p from pc at offset at, forward (step 1) or backward (-1), and
// calls end for every place where it matches, nearest first, until end returns
// false. It looks at Limit bytes at most, and none once Going says so.
func (m *Machine) run(p *program, pc int, in *Input, at, step int, end func(at int) bool) {
	m.now.reset(len(p.insts))
	m.next.reset(len(p.insts))
	if m.follow(p, &m.now, int32(pc), in, at) && !end(at) {
		return
	}
	for n := 0; n < Limit && len(m.now.dense) > 0; n++ {
		i := at
		if step < 0 {
			i--
		}
		if i < 0 || i >= len(in.Data) || !m.going(len(m.now.dense)) {
			return
		}
		c := in.Data[i]
		at += step
		m.next.dense = m.next.dense[:0]
		matched := false
		for _, pc := range m.now.dense {
			if inst := p.insts[pc]; inst.code == iSet && p.sets[inst.x].has(c) {
				matched = m.follow(p, &m.next, pc+1, in, at) || matched
			}
		}
		if matched && !end(at) {
			return
		}
		m.now, m.next = m.next, m.now
	}
}

// follow adds pc and all it leads to without a byte; it tells whether that
// includes a match.
func (m *Machine) follow(p *program, t *threads, pc int32, in *Input, at int) (matched bool) {
	m.stack = append(m.stack[:0], pc)
	for len(m.stack) > 0 {
		pc := m.stack[len(m.stack)-1]
		m.stack = m.stack[:len(m.stack)-1]
		if !t.add(pc) {
			continue
		}
		switch inst := p.insts[pc]; inst.code {
		case iMatch:
			matched = true
		case iJump:
			m.stack = append(m.stack, inst.x)
		case iSplit:
			m.stack = append(m.stack, inst.y, inst.x)
		case iAssert:
			if in.holds(op(inst.x), at) {
				m.stack = append(m.stack, pc+1)
			}
		}
	}
	return matched
}

func (in *Input) holds(o op, at int) bool {
	switch o {
	case opBegin:
		return at == 0 && in.Begin
	case opEnd:
		return at == len(in.Data) && in.End
	case opWord, opNotWord:
		return in.boundary(at) == (o == opWord)
	case opWordW, opNotWordW:
		return in.wideBoundary(at) == (o == opWordW)
	}
	return false
}

// boundary tells whether a word begins or ends at at. As in libyara the
// content's own ends are boundaries, whatever stands there.
func (in *Input) boundary(at int) bool {
	return at <= 0 || at >= len(in.Data) || in.word(at-1) != in.word(at)
}

func (in *Input) wideBoundary(at int) bool {
	return at < 2 || at+1 >= len(in.Data) || in.wideWord(at-2) != in.wideWord(at)
}

func (in *Input) word(i int) bool {
	if i < 0 || i >= len(in.Data) {
		return false
	}
	c := in.Data[i]
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func (in *Input) wideWord(i int) bool {
	return in.word(i) && i+1 < len(in.Data) && in.Data[i+1] == 0
}
