package persist

import "regexp"

// sign is a shape of commands that intruders use and administrators hardly do.
type sign struct {
	re  *regexp.Regexp // over a command in lower case
	why string
}

func shape(re, why string) sign { return sign{regexp.MustCompile(re), why} }

const (
	powershell = `\b(powershell|pwsh)(_ise)?(\.exe)?\b`
	script     = `\.(exe|dll|scr|ps1|psm1|bat|cmd|vbs|vbe|js|jse|wsf|hta|msi|sct)\b`
	shells     = `(ba|da|z|k|a)?sh`
)

// signs are such shapes, after the sub-techniques of T1059, T1105, T1140, T1218 and
// T1562 of ATT&CK.
var signs = []sign{
	shape(powershell+`.*\s[-/]e(c|n|nc|nco[a-z]*)?\s+['"]?[a-z0-9+/]{24,}`, "PowerShell runs an encoded command"),
	shape(`frombase64string|\biex\b.*(http|webclient|frombase64|gzipstream|\biwr\b|\birm\b|invoke-(web|rest))|(http|webclient|\biwr\b|\birm\b|invoke-(web|rest)).*\|\s*(iex|invoke-expression)\b|invoke-expression.*(http|webclient)|downloadstring\s*\(`, "PowerShell runs what it fetches or decodes"),
	shape(`(downloadfile|start-bitstransfer|-outfile|invoke-webrequest|\biwr\b|\bcurl(\.exe)?\b|\bwget\b).*https?:.*`+script, "it fetches a program"),
	shape(powershell+`.*\s-nop[a-z]*\b.*\s-w[a-z]*\s+(h[a-z]*|1)\b|`+powershell+`.*\s-w[a-z]*\s+(h[a-z]*|1)\b.*\s-nop[a-z]*\b`, "PowerShell hides its window and takes no profile"),
	shape(`\bmshta(\.exe)?\b.*(https?:|javascript:|vbscript:|\\\\)`, "mshta runs a script from elsewhere"),
	shape(`\bregsvr32(\.exe)?\b.*(/i:\s*https?:|scrobj)`, "regsvr32 runs a scriptlet"),
	shape(`\brundll32(\.exe)?\b.*(javascript:|https?:|comsvcs.*minidump)`, "rundll32 runs what is no library, or dumps memory"),
	shape(`\bcertutil(\.exe)?\b.*[-/](urlcache|decode|decodehex|verifyctl)\b`, "certutil fetches or decodes a file"),
	shape(`\bbitsadmin(\.exe)?\b.*/(transfer|addfile|setnotifycmdline)\b`, "bitsadmin fetches a file or starts a program"),
	shape(`\bmsiexec(\.exe)?\b.*[-/](i|q[a-z]*|package)\s*['"]?https?:`, "msiexec installs from the network"),
	shape(`\bwmic(\.exe)?\b.*(process\s+call\s+create|/format:\s*['"]?https?:)`, "wmic starts a program or a script from the network"),
	shape(`\b[cw]script(\.exe)?\b.*(/e:|//e:|appdata|\\temp\\|\\public\\|\\programdata\\[^\\]+$)`, "the script host runs a script of an odd place"),
	shape(`\b(msbuild|installutil|regasm|regsvcs|cmstp)(\.exe)?\b.*(\\temp\\|\\users\\public\\|\\programdata\\|\\appdata\\)`, "a program of .NET or Windows runs code of an odd place"),
	shape(`\becho\b.*>\s*\\\\\.\\pipe\\`, "a command speaks to a named pipe, as programs do that take SYSTEM's rights"),
	shape(`1>\s*\\\\(127\.0\.0\.1|localhost|[a-z0-9_.-]+)\\(admin|c)\$\\|\\\\127\.0\.0\.1\\(admin|c)\$\\__`, "a command writes its answer to an administrative share, as programs for remote execution do"),
	shape(`\bnet1?(\.exe)?\s+user\s.*/add\b|\bnet1?(\.exe)?\s+localgroup\s.*/add\b`, "it adds an account or a member of a group"),
	shape(`\bvssadmin(\.exe)?\b.*\bdelete\b|\bwbadmin(\.exe)?\b.*\bdelete\b|\bbcdedit(\.exe)?\b.*recoveryenabled\s+no|shadowcopy\s+delete`, "it destroys what a system is restored from"),
	shape(`\bwevtutil(\.exe)?\b.*\s(cl|clear-log)\b|clear-eventlog`, "it clears event logs"),
	shape(`(add|set)-mppreference\b.*-(exclusion|disable)|\bsc(\.exe)?\s+(stop|delete|config)\s+windefend`, "it takes Defender away"),
	shape(`\breg(\.exe)?\s+save\b.*\bhklm\\(sam|security|system)\b|\bntdsutil\b|\bprocdump\b.*\blsass\b|\bsekurlsa\b`, "it copies the system's passwords"),

	shape(`/dev/(tcp|udp)/`, "a shell speaks to the network"),
	shape(`\b(ba|z)?sh\s+-i\b.*[<>|&]`, "a shell is handed to somebody"),
	shape(`\b(nc|ncat|netcat)\b.*\s-[a-z]*[ec]\s*\S*(/|\b)`+shells+`\b`, "a shell is handed to the network"),
	shape(`\bsocat\b.*\bexec:`, "a program is handed to the network"),
	shape(`\b(curl|wget|fetch|lwp-download)\b[^|;]*\|\s*(sudo\s+)?(/\S*/)?(`+shells+`|python[\d.]*|perl|php)\b`, "it runs what it fetches"),
	shape(`\b(curl|wget|fetch)\b.*(/tmp|/var/tmp|/dev/shm)/.*(;|&&)\s*(chmod|`+shells+`|/tmp|/var/tmp|/dev/shm)`, "it fetches a program into a temporary folder and starts it"),
	shape(`\bbase64\s+(-d|-di|--decode)\b.*\|\s*(sudo\s+)?(/\S*/)?(`+shells+`|python[\d.]*|perl|php|eval)\b|\beval\b.*\bbase64\b`, "it runs what it decodes"),
	shape(`\b(`+shells+`)\s+(-c\s+)?['"]?(<\(|\$\(|`+"`"+`)\s*(curl|wget|base64)`, "it runs what it fetches or decodes"),
	shape(`\bpython[\d.]*\s+-c\b.*(socket|b64decode|exec\(|urlopen|pty\.spawn)|\bperl\b.*\s-e\b.*\b(socket|io::socket)\b|\bphp\b.*\s-r\b.*(fsockopen|base64_decode|eval\()|\bruby\b.*-rsocket`, "an interpreter runs a line that speaks to the network or decodes itself"),
	shape(`\bmkfifo\b.*\b(nc|ncat|openssl|telnet)\b`, "a shell is handed to the network"),
	shape(`\bld_preload\s*=\s*\S*(/tmp/|/dev/shm/|/var/tmp/|/\.)`, "it loads a library of an odd place into what it starts"),
	shape(`>>?\s*\S*authorized_keys\b`, "it adds a key to an account"),
	shape(`\bchattr\s+\+[a-z]*i\b`, "it makes a file unchangeable"),
	shape(`\b(useradd|adduser)\b.*\s(-o\b.*)?-u\s*0\b|\busermod\b.*-u\s*0\b`, "it makes another root"),
	shape(`\bhistory\s+-c\b|\bunset\s+histfile\b|histfile=/dev/null|>\s*/var/log/(wtmp|btmp|lastlog|auth\.log|secure)\b`, "it wipes traces"),
}

