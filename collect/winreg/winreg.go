// Package winreg reads the registry of a Windows system for collectors: live, or from
// the hives of an image or collection, with the users whose hives there are. What is
// lost of it is said once, by the hive's name.
//
// Limits: 256 Ki keys a family, 1,024 users. What is over a limit is a gap.
package winreg

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"postern/collect/family"
	"postern/evidence"
	"postern/hive"
)

const (
	maxKeys  = 1 << 18 // of a family
	maxUsers = 1024

	// Config is the folder of the machine's hives.
	Config = `C:\Windows\System32\config\`

	profiles = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList`
)

// errSaid says that a gap was covered already.
var errSaid = errors.New("winreg: said")

// Keys reads a key: of one hive, or below one key of the live registry.
type Keys func(path string) (*evidence.RegistryKey, error)

// Registry is the registry of one source, read for the families of a reader.
type Registry struct {
	*family.Reader
	Live bool // it is the running system's

	tells   string            // what is missing with a hive
	machine evidence.Registry // HKLM, and live HKU
	open    []io.Closer       // hives
	files   map[string]string // of the machine's hives, by their names
	absent  map[string]bool   // hives that are not there, said
	users   []User
	looked  bool              // for users
	names   map[string]string // of users, by SID

	keys    int    // read of a family
	counted string // which that is
	over    string // the family whose keys are too many
}

// New finds the registry of the reader's source: the live one, or its hives, which are
// opened when a key is asked for. tells says what is missing where a hive is. The
// caller closes it.
func New(r *family.Reader, tells string) *Registry {
	g := &Registry{Reader: r, tells: tells, files: map[string]string{}, absent: map[string]bool{},
		names: map[string]string{"S-1-5-18": "SYSTEM", "S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE"}}
	if r.Src.State != nil {
		if g.machine = r.Src.State.Registry(); g.machine != nil {
			g.Live = true
			return g
		}
	}
	g.machine = hive.Registry(func(which string) (*hive.Hive, error) {
		h, name, err := g.Hive(Config+which, true)
		g.files[which] = name
		return h, err
	})
	return g
}

// Close closes the hives.
func (g *Registry) Close() {
	for _, f := range g.open {
		_ = f.Close()
	}
}

// Hive opens the hive at a path of the machine, and covers what it can't tell. It also
// gives the hive's name in the source. One that is not there wraps fs.ErrNotExist, and
// is a gap if every system has it.
func (g *Registry) Hive(path string, always bool) (*hive.Hive, string, error) {
	name, ok := g.Src.Locate(path)
	if !ok {
		name = evidence.Name(path)
	}
	h, err := hive.Load(g.Src.Files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if always && !g.absent[path] {
			g.absent[path] = true
			why := evidence.Absent
			if g.Src.Partial {
				why = evidence.NotCollected
			}
			g.Gap(evidence.CoverHive, string(name), why, g.tells)
		}
		if !always {
			g.Shut(name.Dir())
		}
		return nil, string(name), fmt.Errorf("winreg: hive %s: %w", path, err)
	case err != nil:
		g.Lost(evidence.CoverHive, string(name), err)
		return nil, string(name), errSaid
	}
	g.open = append(g.open, h)
	g.Out.Cover(evidence.Coverage{Kind: evidence.CoverHive, Path: string(name), Parts: evidence.CompromisedNow, Count: 1, Bytes: h.Size})
	if h.Truncated() {
		g.Gap(evidence.CoverHive, string(name), evidence.Truncated, "shorter than its header declares")
	}
	if h.Lost != nil {
		g.Gap(evidence.CoverHive, string(name), evidence.Truncated, "its newest changes are not here: "+h.Lost.Error())
	}
	return h.Hive, string(name), nil
}

// Get reads a key by keys; nil when there is none. named stands before the path in the
// key's Path. What is lost is covered by the name of its hive.
func (g *Registry) Get(keys Keys, path, named string) *evidence.RegistryKey {
	if g.over == g.Name || g.Ctx.Err() != nil {
		return nil
	}
	if g.counted != g.Name {
		g.counted, g.keys = g.Name, 0
	}
	if g.keys++; g.keys > maxKeys {
		g.over = g.Name
		g.Gap(evidence.CoverState, g.Name, evidence.TooLarge, fmt.Sprintf("more than %d keys; the rest was not read", maxKeys))
		return nil
	}
	key, err := keys(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errSaid) && !errors.Is(err, evidence.ErrUnsupported) {
		g.Lost(evidence.CoverHive, cmp.Or(strings.TrimSuffix(named, `\`), g.FileOf(path)), err)
	}
	if key == nil {
		return nil
	}
	g.Files++
	k := *key
	k.Path = named + path
	return &k
}

// Machine reads a key of HKLM.
func (g *Registry) Machine(path string) *evidence.RegistryKey { return g.Get(g.machine.Key, path, "") }

// FileOf is the hive that has a key of HKLM; live the key itself.
func (g *Registry) FileOf(path string) string {
	which, _, _ := strings.Cut(strings.TrimPrefix(path, `HKLM\`), `\`)
	return cmp.Or(g.files[which], path)
}

// Where is where a value of the registry is found again: in its hive, or live by its
// own name.
func (g *Registry) Where(object string) string {
	which, rest, _ := strings.Cut(strings.TrimPrefix(object, `HKLM\`), `\`)
	if name := g.files[which]; name != "" && strings.HasPrefix(object, `HKLM\`) {
		return name + `\` + rest
	}
	return object
}
