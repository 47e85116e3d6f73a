package evidence

// Kinds of autostart: the values of field Kind of ObserveAutostart. One that a
// collector reads and no judgement knows is still held against indicators.
const (
	StartService        = "service"         // Windows service or driver, by the service control manager
	StartTask           = "task"            // scheduled task of Windows
	StartRunKey         = "run-key"         // Run, RunOnce and their relatives, per machine and per user
	StartFolder         = "startup-folder"  // a file in a startup folder
	StartWinlogon       = "winlogon"        // Shell, Userinit, Notify and relatives
	StartIFEO           = "image-options"   // Image File Execution Options: Debugger, VerifierDlls; SilentProcessExit
	StartAppInit        = "appinit"         // AppInit_DLLs, AppCertDLLs
	StartLSA            = "lsa-package"     // authentication, security and notification packages
	StartPrint          = "print"           // print monitors, providers and processors
	StartWMI            = "wmi"             // event consumers bound to a filter
	StartCOM            = "com"             // a class that a user's hive puts in front of the machine's
	StartTimeProvider   = "time-provider"   // W32Time providers
	StartNetshHelper    = "netsh-helper"    // helper DLLs of netsh
	StartSession        = "session-manager" // BootExecute, SetupExecute, KnownDLLs and relatives
	StartActiveSetup    = "active-setup"    // StubPath
	StartShell          = "shell-extension" // ShellServiceObjects, SharedTaskScheduler, command AutoRun, screen savers
	StartIIS            = "iis-module"      // native and managed modules, ISAPI filters, handlers
	StartPolicyScript   = "policy-script"   // logon, logoff, startup and shutdown scripts of policies
	StartBITS           = "bits-job"        // a transfer that starts a program when it ends
	StartUnit           = "systemd-unit"    // service, socket, path; its ExecStart and relatives
	StartTimer          = "systemd-timer"   // and the unit it starts
	StartCron           = "cron"            // crontabs, cron.d and the periodic folders; at jobs
	StartInit           = "init"            // rc.local, init.d, inittab, systemd generators
	StartProfile        = "shell-profile"   // what a shell runs by itself, of the machine or a user
	StartPreload        = "preload"         // ld.so.preload, LD_PRELOAD in environments
	StartModule         = "kernel-module"   // modules loaded by configuration
	StartUdev           = "udev"            // RUN of rules
	StartPAM            = "pam"             // modules of PAM that are no distribution's, pam_exec
	StartMOTD           = "motd"            // update-motd.d
	StartDesktop        = "desktop"         // XDG autostart
	StartPackageManager = "package-manager" // hooks of apt, dnf and dpkg
)

// Kinds of settings: the values of field Kind of ObserveSetting.
const (
	SettingDefender   = "defender"       // exclusions, protections that are off
	SettingFirewall   = "firewall-rule"  // a rule that lets in, a profile that is off
	SettingCredential = "credentials"    // WDigest, LSA protection, restricted admin, cached logons
	SettingRemote     = "remote-access"  // RDP, shadowing, WinRM, sshd_config
	SettingLogging    = "logging"        // event logs that are off or small, auditing, script block logging
	SettingPrivilege  = "privilege"      // UAC, SUID and SGID files, capabilities, sudoers
	SettingKey        = "authorized-key" // a key that opens an account
	SettingName       = "name-service"   // hosts file, nsswitch, resolvers, proxies
	SettingImmutable  = "immutable"      // a file that even its owner can't change
)

// Kinds of traces: the values of field Kind of ObserveTrace.
const (
	TraceAmcache     = "amcache"
	TraceShimcache   = "shimcache" // present once; not that it ran
	TraceBAM         = "bam"
	TraceUserAssist  = "userassist"
	TracePrefetch    = "prefetch"
	TraceSRUM        = "srum"
	TraceRecycled    = "recycled" // deleted into a recycle bin
	TraceHistory     = "history"  // a line of a shell's history
	TraceLogon       = "logon"    // wtmp, lastlog; TerminalServices
	TraceFailedLogon = "failed-logon"
	TracePackage     = "package" // a program installed, by the package manager's log
	TraceDefender    = "defender-history"

	TraceMUICache      = "muicache"       // the desktop read its name to show it
	TraceRemoteDesktop = "remote-desktop" // from here to another machine
	TraceDeleted       = "deleted-file"   // a file that the file table still has
	TraceTimes         = "file-times"     // a file that claims to be older than the file system says
	TraceJournal       = "change-journal" // a file that came or went
)
