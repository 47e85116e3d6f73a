package collect

import (
	"path"
	"strings"
)

// nginx reads the roots and aliases of a configuration of nginx and of all that it
// includes (nginx documentation, "Core functionality", "ngx_http_core_module").
func (w *webRoots) nginx(at string, text []byte) { w.nginxFile(at, path.Dir(at), text, 0) }

func (w *webRoots) nginxFile(at, home string, text []byte, depth int) {
	for _, words := range directives(text) {
		if len(words) < 2 {
			continue
		}
		value := words[1]
		switch words[0] {
		case "root", "alias":
			if !rooted(value) { // relative to a folder that the program was built with
				value = "$prefix/" + value
			}
			w.add(value, "", at)
		case "include":
			if depth >= maxNesting {
				continue
			}
			if !rooted(value) {
				value = home + "/" + value
			}
			wild := strings.ContainsAny(value, "*?[")
			for _, file := range w.included(value) {
				if text := w.file(file, !wild); text != nil {
					w.nginxFile(file, home, text, depth+1)
				}
			}
		}
	}
}

// rooted reports whether a path says where it begins: "/srv", "C:/srv", or with a
// variable.
func rooted(p string) bool {
	return strings.HasPrefix(p, "/") || strings.HasPrefix(p, "$") || len(p) > 1 && p[1] == ':'
}

// directives cuts a configuration of nginx into its directives, each as words. A
// block's own words end at its brace.
func directives(text []byte) (all [][]string) {
	var words []string
	word, open := []byte(nil), false // open: a word was begun, if an empty one in quotes
	end := func() {
		if open {
			words = append(words, string(word))
		}
		word, open = nil, false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '#' && !open:
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case (c == '"' || c == '\'') && !open:
			open = true
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && i+1 < len(text) {
					i++
				}
				word = append(word, text[i])
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			end()
		case c == ';' || c == '{' || c == '}':
			end()
			if words != nil {
				all = append(all, words)
			}
			words = nil
		case c == '$' && i+1 < len(text) && text[i+1] == '{': // a variable in braces
			for open = true; i < len(text) && text[i] != '}'; i++ {
				word = append(word, text[i])
			}
			word = append(word, '}')
		default:
			word, open = append(word, c), true
		}
	}
	end()
	if words != nil {
		all = append(all, words)
	}
	return all
}

// apache reads the document roots and aliases of a configuration of Apache and of
// all that it includes (Apache HTTP Server documentation, core and mod_alias).
type apache struct {
	*webRoots
	root    string      // ServerRoot
	defined [][2]string // names and values of Define, in their order
}

func (a *apache) read(at string, text []byte, depth int) {
	for _, words := range apacheLines(text) {
		for i := range words {
			words[i] = a.expand(words[i])
		}
		last := words[len(words)-1]
		switch name := strings.ToLower(words[0]); {
		case len(words) < 2:
		case name == "serverroot":
			a.root = strings.ReplaceAll(last, `\`, "/")
		case name == "define" && len(words) == 3:
			a.defined = append(a.defined, [2]string{words[1], words[2]})
		case name == "documentroot" || name == "alias" || name == "scriptalias":
			a.add(a.absolute(last), "", at)
		case (name == "include" || name == "includeoptional") && depth < maxNesting:
			wild := strings.ContainsAny(last, "*?[")
			for _, file := range a.included(a.absolute(last)) {
				if text := a.file(file, name == "include" && !wild); text != nil {
					a.read(file, text, depth+1)
				}
			}
		}
	}
}

func (a *apache) absolute(p string) string {
	if p = strings.ReplaceAll(p, `\`, "/"); rooted(p) {
		return p
	}
	return a.root + "/" + p
}

// expand puts in what Define gave a name: ${NAME}.
func (a *apache) expand(word string) string {
	for _, d := range a.defined {
		if len(word) > 4096 || !strings.Contains(word, "${") {
			break
		}
		word = strings.ReplaceAll(word, "${"+d[0]+"}", d[1])
	}
	return word
}

// apacheLines cuts a configuration into lines of words: quotes hold one together, a
// backslash at its end continues a line, and # begins a comment.
func apacheLines(text []byte) (all [][]string) {
	joined := strings.NewReplacer("\\\r\n", " ", "\\\n", " ").Replace(string(text))
	for line := range strings.Lines(joined) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '<' {
			continue
		}
		var words []string
		for line != "" {
			var word string
			if q := line[0]; q == '"' || q == '\'' {
				word, line, _ = strings.Cut(line[1:], string(q))
			} else {
				i := strings.IndexAny(line, " \t")
				if i < 0 {
					i = len(line)
				}
				word, line = line[:i], line[i:]
			}
			words, line = append(words, word), strings.TrimLeft(line, " \t")
		}
		all = append(all, words)
	}
	return all
}
