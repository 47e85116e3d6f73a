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

// Layouts of the value AppCompatCache, by its first words: "Windows Application
// Compatibility Cache file format specification" of libyal's winreg-kb
// (documentation/Application Compatibility Cache key).
const (
	shimSeven      = 0xbadc0fee // Windows 7, Server 2008 R2
	shimSevenHead  = 128
	shimEightHead  = 128    // Windows 8 and 8.1, Server 2012 and 2012 R2
	shimEight      = "00ts" // signature of an entry
	shimEightOne   = "10ts" // of 8.1 and of 10 and later
	shimEntryHead  = 12     // signature, a checksum, the length of the rest
	shimExecuted   = 0x2    // flag of an entry: a process was made of it
	maxShimEntries = 8192   // the system keeps 1,024
)

// errShim says that a value is no cache that is known, or not whole.
var errShim = errors.New("ran: application compatibility cache")

// shim is one entry of the cache.
type shim struct {
	path     string
	modified time.Time // of the file
	executed bool
}

// shimcache observes what the application compatibility cache has of every control
// set. An entry tells that the file was there, and not that it ran.
func (r *reader) shimcache() {
	seen := map[shim]bool{}
	sets := r.controlSets()
	for _, set := range sets {
		key := r.Machine(set + `\Control\Session Manager\AppCompatCache`)
		if key == nil {
			continue
		}
		data := key.Value("AppCompatCache").Data
		if len(data) == 0 {
			continue
		}
		entries, err := parseShim(data)
		if err != nil {
			r.Lost(evidence.CoverHive, r.FileOf(key.Path), err)
		}
		for _, e := range entries {
			if e.path == "" || seen[e] {
				continue
			}
			seen[e] = true
			details := "it was there; that it ran is not told"
			if e.executed {
				details = "it was there, and marked as run"
			}
			image := shimPath(e.path)
			if strings.Contains(image, "\t") { // numbers and the name of a package
				image, details = "", "a package of the store: "+details
			}
			r.observe(&trace{kind: evidence.TraceShimcache, image: image, at: e.modified, path: key.Path + `\AppCompatCache`, text: e.path, details: details})
		}
	}
	if len(sets) > 0 && len(seen) == 0 {
		r.Gap(evidence.CoverHive, r.FileOf(sets[0]), evidence.Absent, "it has no entry of the application compatibility cache, which every system keeps: it may have been cleared")
	}
}

// shimPath writes a path of the cache as one of the machine. SYSVOL is the volume of
// the system.
func shimPath(p string) string {
	p = strings.TrimPrefix(strings.TrimPrefix(p, `\??\`), `\\?\`)
	if rest, ok := winreg.CutFold(p, `SYSVOL\`); ok {
		return `C:\` + rest
	}
	return p
}

// parseShim reads a cache; the entries before a fault come with it.
func parseShim(data []byte) ([]shim, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%w: %d bytes: %w", errShim, len(data), evidence.ErrTruncated)
	}
	first := binary.LittleEndian.Uint32(data)
	switch {
	case first == shimSeven:
		return parseSeven(data)
	case len(data) >= shimEightHead+4 && isShim(data[shimEightHead:]):
		return parseTagged(data[shimEightHead:], true)
	case first == 0x30 || first == 0x34:
		return parseTagged(data[min(int(first), len(data)):], false)
	}
	return nil, fmt.Errorf("%w: begins with %#x: %w", errShim, first, evidence.ErrUnsupported)
}

// isShim tells whether an entry with a signature begins here.
func isShim(data []byte) bool {
	tag := string(data[:4])
	return tag == shimEight || tag == shimEightOne
}

// parseSeven reads the cache of Windows 7, of 32 or of 64 bits: entries of one size
// that point to their paths.
func parseSeven(data []byte) (all []shim, err error) {
	le, count := binary.LittleEndian, int(binary.LittleEndian.Uint32(data[4:]))
	if count == 0 {
		return nil, nil
	}
	if count > maxShimEntries || len(data) < shimSevenHead+32 {
		return nil, fmt.Errorf("%w: %d entries in %d bytes: %w", errShim, count, len(data), evidence.ErrTruncated)
	}
	size, wide := 32, false
	if le.Uint32(data[shimSevenHead+4:]) == 0 { // padding before an offset of 64 bits
		size, wide = 48, true
	}
	for i := range count {
		at := shimSevenHead + i*size
		if at+size > len(data) {
			return all, fmt.Errorf("%w: entry %d of %d: %w", errShim, i, count, evidence.ErrTruncated)
		}
		e := data[at : at+size]
		length, offset, rest := int64(le.Uint16(e)), int64(le.Uint32(e[4:])), e[8:]
		if wide {
			offset, rest = int64(le.Uint64(e[8:])), e[16:]
		}
		if offset < 0 || offset > int64(len(data))-length {
			err = fmt.Errorf("%w: the path of entry %d: %w", errShim, i, evidence.ErrTruncated)
			continue
		}
		all = append(all, shim{winreg.TextZ(data[offset : offset+length]), winreg.Filetime(rest), le.Uint32(rest[8:])&shimExecuted != 0})
	}
	return all, err
}

// parseTagged reads entries that begin with a signature and say how long they are;
// older ones have flags before the time.
func parseTagged(data []byte, older bool) (all []shim, err error) {
	le := binary.LittleEndian
	for len(data) > 0 {
		if len(data) < shimEntryHead {
			return all, fmt.Errorf("%w: %d bytes after entry %d: %w", errShim, len(data), len(all), evidence.ErrTruncated)
		}
		length := int64(le.Uint32(data[8:]))
		if !isShim(data) {
			return all, fmt.Errorf("%w: no entry after %d", errShim, len(all))
		}
		if length > int64(len(data)-shimEntryHead) || len(all) >= maxShimEntries {
			return all, fmt.Errorf("%w: entry %d: %w", errShim, len(all), evidence.ErrTruncated)
		}
		e, ok := taggedEntry(data[shimEntryHead:shimEntryHead+length], older)
		if data = data[shimEntryHead+length:]; !ok {
			err = fmt.Errorf("%w: entry %d does not hold together", errShim, len(all))
			continue
		}
		all = append(all, e)
	}
	return all, err
}

// taggedEntry reads the body of an entry: a path, in older ones the name of a package
// and flags, the time, and data.
func taggedEntry(b []byte, older bool) (e shim, ok bool) {
	le := binary.LittleEndian
	take := func(n int) []byte {
		if n < 0 || n > len(b) {
			b = nil
			return make([]byte, 8)[:min(8, max(n, 0))]
		}
		var head []byte
		head, b = b[:n], b[n:]
		return head
	}
	if len(b) < 2 {
		return e, false
	}
	n := int(le.Uint16(take(2)))
	if n > len(b) {
		return e, false
	}
	e.path = winreg.TextZ(take(n))
	if older {
		if len(b) < 2 {
			return e, false
		}
		if n = int(le.Uint16(take(2))); n+8 > len(b) {
			return e, false
		}
		take(n)
		e.executed = le.Uint32(take(8))&shimExecuted != 0
	}
	if len(b) < 12 {
		return e, false
	}
	e.modified = winreg.Filetime(take(8))
	return e, int64(le.Uint32(take(4))) == int64(len(b))
}
