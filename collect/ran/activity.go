package ran

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/collect/winreg"
	"postern/evidence"
)

// background observes what the background and the desktop activity moderator keep:
// each user's programs with the time of their last start. Only Windows 10 and Server
// 2019 and later have them.
func (r *reader) background() {
	type entry struct {
		name, sid, key string
		at             time.Time
	}
	var all []entry
	for _, set := range r.controlSets() {
		for _, service := range []string{"bam", "dam"} {
			for _, state := range []string{`\State`, ""} {
				path := set + `\Services\` + service + state + `\UserSettings`
				users := r.Machine(path)
				if users == nil {
					continue
				}
				for _, sid := range users.Subkeys {
					key := r.Machine(path + `\` + sid)
					if key == nil {
						continue
					}
					for _, v := range key.Values {
						if v.Type != regBinary || len(v.Data) < 8 {
							continue // Version, SequenceNumber
						}
						all = append(all, entry{v.Name, sid, key.Path, winreg.Filetime(v.Data)})
					}
				}
			}
		}
	}
	system := systemVolume(func(yield func(string) bool) {
		for _, e := range all {
			if !yield(e.name) {
				return
			}
		}
	})
	for _, e := range all {
		t := trace{kind: evidence.TraceBAM, image: devicePath(e.name, system), user: r.UserOf(e.sid), at: e.at, path: e.key + `\` + e.name, text: e.name}
		if !strings.Contains(t.image, `\`) {
			t.image, t.details = "", "package "+e.name
		}
		r.observe(&t)
	}
}

const regBinary = 3 // REG_BINARY

const device = `\Device\HarddiskVolume`

// controlSets are the paths of the machine's control sets.
func (r *reader) controlSets() (all []string) {
	top := r.Machine(`HKLM\SYSTEM`)
	if top == nil {
		return nil
	}
	for _, name := range top.Subkeys {
		if _, ok := winreg.CutFold(name, "ControlSet"); ok {
			all = append(all, `HKLM\SYSTEM\`+name)
		}
	}
	return all
}

// systemVolume is the number of the volume from which most programs of Windows' own
// folder ran; "" where none did.
func systemVolume(names func(yield func(string) bool)) string {
	counts := map[string]int{}
	for name := range names {
		if number, rest, ok := cutDevice(name); ok {
			if _, ok := winreg.CutFold(rest, `\Windows\`); ok {
				counts[number]++
			}
		}
	}
	most := ""
	for number, n := range counts {
		if most == "" || n > counts[most] || n == counts[most] && number < most {
			most = number
		}
	}
	return most
}

// cutDevice takes a path on a volume by its number apart.
func cutDevice(name string) (number, rest string, ok bool) {
	rest, ok = winreg.CutFold(name, device)
	if !ok {
		return "", name, false
	}
	end := strings.IndexByte(rest, '\\')
	if end < 1 {
		return "", name, false
	}
	return rest[:end], rest[end:], true
}

// devicePath writes a path on the system's volume as one of drive C; others stay.
func devicePath(name, system string) string {
	if number, rest, ok := cutDevice(name); ok && number == system {
		return "C:" + rest
	}
	return name
}

// userTraces observes what the registry of each user tells.
func (r *reader) userTraces() {
	users := r.Users()
	for i := range users {
		u := &users[i]
		if u.Keys != nil {
			r.userAssist(u)
			r.remoteDesktops(u)
		}
		if u.Class != nil {
			r.muiCache(u)
		}
	}
}

// Bytes of a value of UserAssist: those of Windows 7 and later, and those before.
const (
	assistSize     = 72
	assistTime     = 60
	assistOldSize  = 16
	assistOldTime  = 8
	assistRuns     = 4
	userAssistPath = `Software\Microsoft\Windows\CurrentVersion\Explorer\UserAssist`
)

// userAssist observes the programs and shortcuts that a user started by the desktop.
// Their names are written in ROT13.
func (r *reader) userAssist(u *winreg.User) {
	top := r.Get(u.Keys, userAssistPath, u.Path)
	if top == nil {
		return
	}
	for _, class := range top.Subkeys {
		key := r.Get(u.Keys, userAssistPath+`\`+class+`\Count`, u.Path)
		if key == nil {
			continue
		}
		odd := 0
		for _, v := range key.Values {
			name := rot13(v.Name)
			if _, path, ok := strings.Cut(name, "UEME_RUNPATH:"); ok {
				name = path
			}
			if strings.HasPrefix(name, "UEME_") {
				continue // counters of their own
			}
			t := trace{kind: evidence.TraceUserAssist, image: knownFolder(name), user: u.Name, path: key.Path + `\` + v.Name, text: name}
			runs := uint32(0)
			switch {
			case len(v.Data) >= assistSize:
				t.at, runs = winreg.Filetime(v.Data[assistTime:]), binary.LittleEndian.Uint32(v.Data[assistRuns:])
			case len(v.Data) == assistOldSize:
				t.at, runs = winreg.Filetime(v.Data[assistOldTime:]), max(5, binary.LittleEndian.Uint32(v.Data[assistRuns:]))-5 // it began at five
			default:
				odd++
				continue
			}
			t.details = fmt.Sprintf("started %d times by the desktop", runs)
			r.observe(&t)
		}
		if odd > 0 {
			r.Gap(evidence.CoverHive, strings.TrimSuffix(u.Path, `\`), evidence.Format, fmt.Sprintf("%s: %d values of a layout that is not known", key.Path, odd))
		}
	}
}

func rot13(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return 'a' + (c-'a'+13)%26
		case c >= 'A' && c <= 'Z':
			return 'A' + (c-'A'+13)%26
		}
		return c
	}, s)
}

// folders are those that stand by their GUID at the head of a path (KNOWNFOLDERID in
// knownfolders.h); a variable where each user has one.
var folders = map[string]string{
	"{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}": `C:\Windows\System32`,
	"{D65231B0-B2F1-4857-A4CE-A8E7C6EA7D27}": `C:\Windows\SysWOW64`,
	"{F38BF404-1D43-42F2-9305-67DE0B28FC23}": `C:\Windows`,
	"{6D809377-6AF0-444B-8957-A3773F02200E}": `C:\Program Files`,
	"{905E63B6-C1BF-494E-B29C-65B732D3D21A}": `C:\Program Files`,
	"{7C5A40EF-A0FB-4BFC-874A-C0F2E0B9FA8E}": `C:\Program Files (x86)`,
	"{62AB5D82-FDC1-4DC3-A9DD-070D1D495D97}": `C:\ProgramData`,
	"{0139D44E-6AFE-49F2-8690-3DAFCAE6FFB8}": `C:\ProgramData\Microsoft\Windows\Start Menu\Programs`,
	"{A77F5D77-2E2B-44C3-A6A2-ABA601054A51}": `%APPDATA%\Microsoft\Windows\Start Menu\Programs`,
	"{9E3995AB-1F9C-4F13-B827-48B24B6C7174}": `%APPDATA%\Microsoft\Internet Explorer\Quick Launch\User Pinned`,
	"{374DE290-123F-4565-9164-39C4925E467B}": `%USERPROFILE%\Downloads`,
	"{B4BFCC3A-DB2C-424C-B029-7FE99A87C641}": `%USERPROFILE%\Desktop`,
	"{FDD39AD0-238F-46AF-ADB4-6C85480369C7}": `%USERPROFILE%\Documents`,
}

// knownFolder writes a path as the machine does.
func knownFolder(name string) string {
	if end := strings.IndexByte(name, '}'); end > 0 && name[0] == '{' {
		if folder := folders[strings.ToUpper(name[:end+1])]; folder != "" {
			return folder + name[end+1:]
		}
	}
	return name
}

// remoteDesktops observes whom a user connected to by remote desktop.
func (r *reader) remoteDesktops(u *winreg.User) {
	const path = `Software\Microsoft\Terminal Server Client\Servers`
	top := r.Get(u.Keys, path, u.Path)
	if top == nil {
		return
	}
	for _, server := range top.Subkeys {
		key := r.Get(u.Keys, path+`\`+server, u.Path)
		if key == nil {
			continue
		}
		details := "remote desktop from here to " + server
		if as := key.Value("UsernameHint").Text; as != "" {
			details += " as " + as
		}
		r.observe(&trace{kind: evidence.TraceRemoteDesktop, user: u.Name, at: key.Written, path: key.Path, text: server, details: details})
	}
}

// muiCache observes the programs whose names the desktop read to show them (MUICache).
// The key has one time for all, and it is the newest's.
func (r *reader) muiCache(u *winreg.User) {
	key := r.Get(u.Class, `Local Settings\Software\Microsoft\Windows\Shell\MuiCache`, u.Alias)
	if key == nil {
		return
	}
	var seen []string
	for _, v := range key.Values {
		program, ok := strings.CutSuffix(v.Name, ".FriendlyAppName")
		if !ok {
			program, ok = strings.CutSuffix(v.Name, ".ApplicationCompany")
		}
		if !ok { // Windows 7: the path alone
			ok = strings.Contains(v.Name, `:\`) && !strings.HasPrefix(v.Name, "@")
		}
		if !ok || slices.Contains(seen, program) {
			continue
		}
		seen = append(seen, program)
		r.observe(&trace{kind: evidence.TraceMUICache, image: program, user: u.Name, path: key.Path + `\` + v.Name, text: program, details: v.Text})
	}
}
