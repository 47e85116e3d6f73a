package persist

import (
	"slices"

	"postern/detect/anomaly"
)

// The ids of rules.
const (
	Command        = "start.suspicious-command"
	TemporaryImage = "start.program-in-temporary-folder"
	OddImage       = "start.program-in-odd-folder"
	SystemName     = "start.system-name-elsewhere"
	ShellService   = "start.service-is-a-shell"
	RemoteExec     = "start.remote-execution"
	RemoteAdmin    = "start.remote-administration"
	Accessibility  = "start.accessibility-program-replaced"
	ImageOptions   = "start.debugger-set"
	Winlogon       = "start.winlogon-changed"
	AppInit        = "start.library-in-every-program"
	LSAPackage     = "start.unknown-lsa-package"
	SystemLibrary  = "start.unknown-system-library"
	PrintLibrary   = "start.print-library"
	ServiceLibrary = "start.service-library-elsewhere"
	WMIConsumer    = "start.wmi-consumer"
	UserClass      = "start.class-of-user"
	HiddenTask     = "start.hidden-task"
	WebModule      = "start.web-server-module"
	GoneImage      = "start.program-gone"
	Preload        = "start.preloaded-library"
	PAMModule      = "start.pam-module"
	HiddenImage    = "start.hidden-folder"

	Exclusion      = "setting.defender-exclusion"
	WideExclusion  = "setting.defender-wide-exclusion"
	DefenderOff    = "setting.defender-off"
	PlainPasswords = "setting.passwords-in-memory"
	HashLogon      = "setting.logon-by-hash"
	FirewallOpen   = "setting.firewall-opened"
	FirewallOff    = "setting.firewall-off"
	LoggingOff     = "setting.logging-off"
	ElevatedFile   = "setting.file-runs-as-root"
	ElevatedShell  = "setting.shell-runs-as-root"
	SudoService    = "setting.service-account-may-be-root"
	ServiceKey     = "setting.key-of-service-account"
	KeyCommand     = "setting.key-command"
	KeyedElsewhere = "setting.keys-from-elsewhere"
	NameRedirected = "setting.guard-redirected"
	PortForwarded  = "setting.port-forwarded"
	Unchangeable   = "setting.file-made-unchangeable"

	SecondRoot    = "account.second-root"
	HiddenAccount = "account.hidden-name"
	HiddenLogon   = "account.left-out-at-logon"
	BorrowedRID   = "account.acts-as-another"
	ServiceLogon  = "account.service-account-logs-on"
	NoPassword    = "account.without-password"
	GuestOn       = "account.guest-enabled"
	Administrator = "account.administrator"
	ProcessTemp   = "process.in-temporary-folder"
	ProcessGone   = "process.program-deleted"
	ProcessName   = "process.system-name-elsewhere"
	TraceTemp     = "trace.ran-in-temporary-folder"
	TraceName     = "trace.system-name-elsewhere"
	TraceTimes    = "trace.time-set-back"
	TraceFound    = "trace.defender-found"
	TraceCommand  = "trace.suspicious-command"
)

const attack = "https://attack.mitre.org/techniques/"

// Rules are all rules of this package.
func Rules() []anomaly.Rule {
	return slices.Concat(startRules(), settingRules(), otherRules(), toolRules())
}

// rule makes a rule from a title, how sure and how bad it is, a technique and what to
// do next. A state is there; a lead may be lawful.
func rule(id, title, class, severity, technique, next string) anomaly.Rule {
	confidence := "likely"
	source := attack + technique + "/"
	if len(technique) == len("T1000.000") {
		source = attack + technique[:5] + "/" + technique[6:] + "/"
	}
	return anomaly.Rule{ID: id, Title: title, Class: class, Severity: severity, Confidence: confidence, Attack: []string{technique}, Next: next, Source: source}
}

const (
	state, lead       = "state", "lead"
	high, medium, low = "high", "medium", "low"
	askWho            = "Ask who set it up, and when; keep a copy of what it runs with its times."
)

