package anomaly

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What makes a page late: it came so long after nearly all others, and few came
// with it. An update brings many; somebody who adds pages now and then leaves no
// gap before the last.
const (
	latePages  = 3                   // came within lateTogether of each other, at most
	lateAfter  = 30 * 24 * time.Hour // behind the one before
	lateOthers = 12                  // pages there must be before
	keptPages  = 64                  // of a site, the newest
	keptSites  = 4096
)

// Ages are the times of the pages of each site. The zero value has none. What they
// judge does not depend on the order in which pages come. Its fields are for keeping
// it elsewhere.
type Ages struct{ Sites map[string]*Site }

// Site is the newest pages of a site, the newest first, and how many there are.
type Site struct {
	Count  int64
	Newest []Page
}

// Page is a page and the newest of its own times.
type Page struct {
	Path string // as on the source
	At   time.Time
}

// Add adds a page of a site. One without a time is left out.
func (a *Ages) Add(site string, p Page) {
	if p.At.IsZero() {
		return
	}
	if s := a.site(site); s != nil {
		s.Count++
		s.Newest = append(s.Newest, p)
		if len(s.Newest) > 2*keptPages {
			s.trim()
		}
	}
}

// Merge adds all that another has.
func (a *Ages) Merge(o *Ages) {
	for name, from := range o.Sites {
		if s := a.site(name); s != nil && from != nil {
			s.Count += from.Count
			s.Newest = append(s.Newest, from.Newest...)
			s.trim()
		}
	}
}

func (a *Ages) site(name string) *Site {
	if a.Sites == nil {
		a.Sites = map[string]*Site{}
	}
	s := a.Sites[name]
	if s == nil && len(a.Sites) < keptSites {
		s = &Site{}
		a.Sites[name] = s
	}
	return s
}

func (s *Site) trim() {
	slices.SortFunc(s.Newest, func(a, b Page) int { return cmp.Or(b.At.Compare(a.At), strings.Compare(a.Path, b.Path)) })
	s.Newest = s.Newest[:min(len(s.Newest), keptPages)]
}

// Late is a page that came late.
type Late struct {
	Page
	Reason string
}

// Late gives the late pages, by path.
func (a *Ages) Late() (all []Late) {
	for _, s := range a.Sites {
		s.trim()
		for n := 1; n <= latePages && n < len(s.Newest); n++ {
			gap := s.Newest[n-1].At.Sub(s.Newest[n].At)
			if gap < lateAfter || s.Count-int64(n) < lateOthers {
				continue
			}
			for _, p := range s.Newest[:n] {
				all = append(all, Late{p, fmt.Sprintf("it is of %s, %d days after the newest of the site's %d others", p.At.UTC().Format(time.DateOnly), int(p.At.Sub(s.Newest[n].At).Hours()/24), s.Count-int64(n))})
			}
			break
		}
	}
	slices.SortFunc(all, func(a, b Late) int { return strings.Compare(a.Path, b.Path) })
	return all
}
