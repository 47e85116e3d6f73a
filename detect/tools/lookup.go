package tools

import (
	"regexp"
	"strings"
)

// lookup finds the tools that a value belongs to: a map for what is written
// out, and for each pattern its longest literal run, which is searched for
// before the pattern is tried. (One expression of all patterns cost thirty
// times as much: RE2 follows every alternative at every byte.)
type lookup struct {
	exact map[string][]int
	globs []glob
}

type glob struct {
	tool            int
	written, needle string
	re              *regexp.Regexp
}

// add takes a lower-case name; expr is its RE2 expression, empty for a name
// without wildcards.
func (l *lookup) add(tool int, name, expr string) {
	if expr == "" {
		if l.exact == nil {
			l.exact = map[string][]int{}
		}
		l.exact[name] = append(l.exact[name], tool)
		return
	}
	l.globs = append(l.globs, glob{tool, name, needle(name), regexp.MustCompile(expr)})
}

// needle is the longest run of a pattern without wildcards, other than the
// folder that half of a machine lies in; it may be empty.
func needle(name string) (longest string) {
	for _, run := range strings.FieldsFunc(name, func(r rune) bool { return r == '*' || r == '?' }) {
		if len(run) > len(longest) && run != "program files" {
			longest = run
		}
	}
	return longest
}

// find calls fn for each tool of a lower-case value, with the name or pattern
// that met it.
func (l *lookup) find(value string, fn func(tool int, written string)) {
	if value == "" {
		return
	}
	for _, tool := range l.exact[value] {
		fn(tool, value)
	}
	for i := range l.globs {
		if g := &l.globs[i]; strings.Contains(value, g.needle) && g.re.MatchString(value) {
			fn(g.tool, g.written)
		}
	}
}

func wild(name string) bool { return strings.ContainsAny(name, "*?") }

var (
	inName = strings.NewReplacer(`\*`, `[^/]*`, `\?`, `[^/]`)
	inLine = strings.NewReplacer(`\*`, `.*`, `\?`, `.`)
)

// whole is a pattern over a whole name; empty for one without wildcards.
func whole(name string) string {
	if !wild(name) {
		return ""
	}
	return `\A` + inName.Replace(regexp.QuoteMeta(name)) + `\z`
}

// below is a pattern over a path: the folder itself or what lies in it, at
// whatever depth the tree is rooted.
func below(folder string) string {
	return `(?:\A|/)` + inName.Replace(regexp.QuoteMeta(folder)) + `(?:/|\z)`
}

// beneath is a pattern over a registry key.
func beneath(key string) string {
	return `\A` + inName.Replace(regexp.QuoteMeta(key)) + `(?:/|\z)`
}

// piece is a pattern over a part of a command line.
func piece(command string) string {
	return inLine.Replace(regexp.QuoteMeta(command))
}
