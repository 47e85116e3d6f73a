package collect

import (
	"fmt"
	"slices"
	"strings"

	"postern/evidence"
	"postern/hive"
)

const servicesKey = `HKLM\SYSTEM\CurrentControlSet\Services`

// registry returns the source's registry: the live one, or its hives. It is
// nil for a source that has none to offer.
func (f *finder) registry() evidence.Registry {
	if f.src.State != nil {
		if live := f.src.State.Registry(); live != nil {
			return live
		}
	}
	if f.src.Files == nil || f.src.ID.OS != evidence.Windows {
		return nil
	}
	return hive.Registry(f.openHive)
}

// openHive opens a hive of the source and covers what it cannot tell.
func (f *finder) openHive(which string) (*hive.Hive, error) {
	path := `C:\Windows\System32\config\` + which
	name, ok := f.src.Locate(path)
	if !ok {
		name = evidence.Name(path)
	}
	h, err := hive.Load(f.src.Files, name)
	if missing(err) {
		f.gap(string(name), f.aid(), evidence.Absent, "the registry would tell services and installed programs")
		return nil, fmt.Errorf("collect: %s hive: %w", which, err)
	}
	if err != nil {
		f.lose(evidence.CoverHive, string(name), evidence.Exposed, err)
		return nil, errSaid
	}
	f.open = append(f.open, h)
	f.out.Cover(evidence.Coverage{Kind: evidence.CoverHive, Path: string(name), Parts: evidence.Exposed, Count: 1, Bytes: h.Size})
	if h.Truncated() {
		f.out.Cover(evidence.Gap(evidence.CoverHive, string(name), evidence.Exposed, evidence.Truncated, "shorter than its header declares"))
	}
	if h.Lost != nil {
		f.out.Cover(evidence.Gap(evidence.CoverHive, string(name), f.aid(), evidence.Truncated, "its newest changes are not here: "+h.Lost.Error()))
	}
	return h.Hive, nil
}

// regKey reads a registry key. What is lost is covered; nil when nothing is left.
func (f *finder) regKey(path string) *evidence.RegistryKey {
	key, err := f.reg.Key(path)
	if err != nil && !missing(err) && err != errSaid { //nolint:errorlint // our own sentinel, handed through
		f.lose(evidence.CoverHive, path, evidence.Exposed, err)
	}
	return key
}

// fromServices finds what Windows services start.
func (f *finder) fromServices() {
	if f.reg = f.registry(); f.reg == nil {
		return
	}
	services := f.regKey(servicesKey)
	if services == nil {
		return
	}
	for _, name := range services.Subkeys {
		if f.ctx.Err() != nil {
			return
		}
		key := f.regKey(servicesKey + `\` + name)
		if key == nil || key.Value("ImagePath").Text == "" {
			continue
		}
		command := key.Value("ImagePath").Text
		ref := evidence.Ref{Collector: "products", Path: servicesKey + `\` + name, Text: command}
		f.observe(evidence.ObserveService, ref, nil, name, command, key.Value("ObjectName").Text)
		f.starts(name, expand(command), "", "service "+name, ref.Path)
	}
}

// starts looks for a product in the command line of a service or unit.
func (f *finder) starts(name, command, dir, why, path string) {
	for i := range f.want.Products {
		p := &f.want.Products[i]
		exe := programIn(p, command, dir)
		isNamed := slices.ContainsFunc(p.Services, func(s string) bool { return strings.EqualFold(s, name) })
		switch {
		case exe != "":
			f.runsAt(p, exe, why)
		case isNamed:
			f.gap(path, evidence.Exposed, evidence.Ambiguous, fmt.Sprintf("it is named like %s and runs %q, which is none of its known programs", p.Name, command))
		}
	}
}

// expand fills in what Windows fills in before it uses a path.
func expand(command string) string {
	low := strings.ToLower(command)
	for _, v := range []struct{ name, value string }{
		{`\??\`, ""}, {`\systemroot\`, `C:\Windows\`}, {`system32\`, `C:\Windows\System32\`},
	} {
		if strings.HasPrefix(low, v.name) {
			return v.value + command[len(v.name):]
		}
	}
	for _, v := range []struct{ name, value string }{
		{"%systemroot%", `C:\Windows`}, {"%windir%", `C:\Windows`}, {"%systemdrive%", `C:`},
		{"%programfiles%", `C:\Program Files`}, {"%programfiles(x86)%", `C:\Program Files (x86)`},
		{"%programw6432%", `C:\Program Files`}, {"%programdata%", `C:\ProgramData`},
	} {
		if at := indexFold(command, v.name); at >= 0 {
			command = command[:at] + v.value + command[at+len(v.name):]
		}
	}
	return command
}

// indexFold finds an ASCII string whatever its case.
func indexFold(s, low string) int {
	for i := 0; i+len(low) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(low)], low) {
			return i
		}
	}
	return -1
}

// programIn returns the path of a product's program in a command line, ""
// without one: the program itself, one handed to a host ("dotnet X.dll") or to
// a shell. A relative path stands in dir.
func programIn(p *evidence.Product, command, dir string) string {
	for _, pf := range p.Programs {
		for _, name := range []string{pf.Name, stem(pf.Name)} {
			if path := pathOf(name, command, dir); path != "" {
				return path
			}
		}
	}
	return ""
}

// stem is a program's name as Linux writes it.
func stem(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".exe"), ".dll")
}

// pathOf returns the path in a command line that ends in name.
func pathOf(name, command, dir string) string {
	for from := 0; from < len(command); {
		at := indexFold(command[from:], name)
		if at < 0 {
			return ""
		}
		at += from
		from = at + len(name)
		start := pathStart(command[:at])
		if !ends(command[from:]) || start == at && dir == "" {
			continue // part of another word, or a bare word
		}
		path := command[start:from]
		if strings.HasPrefix(path, "/") || strings.Contains(path, ":") || strings.HasPrefix(path, `\\`) {
			return path
		}
		return strings.TrimRight(dir, `/\`) + "/" + strings.TrimPrefix(strings.TrimPrefix(path, "./"), `.\`)
	}
	return ""
}

// ends reports whether a path may end before rest.
func ends(rest string) bool { return rest == "" || strings.ContainsRune(" \t\"';&|)", rune(rest[0])) }

// pathStart returns where the path begins whose folder ends at the end of s:
// the last place after a blank, a quote or a sign where a root, a drive or a dot
// stands. Folders may hold blanks, quoted or not.
func pathStart(s string) int {
	if s == "" || !strings.ContainsRune(`/\`, rune(s[len(s)-1])) {
		return len(s)
	}
	for i := len(s) - 1; i > 0; i-- {
		if strings.IndexByte(" \t=\"';&|(", s[i-1]) < 0 {
			continue
		}
		if strings.IndexByte(`/.\`, s[i]) >= 0 || i+1 < len(s) && s[i+1] == ':' {
			return i
		}
	}
	return 0
}

// base returns the last element of a path of either kind.
func base(path string) string {
	return path[strings.LastIndexAny(path, `/\`)+1:]
}
