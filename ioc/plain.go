package ioc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
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
// a path on the machine; behind a comma, semicolon, tab or "#" a remark.
func (l *List) readPlain(in *bufio.Reader) error {
	l.Format = "list"
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
		if why := l.takeLine(text, long); why != "" {
			l.refuse(line, 1, "", why)
		}
		if len(l.Refused) >= maxUnlisted {
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

// takeLine reads one line; why says what is wrong with it.
func (l *List) takeLine(line string, long bool) (why string) {
	word := line
	at := strings.IndexAny(word, ",;\t#")
	if at >= 0 {
		word = word[:at]
	}
	word = refang(strings.Trim(word, " \"'\r"))
	switch {
	case word == "" && !(long && at < 0):
		return ""
	case long:
		return fmt.Sprintf("a line of more than %d bytes", maxLine)
	}
	e, why := plain(word)
	if why == "" {
		l.add(e, false)
	}
	return why
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
