package eventlog

import (
	"bytes"
	"regexp"
	"strings"
	"time"

	"postern/eventlog/cut"
	"postern/eventlog/plain"
	"postern/evidence"
)

const sniffSize = 1 << 10 // bytes of a log that say what it is

// Sniff returns the format a log has by the first bytes of its text, nil if
// none: of the formats that may lie in its folder and whose content test matches the first that also has the
// name, else the first. When no content test matches, the name alone decides,
// unless the format shares its names or the content is binary; the lines will then tell. The head of a gzip,
// zstd or zip says nothing: the name decides. The name may be a path and carry
// the ending of a container.
func Sniff(name string, head []byte, formats []evidence.LogFormat) *evidence.LogFormat {
	if containerOf(head) != bare {
		head = nil
	}
	head = sniffable(head)
	var byName *evidence.LogFormat
	for i := range formats { // names first: content tests are dear where files are small and many
		f := &formats[i]
		if !inPlace(f, name) || matchName(f, name) == nil {
			continue
		}
		if f.Sniff != nil && f.Sniff.Match(head) {
			return f
		}
		if byName == nil && (!f.Shared || len(head) == 0) {
			byName = f
		}
	}
	for i := range formats {
		if f := &formats[i]; inPlace(f, name) && f.Sniff != nil && f.Sniff.Match(head) {
			return f
		}
	}
	if byName != nil && isBinary(head) {
		return nil
	}
	return byName
}

// inPlace reports whether a format is looked for in the folder of a file.
func inPlace(f *evidence.LogFormat, name string) bool {
	return f.Inside == nil || f.Inside.MatchString(folderOf(name))
}

// sniffable is the part of a head that content tests see: no byte order mark,
// UTF-16 decoded, no NULs before the text.
func sniffable(head []byte) []byte {
	head = bytes.TrimLeft(plain.Head(head[:min(len(head), 4*sniffSize)]), "\x00")
	return head[:min(len(head), sniffSize)]
}

// isBinary reports whether head holds what no text log does: NULs inside, or
// control characters in more than one byte of ten.
func isBinary(head []byte) bool {
	head = bytes.Trim(head, "\x00")
	control := 0
	for _, c := range head {
		if c == 0 {
			return true
		}
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			control++
		}
	}
	return control*10 > len(head)
}

// matchName returns the pattern of a format's names that a file's base name
// fits, with or without a container's ending; nil if none does.
func matchName(f *evidence.LogFormat, name string) *regexp.Regexp {
	for _, base := range baseNames(name) {
		for _, re := range f.Names {
			if re.MatchString(base) {
				return re
			}
		}
	}
	return nil
}

// folderOf is the folder of a path, lower case, slashes forward; "" for none.
func folderOf(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	return name[:max(0, strings.LastIndexByte(name, '/'))]
}

func baseNames(name string) [2]string {
	base := strings.ToLower(name[strings.LastIndexAny(name, `/\`)+1:])
	return [2]string{base, bareName(base)}
}

// nameDay returns the day that the first of the names that has one states, as
// midnight UTC; false if none does. hourly says that it states an hour, too.
func nameDay(f *evidence.LogFormat, names ...string) (day time.Time, known, hourly bool) {
	for _, name := range names {
		for _, base := range baseNames(name) {
			for _, re := range f.Names {
				i := re.SubexpIndex("date")
				m := re.FindStringSubmatch(base)
				if i < 0 || m == nil {
					continue
				}
				if day, err := time.Parse(f.DateFmt, m[i]); err == nil && cut.Plausible(day) {
					h := re.SubexpIndex("hour")
					return day.UTC().Truncate(24 * time.Hour), true, h >= 0 && m[h] != ""
				}
			}
		}
	}
	return time.Time{}, false, false
}
