package ioc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// Limits of a plain list.
const (
	maxLine     = 4096
	maxLines    = 1 << 20
	maxUnlisted = 1000 // lines that are none
)

// readPlain reads one indicator a line: an address, a network (CIDR), a domain
// (which stands for all names below it, too), a URL, an MD5, SHA-1 or SHA-256, or
// a path on the machine; behind a comma, semicolon, tab or "#" a remark, or more
// of the same kind. A line ends in LF, CR LF or CR.
func (l *List) readPlain(in *bufio.Reader) error {
	l.Format = "list"
	in, none := bufio.NewReaderSize(&lineEnds{in: in}, 1<<13), 0
	for line := 1; ; line++ {
		text, long, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("ioc: %s: %w", l.Name, err)
		}
		if line > maxLines {
			return fmt.Errorf("%w: %s has more than %d lines; split it", ErrLimit, l.Name, maxLines)
		}
		if line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if why := l.takeLine(line, text, long); why != "" {
			l.refuse(line, 1, "", why)
			none++
		}
		if none >= maxUnlisted {
			return fmt.Errorf("%w: of %s %d lines are none, the first: %w", ErrFormat, l.Name, maxUnlisted, l.Refused[0])
		}
	}
}

// readLine gives the first maxLine bytes of a line.
func readLine(in *bufio.Reader) (text string, long bool, err error) {
	part, more, err := in.ReadLine()
	if err != nil {
		return "", false, err
	}
	long = len(part) > maxLine || more
	text = string(part[:min(len(part), maxLine)])
	for more {
		if _, more, err = in.ReadLine(); err != nil && !errors.Is(err, io.EOF) {
			return "", false, err
		}
	}
	return text, long, nil
}

// lineEnds makes each end of a line one LF.
type lineEnds struct {
	in *bufio.Reader
	cr bool // the last byte was CR
}

func (e *lineEnds) Read(p []byte) (int, error) {
	n, err := e.in.Read(p)
	to := 0
	for _, c := range p[:n] {
		second := c == '\n' && e.cr
		if e.cr = c == '\r'; second {
			continue
		}
		if e.cr {
			c = '\n'
		}
		p[to] = c
		to++
	}
	return to, err
}

// takeLine reads one line; why says what is wrong with it. What stands behind the
// first value and reads as another is taken if it is of the first one's kind
// ("198.51.100.9, 203.0.113.9"), and refused if not: it may be a remark, and may
// be meant.
func (l *List) takeLine(at int, line string, long bool) (why string) {
	line = strings.TrimLeft(line, " \t,")
	switch {
	case line == "" && !long || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";"):
		return ""
	case long:
		return fmt.Sprintf("a line of more than %d bytes", maxLine)
	}
	word, rest, quoted := firstWord(line)
	if word = refang(word); word == "" {
		return l.takeLine(at, rest, false)
	}
	e, why := plain(word)
	switch {
	case why != "":
		return why
	case !quoted && goesOn(line, e.Kind):
		return shown(line) + " does not show where its first value ends; put that in quotes"
	}
	l.add(e, false)
	l.takeRest(at, &e, rest)
	return ""
}

// takeRest takes what stands behind the first value of a line.
func (l *List) takeRest(at int, first *Entry, rest string) {
	for word := range strings.FieldsFuncSeq(rest, func(c rune) bool { return strings.ContainsRune(separators, c) }) {
		plainly := strings.Trim(word, " \"'")
		word = refang(plainly)
		if word == "" {
			continue
		}
		more, why := plain(word)
		switch {
		case why != "" || more.Kind == URL && first.Kind != URL && word == plainly: // a remark, or where the first was published
		case more.Kind == first.Kind && more.Below == first.Below:
			l.add(more, false)
		default:
			l.refuse(at, 1, "", fmt.Sprintf("%s, behind %s, may be meant, and is not looked for; write one a line, and remarks behind a \"#\"", shown(word), shown(first.Value)))
		}
	}
}

// separators are what a remark stands behind, beside "#".
const separators = ",;\t"

// firstWord cuts a line behind its first value, which may stand in quotes. rest
// is without what stands behind a "#".
func firstWord(line string) (word, rest string, quoted bool) {
	if line[0] == '"' || line[0] == '\'' {
		if inner, behind, closed := strings.Cut(line[1:], line[:1]); closed {
			rest, _, _ = strings.Cut(behind, "#")
			return strings.Trim(inner, " "), rest, true
		}
	}
	at := strings.IndexAny(line, separators+"#")
	if at < 0 {
		return strings.Trim(line, " \"'"), "", false
	}
	rest, _, _ = strings.Cut(line[at:], "#")
	return strings.Trim(line[:at], " \"'"), rest, false
}

// aDay is a remark with slashes that are no path's.
var aDay = regexp.MustCompile(`^[0-9/]+$`)

// goesOn reports whether what stands behind the first value of a line may be the
// rest of it, for a path or a URL may hold a comma: "C:\x,y\a.dll".
func goesOn(line string, kind Kind) bool {
	parts, cuts := `\/`, ",;#"
	switch kind {
	case Path:
	case URL:
		parts, cuts = "/?=&", ",;" // a "#" ends what is asked for
	default:
		return false
	}
	for _, end := range []string{"\t", " #"} {
		line, _, _ = strings.Cut(line, end)
	}
	for _, word := range strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(cuts, c) })[1:] {
		word = strings.Trim(word, " \"'")
		if word == "" || strings.Contains(word, "://") || aDay.MatchString(word) || kind == URL && strings.Contains(word, " ") {
			continue
		}
		if _, why := plain(refang(word)); why == "" && !(kind == URL && word[0] == '/') {
			continue
		}
		if strings.ContainsAny(word, parts) || kind == Path && scriptName[strings.ToLower(path.Ext(word))] {
			return true
		}
	}
	return false
}

// plain reads a word whose kind nobody states.
func plain(word string) (e Entry, why string) {
	if e, why := digest(word); why == "" {
		return e, ""
	}
	if len(word) == 128 && strings.Trim(strings.ToLower(word), "0123456789abcdef") == "" {
		return e, "a SHA-512; give the SHA-256"
	}
	switch {
	case strings.Contains(word, "://"):
		return link(word)
	case drivePath.MatchString(word) || strings.HasPrefix(word, "/"):
		return file(word)
	case word[0] == '\\':
		return e, shown(word) + " names no drive"
	}
	if value, why := address(word); value != "" || why != "" {
		return Entry{Kind: Peer, Value: value}, why
	}
	name, ok := domain(word)
	switch {
	case !ok:
		return e, shown(word) + " is no address, network, domain, URL, hash or path"
	case scriptName[path.Ext(name)]:
		return e, shown(word) + " is a bare file name; give its whole path"
	}
	return Entry{Kind: Peer, Value: name, Below: true}, ""
}
