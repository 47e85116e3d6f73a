package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"postern/eventlog/cut"
	"postern/eventlog/syslog"
)

// export reads the Journal Export Format: entries of "FIELD=value" lines, or
// FIELD, the value's length in eight bytes and the value, each entry ended by an
// empty line.
type export struct {
	*rows
	journal *syslog.Journal
	got     cut.Row
}

func newExport(r *rows, j *syslog.Journal) *export { return &export{rows: r, journal: j} }

func (p *export) keep(to *point) bool { to.Export = true; return true }

func (p *export) restore(from *point) error {
	if !from.Export {
		return fmt.Errorf("%w: a journal in JSON", errPoint)
	}
	return nil
}

// isExport reports whether a journal is in the Journal Export Format: one in JSON
// begins with an object. Where it is taken up, what was kept says so.
func isExport(head []byte, from *point) bool {
	if from != nil {
		return from.Export
	}
	return !bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{"))
}

// parse reads a block. It holds back the last entry while more of it may come,
// or until it is maxRecord long.
func (p *export) parse(block []byte, last bool) (held int, err error) {
	p.begin(block)
	for off := 0; off < len(block); {
		n, whole, ok := p.entry(block[off:])
		if size := len(block) - off; !whole && !last && size < maxRecord {
			return size, p.flush()
		}
		if err := p.take(block[off:off+n], ok, whole); err != nil {
			return 0, err
		}
		off += n
	}
	return 0, p.flush()
}

// take delivers one entry, or counts it as not understood.
func (p *export) take(raw []byte, ok, whole bool) error {
	text := bytes.TrimRight(raw, "\n")
	count := int64(bytes.Count(raw, []byte("\n")))
	if !bytes.HasSuffix(raw, []byte("\n")) {
		count++
	}
	line := p.line
	p.line += int64(bytes.Count(raw, []byte("\n")))
	p.lines += count
	switch {
	case len(text) == 0:
		p.blank += count
		return nil
	case !ok || !p.journal.End(&p.got):
		for at := line; at < line+count; at++ {
			first(&p.misread, &p.misreadAt, at)
		}
		p.rows.cut = p.rows.cut || !whole
		return nil
	}
	p.continued += count - 1
	values, err := p.slot(p.got.Schema)
	if err != nil {
		return err
	}
	copy(values, p.got.Values)
	p.rows.cut = p.rows.cut || !whole && !bytes.HasSuffix(raw, []byte("\n"))
	p.add(row{p.got.Schema, values, p.got.Time, p.got.Day, line, text, false})
	return nil
}

// entry reads one entry: how long it is with its end, whether that end is there,
// and whether it reads.
func (p *export) entry(block []byte) (n int, whole, ok bool) {
	p.journal.Begin()
	ok = true
	for n < len(block) {
		end := bytes.IndexByte(block[n:], '\n')
		if end == 0 {
			return n + 1, true, ok
		}
		if end < 0 {
			end = len(block) - n
		}
		name, value, text := bytes.Cut(block[n:n+end], []byte("="))
		n = min(n+end+1, len(block))
		if text {
			p.journal.Field(name, value)
			continue
		}
		if len(block)-n < 8 {
			return len(block), false, false
		}
		size := binary.LittleEndian.Uint64(block[n:])
		switch {
		case !fieldName(name) || size > maxRecord:
			ok = false // no field: a line that is none of an entry
		case size >= uint64(len(block)-n-8):
			return len(block), false, false
		default:
			from := n + 8
			n = from + int(size) + 1
			p.journal.Field(name, block[from:n-1])
			ok = ok && block[n-1] == '\n'
		}
	}
	return n, false, ok
}

// fieldName reports whether a name may be a field's.
func fieldName(name []byte) bool {
	for _, c := range name {
		if (c < 'A' || c > 'Z') && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0
}
