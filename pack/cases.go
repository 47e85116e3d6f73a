package pack

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
)

// prove holds an indicator against its own examples and near misses.
func (l *loader) prove(f *file, s *specIndicator, in *Indicator) {
	for i := range s.Examples {
		c := &s.Examples[i]
		hit, class := l.hits(f, in, c)
		switch {
		case !hit:
			f.Fail(c.At, ErrExample, "example of %q is not matched", in.ID)
		case c.Class.Value != "" && c.Class.Value != class:
			f.Fail(c.Class.At, ErrExample, "example of %q is classed %q, not %q", in.ID, class, c.Class.Value)
		}
	}
	for i := range s.Near {
		if hit, _ := l.hits(f, in, &s.Near[i]); hit {
			f.Fail(s.Near[i].At, ErrExample, "near miss of %q is matched", in.ID)
		}
	}
}

// hits evaluates one case. A case of the wrong kind is a fault.
func (l *loader) hits(f *file, in *Indicator, c *specCase) (hit bool, class string) {
	set := 0
	for _, is := range []bool{len(c.Event) > 0, c.File.Value != "", c.Folder.Value != "", c.Hash.Value != "", c.Peer.Value != ""} {
		if is {
			set++
		}
	}
	m := &in.Match
	switch {
	case set != 1:
	case in.Kind == OnEvent && len(c.Event) > 0:
		l.checkEvent(f, in, c)
		return eventHits(in, c.Event)
	case in.Kind == OnFile && c.File.Value != "":
		content, err := base64.StdEncoding.DecodeString(c.Content.Value)
		if err != nil {
			f.Fail(c.Content.At, ErrValue, "content is no base64: %w", err)
		}
		path := machinePath(c.File.Value)
		return l.placed(m.Place, path) && m.HoldsPath(path) && m.HoldsContent(content), in.Class
	case in.Kind == OnFolder && c.Folder.Value != "":
		path := machinePath(c.Folder.Value)
		return l.placed(m.Place, path) && m.HoldsPath(path), in.Class
	case in.Kind == OnHash && c.Hash.Value != "":
		return slices.Contains(m.Hashes, strings.ToLower(c.Hash.Value)), in.Class
	case in.Kind == OnPeer && c.Peer.Value != "":
		return m.HoldsPeer(c.Peer.Value), in.Class
	}
	f.Fail(c.At, ErrValue, "a case of kind %s wants exactly its own field", in.Kind)
	return false, ""
}

// checkEvent refuses a name in an example that is neither role nor field: the
// example would prove nothing.
func (l *loader) checkEvent(f *file, in *Indicator, c *specCase) {
	for _, name := range slices.Sorted(maps.Keys(c.Event)) {
		known := roleKnown(name) || slices.ContainsFunc(l.pack.Logs, func(g evidence.LogFormat) bool {
			return has(&g, &Condition{Field: name})
		})
		if !known {
			f.Fail(c.Event[name].At, ErrReference, "%q of an example of %q is neither role nor field", name, in.ID)
		}
	}
}

func eventHits(in *Indicator, event map[string]text) (hit bool, class string) {
	value := func(c *Condition) []byte {
		for name, v := range event {
			role, isRole := roleNames[name]
			if c.Field != "" && c.Field == name || c.Field == "" && isRole && role == c.Role {
				return []byte(v.Value)
			}
		}
		return nil
	}
	all := func(where []Condition) bool {
		for i := range where {
			if !where[i].Holds(value(&where[i])) {
				return false
			}
		}
		return true
	}
	if !all(in.Match.Where) {
		return false, ""
	}
	for _, o := range in.Match.Outcomes {
		if all(o.Where) {
			return true, o.Class
		}
	}
	return true, in.Class
}

// machinePath is a path as Place.Paths sees it.
func machinePath(p string) string {
	return strings.ToLower(strings.ReplaceAll(p, `\`, "/"))
}

// placed reports whether any path pattern of a place holds.
func (l *loader) placed(id, path string) bool {
	return slices.ContainsFunc(l.pack.Places, func(p evidence.Place) bool {
		return p.ID == id && slices.ContainsFunc(p.Paths, func(re *regexp.Regexp) bool { return re.MatchString(path) })
	})
}
