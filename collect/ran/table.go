package ran

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"postern/collect/winreg"
	"postern/evidence"
)

// Of a record of the file table ("New Technologies File System (NTFS)" of libfsntfs).
const (
	rootRecord  = 5
	inUse       = 0x1
	isFolder    = 0x2
	attrTimes   = 0x10 // $STANDARD_INFORMATION
	attrList    = 0x20 // $ATTRIBUTE_LIST
	attrName    = 0x30 // $FILE_NAME
	attrEnd     = 0xffffffff
	shortName   = 2 // name space of names of 8.3 characters
	tableSector = 512
	maxFolders  = 1 << 19 // folders whose names are kept
	maxPath     = 256     // folders above each other
)

// errRecord says that a record of the file table does not hold together.
var errRecord = errors.New("ran: record of the file table")

// fileTable is what is kept of a volume's file table: its folders.
type fileTable struct {
	volume  string // "C:"
	size    int64  // of a record; 0: there is no table
	folders map[uint32]folder
	over    bool // more folders than are kept
	broken  int64
	away    int64 // files whose names stand in other records
}

type folder struct {
	name     string
	parent   uint64 // reference: the record, and above 48 bits its turn
	sequence uint16
}

// record is one file or folder of the table.
type record struct {
	name            string
	parent          uint64
	flags, sequence uint16
	spread          bool         // over several records
	own             [4]time.Time // made, written, changed, read: what programs may set
	named           [4]time.Time // the same beside the name: what the system sets
}

// readTable reads a file table twice: for its folders, and for its files.
func (r *reader) readTable(t *fileTable, e evidence.Entry, f evidence.File) {
	lost := func(err error) { r.Lost(evidence.CoverFile, string(e.Name), err) }
	head := make([]byte, 64)
	if _, err := f.ReadAt(head, 0); err != nil {
		lost(fmt.Errorf("%w: %w", errRecord, err))
		return
	}
	size := int64(binary.LittleEndian.Uint32(head[28:]))
	if string(head[:4]) != "FILE" || size < 512 || size > 65536 || size&(size-1) != 0 {
		lost(fmt.Errorf("%w: the first is none: %w", errRecord, evidence.ErrUnsupported))
		return
	}
	t.size, t.folders = size, map[uint32]folder{}
	end := min(f.Size(), maxTable) / size * size
	if f.Size() > maxTable {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.TooLarge, "longer than 4 GiB; the rest was not read")
	}
	err := r.blocks(f, 0, end, func(at int64, data []byte) { t.each(at, data, t.keep) })
	if err != nil {
		lost(err)
	}
	t.broken, t.away = 0, 0
	count := 0
	err = r.blocks(f, 0, end, func(at int64, data []byte) {
		t.each(at, data, func(number uint32, m *record) {
			if tr := t.judge(m); tr != nil {
				if count++; count <= maxRecords {
					tr.path, tr.text = string(e.Name), tr.image
					tr.details += fmt.Sprintf("; record %d", number)
					r.observe(tr)
				}
			}
		})
	})
	if err != nil {
		lost(err)
	}
	if count > maxRecords {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.Limited, fmt.Sprintf("%d of %d deleted files and files with contradictory times were not told", count-maxRecords, count))
	}
	if t.over {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.Limited, "more folders than are kept; some paths are not known")
	}
	if t.away > 0 {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.Unsupported, fmt.Sprintf("%d files whose names stand in other records than their own", t.away))
	}
	if t.broken > 0 {
		r.Gap(evidence.CoverFile, string(e.Name), evidence.Damaged, fmt.Sprintf("%d records do not hold together", t.broken))
	}
}

// each calls fn for every record with a name in a block that begins at an offset.
func (t *fileTable) each(at int64, data []byte, fn func(number uint32, m *record)) {
	for i := int64(0); i+t.size <= int64(len(data)); i += t.size {
		m, err := parseRecord(data[i : i+t.size])
		if err != nil {
			t.broken++
		}
		switch {
		case m != nil && m.name != "":
			fn(uint32((at+i)/t.size), m)
		case m != nil && m.spread:
			t.away++
		}
	}
}

// keep notes a folder.
func (t *fileTable) keep(number uint32, m *record) {
	if m.flags&isFolder == 0 {
		return
	}
	if len(t.folders) >= maxFolders {
		t.over = true
		return
	}
	sequence := m.sequence
	if m.flags&inUse == 0 {
		sequence-- // it is counted up when a record is given up
	}
	t.folders[number] = folder{m.name, m.parent, sequence}
}

