package persist

import (
	"regexp"
	"strings"

	"postern/evidence"
)

// setting judges a setting.
func (i *Item) setting() {
	name, value := strings.ToLower(i.Get("Name")), strings.ToLower(strings.TrimSpace(i.Get("Details")))
	switch i.kind {
	case evidence.SettingDefender:
		i.defender(name, value)
	case evidence.SettingCredential:
		switch {
		case strings.HasSuffix(name, "uselogoncredential") && value == "1":
			i.add(PlainPasswords, "%s", i.Get("TargetObject"))
		case strings.HasSuffix(name, "disablerestrictedadmin") && value == "0":
			i.add(HashLogon, "%s", i.Get("TargetObject"))
		}
	case evidence.SettingFirewall:
		i.firewall(name, value)
	case evidence.SettingLogging:
		if (value == "0" || value == "off" || value == "disabled") && !strings.HasSuffix(name, "maxsize") {
			i.add(LoggingOff, "%s", i.Get("TargetObject"))
		}
	case evidence.SettingPrivilege:
		i.privilege()
	case evidence.SettingKey:
		i.key()
	case evidence.SettingRemote:
		i.remote(name, value)
	case evidence.SettingName:
		if guards.MatchString(value + " " + name) {
			i.add(NameRedirected, "%s", i.Get("Details"))
		}
	case evidence.SettingImmutable:
		if startsThings.MatchString(i.path()) {
			i.add(Unchangeable, "%s", i.path())
		}
	}
}

// path is the file or program that a setting is about.
func (i *Item) path() string {
	if i.image != "" {
		return i.image
	}
	return Path(i.Get("TargetObject"))
}

var (
	// wide are exclusions of whole drives, of folders where everybody may write, and
	// of kinds of programs.
	wide = regexp.MustCompile(`^([a-z]:/?|[a-z]:/(windows|programdata|users|perflogs|inetpub|temp)(/[^/]*)?/?|.*/(temp|tmp|public|appdata)(/[^/]*)?/?|\.?(exe|dll|ps1|bat|cmd|vbs|js|aspx|ashx|php|hta|msi|\*)|\*(\.\*)?|(.*/)?(powershell|cmd|wscript|cscript|mshta|rundll32|regsvr32|w3wp|conhost)(\.exe)?)$`)
	// startsThings are files that start programs or open accounts.
	startsThings = regexp.MustCompile(`^/(etc/(cron|systemd|init|rc|ld\.so|passwd|shadow|sudoers|ssh|pam|profile|bash)|var/spool/cron|root/|home/[^/]+/\.(ssh|bash|profile)|usr/lib/systemd|lib/systemd|tmp/|dev/shm/|var/tmp/|usr/(local/)?s?bin/|s?bin/)`)
	guards       = regexp.MustCompile(`\b(windowsupdate|update\.microsoft|download\.windowsupdate|wdcp\.microsoft|wd\.microsoft|smartscreen|symantec|mcafee|kaspersky|eset|sophos|trendmicro|crowdstrike|sentinelone|bitdefender|malwarebytes|avast|avg|clamav|security\.(debian|ubuntu)|cdn\.redhat|carbonblack|fireeye|cylance|smartertools)\b`)
)

func (i *Item) defender(name, value string) {
	if strings.Contains(name, "exclusion") {
		what := Path(i.Get("Details"))
		if wide.MatchString(what) || temporary.MatchString(what) || odd.MatchString(what) {
			i.add(WideExclusion, "%s", i.Get("Details"))
			return
		}
		i.add(Exclusion, "%s", i.Get("Details"))
		return
	}
	if strings.Contains(name, "disable") && value == "1" || strings.HasSuffix(name, "amsienable") && value == "0" || strings.HasSuffix(name, "tamperprotection") && value == "0" {
		i.add(DefenderOff, "%s", i.Get("TargetObject"))
	}
}

// prompted are rules that the system made when a user let a program in.
var prompted = regexp.MustCompile(`(?i)\\(tcp|udp) query user\{`)

func (i *Item) firewall(name, value string) {
	switch {
	case prompted.MatchString(i.Get("TargetObject")) && !temporary.MatchString(i.image): // somebody answered the system's question
	case i.image != "" && (temporary.MatchString(i.image) || odd.MatchString(i.image)):
		i.add(FirewallOpen, "%s", i.image)
	case strings.HasSuffix(name, "enablefirewall") && value == "0":
		i.add(FirewallOff, "%s", i.Get("TargetObject"))
	}
}

