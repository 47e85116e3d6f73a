package collect

import (
	"regexp/syntax"
	"slices"
	"strings"

	"postern/evidence"
)

// maxViews bounds the folders whose views are kept: a walk comes back to those
// above the one it is in.
const maxViews = 256

// view is what is asked of the names in one folder. A walk meets many names in few
// folders, so what the folder decides is decided once.
type view struct {
	path   string         // the folder as places see it, with a slash at its end
	above  []*folder      // the folders asked about that it lies in, itself among them
	site   *evidence.Site // the deepest web root that it lies in; nil: none
	asking []asking
}

// asking is a place that may ask for names in a folder.
type asking struct {
	index        int
	paths, sites []quick // patterns that may match there
}

// viewOf is the view of a folder.
func (s *survey) viewOf(dir evidence.Name) *view {
	if v := s.views[dir]; v != nil {
		return v
	}
	if len(s.views) >= maxViews {
		clear(s.views)
	}
	v := &view{path: strings.TrimSuffix(s.asked(dir), "/") + "/"}
	if v.path == "./" {
		v.path = ""
	}
	for key := s.key(dir); len(s.folders) > 0; key = string(evidence.Name(key).Dir()) {
		if f := s.folders[key]; f != nil {
			v.above = append(v.above, f)
		}
		if key == "." {
			break
		}
	}
	for i := range s.sites {
		if at := &s.sites[i]; strings.HasPrefix(v.path, at.Root+"/") && (v.site == nil || len(at.Root) > len(v.site.Root)) {
			v.site = at
		}
	}
	for i := range s.want.Places {
		p := &s.want.Places[i]
		if !s.applies(p.OS) {
			continue
		}
		a := asking{i, within(s.places[i], v.path), within(s.inSites[i], v.path)}
		if p.Files != nil || p.Names != nil || a.paths != nil || a.sites != nil {
			v.asking = append(v.asking, a)
		}
	}
	s.views[dir] = v
	return v
}

// within are the patterns that may match the path of a name in a folder.
func within(patterns []quick, folder string) (some []quick) {
	for _, p := range patterns {
		if strings.Contains(folder, p.folder) || !isASCII(folder) {
			some = append(some, p)
		}
	}
	return some
}

// askedIn is a name in a folder as places ask for it.
func (s *survey) askedIn(v *view, n evidence.Name) string {
	if slices.ContainsFunc(s.volumes, func(at evidence.Volume) bool { return at.Root == n }) {
		return s.asked(n)
	}
	return v.path + strings.ToLower(n.Base())
}

// placesOf are the places that ask for a name. inSite says that it lies in a web
// root.
func (s *survey) placesOf(v *view, n evidence.Name, dir, inSite bool) (places []int) {
	if len(v.asking) == 0 {
		return nil
	}
	path := s.askedIn(v, n)
	base := path[strings.LastIndexByte(path, '/')+1:]
	for i := range v.asking {
		a := &v.asking[i]
		p := &s.want.Places[a.index]
		if (!dir || p.Folders) && (p.Files[path] || !dir && p.Names[base] || matchesAny(a.paths, path) ||
			inSite && !dir && matchesAny(a.sites, path)) {
			places = append(places, a.index)
		}
	}
	return places
}

// folderPart is what of a literal that stands in every match lies in the path's
// folder: all up to its last slash, for a name has none.
func folderPart(literal string) string { return literal[:strings.LastIndexByte(literal, '/')+1] }

// folderOf returns the longest such part of the literals of a pattern, in lower
// case; "" when there is none.
func folderOf(re *syntax.Regexp) (longest string) {
	if re.Op != syntax.OpConcat {
		return folderPart(required(re))
	}
	for _, sub := range re.Sub {
		if s := folderPart(required(sub)); len(s) > len(longest) {
			longest = s
		}
	}
	return longest
}
