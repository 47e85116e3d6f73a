// Package ioc reads lists of indicators: plain lists of one a line, STIX 2.0
// and 2.1 (JSON; patterns as in section 9 of STIX 2.1), and MISP's events and
// attributes (JSON and CSV). It tells them apart by content and gives the
// values that can be held against files and logs, in one form whatever the
// list's. What can't be honoured is refused by name, and what its publisher
// says is no indicator (revoked, benign, to_ids false) is counted: nothing of a
// list is passed over in silence. Opens nothing; holds no engine.
package ioc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"postern/evidence"
)

// Limits of one list.
const (
	maxText    = 256 << 20 // bytes of JSON or CSV, which is held in memory
	maxEntries = 1 << 20
	maxRefused = 1000 // named one by one
	maxShown   = 80   // bytes of what is refused
)

// What callers branch on.
var (
	ErrFormat = errors.New("ioc: no list of indicators")
	ErrLimit  = errors.New("ioc: over a limit")
)

// Kind says what a value is.
type Kind uint8

// The kinds of value.
const (
	Peer  Kind = iota // address, network (CIDR) or domain, lower case
	URL               // as written, but for what made it harmless to click on; see Host and Request
	Hash              // MD5, SHA-1 or SHA-256, lower-case hex
	Path              // a path of the machine, lower case, slashes forward
	Name              // a file's name without a folder, lower case
	Agent             // what a client calls itself (User-Agent), as written
)

// Entry is one value to look for.
type Entry struct {
	Kind    Kind
	Below   bool // of a domain: all names below it are meant, too
	Little  bool // it is a lead because everybody names it
	Value   string
	Host    string // of a URL: its host
	Request string // of a URL: path and query, lower case; "" if it names nothing but a host
	Lead    string // why a sighting is worth a look and proves nothing; "" if it does
	About   *About // nil: the list says no more
}

// Key is what an entry is found by: its value, of a URL its host, of a user agent
// its lower case.
func (e *Entry) Key() string {
	switch e.Kind {
	case URL:
		return e.Host
	case Agent:
		return strings.ToLower(e.Value)
	}
	return e.Value
}

// About is what a list says of one or several entries.
type About struct {
	ID         string // "indicator--...", or the UUID of an attribute
	Title      string
	Note       string // how it may be passed on: "TLP:AMBER"
	Confidence evidence.Confidence
	Sources    []string  // where it was published
	From       time.Time // valid from; zero: open
	Until      time.Time // valid until, exclusive; zero: open
}

// String gives its ID, "" for nil.
func (a *About) String() string {
	if a == nil {
		return ""
	}
	return a.ID
}

// Rule is a rule of another language that a list carries.
type Rule struct{ Language, ID, Text string } // Language: "sigma" or "yara"

// Left is what a list holds and its publisher does not call an indicator.
type Left struct {
	Why   string
	Count int
	First string // an ID
}

// List is what one file held.
type List struct {
	Name    string
	Format  string // "list", "STIX", "MISP" or "MISP CSV"
	Entries []Entry
	Rules   []Rule
	Refused []error // each a *Refusal, but where several lists were put together
	Left    []Left

	context bool
	limit   int // bytes of text held in memory
	size    int // of the file, where that is known
	more    int // refused beyond maxRefused
	taken   map[taken]bool
}

// Refusal is one entry of a list that can't be honoured.
type Refusal struct {
	File         string
	Line, Column int
	ID, Why      string // ID: "" where the list gives none
}

// Error is "file:line:column: id: why".
func (r *Refusal) Error() string {
	at := fmt.Sprintf("%s:%d:%d: ", r.File, r.Line, r.Column)
	if r.ID != "" {
		at += r.ID + ": "
	}
	return at + r.Why
}

// Options say how a list is read.
type Options struct {
	Context bool // take what MISP calls context (to_ids false) as leads
}

