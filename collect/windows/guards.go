package windows

import (
	"fmt"
	"strings"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

// guard is a number of the registry that lets in, hides, or takes a guard away.
type guard struct {
	kind, key string
	values    []string
}

const (
	defender = `Microsoft\Windows Defender`
	channels = `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\`
	firewall = services + `\SharedAccess\Parameters\FirewallPolicy`
)

// policies are Defender's own settings and those of policies, which stand before.
var policies = []string{`HKLM\SOFTWARE\` + defender, `HKLM\SOFTWARE\Policies\` + defender}

var guardValues = []guard{
	{evidence.SettingCredential, control + `SecurityProviders\WDigest`, []string{"UseLogonCredential"}},
	{evidence.SettingCredential, control + `Lsa`, []string{"RunAsPPL", "DisableRestrictedAdmin", "NoLMHash", "LmCompatibilityLevel", "LimitBlankPasswordUse"}},
	{evidence.SettingRemote, control + `Terminal Server`, []string{"fDenyTSConnections", "fSingleSessionPerUser"}},
	{evidence.SettingRemote, control + `Terminal Server\WinStations\RDP-Tcp`, []string{"UserAuthentication", "SecurityLayer", "PortNumber", "Shadow"}},
	{evidence.SettingRemote, `HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services`, []string{"fDenyTSConnections", "UserAuthentication", "Shadow"}},
	{evidence.SettingRemote, services + `\LanmanServer\Parameters`, []string{"SMB1"}},
	{evidence.SettingPrivilege, `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System`, []string{"EnableLUA", "ConsentPromptBehaviorAdmin", "LocalAccountTokenFilterPolicy", "FilterAdministratorToken"}},
	{evidence.SettingFirewall, firewall + `\DomainProfile`, []string{"EnableFirewall"}},
	{evidence.SettingFirewall, firewall + `\StandardProfile`, []string{"EnableFirewall"}},
	{evidence.SettingFirewall, firewall + `\PublicProfile`, []string{"EnableFirewall"}},
	{evidence.SettingLogging, `HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell\ScriptBlockLogging`, []string{"EnableScriptBlockLogging"}},
	{evidence.SettingLogging, channels + `Microsoft-Windows-PowerShell/Operational`, []string{"Enabled"}},
	{evidence.SettingLogging, channels + `Microsoft-Windows-Windows Defender/Operational`, []string{"Enabled"}},
	{evidence.SettingLogging, channels + `Microsoft-Windows-TerminalServices-LocalSessionManager/Operational`, []string{"Enabled"}},
	{evidence.SettingLogging, channels + `Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational`, []string{"Enabled"}},
	{evidence.SettingLogging, channels + `Microsoft-Windows-Sysmon/Operational`, []string{"Enabled"}},
	{evidence.SettingLogging, control + `WMI\Autologger\EventLog-Application`, []string{"Start"}},
	{evidence.SettingLogging, control + `WMI\Autologger\EventLog-System`, []string{"Start"}},
	{evidence.SettingLogging, control + `WMI\Autologger\EventLog-Security`, []string{"Start"}},
	{evidence.SettingLogging, services + `\EventLog\Application`, []string{"MaxSize"}},
	{evidence.SettingLogging, services + `\EventLog\System`, []string{"MaxSize"}},
	{evidence.SettingLogging, services + `\EventLog\Security`, []string{"MaxSize"}},
	{evidence.SettingRemote, `HKLM\SOFTWARE\Policies\Microsoft\Windows\WinRM\Service`, []string{"AllowAutoConfig", "AllowBasic", "AllowUnencryptedTraffic"}},
	{evidence.SettingRemote, `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Service`, []string{"allow_unencrypted", "auth_basic"}},
	{evidence.SettingFirewall, `HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\DomainProfile`, []string{"EnableFirewall"}},
	{evidence.SettingFirewall, `HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\StandardProfile`, []string{"EnableFirewall"}},
	{evidence.SettingFirewall, `HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\PublicProfile`, []string{"EnableFirewall"}},
	{evidence.SettingDefender, `HKLM\SOFTWARE\Microsoft\Windows Script\Settings`, []string{"AmsiEnable"}},
}

// defenderValues switch protections off; those of the last two stand in the product's
// own key.
var defenderValues = map[string][]string{
	`\Real-Time Protection`: {"DisableRealtimeMonitoring", "DisableBehaviorMonitoring", "DisableOnAccessProtection", "DisableScanOnRealtimeEnable", "DisableIOAVProtection", "DisableScriptScanning"},
	``:                      {"DisableAntiSpyware", "DisableAntiVirus"},
}

// guards observes what guards the system and what lets in.
func (r *reader) guards() {
	for _, g := range guardValues {
		r.guard(g)
	}
	for _, root := range policies {
		for _, below := range []string{"", `\Real-Time Protection`} {
			r.guard(guard{evidence.SettingDefender, root + below, defenderValues[below]})
		}
		for _, of := range []string{"Paths", "TemporaryPaths", "Extensions", "Processes", "IpAddresses"} {
			r.exclusions(root + `\Exclusions\` + of)
		}
		r.exclusions(root + `\Windows Defender Exploit Guard\ASR\ASROnlyExclusions`)
	}
	r.rules(firewall + `\FirewallRules`)
	r.rules(`HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules`)
	r.forwarded()
	if key := r.Machine(control + `MiniNt`); key != nil { // the event log keeps nothing where Windows is being set up
		r.setting(key, evidence.SettingLogging, "MiniNt", "disabled", "", "", key.Path)
	}
	r.hosts()
	if key := r.Machine(services + `\EventLog`); key != nil && key.Value("Start").Type != 0 && key.Value("Start").Number == 4 {
		r.setting(key, evidence.SettingLogging, "service EventLog", "disabled", "", "", key.Path+`\Start`)
	}
}

func (r *reader) guard(g guard) {
	key := r.Machine(g.key)
	if key == nil {
		return
	}
	for _, name := range g.values {
		if v := key.Value(name); v.Type != 0 {
			r.setting(key, g.kind, winreg.LastOf(g.key)+` `+v.Name, fmt.Sprint(v.Number), "", "", key.Path+`\`+v.Name)
		}
	}
}

// exclusions observes what Defender leaves out: each value's name is one.
func (r *reader) exclusions(path string) {
	key := r.Machine(path)
	if key == nil {
		return
	}
	for _, v := range key.Values {
		if v.Name != "" {
			r.setting(key, evidence.SettingDefender, "exclusion of "+strings.ToLower(winreg.LastOf(path)), expanded(v.Name), "", "", key.Path+`\`+v.Name)
		}
	}
}

// rules observes the firewall's rules that let in ([MS-FASP] 2.2.36.3).
func (r *reader) rules(path string) {
	key := r.Machine(path)
	if key == nil {
		return
	}
	for _, v := range key.Values {
		is := map[string]string{}
		for field := range strings.SplitSeq(v.Text, "|") {
			if name, value, ok := strings.Cut(field, "="); ok {
				is[strings.ToLower(name)] = value
			}
		}
		if !strings.EqualFold(is["action"], "Allow") || !strings.EqualFold(is["dir"], "In") || strings.EqualFold(is["active"], "FALSE") {
			continue
		}
		name := is["name"]
		if name == "" || strings.HasPrefix(name, "@") {
			name = v.Name
		}
		image := is["app"]
		if strings.EqualFold(image, "System") {
			image = ""
		}
		r.setting(key, evidence.SettingFirewall, name, v.Text, expanded(image), "", key.Path+`\`+v.Name)
	}
}

// forwarded observes the ports that the system hands on ("netsh interface portproxy").
func (r *reader) forwarded() {
	for _, way := range []string{"v4tov4", "v4tov6", "v6tov4", "v6tov6"} {
		key := r.Machine(services + `\PortProxy\` + way + `\tcp`)
		if key == nil {
			continue
		}
		for _, v := range key.Values {
			r.setting(key, evidence.SettingRemote, "portproxy "+way, v.Name+" to "+v.Text, "", "", key.Path+`\`+v.Name)
		}
	}
}

// hosts observes the lines of the hosts file.
func (r *reader) hosts() {
	r.Each(`C:\Windows\System32\drivers\etc\hosts`, 0, r.hostLines)
}

func (r *reader) hostLines(f *family.File) {
	line := int64(0)
	for text := range strings.SplitSeq(string(f.Data), "\n") {
		line++
		text, _, _ = strings.Cut(text, "#")
		if text = strings.Join(strings.Fields(text), " "); text == "" {
			continue
		}
		r.Observe(&evidence.Observation{
			Kind: evidence.ObserveSetting, Time: newest(f.Entry), Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: line, Text: text},
			Values: []string{evidence.SettingName, "hosts", text, "", "", strings.ReplaceAll(f.Path, "/", `\`)},
		})
	}
}
