package syslog

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"postern/eventlog/cut"
	"postern/eventlog/jsonline"
	"postern/evidence"
)

// fields are the journal's own names for the columns (systemd.journal-fields(7)),
// and for a column's second best.
var fields = map[string]int{
	"_HOSTNAME": host, "SYSLOG_IDENTIFIER": program, "_COMM": program, "_PID": pid, "SYSLOG_PID": pid, "MESSAGE": message,
	"PRIORITY": priority, "MESSAGE_ID": msgid, "_SYSTEMD_UNIT": unit, "_UID": uid, "_EXE": exe, "_CMDLINE": cmdline,
}

// second are names that count only where the first is not there.
var second = map[string]bool{"_COMM": true, "SYSLOG_PID": true}

// Journal cuts entries of the journal.
type Journal struct {
	shapes
	object  jsonline.Object
	values  [columns][]byte
	given   [columns]bool // by the first name
	at      time.Time
	entries int // fields of the entry in hand
	left    int // entries whose text was left out
	arena   []byte
}

// NewJournal gives a reader of a format's logs.
func NewJournal(format *evidence.LogFormat) *Journal { return &Journal{shapes: newShapes(format)} }

// Fork gives a reader that reads entries as this one does, at the same time.
func (j *Journal) Fork() cut.Fork { return NewJournal(j.format) }

// Join takes over what a fork has to tell.
func (j *Journal) Join(f cut.Fork) { j.left += f.(*Journal).left }

// Later reports whether the line just refused is for another reader: none is.
func (j *Journal) Later() bool { return false }

// Keep gives how many entries have no text.
func (j *Journal) Keep() cut.State { return cut.State{Many: int64(j.left)} }

// Restore makes it what it was. The error says that no reader keeps that.
func (j *Journal) Restore(s cut.State) error {
	if s.Many < 0 {
		return fmt.Errorf("syslog: %d entries left out", s.Many)
	}
	j.left = int(s.Many)
	return nil
}

// Reset takes back what values were lent.
func (j *Journal) Reset() {
	j.object.Reset()
	j.arena = j.arena[:0]
}

// Begin begins an entry.
func (j *Journal) Begin() {
	clear(j.values[:])
	clear(j.given[:])
	j.at, j.entries = time.Time{}, 0
}

// Field takes one field of the entry.
func (j *Journal) Field(name, value []byte) {
	j.entries++
	if string(name) == "__REALTIME_TIMESTAMP" { // microseconds
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n > 0 {
			if at := time.UnixMicro(n).UTC(); cut.Plausible(at) {
				j.at = at
			}
		}
		return
	}
	at, known := fields[string(name)]
	if !known || second[string(name)] && j.given[at] {
		return
	}
	j.given[at] = j.given[at] || !second[string(name)]
	j.values[at] = cut.Value(value)
}

// End gives the entry's row; false if it was none.
func (j *Journal) End(row *cut.Row) bool {
	if j.entries == 0 || j.at.IsZero() && j.values[message] == nil {
		return false
	}
	row.Schema, row.Time, row.Day = j.of(j.values[program]), j.at, 0
	if !j.at.IsZero() {
		row.Day = evidence.DayOf(j.at)
	}
	j.values[client] = peer(j.values[message], row.Schema.Source.Service)
	row.Values = j.values[:]
	return true
}

// leftOut is how journalctl writes a text of more than 4,096 bytes, unless it
// was asked for --all (journalctl(1), --output=json).
var leftOut = regexp.MustCompile(`"MESSAGE"\s*:\s*null`)

// Doubt says how many entries have no text; "" for none.
func (j *Journal) Doubt() string {
	if j.left == 0 {
		return ""
	}
	return fmt.Sprintf("%d entries without their text, which journalctl leaves out where it is long: export with --all", j.left)
}

// Cut cuts an entry in JSON; false if the line is none.
func (j *Journal) Cut(line []byte, row *cut.Row) bool {
	if !j.object.Parse(line) {
		return false
	}
	j.Begin()
	row.Spelled = j.object.Spelled()
	j.object.Each(func(name, value []byte) {
		if len(value) > 0 && value[0] == '[' && string(name) == "MESSAGE" {
			value, row.Spelled = j.bytes(value), true
		}
		if value == nil && string(name) == "MESSAGE" && leftOut.Match(line) {
			j.left++
		}
		j.Field(name, value)
	})
	return j.End(row)
}

// bytes reads "[104,105]", which stands for text that is not UTF-8. What is no
// such list stays.
func (j *Journal) bytes(list []byte) []byte {
	from := len(j.arena)
	for number := range bytes.SplitSeq(bytes.Trim(list, "[] "), []byte(",")) {
		n, ok := cut.Number(bytes.TrimSpace(number))
		if !ok || n > 255 {
			j.arena = j.arena[:from]
			return list
		}
		j.arena = append(j.arena, byte(n))
	}
	return j.arena[from:len(j.arena):len(j.arena)]
}
