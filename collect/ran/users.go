package ran

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
	maxKeys  = 1 << 16 // of a family
	maxUsers = 1024
	config   = `C:\Windows\System32\config\`
)

// errSaid says that a gap was covered already.
var errSaid = errors.New("said")

// keys reads a key of one hive, or below one key of the live registry.
type keys func(path string) (*evidence.RegistryKey, error)

// user is one whose part of the registry is read.
type user struct {
	name  string // of the profile's folder
	path  string // what stands for its keys in references
	keys  keys
	class keys   // its Software\Classes; nil: there are none
	alias string // what stands for those in references
	home  string // the machine's path of its profile; "" unknown
}

// openMachine finds the registry of the machine: the live one, or the hives. It needs
// a family in hand for nothing.
func (r *reader) openMachine() {
	if r.Src.State != nil {
		if r.machine = r.Src.State.Registry(); r.machine != nil {
			r.live = true
			return
		}
	}
	r.machine = hive.Registry(func(which string) (*hive.Hive, error) {
		h, _, err := r.hive(config+which, true)
		return h, err
	})
}

// hive opens a hive, and covers what is lost of it by its name. One that is not there
// wraps fs.ErrNotExist, and is a gap if it is needed.
func (r *reader) hive(path string, needed bool) (*hive.Hive, string, error) {
	name, ok := r.Src.Locate(path)
	if !ok {
		name = evidence.Name(path)
	}
	h, err := hive.Load(r.Src.Files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if needed && !r.said[path] {
			r.said[path] = true
			why := evidence.Absent
			if r.Src.Partial {
				why = evidence.NotCollected
			}
			r.Gap(evidence.CoverHive, string(name), why, "it tells which programs ran")
		}
		r.Shut(name.Dir())
		return nil, string(name), fmt.Errorf("ran: hive %s: %w", path, err)
	case err != nil:
		r.Lost(evidence.CoverHive, string(name), err)
		return nil, string(name), errSaid
	}
	r.open = append(r.open, h)
	if h.Truncated() {
		r.Gap(evidence.CoverHive, string(name), evidence.Truncated, "shorter than its header declares")
	}
	if h.Lost != nil {
		r.Gap(evidence.CoverHive, string(name), evidence.Truncated, "its newest changes are not here: "+h.Lost.Error())
	}
	return h.Hive, string(name), nil
}

// get reads a key; nil when there is none. named stands before the path in
// references; what is lost is covered by it.
func (r *reader) get(read keys, path, named string) *evidence.RegistryKey {
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
	key, err := read(path)
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

// fileOf is the hive that has a key of HKLM; live the key itself.
func (r *reader) fileOf(path string) string {
	which, _, _ := strings.Cut(strings.TrimPrefix(path, `HKLM\`), `\`)
	if name, ok := r.Src.Locate(config + which); ok && !r.live {
		return string(name)
	}
	return path
}

// local reads a key of HKLM.
func (r *reader) local(path string) *evidence.RegistryKey { return r.get(r.machine.Key, path, "") }

// controlSets are the paths of the machine's control sets.
func (r *reader) controlSets() (all []string) {
	top := r.local(`HKLM\SYSTEM`)
	if top == nil {
		return nil
	}
	for _, name := range top.Subkeys {
		if strings.HasPrefix(strings.ToLower(name), "controlset") {
			all = append(all, `HKLM\SYSTEM\`+name)
		}
	}
	return all
}

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
			case e.Mode.IsDir():
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
}

// fileUser adds a user by the hives of its profile. One without hives is a user, too:
// it may have typed something.
func (r *reader) fileUser(home string) {
	u := user{name: lastOf(home), home: home}
	if h, at, err := r.hive(home+`\NTUSER.DAT`, false); err == nil {
		u.keys, u.path = h.Key, at+`\`
	}
	if h, at, err := r.hive(home+`\AppData\Local\Microsoft\Windows\UsrClass.dat`, false); err == nil {
		u.class, u.alias = h.Key, at+`\`
	}
	r.users = append(r.users, u)
}

// loadedUsers adds those whose hives are loaded, and gives their homes in lower case.
func (r *reader) loadedUsers() map[string]bool {
	homes := map[string]bool{}
	top := r.get(r.machine.Key, "HKU", "")
	if top == nil {
		return homes
	}
	for _, sid := range top.Subkeys {
		if strings.HasSuffix(sid, "_Classes") {
			continue
		}
		home := r.homeOf(sid)
		homes[strings.ToLower(home)] = true
		below := func(root string) keys {
			return func(path string) (*evidence.RegistryKey, error) { return r.machine.Key(root + `\` + path) }
		}
		r.users = append(r.users, user{cmp.Or(lastOf(home), sid), `HKU\` + sid + `\`, below(`HKU\` + sid), below(`HKU\` + sid + `_Classes`), `HKU\` + sid + `_Classes\`, home})
	}
	return homes
}

// homeOf is the folder of a user's profile, "" where the list of profiles has none.
func (r *reader) homeOf(sid string) string {
	p := r.local(`HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\` + sid)
	if p == nil {
		return ""
	}
	home := p.Value("ProfileImagePath").Text
	if rest, ok := cutFold(home, "%systemroot%"); ok {
		return `C:\Windows` + rest
	}
	if rest, ok := cutFold(home, "%systemdrive%"); ok {
		return "C:" + rest
	}
	return home
}

// userOf is the name of the user that a SID stands for: of its profile's folder, or the
// SID where there is none.
func (r *reader) userOf(sid string) string {
	if r.names == nil {
		r.names = map[string]string{"S-1-5-18": "SYSTEM", "S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE"}
	}
	if _, known := r.names[sid]; !known && len(r.names) < maxUsers {
		r.names[sid] = lastOf(r.homeOf(sid))
	}
	return cmp.Or(r.names[sid], sid)
}

// cutFold cuts a prefix off, whatever its case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// lastOf is the last element of a path.
func lastOf(path string) string { return path[strings.LastIndexAny(path, `\/`)+1:] }