var (
	// givesShell are programs that start others or write any file
	// (https://gtfobins.github.io/, "SUID").
	givesShell = regexp.MustCompile(`/((ba|da|z|k|c|tc|fi|a)?sh|busybox|python[\d.]*|perl[\d.]*|php[\d.]*|ruby[\d.]*|node|lua[\d.]*|tclsh[\d.]*|g?awk|mawk|nawk|find|vim?|vim\.[a-z]+|nano|emacs|ed|less|more|cp|mv|dd|tar|rsync|env|nmap|nc|ncat|socat|tcpdump|gdb|strace|docker|systemctl|tee|install|openssl|curl|wget|xxd|base64|cat|chmod|chown|make|xargs|time|timeout|nice|ionice|stdbuf|taskset|watch|expect|rlwrap|script|flock|setarch|unshare|capsh|ld\.so)$`)
	// systemBin are folders in which distributions keep programs that run as root.
	systemBin = regexp.MustCompile(`^/(usr|s?bin|lib(32|64)?|snap|nix|run/wrappers|var/qmail|var/lib/(docker|containers|snapd|lxd|lxc|machines)|opt/[^/]+/[^/]+)/`)
	// dangerousCap are capabilities that make root.
	dangerousCap = regexp.MustCompile(`\bcap_(setuid|setgid|sys_admin|sys_ptrace|sys_module|dac_override|dac_read_search|chown|fowner|setfcap|bpf)\b`)
	serviceUser  = regexp.MustCompile(`^(www-data|apache|nginx|http|httpd|nobody|daemon|mail|smartermail|mailman|postfix|dovecot|games|man|lp|news|uucp|proxy|backup|list|irc|sys|bin|sync|mysql|postgres|redis|tomcat\d*|nagios|zabbix|sshd|ftp|systemd-[a-z]+|messagebus|_[a-z]+)$`)
)

func (i *Item) privilege() {
	name := strings.ToLower(i.Get("Name"))
	path := i.path()
	switch {
	case strings.HasPrefix(name, "suid"), strings.HasPrefix(name, "sgid"):
		switch {
		case strings.HasPrefix(name, "suid") && givesShell.MatchString(path):
			i.add(ElevatedShell, "%s", path)
		case temporary.MatchString(path), hiddenFolder.MatchString(path) && !lawfulHidden.MatchString(path), !systemBin.MatchString(path) && strings.HasPrefix(name, "suid"):
			i.add(ElevatedFile, "%s", path)
		}
	case strings.HasPrefix(name, "capabilit"):
		if dangerousCap.MatchString(i.command) && (givesShell.MatchString(path) || !systemBin.MatchString(path)) {
			i.add(ElevatedShell, "%s has %s", path, i.Get("Details"))
		}
	case strings.HasPrefix(name, "sudoers"):
		i.sudoers()
	}
}

var everything = regexp.MustCompile(`=\s*(\([^)]*\)\s*)?nopasswd\s*:\s*([a-z_]+:\s*)*all\b`)

func (i *Item) sudoers() {
	if user := strings.ToLower(i.Get("User")); everything.MatchString(i.command) && (serviceUser.MatchString(user) || user == "all") {
		i.add(SudoService, "%s", i.Get("Details"))
	}
}

func (i *Item) key() {
	if why, found := suspicious(i.command); found {
		i.add(KeyCommand, "%s", why)
	}
	if user := strings.ToLower(i.Get("User")); serviceUser.MatchString(user) {
		i.add(ServiceKey, "%s in %s", i.Get("Name"), i.Get("TargetObject"))
	}
}

func (i *Item) remote(name, value string) {
	switch {
	case strings.HasPrefix(name, "portproxy"):
		i.add(PortForwarded, "%s", i.Get("Details"))
	case name == "authorizedkeyscommand" && value != "none" && value != "" && !lawfulKeys.MatchString(value),
		name == "authorizedkeysfile" && (strings.Contains(value, "/tmp") || strings.Contains(value, "/dev/shm") || strings.HasPrefix(value, "/etc/") && !strings.Contains(value, "%u")):
		i.add(KeyedElsewhere, "%s %s", i.Get("Name"), i.Get("Details"))
	}
}