func startRules() []anomaly.Rule {
	return []anomaly.Rule{
		rule(Command, "What starts by itself runs a command that fetches, decodes or hides what it runs", state, high, "T1059", "Keep the command and what it fetched; take the host off the network before it runs again."),
		rule(TemporaryImage, "What starts by itself lies where everybody may write", state, high, "T1543", askWho),
		rule(OddImage, "What starts by itself lies where no installer puts programs", lead, medium, "T1543", askWho),
		rule(HiddenImage, "What starts by itself lies in a hidden folder of the system", lead, medium, "T1564.001", askWho),
		rule(SystemName, "What starts by itself is called as a program of Windows and lies elsewhere", state, high, "T1036.005", "Compare its hash with the system's own; keep a copy with its times."),
		rule(ShellService, "A service is a command interpreter", state, high, "T1543.003", "Read the command: programs for remote execution make such services and forget to remove them."),
		rule(RemoteExec, "A service of the shape that programs for remote execution make", state, high, "T1569.002", "Find in the event logs (7045, 4697) who made it and from where."),
		rule(RemoteAdmin, "A service that PsExec or its like left: administrators and intruders use them", lead, medium, "T1569.002", "Ask who ran it, and find in the event logs (7045, 4697) when and from where."),
		rule(Accessibility, "A program of the logon screen has another in its place", state, high, "T1546.008", "It opens the machine without a password to whoever reaches its screen or its remote desktop: remove the value after keeping a copy."),
		rule(ImageOptions, "A program has another started in its place, or beside it", lead, medium, "T1546.012", askWho),
		rule(Winlogon, "The logon runs more, or other things, than Windows' own", state, medium, "T1547.004", askWho),
		rule(AppInit, "A library is loaded into every program", lead, medium, "T1546.010", askWho),
		rule(LSAPackage, "The security authority loads a package that Windows does not bring", lead, medium, "T1547.005", "See who made the library: it sees every password."),
		rule(SystemLibrary, "A part of Windows loads a library that Windows does not bring", lead, medium, "T1547.010", askWho),
		rule(PrintLibrary, "The spooler loads a library that Windows does not bring", lead, low, "T1547.012", "Makers of printers bring such libraries; see whether the machine has such a printer."),
		rule(ServiceLibrary, "A shared service loads its library from outside the folders of programs", state, medium, "T1543.003", askWho),
		rule(WMIConsumer, "An event of the system runs a command or script", lead, medium, "T1546.003", askWho),
		rule(UserClass, "A user's registry puts a program where everybody may write in front of a class", state, medium, "T1546.015", askWho),
		rule(HiddenTask, "A scheduled task hides from the lists of tasks", state, high, "T1053.005", "The registry still has it; keep the keys and what it runs, and look for what made it."),
		rule(WebModule, "The web server loads a module from outside its own folders", lead, medium, "T1505.004", "See who made it and when it came: such a module reads and answers every request."),
		rule(GoneImage, "What starts by itself is no longer there", lead, low, "T1070.004", "It may have been removed by its vendor, or by whoever brought it; look for it in what ran."),
		rule(Preload, "A library is loaded into every program", state, high, "T1574.006", "Look at the machine from outside: such a library can hide files and processes from every tool that runs on it."),
		rule(PAMModule, "Logons run a module or program that the distribution does not bring", lead, medium, "T1556.003", "See which package it is of: it sees every password and may let in anybody."),
	}
}