// path is where a file of a folder lies; known is false where the folder, or one above
// it, is not there any more.
func (t *fileTable) path(parent uint64, name string) (path string, known bool) {
	parts := []string{name}
	for range maxPath {
		number := uint32(parent)
		if number == rootRecord {
			parts = append(parts, t.volume)
			for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
				parts[i], parts[j] = parts[j], parts[i]
			}
			return strings.Join(parts, `\`), true
		}
		f, ok := t.folders[number]
		if !ok || f.sequence != uint16(parent>>48) {
			break
		}
		parts, parent = append(parts, f.name), f.parent
	}
	return name, false
}

// judge gives the trace of a file that is told: deleted, or made before the system says
// that it came.
func (t *fileTable) judge(m *record) *trace {
	if m.flags&isFolder != 0 || !told.MatchString(m.name) {
		return nil
	}
	path, known := t.path(m.parent, m.name)
	if known && !watched.MatchString(path) {
		return nil
	}
	times := fmt.Sprintf("made %s, written %s; by the system: came %s, written %s", stamp(m.own[0]), stamp(m.own[1]), stamp(m.named[0]), stamp(m.named[1]))
	switch {
	case m.flags&inUse == 0:
		if !known {
			times += "; its folder is not there any more"
		}
		return &trace{kind: evidence.TraceDeleted, image: path, at: latest(m.own, m.named), details: "deleted; " + times}
	case known && setBack(m):
		return &trace{kind: evidence.TraceTimes, image: path, at: m.named[0], details: times}
	}
	return nil
}

// setBack tells whether a file claims to be older than it is, with a time of whole
// seconds, as tools that set times give it
// (https://attack.mitre.org/techniques/T1070/006/).
func setBack(m *record) bool {
	const clear = 24 * time.Hour
	return !m.own[0].IsZero() && m.own[0].Nanosecond() == 0 && m.named[0].Sub(m.own[0]) > clear && m.named[0].Nanosecond() != 0
}

func latest(all ...[4]time.Time) (at time.Time) {
	for _, times := range all {
		for _, t := range times {
			if t.After(at) {
				at = t
			}
		}
	}
	return at
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

// parseRecord reads a record; nil where there is none, or it continues another. The
// data is changed.
func parseRecord(b []byte) (*record, error) {
	le := binary.LittleEndian
	if string(b[:4]) != "FILE" {
		if string(b[:4]) == "BAAD" {
			return nil, errRecord
		}
		return nil, nil
	}
	if err := mend(b); err != nil {
		return nil, err
	}
	m := &record{sequence: le.Uint16(b[16:]), flags: le.Uint16(b[22:])}
	if le.Uint64(b[32:]) != 0 {
		return nil, nil
	}
	long := false
	for at := int64(le.Uint16(b[20:])); ; {
		if at+24 > int64(len(b)) {
			if at+4 <= int64(len(b)) && le.Uint32(b[at:]) == attrEnd {
				return m, nil
			}
			return m, fmt.Errorf("%w: attributes behind its end", errRecord)
		}
		kind, size := le.Uint32(b[at:]), int64(le.Uint32(b[at+4:]))
		if kind == attrEnd {
			return m, nil
		}
		if size < 24 || at+size > int64(len(b)) {
			return m, fmt.Errorf("%w: an attribute of %d bytes", errRecord, size)
		}
		m.spread = m.spread || kind == attrList
		if b[at+8] == 0 { // it stands here
			from, n := int64(le.Uint16(b[at+20:])), int64(le.Uint32(b[at+16:]))
			if from+n > size {
				return m, fmt.Errorf("%w: content behind its attribute", errRecord)
			}
			if !m.attribute(kind, b[at+from:at+from+n], &long) {
				return m, fmt.Errorf("%w: a name behind its attribute", errRecord)
			}
		}
		at += size
	}
}

// attribute takes the times and the name; a long name is taken before a short one. It
// is false where a name does not fit.
func (m *record) attribute(kind uint32, b []byte, long *bool) bool {
	le := binary.LittleEndian
	switch {
	case kind == attrTimes && len(b) >= 32:
		for i := range m.own {
			m.own[i] = winreg.Filetime(b[8*i:])
		}
	case kind == attrName && len(b) >= 66 && !*long:
		n := 66 + 2*int(b[64])
		if n > len(b) {
			return false
		}
		*long = b[65] != shortName
		m.parent = le.Uint64(b)
		for i := range m.named {
			m.named[i] = winreg.Filetime(b[8+8*i:])
		}
		m.name = winreg.Text(b[66:n])
	}
	return true
}

// mend puts the ends of a record's sectors back, which stand in its head; they tell
// whether it was written whole.
func mend(b []byte) error {
	le := binary.LittleEndian
	from, count := int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
	if count < 1 || from+2*count > len(b) || (count-1)*tableSector > len(b) {
		return fmt.Errorf("%w: no ends of sectors", errRecord)
	}
	for i := 1; i < count; i++ {
		end := b[i*tableSector-2 : i*tableSector]
		if end[0] != b[from] || end[1] != b[from+1] {
			return fmt.Errorf("%w: not written whole", errRecord)
		}
		copy(end, b[from+2*i:from+2*i+2])
	}
	return nil
}
