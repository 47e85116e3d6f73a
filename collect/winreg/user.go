package winreg

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"postern/evidence"
)

// User is one whose part of the registry is read: hives, or live keys below HKU.
type User struct {
	Name  string // of the profile's folder
	Home  string // the machine's path of that folder; "" where nothing tells it
	Keys  Keys   // nil: no hive of it is here
	Path  string // what stands for its keys in references
	Class Keys   // its Software\Classes; nil: they stand below Keys, or nowhere
	Alias string // what stands for those in references
}

// shared are folders beside those of users, which no user's hive stands in.
var shared = map[string]bool{"public": true, "all users": true, "default user": true}

// Users gives whose hives there are: live those that are loaded, and the profiles'
// files of all others. They are looked for once, in the family that asks first.
func (g *Registry) Users() []User {
	if g.looked {
		return g.users
	}
	g.looked = true
	loaded := map[string]bool{}
	if g.Live {
		loaded = g.loadedUsers()
	}
	homes := g.homes()
	if len(homes) > maxUsers {
		g.Gap(evidence.CoverState, g.Name, evidence.TooLarge, fmt.Sprintf("more than %d users; the rest was not read", maxUsers))
		homes = homes[:maxUsers]
	}
	for _, home := range homes {
		if !loaded[strings.ToLower(home)] {
			g.fileUser(home)
		}
	}
	if !loaded[".default"] {
		if h, at, err := g.Hive(Config+"DEFAULT", true); err == nil {
			g.users = append(g.users, User{Name: "DEFAULT", Keys: h.Key, Path: at + `\`})
		}
	}
	return g.users
}

// homes are the folders of all profiles: of services, of C:\Users, and those that the
// list of profiles has elsewhere.
func (g *Registry) homes() []string {
	all := []string{Config + "systemprofile", `C:\Windows\ServiceProfiles\LocalService`, `C:\Windows\ServiceProfiles\NetworkService`}
	const folder = `C:\Users`
	if name, ok := g.Src.Locate(folder); ok {
		err := g.Src.Files.Walk(g.Ctx, name, func(e evidence.Entry) error {
			switch {
			case e.Name == name && e.Err == nil:
				return nil
			case e.Err != nil:
				g.Lost(evidence.CoverFile, string(e.Name), e.Err)
			case e.Mode.IsDir() && e.Real == "" && !shared[strings.ToLower(e.Name.Base())]:
				all = append(all, folder+`\`+e.Name.Base())
			}
			return fs.SkipDir
		})
		if errors.Is(err, fs.ErrNotExist) {
			g.Shut(name.Dir())
		}
	}
	known := map[string]bool{}
	for _, home := range all {
		known[strings.ToLower(home)] = true
	}
	if list := g.Machine(profiles); list != nil {
		for _, sid := range list.Subkeys {
			if home := g.homeOf(sid); home != "" && !known[strings.ToLower(home)] && !strings.EqualFold(home, `C:\Windows\System32\config\systemprofile`) {
				known[strings.ToLower(home)] = true
				all = append(all, home)
			}
		}
	}
	return all
}

// fileUser adds a user by the hives of its profile. One without hives is a user, too:
// it may have left files. The system's own has none but DEFAULT.
func (g *Registry) fileUser(home string) {
	u := User{Name: LastOf(home), Home: home}
	if h, at, err := g.Hive(home+`\NTUSER.DAT`, !strings.HasPrefix(home, Config)); err == nil {
		u.Keys, u.Path = h.Key, at+`\`
	}
	if h, at, err := g.Hive(home+`\AppData\Local\Microsoft\Windows\UsrClass.dat`, false); err == nil {
		u.Class, u.Alias = h.Key, at+`\`
	}
	g.users = append(g.users, u)
}

// loadedUsers adds those whose hives are loaded, and gives their homes in lower case.
func (g *Registry) loadedUsers() map[string]bool {
	homes := map[string]bool{}
	top := g.Get(g.machine.Key, "HKU", "")
	if top == nil {
		g.Gap(evidence.CoverState, g.Name, evidence.Absent, "the running system shows no user's part of its registry")
		return homes
	}
	for _, sid := range top.Subkeys {
		switch {
		case strings.HasSuffix(sid, "_Classes"):
			continue
		case strings.EqualFold(sid, ".DEFAULT"): // the system's own, S-1-5-18
			if homes[".default"] = true; Has(top.Subkeys, "S-1-5-18") {
				continue
			}
		}
		home := g.homeOf(sid)
		homes[strings.ToLower(home)] = true
		g.users = append(g.users, User{Name: cmp.Or(LastOf(home), sid), Home: home, Keys: g.below(`HKU\` + sid), Path: `HKU\` + sid + `\`,
			Class: g.below(`HKU\` + sid + `_Classes`), Alias: `HKU\` + sid + `_Classes\`})
	}
	return homes
}

func (g *Registry) below(root string) Keys {
	return func(path string) (*evidence.RegistryKey, error) { return g.machine.Key(root + `\` + path) }
}

// homeOf is the folder of a user's profile, "" where the list of profiles has none.
func (g *Registry) homeOf(sid string) string {
	p := g.Machine(profiles + `\` + sid)
	if p == nil {
		return ""
	}
	home := p.Value("ProfileImagePath").Text
	if rest, ok := CutFold(home, "%systemroot%"); ok {
		return `C:\Windows` + rest
	}
	if rest, ok := CutFold(home, "%systemdrive%"); ok {
		return "C:" + rest
	}
	return home
}

// UserOf is the name of the user that a SID stands for: of its profile's folder, or the
// SID where there is none.
func (g *Registry) UserOf(sid string) string {
	if _, known := g.names[sid]; !known && len(g.names) < maxUsers {
		g.names[sid] = LastOf(g.homeOf(sid))
	}
	return cmp.Or(g.names[sid], sid)
}