func settingRules() []anomaly.Rule {
	return []anomaly.Rule{
		rule(Exclusion, "Defender leaves something out", lead, low, "T1562.001", "Ask who wanted it; mail servers need their stores and spools left out, and little else."),
		rule(WideExclusion, "Defender leaves out where intruders put their programs", lead, medium, "T1562.001", "Ask who wanted it, and look at what lies there."),
		rule(DefenderOff, "A protection of Defender is off", lead, medium, "T1562.001", "Ask whether another product stands in for it; else find in Defender's event log when it was switched off."),
		rule(PlainPasswords, "Windows is told to keep passwords readable in memory", state, medium, "T1112", "Few programs need it, and intruders set it to read the next logon's password; take those of all who logged on since for known."),
		rule(HashLogon, "Remote desktop accepts hashes of passwords for administrators", lead, medium, "T1550.002", askWho),
		rule(FirewallOpen, "The firewall lets in a program that lies where no installer puts programs", lead, medium, "T1562.004", askWho),
		rule(FirewallOff, "A profile of the firewall is off", lead, low, "T1562.004", "Ask whether another firewall stands in for it."),
		rule(LoggingOff, "A log that shows intruders is off", lead, medium, "T1562.002", "Ask who switched it off, and when; what it would have told is missing."),
		rule(ElevatedFile, "A file that runs as root lies where none belongs", state, high, "T1548.001", "Keep a copy with its times; it makes root of whoever starts it."),
		rule(ElevatedShell, "An interpreter or tool that gives a shell runs as root for everybody", state, high, "T1548.001", "Take the mode bit away after keeping its times; it makes root of whoever starts it."),
		rule(SudoService, "An account of a service may do everything as root without a password", state, high, "T1548.003", askWho),
		rule(ServiceKey, "A key opens an account of a service", lead, medium, "T1098.004", "Ask whose key it is; nobody logs on to such an account by day."),
		rule(KeyCommand, "A key of an account starts a suspicious command", state, high, "T1098.004", askWho),
		rule(KeyedElsewhere, "The server for remote logons takes keys from a program or an odd file", lead, medium, "T1098.004", askWho),
		rule(NameRedirected, "The names of those who bring updates or protection lead elsewhere", state, medium, "T1562.001", askWho),
		rule(PortForwarded, "The system hands connections to one of its ports on to another machine", lead, medium, "T1090.001", "Ask who set it up; intruders reach inner machines so."),
		rule(Unchangeable, "A file that starts things or opens accounts was made unchangeable", lead, medium, "T1222.002", "Intruders guard their files so; ask whether an administrator did."),
	}
}

func otherRules() []anomaly.Rule {
	return []anomaly.Rule{
		rule(SecondRoot, "Another account than root is root", state, high, "T1136.001", "Find when it came, and who has used it."),
		rule(HiddenAccount, "An account has a name that lists leave out", state, high, "T1564.002", "Find in the event logs (4720) who made it and from where."),
		rule(HiddenLogon, "An administrator's account is left out of the logon screen", lead, medium, "T1564.002", askWho),
		rule(BorrowedRID, "An account acts as another one", state, high, "T1098", "Its entry names the other's number, so that who logs on to it has the other's rights; find when it was changed, and by whom."),
		rule(ServiceLogon, "An account of a service has a shell and a password", lead, medium, "T1078.003", "Ask whether it ever logged on, and who gave it a password."),
		rule(NoPassword, "An account that may log on has no password", lead, medium, "T1078.003", "Lock it, and see whether anybody came in by it."),
		rule(GuestOn, "The guest account is switched on", lead, medium, "T1078.001", "Ask who wanted it."),
		rule(ProcessTemp, "A program runs from where everybody may write", state, high, "T1036", "Keep its memory and its file before it ends; see what it talks to."),
		rule(ProcessGone, "A program runs whose file is gone", lead, medium, "T1070.004", "An update explains it where a newer file stands there; else keep a copy of it from memory (/proc/PID/exe)."),
		rule(ProcessName, "A process is called as a program of Windows, and its file lies elsewhere", state, high, "T1036.005", "Keep its memory and its file before it ends."),
		rule(TraceTemp, "A program ran from where no installer puts one", lead, low, "T1036", "See whether it is still there, and what else happened at that time."),
		rule(TraceName, "A program ran that is called as one of Windows', and lay elsewhere", lead, medium, "T1036.005", "See whether it is still there, and what else happened at that time."),
		rule(TraceTimes, "A program or page claims to be older than the file system says", lead, medium, "T1070.006", "See what it is, and who brought it when the file system says; archives and installers set such times, too."),
		rule(TraceFound, "Defender found a threat here", lead, medium, "T1588.001", "See what it did with it, and what else came at that time; what it removed is gone, and how it came is not told."),
		rule(TraceCommand, "A command fetched, decoded or hid what it ran", lead, medium, "T1059", "Find who typed it, and what it brought."),
	}
}
