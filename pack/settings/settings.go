// Package settings flattens a settings file, JSON or XML, into its values, each
// under a key that a pattern can be held against. Depth, number and size are
// bounded; what comes after a limit or an error is the caller's gap.
package settings

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Leaf is one value of a settings file.
type Leaf struct {
	Key    string // names and positions from the top, joined by dots: a.b[0].c is a.b.0.c
	Value  string // a text as it reads, a number or truth as JSON writes it; "" for null, [], {} and an empty element
	Offset int64  // where the value begins; for XML, its element or attribute list
}

// Limits of one settings file.
const (
	maxSize      = 16 << 20
	maxLeaves    = 200_000
	maxLeafDepth = 64
	maxKey       = 4096     // bytes of one key
	maxKeyBytes  = 64 << 20 // of all keys
)

// Err marks a settings file that could not be read to its end.
var Err = errors.New("settings file")

// errLimit is why, where a limit was hit.
var errLimit = errors.New("limit")

var utf8BOM = []byte("\xef\xbb\xbf")

// Read flattens JSON or XML, told apart by the first character. A name that
// stands twice gives both its values. An XML attribute is a leaf beside its
// element's children, and elements of one name share their key. Where the text
// cannot be read on, or is over a limit, the leaves up to there come with an
// error: the rest is a gap.
func Read(content []byte) ([]Leaf, error) {
	r := &flattener{}
	if len(content) > maxSize {
		content = content[:maxSize]
		r.cut = true
	}
	text := bytes.TrimPrefix(content, utf8BOM)
	r.base = int64(len(content) - len(text))
	read := r.json
	if first := bytes.TrimLeft(text, " \t\r\n"); len(first) > 0 && first[0] == '<' {
		read = r.xml
	}
	err := read(text)
	if r.cut && err == nil {
		err = fmt.Errorf("%w: %w: larger than %d bytes", Err, errLimit, maxSize)
	}
	return r.leaves, err
}

type flattener struct {
	leaves   []Leaf
	base     int64 // offset of the text in the file
	keyBytes int
	cut      bool
}

// add keeps a leaf within the limits.
func (r *flattener) add(key, value string, offset int64) error {
	if r.keyBytes += len(key); len(r.leaves) == maxLeaves || r.keyBytes > maxKeyBytes {
		return fmt.Errorf("%w: %w: more than %d values or %d bytes of names", Err, errLimit, maxLeaves, maxKeyBytes)
	}
	r.leaves = append(r.leaves, Leaf{key, value, r.base + offset})
	return nil
}

// level is one open object or array.
type level struct {
	key   string // of the object or array itself
	name  string // of the member that comes next, in an object
	next  int    // position of the item that comes next, in an array
	named bool   // a name was read and its value comes
	array bool
	empty bool
	at    int64
}

// child is the key of the value that comes next.
func (v *level) child() string {
	name := v.name
	if v.array {
		name = strconv.Itoa(v.next)
	}
	if v.key == "" {
		return name
	}
	return v.key + "." + name
}

func (r *flattener) json(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var open []level
	for done := false; ; {
		before := dec.InputOffset()
		tok, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && done:
			return nil
		case err != nil:
			return fmt.Errorf("%w: JSON after byte %d: %w", Err, r.base+before, err)
		case done:
			return fmt.Errorf("%w: JSON goes on after its end at byte %d", Err, r.base+before)
		}
		if open, err = r.token(open, tok, start(text, before)); err != nil {
			return err
		}
		done = len(open) == 0
	}
}

// start skips what stands between two tokens.
func start(text []byte, from int64) int64 {
	rest := text[from:]
	return from + int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n,:")))
}

// token takes one token of JSON and returns what is open after it.
func (r *flattener) token(open []level, tok json.Token, at int64) ([]level, error) {
	var top *level
	key := ""
	if len(open) > 0 {
		top = &open[len(open)-1]
		if name, isText := tok.(string); isText && !top.array && !top.named {
			top.name, top.named, top.empty = name, true, false
			return open, nil
		}
		if key = top.child(); len(key) > maxKey {
			return nil, fmt.Errorf("%w: %w: a key of more than %d bytes at byte %d", Err, errLimit, maxKey, r.base+at)
		}
	}
	switch delim, _ := tok.(json.Delim); delim {
	case '{', '[':
		if len(open) == maxLeafDepth {
			return nil, fmt.Errorf("%w: %w: nested deeper than %d at byte %d", Err, errLimit, maxLeafDepth, r.base+at)
		}
		open = append(open, level{key: key, array: delim == '[', empty: true, at: at})
		return open, nil
	case '}', ']':
		closed := *top
		open = open[:len(open)-1]
		if closed.empty {
			if err := r.add(closed.key, "", closed.at); err != nil {
				return nil, err
			}
		}
	default:
		if err := r.add(key, plain(tok), at); err != nil {
			return nil, err
		}
	}
	if len(open) > 0 {
		top = &open[len(open)-1]
		top.next, top.named, top.empty = top.next+1, false, false
	}
	return open, nil
}

// plain is a scalar as text.
func plain(tok json.Token) string {
	switch v := tok.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// element is one open XML element.
type element struct {
	key  string
	text strings.Builder
	leaf bool // nothing but text in it yet
	at   int64
}

func (r *flattener) xml(text []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if !utf8.Valid(text) {
			return nil, fmt.Errorf("encoding %q, and the bytes are not UTF-8", label)
		}
		return in, nil
	}
	var open []*element
	for seen := false; ; {
		before := dec.InputOffset()
		tok, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && seen && len(open) == 0:
			return nil
		case err != nil:
			return fmt.Errorf("%w: XML after byte %d: %w", Err, r.base+before, err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if len(open) == maxLeafDepth {
				return fmt.Errorf("%w: %w: nested deeper than %d at byte %d", Err, errLimit, maxLeafDepth, r.base+before)
			}
			seen = true
			open, err = r.start(open, t, before)
		case xml.EndElement:
			last := open[len(open)-1] // the decoder pairs starts and ends
			open = open[:len(open)-1]
			if value := strings.TrimSpace(last.text.String()); value != "" || last.leaf {
				err = r.add(last.key, value, last.at)
			}
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text.Write(t)
			}
		}
		if err != nil {
			return err
		}
	}
}

// start opens an element and reads its attributes.
func (r *flattener) start(open []*element, t xml.StartElement, at int64) ([]*element, error) {
	key := t.Name.Local
	if len(open) > 0 {
		parent := open[len(open)-1]
		key, parent.leaf = parent.key+"."+key, false
	}
	if len(key) > maxKey {
		return nil, fmt.Errorf("%w: %w: a key of more than %d bytes at byte %d", Err, errLimit, maxKey, r.base+at)
	}
	for _, a := range t.Attr {
		if err := r.add(key+"."+a.Name.Local, a.Value, at); err != nil {
			return nil, err
		}
	}
	return append(open, &element{key: key, leaf: len(t.Attr) == 0, at: at}), nil
}
