// Package journal keeps on disk what a run has read of logs, so that a run that
// was broken off can go on instead of beginning anew: one record for each log
// read whole, and for each section of a large one, with how far it was read and
// what it gave.
//
// The file is a line that names its form, then records: length and CRC-32C of
// what follows, four bytes each, little endian, and the record in encoding/gob.
// The first record says what was asked and when; the file serves the same
// question only. It is only ever appended to, and a last record that was cut is
// dropped, so that it is whole whenever the process dies.
//
// What it holds is as private as the logs: findings quote them. Only its owner
// may read it. It is trusted no more than any other input: what does not decode,
// or was kept by other rules, is an error that says so, and the log it is about
// is read anew.
package journal

import (
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"postern/evidence"
)

const (
	magic = "postern.journal/1\n"
	// maxRecord bounds one record. What a section of a log gave is at most some
	// megabytes; more is not kept, and read anew.
	maxRecord = 256 << 20
	syncEvery = 2 * time.Second
)

// ErrOther marks a journal of another question than the one asked.
var ErrOther = errors.New("journal: it was begun for other work")

// ErrNone marks a file that is no journal, or a damaged one.
var ErrNone = errors.New("journal: it is no journal, or damaged")

// Fact is one thing that was asked, or that answers depend on.
type Fact struct{ Name, Value string }

// Journal is one open journal. Its methods are safe for concurrent use.
type Journal struct {
	path    string
	now     time.Time
	resumed bool
	dropped int64 // bytes of a cut record

	mu    sync.Mutex
	file  *os.File
	end   int64     // where the next record goes
	sunk  time.Time // when it was last forced to the disk
	fresh bool      // something was written since
	logs  map[key]*entry
	fault error // the first that kept it from keeping; nothing is kept behind it
	odd   []error
}

// key is a log.
type key struct{ source, name string }

// entry is what the journal has of a log.
type entry struct {
	state []byte
	whole bool
	at    []int64 // offsets of its records
}

// header is the first record.
type header struct {
	Now   time.Time
	Asked []Fact
}

// record is a piece of a log.
type record struct {
	Source, Name string
	First        bool   // of the log: what was kept of it before no longer counts
	After        uint32 // else the checksum of the State of the record that it follows
	State        []byte
	Whole        bool
	Seen         []byte // what detect's lanes saw, as Export gives it
	Cover        []evidence.Coverage
}

// Open opens the journal of a question, or begins one where there is no file.
// asked names all that answers depend on; now is the clock of a run that begins.
// Errors: ErrOther, which says what differs, ErrNone, also of a link, or those of
// the file.
func Open(path string, asked []Fact, now time.Time) (*Journal, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		to, _ := os.Readlink(path)
		return nil, fmt.Errorf("%w: %q is a link to %q; name the file itself", ErrNone, path, to)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, file: file, now: now.UTC().Round(0), sunk: time.Now(), logs: map[key]*entry{}}
	if err = j.load(asked); err == nil {
		return j, nil
	}
	return nil, errors.Join(err, file.Close())
}

// Now is the clock of the run that began the journal.
func (j *Journal) Now() time.Time { return j.now }

// Resumed reports whether an earlier run began it. A nil journal is of none.
func (j *Journal) Resumed() bool { return j != nil && j.resumed }

// Troubles says what could not be kept, and what could not be taken over and was
// read anew.
func (j *Journal) Troubles() []error {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Clone(j.odd)
	if j.dropped > 0 {
		all = append(all, fmt.Errorf("journal: its last record was cut: %d bytes were dropped, and what they told of was read anew", j.dropped))
	}
	if j.fault != nil {
		all = append(all, fmt.Errorf("journal: from some point on nothing was kept: %w", j.fault))
	}
	return all
}

// Close closes the file and leaves it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.fresh {
		err = j.file.Sync()
	}
	return errors.Join(err, j.file.Close())
}

// Remove closes the file and removes it: the work is done.
func (j *Journal) Remove() error { return errors.Join(j.file.Close(), os.Remove(j.path)) }

// load reads the file, or begins it.
func (j *Journal) load(asked []Fact) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %q is no file", ErrNone, j.path)
	}
	size := info.Size()
	if size < int64(len(magic)) { // it died before it began
		if err := j.startsAs(magic[:size]); err != nil {
			return err
		}
		return j.begin(asked)
	}
	if err := j.startsAs(magic); err != nil {
		return err
	}
	j.end = int64(len(magic))
	var head header
	switch whole, err := j.read(j.end, size, &head); {
	case err != nil:
		return err
	case !whole:
		j.dropped = size - j.end
		return j.begin(asked)
	}
	if err := differs(head.Asked, asked); err != nil {
		return err
	}
	j.now, j.resumed = head.Now.UTC(), true
	return j.index(size)
}

func (j *Journal) startsAs(text string) error {
	have := make([]byte, len(text))
	if _, err := j.file.ReadAt(have, 0); err != nil {
		return err
	}
	if string(have) != text {
		return fmt.Errorf("%w: %q begins otherwise; name another file", ErrNone, j.path)
	}
	return nil
}

