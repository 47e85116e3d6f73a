package eventlog

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"postern/eventlog/cut"
	"postern/evidence"
)

// section is how much of a log of some size is read before it is worth keeping
// that it was.
func section(size int64) int64 { return min(64<<20, max(1<<20, size/16)) }

// point is how far reading a log came: all that reading on from there needs.
// Parts that another layout needs are empty.
type point struct {
	Hashed int64  // bytes of the file, from its begin
	Sum    []byte // SHA-256 of these, as encoding.BinaryMarshaler gives it

	Written time.Time // the file's last write, UTC; zero: not recorded, or nothing read depends on it

	Format string // the rest says how to read on; "": the whole file was read
	Begin  int64  // of the next block, in the file
	Line   int64  // its number
	Counts [11]int64
	Firsts [5]int64
	From   time.Time
	To     time.Time
	Days   []evidence.Day
	Hours  map[evidence.Day]uint32
	Peers  evidence.Peers
	Low    bool // every record was low; so for Serves
	Serves bool
	Local  bool // a row showed the host's clock
	Cut    bool // a line was cut
	Export bool // it is in the Journal Export Format; else a journal is in JSON

	Clock  clockPoint
	Shapes []string // #Fields lines, the one in force last
	Shaped bool     // one is in force
	Cutter cut.State
}

// clockPoint is a calendar.
type clockPoint struct {
	Known, Started, Lost bool
	Day                  time.Time
	Text                 []byte
	First, Last          time.Duration
	Shift                int
}

func (c *calendar) keep() clockPoint {
	return clockPoint{c.known, c.started, c.lost, c.day, bytes.Clone(c.text), c.first, c.last, c.shift}
}

func (c *calendar) restore(p clockPoint) {
	c.known, c.started, c.lost, c.day, c.text, c.first, c.last, c.shift = p.Known, p.Started, p.Lost, p.Day, p.Text, p.First, p.Last, p.Shift
}

// keeper is a parser that can be left at a block's end and taken up again there.
type keeper interface {
	keep(*point) bool // false: it can't
	restore(*point) error
}

func (t *tally) keep(p *point) {
	for i, n := range t.counts() {
		p.Counts[i] = *n
	}
	for i, n := range t.firsts() {
		p.Firsts[i] = *n
	}
	p.Peers = t.peers.State()
	p.From, p.To, p.Days, p.Hours = t.from, t.to, slices.Sorted(maps.Keys(t.days)), t.hours
	p.Low, p.Serves, p.Cut = t.low != nil, t.serves != nil, t.cut
}

func (t *tally) restore(p *point) error {
	for i, n := range t.counts() {
		*n = p.Counts[i]
	}
	for i, n := range t.firsts() {
		*n = p.Firsts[i]
	}
	t.from, t.to, t.hours, t.cut = p.From, p.To, p.Hours, p.Cut
	for _, day := range p.Days {
		if t.days == nil {
			t.days = map[evidence.Day]struct{}{}
		}
		t.days[day] = struct{}{}
	}
	if !p.Low {
		t.low = nil
	}
	if !p.Serves {
		t.serves = nil
	}
	if err := t.peers.Restore(p.Peers); err != nil {
		return fmt.Errorf("%w: %w", errPoint, err)
	}
	return nil
}

// encode gives a point's bytes.
func (p *point) encode() ([]byte, error) {
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(p); err != nil {
		return nil, fmt.Errorf("eventlog: %w", err)
	}
	return text.Bytes(), nil
}

// errPoint marks what says nothing of how far a log was read.
var errPoint = errors.New("eventlog: it does not say how far the log was read")

// decodePoint reads what encode wrote. gob was not made for hostile input: where
// it gives up, that is an error like any other.
func decodePoint(text []byte) (p point, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPoint, r)
		}
	}()
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&p); err != nil {
		return p, fmt.Errorf("%w: %w", errPoint, err)
	}
	if p.Hashed < 0 || p.Begin < 0 || p.Begin > p.Hashed || p.Line < 0 {
		return p, fmt.Errorf("%w: byte %d of %d, line %d", errPoint, p.Begin, p.Hashed, p.Line)
	}
	return p, p.plausible()
}

// plausible refuses times and numbers that no log gives.
func (p *point) plausible() error {
	for _, at := range []time.Time{p.From, p.To, p.Clock.Day, p.Cutter.Last} {
		if !at.IsZero() && !cut.Plausible(at) {
			return fmt.Errorf("%w: a time in the year %d", errPoint, at.Year())
		}
	}
	if c := &p.Clock; c.Known && c.Day.IsZero() || c.Shift < 0 || c.Shift > 1 || min(c.First, c.Last) < 0 || max(c.First, c.Last) > 2*halfDay {
		return fmt.Errorf("%w: its clock stands at %v", errPoint, c.Last)
	}
	for _, n := range append(p.Counts[:], p.Firsts[:]...) {
		if n < 0 {
			return fmt.Errorf("%w: %d lines", errPoint, n)
		}
	}
	return nil
}

// Found is what became of a log since it was read in part or whole.
type Found int

// What Check finds. A log that was read in part and grew is the same.
const (
	Same Found = iota
	Changed
	Shrunk
	Grown // it was read whole, and there is more of it now
)

