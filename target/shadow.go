package target

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"postern/evidence"
	"postern/target/tree"
)

// Shadow is an earlier state of one of this host's volumes that exists already: a
// shadow copy, or the mounted snapshot of a volume. None is ever made.
type Shadow struct {
	Mount string // whose state it is: "C:", or "/"
	Path  string // where it stands: `\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy3\`, or a folder
}

// ParseShadow reads MOUNT=PATH.
func ParseShadow(text string) (Shadow, error) {
	mount, path, ok := strings.Cut(text, "=")
	drive := len(mount) == 2 && mount[1] == ':'
	if !ok || path == "" || !drive && mount != "/" {
		return Shadow{}, fmt.Errorf(`target: shadow copy %q: write C:=\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy3\, or /=FOLDER`, text)
	}
	return Shadow{mount, path}, nil
}

// pastReads are the files that were read as an earlier state has them.
type pastReads struct {
	mu    sync.Mutex
	names map[string]string // the shadow copy, by the machine's path
}

// behind lays the shadow copies of a volume behind its tree. One that does not
// open is an error: its operator counts on it.
func (p *pastReads) behind(t *tree.Tree, mount string, shadows []Shadow, limits tree.Limits) error {
	for _, s := range shadows {
		if !strings.EqualFold(s.Mount, mount) {
			continue
		}
		earlier, err := tree.Disk(s.Path, false, limits)
		if err != nil {
			return fmt.Errorf("target: shadow copy of %s: %w", mount, err)
		}
		t.Behind(earlier, func(name evidence.Name) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.names == nil {
				p.names = map[string]string{}
			}
			p.names[strings.TrimSuffix(mount, "/")+"/"+string(name)] = s.Path
		})
	}
	return nil
}

// gaps says of each file that it was not read as it is now.
func (p *pastReads) gaps() (all []evidence.Coverage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, from := range p.names {
		all = append(all, evidence.Gap(evidence.CoverFile, name, everything, evidence.Unreadable,
			"another program has it locked; it was read as it is in the shadow copy "+from))
	}
	slices.SortFunc(all, func(a, b evidence.Coverage) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// unknownShadow is the first shadow copy of a volume that is not here; nil: none.
func unknownShadow(shadows []Shadow, volumes []evidence.Volume) error {
	for _, s := range shadows {
		if !slices.ContainsFunc(volumes, func(v evidence.Volume) bool { return strings.EqualFold(v.Mount, s.Mount) }) {
			return fmt.Errorf("target: shadow copy %s=%s: this host has no volume %s", s.Mount, s.Path, s.Mount)
		}
	}
	return nil
}
