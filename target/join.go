package target

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
	"postern/target/tree"
)

// Join makes one source of all that are nothing but logs of one host: logs and
// folders of them that were named one by one are one record of it. Logs that
// stood in one folder stay in one, and a folder goes by its name. It owns the
// sources that it joins. at tells for each source given its place in the result.
func Join(sources []*evidence.Source) (joined []*evidence.Source, at []int) {
	groups := map[string][]*evidence.Source{}
	for _, src := range sources {
		if key, ok := pile(src); ok {
			groups[key] = append(groups[key], src)
		}
	}
	made := map[string]int{}
	for _, src := range sources {
		key, ok := pile(src)
		n, done := made[key]
		switch {
		case ok && done:
			at = append(at, n)
			continue
		case ok:
			made[key] = len(joined)
			src = joinAll(groups[key])
		}
		at = append(at, len(joined))
		joined = append(joined, src)
	}
	return joined, at
}

// pile is what logs have in common that may be joined; ok is false for what is no
// pile of logs.
func pile(src *evidence.Source) (key string, ok bool) {
	_, own := src.Files.(*tree.Tree)
	if src.Kind != evidence.KindLogs || !own {
		return "", false
	}
	zone := ""
	if src.ID.Zone != nil {
		zone = src.ID.Zone.String()
	}
	return strings.Join([]string{strings.ToLower(src.ID.Host), string(src.ID.OS), zone, src.ID.Captured.String(), fmt.Sprint(src.Partial)}, "\x00"), true
}

// Holds reports whether a review of logs reads with the sources of one target all
// that it reads with those of another which lies in its folder. Of a system or a
// collection only its own logs are read, and in a folder of nobody's are archives and
// messages that nobody asked for, while the other target names them. What could not be
// opened holds nothing, and is held by nothing: its gap stays.
func Holds(outer, inner []*evidence.Source) bool {
	nobodys := func(src *evidence.Source) bool {
		return src.Files != nil && (src.Kind == evidence.KindLogs || src.Kind == evidence.KindTree && src.ID.OS == "")
	}
	for _, src := range slices.Concat(outer, inner) {
		if !nobodys(src) {
			return false
		}
	}
	logsAlone := !slices.ContainsFunc(outer, func(src *evidence.Source) bool { return src.Kind != evidence.KindLogs })
	unasked := func(src *evidence.Source) bool {
		name := evidence.Name(filepath.ToSlash(src.Target))
		return !isLog(name) && (packedName.MatchString(name.Base()) || mailName.MatchString(name.Base()))
	}
	return len(outer) > 0 && len(inner) > 0 && (logsAlone || !slices.ContainsFunc(inner, unasked))
}

// mailName is what mailboxes and messages are called.
var mailName = regexp.MustCompile(`(?i)\.(eml|grp|msg|mbo?x|pst|ost)$`)

// joinAll joins sources of one pile.
func joinAll(sources []*evidence.Source) *evidence.Source {
	if len(sources) == 1 {
		return sources[0]
	}
	all := *sources[0]
	all.Gaps, all.Target = nil, named(sources)
	folders := map[string]map[string]*tree.Tree{} // of single files, by the folder that they stood in
	parts := map[string]*tree.Tree{}
	for _, src := range sources {
		t := src.Files.(*tree.Tree)
		base := filepath.Base(src.Target)
		if e, err := t.Stat(evidence.Name(base)); err == nil && e.Mode.IsRegular() && lone(t) {
			dir := filepath.Dir(src.Target)
			if folders[dir] == nil {
				folders[dir] = map[string]*tree.Tree{}
			}
			folders[dir][free(folders[dir], base)] = t.Leaf(evidence.Name(base))
			continue
		}
		parts[free(parts, base)] = t
	}
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		files := folders[dir]
		if len(folders) == 1 && len(parts) == 0 {
			parts = files
			break
		}
		name := filepath.Base(dir)
		if strings.Trim(name, `./\`) == "" {
			name = "here"
		}
		parts[free(parts, name)] = tree.Join(files, Limits{})
	}
	all.Files = tree.Join(parts, Limits{})
	closers := make([]func() error, 0, len(sources))
	for _, src := range sources {
		all.Gaps = append(all.Gaps, src.Gaps...)
		closers = append(closers, src.Close)
	}
	all.Close = func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
	return &all
}

// lone reports whether a tree holds one name alone.
func lone(t *tree.Tree) bool {
	names, err := t.Names(".")
	return err == nil && len(names) == 1
}

// free is a name that is not taken yet.
func free(taken map[string]*tree.Tree, name string) string {
	name = cmp.Or(strings.Trim(filepath.ToSlash(name), "/"), "root")
	for n := 2; taken[name] != nil; n++ {
		name = fmt.Sprintf("%s~%d", strings.TrimSuffix(name, fmt.Sprintf("~%d", n-1)), n)
	}
	return name
}

// named is the first of what was joined, and how many there are besides.
func named(sources []*evidence.Source) string {
	return fmt.Sprintf("%s and %d more", sources[0].Target, len(sources)-1)
}