// startsTemporary are commands that start a program of a folder where everybody may
// write: the command itself, one of a list, or what an interpreter runs.
var startsTemporary = regexp.MustCompile(`(^|[;&|({]\s*|^['"]|\b(` + shells + `|python[\d.]*|perl|php[\d.]*|ruby|node|java\s+-jar|exec|nohup|setsid|source|env|sudo|nice)\s+(-\S+\s+)*['"]?)(/tmp|/var/tmp|/dev/shm|/run/shm)/[^\s;&|>'"]+`)

// pathInCommand is a path to a program or script of Windows in a command.
var pathInCommand = regexp.MustCompile(`([a-z]:[\\/]|%[a-z()]+%[\\/])[^"<>|?*:]{1,240}?` + script)

// suspicious tells what of a command, in lower case, is of an intruder's shape.
func suspicious(command string) (why string, found bool) {
	if len(command) < 8 {
		return "", false
	}
	const most = 32 << 10
	if len(command) > most {
		command = command[:most]
	}
	for _, s := range signs {
		if s.re.MatchString(command) {
			return s.why, true
		}
	}
	return "", false
}

// programs are the paths that a command names beside its own image.
func programs(command string) (all []string) {
	for _, p := range pathInCommand.FindAllString(command, 8) {
		all = append(all, Path(p))
	}
	return all
}
