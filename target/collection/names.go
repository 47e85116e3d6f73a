package collection

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// decode undoes the percent-encoding of one component; text that only looks
// like it stays. Two hexadecimal digits stand for a byte, whatever it is.
func decode(component string) string {
	if !strings.Contains(component, "%") {
		return component
	}
	var b strings.Builder
	for i := 0; i < len(component); i++ {
		if component[i] == '%' && i+2 < len(component) {
			high, low := digit(component[i+1]), digit(component[i+2])
			if high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(component[i])
	}
	return b.String()
}

func digit(c byte) int {
	if c >= 'A' && c <= 'F' {
		c += 'a' - 'A'
	}
	return strings.IndexByte("0123456789abcdef", c)
}

// The accessors that read the machine's file systems under its own names.
var fileAccessors = []string{"", "auto", "file", "file_nocase", "file_links", "raw_file", "ntfs", "lazy_ntfs", "ntfs_vss", "lazy_ntfs_vss", "raw_ntfs", "ntfs_ranges", "ext4", "raw_ext4", "fs", "mount"}

var (
	device = regexp.MustCompile(`(?i)^(?:[\\/]{2}[.?][\\/])?([a-z]):$`)
	shadow = regexp.MustCompile(`(?i)HarddiskVolumeShadowCopy([0-9]{1,6})$`)
)

// snapshot is what the folder of a shadow copy is called: an earlier state of a
// drive, and no running system.
const snapshot = " snapshot"

// leftovers is where uploads stand that are no files of the machine.
const leftovers = "uploads by accessor"

// place gives the name a file has on the machine, by accessor and components:
// "C/inetpub/x.aspx", "etc/passwd", "VSS1 snapshot/Windows/x". Windows says
// that a drive or a device is named. What has no such name is left over.
func place(accessor string, components []string) (name string, windows, ok bool) {
	if !slices.Contains(fileAccessors, accessor) || len(components) == 0 {
		return "", false, false
	}
	first, rest := components[0], components[1:]
	drive := ""
	if m := device.FindStringSubmatch(first); m != nil {
		drive = strings.ToUpper(m[1])
	} else if m := shadow.FindStringSubmatch(first); m != nil {
		drive = "VSS" + m[1] + snapshot
	}
	switch {
	case drive != "" && len(rest) == 0: // the volume itself
		return "", true, false
	case drive != "":
		name, ok = joined(rest)
		return drive + "/" + name, true, ok && !strings.Contains(name, `\`)
	case strings.ContainsAny(first, `\`): // a device of another kind, a share
		return "", true, false
	}
	name, ok = joined(components)
	return name, false, ok
}

// Limits of one name, as in target/tree.
const (
	maxName     = 4096
	maxElements = 200
)

// joined makes a name of components; false when one is none. A slash or a zero
// byte in a component is an attack on whoever joins them.
func joined(components []string) (string, bool) {
	length := 0
	for _, c := range components {
		if length += len(c) + 1; c == "" || c == "." || c == ".." || strings.ContainsAny(c, "/\x00") {
			return "", false
		}
	}
	if length > maxName || len(components) > maxElements {
		return "", false
	}
	return strings.Join(components, "/"), true
}

// brief quotes what may be long.
func brief(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%q... (%d bytes)", s[:200], len(s))
	}
	return fmt.Sprintf("%q", s)
}

var (
	offlineName = regexp.MustCompile(`(?i)^Collection-(.+)-([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}_[0-9]{2}_[0-9]{2}Z)`)
	uacName     = regexp.MustCompile(`^uac-(.+)-[a-z]+-[0-9]{14}`)
)

// FileName reads what a container's own name says: the host, and when it was
// collected where that is in UTC. It is the last resort.
func FileName(base string) (host string, captured time.Time) {
	if m := offlineName.FindStringSubmatch(base); m != nil {
		captured, _ = time.Parse("2006-01-02T15_04_05Z", m[2]) // else zero: not told
		return m[1], captured
	}
	if m := uacName.FindStringSubmatch(base); m != nil {
		return m[1], time.Time{}
	}
	return "", time.Time{}
}
