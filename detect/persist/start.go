package persist

import (
	"regexp"
	"strings"

	"postern/evidence"
)

var (
	// temporary are folders where everybody, or a web server, writes and no program
	// is installed.
	temporary = regexp.MustCompile(`(^|/)(windows/(temp|tasks|debug|tracing)|users/public|perflogs|\$recycle\.bin|recycler|appdata/local/temp|inetpub/wwwroot|app_data/attachments|spool/drivers/color|system volume information)/[^:]*$|^/(tmp|var/tmp|dev/shm|run/shm)/`)
	// odd are folders of data, and the tops of folders in which programs have one of
	// their own.
	odd = regexp.MustCompile(`^([a-z]:)?/([^/]+|te?mp/(.*/)?[^/]+|programdata/[^/]+|users/[^/]+/([^/]+|(downloads|desktop|documents|music|pictures|videos)/.*|appdata/(roaming|local)/[^/]+))\.(exe|dll|scr|ps1|bat|cmd|vbs|js|hta)$`)
	// hiddenFolder is an element of a system's path that listings leave out.
	hiddenFolder = regexp.MustCompile(`^/(usr|lib|lib64|bin|sbin|var|opt|boot|srv|etc)/([^/]+/)*\.[^/]+`)
	// lawfulHidden are such elements that developers' tools make.
	lawfulHidden = regexp.MustCompile(`/\.(venv|virtualenv|local|nvm|npm|rbenv|rvm|pyenv|cargo|rustup|build-id|config|cache|dotnet|pm2|git|java|go|gem|composer|yarn|bun|deno|sdkman|asdf|keystone_install_lock|updated|pwd\.lock|uuid)(/|$)|^/etc/skel/`)
	system       = regexp.MustCompile(`^([a-z]:)?/windows/(system32|syswow64|sysnative|winsxs|servicing|adfs|microsoft\.net|immersivecontrolpanel|systemapps|explorer\.exe|uus)`)
	installed    = regexp.MustCompile(`^([a-z]:)?/(windows|program files( \(x86\)| \(arm\))?|programdata/microsoft)/`)
)

// systemNames are programs of Windows that stand in its own folders only
// (https://attack.mitre.org/techniques/T1036/005/).
var systemNames = set("svchost.exe lsass.exe csrss.exe smss.exe wininit.exe winlogon.exe services.exe spoolsv.exe taskhostw.exe taskhost.exe lsm.exe dwm.exe logonui.exe userinit.exe conhost.exe dllhost.exe rundll32.exe regsvr32.exe wmiprvse.exe searchindexer.exe sihost.exe fontdrvhost.exe ctfmon.exe")

func set(words string) map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		all[w] = true
	}
	return all
}

// start judges an autostart.
func (i *Item) start() {
	if why, found := suspicious(i.command); found {
		i.add(Command, "%s", why)
	}
	i.places()
	if i.kind == evidence.StartService {
		i.service()
	}
	if judge := kinds[i.kind]; judge != nil {
		judge(i)
	}
	if i.Get("ImageFound") == "no" && i.image != "" && i.Get("State") != "disabled" {
		i.add(GoneImage, "%s is not there", i.Get("Image"))
	}
}

// places judges where the programs lie that an autostart names.
func (i *Item) places() {
	named := append([]string{i.image}, programs(i.command)...)
	if startsTemporary.MatchString(i.command) {
		i.add(TemporaryImage, "it starts a program of a temporary folder")
	}
	for _, p := range named {
		switch {
		case p == "":
		case systemNames[base(p)] && strings.Contains(p, "/") && !system.MatchString(p) && !strings.Contains(p, "/windows.old/"):
			i.add(SystemName, "%s belongs into the folders of Windows, and this one is %s", base(p), p)
		case temporary.MatchString(p):
			i.add(TemporaryImage, "%s lies where everybody may write", p)
		case odd.MatchString(p) && !installed.MatchString(p):
			i.add(OddImage, "%s lies in no folder of its own", p)
		case hiddenFolder.MatchString(p) && !lawfulHidden.MatchString(p):
			i.add(HiddenImage, "%s", p)
		}
	}
}

