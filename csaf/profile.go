package csaf

import (
	"regexp"
	"slices"
	"strings"
)

// The document categories that ask for more (CSAF 2.0 section 4).
const (
	incidentResponse = "csaf_security_incident_response"
	informational    = "csaf_informational_advisory"
	securityAdvisory = "csaf_security_advisory"
	vex              = "csaf_vex"
)

// nameNoise is what does not tell two category names apart (section 6.1.26).
var nameNoise = regexp.MustCompile(`[-_\s]+`)

// categoryName: a document of no profile must not look as if it had one.
func (c *checker) categoryName() {
	own := c.Meta.Category
	if slices.Contains([]string{incidentResponse, informational, securityAdvisory, vex, "csaf_base"}, own) {
		return
	}
	plain := strings.ToLower(nameNoise.ReplaceAllString(own, ""))
	if strings.HasPrefix(strings.ToLower(own), "csaf_") {
		c.fail("/document/category", "%q begins with csaf_ and is no profile", own)
		return
	}
	for _, name := range []string{"informationaladvisory", "securityadvisory", "securityincidentresponse", "vex"} {
		if plain == name || plain == "csaf"+name {
			c.fail("/document/category", "%q is too like a profile's name", own)
		}
	}
}

// profile runs 6.1.27.1 to 6.1.27.11.
func (c *checker) profile() {
	switch c.Meta.Category {
	case incidentResponse, informational:
		c.documentTexts()
	case securityAdvisory, vex:
		c.advisoryParts()
	}
	if c.Meta.Category == informational && c.Vulnerabilities != nil {
		c.sub("3", "/vulnerabilities", "an informational advisory has none")
	}
	if c.Meta.Category == securityAdvisory {
		c.eachVulnerability(func(at string, v *Vulnerability) {
			if v.Status == nil {
				c.sub("6", at, "no product_status")
			}
		})
	}
	if c.Meta.Category == vex {
		c.eachVulnerability(c.vexParts)
	}
}

// sub fails one of the tests within 6.1.27.
func (c *checker) sub(n, path, format string, args ...any) {
	c.test = "6.1.27." + n
	c.fail(path, format, args...)
	c.test = "6.1.27"
}

func (c *checker) documentTexts() {
	if !slices.ContainsFunc(c.Meta.Notes, func(n Note) bool {
		return slices.Contains([]string{"description", "details", "general", "summary"}, n.Category)
	}) {
		c.sub("1", "/document/notes", "no note of category description, details, general or summary")
	}
	if !slices.ContainsFunc(c.Meta.References, func(r Reference) bool { return r.Category == "external" }) {
		c.sub("2", "/document/references", "no external reference")
	}
}

func (c *checker) advisoryParts() {
	if c.Products == nil {
		c.sub("4", "/product_tree", "is missing")
	}
	if len(c.Vulnerabilities) == 0 {
		c.sub("11", "/vulnerabilities", "is missing")
	}
	c.eachVulnerability(func(at string, v *Vulnerability) {
		if len(v.Notes) == 0 {
			c.sub("5", at+"/notes", "is missing")
		}
	})
}

func (c *checker) vexParts(at string, v *Vulnerability) {
	if v.CVE == "" && len(v.IDs) == 0 {
		c.sub("8", at, "neither cve nor ids")
	}
	s := v.Status
	if s == nil || len(s.Fixed)+len(s.KnownAffected)+len(s.KnownNotAffected)+len(s.UnderInvestigation) == 0 {
		c.sub("7", at+"/product_status", "none of fixed, known_affected, known_not_affected, under_investigation")
		return
	}
	impact, action := map[string]bool{}, map[string]bool{}
	mark := func(in map[string]bool, on *On) {
		for _, id := range c.members(on) {
			in[id] = true
		}
	}
	for i := range v.Threats {
		if v.Threats[i].Category == "impact" {
			mark(impact, &v.Threats[i].On)
		}
	}
	for i := range v.Flags {
		mark(impact, &v.Flags[i].On)
	}
	for i := range v.Remediation {
		mark(action, &v.Remediation[i].On)
	}
	for _, id := range s.KnownNotAffected {
		if !impact[id] {
			c.sub("9", at, "product %q: no impact statement", id)
		}
	}
	for _, id := range s.KnownAffected {
		if !action[id] {
			c.sub("10", at, "product %q: no action statement", id)
		}
	}
}

func (c *checker) translator() {
	if c.Meta.Publisher.Category == "translator" && c.Meta.SourceLang == "" {
		c.fail("/document/source_lang", "is missing in a translation")
	}
}

func (c *checker) translation() {
	if c.Meta.Lang != "" && strings.EqualFold(c.Meta.Lang, c.Meta.SourceLang) {
		c.fail("/document/lang", "%q is the source's own language", c.Meta.Lang)
	}
}

// weaknesses: a CWE must exist and bear its own name.
func (c *checker) weaknesses() {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		if v.CWE == nil {
			return
		}
		switch name, known := weaknessNames[v.CWE.ID]; {
		case !known:
			c.fail(at+"/cwe/id", "%s is not in this program's table and cannot be verified", v.CWE.ID)
		case name != v.CWE.Name:
			c.fail(at+"/cwe/name", "%s is %q, not %q", v.CWE.ID, name, v.CWE.Name)
		}
	})
}

var languageForm = regexp.MustCompile(`^(?:[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*|[ix](?:-[A-Za-z0-9]{1,8})+)$`)

func (c *checker) languages() {
	for _, l := range []struct{ path, tag string }{{"/document/lang", c.Meta.Lang}, {"/document/source_lang", c.Meta.SourceLang}} {
		primary, _, _ := strings.Cut(strings.ToLower(l.tag), "-")
		switch {
		case l.tag == "":
		case !languageForm.MatchString(l.tag):
			c.fail(l.path, "%q is no language tag", l.tag)
		case len(primary) == 2 && !strings.Contains(twoLetterLanguages, " "+primary+" "):
			c.fail(l.path, "%q is no registered language", primary)
		}
	}
}

// twoLetterLanguages are the primary subtags of two letters in the IANA
// language subtag registry (ISO 639-1).
const twoLetterLanguages = " aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
