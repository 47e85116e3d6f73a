// Package anomaly judges files by what rules over content can't see: names that
// deceive, content that its name denies, pages that came long after their site. Each
// judgement gives its reason. All are leads or states for people to look at, and none
// stands on time alone.
package anomaly

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Rule is a judgement as findings show it.
type Rule struct {
	ID, Title, Class, Severity, Confidence string // of the report's values
	Attack                                 []string
	Next                                   string
	Source                                 string // what the judgement follows
}

// The ids of rules.
const (
	DoubleExtension = "file.double-extension"
	Reversed        = "file.reversed-name"
	FalseExtension  = "file.program-under-another-name"
	SystemName      = "file.system-name-elsewhere"
	LatePage        = "file.late-page"
	AlteredProgram  = "file.program-altered"
	DamagedSigning  = "file.signature-damaged"
	RenamedTool     = "file.system-tool-renamed"
)

const masquerading = "https://attack.mitre.org/techniques/T1036/"

// Rules are all rules of this package.
func Rules() []Rule {
	return []Rule{
		{DoubleExtension, "A program or page whose name begins like a document's or an image's", "lead", "medium", "likely", []string{"T1036.007"},
			"Ask who put it there; keep a copy with its times.", masquerading + "007/"},
		{Reversed, "A name that reads backwards on a screen, to look like another kind of file", "state", "high", "likely", []string{"T1036.002"},
			"Keep a copy with its times, and find who brought it.", masquerading + "002/"},
		{FalseExtension, "A Windows program that its name calls something else", "state", "medium", "likely", []string{"T1036.008"},
			"Keep a copy with its times, and look for what started or loaded it.", masquerading + "008/"},
		{SystemName, "A program called as one of Windows', outside of Windows", "state", "medium", "likely", []string{"T1036.005"},
			"Compare its hash and signature with the system's own; keep a copy with its times.", masquerading + "005/"},
		{AlteredProgram, "A program that was changed after its maker signed it", "state", "high", "likely", []string{"T1554"},
			"Keep a copy with its times; compare it with the vendor's own of the same version.", "https://attack.mitre.org/techniques/T1554/"},
		{DamagedSigning, "A program whose signature does not hold together", "lead", "medium", "likely", []string{"T1036.001"},
			"Compare it with the vendor's own of the same version.", masquerading + "001/"},
		{RenamedTool, "A tool of Windows under another name", "lead", "medium", "likely", []string{"T1036.003"},
			"Ask who put it there; keep a copy with its times, and look for what it was started with.", masquerading + "003/"},
		{LatePage, "A page that came long after the site it lies in", "lead", "medium", "likely", []string{"T1505.003"},
			"Ask whether an update brought it; else read it, and find who called it in the web logs.", "https://attack.mitre.org/techniques/T1505/003/"},
	}
}

// File is what is judged.
type File struct {
	Path   string                     // the machine's, lower case, slashes forward
	InSite bool                       // it lies in a web root
	Size   int64                      // bytes
	Head   func(n int) ([]byte, bool) // its first n bytes, fewer of a smaller file; false where they are not to be had

	Altered, Damaged bool   // a program whose signature was made over other content, or does not hold together
	Signer, Why      string // whose signature it claims to be, and what is wrong with it
	Original         string // the name that its version resource gives it
}

// Judgement is a rule that holds for a file, and why.
type Judgement struct{ Rule, Reason string }

const pages = `aspx|ashx|asmx|ascx|asp|cshtml|php[3-8]?|phtml|phar|jspx?|cer|asa|soap|svc`

var (
	documentThenProgram = regexp.MustCompile(`\.(pdf|docx?|xlsx?|pptx?|rtf|odt|txt|csv|jpe?g|png|gif|bmp|mp[34]|zip|rar|7z|eml)[ .]{0,64}\.(exe|scr|com|pif|cpl|bat|cmd|vbs|vbe|jse|wsf|hta|msi|ps1)$`)
	imageThenPage       = regexp.MustCompile(`\.(jpe?g|png|gif|bmp|ico|webp|pdf|docx?|xlsx?|zip|rar)\.(` + pages + `)$|\.(` + pages + `);\.?[^/;]*$|\.(` + pages + `)[ .]+$`)
	isPage              = regexp.MustCompile(`\.(` + pages + `|config|master|asax)$`)
	noProgram           = regexp.MustCompile(`\.(jpe?g|png|gif|bmp|webp|pdf|docx?|xlsx?|rtf|txt|log|csv|css|html?|xml|json|ini|conf|mp[34]|ttf|woff2?)$`)
)

