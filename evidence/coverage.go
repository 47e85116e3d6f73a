package evidence

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// Parts is a set of the parts of the four questions that a piece of evidence
// bears on. A gap makes every part it bears on unknown.
type Parts uint8

// The parts. Compromised has two, each with its own coverage.
const (
	Exposed Parts = 1 << iota
	CompromisedNow
	CompromisedThen
	Reachable
	Unprepared

	Compromised = CompromisedNow | CompromisedThen
)

// CoverageKind is the kind of thing looked at; the values are the report
// contract's.
type CoverageKind string

// The kinds of coverage.
const (
	CoverLog       CoverageKind = "log"
	CoverFile      CoverageKind = "file"
	CoverHive      CoverageKind = "hive"
	CoverState     CoverageKind = "state"
	CoverFlow      CoverageKind = "flow"
	CoverPage      CoverageKind = "page"
	CoverLogFamily CoverageKind = "log-family"
)

// Coverage says where somebody looked, or with Missed set, where they could
// not and why. One row per file read, two for one that was partly read.
type Coverage struct {
	Kind   CoverageKind
	Path   string // as on the source: a tree name, a URL, "processes"
	Parts  Parts  // which parts of the answers it bears on
	Count  int64  // records, lines or files read
	Bytes  int64  // bytes read, where that says something
	From   time.Time
	To     time.Time
	SHA256 string // lower-case hex, of a file read whole
	Missed *Missed
	Adds   bool // one of several rows of a kind and path that add up to one

	// For logs, so that a family can be judged against its own rhythm.
	Family string // LogFormat.Family + " " + directory; "" for no family
	Format string // LogFormat.ID
	Days   []Day  // ascending; days this file vouches for
	Hosts  []Host // the computers that its records say they are of, by name; nil: they say nothing

	Unread  int64   // lines or records of a log that were not, or not wholly, understood
	Cleared int64   // records of a log that say that somebody cleared one
	Series  *Series // of a log-family row that sums up

	// Of a log of single hours: for each of Days, the hours it vouches for, bit
	// 0 for the first of the day, UTC. Nil: whole days.
	Hours []uint32

	Peers *Peers // of a web server's log, or where the operator names proxies: who spoke to it; nil: nobody counted

	// Of a log whose events state times: the hours with one, so that silence is
	// told from quiet. Ascending; other days have none.
	Busy []BusyDay
}

// BusyDay is a day of UTC and the hours of it in which an event stands, bit 0
// for the first.
type BusyDay struct {
	Day   Day
	Hours uint32
}

// Host is a computer by the name that records of a log have for their own.
type Host struct {
	Name     string
	From, To time.Time // of the records that state a time
}

// Add notes the time of a record; zero: it states none.
func (h *Host) Add(at time.Time) {
	switch {
	case at.IsZero():
	case h.From.IsZero():
		h.From, h.To = at, at
	case at.Before(h.From):
		h.From = at
	case at.After(h.To):
		h.To = at
	}
}

// Series sums up the logs of one family in one folder.
type Series struct {
	Files        int    // logs read, members of an archive each
	Unread       int64  // lines or records not understood
	Cleared      int64  // records that say that somebody cleared a log
	DaysCovered  int    // of the required window, vouched for by logs read whole
	DaysRequired int    // the required window; 0: no pack sets one
	DaysMissing  int    // between the first and the last, of a log that is written daily
	Missing      string // which these are
	Low          int    // logs written at too low a level
	Unzoned      int    // logs in local times of an unknown zone
	Broken       int    // logs not, or not wholly, read
}

// Day is a calendar day in the log's own zone: days since 1970-01-01.
type Day int32

// DayOf returns t's calendar day in t's location.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// String gives the day as 2006-01-02.
func (d Day) String() string {
	return time.Unix(int64(d)*86400, 0).UTC().Format("2006-01-02")
}

// Missed is why something in scope was not, or not wholly, seen.
type Missed struct {
	Reason Reason
	Detail string // what was lost and what to do, in words; "" allowed
}

// String gives "reason: detail", the form the report carries.
func (m *Missed) String() string {
	if m.Detail == "" {
		return string(m.Reason)
	}
	return string(m.Reason) + ": " + m.Detail
}

// Reason is the closed list of why something was not seen.
type Reason string

// The reasons.
const (
	Unreadable   Reason = "unreadable"       // permission, I/O error, antivirus
	Absent       Reason = "absent"           // it should be there and is not
	NotCollected Reason = "not collected"    // a partial source does not hold it
	Truncated    Reason = "truncated"        // shorter than declared, cut in mid-record, emptied
	Damaged      Reason = "damaged"          // does not decode
	Format       Reason = "unknown format"   // nothing here reads it
	Encrypted    Reason = "encrypted"        //
	TooLarge     Reason = "too large"        // over a size, count or ratio limit
	Limited      Reason = "limit reached"    // a budget ended the work
	Cancelled    Reason = "cancelled"        // the operator or a deadline ended the work
	Unelevated   Reason = "not elevated"     // needs root or administrator
	Narrowed     Reason = "narrowed"         // an option left it out of the work, not of the question
	Unsupported  Reason = "not yet read"     // this version has no reader for it
	NoZone       Reason = "time zone"        // local times of unknown zone
	Hole         Reason = "hole"             // days missing from a series of logs, or records from a log
	TooShort     Reason = "window"           // the logs do not span the required window
	LowLevel     Reason = "log level"        // logged too little to tell
	OutsideTree  Reason = "leads out"        // a link out of the source
	Unsafe       Reason = "unsafe name"      // a name that would leave the tree
	Ambiguous    Reason = "ambiguous"        // duplicates, readings that disagree
	Unanswered   Reason = "no answer"        // the network did not answer
	OutOfScope   Reason = "out of scope"     // the operator did not name it
	Proxied      Reason = "behind a proxy"   // proxies speak for clients that the log does not name
	NoBuild      Reason = "build not stated" // the product, without its build
)

// Gap is a Coverage row for something missed.
func Gap(kind CoverageKind, path string, parts Parts, reason Reason, detail string) Coverage {
	return Coverage{Kind: kind, Path: path, Parts: parts, Missed: &Missed{reason, detail}}
}

// ErrGap is a Gap whose reason is read off an error.
func ErrGap(kind CoverageKind, path string, parts Parts, err error) Coverage {
	return Gap(kind, path, parts, ReasonFor(err), err.Error())
}

// ReasonFor maps an error to the reason it stands for; Unreadable when nothing
// closer fits.
func ReasonFor(err error) Reason {
	for _, c := range []struct {
		err    error
		reason Reason
	}{
		{ErrBudget, Limited}, {context.Canceled, Cancelled}, {context.DeadlineExceeded, Cancelled},
		{ErrTruncated, Truncated}, {io.ErrUnexpectedEOF, Truncated},
		{ErrEncrypted, Encrypted}, {ErrUnsafeName, Unsafe}, {ErrEscapes, OutsideTree},
		{ErrDuplicate, Ambiguous}, {ErrLimit, TooLarge}, {ErrUnsupported, Format},
		{ErrOutOfScope, OutOfScope}, {ErrNotCollected, NotCollected}, {fs.ErrNotExist, Absent},
	} {
		if errors.Is(err, c.err) {
			return c.reason
		}
	}
	return Unreadable
}
