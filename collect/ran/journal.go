package ran

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"postern/collect/winreg"
	"postern/evidence"
)

// Of the change journal (USN_RECORD_V2 and _V3 in winioctl.h).
const (
	journalPage   = 4096
	reasonCreate  = 0x00000100
	reasonDelete  = 0x00000200
	reasonRenamed = 0x00002000
	reasonClose   = 0x80000000
)

// change is one record of the journal.
type change struct {
	name   string
	parent uint64
	at     time.Time
	reason uint32
}

// readJournal observes which programs and pages came and went. Of a journal that is
// longer than a limit its end is read; what stands before is zeros where the file
// system gave it up.
func (r *reader) readJournal(t *fileTable, e evidence.Entry, f evidence.File) {
	from := max(0, f.Size()-maxJournal) &^ (journalPage - 1)
	if from > 0 {
		before := make([]byte, min(from, ntfsBlock))
		if n, err := f.ReadAt(before, from-int64(len(before))); n < len(before) && err != nil || strings.Trim(string(before[:n]), "\x00") != "" {
			r.Gap(evidence.CoverFile, string(e.Name), evidence.TooLarge, "longer than 1 GiB; what stands before was not read")
		}
	}
	count, broken := 0, 0
	err := r.blocks(f, from, f.Size(), func(at int64, data []byte) {
		broken += parseJournal(data, func(offset int, c *change) {
			tr := t.changed(c)
			if tr == nil {
				return
			}
			if count++; count <= maxRecords {
				tr.path, tr.text = string(e.Name), c.name
				tr.details += fmt.Sprintf("; at %d", at+int64(offset))
				r.observe(tr)
			}
		})
	})
	if err != nil {
		r.Lost(evidence.CoverFile, string(e.Name), err)
	}
	if count > maxRecords {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.Limited, fmt.Sprintf("%d of %d changes were not told", count-maxRecords, count))
	}
	if broken > 0 {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.Damaged, fmt.Sprintf("%d pages do not hold together to their ends", broken))
	}
}

// changed gives the trace of a change that is told.
func (t *fileTable) changed(c *change) *trace {
	what := ""
	switch {
	case c.reason&reasonClose == 0 || !told.MatchString(c.name):
		return nil
	case c.reason&reasonDelete != 0 && c.reason&reasonCreate != 0:
		what = "made and deleted"
	case c.reason&reasonDelete != 0:
		what = "deleted"
	case c.reason&reasonRenamed != 0:
		what = "called so"
	case c.reason&reasonCreate != 0:
		what = "made"
	default:
		return nil
	}
	path, known := t.path(c.parent, c.name)
	if known && !watched.MatchString(path) {
		return nil
	}
	if !known {
		what += "; its folder is not known"
	}
	return &trace{kind: evidence.TraceJournal, image: path, at: c.at, details: what}
}

// parseJournal reads pages of the journal, and gives how many of them do not hold
// together. Records of version 4, which have no names, are left out.
func parseJournal(data []byte, fn func(offset int, c *change)) (broken int) {
	le := binary.LittleEndian
	for page := 0; page < len(data); page += journalPage {
		b := data[page:min(page+journalPage, len(data))]
		for at := 0; at+8 <= len(b); {
			size := int(le.Uint32(b[at:]))
			if size == 0 {
				break
			}
			if size < 56 || size%8 != 0 || size > len(b)-at {
				broken++
				break
			}
			c, ok := parseChange(b[at : at+size])
			if !ok {
				broken++
				break
			}
			if c != nil {
				fn(page+at, c)
			}
			at += size
		}
	}
	return broken
}

// parseChange reads a record; nil where it is of a version that has no name.
func parseChange(b []byte) (c *change, ok bool) {
	le, wide := binary.LittleEndian, 0
	switch le.Uint16(b[4:]) {
	case 2:
	case 3:
		wide = 16 // references of 128 bits
	case 4:
		return nil, true
	default:
		return nil, false
	}
	if len(b) < 60+wide {
		return nil, false
	}
	n, from := int(le.Uint16(b[56+wide:])), int(le.Uint16(b[58+wide:]))
	if from < 60+wide || from+n > len(b) {
		return nil, false
	}
	parent := le.Uint64(b[16:])
	if wide > 0 {
		parent = le.Uint64(b[24:])
	}
	return &change{winreg.TextZ(b[from : from+n]), parent, winreg.Filetime(b[32+wide:]), le.Uint32(b[40+wide:])}, true
}