// Read reads a list. name is how findings and refusals call it. The error is
// r's own, or wraps ErrLimit or, of what is plainly no list or is damaged,
// ErrFormat, with the place where it stands. A list of which nothing at all can
// be looked for has a refusal that says so.
func Read(name string, r io.Reader, opt Options) (*List, error) {
	l := &List{Name: name, context: opt.Context, limit: maxText, taken: map[taken]bool{}}
	if f, ok := r.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			l.size = int(min(info.Size(), maxText))
		}
	}
	in := bufio.NewReaderSize(r, 1<<16)
	head, err := in.Peek(1 << 12)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("ioc: %s: %w", name, err)
	}
	read := l.readPlain
	switch first := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n"); {
	case bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")):
		err = fmt.Errorf("%w: %s is UTF-16; save it as UTF-8", ErrFormat, name)
	case bytes.HasPrefix(head, []byte("\x1f\x8b")) || bytes.HasPrefix(head, []byte("PK\x03\x04")):
		err = fmt.Errorf("%w: %s is packed; unpack it first", ErrFormat, name)
	case bytes.HasPrefix(first, []byte("<")):
		err = fmt.Errorf("%w: %s is XML (STIX 1, OpenIOC?); convert it to STIX 2.1", ErrFormat, name)
	case beginsJSON(first):
		read, err = l.readJSON, nil
	case isCSV(first):
		read, err = l.readCSV, nil
	default:
		err = nil
	}
	if err == nil {
		err = read(in)
	}
	if err != nil {
		return nil, err
	}
	return l, l.finish()
}

// beginsJSON tells JSON from a plain list, whose first line may be an address in
// brackets.
func beginsJSON(text []byte) bool {
	rest, array := bytes.CutPrefix(text, []byte("["))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && (rest[0] == '{' || array && (rest[0] == ']' || rest[0] == '['))
}

// readAll reads what is held in memory while it is read, in one piece where r is
// a file that states its size.
func (l *List) readAll(r io.Reader) ([]byte, error) {
	var text bytes.Buffer
	text.Grow(min(l.size, l.limit) + bytes.MinRead)
	n, err := text.ReadFrom(io.LimitReader(r, int64(l.limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ioc: %s: %w", l.Name, err)
	case n > int64(l.limit):
		return nil, fmt.Errorf("%w: %s is larger than %d MiB; split it", ErrLimit, l.Name, l.limit>>20)
	}
	return bytes.TrimPrefix(text.Bytes(), []byte("\ufeff")), nil
}

// add takes an entry, as a lead where its value alone says little.
func (l *List) add(e Entry, shared bool) {
	if why := little(&e, shared); why != "" && e.Lead == "" {
		e.Lead, e.Little = why, true
	}
	l.Entries = append(l.Entries, e)
}

func (l *List) refuse(line, column int, id, why string) {
	if len(l.Refused) == maxRefused {
		l.more++
		return
	}
	l.Refused = append(l.Refused, &Refusal{l.Name, line, column, Cut(id, maxSource), Cut(why, maxSource)})
}

// leave counts what the publisher does not call an indicator.
func (l *List) leave(why, id string) { l.Leave(Left{why, 1, Cut(id, maxSource)}) }

// Leave adds to what was left out, as of another list that is put together with
// this one.
func (l *List) Leave(more Left) {
	for i := range l.Left {
		if l.Left[i].Why == more.Why {
			l.Left[i].Count += more.Count
			return
		}
	}
	l.Left = append(l.Left, more)
}

// finish says what is left to say of a list that was read whole.
func (l *List) finish() error {
	if len(l.Entries) > maxEntries {
		return fmt.Errorf("%w: %s holds more than %d entries; split it", ErrLimit, l.Name, maxEntries)
	}
	if l.more > 0 {
		l.Refused = append(l.Refused, &Refusal{l.Name, 1, 1, "", fmt.Sprintf("%d more entries can't be honoured either", l.more)})
	}
	if len(l.Entries) == 0 && len(l.Rules) == 0 && len(l.Refused) == 0 {
		why := "it holds no indicator"
		for i, left := range l.Left {
			why += []string{"; left out: ", ", "}[min(i, 1)] + left.String()
		}
		l.Refused = append(l.Refused, &Refusal{l.Name, 1, 1, "", why})
	}
	l.taken = nil
	return nil
}

// String gives "3 revoked (first: indicator--...)".
func (l Left) String() string {
	if l.First == "" {
		return fmt.Sprintf("%d %s", l.Count, l.Why)
	}
	return fmt.Sprintf("%d %s (first: %s)", l.Count, l.Why, l.First)
}

// shown is a value as refusals quote it.
func shown(s string) string { return fmt.Sprintf("%q", Cut(s, maxShown)) }

// Cut gives the first bytes of a text, and "..." where there were more.
func Cut(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