// lawfulKeys are programs of directories and clouds that bring keys.
var lawfulKeys = regexp.MustCompile(`^/usr/(s?bin|lib|libexec|share)/([^/]+/)*(sss_ssh_authorizedkeys|eic_run_authorized_keys|google_authorized_keys|oslogin|ec2-instance-connect|userdbctl|aws[^ ]*|gitlab[^ ]*)`)

// account judges a local account.
func (i *Item) account() {
	name, sid := strings.ToLower(i.Get("TargetUserName")), i.Get("TargetSid")
	states := "," + strings.ToLower(i.Get("State")) + ","
	open := !strings.Contains(states, ",disabled,") && !strings.Contains(states, ",locked,")
	noPassword := strings.Contains(states, ",no-password,")
	shell := i.image != "" && !noLogin.MatchString(i.image)
	switch {
	case sid == "0" && name != "root" && name != "toor":
		i.add(SecondRoot, "its number is 0")
	case strings.Contains(i.Get("Details"), "acts as the account"):
		i.add(BorrowedRID, "%s", i.Get("Details"))
	case strings.Contains(i.Get("Details"), "left out of the logon screen") && strings.Contains(i.Get("Groups"), "Administrators") && open:
		i.add(HiddenLogon, "it is in %s", i.Get("Groups"))
	case strings.HasPrefix(sid, "S-1-5-21-") && strings.HasSuffix(name, "$") && name != "homegroupuser$":
		i.add(HiddenAccount, "it ends in $, as machines' accounts do")
	case strings.HasPrefix(sid, "S-1-5-21-") && strings.HasSuffix(sid, "-501") && open:
		i.add(GuestOn, "%s", i.Get("TargetObject"))
	case noPassword && open && shell:
		i.add(NoPassword, "its shell is %s", i.Get("Image"))
	case serviceUser.MatchString(name) && shell && open && i.Get("PasswordLastSet") != "" && !lawfulShell[name]:
		i.add(ServiceLogon, "its shell is %s", i.Get("Image"))
	}
}

var (
	noLogin     = regexp.MustCompile(`/(nologin|false|sync|halt|shutdown|true)$`)
	lawfulShell = set("postgres mysql gitlab git backup zabbix nagios")
)

// process judges a running process.
func (i *Item) process() {
	gone := strings.HasSuffix(i.image, " (deleted)")
	i.image = strings.TrimSuffix(i.image, " (deleted)")
	switch {
	case systemNames[base(i.image)] && strings.HasSuffix(i.image, ".exe") && strings.Contains(i.image, "/") && !system.MatchString(i.image):
		i.add(ProcessName, "%s belongs into the folders of Windows", base(i.image))
	case temporary.MatchString(i.image):
		i.add(ProcessTemp, "%s", i.image)
	case gone || strings.HasPrefix(i.image, "/memfd:"):
		i.add(ProcessGone, "%s", i.image)
	}
}

// trace judges a trace of what ran.
func (i *Item) trace() {
	if i.kind == evidence.TraceHistory {
		if why, found := suspicious(i.command); found {
			i.add(TraceCommand, "%s", why)
		}
		return
	}
	switch i.kind {
	case evidence.TraceTimes:
		i.add(TraceTimes, "%s", clip(i.Get("Details")))
	case evidence.TraceDefender:
		i.add(TraceFound, "%s", clip(i.Get("Details")))
		return
	}
	switch {
	case systemNames[base(i.image)] && strings.Contains(i.image, "/") && !system.MatchString(i.image) && !strings.Contains(i.image, "/windows.old/"):
		i.add(TraceName, "%s", i.kind)
	case temporary.MatchString(i.image) && ranAs.MatchString(i.image) && !unpacked.MatchString(i.image):
		i.add(TraceTemp, "%s", i.kind)
	}
}

var (
	// ranAs are endings of what runs, or is run by a server; a shortcut or a picture that
	// was opened or thrown away is none.
	ranAs = regexp.MustCompile(`/[^/.]*$|\.(exe|dll|com|scr|cpl|ps1|bat|cmd|vbs|vbe|js|jse|wsf|hta|sys|msi|aspx?|as[hma]x|cshtml|jspx?|php\d?|tmp|dat|bin)$`)
	// unpacked are folders that installers and archivers make for what they unpack.
	unpacked = regexp.MustCompile(`/temp/(\{[0-9a-f-]{36}\}|[0-9a-f-]{32,36}|[^/]+\.(tmp|[a-z0-9]{3})|7zs[0-9a-f]+|rar\$ex[a-z0-9.]+|rarsfx\d+|chocolatey)/`)
)
