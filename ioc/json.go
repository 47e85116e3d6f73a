package ioc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Limits of JSON.
const (
	maxDepth = 64
	maxKeys  = 4096 // of an object that is read, not passed over
)

// reader reads JSON (RFC 8259) once from front to back, strictly: names count as
// they are written, each stands once in an object that is read, and what is
// wrong has a place. encoding/json folds names, takes the last of two, and says
// no line.
type reader struct {
	file  string
	text  []byte
	at    int
	depth int
	names map[string]string // names seen so far, so that each is kept once
	line  int               // of lineAt
	from  int               // offset of the line's first byte
	seen  int               // up to where lines were counted
}

func newReader(file string, text []byte) *reader {
	return &reader{file: file, text: text, names: map[string]string{}, line: 1}
}

// place gives line and column of an offset. Cheap when offsets ascend.
func (r *reader) place(at int) (line, column int) {
	if at < r.seen {
		r.line, r.from, r.seen = 1, 0, 0
	}
	part := r.text[r.seen:min(at, len(r.text))]
	if n := bytes.Count(part, []byte("\n")); n > 0 {
		r.line += n
		r.from = r.seen + bytes.LastIndexByte(part, '\n') + 1
	}
	r.seen = max(at, r.seen)
	return r.line, at - r.from + 1
}

func (r *reader) fail(at int, format string, args ...any) error {
	line, column := r.place(at)
	return fmt.Errorf("%w: %s:%d:%d: %s", ErrFormat, r.file, line, column, fmt.Sprintf(format, args...))
}

// next skips blanks and gives the byte that follows, 0 at the end.
func (r *reader) next() byte {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) want(c byte) error {
	if r.next() != c || r.at >= len(r.text) {
		return r.unexpected(fmt.Sprintf("want %q", c))
	}
	r.at++
	return nil
}

func (r *reader) unexpected(wanted string) error {
	if r.at >= len(r.text) {
		return r.fail(r.at, "the file ends in the middle of a value; is it whole? (%s)", wanted)
	}
	return r.fail(r.at, "%s, not %q", wanted, r.text[r.at])
}

// end demands that nothing follows.
func (r *reader) end() error {
	if r.next(); r.at < len(r.text) {
		return r.fail(r.at, "the JSON goes on behind its end")
	}
	return nil
}

// members reads an object, or an array with array set: each is called for every
// member and reads its value.
func (r *reader) members(array bool, each func(name string) error) error {
	open, shut := byte('{'), byte('}')
	if array {
		open, shut = '[', ']'
	}
	if err := r.want(open); err != nil {
		return err
	}
	if r.depth++; r.depth > maxDepth {
		return r.fail(r.at-1, "nested deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	if r.next() == shut {
		r.at++
		return nil
	}
	for {
		name := ""
		if !array {
			var err error
			if name, err = r.name(); err != nil {
				return err
			}
		}
		if err := each(name); err != nil {
			return err
		}
		if r.next() == shut {
			r.at++
			return nil
		}
		if err := r.want(','); err != nil {
			return err
		}
	}
}

// object reads an object each of whose names stands once.
func (r *reader) object(each func(name string) error) error {
	var few [16]string
	names := few[:0]
	var many map[string]bool
	return r.members(false, func(name string) error {
		twice := many[name]
		for i := 0; i < len(names) && !twice; i++ {
			twice = names[i] == name
		}
		switch {
		case twice:
			return r.fail(r.at, "%q stands twice in one object", name)
		case len(many) == maxKeys:
			return r.fail(r.at, "an object of more than %d names", maxKeys)
		case len(names) < cap(names):
			names = append(names, name)
		case many == nil:
			many = map[string]bool{name: true}
		default:
			many[name] = true
		}
		return each(name)
	})
}

func (r *reader) array(each func() error) error {
	return r.members(true, func(string) error { return each() })
}

// name reads a member's name and the colon behind it.
func (r *reader) name() (string, error) {
	if r.next() != '"' {
		return "", r.unexpected("want a name in quotes")
	}
	from := r.at
	escaped, err := r.quoted()
	if err != nil {
		return "", err
	}
	raw := r.text[from+1 : r.at-1]
	name, known := r.names[string(raw)]
	if escaped || !known {
		if name, err = r.unquote(from, escaped); err != nil {
			return "", err
		}
		if !escaped && len(r.names) < maxKeys {
			r.names[name] = name
		}
	}
	return name, r.want(':')
}

// quoted passes over a string, which begins here.
func (r *reader) quoted() (escaped bool, err error) {
	from := r.at
	for r.at++; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return escaped, nil
		case c == '\\':
			escaped = true
			r.at++
		case c < ' ':
			return false, r.fail(r.at, "a control character inside a string")
		}
	}
	return false, r.fail(from, "the file ends inside a string; is it whole?")
}

// unquote gives the text of a string that was passed over.
func (r *reader) unquote(from int, escaped bool) (string, error) {
	raw := r.text[from:r.at]
	if !escaped {
		if !utf8.Valid(raw) {
			return "", r.fail(from, "a string that is not UTF-8")
		}
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", r.fail(from, "a string with a broken escape")
	}
	return text, nil
}

// literal passes over a number or a word (true, false, null).
func (r *reader) literal() (string, error) {
	from := r.at
	for r.at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,]}:\"[{"), r.text[r.at]) < 0 {
		r.at++
	}
	raw := r.text[from:r.at]
	if len(raw) == 0 || !json.Valid(raw) {
		r.at = from
		return "", r.unexpected("want a value")
	}
	return string(raw), nil
}

// skip passes over any value.
func (r *reader) skip() error {
	switch r.next() {
	case '{':
		return r.members(false, func(string) error { return r.skip() })
	case '[':
		return r.members(true, func(string) error { return r.skip() })
	case '"':
		_, err := r.quoted()
		return err
	}
	_, err := r.literal()
	return err
}

// word reads a text, or a number or truth as it is written; "" for null.
func (r *reader) word() (string, error) {
	switch c := r.next(); c {
	case '"':
		from := r.at
		escaped, err := r.quoted()
		if err != nil {
			return "", err
		}
		return r.unquote(from, escaped)
	case '{', '[':
		return "", r.fail(r.at, "want a text, not %q", c)
	}
	word, err := r.literal()
	if word == "null" {
		word = ""
	}
	return word, err
}

// words reads a list of texts, or the one that stands in its place.
func (r *reader) words() (all []string, err error) {
	if r.next() != '[' {
		word, err := r.word()
		if word != "" {
			all = []string{word}
		}
		return all, err
	}
	err = r.array(func() error {
		word, err := r.word()
		all = append(all, word)
		return err
	})
	return all, err
}
