package csaf

import (
	"fmt"
	"regexp"
	"strings"
)

// eachProduct gives every product the document defines.
func (c *checker) eachProduct(fn func(*Product)) {
	if c.Products != nil {
		c.Products.Each(func(p *Product, _ []*Branch) { fn(p) })
	}
}

// members are the products a statement is about, its groups taken apart.
func (c *checker) members(on *On) []string {
	all := append([]string(nil), on.ProductIDs...)
	if c.Products == nil {
		return all
	}
	for _, g := range c.Products.Groups {
		for _, id := range on.GroupIDs {
			if g.ID == id {
				all = append(all, g.ProductIDs...)
			}
		}
	}
	return all
}

func (c *checker) undefinedProducts() {
	defined := map[string]bool{}
	c.eachProduct(func(p *Product) { defined[p.ID] = true })
	need := func(at string, ids ...string) {
		for _, id := range ids {
			if !defined[id] {
				c.fail(at, "product %q is not defined", id)
			}
		}
	}
	if c.Products != nil {
		for i, g := range c.Products.Groups {
			need(fmt.Sprintf("/product_tree/product_groups/%d", i), g.ProductIDs...)
		}
		for i, r := range c.Products.Relationships {
			need(fmt.Sprintf("/product_tree/relationships/%d", i), r.Reference, r.RelatesTo)
		}
	}
	c.eachVulnerability(func(at string, v *Vulnerability) {
		for _, l := range v.Status.lists() {
			need(at+"/product_status/"+l.name, l.ids...)
		}
		for i, s := range v.Scores {
			need(fmt.Sprintf("%s/scores/%d", at, i), s.Products...)
		}
		v.eachOn(at, func(at string, on *On) { need(at, on.ProductIDs...) })
	})
}

// statusList is one list of a status.
type statusList struct {
	name string
	ids  []string
}

// lists gives the lists of a status; nil has none.
func (s *Status) lists() []statusList {
	if s == nil {
		return nil
	}
	return []statusList{
		{"first_affected", s.FirstAffected}, {"first_fixed", s.FirstFixed}, {"fixed", s.Fixed}, {"known_affected", s.KnownAffected},
		{"known_not_affected", s.KnownNotAffected}, {"last_affected", s.LastAffected}, {"recommended", s.Recommended},
		{"under_investigation", s.UnderInvestigation},
	}
}

func (c *checker) productsTwice() {
	seen := map[string]bool{}
	c.eachProduct(func(p *Product) {
		if seen[p.ID] {
			c.fail("/product_tree", "product %q is defined twice", p.ID)
		}
		seen[p.ID] = true
	})
}

// circularProducts: a relationship's product must not be made of itself.
func (c *checker) circularProducts() {
	if c.Products == nil {
		return
	}
	made := map[string][]string{}
	for _, r := range c.Products.Relationships {
		made[r.Product.ID] = append(made[r.Product.ID], r.Reference, r.RelatesTo)
	}
	const open, closed = 1, 2
	state := map[string]int{}
	var visit func(id string) bool
	visit = func(id string) bool {
		switch state[id] {
		case open:
			return true
		case closed:
			return false
		}
		state[id] = open
		for _, of := range made[id] {
			if visit(of) {
				return true
			}
		}
		state[id] = closed
		return false
	}
	for i, r := range c.Products.Relationships {
		if visit(r.Product.ID) {
			c.fail(fmt.Sprintf("/product_tree/relationships/%d", i), "product %q is defined by itself", r.Product.ID)
			return
		}
	}
}

func (c *checker) undefinedGroups() {
	defined := map[string]bool{}
	if c.Products != nil {
		for _, g := range c.Products.Groups {
			defined[g.ID] = true
		}
	}
	c.eachVulnerability(func(at string, v *Vulnerability) {
		v.eachOn(at, func(at string, on *On) {
			for _, id := range on.GroupIDs {
				if !defined[id] {
					c.fail(at, "group %q is not defined", id)
				}
			}
		})
	})
}

func (c *checker) groupsTwice() {
	if c.Products != nil {
		twice(c.Products.Groups, func(g Group) string { return g.ID }, func(i int, id string) {
			c.fail(fmt.Sprintf("/product_tree/product_groups/%d", i), "group %q is defined twice", id)
		})
	}
}

func (c *checker) contradictingStatus() {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		s := v.Status
		if s == nil {
			return
		}
		was := map[string]string{}
		for _, group := range []struct {
			name  string
			lists [][]string
		}{
			{"affected", [][]string{s.FirstAffected, s.KnownAffected, s.LastAffected}},
			{"not affected", [][]string{s.KnownNotAffected}},
			{"fixed", [][]string{s.FirstFixed, s.Fixed}},
			{"under investigation", [][]string{s.UnderInvestigation}},
		} {
			for _, list := range group.lists {
				for _, id := range list {
					if other, ok := was[id]; ok && other != group.name {
						c.fail(at+"/product_status", "product %q is both %s and %s", id, other, group.name)
					}
					was[id] = group.name
				}
			}
		}
	})
}

func (c *checker) scoredTwice() {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		seen := map[string]bool{}
		for i, s := range v.Scores {
			for _, cvss := range []CVSS{s.V2, s.V3} {
				if cvss == nil {
					continue
				}
				here := map[string]bool{}
				for _, id := range s.Products {
					key := cvss.Text("version") + " " + id
					if seen[key] && !here[key] {
						c.fail(fmt.Sprintf("%s/scores/%d", at, i), "product %q has two scores of version %s", id, cvss.Text("version"))
					}
					seen[key], here[key] = true, true
				}
			}
		}
	})
}

// purl is a package URL's form: scheme, type, optional namespace, name (package
// URL specification, "Rules for each purl component").
var purl = regexp.MustCompile(`^pkg:/*[A-Za-z][A-Za-z0-9.+-]*/(?:[^@?#]*/)?[^@?#/]+(?:@[^?#]+)?(?:\?[^#]+)?(?:#.+)?$`)

func (c *checker) packageURLs() {
	c.eachProduct(func(p *Product) {
		if p.Helper != nil && p.Helper.PURL != nil && !purl.MatchString(*p.Helper.PURL) {
			c.fail("/product_tree", "product %q: %q is no package URL", p.ID, *p.Helper.PURL)
		}
	})
}

// rangeWords say that a version is a range of them (section 6.1.31).
var rangeWords = regexp.MustCompile(`(?i)[<>]|\b(?:after|all|before|earlier|later|prior|versions)\b`)

func (c *checker) rangeAsVersion() {
	if c.Products == nil {
		return
	}
	c.Products.Each(func(p *Product, path []*Branch) {
		for _, b := range path {
			if b.Category == "product_version" && rangeWords.MatchString(b.Name) {
				c.fail("/product_tree", "branch %q says a range; that is a product_version_range", strings.TrimSpace(b.Name))
			}
		}
	})
}
