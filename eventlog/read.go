package eventlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/klauspost/compress/zip"

	"postern/eventlog/evtx"
	"postern/eventlog/jsonline"
	"postern/eventlog/ncsa"
	"postern/eventlog/plain"
	"postern/eventlog/syslog"
	"postern/eventlog/winjson"
	"postern/evidence"
)

// Input is one log file and how to read it.
type Input struct {
	Name      evidence.Name  // as on the source
	File      evidence.File  // its size when Read begins is what is read; Read does not close it
	ModTime   time.Time      // last write, said where the log states no day; zero: not recorded
	Zone      *time.Location // of the host; nil: unknown, local times are read as UTC and that is a gap
	Formats   []evidence.LogFormat
	Format    *evidence.LogFormat // when the caller knows it; nil: Sniff decides
	Review    evidence.Period     // events outside are counted, not delivered; an event without a time is delivered
	Required  evidence.Period     // what is asked about; a log cleared before is no gap
	Proxies   []netip.Prefix      // peers whose word on their clients is believed, beside those that are evident
	Collector string              // for refs
	Folder    string              // what the log's family is keyed by

	Recover bool // see evidence.Interest

	Again func() (evidence.File, error) // opens a log anew that may be written while it is read; nil: nobody does

	Workers *Workers // of whom the caller holds one and idle ones help; nil: one goroutine reads, and events come in the order of the log
	Block   int      // bytes that are read at once; 0: 256 KiB

	// Keep is called where everything before was delivered and its lanes are
	// closed: now and then within a large log, and whole, after its coverage, when
	// all of it was read. It returns the sink of what follows. nil: nobody keeps.
	Keep    func(state []byte, whole bool) evidence.Sink
	section int64 // that is read between two calls of Keep; 0: by the log's size

	From []byte // a state that Keep was given of this log, which Check found the same, and not whole: reading goes on there. nil: from its beginning
}

// Read reads a log and every member of a zipped one: events go to a lane of
// out each, in batches of one schema, and what was read and what was not is
// covered: one row per log, a second with Missed for what was lost of it, one
// more if local times had no zone. A member's path is the file's name when it
// holds one member, else name + "/" + member. SHA256 is the file's as stored.
//
// Days of a Daily format named after a day is that day, if an event fell on
// it: a line past midnight does not vouch for the next day. One named after an
// hour vouches for the hours with an event. Else, and where the name turns out
// to be of a week or a month, it is every day with an event.
//
// Read returns only ctx's error and a lane's.
func Read(ctx context.Context, in Input, out evidence.Sink) error {
	l := &log{in: &in, out: out, file: newStored(in.File), written: in.ModTime}
	if err := ctx.Err(); err != nil {
		l.gap(string(in.Name), l.guess(), evidence.Cancelled, err.Error())
		return err
	}
	if l.file.size == 0 {
		l.gap(string(in.Name), l.guess(), evidence.Truncated, "empty")
		return ctx.Err()
	}
	if in.From != nil {
		return l.goOn(ctx)
	}
	head := make([]byte, 16)
	n, err := l.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		l.gap(string(in.Name), l.guess(), evidence.ReasonFor(err), err.Error())
		return ctx.Err()
	}
	kind := containerOf(head[:n])
	if kind == zipped {
		return l.zip(ctx)
	}
	text, err := unpack(kind, l.file)
	if err != nil {
		l.gap(string(in.Name), l.guess(), l.reason(err), err.Error())
		return ctx.Err()
	}
	defer text.Close()
	size := l.file.size
	l.bare = kind == bare && !wide(head[:n])
	switch {
	case kind != bare:
		size = blockSize
	case l.in.Again != nil && !evtx.Is(head[:n]):
		text = io.NopCloser(newGrowing(l.file, l.in.Again))
	}
	return l.end(ctx, l.read(ctx, string(in.Name), []string{string(in.Name)}, text, size))
}

// end covers a log that is no zip.
func (l *log) end(ctx context.Context, got result) error {
	sum := ""
	if got.err == nil && got.lane == nil {
		sum = l.file.hashed(ctx)
	}
	l.cover(got, sum)
	err := errors.Join(ctx.Err(), got.lane)
	if err == nil && sum != "" {
		l.keepWhole()
	}
	return err
}

