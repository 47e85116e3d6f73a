package csaf

import (
	"fmt"
	"slices"
)

// Problem is one mandatory test that a document fails.
type Problem struct {
	Test string // the section of CSAF 2.0, "6.1.11"
	Path string // where: a JSON pointer into the document
	What string
}

// maxProblems ends the list of a document that is wrong throughout.
const maxProblems = 1000

// Check runs the mandatory tests 6.1.1 to 6.1.33 of CSAF 2.0, section 6.1, in
// their order. Three of them know less than the world does: 6.1.11 knows the
// weaknesses in its own table and calls any other a problem, 6.1.12 knows every
// two-letter language and takes any well-formed longer one, 6.1.13 checks a
// package URL's form and not what each package type asks for. A document
// without problems is not thereby valid: the JSON schema is a test of its own.
func Check(d *Document) []Problem {
	c := &checker{Document: d}
	for _, test := range []struct {
		id  string
		run func(*checker)
	}{
		{"6.1.1", (*checker).undefinedProducts}, {"6.1.2", (*checker).productsTwice}, {"6.1.3", (*checker).circularProducts},
		{"6.1.4", (*checker).undefinedGroups}, {"6.1.5", (*checker).groupsTwice}, {"6.1.6", (*checker).contradictingStatus},
		{"6.1.7", (*checker).scoredTwice}, {"6.1.8", (*checker).invalidCVSS}, {"6.1.9", (*checker).wrongCVSS},
		{"6.1.10", (*checker).inconsistentCVSS}, {"6.1.11", (*checker).weaknesses}, {"6.1.12", (*checker).languages},
		{"6.1.13", (*checker).packageURLs}, {"6.1.14", (*checker).unsortedHistory}, {"6.1.15", (*checker).translator},
		{"6.1.16", (*checker).latestVersion}, {"6.1.17", (*checker).draftStatus}, {"6.1.18", (*checker).releasedHistory},
		{"6.1.19", (*checker).prereleaseHistory}, {"6.1.20", (*checker).nonDraftVersion}, {"6.1.21", (*checker).missingHistory},
		{"6.1.22", (*checker).historyTwice}, {"6.1.23", (*checker).cveTwice}, {"6.1.24", (*checker).involvedTwice},
		{"6.1.25", (*checker).hashedTwice}, {"6.1.26", (*checker).categoryName}, {"6.1.27", (*checker).profile},
		{"6.1.28", (*checker).translation}, {"6.1.29", (*checker).remediationOfNothing}, {"6.1.30", (*checker).mixedVersioning},
		{"6.1.31", (*checker).rangeAsVersion}, {"6.1.32", (*checker).flagOfNothing}, {"6.1.33", (*checker).flaggedTwice},
	} {
		c.test = test.id
		test.run(c)
	}
	return c.problems
}

type checker struct {
	*Document
	test     string
	problems []Problem
}

func (c *checker) fail(path, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, Problem{c.test, path, fmt.Sprintf(format, args...)})
	}
}

// twice calls fn for every value that stood before.
func twice[T any, K comparable](all []T, key func(T) K, fn func(i int, k K)) {
	seen := map[K]bool{}
	for i, v := range all {
		k := key(v)
		if seen[k] {
			fn(i, k)
		}
		seen[k] = true
	}
}

// eachVulnerability gives every vulnerability with its pointer.
func (c *checker) eachVulnerability(fn func(at string, v *Vulnerability)) {
	for i := range c.Vulnerabilities {
		fn(fmt.Sprintf("/vulnerabilities/%d", i), &c.Vulnerabilities[i])
	}
}

// eachOn gives every statement on products and groups, with its pointer.
func (v *Vulnerability) eachOn(at string, fn func(at string, on *On)) {
	for i := range v.Remediation {
		fn(fmt.Sprintf("%s/remediations/%d", at, i), &v.Remediation[i].On)
	}
	for i := range v.Threats {
		fn(fmt.Sprintf("%s/threats/%d", at, i), &v.Threats[i].On)
	}
	for i := range v.Flags {
		fn(fmt.Sprintf("%s/flags/%d", at, i), &v.Flags[i].On)
	}
}

func (c *checker) cveTwice() {
	twice(c.Vulnerabilities, func(v Vulnerability) string { return v.CVE }, func(i int, cve string) {
		if cve != "" {
			c.fail(fmt.Sprintf("/vulnerabilities/%d/cve", i), "%s twice", cve)
		}
	})
}

func (c *checker) involvedTwice() {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		twice(v.Involved, func(i Involvement) Involvement { return i }, func(i int, k Involvement) {
			c.fail(fmt.Sprintf("%s/involvements/%d", at, i), "party %s on %q twice", k.Party, k.Date)
		})
	})
}

func (c *checker) hashedTwice() {
	c.eachProduct(func(p *Product) {
		if p.Helper == nil {
			return
		}
		for _, h := range p.Helper.Hashes {
			seen := map[string]bool{}
			for _, one := range h.Hashes {
				if seen[one.Algorithm] {
					c.fail("/product_tree", "product %s, file %q: two hashes of %s", p.ID, h.Filename, one.Algorithm)
				}
				seen[one.Algorithm] = true
			}
		}
	})
}

func (c *checker) remediationOfNothing() {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		for i, r := range v.Remediation {
			if len(r.ProductIDs)+len(r.GroupIDs) == 0 {
				c.fail(fmt.Sprintf("%s/remediations/%d", at, i), "names no product and no group")
			}
		}
	})
}

func (c *checker) flagOfNothing() {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		for i, f := range v.Flags {
			if len(f.ProductIDs)+len(f.GroupIDs) == 0 {
				c.fail(fmt.Sprintf("%s/flags/%d", at, i), "names no product and no group")
			}
		}
	})
}

// flaggedTwice: the VEX justifications exclude each other.
func (c *checker) flaggedTwice() {
	justifications := []string{
		"component_not_present", "inline_mitigations_already_exist", "vulnerable_code_cannot_be_controlled_by_adversary",
		"vulnerable_code_not_in_execute_path", "vulnerable_code_not_present",
	}
	c.eachVulnerability(func(at string, v *Vulnerability) {
		first := map[string]string{}
		for i, f := range v.Flags {
			if !slices.Contains(justifications, f.Label) {
				continue
			}
			for _, id := range c.members(&f.On) {
				if was, ok := first[id]; ok && was != f.Label {
					c.fail(fmt.Sprintf("%s/flags/%d", at, i), "product %s is both %s and %s", id, was, f.Label)
				}
				first[id] = f.Label
			}
		}
	})
}
