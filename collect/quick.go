package collect

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// quick is a pattern over lower-case names with two cheap tests before it. A
// walk holds every name of a machine against every pattern, and nearly none
// matches.
type quick struct {
	*regexp.Regexp
	literal  string   // stands in every match
	folder   string   // stands in the folder of every match
	suffixes []string // one of them ends every match; nil: not known
}

// maxSuffixes bounds how many endings are worth a test.
const maxSuffixes = 16

// quicken prepares patterns. One that does not analyse keeps no test, and is
// always run.
func quicken(patterns []*regexp.Regexp) []quick {
	all := make([]quick, len(patterns))
	for i, p := range patterns {
		all[i] = quick{Regexp: p}
		if re, err := syntax.Parse(p.String(), syntax.Perl); err == nil {
			all[i].literal, all[i].folder, all[i].suffixes = required(re), folderOf(re), endings(re)
		}
	}
	return all
}

// matchesAny reports whether any pattern matches a lower-case name.
func matchesAny(patterns []quick, s string) bool {
	for i := range patterns {
		if patterns[i].may(s) && patterns[i].MatchString(s) {
			return true
		}
	}
	return false
}

// may is false only where the pattern cannot match. Names beyond ASCII fold in
// ways that the tests do not know, and always may.
func (q *quick) may(s string) bool {
	return strings.Contains(s, q.literal) && (q.suffixes == nil || hasAnySuffix(s, q.suffixes)) || !isASCII(s)
}

func hasAnySuffix(s string, suffixes []string) bool {
	for _, suffix := range suffixes {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// required returns the longest literal that stands in every match, in lower
// case; "" when there is none.
func required(re *syntax.Regexp) (longest string) {
	switch re.Op {
	case syntax.OpLiteral:
		return strings.ToLower(string(re.Rune))
	case syntax.OpRepeat:
		if re.Min == 0 {
			return ""
		}
		return required(re.Sub[0])
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if s := required(sub); len(s) > len(longest) {
				longest = s
			}
		}
	}
	return longest
}

// endings returns the strings of which one ends every match of a pattern that
// is tied to the end of the text; nil when they are many or not known.
func endings(re *syntax.Regexp) []string {
	if re.Op != syntax.OpConcat || re.Sub[len(re.Sub)-1].Op != syntax.OpEndText {
		return nil
	}
	ends := []string{""}
	for i := len(re.Sub) - 2; i >= 0; i-- {
		before := spellings(re.Sub[i])
		if before == nil || len(before)*len(ends) > maxSuffixes {
			break
		}
		ends = cross(before, ends)
	}
	if hasAnySuffix("", ends) {
		return nil // an empty ending tests nothing
	}
	return ends
}

// spellings returns every string a pattern matches, in lower case; nil when
// they are many.
func spellings(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture:
		return spellings(re.Sub[0])
	case syntax.OpQuest:
		if some := spellings(re.Sub[0]); some != nil {
			return append(some, "")
		}
	case syntax.OpCharClass:
		return runes(re.Rune)
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			some := spellings(sub)
			if some == nil || len(some)*len(all) > maxSuffixes {
				return nil
			}
			all = cross(all, some)
		}
		return all
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			some := spellings(sub)
			if some == nil || len(all)+len(some) > maxSuffixes {
				return nil
			}
			all = append(all, some...)
		}
		return all
	}
	return nil
}

// runes spells a small character class.
func runes(ranges []rune) (all []string) {
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if len(all) == maxSuffixes {
				return nil
			}
			all = append(all, strings.ToLower(string(r)))
		}
	}
	return all
}

func cross(heads, tails []string) []string {
	var all []string
	for _, h := range heads {
		for _, t := range tails {
			all = append(all, h+t)
		}
	}
	return all
}