// wide reports whether a text is UTF-16, by its byte order mark.
func wide(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
}

// log is one Read call.
type log struct {
	in   *Input
	out  evidence.Sink
	file *stored
	bare bool // the text is the file's own bytes

	written time.Time // the text in hand, last; zero: not recorded
}

// zip reads every member of a zip.
func (l *log) zip(ctx context.Context) error {
	name := string(l.in.Name)
	sum := l.file.hashed(ctx)
	z, err := zip.NewReader(l.file, l.file.size)
	if err != nil {
		reason := l.reason(err)
		if errors.Is(err, zip.ErrFormat) { // it begins as a zip, so its end is missing
			reason = evidence.Truncated
		}
		l.gap(name, l.guess(), reason, "zip: "+err.Error())
		return ctx.Err()
	}
	var members []*zip.File
	for _, f := range z.File {
		if !f.FileInfo().IsDir() {
			members = append(members, f)
		}
	}
	switch {
	case len(members) == 0:
		l.gap(name, l.guess(), evidence.Truncated, "empty zip")
	case len(members) > maxMembers:
		l.gap(name, l.guess(), evidence.TooLarge, "zip of more members than are read; unpack it and give the folder")
		members = members[:maxMembers]
	}
	seen := map[string]bool{}
	for i, f := range members {
		path := name
		if len(members) > 1 {
			path += "/" + f.Name
		}
		if seen[f.Name] {
			l.gap(path, l.guess(), evidence.Ambiguous, "stored more than once in "+name)
		}
		seen[f.Name] = true
		if err := l.member(ctx, path, f, sum); err != nil {
			if left := len(members) - i - 1; left > 0 {
				l.gap(name, l.guess(), evidence.ReasonFor(err), fmt.Sprintf("%d members not read: %v", left, err))
			}
			return err
		}
	}
	if sum != "" && l.file.err == nil {
		l.keepWhole()
	}
	return nil
}

// member reads one member of a zip. The error is ctx's or the lane's.
func (l *log) member(ctx context.Context, path string, f *zip.File, sum string) error {
	names := []string{f.Name, string(l.in.Name)}
	text, err := openMember(f)
	if err != nil {
		l.gap(path, l.guess(), l.reason(err), err.Error())
		return ctx.Err()
	}
	defer text.Close()
	if l.written = f.Modified; f.Modified.Year() < 1981 { // DOS's 1980 is no time
		l.written = l.in.ModTime
	}
	if f.UncompressedSize64 == 0 {
		l.gap(path, l.guess(), evidence.Truncated, "empty")
		return ctx.Err()
	}
	got := l.read(ctx, path, names, text, blockSize)
	l.cover(got, sum)
	return errors.Join(ctx.Err(), got.lane)
}

// guess is the format of a log whose text could not be had, by its name alone;
// nil: none.
func (l *log) guess() *evidence.LogFormat {
	if l.in.Format != nil {
		return l.in.Format
	}
	return Sniff(string(l.in.Name), nil, l.in.Formats)
}

// parser turns blocks of whole lines into rows.
type parser interface {
	// parse takes a block and says how many bytes at its end it wants to see
	// again in front of the next. The error is the lane's.
	parse(block []byte, last bool) (held int, err error)
}

// result is what reading one log gave.
type result struct {
	tally
	path   string
	format *evidence.LogFormat // nil: unknown
	day    time.Time           // what its name says; see named
	named  bool
	hourly bool            // it says an hour, too
	zone   bool            // local times were read as UTC
	doubt  string          // what had to be guessed
	bytes  int64           // of text
	err    error           // why it ended early
	lane   error           // what a lane returned
	win    *evtx.Result    // of a Windows event log, which has no tally
	json   *winjson.Result // of an export of one, which has none either
}

