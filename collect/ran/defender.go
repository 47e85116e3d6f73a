package ran

import (
	"encoding/binary"
	"regexp"
	"strings"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

const defender = `C:\ProgramData\Microsoft\Windows Defender\`

var (
	// threat is the name of what Defender found (https://learn.microsoft.com/en-us/unified-secops/malware-naming).
	threat = regexp.MustCompile(`^[A-Z][A-Za-z]+:[A-Za-z0-9]+/[\w.!@#-]+$`)
	// detection is a line of MPLog about something found, with a file.
	detection = regexp.MustCompile(`DETECTION\w*(?:#\d+)? ([A-Z][A-Za-z]+:[A-Za-z0-9]+/[\w.!@#-]+) (?:container)?file:(?://)?([A-Za-z]:\\[^\x00-\x1f"*?<>|]+)`)
	localPath = regexp.MustCompile(`^[A-Za-z]:\\[^\x00-\x1f"*?<>|]+$`)
)

// detections observes what Defender found, by the texts of its history's records, and
// the lines of its log about something found. Only names, paths and times are read.
func (r *reader) detections() {
	r.Each(defender+`Scans\History\Service\DetectionHistory`, 1, func(f *family.File) {
		name, paths := "", []string{}
		for _, text := range wideTexts(f.Data) {
			switch {
			case threat.MatchString(text):
				name = text
			case localPath.MatchString(text):
				paths = append(paths, text)
			}
		}
		if name == "" && len(paths) == 0 {
			r.Gap(evidence.CoverFile, string(f.Name), evidence.Format, "a record of Defender that names no threat and no file")
			return
		}
		if len(paths) == 0 {
			paths = []string{""}
		}
		for i, path := range paths {
			if i > 0 && path == paths[i-1] {
				continue
			}
			r.observe(&trace{kind: evidence.TraceDefender, image: path, at: f.ModTime, path: string(f.Name), text: name, details: name})
		}
	})
	r.Tail = true
	r.Only = func(e evidence.Entry) bool {
		base := strings.ToLower(e.Name.Base())
		return strings.HasPrefix(base, "mplog") && strings.HasSuffix(base, ".log")
	}
	r.Each(defender+`Support`, 0, func(f *family.File) {
		for i, line := range strings.Split(logText(f.Data), "\n") {
			if m := detection.FindStringSubmatch(line); m != nil {
				r.observe(&trace{kind: evidence.TraceDefender, image: strings.TrimSpace(m[2]), at: f.ModTime, path: string(f.Name), line: int64(i + 1), text: line[:min(len(line), maxLine)], details: m[1]})
			}
		}
	})
}

// wideTexts are the texts of printable UTF-16, little endian, in a record; those of
// fewer than four characters are left out.
func wideTexts(data []byte) (all []string) {
	for at := 0; at+1 < len(data); {
		end := at
		for end+1 < len(data) && printable(binary.LittleEndian.Uint16(data[end:])) {
			end += 2
		}
		if end-at >= 8 {
			all = append(all, winreg.TextZ(data[at:end]))
		}
		at = max(end, at+1)
	}
	return all
}

func printable(u uint16) bool {
	return u >= 0x20 && u < 0xd800 && u != 0x7f && (u < 0x100 || u>>8 < 0x30)
}

// logText decodes a log in UTF-16, or gives it as it is.
func logText(data []byte) string {
	if len(data) < 4 || data[1] != 0 && data[0] != 0xff {
		return string(data)
	}
	return strings.TrimPrefix(winreg.Text(data), "\ufeff")
}
