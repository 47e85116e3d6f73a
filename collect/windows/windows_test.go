package windows

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

type (
	key   = evidencetest.HiveKey
	value = evidencetest.HiveValue
)

var (
	hiveOf = evidencetest.HiveFile
	wide   = evidencetest.Wide
)

// at makes the keys down a path, with values in the last.
func at(path string, values ...value) key { return evidencetest.HiveAt(path, changed, values...) }

var changed = time.Date(2026, 2, 1, 3, 4, 5, 0, time.UTC)

const taskXML = `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Date>2026-02-01T03:00:00</Date><Author>HOST\anna</Author><URI>\Updates</URI></RegistrationInfo>
  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings><Enabled>true</Enabled><Hidden>true</Hidden></Settings>
  <Actions Context="Author"><Exec><Command>C:\ProgramData\u p\a.exe</Command><Arguments>-x</Arguments></Exec></Actions>
</Task>`

// execBlob is an Actions value with one program.
func execBlob(program, arguments string) []byte {
	text := func(s string) []byte {
		w := wide(s)
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(w))), w...)
	}
	return slices.Concat([]byte{3, 0}, text("Author"), []byte{0x66, 0x66}, text(""), text(program), text(arguments), text(""), []byte{0, 0})
}

func tree() evidencetest.Tree {
	const cache = `Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\`
	return evidencetest.Tree{
		"Windows/System32/config/SYSTEM": hiveOf(
			key{Name: "Select", Values: []value{{Name: "Current", Data: uint32(1)}}},
			at(`ControlSet001\Services\Mail`, value{Name: "ImagePath", Data: `"C:\Program Files\Mail\mail.exe" --run`}, value{Name: "Start", Data: uint32(2)}, value{Name: "Type", Data: uint32(16)}, value{Name: "ObjectName", Data: "LocalSystem"}),
			at(`ControlSet001\Services\Shared`, value{Name: "ImagePath", Data: `%SystemRoot%\system32\svchost.exe -k netsvcs`}, value{Name: "Type", Data: uint32(32)}),
			at(`ControlSet001\Services\Shared\Parameters`, value{Name: "ServiceDll", Data: `%ProgramData%\s.dll`}),
			at(`ControlSet001\Services\Disk`, value{Name: "ImagePath", Data: `System32\drivers\disk.sys`}, value{Name: "Type", Data: uint32(1)}, value{Name: "Start", Data: uint32(4)}),
			at(`ControlSet001\Control\Lsa`, value{Name: "RunAsPPL", Data: uint32(0)}),
			at(`ControlSet001\Control\SecurityProviders\WDigest`, value{Name: "UseLogonCredential", Data: uint32(1)}),
			at(`ControlSet001\Control\Print\Monitors\Local Port`, value{Name: "Driver", Data: "localspl.dll"}),
			at(`ControlSet001\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules`, value{Name: "{1}", Data: `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=4444|App=C:\Users\Public\a.exe|Name=Updates|`}, value{Name: "{2}", Data: `v2.30|Action=Block|Active=TRUE|Dir=In|Name=B|`}),
			at(`ControlSet001\Services\SharedAccess\Parameters\FirewallPolicy\PublicProfile`, value{Name: "EnableFirewall", Data: uint32(0)}),
		),
		"Windows/System32/config/SOFTWARE": hiveOf(
			at(`Microsoft\Windows\CurrentVersion\Run`, value{Name: "Updater", Data: `C:\Users\Public\u.exe /q`}),
			at(`WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnce`, value{Name: "!X", Data: `rundll32.exe C:\ProgramData\x.dll,Go`}),
			at(`Microsoft\Windows NT\CurrentVersion\Winlogon`, value{Name: "Shell", Data: "explorer.exe"}, value{Name: "Userinit", Data: `C:\Windows\system32\userinit.exe,`}),
			at(`Microsoft\Windows NT\CurrentVersion\Image File Execution Options\sethc.exe`, value{Name: "Debugger", Data: `C:\Windows\System32\cmd.exe`}),
			at(`Microsoft\Windows NT\CurrentVersion\Windows`, value{Name: "AppInit_DLLs", Data: `C:\x\a.dll`}),
			at(`Microsoft\Windows Defender\Exclusions\Paths`, value{Name: `C:\ProgramData`, Data: uint32(0)}),
			at(`Policies\Microsoft\Windows Defender`, value{Name: "DisableAntiSpyware", Data: uint32(1)}),
			at(cache+`Tree\Updates`, value{Name: "Id", Data: "{A}"}, value{Name: "SD", Data: "x"}, value{Name: "Index", Data: uint32(3)}),
			at(cache+`Tasks\{A}`, value{Name: "Actions", Data: execBlob(`C:\ProgramData\u p\a.exe`, "-x")}),
			at(cache+`Tree\Sys\Hidden`, value{Name: "Id", Data: "{B}"}, value{Name: "Index", Data: uint32(3)}),
			at(cache+`Tasks\{B}`, value{Name: "Actions", Data: execBlob(`powershell.exe`, "-enc AAAA")}),
		),
		"Windows/System32/config/SAM": hiveOf(
			at(`SAM\Domains\Account`, value{Name: "V", Data: slices.Concat(make([]byte, 12), []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0})}),
			at(`SAM\Domains\Account\Users\000003E9`, value{Name: "F", Data: accountF(0x0210)}, value{Name: "V", Data: accountV("anna")}),
			at(`SAM\Domains\Account\Users\000001F5`, value{Name: "F", Data: accountF(0x0215)}, value{Name: "V", Data: accountV("Guest")}),
			at(`SAM\Domains\Builtin\Aliases\00000220`, value{Name: "C", Data: groupC("Administrators", 1001)}),
		),
		"Users/anna/NTUSER.DAT":                                                             hiveOf(at(`Software\Microsoft\Windows\CurrentVersion\Run`, value{Name: "Sync", Data: `C:\Users\anna\AppData\Roaming\sync.exe`}), at(`Environment`, value{Name: "UserInitMprLogonScript", Data: `C:\x.bat`})),
		"Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat":                           hiveOf(at(`CLSID\{C}\InprocServer32`, value{Name: "", Data: `C:\Users\anna\AppData\Local\Temp\c.dll`})),
		"Windows/System32/Tasks/Updates":                                                    {Data: append([]byte("\xff\xfe"), wide(taskXML)...)},
		"ProgramData/Microsoft/Windows/Start Menu/Programs/Startup/go.cmd":                  evidencetest.Text("@echo off\r\n"),
		"Users/anna/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/Help.lnk": {Data: link(`C:\Tools\h.exe`, "--now")},
		"Windows/System32/wbem/Repository/OBJECTS.DATA":                                     {Data: []byte("....CommandLineEventConsumer\x00\x00cmd /c start C:\\x.exe\x00\x00\x00SysCheck\x00 ...\x00CommandLineEventConsumer.Name=\"SysCheck\"\x00__EventFilter.Name=\"SysCheck\"\x00")},
		"Windows/System32/inetsrv/config/applicationHost.config":                            evidencetest.Text(`<?xml version="1.0"?><configuration><system.webServer><globalModules><add name="UriCacheModule" image="%windir%\System32\inetsrv\cachuri.dll" /><add name="Http" image="C:\ProgramData\http.dll"/></globalModules></system.webServer></configuration>`),
		"Windows/System32/drivers/etc/hosts":                                                evidencetest.Text("# lines\r\n127.0.0.1 wdcp.microsoft.com # no\r\n"),
		"Windows/System32/kernel32.dll":                                                     evidencetest.Text("MZ"),
		"Program Files/Mail/mail.exe":                                                       evidencetest.Text("MZ"),
	}
}

func accountF(control uint16) []byte {
	f := make([]byte, 80)
	binary.LittleEndian.PutUint64(f[0x08:], 133500000000000000)
	binary.LittleEndian.PutUint64(f[0x18:], 133400000000000000)
	binary.LittleEndian.PutUint16(f[0x38:], control)
	return f
}

func accountV(name string) []byte {
	v := make([]byte, 0xcc)
	w := wide(name)
	binary.LittleEndian.PutUint32(v[0x0c:], 0)
	binary.LittleEndian.PutUint32(v[0x10:], uint32(len(w)))
	return append(v, w...)
}

// groupC is a group with one member of the machine 1-2-3.
func groupC(name string, member uint32) []byte {
	c, w := make([]byte, 0x34), wide(name)
	binary.LittleEndian.PutUint32(c[0x14:], uint32(len(w)))
	binary.LittleEndian.PutUint32(c[0x28:], uint32(len(w)))
	binary.LittleEndian.PutUint32(c[0x30:], 1)
	sid := []byte{1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}
	return slices.Concat(c, w, binary.LittleEndian.AppendUint32(sid, member))
}

// link is a shortcut to a local path.
func link(target, arguments string) []byte {
	head := make([]byte, linkHeader)
	binary.LittleEndian.PutUint32(head, linkHeader)
	binary.LittleEndian.PutUint32(head[20:], hasLinkInfo|hasArguments|isUnicode)
	info := make([]byte, 28)
	binary.LittleEndian.PutUint32(info[8:], 1)
	binary.LittleEndian.PutUint32(info[16:], 28)
	binary.LittleEndian.PutUint32(info[24:], uint32(28+len(target)))
	info = append(append(info, target...), 0)
	binary.LittleEndian.PutUint32(info, uint32(len(info)))
	return slices.Concat(head, info, binary.LittleEndian.AppendUint16(nil, uint16(len(arguments))), wide(arguments))
}

func source(t evidencetest.Tree) *evidence.Source {
	return &evidence.Source{Kind: evidence.KindTree, ID: evidence.Identity{OS: evidence.Windows}, Files: t,
		Volumes: []evidence.Volume{{Mount: "C:", Root: "."}}, Close: func() error { return nil }}
}

func TestLaw(t *testing.T) {
	evidencetest.Run(t, New, &evidence.Interest{}, func() *evidence.Source { return source(tree()) })
}

func collected(t *testing.T, src *evidence.Source) *evidencetest.Sink {
	t.Helper()
	out := &evidencetest.Sink{}
	if err := New().Collect(context.Background(), src, &evidence.Interest{}, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFacts holds what is observed of each family against what stands there.
func TestFacts(t *testing.T) {
	out := collected(t, source(tree()))
	var got []string
	for _, o := range out.Observed {
		got = append(got, string(o.Kind)+"|"+strings.Join(o.Values, "|"))
	}
	const current, cv = `HKLM\SYSTEM\CurrentControlSet\`, `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\`
	for _, want := range []string{
		`autostart|service|Mail|"C:\Program Files\Mail\mail.exe" --run|C:\Program Files\Mail\mail.exe|yes|LocalSystem|` + current + `Services\Mail\ImagePath||`,
		`autostart|service|Shared|%SystemRoot%\system32\svchost.exe -k netsvcs|C:\Windows\system32\svchost.exe|no||` + current + `Services\Shared\ImagePath|C:\ProgramData\s.dll|`,
		`autostart|service|Disk|System32\drivers\disk.sys|C:\Windows\System32\drivers\disk.sys|||` + current + `Services\Disk\ImagePath|driver|disabled`,
		`autostart|print|Local Port|localspl.dll|localspl.dll|||` + current + `Control\Print\Monitors\Local Port\Driver||`,
		`setting|credentials|WDigest UseLogonCredential|1|||` + current + `Control\SecurityProviders\WDigest\UseLogonCredential`,
		`setting|firewall-rule|Updates|v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=4444|App=C:\Users\Public\a.exe|Name=Updates||C:\Users\Public\a.exe||` + current + `Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules\{1}`,
		`setting|firewall-rule|PublicProfile EnableFirewall|0|||` + current + `Services\SharedAccess\Parameters\FirewallPolicy\PublicProfile\EnableFirewall`,
		`autostart|run-key|Updater|C:\Users\Public\u.exe /q|C:\Users\Public\u.exe|no||HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\Updater||`,
		`autostart|run-key|!X|rundll32.exe C:\ProgramData\x.dll,Go|C:\ProgramData\x.dll|no||HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnce\!X||`,
		`autostart|winlogon|Shell|explorer.exe|explorer.exe|||` + cv + `Winlogon\Shell||`,
		`autostart|image-options|sethc.exe|C:\Windows\System32\cmd.exe|C:\Windows\System32\cmd.exe|no||` + cv + `Image File Execution Options\sethc.exe\Debugger||`,
		`autostart|appinit|AppInit_DLLs|C:\x\a.dll|C:\x\a.dll|no||` + cv + `Windows\AppInit_DLLs||disabled`,
		`setting|defender|exclusion of paths|C:\ProgramData|||HKLM\SOFTWARE\Microsoft\Windows Defender\Exclusions\Paths\C:\ProgramData`,
		`setting|defender|Windows Defender DisableAntiSpyware|1|||HKLM\SOFTWARE\Policies\Microsoft\Windows Defender\DisableAntiSpyware`,
		`autostart|task|\Updates|"C:\ProgramData\u p\a.exe" -x|C:\ProgramData\u p\a.exe|no|S-1-5-18|C:\Windows\System32\Tasks\Updates|author HOST\anna, made 2026-02-01T03:00:00, marked hidden|`,
		`autostart|task|\Sys\Hidden|powershell.exe -enc AAAA|powershell.exe|||` + cv + `Schedule\TaskCache\Tree\Sys\Hidden|hidden from lists: it has no security descriptor, it has no file in the task folder|`,
		`account|anna|S-1-5-21-1-2-3-1001|Administrators||2024-01-17T21:20:00Z|2023-09-24T03:33:20Z||Windows/System32/config/SAM\SAM\Domains\Account\Users\000003E9|its password never expires`,
		`account|Guest|S-1-5-21-1-2-3-501||disabled|2024-01-17T21:20:00Z|2023-09-24T03:33:20Z||Windows/System32/config/SAM\SAM\Domains\Account\Users\000001F5|needs no password, its password never expires`,
		`autostart|run-key|Sync|C:\Users\anna\AppData\Roaming\sync.exe|C:\Users\anna\AppData\Roaming\sync.exe|no|anna|Users/anna/NTUSER.DAT\Software\Microsoft\Windows\CurrentVersion\Run\Sync||`,
		`autostart|policy-script|UserInitMprLogonScript|C:\x.bat|C:\x.bat|no|anna|Users/anna/NTUSER.DAT\Environment\UserInitMprLogonScript||`,
		`autostart|com|{C}|C:\Users\anna\AppData\Local\Temp\c.dll|C:\Users\anna\AppData\Local\Temp\c.dll|no|anna|Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat\CLSID\{C}\InprocServer32|InprocServer32|`,
		`autostart|startup-folder|go.cmd|C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup\go.cmd|C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup\go.cmd|yes||C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup\go.cmd||`,
		`autostart|startup-folder|Help.lnk|C:\Tools\h.exe --now|C:\Tools\h.exe|no|anna|C:\Users\anna\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\Startup\Help.lnk||`,
		`autostart|wmi|SysCheck|cmd /c start C:\x.exe|cmd|||C:\Windows\System32\wbem\Repository\OBJECTS.DATA CommandLineEventConsumer|bound in the repository's bytes, by filter SysCheck|`,
		`autostart|iis-module|Http|C:\ProgramData\http.dll|C:\ProgramData\http.dll|no||C:\Windows\System32\inetsrv\config\applicationHost.config|globalmodules|`,
		`setting|name-service|hosts|127.0.0.1 wdcp.microsoft.com|||C:\Windows\System32\drivers\etc\hosts`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	if n := strings.Count(strings.Join(got, "\n"), `|task|\Updates|`); n != 1 {
		t.Errorf("the task whose file and key agree is told %d times", n)
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

// TestImageOf: what runs, whatever spelling and arguments.
func TestImageOf(t *testing.T) {
	for command, want := range map[string]string{
		`\SystemRoot\System32\drivers\a.sys`:                          `C:\Windows\System32\drivers\a.sys`,
		`\??\C:\Program Files\A B\c.exe -k`:                           `C:\Program Files\A B\c.exe`,
		`C:\Program Files\A.exe B\c.exe -k x.exe`:                     `C:\Program Files\A.exe`,
		`"%ProgramFiles(x86)%\A\b.exe" "c d"`:                         `C:\Program Files (x86)\A\b.exe`,
		`rundll32 "C:\a b\c.dll",Start`:                               `C:\a b\c.dll`,
		`%windir%\system32\rundll32.exe /d %windir%\system32\x.dll,Y`: `C:\Windows\system32\x.dll`,
		`regsvr32.exe /s /u C:\ProgramData\p.dll`:                     `C:\ProgramData\p.dll`,
		`%COMSPEC% /c echo`:                                           `C:\Windows\System32\cmd.exe`,
		`notepad`:                                                     `notepad`,
		``:                                                            ``,
		`%AppData%\x.exe`:                                             `%appdata%\x.exe`,
		`rundll32`:                                                    `rundll32`,
		`"C:\unclosed`:                                                `C:\unclosed`,
	} {
		if got := imageOf(command); got != want {
			t.Errorf("%s: %s, want %s", command, got, want)
		}
	}
}

func TestTaskBomb(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE Task [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><Task><Actions><Exec><Command>&b;</Command></Exec></Actions></Task>`
	for _, bad := range []string{bomb, `<Job></Job>`, `<Task><Actions>`, ``, strings.Repeat("<Task>", 20000)} {
		if got, err := parseTask([]byte(bad)); err == nil {
			t.Errorf("%.40q: no error, commands %q", bad, got.commands())
		}
	}
}

func FuzzBinary(f *testing.F) {
	f.Add(link(`C:\a.exe`, "b"))
	f.Add(execBlob("a", "b"))
	f.Add(groupC("Administrators", 500))
	f.Add([]byte("\xff\xfe" + string(wide(taskXML))))
	f.Fuzz(func(t *testing.T, data []byte) {
		name, members, _ := groupOf(data)
		told, _ := parseActions(data)
		if got := len(shortcut(data)) + len(told) + len(name) + len(members); got > 8*len(data)+4096 {
			t.Errorf("%d bytes give %d", len(data), got)
		}
		if task, err := parseTask(data); err == nil {
			for _, c := range task.commands() {
				_ = imageOf(c)
			}
		}
	})
}

// TestActions: what of a task's actions cannot be read is told.
func TestActions(t *testing.T) {
	whole := execBlob(`C:\a.exe`, "-x")
	for name, c := range map[string]struct {
		data  []byte
		want  int
		whole bool
	}{
		"whole": {whole, 1, true},
		"cut":   {whole[:len(whole)-8], 1, false},
		"mail":  {append(slices.Clone(whole), 0x88, 0x88, 0, 0), 1, false},
		"empty": {nil, 0, false},
		"none":  {[]byte{3, 0, 0, 0, 0, 0}, 0, true},
	} {
		if all, fault := parseActions(c.data); len(all) != c.want || (fault == "") != c.whole {
			t.Errorf("%s: %q, %q", name, all, fault)
		}
	}
}

// TestWideConsumer: a consumer whose name needs UTF-16 is found, too.
func TestWideConsumer(t *testing.T) {
	data := append(make([]byte, 33), wide(`CommandLineEventConsumer.Name="Prüf→er"`)...)
	src := source(evidencetest.Tree{"Windows/System32/wbem/Repository/OBJECTS.DATA": {Data: data}})
	for _, o := range collected(t, src).Observed {
		if o.Get("Kind") == evidence.StartWMI {
			return
		}
	}
	t.Error("nothing says so")
}

// TestUnreadableShortcut: one that does not tell what it starts is a gap.
func TestUnreadableShortcut(t *testing.T) {
	const path = "ProgramData/Microsoft/Windows/Start Menu/Programs/Startup/a.lnk"
	out := collected(t, source(evidencetest.Tree{path: evidencetest.Text("no shortcut")}))
	if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return c.Path == path && c.Missed.Reason == evidence.Format }) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

// TestShortcutInVariables: a target that stands in an EnvironmentVariableDataBlock.
func TestShortcutInVariables(t *testing.T) {
	head := make([]byte, linkHeader)
	binary.LittleEndian.PutUint32(head, linkHeader)
	block := make([]byte, environmentSize)
	binary.LittleEndian.PutUint32(block, environmentSize)
	binary.LittleEndian.PutUint32(block[4:], environment)
	copy(block[environmentWide:], wide(`%comspec%`))
	if got := shortcut(append(head, block...)); got != `%comspec%` {
		t.Errorf("%q", got)
	}
}
