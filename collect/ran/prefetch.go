package ran

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

// Offsets in a prefetch file ("Windows Prefetch File (PF) format" of libscca).
const (
	pfHead     = 84
	pfName     = 16 // 30 characters
	pfNames    = 100
	pfTimes    = 128      // of versions 23 and later
	pfMost     = 16 << 20 // bytes unpacked
	pfNameSize = 60
)

// errPrefetch says that a file is no prefetch file, or not whole.
var errPrefetch = errors.New("ran: prefetch file")

// prefetched is what a prefetch file tells of one program.
type prefetched struct {
	name string      // of the program, at most 29 characters
	path string      // "" where no file read by it has its name
	runs uint32      // how often it ran
	at   []time.Time // its last starts, the latest first; one up to version 23, else up to eight
}

// prefetch observes the programs whose starts the system sped up. Servers do so only
// where somebody switched it on.
func (r *reader) prefetch() {
	r.Only = func(e evidence.Entry) bool { return strings.HasSuffix(strings.ToLower(e.Name.Base()), ".pf") }
	r.Each(`C:\Windows\Prefetch`, 0, func(f *family.File) {
		p, err := parsePrefetch(f.Data)
		if err != nil {
			r.Lost(evidence.CoverFile, string(f.Name), err)
			return
		}
		t := trace{kind: evidence.TracePrefetch, image: p.path, path: string(f.Name), text: p.name, details: fmt.Sprintf("ran %d times", p.runs)}
		if t.image == "" {
			t.image = p.name
		}
		for i, at := range p.at {
			switch i {
			case 0:
				t.at = at
			case 1:
				t.details += ", before that at "
				fallthrough
			default:
				t.details += at.Format(time.RFC3339) + " "
			}
		}
		t.details = strings.TrimSpace(t.details)
		r.observe(&t)
	})
}

// parsePrefetch reads a prefetch file of Windows XP to 11 (versions 17, 23, 26, 30 and
// 31), compressed or not.
func parsePrefetch(data []byte) (*prefetched, error) {
	le := binary.LittleEndian
	if len(data) >= 8 && string(data[:3]) == "MAM" {
		size, body := le.Uint32(data[4:]), data[8:]
		switch data[3] {
		case 0x04:
		case 0x84: // a checksum stands before the data
			body = body[min(4, len(body)):]
		default:
			return nil, fmt.Errorf("%w: compressed by method %#x: %w", errPrefetch, data[3], evidence.ErrUnsupported)
		}
		if size > pfMost {
			return nil, fmt.Errorf("%w: %d bytes unpacked: %w", errPrefetch, size, evidence.ErrLimit)
		}
		var err error
		if data, err = unpack(body, int(size)); err != nil {
			return nil, fmt.Errorf("%w: %w", errPrefetch, err)
		}
	}
	if len(data) < 8 || string(data[4:8]) != "SCCA" {
		return nil, fmt.Errorf("%w: no signature: %w", errPrefetch, evidence.ErrUnsupported)
	}
	version := le.Uint32(data)
	runs, times := 0, 8
	switch version {
	case 17:
		runs, times = 144, 1
	case 23:
		runs, times = 152, 1
	case 26:
		runs = 208
	case 30, 31:
		runs = 208
		if len(data) > pfHead+4 && le.Uint32(data[pfHead:]) < 0x130 { // the shorter of its two layouts
			runs = 200
		}
	default:
		return nil, fmt.Errorf("%w: version %d: %w", errPrefetch, version, evidence.ErrUnsupported)
	}
	if len(data) < runs+4 {
		return nil, fmt.Errorf("%w: %d bytes: %w", errPrefetch, len(data), evidence.ErrTruncated)
	}
	p := &prefetched{name: winreg.TextZ(data[pfName : pfName+pfNameSize]), runs: le.Uint32(data[runs:])}
	first := pfTimes
	if version == 17 {
		first = 120
	}
	for i := range times {
		if at := winreg.Filetime(data[first+8*i:]); !at.IsZero() {
			p.at = append(p.at, at)
		}
	}
	offset, size := int64(le.Uint32(data[pfNames:])), int64(le.Uint32(data[pfNames+4:]))
	if offset+size > int64(len(data)) {
		return nil, fmt.Errorf("%w: names behind its end: %w", errPrefetch, evidence.ErrTruncated)
	}
	p.path = programOf(p.name, data[offset:offset+size])
	return p, nil
}

// programOf finds the program among the files that it read, one after the other with
// NUL between. The volume with ntdll.dll is the system's.
func programOf(name string, files []byte) (path string) {
	system := ""
	for file := range strings.SplitSeq(winreg.Text(files), "\x00") {
		low := strings.ToLower(file)
		if volume, ok := strings.CutSuffix(low, `\windows\system32\ntdll.dll`); ok && system == "" {
			system = volume
		}
		last := winreg.LastOf(file)
		if strings.EqualFold(last, name) || len(name) == 29 && strings.HasPrefix(strings.ToLower(last), strings.ToLower(name)) {
			path = file
		}
	}
	if rest, ok := winreg.CutFold(path, system+`\`); ok && system != "" {
		return `C:\` + rest
	}
	return path
}
