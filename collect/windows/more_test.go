package windows

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
	"postern/hive"
)

// TestFactsOfOthers holds what lists, classes, accounts and settings name against
// their values.
func TestFactsOfOthers(t *testing.T) {
	text := func(name, data string) value { return value{Name: name, Data: data} }
	borrowed := accountF(0x0211)
	binary.LittleEndian.PutUint32(borrowed[0x30:], 500)
	members := groupC("Administratoren", 1001)
	other := append([]byte{1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0}, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 0, 2, 0, 0)
	binary.LittleEndian.PutUint32(members[0x30:], 2)
	members = append(members, other...)
	tree := evidencetest.Tree{
		"Windows/System32/config/SYSTEM": hiveOf(
			key{Name: "Select", Values: []value{{Name: "Current", Data: uint32(2)}}},
			at(`ControlSet001\Services\Old`, text("ImagePath", `C:\old.exe`)),
			at(`ControlSet002\Services\Beep`, value{Name: "Type", Data: uint32(1)}, value{Name: "Start", Data: uint32(1)}),
			at(`ControlSet002\Services\Lib`, value{Name: "Type", Data: uint32(32)}, text("ServiceDll", `%ProgramData%\l.dll`)),
			at(`ControlSet002\Services\Prov\NetworkProvider`, text("ProviderPath", `%SystemRoot%\System32\np.dll`)),
			at(`ControlSet002\Services\PortProxy\v4tov4\tcp`, text("0.0.0.0/8443", "10.0.0.5/3389")),
			at(`ControlSet002\Control\Lsa`, value{Name: "Notification Packages", Data: []string{"scecli", "pwfilter"}}),
			at(`ControlSet002\Control\Session Manager`, value{Name: "BootExecute", Data: []string{"autocheck autochk *", "bootx -a"}}),
			at(`ControlSet002\Control\Session Manager\Environment`, text("COR_PROFILER_PATH", `C:\p.dll`), text("ComSpec", `C:\x.exe`)),
			at(`ControlSet002\Control\WMI\Autologger\EventLog-System`, value{Name: "Start", Data: uint32(0)}),
			at(`ControlSet002\Control\MiniNt`),
		),
		"Windows/System32/config/SOFTWARE": hiveOf(
			at(`Microsoft\Windows\CurrentVersion\RunOnceEx\001`, text("1", `C:\l.dll|Do|x`), text("2", `||C:\z.exe -k`)),
			at(`Microsoft\Windows\CurrentVersion\ShellServiceObjectDelayLoad`, text("Net", "{D}")),
			at(`Microsoft\Windows\CurrentVersion\Authentication\Credential Providers\{E}`, text("", "E")),
			at(`Classes\CLSID\{D}\InprocServer32`, text("", `C:\d.dll`)),
			at(`Classes\CLSID\{E}\InprocServer32`, text("", `%SystemRoot%\system32\e.dll`)),
			at(`Microsoft\Windows NT\CurrentVersion\Winlogon`, text("Userinit", `C:\Windows\system32\userinit.exe,C:\y.exe`)),
			at(`Microsoft\Windows NT\CurrentVersion\Winlogon\SpecialAccounts\UserList`, value{Name: "anna", Data: uint32(0)}),
		),
		"Windows/System32/config/SAM": hiveOf(
			at(`SAM\Domains\Account`, value{Name: "V", Data: slices.Concat(make([]byte, 12), []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0})}),
			at(`SAM\Domains\Account\Users\000003E9`, value{Name: "F", Data: accountF(0x0010)}, value{Name: "V", Data: accountV("anna")}),
			at(`SAM\Domains\Account\Users\000001F5`, value{Name: "F", Data: borrowed}, value{Name: "V", Data: accountV("Guest")}),
			at(`SAM\Domains\Builtin\Aliases\00000220`, value{Name: "C", Data: members}),
		),
		"Users/anna/NTUSER.DAT":                                  hiveOf(at(`Software\Microsoft\Windows\CurrentVersion\Run`, text("T", `%TEMP%\t.exe`))),
		"Windows/System32/inetsrv/config/applicationHost.config": evidencetest.Text("<configuration><system.webServer><handlers>\n<add name=\"cgi\" scriptProcessor=\"C:\\php\\php-cgi.exe|-c x\"/></handlers>\n<modules><add name=\"M\" type=\"My.Module, My\"/></modules></system.webServer></configuration>"),
	}
	var got []string
	refs := map[string]bool{}
	for _, o := range collected(t, source(tree)).Observed {
		got = append(got, string(o.Kind)+"|"+strings.Join(o.Values, "|"))
		ref := o.Ref.Path + "|" + string(o.Ref.Unit) + "|" + string(rune(o.Ref.At))
		if refs[ref] {
			t.Errorf("two facts stand at %+v", o.Ref)
		}
		refs[ref] = true
		if o.Get("Name") == "Beep" && o.Ref.Path != `Windows/System32/config/SYSTEM\CurrentControlSet\Services\Beep` {
			t.Errorf("a service stands at %+v", o.Ref)
		}
	}
	const current, cv = `HKLM\SYSTEM\CurrentControlSet\`, `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\`
	const nt = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\`
	const sam = `Windows/System32/config/SAM\SAM\Domains\`
	for _, want := range []string{
		`autostart|service|Beep|System32\drivers\Beep.sys|C:\Windows\System32\drivers\Beep.sys|||` + current + `Services\Beep|driver|`,
		`autostart|service|Lib|C:\ProgramData\l.dll|C:\ProgramData\l.dll|||` + current + `Services\Lib|C:\ProgramData\l.dll|`,
		`autostart|service|Prov|%SystemRoot%\System32\np.dll|C:\Windows\System32\np.dll|||` + current + `Services\Prov\NetworkProvider\ProviderPath|a library that is given the passwords of logons|`,
		`setting|remote-access|portproxy v4tov4|0.0.0.0/8443 to 10.0.0.5/3389|||` + current + `Services\PortProxy\v4tov4\tcp\0.0.0.0/8443`,
		`autostart|lsa-package|Notification Packages|pwfilter|pwfilter|||` + current + `Control\Lsa\Notification Packages||`,
		`autostart|session-manager|BootExecute|bootx -a|bootx|||` + current + `Control\Session Manager\BootExecute||`,
		`autostart|shell-extension|COR_PROFILER_PATH|C:\p.dll|C:\p.dll|||` + current + `Control\Session Manager\Environment\COR_PROFILER_PATH||`,
		`setting|logging|EventLog-System Start|0|||` + current + `Control\WMI\Autologger\EventLog-System\Start`,
		`setting|logging|MiniNt|disabled|||` + current + `Control\MiniNt`,
		`autostart|run-key|1|C:\l.dll|Do|x|C:\l.dll|||` + cv + `RunOnceEx\001\1||`,
		`autostart|run-key|2|C:\z.exe -k|C:\z.exe|||` + cv + `RunOnceEx\001\2||`,
		`autostart|shell-extension|ShellServiceObjectDelayLoad {D}|C:\d.dll|C:\d.dll|||` + cv + `ShellServiceObjectDelayLoad\Net|named by its class|`,
		`autostart|shell-extension|Credential Providers {E}|%SystemRoot%\system32\e.dll|C:\Windows\system32\e.dll|||` + cv + `Authentication\Credential Providers\{E}|named by its class|`,
		`autostart|winlogon|Userinit|C:\Windows\system32\userinit.exe,C:\y.exe|C:\y.exe|||` + nt + `Winlogon\Userinit||`,
		`account|anna|S-1-5-21-1-2-3-1001|Administrators||2024-01-17T21:20:00Z|2023-09-24T03:33:20Z||` + sam + `Account\Users\000003E9|left out of the logon screen`,
		`account|Guest|S-1-5-21-1-2-3-501||disabled|2024-01-17T21:20:00Z|2023-09-24T03:33:20Z||` + sam + `Account\Users\000001F5|its password never expires, it acts as the account of number 500`,
		`account||S-1-5-21-9-9-9-512|Administrators|||||` + sam + `Builtin\Aliases\Members\S-1-5-21-9-9-9-512|no account of this machine`,
		`autostart|run-key|T|%TEMP%\t.exe|C:\Users\anna\AppData\Local\Temp\t.exe||anna|Users/anna/NTUSER.DAT\Software\Microsoft\Windows\CurrentVersion\Run\T||`,
		`autostart|iis-module|cgi|C:\php\php-cgi.exe|C:\php\php-cgi.exe|||C:\Windows\System32\inetsrv\config\applicationHost.config|handlers|`,
		`autostart|iis-module|M|My.Module, My||||C:\Windows\System32\inetsrv\config\applicationHost.config|a class of .NET|`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	for _, g := range got {
		if strings.Contains(g, `C:\old.exe`) || strings.Contains(g, "ComSpec") {
			t.Errorf("observed: %s", g)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

// TestPolicyScripts holds scripts of policies, unlisted tasks and the question of a
// filter against what their files say.
func TestPolicyScripts(t *testing.T) {
	const cache = `Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\`
	tree := evidencetest.Tree{
		"Windows/System32/config/SOFTWARE":                          hiveOf(at(cache+`Tasks\{Z}`, value{Name: "Path", Data: `\Gone`}, value{Name: "Actions", Data: execBlob(`C:\z.exe`, "-q")})),
		"Windows/System32/GroupPolicy/Machine/Scripts/scripts.ini":  {Data: append([]byte("\xff\xfe"), wide("\r\n[Startup]\r\n0CmdLine=C:\\a b\\s.bat\r\n0Parameters=-x\r\n1CmdLine=\\\\dc\\n\\t.cmd\r\n1Parameters=\r\n[Shutdown]\r\n0CmdLine=\r\n")...)},
		"Windows/System32/GroupPolicyUsers/S-1-5-32-545/User/x.ini": evidencetest.Text("[Logon]\n0CmdLine=no\n"),
		"Windows/System32/wbem/Repository/OBJECTS.DATA":             evidencetest.Text("\x00__EventFilter\x00\x00Boot\x00\x00root\\cimv2\x00\x00SELECT * FROM __InstanceModificationEvent WITHIN 60\x00\x00WQL\x00 \x00CommandLineEventConsumer\x00\x00cmd /c x\x00\x00Check\x00 \x00CommandLineEventConsumer.Name=\"Check\"\x00\x00__EventFilter.Name=\"Boot\"\x00"),
	}
	var got []string
	for _, o := range collected(t, source(tree)).Observed {
		got = append(got, strings.Join(o.Values, "|"))
	}
	const at = `C:\Windows\System32\GroupPolicy\Machine\Scripts\scripts.ini||`
	for _, want := range []string{
		`policy-script|Startup|"C:\a b\s.bat" -x|C:\a b\s.bat|||` + at,
		`policy-script|Startup|\\dc\n\t.cmd|\\dc\n\t.cmd|||` + at,
		`task|\Gone|C:\z.exe -q|C:\z.exe|||HKLM\SOFTWARE\` + cache + `Tasks\{Z}|the registry's tree of tasks does not name it|`,
		`wmi|Check|cmd /c x|cmd|||C:\Windows\System32\wbem\Repository\OBJECTS.DATA CommandLineEventConsumer|bound in the repository's bytes, by filter Boot: SELECT * FROM __InstanceModificationEvent WITHIN 60|`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	if len(got) != 4 {
		t.Errorf("observed %s", strings.Join(got, "\n"))
	}
}

