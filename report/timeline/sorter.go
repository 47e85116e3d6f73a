package timeline

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"postern/evidence"
)

const (
	mostRuns  = 64  // of one size, before they are merged to one
	entrySize = 128 // bytes of an entry beside its texts
)

// sorter sorts more entries than memory holds: sorted runs go to disk, as many
// of one size as mostRuns, and are merged at the end.
type sorter struct {
	dir     string
	memory  int // bytes of entries that are held
	compare func(a, b *entry) int

	held []entry
	size int
	runs [][]*os.File // by how often their entries were merged
}

func (s *sorter) add(e entry) error {
	s.held = append(s.held, e)
	if s.size += entrySize + len(e.path) + len(e.text); s.size < s.memory {
		return nil
	}
	return s.spill()
}

// spill writes what is held as a run.
func (s *sorter) spill() error {
	s.sort()
	i := 0
	err := s.write(0, func() (*entry, error) {
		if i == len(s.held) {
			return nil, io.EOF
		}
		i++
		return &s.held[i-1], nil
	})
	clear(s.held)
	s.held, s.size = s.held[:0], 0
	return err
}

func (s *sorter) sort() {
	slices.SortFunc(s.held, func(a, b entry) int { return s.compare(&a, &b) })
}

// write writes a run, and merges the runs of its size if they are too many.
func (s *sorter) write(level int, next func() (*entry, error)) (err error) {
	f, err := os.CreateTemp(s.dir, ".postern-timeline-*")
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	if level == len(s.runs) {
		s.runs = append(s.runs, nil)
	}
	s.runs[level] = append(s.runs[level], f)
	out := bufio.NewWriterSize(f, 1<<16)
	var buf []byte
	for {
		e, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			buf = e.append(buf[:0])
			_, err = out.Write(buf)
		}
		if err != nil {
			return fmt.Errorf("timeline: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	if len(s.runs[level]) < mostRuns {
		return nil
	}
	full := s.runs[level]
	m, err := s.merge(full, nil)
	if err == nil {
		err = s.write(level+1, m.next)
	}
	s.runs[level] = nil
	return errors.Join(err, remove(full))
}

// sorted returns all entries in order, one a call, io.EOF at the end.
func (s *sorter) sorted() (func() (*entry, error), error) {
	s.sort()
	m, err := s.merge(slices.Concat(s.runs...), s.held)
	return m.next, err
}

func (s *sorter) close() error {
	err := remove(slices.Concat(s.runs...))
	s.runs, s.held = nil, nil
	return err
}

func remove(runs []*os.File) (err error) {
	for _, f := range runs {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return err
}

// merge begins to merge runs, and what is held.
func (s *sorter) merge(runs []*os.File, held []entry) (*merged, error) {
	m := &merged{compare: s.compare, held: held}
	if len(held) > 0 {
		m.runs = append(m.runs, &run{entry: &held[0]})
		m.held = held[1:]
	}
	for _, f := range runs {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return m, fmt.Errorf("timeline: %w", err)
		}
		r := &run{in: bufio.NewReaderSize(f, 1<<15)}
		switch err := r.next(); {
		case errors.Is(err, io.EOF):
		case err != nil:
			return m, err
		default:
			m.runs = append(m.runs, r)
		}
	}
	heap.Init(m)
	return m, nil
}

// merged is runs being merged; a heap by their first entries.
type merged struct {
	compare func(a, b *entry) int
	runs    []*run
	held    []entry // what is left of those in memory
}

// run is a run being read; in is nil for the entries in memory.
type run struct {
	in    *bufio.Reader
	entry *entry // stands next
}

// Len implements heap.Interface.
func (m *merged) Len() int { return len(m.runs) }

// Less implements heap.Interface.
func (m *merged) Less(i, j int) bool { return m.compare(m.runs[i].entry, m.runs[j].entry) < 0 }

// Swap implements heap.Interface.
func (m *merged) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }

// Push implements heap.Interface.
func (m *merged) Push(x any) { m.runs = append(m.runs, x.(*run)) }

// Pop implements heap.Interface.
func (m *merged) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}

func (m *merged) next() (*entry, error) {
	if len(m.runs) == 0 {
		return nil, io.EOF
	}
	r := m.runs[0]
	e := r.entry
	var err error
	switch {
	case r.in != nil:
		err = r.next()
	case len(m.held) == 0:
		err = io.EOF
	default:
		r.entry, m.held = &m.held[0], m.held[1:]
	}
	switch {
	case errors.Is(err, io.EOF):
		heap.Pop(m)
	case err != nil:
		return nil, err
	default:
		heap.Fix(m, 0)
	}
	return e, nil
}

// append writes an entry as a run holds it: numbers as varints, texts with their
// lengths before them.
func (e *entry) append(b []byte) []byte {
	b = binary.AppendVarint(b, e.at)
	b = binary.AppendVarint(b, int64(e.from))
	b = binary.AppendVarint(b, int64(e.of))
	b = binary.AppendVarint(b, e.place)
	for _, text := range []string{e.desc, e.path, string(e.unit), e.text} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

// next takes the entry that stands next; io.EOF at the end of a run.
func (r *run) next() error {
	var numbers [4]int64
	var texts [4]string
	for i := range numbers {
		n, err := binary.ReadVarint(r.in)
		if errors.Is(err, io.EOF) && i == 0 {
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("timeline: a temporary file was changed: %w", noEOF(err))
		}
		numbers[i] = n
	}
	for i := range texts {
		n, err := binary.ReadUvarint(r.in)
		if err == nil && n > 1<<20 {
			err = errors.New("a text is too long")
		}
		var text []byte
		if err == nil {
			text = make([]byte, n)
			_, err = io.ReadFull(r.in, text)
		}
		if err != nil {
			return fmt.Errorf("timeline: a temporary file was changed: %w", noEOF(err))
		}
		texts[i] = string(text)
	}
	r.entry = &entry{
		at: numbers[0], from: int32(numbers[1]), of: int32(numbers[2]), place: numbers[3],
		desc: texts[0], path: texts[1], unit: evidence.Unit(texts[2]), text: texts[3],
	}
	return nil
}

// noEOF is err, but for an end that comes too early.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
