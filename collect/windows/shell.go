package windows

import (
	"strings"

	"postern/collect/winreg"
	"postern/evidence"
)

// shellKeys hold classes by their numbers, which the shell loads: as names of values or
// in them, or as keys below.
var (
	shellValues = []string{version + `ShellServiceObjectDelayLoad`, version + `Explorer\SharedTaskScheduler`, version + `Explorer\ShellExecuteHooks`}
	shellBelow  = []string{version + `Explorer\ShellServiceObjects`, version + `Explorer\Browser Helper Objects`, version + `Authentication\Credential Providers`, version + `Authentication\Credential Provider Filters`}
)

// shell observes the libraries of the classes that the shell and the logon screen load.
func (r *reader) shell(read func(string) *evidence.RegistryKey, view string, who *winreg.User) {
	for _, path := range shellValues {
		key := read(view + path)
		if key == nil {
			continue
		}
		for _, v := range key.Values {
			id := v.Text
			if strings.HasPrefix(v.Name, "{") {
				id = v.Name
			}
			r.classNamed(key, v.Name, winreg.LastOf(path), id, who)
		}
	}
	for _, path := range shellBelow {
		key := read(view + path)
		if key == nil {
			continue
		}
		for _, id := range key.Subkeys {
			if k := read(view + path + `\` + id); k != nil {
				r.classNamed(k, "", winreg.LastOf(path), id, who)
			}
		}
	}
}

// classNamed observes the library of a class of the machine.
func (r *reader) classNamed(key *evidence.RegistryKey, value, where, id string, who *winreg.User) {
	if !strings.HasPrefix(id, "{") {
		return
	}
	for _, classes := range []string{`HKLM\SOFTWARE\Classes\CLSID\`, `HKLM\SOFTWARE\Classes\WOW6432Node\CLSID\`} {
		if server := r.Machine(classes + id + `\InprocServer32`); server != nil && server.Value("").Text != "" {
			a := r.ofValue(key, value, evidence.StartShell, where+" "+id, server.Value("").Text)
			a.who, a.details = who, "named by its class"
			if server.Written.After(a.at) {
				a.at = server.Written
			}
			r.start(a)
			return
		}
	}
}