// Check reads what was read of a log when Keep was given state, and says whether
// it is still what it was. The error is ctx's, the file's, or that of a state
// that is none.
func Check(ctx context.Context, file evidence.File, state []byte) (Found, error) {
	p, err := decodePoint(state)
	if err != nil {
		return Changed, err
	}
	if file.Size() < p.Hashed {
		return Shrunk, nil
	}
	s := newStored(file)
	s.size = p.Hashed
	if s.hashed(ctx) == "" {
		return Changed, errors.Join(s.err, ctx.Err())
	}
	sum, err := s.point()
	if err != nil {
		return Changed, err
	}
	if !bytes.Equal(sum, p.Sum) {
		return Changed, nil
	}
	if p.Format == "" && file.Size() > p.Hashed {
		return Grown, nil
	}
	return Same, nil
}

// Redated reports whether what state tells of depends on the file's last write,
// and that is another now. The year of syslog's lines is told by it, and what a
// whole log is covered with names it.
func Redated(state []byte, written time.Time) bool {
	p, err := decodePoint(state)
	return err == nil && (p.Format == "" || !p.Written.IsZero()) && !p.Written.Equal(written)
}

// keepWhole says that all of the file was read.
func (l *log) keepWhole() {
	if l.in.Keep == nil {
		return
	}
	if sum, err := l.file.point(); err == nil {
		if state, err := (&point{Hashed: l.file.at, Sum: sum, Written: l.in.ModTime.UTC()}).encode(); err == nil {
			l.in.Keep(state, true)
		}
	}
}

// keep says what was read, if it is time for that and what is in hand allows it:
// the parser holds back so many bytes of the block before.
func (s *stream) keep(held int) error {
	b := s.blocks
	begin := s.counted.n - int64(b.end-b.block) - int64(held)
	if s.log.in.Keep == nil || !s.log.bare || begin-s.kept < cmp.Or(s.log.in.section, section(s.log.file.size)) || b.cut || held >= maxLine ||
		!b.binary && bytes.IndexByte(b.buf[b.block-held:b.end], 0) >= 0 { // what was dropped there nobody knows
		return nil
	}
	k, ok := s.parser.(keeper)
	if !ok {
		return nil
	}
	if err := s.settle(0); err != nil {
		return err
	}
	p := point{Hashed: s.log.file.at, Format: s.format, Begin: begin, Line: s.line}
	if s.dated {
		p.Written = s.log.in.ModTime.UTC()
	}
	s.rows.tally.keep(&p)
	sum, err := s.log.file.point()
	if err != nil || !k.keep(&p) {
		return err
	}
	p.Sum = sum
	state, err := p.encode()
	if err != nil {
		return err
	}
	if err := s.rows.lane.Close(); err != nil {
		return err
	}
	s.kept, s.log.out = begin, s.log.in.Keep(state, false)
	s.rows.lane = s.log.out.Lane(s.ref)
	return nil
}

// restore takes up where keep left.
func (s *stream) restore(p *point) error {
	k, ok := s.parser.(keeper)
	if !ok {
		return errPoint
	}
	s.line, s.kept = p.Line, p.Begin
	s.rows.line = p.Line
	if err := s.rows.tally.restore(p); err != nil {
		return err
	}
	return k.restore(p)
}

// goOn reads a log from where an earlier Read kept that it had come to.
func (l *log) goOn(ctx context.Context) error {
	p, err := decodePoint(l.in.From)
	if err != nil {
		return err
	}
	got := result{path: string(l.in.Name), format: l.in.Format}
	for i := range l.in.Formats {
		if got.format == nil && l.in.Formats[i].ID == p.Format {
			got.format = &l.in.Formats[i]
		}
	}
	if got.format == nil || got.format.ID != p.Format || p.Line < 1 {
		return fmt.Errorf("%w: format %q, line %d", errPoint, p.Format, p.Line)
	}
	text, err := l.file.from(&p)
	if err != nil {
		return err
	}
	if l.bare = true; l.in.Again != nil {
		text = io.MultiReader(text, newGrowing(l.file, l.in.Again))
	} else {
		text = io.MultiReader(text, l.file)
	}
	got.day, got.named, got.hourly = nameDay(got.format, got.path)
	s := &stream{log: l, counted: &counter{r: text, n: p.Begin}}
	s.blocks = newBlocks(s.counted, l.file.size-p.Begin, cmp.Or(l.in.Block, blockSize))
	block, last := s.blocks.next(0)
	l.lines(ctx, &got, s, block, last, &p)
	return l.end(ctx, got)
}

// point is the state of the hash.
func (s *stored) point() ([]byte, error) {
	m, ok := s.sum.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errPoint
	}
	return m.MarshalBinary()
}

// from has reading and the file's hash go on at a point, and gives the text that
// was read and not parsed before it.
func (s *stored) from(p *point) (io.Reader, error) {
	sum := sha256.New()
	if u, ok := sum.(encoding.BinaryUnmarshaler); !ok {
		return nil, errPoint
	} else if err := u.UnmarshalBinary(p.Sum); err != nil {
		return nil, fmt.Errorf("%w: %w", errPoint, err)
	}
	s.sum, s.at = sum, p.Hashed
	return io.NewSectionReader(s.file, p.Begin, p.Hashed-p.Begin), nil
}
