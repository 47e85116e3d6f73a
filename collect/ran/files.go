package ran

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

const maxLine = 4096 // bytes kept of a typed line

// errRecycled says that an index of the recycle bin does not hold together.
var errRecycled = errors.New("ran: index of the recycle bin")

// recycled observes what was put into the recycle bins, by their indexes ($I…): where
// it lay, when it was thrown away, and by whom.
func (r *reader) recycled() {
	r.Only = func(e evidence.Entry) bool { return strings.HasPrefix(strings.ToUpper(e.Name.Base()), "$I") }
	for _, v := range r.Src.Volumes {
		if v.Past {
			continue
		}
		r.Each(v.Mount+`\$Recycle.Bin`, 1, func(f *family.File) {
			t, err := parseRecycled(f.Data)
			if err != nil {
				r.Lost(evidence.CoverFile, string(f.Name), err)
				return
			}
			t.path, t.user = string(f.Name), r.UserOf(f.Name.Dir().Base())
			r.observe(t)
		})
	}
}

// parseRecycled reads an index: version 1 (Vista to 8.1) has a path of one length,
// version 2 (10 and later) says how long it is
// (https://github.com/libyal/dtformats, "Windows Recycle.Bin file formats").
func parseRecycled(data []byte) (*trace, error) {
	const head, old = 24, 520
	if len(data) < head+4 {
		return nil, fmt.Errorf("%w: %d bytes: %w", errRecycled, len(data), evidence.ErrTruncated)
	}
	le := binary.LittleEndian
	path := data[head:]
	switch version := le.Uint64(data); version {
	case 1:
		if len(path) < old {
			return nil, fmt.Errorf("%w: %d bytes: %w", errRecycled, len(data), evidence.ErrTruncated)
		}
		path = path[:old]
	case 2:
		chars := int64(le.Uint32(path))
		if path = path[4:]; chars*2 > int64(len(path)) {
			return nil, fmt.Errorf("%w: %d bytes: %w", errRecycled, len(data), evidence.ErrTruncated)
		}
		path = path[:chars*2]
	default:
		return nil, fmt.Errorf("%w: version %d: %w", errRecycled, version, evidence.ErrUnsupported)
	}
	image := winreg.TextZ(path)
	if image == "" {
		return nil, fmt.Errorf("%w: it names no file", errRecycled)
	}
	return &trace{kind: evidence.TraceRecycled, image: image, at: winreg.Filetime(data[16:]), text: image, details: fmt.Sprintf("thrown away, %d bytes", le.Uint64(data[8:]))}, nil
}

// histories observes what was typed into PowerShell: the files that PSReadLine keeps,
// one for each host program.
func (r *reader) histories() {
	r.Tail = true
	r.Only = func(e evidence.Entry) bool {
		return strings.HasSuffix(strings.ToLower(e.Name.Base()), "_history.txt")
	}
	users := r.Users()
	for i := range users {
		u := &users[i]
		if u.Home == "" {
			continue
		}
		r.Each(u.Home+`\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine`, 0, func(f *family.File) { r.typed(f, u) })
	}
}

// typed hands on the lines of a history. A backtick at the end of a line goes on in the
// next one.
func (r *reader) typed(f *family.File, u *winreg.User) {
	at, whole, begun, clipped := int64(0), "", int64(0), 0
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		at++
		if whole == "" {
			begun = at
		}
		line, more := strings.CutSuffix(strings.TrimRight(line, "\r"), "`")
		if whole == "" {
			whole = line
		} else if len(whole) <= maxLine {
			whole += "\n" + line
		}
		if more {
			continue
		}
		line, whole = strings.TrimSpace(whole), ""
		if line == "" {
			continue
		}
		if len(line) > maxLine {
			line, clipped = strings.ToValidUTF8(line[:maxLine], ""), clipped+1
		}
		r.observe(&trace{kind: evidence.TraceHistory, command: line, user: u.Name, at: f.ModTime, path: string(f.Name), line: begun, text: line})
	}
	if clipped > 0 {
		r.Gap(evidence.CoverFile, string(f.Name), evidence.TooLarge, fmt.Sprintf("%d lines longer than %d bytes; their ends were not held against anything", clipped, maxLine))
	}
}
