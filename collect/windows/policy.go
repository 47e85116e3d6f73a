package windows

import (
	"slices"
	"strings"

	"postern/collect/family"
	"postern/evidence"
)

// policyFolder holds what policies of the machine itself, and of its domain, set
// ([MS-GPSCR] 2.2: scripts.ini and psscripts.ini).
const policyFolder = `C:\Windows\System32\GroupPolicy`

// policyScripts observes the scripts that policies name in files.
func (r *reader) policyScripts() {
	for _, folder := range []string{policyFolder, `C:\Windows\System32\GroupPolicyUsers`} {
		r.Each(folder, 8, func(f *family.File) {
			if name := strings.ToLower(f.Name.Base()); name == "scripts.ini" || name == "psscripts.ini" {
				r.scriptsFile(f)
			}
		})
	}
}

// scriptsFile reads sections ("[Startup]") of numbered lines: "0CmdLine=a.bat" and
// "0Parameters=-x".
func (r *reader) scriptsFile(f *family.File) {
	section, line := "", int64(0)
	type script struct {
		line             int64
		when, command, a string
	}
	var all []script
	for text := range strings.SplitSeq(decoded(f.Data), "\n") {
		line++
		text = strings.TrimSpace(text)
		if inner, ok := strings.CutPrefix(text, "["); ok {
			section, _, _ = strings.Cut(inner, "]")
			continue
		}
		name, value, ok := strings.Cut(text, "=")
		name = strings.ToLower(strings.TrimLeft(name, "0123456789"))
		switch {
		case ok && name == "cmdline":
			all = append(all, script{line, section, strings.TrimSpace(value), ""})
		case ok && name == "parameters" && len(all) > 0:
			all[len(all)-1].a = strings.TrimSpace(value)
		}
	}
	path := strings.ReplaceAll(f.Path, "/", `\`)
	for _, s := range slices.DeleteFunc(all, func(s script) bool { return s.command == "" }) {
		r.start(autostart{ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: s.line}, at: newest(f.Entry), kind: evidence.StartPolicyScript,
			name: s.when, command: commandLine(s.command, s.a), object: path})
	}
}