// kinds are judgements of one kind of autostart each.
var kinds = map[string]func(*Item){
	evidence.StartTask:         (*Item).task,
	evidence.StartIFEO:         (*Item).imageOptions,
	evidence.StartWinlogon:     (*Item).winlogon,
	evidence.StartAppInit:      func(i *Item) { i.unlessEmpty(AppInit) },
	evidence.StartLSA:          func(i *Item) { i.unknown(LSAPackage, lsaPackages) },
	evidence.StartPrint:        (*Item).printing,
	evidence.StartTimeProvider: func(i *Item) { i.unknown(SystemLibrary, timeLibraries) },
	evidence.StartNetshHelper:  func(i *Item) { i.outside(SystemLibrary) },
	evidence.StartSession:      (*Item).session,
	evidence.StartWMI:          (*Item).wmi,
	evidence.StartCOM:          (*Item).class,
	evidence.StartIIS:          (*Item).webModule,
	evidence.StartPreload:      (*Item).preload,
	evidence.StartPAM:          (*Item).pam,
}

var (
	interpreter = regexp.MustCompile(`^([a-z]:/windows/(system32|syswow64)/)?(windowspowershell/v1\.0/)?(cmd|powershell|pwsh|cscript|wscript|mshta)(\.exe)?$|^%comspec%$`)
	// remoteShape are services that programs for remote execution make (T1569.002): by
	// name, or eight or sixteen letters that run a program at the top of
	// the folder of Windows.
	remoteShape = regexp.MustCompile(`^(remcomsvc|winexesvc|csexecsvc|xcmdsvc)`)
	// adminShape are services of programs that administrators use for it as well.
	adminShape  = regexp.MustCompile(`^(psexesvc|paexec)`)
	topOfFolder = regexp.MustCompile(`^[a-z]:/windows/[a-z]{8}\.exe$|^/?(admin\$|127\.0\.0\.1/admin\$)/[^/]+\.exe$`)
)

func (i *Item) service() {
	if interpreter.MatchString(i.image) && i.Get("Details") != "when the service fails" {
		i.add(ShellService, "it runs %s", i.image)
	}
	name := strings.ToLower(i.Get("Name"))
	if adminShape.MatchString(name) {
		i.add(RemoteAdmin, "%s", i.image)
	} else if remoteShape.MatchString(name) || topOfFolder.MatchString(i.image) {
		i.add(RemoteExec, "%s", i.image)
	}
	if lib := Path(i.Get("Details")); strings.HasSuffix(lib, ".dll") && strings.Contains(lib, "/") && strings.HasSuffix(i.image, "/svchost.exe") && !installed.MatchString(lib) {
		i.add(ServiceLibrary, "svchost loads %s", lib)
	}
}

func (i *Item) task() {
	if details := strings.ToLower(i.Get("Details")); strings.Contains(details, "hidden from lists") {
		i.add(HiddenTask, "%s", i.Get("Details"))
	}
}

// accessible are programs that the logon screen starts for anybody
// (https://attack.mitre.org/techniques/T1546/008/).
var accessible = set("sethc.exe utilman.exe osk.exe magnify.exe narrator.exe displayswitch.exe atbroker.exe")

// verifiers are the libraries of Application Verifier.
var verifiers = regexp.MustCompile(`^((vrfcore|vfbasics|vfcompat|vfluapriv|vfprint|vfnet|vfntlmless|vfnws|cuzzapp)\.dll[, ]*)+$`)

func (i *Item) imageOptions() {
	name := strings.ToLower(base(Path(i.Get("Name"))))
	switch {
	case accessible[name]:
		i.add(Accessibility, "%s is started for it", i.Get("CommandLine"))
	case strings.HasSuffix(i.image, "/vsjitdebugger.exe"), base(i.image) == "systray.exe", verifiers.MatchString(i.command):
	case i.command != "":
		i.add(ImageOptions, "%s", i.Get("TargetObject"))
	}
}

// winlogonLawful are values of Winlogon as Windows sets them.
var winlogonLawful = regexp.MustCompile(`^(explorer\.exe|%?[a-z0-9:%/\\ ]*userinit\.exe,?|[a-z]:\\windows\\explorer\.exe|)$`)

func (i *Item) winlogon() {
	lib := base(i.image)
	if winlogonLawful.MatchString(strings.TrimSpace(i.command)) || system.MatchString(i.image) && strings.HasSuffix(lib, ".dll") || strings.HasSuffix(lib, ".dll") && !strings.Contains(i.image, "/") {
		return
	}
	i.add(Winlogon, "%s", i.Get("TargetObject"))
}

