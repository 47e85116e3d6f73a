package collect

import (
	"slices"
	"strings"

	"postern/evidence"
)

// layout translates between names on the source and paths of the examined
// machine.
type layout struct {
	src     *evidence.Source
	volumes []evidence.Volume // deepest root first
	folds   bool
}

func newLayout(src *evidence.Source) layout {
	l := layout{src: src, volumes: slices.Clone(src.Volumes), folds: src.ID.OS != evidence.Linux}
	slices.SortStableFunc(l.volumes, func(a, b evidence.Volume) int { return len(b.Root) - len(a.Root) })
	return l
}

// key is a name as it is compared.
func (l *layout) key(n evidence.Name) string {
	if l.folds {
		return strings.ToLower(string(n))
	}
	return string(n)
}

// volume is the deepest volume that a name lies on, nil without one.
func (l *layout) volume(n evidence.Name) *evidence.Volume {
	for i := range l.volumes {
		if v := &l.volumes[i]; n.Within(v.Root) {
			return v
		}
	}
	return nil
}

// path is the machine's own path of a name, slashes forward: "C:/inetpub/x",
// "/etc/passwd"; "" where no volume carries the name.
func (l *layout) path(n evidence.Name) string {
	v := l.volume(n)
	if v == nil {
		return ""
	}
	rest := strings.Trim(strings.TrimPrefix(string(n), string(v.Root)), "/")
	if v.Root == "." {
		rest = string(n)
	}
	if rest == "." {
		rest = ""
	}
	return strings.TrimSuffix(v.Mount, "/") + "/" + rest
}

// shown is the machine's own path as the machine writes it.
func (l *layout) shown(n evidence.Name) string {
	p := l.path(n)
	switch {
	case p == "":
		return string(n)
	case p[0] != '/':
		return strings.ReplaceAll(p, "/", `\`)
	}
	return p
}

// applies reports whether something meant for an OS is meant for this source.
func (l *layout) applies(os evidence.OS) bool {
	return os == "" || l.src.ID.OS == "" || os == l.src.ID.OS
}

// fits reports whether a folder, as a machine writes it, can stand on this
// source at all: `C:\...` not on Linux, `/opt` not on Windows.
func (l *layout) fits(folder string) bool {
	if strings.HasPrefix(folder, "/") {
		return l.applies(evidence.Linux)
	}
	return l.applies(evidence.Windows)
}
