package linux

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
)

var (
	bashStamp = regexp.MustCompile(`^#(\d{9,11})$`)            // HISTTIMEFORMAT (bash(1))
	zshStamp  = regexp.MustCompile(`^: (\d{9,11}):\d+;(.*)$`)  // EXTENDED_HISTORY (zshoptions(1))
	fishWhen  = regexp.MustCompile(`^\s+when: (\d{9,11})\s*$`) // behind its command
)

// histories reads what was typed, and when where the shell noted it.
func (r *reader) histories() {
	r.Tail = true
	for _, u := range r.users {
		for _, name := range []string{".bash_history", ".zsh_history", ".sh_history", ".ash_history", ".local/share/fish/fish_history"} {
			r.each(u.home+"/"+name, 0, func(f *file) {
				for _, c := range typed(f.text) {
					at, details := c.when, ""
					if newest := f.newest(); at.After(newest) && !newest.IsZero() {
						details = "the time noted for it, " + at.Format(time.RFC3339) + ", is later than its file's"
						at = time.Time{}
					}
					if at.IsZero() {
						at = f.newest()
					}
					r.Observe(&evidence.Observation{
						Kind: evidence.ObserveTrace, Time: at, Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: c.line, Text: c.text},
						Values: []string{evidence.TraceHistory, "", "", c.text, u.name, f.Path, details},
					})
				}
			})
		}
	}
}

// command is one line of a history.
type command struct {
	text string
	line int64
	when time.Time // zero: not noted
}

// typed reads a history of bash, zsh, ksh or fish. A line that ends in a backslash goes
// on in the next one.
func typed(text string) (all []command) {
	var when time.Time
	line, begun, whole := int64(0), int64(0), ""
	for part := range strings.SplitSeq(text, "\n") {
		line++
		if whole == "" {
			begun = line
		}
		part = strings.TrimRight(part, "\r")
		if m := bashStamp.FindStringSubmatch(part); m != nil && whole == "" {
			when = unix(m[1])
			continue
		}
		if m := fishWhen.FindStringSubmatch(part); m != nil && len(all) > 0 {
			all[len(all)-1].when = unix(m[1])
			continue
		}
		part, more := strings.CutSuffix(part, `\`)
		if whole += part; more && len(whole) < maxCommand {
			continue
		}
		c := command{text: strings.TrimSpace(whole), line: begun, when: when}
		when, whole = time.Time{}, ""
		if m := zshStamp.FindStringSubmatch(c.text); m != nil {
			c.text, c.when = strings.TrimSpace(m[2]), unix(m[1])
		}
		if c.text = strings.TrimPrefix(c.text, "- cmd: "); c.text != "" && c.text[0] != '#' {
			all = append(all, c)
		}
	}
	return all
}

func unix(seconds string) time.Time {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
