package windows

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"postern/evidence"
	"postern/hive"
)

const (
	maxKeys  = 1 << 18 // of a family
	maxUsers = 1024
	config   = `C:\Windows\System32\config\`
)

// errSaid says that a gap was covered already.
var errSaid = errors.New("said")

// user is one whose part of the registry is read: a hive, or live a key below HKU.
type user struct {
	name  string // of the profile's folder
	home  string // its folder; "" where nothing tells it
	path  string // what stands for its keys in references
	keys  func(path string) (*evidence.RegistryKey, error)
	class func(path string) (*evidence.RegistryKey, error) // its Software\Classes
}

// openRegistry finds the registry: the live one, or the hives.
func (r *reader) openRegistry() {
	r.absent, r.files = map[string]bool{}, map[string]string{}
	if r.Src.State != nil {
		if r.reg = r.Src.State.Registry(); r.reg != nil {
			r.live = true
			return
		}
	}
	r.reg = hive.Registry(func(which string) (*hive.Hive, error) {
		h, name, err := r.hive(config+which, true)
		r.files[which] = name
		return h, err
	})
}

// fileOf is the hive that has a key of HKLM; live the key itself.
func (r *reader) fileOf(path string) string {
	for which, name := range r.files {
		if strings.HasPrefix(path, `HKLM\`+which+`\`) {
			return name
		}
	}
	return path
}

// hive opens a hive and covers what it can't tell. One that is not there wraps
// fs.ErrNotExist, and is a gap if it is needed.
func (r *reader) hive(path string, needed bool) (*hive.Hive, string, error) {
	name, ok := r.Src.Locate(path)
	if !ok {
		name = evidence.Name(path)
	}
	h, err := hive.Load(r.Src.Files, name)
	if errors.Is(err, fs.ErrNotExist) {
		if needed && !r.absent[path] {
			r.absent[path] = true
			why := evidence.Absent
			if r.Src.Partial {
				why = evidence.NotCollected
			}
			r.Gap(evidence.CoverHive, string(name), why, "it tells what starts by itself and who may enter")
		}
		if !needed {
			r.Shut(name.Dir())
		}
		return nil, string(name), fmt.Errorf("windows: hive %s: %w", path, err)
	}
	if err != nil {
		r.Lost(evidence.CoverHive, string(name), err)
		return nil, string(name), errSaid
	}
	r.open = append(r.open, h)
	r.Out.Cover(evidence.Coverage{Kind: evidence.CoverHive, Path: string(name), Parts: evidence.CompromisedNow, Count: 1, Bytes: h.Size})
	if h.Truncated() {
		r.Gap(evidence.CoverHive, string(name), evidence.Truncated, "shorter than its header declares")
	}
	if h.Lost != nil {
		r.Gap(evidence.CoverHive, string(name), evidence.Truncated, "its newest changes are not here: "+h.Lost.Error())
	}
	return h.Hive, string(name), nil
}

// get reads a key by keys; nil when there is none. What is lost is covered by the
// name of its hive; named stands before the path in references.
func (r *reader) get(keys func(string) (*evidence.RegistryKey, error), path, named string) *evidence.RegistryKey {
	if r.over == r.Name || r.Ctx.Err() != nil {
		return nil
	}
	if r.counted != r.Name {
		r.counted, r.keys = r.Name, 0
	}
	if r.keys++; r.keys > maxKeys {
		r.over = r.Name
		r.Gap(evidence.CoverState, r.Name, evidence.TooLarge, fmt.Sprintf("more than %d keys; the rest was not read", maxKeys))
		return nil
	}
	key, err := keys(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errSaid) && !errors.Is(err, evidence.ErrUnsupported) {
		r.Lost(evidence.CoverHive, cmp.Or(strings.TrimSuffix(named, `\`), r.fileOf(path)), err)
	}
	if key == nil {
		return nil
	}
	r.Files++
	k := *key
	k.Path = named + path
	return &k
}

// machine reads a key of HKLM.
func (r *reader) machine(path string) *evidence.RegistryKey { return r.get(r.reg.Key, path, "") }

// findUsers lists whose hives there are: live those that are loaded, and the profiles'
// files of all others.
func (r *reader) findUsers() {
	loaded := map[string]bool{}
	if r.live {
		loaded = r.loadedUsers()
	}
	homes := []string{config + "systemprofile", `C:\Windows\ServiceProfiles\LocalService`, `C:\Windows\ServiceProfiles\NetworkService`}
	folder := `C:\Users`
	if name, ok := r.Src.Locate(folder); ok {
		err := r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error {
			switch {
			case e.Name == name && e.Err == nil:
				return nil
			case e.Err != nil:
				r.Lost(evidence.CoverFile, string(e.Name), e.Err)
			case e.Mode.IsDir() && e.Real == "" && !shared[strings.ToLower(e.Name.Base())]:
				homes = append(homes, folder+`\`+e.Name.Base())
			}
			return fs.SkipDir
		})
		if errors.Is(err, fs.ErrNotExist) {
			r.Shut(name.Dir())
		}
	}
	for _, home := range homes {
		if len(r.users) >= maxUsers {
			r.Gap(evidence.CoverState, r.Name, evidence.TooLarge, fmt.Sprintf("more than %d users; the rest was not read", maxUsers))
			return
		}
		if !loaded[strings.ToLower(home)] {
			r.fileUser(home)
		}
	}
	if !loaded[".default"] {
		r.hiveUser("DEFAULT", config+"DEFAULT", "")
	}
}

// shared are folders beside those of users, which no user's hive stands in.
var shared = map[string]bool{"public": true, "all users": true, "default user": true}

func (r *reader) fileUser(home string) {
	r.hiveUser(lastOf(home), home+`\NTUSER.DAT`, home+`\AppData\Local\Microsoft\Windows\UsrClass.dat`)
}

// hiveUser adds a user by the hives of its profile.
func (r *reader) hiveUser(name, path, class string) {
	h, at, err := r.hive(path, strings.HasPrefix(path, `C:\Users\`))
	if err != nil {
		return
	}
	u := user{name: name, home: strings.TrimSuffix(path, `\NTUSER.DAT`), path: at + `\`, keys: h.Key}
	if class != "" {
		if c, _, err := r.hive(class, false); err == nil {
			u.class = c.Key
		}
	}
	r.users = append(r.users, u)
}

// loadedUsers adds those whose hives are loaded, and gives their homes in lower case.
func (r *reader) loadedUsers() map[string]bool {
	homes := map[string]bool{}
	top := r.get(r.reg.Key, "HKU", "")
	if top == nil {
		return homes
	}
	for _, sid := range top.Subkeys {
		if strings.HasSuffix(sid, "_Classes") {
			continue
		}
		if strings.EqualFold(sid, ".DEFAULT") { // the system's own, S-1-5-18
			homes[".default"] = true
			if has(top.Subkeys, "S-1-5-18") {
				continue
			}
		}
		home := ""
		if p := r.machine(`HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\` + sid); p != nil {
			home = expanded(p.Value("ProfileImagePath").Text)
		}
		homes[strings.ToLower(home)] = true
		name := lastOf(home)
		if name == "" {
			name = sid
		}
		below := func(root string) func(string) (*evidence.RegistryKey, error) {
			return func(path string) (*evidence.RegistryKey, error) { return r.reg.Key(root + `\` + path) }
		}
		r.users = append(r.users, user{name, home, `HKU\` + sid + `\`, below(`HKU\` + sid), below(`HKU\` + sid + `_Classes`)})
	}
	return homes
}

// user reads a key of a user.
func (r *reader) user(u *user, path string) *evidence.RegistryKey { return r.get(u.keys, path, u.path) }
