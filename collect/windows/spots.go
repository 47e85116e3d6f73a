package windows

import (
	"slices"
	"strings"

	"postern/collect/winreg"
	"postern/evidence"
)

// spot is a place of the registry where what starts by itself is named: a key, or
// each key below it down to depth.
type spot struct {
	kind   string
	key    string
	depth  int
	values []string // nil: every value of the key is one
	lists  bool     // a value names several, a comma or a blank apart
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
	{evidence.StartShell, `Microsoft\Office test\Special\Perf`, 0, nil, false, false},
	{evidence.StartPolicyScript, version + `Group Policy\Scripts`, 3, []string{"Script"}, false, false},
	{evidence.StartWinlogon, version + `Policies\System`, 0, []string{"Shell"}, false, false},
	{evidence.StartWinlogon, nt + `Winlogon`, 0, []string{"Shell", "Userinit", "Taskman", "GinaDLL", "AppSetup"}, false, false},
}

// softwareSpots are below the machine's Software, in both views.
var softwareSpots = []spot{
	{evidence.StartWinlogon, nt + `Winlogon\Notify`, 1, []string{"DLLName"}, false, false},
	{evidence.StartShell, nt + `Winlogon\GPExtensions`, 1, []string{"DllName"}, false, false},
	{evidence.StartIFEO, nt + `Image File Execution Options`, 1, []string{"Debugger", "VerifierDlls"}, false, false},
	{evidence.StartIFEO, nt + `SilentProcessExit`, 1, []string{"MonitorProcess"}, false, false},
	{evidence.StartAppInit, nt + `Windows`, 0, []string{"AppInit_DLLs"}, true, false},
	{evidence.StartNetshHelper, `Microsoft\NetSh`, 0, nil, false, false},
	{evidence.StartActiveSetup, `Microsoft\Active Setup\Installed Components`, 1, []string{"StubPath"}, false, false},
	{evidence.StartShell, nt + `AeDebug`, 0, []string{"Debugger"}, false, false},
}

// profilers name a library that every program of .NET loads
// (https://attack.mitre.org/techniques/T1574/012/).
var profilers = []string{"COR_PROFILER_PATH", "COR_PROFILER_PATH_32", "COR_PROFILER_PATH_64", "CORECLR_PROFILER_PATH", "CORECLR_PROFILER_PATH_32", "CORECLR_PROFILER_PATH_64", "DOTNET_STARTUP_HOOKS"}

// systemSpots are of the control set in force.
var systemSpots = []spot{
	{evidence.StartAppInit, control + `Session Manager\AppCertDlls`, 0, nil, false, false},
	{evidence.StartSession, control + `Session Manager`, 0, []string{"BootExecute", "SetupExecute", "Execute", "S0InitialCommand"}, false, false},
	{evidence.StartLSA, control + `Lsa`, 0, []string{"Authentication Packages", "Security Packages", "Notification Packages"}, true, false},
	{evidence.StartLSA, control + `Lsa\OSConfig`, 0, []string{"Security Packages"}, true, false},
	{evidence.StartLSA, control + `SecurityProviders`, 0, []string{"SecurityProviders"}, true, false},
	{evidence.StartPrint, control + `Print\Monitors`, 1, []string{"Driver"}, false, false},
	{evidence.StartPrint, control + `Print\Providers`, 1, []string{"Name"}, false, false},
	{evidence.StartPrint, control + `Print\Environments`, 3, []string{"Driver"}, false, false},
	{evidence.StartSession, control + `Session Manager\KnownDLLs`, 0, nil, false, false},
	{evidence.StartShell, control + `Session Manager\Environment`, 0, profilers, false, false},
	{evidence.StartShell, control + `Terminal Server\WinStations\RDP-Tcp`, 0, []string{"InitialProgram"}, false, false},
	{evidence.StartShell, control + `SafeBoot`, 0, []string{"AlternateShell"}, false, false},
	{evidence.StartShell, control + `BootVerificationProgram`, 0, []string{"ImagePath"}, false, false},
	{evidence.StartTimeProvider, services + `\W32Time\TimeProviders`, 1, []string{"DllName"}, false, false},
}

