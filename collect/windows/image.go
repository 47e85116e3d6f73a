package windows

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"postern/evidence"
)

// places are what Windows puts in for variables that stand for one folder on every
// system; those of a user stay as they are.
var places = strings.NewReplacer(
	"%systemroot%", `C:\Windows`, "%windir%", `C:\Windows`, "%systemdrive%", "C:",
	"%programfiles%", `C:\Program Files`, "%programfiles(x86)%", `C:\Program Files (x86)`, "%programw6432%", `C:\Program Files`,
	"%commonprogramfiles%", `C:\Program Files\Common Files`, "%programdata%", `C:\ProgramData`, "%allusersprofile%", `C:\ProgramData`, "%public%", `C:\Users\Public`,
	"%comspec%", `C:\Windows\System32\cmd.exe`)

var variable = regexp.MustCompile(`%[A-Za-z0-9_()]+%`)

// expanded writes a path as the system uses it.
func expanded(command string) string {
	command = variable.ReplaceAllStringFunc(command, func(v string) string { return places.Replace(strings.ToLower(v)) })
	low := strings.ToLower(command)
	for _, head := range []struct{ is, becomes string }{{`\??\`, ""}, {`\\?\`, ""}, {`\systemroot\`, `C:\Windows\`}, {`system32\`, `C:\Windows\System32\`}, {`syswow64\`, `C:\Windows\SysWOW64\`}} {
		if strings.HasPrefix(low, head.is) {
			return head.becomes + command[len(head.is):]
		}
	}
	return command
}

// ofUser are variables of a user, below the user's own folder.
var ofUser = map[string]string{"%userprofile%": "", "%appdata%": `\AppData\Roaming`, "%localappdata%": `\AppData\Local`,
	"%temp%": `\AppData\Local\Temp`, "%tmp%": `\AppData\Local\Temp`}

// personal puts in what variables mean for the user of a folder; "": of nobody.
func personal(command, home string) string {
	if home == "" {
		return command
	}
	return variable.ReplaceAllStringFunc(command, func(v string) string {
		if below, ok := ofUser[strings.ToLower(v)]; ok {
			return home + below
		}
		return v
	})
}

// program ends the path of a program in a command without quotes, blanks in it or not.
var program = regexp.MustCompile(`(?i)^.*?\.(exe|dll|sys|com|scr|cpl|ocx|drv|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|msc)($|[\s,"])`)

// loader are programs that run the library or script they are given.
var loader = regexp.MustCompile(`(?i)^(.*\\)?(rundll32|regsvr32)(\.exe)?$`)

// imageOf is the program or library that a command line runs: quotes, arguments and
// spellings of the system's folder taken off, and of rundll32 and regsvr32 what they
// load. A command that names none gives its first word.
func imageOf(command string) string {
	first, rest := firstWord(expanded(strings.TrimSpace(command)))
	if loader.MatchString(first) {
		rest = strings.TrimSpace(rest)
		for strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "-") {
			_, rest, _ = strings.Cut(rest, " ")
			rest = strings.TrimSpace(rest)
		}
		if lib, _ := firstWord(expanded(rest)); lib != "" {
			return strings.TrimRight(lib, ",")
		}
	}
	return first
}

// firstWord cuts the program off a command line.
func firstWord(command string) (first, rest string) {
	command = strings.TrimLeft(command, " ")
	if after, quoted := strings.CutPrefix(command, `"`); quoted {
		first, rest, _ = strings.Cut(after, `"`)
		return expanded(first), rest
	}
	first, rest, _ = strings.Cut(command, " ")
	if !strings.ContainsAny(first, `.\`) { // as typed: "cmd /c …"
		return first, rest
	}
	if m := program.FindStringSubmatchIndex(command); m != nil {
		end := m[3] // of the ending
		return command[:end], command[end:]
	}
	return first, rest
}

// found tells whether a program is there: "yes", "no", or "" where nobody can tell.
// Drivers come and go with their devices.
func (r *reader) found(details, image string) string {
	if !r.whole() || details == driver || len(image) < 4 || image[1] != ':' || strings.ContainsAny(image, "%*?") {
		return ""
	}
	name, ok := r.Src.Locate(image)
	if !ok {
		return ""
	}
	switch there, err := r.there(name); {
	case there:
		return "yes"
	case errors.Is(err, fs.ErrNotExist) && r.listed(name.Dir()):
		return "no"
	}
	return ""
}

func (r *reader) there(name evidence.Name) (there bool, err error) {
	err = r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error { there = e.Err == nil; return fs.SkipAll })
	return there, err
}

// whole tells whether the system's own programs are here: of saved hives alone nobody
// can say that a program is gone.
func (r *reader) whole() bool {
	if r.system == nil {
		name, ok := r.Src.Locate(`C:\Windows\System32\kernel32.dll`)
		there := false
		if ok && !r.Src.Partial {
			there, _ = r.there(name)
		}
		r.system = &there
	}
	return *r.system
}

// listed tells whether what stands in a folder can be seen, if it is there at all.
func (r *reader) listed(dir evidence.Name) bool {
	seen := true
	_ = r.Src.Files.Walk(r.Ctx, dir, func(e evidence.Entry) error { seen = e.Err == nil; return fs.SkipAll })
	return seen
}

// lacking covers a file or folder that every system has and this whole tree does not.
func (r *reader) lacking(path, why string) {
	name, ok := r.Src.Locate(path)
	if !ok {
		name = evidence.Name(path)
	} else if _, err := r.there(name); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if !r.Src.Partial && r.Ctx.Err() == nil {
		r.Gap(evidence.CoverFile, string(name), evidence.Absent, why)
	}
}
