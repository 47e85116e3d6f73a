package windows

import (
	"fmt"
	"slices"
	"strings"

	"postern/evidence"
)

// spot is a place of the registry where what starts by itself is named: a key, or
// each key below it down to depth.
type spot struct {
	kind   string
	key    string
	depth  int
	values []string // nil: every value of the key is one
	lists  bool     // a value names several, a line or a blank apart
	below  bool     // the key is one below the place's own
}

const (
	software = `SOFTWARE\`
	wow      = `SOFTWARE\WOW6432Node\`
	version  = `Microsoft\Windows\CurrentVersion\`
	nt       = `Microsoft\Windows NT\CurrentVersion\`
	control  = `HKLM\SYSTEM\CurrentControlSet\Control\`
	services = `HKLM\SYSTEM\CurrentControlSet\Services`
)

// runKeys are below Software of the machine and of each user
// (https://attack.mitre.org/techniques/T1547/001/).
var runKeys = []spot{
	{evidence.StartRunKey, version + `Run`, 0, nil, false, false},
	{evidence.StartRunKey, version + `RunOnce`, 0, nil, false, false},
	{evidence.StartRunKey, version + `RunOnceEx`, 2, nil, false, false},
	{evidence.StartRunKey, version + `RunServices`, 0, nil, false, false},
	{evidence.StartRunKey, version + `RunServicesOnce`, 0, nil, false, false},
	{evidence.StartRunKey, version + `Policies\Explorer\Run`, 0, nil, false, false},
	{evidence.StartRunKey, nt + `Terminal Server\Install\Software\Microsoft\Windows\CurrentVersion\Run`, 0, nil, false, false},
	{evidence.StartRunKey, nt + `Terminal Server\Install\Software\Microsoft\Windows\CurrentVersion\RunOnce`, 0, nil, false, false},
	{evidence.StartShell, `Microsoft\Command Processor`, 0, []string{"AutoRun"}, false, false},
	{evidence.StartPolicyScript, version + `Group Policy\Scripts`, 3, []string{"Script"}, false, false},
	{evidence.StartWinlogon, version + `Policies\System`, 0, []string{"Shell"}, false, false},
	{evidence.StartWinlogon, nt + `Winlogon`, 0, []string{"Shell", "Userinit", "Taskman", "GinaDLL", "AppSetup"}, false, false},
}

// softwareSpots are below the machine's Software, in both views.
var softwareSpots = []spot{
	{evidence.StartWinlogon, nt + `Winlogon\Notify`, 1, []string{"DLLName"}, false, false},
	{evidence.StartWinlogon, nt + `Winlogon\GPExtensions`, 1, []string{"DllName"}, false, false},
	{evidence.StartIFEO, nt + `Image File Execution Options`, 1, []string{"Debugger", "VerifierDlls"}, false, false},
	{evidence.StartIFEO, nt + `SilentProcessExit`, 1, []string{"MonitorProcess"}, false, false},
	{evidence.StartAppInit, nt + `Windows`, 0, []string{"AppInit_DLLs"}, true, false},
	{evidence.StartNetshHelper, `Microsoft\NetSh`, 0, nil, false, false},
	{evidence.StartActiveSetup, `Microsoft\Active Setup\Installed Components`, 1, []string{"StubPath"}, false, false},
}

// systemSpots are of the control set in force.
var systemSpots = []spot{
	{evidence.StartAppInit, control + `Session Manager\AppCertDlls`, 0, nil, false, false},
	{evidence.StartSession, control + `Session Manager`, 0, []string{"BootExecute", "SetupExecute", "Execute", "S0InitialCommand"}, false, false},
	{evidence.StartLSA, control + `Lsa`, 0, []string{"Authentication Packages", "Security Packages", "Notification Packages"}, true, false},
	{evidence.StartLSA, control + `Lsa\OSConfig`, 0, []string{"Security Packages"}, true, false},
	{evidence.StartLSA, control + `SecurityProviders`, 0, []string{"SecurityProviders"}, true, false},
	{evidence.StartPrint, control + `Print\Monitors`, 1, []string{"Driver"}, false, false},
	{evidence.StartPrint, control + `Print\Providers`, 1, []string{"Name"}, false, false},
	{evidence.StartPrint, control + `Print\Environments\Windows x64\Print Processors`, 1, []string{"Driver"}, false, false},
	{evidence.StartTimeProvider, services + `\W32Time\TimeProviders`, 1, []string{"DllName"}, false, false},
}

// userSpots are below a user's part of the registry.
var userSpots = []spot{
	{evidence.StartRunKey, `Software\` + nt + `Windows`, 0, []string{"Load", "Run"}, false, false},
	{evidence.StartPolicyScript, `Environment`, 0, []string{"UserInitMprLogonScript"}, false, false},
	{evidence.StartShell, `Control Panel\Desktop`, 0, []string{"SCRNSAVE.EXE"}, false, false},
}

func (r *reader) machineSpots() {
	for _, view := range []string{`HKLM\` + software, `HKLM\` + wow} {
		for _, s := range slices.Concat(runKeys, softwareSpots) {
			s.key = view + s.key
			r.spot(r.machine, s, "")
		}
	}
	for _, s := range systemSpots {
		r.spot(r.machine, s, "")
	}
}

func (r *reader) userSpots() {
	r.findUsers()
	for i := range r.users {
		u := &r.users[i]
		read := func(path string) *evidence.RegistryKey { return r.user(u, path) }
		for _, view := range []string{`Software\`, `Software\WOW6432Node\`} {
			for _, s := range runKeys {
				s.key = view + s.key
				r.spot(read, s, u.name)
			}
		}
		for _, s := range userSpots {
			r.spot(read, s, u.name)
		}
		r.classes(u)
	}
}

// spot observes what a place names.
func (r *reader) spot(read func(string) *evidence.RegistryKey, s spot, user string) {
	key := read(s.key)
	if key == nil {
		return
	}
	for _, v := range key.Values {
		if v.Text != "" && (s.values == nil || slices.ContainsFunc(s.values, func(n string) bool { return strings.EqualFold(n, v.Name) })) {
			r.named(key, &v, s, user)
		}
	}
	if s.depth > 0 {
		for _, name := range key.Subkeys {
			below := s
			below.key, below.depth, below.below = s.key+`\`+name, s.depth-1, true
			r.spot(read, below, user)
		}
	}
}

// named observes what one value names.
func (r *reader) named(key *evidence.RegistryKey, v *evidence.RegistryValue, s spot, user string) {
	name := v.Name
	if s.values != nil && s.below {
		name = lastOf(key.Path)
	}
	commands := []string{v.Text}
	if s.lists {
		commands = strings.FieldsFunc(v.Text, func(c rune) bool { return strings.ContainsRune("\n\x00, ", c) })
	}
	details, state := "", ""
	switch {
	case strings.EqualFold(v.Name, "AppInit_DLLs") && key.Value("LoadAppInit_DLLs").Number == 0:
		state = "disabled"
	case strings.EqualFold(v.Name, "Script"):
		details = key.Value("Parameters").Text
		commands[0] = strings.TrimSpace(commands[0] + " " + details)
	}
	for _, command := range commands {
		if strings.Trim(command, `" `) != "" {
			r.start(key.Written, key.Path, s.kind, name, command, user, key.Path+`\`+v.Name, details, state)
		}
	}
}

// classes observes the programs that a user's registry puts in front of the
// machine's (https://attack.mitre.org/techniques/T1546/015/).
func (r *reader) classes(u *user) {
	if u.class == nil {
		return
	}
	at := u.path + `Software\Classes\`
	for _, top := range []string{`CLSID`, `WOW6432Node\CLSID`} {
		list := r.get(u.class, top, at)
		if list == nil {
			continue
		}
		for _, id := range list.Subkeys {
			for _, kind := range []string{"InprocServer32", "LocalServer32"} {
				if key := r.get(u.class, top+`\`+id+`\`+kind, at); key != nil && key.Value("").Text != "" {
					r.start(key.Written, key.Path, evidence.StartCOM, id, key.Value("").Text, u.name, key.Path, kind, "")
				}
			}
		}
	}
}

// lastOf is the last element of a key's or folder's path.
func lastOf(path string) string { return path[strings.LastIndexByte(path, '\\')+1:] }

// driver is what Details says of a service that is one.
const driver = "driver"

// services observes the services and drivers, and the libraries that shared ones load.
func (r *reader) services() {
	list := r.machine(services)
	if list == nil {
		return
	}
	for _, name := range list.Subkeys {
		key := r.machine(services + `\` + name)
		if key == nil {
			continue
		}
		state, details, command := "", "", key.Value("ImagePath").Text
		if start := key.Value("Start"); start.Type != 0 && start.Number == 4 {
			state = "disabled"
		}
		if kind := key.Value("Type").Number; kind != 0 && kind < 0x10 {
			details = driver
		} else if p := r.machine(services + `\` + name + `\Parameters`); p != nil && p.Value("ServiceDll").Text != "" {
			details = expanded(p.Value("ServiceDll").Text)
		}
		if command != "" {
			r.start(key.Written, key.Path, evidence.StartService, name, command, key.Value("ObjectName").Text, key.Path+`\ImagePath`, details, state)
		}
		if then := key.Value("FailureCommand").Text; strings.TrimSpace(then) != "" {
			r.start(key.Written, key.Path, evidence.StartService, name, then, key.Value("ObjectName").Text, key.Path+`\FailureCommand`, "when the service fails", state)
		}
	}
	if len(list.Subkeys) == 0 {
		r.Gap(evidence.CoverState, r.Name, evidence.Absent, fmt.Sprintf("%s has no service", services))
	}
}