// userSpots are below a user's part of the registry.
var userSpots = []spot{
	{evidence.StartRunKey, `Software\` + nt + `Windows`, 0, []string{"Load", "Run"}, false, false},
	{evidence.StartPolicyScript, `Environment`, 0, []string{"UserInitMprLogonScript"}, false, false},
	{evidence.StartShell, `Environment`, 0, profilers, false, false},
	{evidence.StartShell, `Control Panel\Desktop`, 0, []string{"SCRNSAVE.EXE"}, false, false},
}

func (r *reader) machineSpots() {
	for _, view := range []string{`HKLM\` + software, `HKLM\` + wow} {
		for _, s := range slices.Concat(runKeys, softwareSpots) {
			s.key = view + s.key
			r.spot(r.Machine, s, nil)
		}
		r.shell(r.Machine, view, nil)
	}
	for _, s := range systemSpots {
		r.spot(r.Machine, s, nil)
	}
}

func (r *reader) userSpots() {
	users := r.Users()
	for i := range users {
		u := &users[i]
		if u.Keys == nil {
			continue // Users said so
		}
		read := func(path string) *evidence.RegistryKey { return r.Get(u.Keys, path, u.Path) }
		for _, view := range []string{`Software\`, `Software\WOW6432Node\`} {
			for _, s := range runKeys {
				s.key = view + s.key
				r.spot(read, s, u)
			}
			r.shell(read, view, u)
		}
		for _, s := range userSpots {
			r.spot(read, s, u)
		}
		r.classes(u)
	}
}

// spot observes what a place names.
func (r *reader) spot(read func(string) *evidence.RegistryKey, s spot, who *winreg.User) {
	key := read(s.key)
	if key == nil {
		return
	}
	for _, v := range key.Values {
		if v.Text != "" && (s.values == nil || slices.ContainsFunc(s.values, func(n string) bool { return strings.EqualFold(n, v.Name) })) {
			r.named(key, &v, s, who)
		}
	}
	if s.depth > 0 {
		for _, name := range key.Subkeys {
			below := s
			below.key, below.depth, below.below = s.key+`\`+name, s.depth-1, true
			r.spot(read, below, who)
		}
	}
}

// named observes what one value names.
func (r *reader) named(key *evidence.RegistryKey, v *evidence.RegistryValue, s spot, who *winreg.User) {
	name := v.Name
	if s.values != nil && s.below {
		name = winreg.LastOf(key.Path)
	}
	commands := strings.FieldsFunc(v.Text, func(c rune) bool { return c == '\n' || c == 0 || s.lists && (c == ',' || c == ' ') })
	a := r.ofValue(key, v.Name, s.kind, name, "")
	a.who = who
	switch {
	case strings.EqualFold(v.Name, "AppInit_DLLs") && key.Value("LoadAppInit_DLLs").Number == 0:
		a.state = "disabled"
	case strings.EqualFold(v.Name, "Script") && len(commands) > 0:
		a.details = key.Value("Parameters").Text
		commands[0] = strings.TrimSpace(commands[0] + " " + a.details)
	case s.kind == evidence.StartWinlogon && len(commands) > 0:
		a.image = unusual(commands[0])
	}
	for i, command := range commands {
		if strings.Trim(command, `" `) == "" {
			continue
		}
		if len(commands) > 1 { // several of one value
			a.ref.Unit, a.ref.At = evidence.Record, int64(i+1)
		}
		a.command = strings.TrimLeft(command, "|")
		if library, _, more := strings.Cut(a.command, "|"); more { // of RunOnceEx: "library|function|arguments" or "||program"
			a.image = library
		}
		r.start(a)
	}
}

// unusual is the program of a list that is not Windows' own; else the first.
func unusual(list string) string {
	all := strings.Split(list, ",")
	for _, p := range all {
		switch name := strings.ToLower(winreg.LastOf(strings.Trim(p, `" `))); name {
		case "", "userinit.exe", "userinit", "explorer.exe", "explorer":
		default:
			return p
		}
	}
	return all[0]
}

// classes observes the programs that a user's registry puts in front of the
// machine's (https://attack.mitre.org/techniques/T1546/015/).
func (r *reader) classes(u *winreg.User) {
	for _, top := range []string{`CLSID`, `WOW6432Node\CLSID`} {
		if u.Class != nil && r.Get(u.Class, top, u.Alias) != nil {
			r.classesOf(u, u.Class, top, u.Alias)
		} else { // where they stand in the user's own hive
			r.classesOf(u, u.Keys, `Software\Classes\`+top, u.Path)
		}
	}
}

func (r *reader) classesOf(u *winreg.User, keys winreg.Keys, top, at string) {
	list := r.Get(keys, top, at)
	if list == nil {
		return
	}
	for _, id := range list.Subkeys {
		for _, kind := range []string{"InprocServer32", "LocalServer32"} {
			if key := r.Get(keys, top+`\`+id+`\`+kind, at); key != nil && key.Value("").Text != "" {
				a := r.ofValue(key, "", evidence.StartCOM, id, key.Value("").Text)
				a.who, a.details = u, kind
				r.start(a)
			}
		}
	}
}