// begin writes the file's begin.
func (j *Journal) begin(asked []Fact) error {
	if err := os.Truncate(j.path, 0); err != nil {
		return err
	}
	if _, err := j.file.WriteString(magic); err != nil {
		return err
	}
	j.end = int64(len(magic))
	text, err := encode(header{j.now, asked})
	if err != nil {
		return err
	}
	return j.write(text)
}

// index reads all records behind the header, keeps where they stand and drops a
// last one that was cut.
func (j *Journal) index(size int64) error {
	head, err := j.span(j.end, size)
	if err != nil {
		return err
	}
	for j.end += head; j.end < size; {
		var r record
		whole, err := j.read(j.end, size, &r)
		if err != nil {
			return err
		}
		if !whole {
			j.dropped = size - j.end
			return os.Truncate(j.path, j.end) // a file opened to append may not do so itself on Windows
		}
		j.take(&r)
		n, err := j.span(j.end, size)
		if err != nil {
			return err
		}
		j.end += n
	}
	return nil
}

// take enters the record that stands at the end of what was read. One that
// follows another than the last of its log is left out: what lies between is
// missing, and the log is read on from before it.
func (j *Journal) take(r *record) {
	k := key{r.Source, r.Name}
	e := j.logs[k]
	switch {
	case r.First:
		e = &entry{}
		j.logs[k] = e
	case e == nil || e.whole || sumOf(e.state) != r.After:
		return
	}
	e.state, e.whole, e.at = r.State, r.Whole, append(e.at, j.end)
}

func sumOf(text []byte) uint32 { return crc32.Checksum(text, castagnoli) }

// span is how many bytes the record at an offset takes.
func (j *Journal) span(at, size int64) (int64, error) {
	var head [8]byte
	if size-at < int64(len(head)) {
		return size - at, nil
	}
	if _, err := j.file.ReadAt(head[:], at); err != nil {
		return 0, err
	}
	return int64(len(head)) + int64(binary.LittleEndian.Uint32(head[:])), nil
}

// read reads the record at an offset; whole is false for one that the file's end
// cuts, or that stands there last and is not what was written.
func (j *Journal) read(at, size int64, to any) (whole bool, err error) {
	n, err := j.span(at, size)
	if err != nil || n < 8 || at+n > size {
		return false, err
	}
	damaged := func(why string, err error) error {
		return fmt.Errorf("%w: %q, record at byte %d: %s: %w; remove the file to begin anew", ErrNone, j.path, at, why, err)
	}
	if n > maxRecord+8 {
		return false, damaged("too large", fmt.Errorf("%d bytes", n))
	}
	text := make([]byte, n)
	if _, err := j.file.ReadAt(text, at); err != nil {
		return false, err
	}
	sum := sumOf(text[8:])
	switch {
	case sum == binary.LittleEndian.Uint32(text[4:]):
	case at+n == size:
		return false, nil
	default:
		return false, damaged("its checksum", errors.New("differs"))
	}
	if err := decode(text[8:], to); err != nil {
		return false, damaged("it does not decode", err)
	}
	return true, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write appends a record.
func (j *Journal) write(text []byte) error {
	if len(text) > maxRecord {
		return nil // it is read anew
	}
	frame := make([]byte, 8, 8+len(text))
	binary.LittleEndian.PutUint32(frame, uint32(len(text)))
	binary.LittleEndian.PutUint32(frame[4:], sumOf(text))
	if _, err := j.file.Write(append(frame, text...)); err != nil {
		return err
	}
	j.end += int64(8 + len(text))
	if j.fresh = time.Since(j.sunk) < syncEvery; j.fresh {
		return nil
	}
	j.sunk = time.Now()
	return j.file.Sync()
}

// keep appends a piece of a log. What goes wrong is said in the end; the work
// itself goes on.
func (j *Journal) keep(r *record) {
	text, err := encode(r)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fault != nil {
		return
	}
	if err == nil {
		err = j.write(text)
	}
	j.fault = err
}

func (j *Journal) strange(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.odd = append(j.odd, err)
}

// differs says what of the question is not what it was.
func differs(was, is []Fact) error {
	var words []string
	value := func(all []Fact, name string) (string, bool) {
		i := slices.IndexFunc(all, func(f Fact) bool { return f.Name == name })
		if i < 0 {
			return "", false
		}
		return all[i].Value, true
	}
	for _, f := range was {
		switch now, said := value(is, f.Name); {
		case !said:
			words = append(words, fmt.Sprintf("%s was %q and is left out", f.Name, f.Value))
		case now != f.Value:
			words = append(words, fmt.Sprintf("%s was %q and is %q", f.Name, f.Value, now))
		}
	}
	for _, f := range is {
		if _, said := value(was, f.Name); !said {
			words = append(words, fmt.Sprintf("%s was not there and is %q", f.Name, f.Value))
		}
	}
	if words == nil {
		return nil
	}
	return fmt.Errorf("%w: %s; repeat the command as it was, or name another file to begin anew", ErrOther, strings.Join(words, "; "))
}

func encode(v any) ([]byte, error) {
	var text strings.Builder
	err := gob.NewEncoder(&text).Encode(v)
	return []byte(text.String()), err
}

// decode reads one value. gob was not made for hostile input: where it gives up,
// that is an error like any other.
func decode(text []byte, to any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return gob.NewDecoder(strings.NewReader(string(text))).Decode(to)
}
