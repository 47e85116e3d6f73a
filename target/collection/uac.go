package collection

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// uac reads uac.log. The files stay where they are, below "[root]".
func (r *reading) uac() error {
	data, err := r.all(r.root.Join("uac.log"), 64<<20)
	if err != nil {
		r.fault(string(r.root.Join("uac.log")), err)
	} else {
		r.uacLog(data)
	}
	if !r.has("[root]") {
		r.gap(evidence.CoverFile, r.root.Join("[root]"), everything, evidence.NotCollected, "the collection holds no file of the machine")
	}
	var unread []string
	for _, n := range []string{"live_response", "bodyfile", "chkrootkit", "hash_executables", "system", "memory_dump", "mobile"} {
		if r.has(n) {
			unread = append(unread, n)
		}
	}
	if len(unread) > 0 {
		r.gap(evidence.CoverState, r.root.Join(unread[0]), evidence.CompromisedNow, evidence.Unsupported,
			"the running state as UAC recorded it ("+strings.Join(unread, ", ")+") is not read by this version: look through it by hand")
	}
	return nil
}

// uacLine is a line of uac.log: time, offset, level, text.
var uacLine = regexp.MustCompile(`^([0-9]{4})-?([0-9]{2})-?([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4}) +([A-Z]+) +(.*)$`)

// uacLog reads host, system, zone and time, and whether the collection ended.
func (r *reading) uacLog(data []byte) {
	log := ParseUACLog(data)
	r.Host, r.Zone, r.ZoneFrom, r.Captured = log.Host, log.Zone, "uac.log (its offset when collected, without daylight saving)", log.Last
	name := r.root.Join("uac.log")
	switch {
	case log.Zone == nil:
		r.ZoneFrom = ""
		r.gap(evidence.CoverFile, name, everything, evidence.Damaged, "no line of it tells a time, or that the collection came to its end")
	case !log.Complete:
		r.gap(evidence.CoverFile, name, everything, evidence.Truncated, "the collection did not come to its end")
	}
	switch log.System {
	case "linux":
		r.OS = evidence.Linux
	case "":
	default:
		r.gap(evidence.CoverFile, r.root, everything, evidence.Unsupported,
			fmt.Sprintf("a system of the kind %.40q: this version knows Linux and Windows, and reads it as Linux", log.System))
	}
	failed := &rows{to: r, more: "errors stand in uac.log"}
	for _, line := range log.Errors {
		failed.add(string(name), evidence.CompromisedNow, fmt.Errorf("%w: UAC says: %.300q", evidence.ErrNotCollected, line))
	}
	failed.end()
}

// UACLog is what uac.log tells.
type UACLog struct {
	Host, System string
	Zone         *time.Location // of the last line; nil: no line tells
	Last         time.Time
	Complete     bool
	Errors       []string
}

// ParseUACLog reads uac.log, line by line; lines it does not know are passed by.
func ParseUACLog(data []byte) UACLog {
	var log UACLog
	for line := range strings.Lines(string(data)) {
		m := uacLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		at, err := time.Parse("2006-01-02 15:04:05 -0700", m[1]+"-"+m[2]+"-"+m[3]+" "+m[4]+" "+m[5])
		if err == nil && at.Year() >= 1990 && at.After(log.Last) {
			_, offset := at.Zone()
			log.Last, log.Zone = at.UTC(), time.FixedZone("UTC"+m[5][:3]+":"+m[5][3:], offset)
		}
		level, text := m[6], m[7]
		if v, ok := strings.CutPrefix(text, "Hostname: "); ok {
			log.Host = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(text, "Operating system: "); ok {
			log.System = strings.TrimSpace(v)
		}
		log.Complete = log.Complete || strings.HasPrefix(text, "Artifacts collection complete")
		if slices.Contains([]string{"ERR", "ERROR"}, level) && len(log.Errors) < 1<<16 {
			log.Errors = append(log.Errors, text)
		}
	}
	return log
}
