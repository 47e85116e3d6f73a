// Package persist judges what an intruder leaves: programs that start by themselves,
// settings that let in or take a guard away, accounts, processes, and traces of what
// ran. Each judgement gives its reason. Time is no reason here: what is old is judged
// like what is new.
package persist

import (
	"cmp"
	"fmt"
	"strings"

	"postern/detect/anomaly"
	"postern/evidence"
)

// Item is an observation as it is judged: paths in lower case with slashes forward.
type Item struct {
	*evidence.Observation
	kind    string // its field Kind
	image   string
	command string // in lower case, as it stands there otherwise
	why     []anomaly.Judgement
}

// Judge gives every judgement of an autostart, a setting, an account, a process or a
// trace; of any other observation there is none.
func Judge(o *evidence.Observation) []anomaly.Judgement {
	i := &Item{Observation: o, kind: o.Get("Kind"), image: Path(o.Get("Image"))}
	i.command = strings.ToLower(cmp.Or(o.Get("CommandLine"), o.Get("Details")))
	switch o.Kind {
	case evidence.ObserveAutostart:
		i.start()
	case evidence.ObserveSetting:
		i.setting()
	case evidence.ObserveAccount:
		i.account()
	case evidence.ObserveProcess:
		i.process()
	case evidence.ObserveTrace:
		i.trace()
	}
	return i.why
}

// add notes a judgement; the reason begins with what it is about.
func (i *Item) add(rule, reason string, args ...any) {
	for _, have := range i.why {
		if have.Rule == rule {
			return
		}
	}
	i.why = append(i.why, anomaly.Judgement{Rule: rule, Reason: i.about() + ": " + fmt.Sprintf(reason, args...)})
}

// about says what the item is, as its system calls it.
func (i *Item) about() string {
	switch i.Kind {
	case evidence.ObserveAccount:
		return "account " + i.Get("TargetUserName")
	case evidence.ObserveProcess:
		return fmt.Sprintf("process %s %s", i.Get("ProcessId"), i.Get("Image"))
	case evidence.ObserveTrace:
		return cmp.Or(i.Get("Image"), i.Get("CommandLine"), i.kind)
	}
	about := strings.TrimSpace(i.kind + " " + i.Get("Name"))
	if what := cmp.Or(i.Get("CommandLine"), i.Get("Image"), i.Get("Details")); what != "" {
		about += " (" + clip(what) + ")"
	}
	if i.Get("State") == "disabled" {
		about += ", disabled"
	}
	return about
}

// clip shortens a text to what a line of a report holds.
func clip(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// windowsFolder are spellings of the folder of Windows at the head of a path.
var windowsFolder = strings.NewReplacer("%systemroot%", "c:/windows", "%windir%", "c:/windows", "$(runtime.windows)", "c:/windows",
	"%programdata%", "c:/programdata", "%allusersprofile%", "c:/programdata", "%public%", "c:/users/public",
	"%programfiles%", "c:/program files", "%programfiles(x86)%", "c:/program files (x86)", "%commonprogramfiles%", "c:/program files/common files",
	"%temp%", "c:/windows/temp", "%tmp%", "c:/windows/temp", "%appdata%", "c:/users/?/appdata/roaming",
	"%localappdata%", "c:/users/?/appdata/local", "%userprofile%", "c:/users/?")

// Path folds a path of the examined machine for comparison: lower case, slashes
// forward, the spellings of one folder made one. An environment variable that stands
// for a folder of every user names the user "?".
func Path(p string) string {
	p = strings.ToLower(strings.ReplaceAll(strings.Trim(strings.TrimSpace(p), `"`), `\`, "/"))
	p = strings.TrimPrefix(strings.TrimPrefix(p, "/??/"), "//?/")
	if rest, ok := strings.CutPrefix(p, "/systemroot/"); ok {
		p = "c:/windows/" + rest
	}
	if rest, ok := strings.CutPrefix(p, "system32/"); ok {
		p = "c:/windows/system32/" + rest
	}
	if strings.ContainsAny(p, "%$") {
		p = windowsFolder.Replace(p)
	}
	return p
}

func base(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }
