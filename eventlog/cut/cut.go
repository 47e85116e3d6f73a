// Package cut is what readers of single lines share: the row they give, and
// the small things that logs of every kind write alike (numbers, clocks, dates,
// addresses). It reads bytes in place and keeps nothing.
package cut

import (
	"bytes"
	"net/netip"
	"time"

	"postern/evidence"
)

// Row is one line cut into a schema's values. They are borrowed: from the line,
// and where a value is spelled otherwise than the line spells it, from the
// reader, until it is reset.
type Row struct {
	Schema  *evidence.Schema
	Values  [][]byte
	Time    time.Time    // UTC; zero: not known
	Day     evidence.Day // in the log's own zone; 0: not known
	Local   bool         // the time is the host's clock, which states no offset
	Open    bool         // it runs to the line's end: without a newline nobody knows where it ended
	Spelled bool         // a value is not the line's own bytes: see evidence.Event.Verbatim
}

// Fork is a reader of some lines of a log, while its other lines are read
// elsewhere.
type Fork interface {
	// Cut cuts a line; false if it is none of the format. What the row holds is
	// valid until Reset.
	Cut(line []byte, row *Row) bool
	Reset()
	// Later reports whether the line just refused is for the reader that this
	// one is a fork of.
	Later() bool
}

// State is what a reader of lines knows at a line's end and may need behind it.
// Each reader has its own of these.
type State struct {
	Shapes []string   // sets of keys
	Many   int64      // lines left out
	Year   int        // of the line
	Month  time.Month // of the line
	Last   time.Time  // the latest line's time
	Past   int64      // lines after the file's own time
	Place  int        // of a field that the first lines tell
}

// First and last year that a log may state: anything else is a misread line.
const (
	firstYear = 1980
	lastYear  = 2200
)

// Plausible reports whether a log may be of this day.
func Plausible(day time.Time) bool { return day.Year() >= firstYear && day.Year() <= lastYear }

// Number reads b, one to nine decimal digits.
func Number(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Clock reads all of b as HH:MM:SS with an optional fraction of one to nine
// digits.
func Clock(b []byte) (time.Duration, bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, ok1 := Number(b[:2])
	m, ok2 := Number(b[3:5])
	s, ok3 := Number(b[6:8])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
		return 0, false
	}
	clock := time.Duration(h*3600+m*60+s) * time.Second
	if len(b) == 8 {
		return clock, true
	}
	fraction, ok := Number(b[9:])
	if b[8] != '.' || !ok || len(b) > 18 {
		return 0, false
	}
	unit := time.Second
	for range len(b) - 9 {
		unit /= 10
	}
	return clock + time.Duration(fraction)*unit, true
}

// Date reads YYYY?MM?DD with the given separator, as midnight UTC.
func Date(b []byte, sep byte) (time.Time, bool) {
	if len(b) != 10 || b[4] != sep || b[7] != sep {
		return time.Time{}, false
	}
	y, ok1 := Number(b[:4])
	m, ok2 := Number(b[5:7])
	d, ok3 := Number(b[8:])
	if !ok1 || !ok2 || !ok3 {
		return time.Time{}, false
	}
	return DateOf(y, time.Month(m), d)
}

// DateOf is a day as midnight UTC; false for one that no calendar has.
func DateOf(y int, m time.Month, d int) (time.Time, bool) {
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return day, day.Day() == d && day.Month() == m && Plausible(day)
}

// Month reads an English month of three letters.
func Month(b []byte) (time.Month, bool) {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	if len(b) == 3 {
		for i := 0; i < len(names); i += 3 {
			if names[i] == b[0] && names[i+1] == b[1] && names[i+2] == b[2] {
				return time.Month(i/3 + 1), true
			}
		}
	}
	return 0, false
}

// Offset reads how far a clock is from UTC: "Z", "+0100" or "+01:00".
func Offset(b []byte) (time.Duration, bool) {
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) == 6 && b[3] == ':' {
		b = []byte{b[0], b[1], b[2], b[4], b[5]}
	}
	if len(b) != 5 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok1 := Number(b[1:3])
	m, ok2 := Number(b[3:5])
	if !ok1 || !ok2 || h > 15 || m > 59 {
		return 0, false
	}
	offset := time.Duration(h*60+m) * time.Minute
	if b[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// Stamp reads RFC 3339 time as logs write it: T or a blank between day and
// clock, a fraction or none, and an offset, which is zone's where it is missing.
func Stamp(b []byte, zone *time.Location) (at time.Time, day evidence.Day, ok bool) {
	if len(b) < 19 || b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return time.Time{}, 0, false
	}
	date, ok := Date(b[:10], b[4])
	if !ok || b[4] != '-' && b[4] != '/' {
		return time.Time{}, 0, false
	}
	end := 19
	for end < len(b) && (b[end] == '.' || b[end] == ',' || b[end] >= '0' && b[end] <= '9') {
		end++
	}
	text := b[11:end]
	if len(text) > 8 && text[8] == ',' { // log4j's way
		text = append(append([]byte{}, text[:8]...), '.')
		text = append(text, b[20:end]...)
	}
	clock, ok := Clock(text)
	if !ok {
		return time.Time{}, 0, false
	}
	day = evidence.Day(date.Unix() / 86400)
	if end == len(b) {
		return In(date, clock, zone), day, true
	}
	offset, ok := Offset(b[end:])
	return date.Add(clock - offset), day, ok
}

// In is the instant, UTC, that a clock shows on a day in a zone.
func In(day time.Time, clock time.Duration, zone *time.Location) time.Time {
	if zone == time.UTC {
		return day.Add(clock)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, int(clock/time.Second), int(clock%time.Second), zone).UTC()
}

// Value is b, nil for what stands for nothing.
func Value(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

// IsIP reports whether all of b is an address.
func IsIP(b []byte) bool {
	if isIPv4(b) {
		return true
	}
	if len(b) < 2 || len(b) > 64 || bytes.IndexByte(b, ':') < 0 {
		return false
	}
	_, err := netip.ParseAddr(string(b))
	return err == nil
}

func isIPv4(b []byte) bool {
	dots, digits, n := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9' && digits < 3:
			digits++
			n = n*10 + int(c-'0')
		case c == '.' && digits > 0 && n < 256:
			dots, digits, n = dots+1, 0, 0
		default:
			return false
		}
	}
	return dots == 3 && digits > 0 && n < 256
}

// Host takes the port off an address, "192.0.2.7:443" or "[::1]:443", and gives
// anything else as it is.
func Host(b []byte) []byte {
	if i := bytes.LastIndexByte(b, ']'); len(b) > 2 && b[0] == '[' && i > 0 {
		return b[1:i]
	}
	if i := bytes.IndexByte(b, ':'); i > 0 && isIPv4(b[:i]) {
		return b[:i]
	}
	return b
}

// Hex is the value of a digit, -1 for none.
func Hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
