package eventlog

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"postern/evidence"
)

// Workers bounds how many goroutines read logs at once, over all logs.
type Workers struct{ free chan struct{} }

// NewWorkers gives so many workers, one at least.
func NewWorkers(n int) *Workers {
	w := &Workers{make(chan struct{}, max(1, n))}
	for range cap(w.free) {
		w.free <- struct{}{}
	}
	return w
}

// Take waits for a worker. The error is ctx's.
func (w *Workers) Take(ctx context.Context) error {
	select {
	case <-w.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Give gives a worker back.
func (w *Workers) Give() { w.free <- struct{}{} }

// idle takes a worker if one has nothing to do.
func (w *Workers) idle() bool {
	select {
	case <-w.free:
		return true
	default:
		return false
	}
}

// forker is a parser that may have blocks read apart from each other.
type forker interface {
	parser
	// alone reports whether a block can be read with what is known now, whatever
	// blocks before it say, and changes nothing for those behind it but what join
	// tells.
	alone(block []byte) bool
	// fork gives a parser of one such block, which it puts into r. It may hold back
	// lines from one on that need all before them.
	fork(r *rows) parser
	// join takes over what a fork has to tell, in the order of the blocks.
	join(fork parser)
}

// stream reads the blocks of one log. Those that stand alone are handed to idle
// workers; what they tell is joined in the order of the log, so that the result
// is the same whoever reads what.
type stream struct {
	log     *log
	blocks  *blocks
	counted *counter // what blocks come from
	rows    *rows
	parser  parser
	forker  forker // nil: blocks are read one after the other
	ref     evidence.Ref
	format  string
	dated   bool  // its lines are dated by the file's last write
	line    int64 // of the block that comes next
	kept    int64 // where in the file it was last kept what was read

	order []*job // handed out, not joined yet
	spare []*job
	queue chan *job    // of order, nobody has begun
	hired atomic.Int64 // workers that look into queue
	gone  sync.WaitGroup
}

// job is one block read apart.
type job struct {
	buf    []byte // what the block stands in
	block  []byte
	line   int64 // its first
	rows   *rows
	parser parser
	out    evidence.Sink
	held   int
	err    error
	done   chan struct{} // holds one once the block was read
	read   bool          // that was taken
}

// begin says who takes the blocks.
func (s *stream) begin(r *rows, p parser) {
	s.rows, s.parser, s.line = r, p, 1
	s.ref = evidence.Ref{Collector: r.ref.Collector, Path: r.ref.Path}
	if w := s.log.in.Workers; w != nil {
		s.forker, _ = p.(forker)
		s.queue = make(chan *job, 2*cap(w.free)+2)
	}
}

// run reads all blocks; the first is in hand. The error is a lane's.
func (s *stream) run(ctx context.Context, block []byte, last bool) error {
	defer s.abandon()
	for {
		held, err := s.take(block, last)
		if err != nil || last {
			return err
		}
		if err := ctx.Err(); err != nil {
			s.blocks.err = err
			return s.settle(0)
		}
		if err := s.keep(held); err != nil {
			return err
		}
		block, last = s.blocks.next(held)
	}
}

// take reads one block, or has it read.
func (s *stream) take(block []byte, last bool) (held int, err error) {
	if s.forker != nil && !last && !s.blocks.cut && s.forker.alone(block) {
		if len(s.blocks.buf) == s.blocks.size {
			return 0, s.handOut(block)
		}
		defer s.blocks.shrink()
	}
	if err := s.settle(0); err != nil {
		return 0, err
	}
	s.rows.line = s.line
	end := s.line
	if s.blocks.cut {
		end += int64(countLines(block))
	}
	held, err = s.parser.parse(block, last)
	if s.blocks.cut {
		first(&s.rows.long, &s.rows.longAt, end-1)
	}
	s.line = s.rows.line
	return held, err
}

// handOut has a block read by whoever is idle.
func (s *stream) handOut(block []byte) error {
	j := s.job()
	j.block, j.line, j.out = block, s.line, s.log.out
	j.rows.tally = tally{low: s.rows.low, serves: s.rows.serves, peers: s.rows.peers.Fork(), apart: true, times: j.rows.times[:0]}
	j.parser = s.forker.fork(j.rows)
	j.buf = s.blocks.swap(j.buf)
	s.line += int64(countLines(block))
	s.order = append(s.order, j)
	if s.log.in.Workers.idle() {
		s.hired.Add(1)
		s.gone.Go(s.work)
	}
	hired := int(s.hired.Load())
	if hired == 0 && len(s.queue) == 0 {
		j.run(s.ref)
	} else {
		s.queue <- j
	}
	return s.settle(2 * hired)
}

// job gives a job that nobody has.
func (s *stream) job() *job {
	if n := len(s.spare); n > 0 {
		j := s.spare[n-1]
		s.spare = s.spare[:n-1]
		j.read = false
		return j
	}
	return &job{
		buf: make([]byte, s.blocks.size), done: make(chan struct{}, 1),
		rows: newRows(nil, s.rows.review, s.log.in.Proxies, s.ref),
	}
}

// work reads blocks while there are some.
func (s *stream) work() {
	defer s.log.in.Workers.Give()
	defer s.hired.Add(-1)
	for {
		select {
		case j := <-s.queue:
			j.run(s.ref)
		default:
			return
		}
	}
}

// run reads the job's block. Its lane is its own, so that what lanes keep is
// folded early.
func (j *job) run(ref evidence.Ref) {
	defer func() { j.done <- struct{}{} }() // whatever happens, so that nobody waits for ever
	j.rows.lane, j.rows.line = j.out.Lane(ref), j.line
	j.held, j.err = j.parser.parse(j.block, false)
	j.err = errors.Join(j.err, j.rows.lane.Close())
}

// settle joins the oldest jobs until no more than most are left, and further ones
// that are done. While it waits it reads what nobody has begun.
func (s *stream) settle(most int) error {
	for len(s.order) > 0 {
		j := s.order[0]
		if !j.read && !s.wait(j, len(s.order) > most) {
			return nil
		}
		s.order = s.order[1:]
		s.spare = append(s.spare, j)
		if err := s.join(j); err != nil {
			return err
		}
	}
	return nil
}

// wait sees whether a job is done, and with must waits for it.
func (s *stream) wait(j *job, must bool) bool {
	for !j.read {
		select {
		case <-j.done:
			j.read = true
			continue
		default:
		}
		if !must {
			return false
		}
		select {
		case other := <-s.queue:
			other.run(s.ref)
		default:
			<-j.done
			j.read = true
		}
	}
	return true
}

// join takes over what a job gave, and reads what it held back.
func (s *stream) join(j *job) error {
	s.rows.tally.join(&j.rows.tally)
	s.forker.join(j.parser)
	if j.err != nil || j.held == 0 {
		return j.err
	}
	s.rows.line = j.rows.line
	_, err := s.parser.parse(j.block[len(j.block)-j.held:], false)
	return err
}

// abandon waits for what is still under way, whose outcome nobody asks for, and
// for all workers.
func (s *stream) abandon() {
	for _, j := range s.order {
		s.wait(j, true)
	}
	s.gone.Wait()
}
