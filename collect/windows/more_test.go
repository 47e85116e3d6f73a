package windows

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"postern/evidence/evidencetest"
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