// What Windows brings itself; a library may be named without folder and ending.
var (
	lsaPackages    = set("kerberos msv1_0 schannel wdigest tspkg pku2u cloudap livessp negoextender negoexts scecli rassfm kdcsvc dpapi efslsaext lsasrv credssp sshdpinauthlsa")
	printLibraries = set("localspl tcpmon usbmon wsdmon appmon fxsmon msonpmon win32spl inetpp winprint redmon pjlmon ps5ui unidrvui mxdwdrv tpwinprn ipmon ippmon apmon tpvmmon")
	timeLibraries  = set("w32time vmictimeprovider")
)

// unknown adds a rule for a library that is not of a set.
func (i *Item) unknown(rule string, known map[string]bool) {
	lib := i.image
	if lib == "" {
		lib = strings.Trim(Path(i.command), `" `)
	}
	if name := strings.TrimSuffix(base(lib), ".dll"); name != "" && !known[name] {
		i.add(rule, "%s", lib)
	}
}

// printing judges a library of the spooler. Makers of printers bring their own, into
// the system's folders.
func (i *Item) printing() {
	i.outside(SystemLibrary)
	i.unknown(PrintLibrary, printLibraries)
}

// outside adds a rule for a library outside of Windows' folders.
func (i *Item) outside(rule string) {
	if strings.Contains(i.image, "/") && !system.MatchString(i.image) {
		i.add(rule, "%s", i.image)
	}
}

func (i *Item) unlessEmpty(rule string) {
	if strings.TrimSpace(i.command) != "" {
		i.add(rule, "%s", i.Get("TargetObject"))
	}
}

func (i *Item) session() {
	name := strings.ToLower(i.Get("Name"))
	if strings.Contains(name, "execute") && !strings.HasPrefix(i.command, "autocheck autochk") && strings.TrimSpace(i.command) != "" {
		i.add(SystemLibrary, "%s runs before any guard", i.Get("TargetObject"))
	}
}

func (i *Item) wmi() {
	if name := strings.ToLower(i.Get("Name")); strings.Contains(name, "bvtconsumer") || strings.Contains(name, "scm event log consumer") {
		return // Windows' own
	}
	i.add(WMIConsumer, "%s", i.Get("TargetObject"))
}

func (i *Item) class() {
	if temporary.MatchString(i.image) || odd.MatchString(i.image) {
		i.add(UserClass, "%s", i.image)
	}
}

func (i *Item) webModule() {
	if i.Get("Details") == "handlers" {
		return // programs of languages, which administrators put anywhere: where they lie is judged as of all that starts
	}
	if strings.Contains(i.image, "/") && !installed.MatchString(i.image) {
		i.add(WebModule, "%s", i.image)
	}
}

// preloads are libraries that administrators preload: allocators, and what logs
// commands.
var preloads = regexp.MustCompile(`^/(usr/)?(local/)?lib(64|32)?/([^/]+/)?(lib(jemalloc|tcmalloc|mimalloc|snoopy|keepalive|eatmydata|faketime|nss_wrapper|gtk3-nocsd|arm[a-z0-9_]+|coofi_rpi)[^/]*|\$\{?platform\}?/[^/]+)\.so[.0-9]*$`)

func (i *Item) preload() {
	for lib := range strings.FieldsFuncSeq(strings.TrimPrefix(i.command, "ld_preload="), func(r rune) bool { return strings.ContainsRune(" :\t\n\"'", r) }) {
		if !preloads.MatchString(lib) && strings.Contains(lib, "/") {
			i.add(Preload, "%s", lib)
		}
	}
}

// pamFolder are folders of a distribution's modules.
var pamFolder = regexp.MustCompile(`^(/usr)?/lib(32|64)?/([a-z0-9_-]+/)?security/[^/]+$`)

func (i *Item) pam() {
	switch {
	case strings.Contains(i.command, "pam_exec"):
		i.add(PAMModule, "it runs a program at every logon")
	case strings.Contains(i.image, "/") && !pamFolder.MatchString(i.image):
		i.add(PAMModule, "%s", i.image)
	}
}
