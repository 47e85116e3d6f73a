package windows

import (
	"encoding/binary"
	"io/fs"
	"strings"
	"unicode/utf8"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

const startupFolder = `\Microsoft\Windows\Start Menu\Programs\Startup`

// startup observes the files of the startup folders; of a shortcut what it starts.
func (r *reader) startup() {
	r.startupOf(`C:\ProgramData`+startupFolder, "")
	if name, ok := r.Src.Locate(`C:\Users`); ok {
		_ = r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error {
			if e.Name == name {
				return nil
			}
			if e.Mode.IsDir() {
				r.startupOf(`C:\Users\`+e.Name.Base()+`\AppData\Roaming`+startupFolder, e.Name.Base())
			}
			return fs.SkipDir
		})
	}
}

func (r *reader) startupOf(folder, user string) {
	r.Each(folder, 1, func(f *family.File) {
		path := strings.ReplaceAll(f.Path, "/", `\`)
		command := path
		switch {
		case strings.EqualFold(f.Name.Base(), "desktop.ini"):
			return
		case strings.HasSuffix(strings.ToLower(path), ".lnk"):
			if command = shortcut(f.Data); command == "" {
				r.Gap(evidence.CoverFile, string(f.Name), evidence.Format, "a shortcut that does not tell what it starts")
				command = path
			}
		}
		r.start(autostart{ref: evidence.Ref{Path: string(f.Name)}, at: newest(f.Entry), kind: evidence.StartFolder, name: f.Name.Base(), command: command, user: user, object: path})
	})
}

// Flags and structures of a shortcut ([MS-SHLLINK] 2.1.1).
const (
	linkHeader     = 76
	hasIDList      = 1 << 0
	hasLinkInfo    = 1 << 1
	hasName        = 1 << 2
	hasRelative    = 1 << 3
	hasWorkingDir  = 1 << 4
	hasArguments   = 1 << 5
	hasIcon        = 1 << 6
	isUnicode      = 1 << 7
	mostLinkString = 32 << 10

	environment     = 0xA0000001 // EnvironmentVariableDataBlock, 2.5.4: the target in variables
	environmentSize = 788
	environmentWide = 268 // where its UTF-16 stands
)

// shortcut is the command line that a shortcut starts: the local path of its LinkInfo,
// the one in variables, or the relative one, and the arguments; "" when it tells none.
func shortcut(data []byte) string {
	if len(data) < linkHeader || binary.LittleEndian.Uint32(data) != linkHeader {
		return ""
	}
	flags := binary.LittleEndian.Uint32(data[20:])
	rest := data[linkHeader:]
	cut := func(n int) (part []byte) {
		if n < 0 || n > len(rest) {
			n = len(rest)
		}
		part, rest = rest[:n], rest[n:]
		return part
	}
	target := ""
	if flags&hasIDList != 0 {
		if n := cut(2); len(n) == 2 {
			cut(int(binary.LittleEndian.Uint16(n)))
		}
	}
	if flags&hasLinkInfo != 0 && len(rest) >= 4 {
		target = linkTarget(cut(int(min(binary.LittleEndian.Uint32(rest), uint32(len(rest))))))
	}
	text := func(flag uint32) string {
		if flags&flag == 0 {
			return ""
		}
		n := cut(2)
		if len(n) < 2 {
			return ""
		}
		count := min(int(binary.LittleEndian.Uint16(n)), mostLinkString)
		if flags&isUnicode != 0 {
			return winreg.Text(cut(2 * count))
		}
		return narrow(cut(count))
	}
	text(hasName)
	relative := text(hasRelative)
	text(hasWorkingDir)
	arguments := text(hasArguments)
	text(hasIcon)
	for target == "" && len(rest) >= 8 {
		size := binary.LittleEndian.Uint32(rest)
		if size < 8 {
			break
		}
		if block := cut(int(min(size, uint32(len(rest))))); binary.LittleEndian.Uint32(block[4:]) == environment && len(block) == environmentSize {
			target = winreg.TextZ(block[environmentWide:])
		}
	}
	if target == "" {
		target = relative
	}
	return commandLine(target, arguments)
}

// linkTarget is the local path of a LinkInfo ([MS-SHLLINK] 2.3).
func linkTarget(info []byte) string {
	if len(info) < 28 || binary.LittleEndian.Uint32(info[8:])&1 == 0 {
		return ""
	}
	base, suffix := ansi(info, binary.LittleEndian.Uint32(info[16:])), ansi(info, binary.LittleEndian.Uint32(info[24:]))
	return base + suffix
}

// ansi reads a string that ends in a zero.
func ansi(data []byte, at uint32) string {
	if int64(at) >= int64(len(data)) {
		return ""
	}
	text, _, _ := strings.Cut(string(data[at:]), "\x00")
	return narrow([]byte(text))
}

// narrow reads a text of the system's code page: what is no UTF-8 as Latin-1.
func narrow(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}
