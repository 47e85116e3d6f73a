package pack

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
)

// prove holds an indicator against its own examples and near misses.
func (l *loader) prove(f *file, s *specIndicator, in *Indicator) {
	for i := range s.Examples {
		if c := &s.Examples[i]; !l.hits(f, in, c) {
			f.Fail(c.At, ErrExample, "example of %q is not matched", in.ID)
		}
	}
	for i := range s.Near {
		if l.hits(f, in, &s.Near[i]) {
			f.Fail(s.Near[i].At, ErrExample, "near miss of %q is matched", in.ID)
		}
	}
}

// hits evaluates one case. A case of the wrong kind is a fault.
func (l *loader) hits(f *file, in *Indicator, c *specCase) bool {
	set := 0
	for _, is := range []bool{c.File.Value != "", c.Folder.Value != "", c.Hash.Value != "", c.Peer.Value != ""} {
		if is {
			set++
		}
	}
	m := &in.Match
	switch {
	case set != 1:
	case in.Kind == OnFile && c.File.Value != "":
		content, err := base64.StdEncoding.DecodeString(c.Content.Value)
		if err != nil {
			f.Fail(c.Content.At, ErrValue, "content is no base64: %w", err)
		}
		path := machinePath(c.File.Value)
		return l.placed(m.Place, path) && m.HoldsPath(path) && m.HoldsContent(content)
	case in.Kind == OnFolder && c.Folder.Value != "":
		path := machinePath(c.Folder.Value)
		return l.placed(m.Place, path) && m.HoldsPath(path)
	case in.Kind == OnHash && c.Hash.Value != "":
		return slices.Contains(m.Hashes, strings.ToLower(c.Hash.Value))
	case in.Kind == OnPeer && c.Peer.Value != "":
		return m.HoldsPeer(c.Peer.Value)
	}
	f.Fail(c.At, ErrValue, "a case of kind %s wants exactly its own field", in.Kind)
	return false
}

// machinePath is a path as Place.Paths sees it.
func machinePath(p string) string {
	return strings.ToLower(strings.ReplaceAll(p, `\`, "/"))
}

// placed reports whether any path pattern of a place holds, be it below a web root.
func (l *loader) placed(id, path string) bool {
	return slices.ContainsFunc(l.pack.Places, func(p evidence.Place) bool {
		return p.ID == id && slices.ContainsFunc(slices.Concat(p.Paths, p.Sites), func(re *regexp.Regexp) bool { return re.MatchString(path) })
	})
}
