package winjson

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"postern/eventlog/evtx"
	"postern/eventlog/jsonline"
	"postern/evidence"
)

// Format is the LogFormat.ID of every schema here.
const Format = "windows.json"

const (
	blockSize   = 256 << 10
	maxObject   = 1 << 20 // bytes
	maxChannels = 100
)

// Options say how an export is read.
type Options struct {
	evtx.Options
	Zone *time.Location // of times that state no offset; nil: they are read as UTC
}

// Result is what became of an export.
type Result struct {
	Records   int64 // events
	Misread   int64 // objects and other text that are none
	MisreadAt int64 // the line where the first of them begins
	Unnamed   int64 // events whose values have no names
	UnnamedAt int64

	Undated int64 // events that state no time, or none that reads
	Local   bool  // a time stated no offset
	Cut     bool  // the text ends within an object

	Odd
	Selection

	From, To time.Time
	Days     []evidence.Day
	Channels []string        // the first hundred
	Hosts    []evidence.Host // the computers that the events name; the first hundred
	Clears   evtx.Clears
	Err      error // why reading ended early
}

// Odd are events that rules may see wrongly.
type Odd struct {
	Repeated   int64 // events that give a name several values, which stand in one field, a line each
	RepeatedAt int64
	Long       int64 // events with lists of which only the first 256 values were read
	LongAt     int64
}

// Selection tells by record numbers whether an export is all of a log.
type Selection struct {
	Missing      uint64 // record numbers between the first and the last of a channel of a computer that no event has
	MissingAfter uint64 // the first of these follows this one
	Numberless   int64  // events that state no record number
}

// Read reads an export, which is UTF-8, and hands its events to emit, in batches
// of one schema and in the file's order; what they point to is borrowed until
// emit returns. The error is ctx's or emit's; that of r stands in Result.
func Read(ctx context.Context, r io.Reader, opt Options, emit func(*evidence.EventBatch) error) (*Result, error) {
	opt.Zone = cmp.Or(opt.Zone, time.UTC)
	d := &reader{
		opt: opt, emit: emit, result: &Result{}, object: jsonline.NewWhole(), line: 1,
		shapes: map[string]*shape{}, channels: map[string]struct{}{}, days: map[evidence.Day]struct{}{},
	}
	defer d.finish()
	buf, passed := make([]byte, 0, 2*blockSize), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return d.result, err
		}
		buf = slices.Grow(buf, blockSize)
		n, err := fill(r, buf[len(buf):len(buf)+blockSize])
		buf = buf[:len(buf)+n]
		used, refused := d.block(buf, passed, err != nil)
		if refused != nil {
			return d.result, refused
		}
		buf = buf[:copy(buf, buf[used:])]
		passed += int64(used)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				d.result.Err = err
			}
			return d.result, nil
		}
	}
}

// fill reads until b has no room for one more character, or r ends.
func fill(r io.Reader, b []byte) (n int, err error) {
	for idle := 0; len(b)-n >= utf8.UTFMax && err == nil; {
		var m int
		m, err = r.Read(b[n:])
		if n += m; m > 0 {
			idle = 0
		} else if idle++; idle > 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// reader reads one export. Its memory is reused from block to block.
type reader struct {
	opt    Options
	emit   func(*evidence.EventBatch) error
	result *Result
	object *jsonline.Object
	line   int64 // of what stands next

	offset   int64 // of the object in hand, in the text
	lastLine int64 // of the event before it

	shapes   map[string]*shape
	channels map[string]struct{}
	hosts    evtx.Hosts
	days     map[evidence.Day]struct{}
	day      evidence.Day
	numbers  numbers

	batches
}

// block reads the objects of a block, which stands at an offset of the text, and
// gives how many bytes it is done with: all but an object that is not whole yet.
func (d *reader) block(b []byte, at int64, last bool) (used int, err error) {
	for used < len(b) && err == nil {
		n := d.between(b[used:])
		if used += n; used == len(b) {
			break
		}
		size, state := extent(b[used:])
		if state == open && !last && size <= maxObject {
			break
		}
		text := b[used : used+size]
		d.offset = at + int64(used)
		if state == whole && size <= maxObject {
			err = d.take(text)
		} else {
			d.misread()
			d.result.Cut = d.result.Cut || state == open && last
			if i := bytes.IndexByte(text, '\n'); state == open && i >= 0 {
				text = text[:i+1] // what begins on the next line may be sound
			}
		}
		d.line += int64(bytes.Count(text, []byte("\n")))
		used += len(text)
	}
	return used, errors.Join(err, d.deliver())
}

// between passes over what stands between objects: blanks, the brackets and
// commas of a list, and what evtx_dump writes above each record. Other text is
// counted, once a line.
func (d *reader) between(b []byte) (n int) {
	for n < len(b) && b[n] != '{' {
		switch b[n] {
		case '\n':
			d.line++
			n++
		case ' ', '\t', '\r', ',', '[', ']', 0:
			n++
		default:
			end := bytes.IndexByte(b[n:], '\n')
			if end < 0 {
				end = len(b) - n
			}
			text := b[n : n+end]
			if i := bytes.IndexByte(text, '{'); i > 0 {
				text = text[:i]
			}
			if !bytes.HasPrefix(text, []byte("Record ")) || len(text) > 30 {
				d.misread()
			}
			n += len(text)
		}
	}
	return n
}

func (d *reader) misread() {
	if d.result.Misread++; d.result.MisreadAt == 0 {
		d.result.MisreadAt = d.line
	}
}

// What extent says of an object.
type state int

const (
	whole  state = iota
	open         // its end is not in sight
	broken       // it has none: the next object begins before it
)

// extent gives the length of the object that b begins with. One that is broken
// ends with the line in which it breaks: JSON has no line break in a text, and
// nobody who indents it begins an inner object at the margin.
func extent(b []byte) (n int, is state) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			k := bytes.IndexAny(b[i:], "\"\\\n")
			if k < 0 {
				return len(b), open
			}
			switch i += k; b[i] {
			case '"':
				quoted = false
			case '\\':
				i++
			default:
				return i + 1, broken
			}
		case c == '"':
			quoted = true
		case c == '\n' && i+1 < len(b) && b[i+1] == '{':
			return i + 1, broken
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1, whole
			}
		}
	}
	return len(b), open
}

// finish settles what is known only at the end.
func (d *reader) finish() {
	d.result.Days = slices.Sorted(maps.Keys(d.days))
	d.result.Channels = slices.Sorted(maps.Keys(d.channels))
	d.result.Hosts = d.hosts.List()
	d.result.Missing, d.result.MissingAfter = d.numbers.missing()
}

// count notes an event that was read.
func (d *reader) count(at time.Time) {
	r := d.result
	r.Records++
	if at.IsZero() {
		r.Undated++
		return
	}
	if day := evidence.DayOf(at); day != d.day {
		d.day = day
		d.days[day] = struct{}{}
	}
	switch {
	case r.From.IsZero():
		r.From, r.To = at, at
	case at.Before(r.From):
		r.From = at
	case at.After(r.To):
		r.To = at
	}
}