// TestNothingThere: what every system has and this one lacks is said, of a whole tree
// and of a selection.
func TestNothingThere(t *testing.T) {
	for _, partial := range []bool{false, true} {
		src := source(evidencetest.Tree{"Users/anna/Desktop/a.txt": evidencetest.Text("x"), "Users/Public/b.txt": evidencetest.Text("x")})
		src.Partial = partial
		reason, paths := evidence.Absent, []string{"Windows/System32/Tasks", "Windows/System32/wbem/Repository/OBJECTS.DATA"}
		if partial {
			reason, paths = evidence.NotCollected, []string{"scheduled tasks", "event consumers of WMI", "services", "guards", "accounts"}
		}
		gaps := collected(t, src).Gaps()
		for _, path := range append(paths, "Windows/System32/config/SYSTEM", "Windows/System32/config/SOFTWARE", "Windows/System32/config/SAM", "Users/anna/NTUSER.DAT") {
			if !slices.ContainsFunc(gaps, func(c evidence.Coverage) bool {
				return c.Path == path && c.Missed.Reason == reason && c.Parts&evidence.CompromisedNow != 0
			}) {
				t.Errorf("partial %v: no gap says %s of %s", partial, reason, path)
			}
		}
		if slices.ContainsFunc(gaps, func(c evidence.Coverage) bool { return strings.HasPrefix(c.Path, "Users/Public") }) {
			t.Error("a hive is missed in the folder that all users share")
		}
	}
}