// read reads one log's text of about size bytes. The first of names is its
// own, the others are what it lay in.
func (l *log) read(ctx context.Context, path string, names []string, text io.Reader, size int64) result {
	text, isWindows := peek(text)
	if isWindows {
		return l.windows(ctx, path, text)
	}
	if l.in.Format == nil {
		var export bool
		if text, export = peekExport(text); export {
			return l.export(ctx, path, text)
		}
	}
	got := result{path: path}
	counted := &counter{r: text}
	b := newBlocks(plain.Text(counted), size, cmp.Or(l.in.Block, blockSize))
	block, last := b.next(0)
	if containerOf(block) != bare {
		got.bytes, got.err = counted.n, fmt.Errorf("%w: packed more than once; unpack it and give the folder", evidence.ErrUnsupported)
		return got
	}
	got.format = l.in.Format
	for i := 0; got.format == nil && i < len(names); i++ {
		got.format = Sniff(names[i], block[:min(len(block), 4*sniffSize)], l.in.Formats)
	}
	if got.format == nil || len(block) == 0 {
		got.bytes, got.err = counted.n, b.err
		return got
	}
	got.day, got.named, got.hourly = nameDay(got.format, names...)
	l.lines(ctx, &got, &stream{log: l, blocks: b, counted: counted}, block, last, nil)
	return got
}

// lines reads a log of lines, whose format is known; from, if not nil, is where
// it is taken up.
func (l *log) lines(ctx context.Context, got *result, s *stream, block []byte, last bool, from *point) {
	ref := evidence.Ref{Collector: l.in.Collector, Path: got.path}
	r := newRows(l.out.Lane(ref), l.in.Review, l.in.Proxies, ref)
	r.low, r.serves = got.format.Low, got.format.Serves
	s.blocks.binary = got.format.Layout == "journal"
	p := l.parser(got, r, block, from)
	s.format, s.dated = got.format.ID, got.format.Layout == "syslog" && !got.named
	if s.begin(r, p); from != nil {
		got.lane = s.restore(from)
	}
	if got.lane == nil {
		got.lane = s.run(ctx, block, last)
	}
	if s, tells := p.(interface{ showsLocal() bool }); tells {
		got.zone = got.zone && s.showsLocal()
	}
	if d, guesses := p.(interface{ doubt() string }); guesses {
		got.doubt = d.doubt()
	}
	got.lane = errors.Join(got.lane, r.lane.Close())
	got.tally, got.bytes, got.err = r.tally, s.counted.n, s.blocks.err
}

// peek tells whether a text is a Windows event log, and gives it back whole.
func peek(text io.Reader) (io.Reader, bool) {
	head := make([]byte, 8)
	n, err := io.ReadFull(text, head)
	rest := text
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		rest = ended{err}
	}
	return io.MultiReader(bytes.NewReader(head[:n]), rest), evtx.Is(head[:n])
}

// ended is what is left of a reader that ended while its head was read.
type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }

// parser makes the parser of a log's format and settles whose clock it shows. Of
// the text it has the first block; from, if not nil, is where the log is taken up.
func (l *log) parser(got *result, r *rows, head []byte, from *point) parser {
	zone := time.UTC
	if got.format.Zone == evidence.ZoneHost {
		if got.zone = l.in.Zone == nil; !got.zone {
			zone = l.in.Zone
		}
	}
	cal := newCalendar(zone, got.day, got.named)
	switch got.format.Layout {
	case "w3c":
		return newW3C(r, got.format, cal)
	case "syslog":
		return newSingle(r, syslog.New(got.format, zone, l.newest(got)))
	case "journal":
		if isExport(head, from) {
			return newExport(r, syslog.NewJournal(got.format))
		}
		return newSingle(r, syslog.NewJournal(got.format))
	case "json":
		return newSingle(r, jsonline.New(got.format, zone))
	case "ncsa":
		access := ncsa.New(got.format, zone)
		access.Learn(head)
		return newSingle(r, access)
	}
	return newForms(r, got.format, cal)
}

// newest is the time after which no line of a log was written: the end of the
// day in its name, else its last write.
func (l *log) newest(got *result) time.Time {
	if got.named {
		return got.day.Add(24 * time.Hour)
	}
	return l.written
}

// counter counts what passes.
type counter struct {
	r io.Reader
	n int64
}

// Read reads on. See io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
