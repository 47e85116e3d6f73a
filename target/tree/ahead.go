package tree

// A folder of aheadFrom names or more is looked at by a goroutine of its own, so
// many names at once, while whoever walks judges those before.
const (
	aheadFrom  = 256
	aheadBatch = 128
)

// ahead looks at the names of a folder in their order.
type ahead struct {
	batches chan []looked
	quit    chan struct{}
	batch   []looked // what is left of the one in hand
}

// looked is what was seen of a name.
type looked struct {
	base string
	node
	err error
}

func (f *diskFolder) lookAhead(names []string) *ahead {
	a := &ahead{batches: make(chan []looked, 2), quit: make(chan struct{})}
	go func() {
		defer close(a.batches)
		for len(names) > 0 {
			some := names[:min(aheadBatch, len(names))]
			names = names[len(some):]
			batch := make([]looked, len(some))
			for i, base := range some {
				n, err := f.look(base)
				batch[i] = looked{base, n, err}
			}
			select {
			case a.batches <- batch:
			case <-a.quit:
				return
			}
		}
	}()
	return a
}

// take gives what was seen of a name. Names are asked for in their order; any other
// is looked at anew.
func (a *ahead) take(f *diskFolder, base string) (node, error) {
	if len(a.batch) == 0 {
		a.batch = <-a.batches
	}
	if len(a.batch) == 0 || a.batch[0].base != base {
		return f.look(base)
	}
	seen := a.batch[0]
	a.batch = a.batch[1:]
	return seen.node, seen.err
}

// stop ends the work, and returns when the folder is no longer in use.
func (a *ahead) stop() {
	close(a.quit)
	for range a.batches { // until it is closed
	}
}