// TestLive: a running system's registry gives what its hives give, and its accounts
// come by its own lists.
func TestLive(t *testing.T) {
	reg, files := evidencetest.Registry{}, tree()
	for name, path := range map[string]string{"SYSTEM": `HKLM\SYSTEM`, "SOFTWARE": `HKLM\SOFTWARE`} {
		data := files["Windows/System32/config/"+name].Data
		h, err := hive.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		fill(t, reg, h, "", path)
		delete(files, "Windows/System32/config/"+name)
	}
	delete(files, "Windows/System32/config/SAM")
	src := source(files)
	src.Kind = evidence.KindHost
	src.State = evidencetest.State{Reg: reg, Known: []evidence.Account{
		{Name: "support$", SID: "S-1-5-21-1-2-3-1005", Groups: []string{"Administrators"}, PasswordSet: changed},
		{Name: "Guest", SID: "S-1-5-21-1-2-3-501", Disabled: true, NoPassword: true},
		{SID: "S-1-5-21-9-9-9-512", Groups: []string{"Remote Desktop Users"}}}}
	out := collected(t, src)
	var got []string
	for _, o := range out.Observed {
		got = append(got, string(o.Kind)+"|"+strings.Join(o.Values, "|"))
	}
	for _, o := range collected(t, source(tree())).Observed {
		if want := string(o.Kind) + "|" + strings.Join(o.Values, "|"); o.Kind != evidence.ObserveAccount && !slices.Contains(got, want) {
			t.Errorf("a running system does not say %s", want)
		}
	}
	for _, want := range []string{
		"account|support$|S-1-5-21-1-2-3-1005|Administrators|||2026-02-01T03:04:05Z||account support$|",
		"account|Guest|S-1-5-21-1-2-3-501||disabled||||account Guest|needs no password",
		"account||S-1-5-21-9-9-9-512|Remote Desktop Users|||||account S-1-5-21-9-9-9-512|no account of this machine",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	src.State = evidencetest.State{Reg: reg}
	if !slices.ContainsFunc(collected(t, src).Gaps(), func(c evidence.Coverage) bool { return c.Path == "accounts" }) {
		t.Error("no gap where the system does not tell its accounts")
	}
}

// fill puts a hive's keys into a registry in memory.
func fill(t *testing.T, reg evidencetest.Registry, h *hive.Hive, at, path string) {
	k, err := h.Key(at)
	if err != nil {
		t.Fatal(err)
	}
	reg[path] = evidence.RegistryKey{Written: k.Written, Values: k.Values}
	for _, name := range k.Subkeys {
		fill(t, reg, h, strings.TrimPrefix(at+`\`+name, `\`), path+`\`+strings.Replace(name, "ControlSet001", "CurrentControlSet", 1))
	}
}

// FuzzRepository: no bytes of a repository or of policies may panic.
func FuzzRepository(f *testing.F) {
	f.Add([]byte("__EventFilter\x00\x00B\x00\x00select * from a\x00CommandLineEventConsumer\x00\x00x\x00\x00C\x00CommandLineEventConsumer.Name=\"C\"\x00__EventFilter.Name=\"B\""), "[S]\n0CmdLine=x")
	f.Fuzz(func(t *testing.T, data []byte, ini string) {
		c := carved{bound: map[string]binding{}, queries: map[string]string{}}
		c.add(data, 0)
		for key, b := range c.bound {
			if b.at < 0 || b.at >= int64(len(data)) || !strings.Contains(key, "EventConsumer ") {
				t.Fatalf("%q at %d of %d bytes", key, b.at, len(data))
			}
		}
		n := len(collected(t, source(evidencetest.Tree{"Windows/System32/GroupPolicy/Machine/Scripts/scripts.ini": evidencetest.Text(ini)})).Observed)
		if n > len(ini) {
			t.Fatalf("%d scripts of %d bytes", n, len(ini))
		}
	})
}