// IsPage reports whether a file of this path, in lower case, is run by a web server,
// or says what is.
func IsPage(p string) bool { return isPage.MatchString(p) }

// systemNames are programs of Windows that stand in its own folders only
// (https://attack.mitre.org/techniques/T1036/005/).
var systemNames = map[string]bool{
	"svchost.exe": true, "lsass.exe": true, "csrss.exe": true, "smss.exe": true, "wininit.exe": true, "winlogon.exe": true, "services.exe": true,
	"spoolsv.exe": true, "taskhostw.exe": true, "lsm.exe": true, "dwm.exe": true, "logonui.exe": true, "userinit.exe": true,
}

// deceitful are folders that anybody, or a web server, writes to, and that are no
// copy of Windows.
var deceitful = regexp.MustCompile(`(^|/)(programdata|users|perflogs|inetpub|windows/temp|\$recycle\.bin)/([^/]+/){0,16}[^/]+$`)

// Judge gives every judgement of a file by itself.
func Judge(f *File) (all []Judgement) {
	add := func(rule, reason string) { all = append(all, Judgement{rule, reason}) }
	base := path.Base(f.Path)
	switch {
	case documentThenProgram.MatchString(base), f.InSite && imageThenPage.MatchString(base):
		add(DoubleExtension, fmt.Sprintf("it is called %q", base))
	case strings.ContainsRune(base, '\u202e'):
		add(Reversed, fmt.Sprintf("its name holds U+202E, from where on it reads backwards: %+q", base))
	}
	if systemNames[base] && deceitful.MatchString(f.Path) && !strings.Contains(f.Path, "/windows/winsxs/") {
		add(SystemName, fmt.Sprintf("%s belongs into the folders of Windows", base))
	}
	f.judgeProgram(base, add)
	if f.Size >= 512 && noProgram.MatchString(base) && isProgram(f.Head) {
		add(FalseExtension, "it begins as a Windows program does (MZ, PE), and ends in "+path.Ext(base))
	}
	return all
}

// tools are programs of Windows that people copy under other names, those that start,
// fetch, unpack, look around or take secrets (https://attack.mitre.org/techniques/T1036/003/,
// https://lolbas-project.github.io/).
var tools = map[string]bool{
	"cmd.exe": true, "powershell.exe": true, "rundll32.exe": true, "regsvr32.exe": true, "mshta.exe": true, "certutil.exe": true, "bitsadmin.exe": true,
	"cscript.exe": true, "wscript.exe": true, "wmic.exe": true, "ntdsutil.exe": true, "net.exe": true, "net1.exe": true, "schtasks.exe": true, "at.exe": true,
	"sc.exe": true, "reg.exe": true, "whoami.exe": true, "nltest.exe": true, "tasklist.exe": true, "taskkill.exe": true, "vssadmin.exe": true, "wbadmin.exe": true,
	"bcdedit.exe": true, "wevtutil.exe": true, "netsh.exe": true, "ftp.exe": true, "makecab.exe": true, "expand.exe": true, "esentutl.exe": true, "diskshadow.exe": true,
	"msiexec.exe": true, "msbuild.exe": true, "installutil.exe": true, "regasm.exe": true, "regsvcs.exe": true, "cmstp.exe": true, "odbcconf.exe": true, "pcalua.exe": true,
	"forfiles.exe": true, "hh.exe": true, "csvde.exe": true, "ldifde.exe": true, "dsquery.exe": true, "quser.exe": true, "mstsc.exe": true, "comsvcs.dll": true,
}

// judgeProgram judges what a program tells of itself.
func (f *File) judgeProgram(base string, add func(rule, reason string)) {
	switch {
	case f.Altered:
		add(AlteredProgram, fmt.Sprintf("%s; signed as %q", f.Why, f.Signer))
	case f.Damaged:
		add(DamagedSigning, f.Why)
	}
	name := strings.TrimSuffix(strings.ToLower(f.Original), ".mui")
	if tools[name] && base != name && !strings.HasSuffix(base, ".mui") {
		add(RenamedTool, fmt.Sprintf("its version resource calls it %s", f.Original))
	}
}

// isProgram reports whether content begins as a PE file (PE format, "MS-DOS Stub",
// "Signature").
func isProgram(head func(int) ([]byte, bool)) bool {
	dos, ok := head(64)
	if !ok || len(dos) < 64 || dos[0] != 'M' || dos[1] != 'Z' {
		return false
	}
	at := int(dos[60]) | int(dos[61])<<8
	if dos[62] != 0 || dos[63] != 0 {
		return false
	}
	all, ok := head(at + 4)
	return ok && len(all) >= at+4 && string(all[at:at+4]) == "PE\x00\x00"
}
