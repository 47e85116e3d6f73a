package cacao

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// node is one JSON value and where it stands.
type node struct {
	value  any // nil, bool, json.Number, string; object or array: see kind
	kind   byte
	names  []string // of an object's members, in order
	values []*node  // of members or items
	at     int64    // offset in the text
}

// The kinds of node.
const (
	scalar = byte(0)
	object = byte('{')
	array  = byte('[')
)

// member returns an object's member, nil if there is none.
func (n *node) member(name string) *node {
	if n == nil || n.kind != object {
		return nil
	}
	for i, have := range n.names {
		if have == name {
			return n.values[i]
		}
	}
	return nil
}

// text returns a string, "" for anything else.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	s, _ := n.value.(string)
	return s
}

// Limits of one document.
const (
	maxNodes = 100_000
	maxDepth = 48
)

type reader struct {
	dec  *json.Decoder
	text []byte
	left int
	last int64 // end of the token before
}

// parse reads one JSON document. A name that stands twice is an error: which
// of the two counts would be anybody's guess.
func parse(text []byte) (*node, *Problem) {
	r := &reader{dec: json.NewDecoder(bytes.NewReader(text)), text: text, left: maxNodes}
	r.dec.UseNumber()
	n, bad := r.value(0)
	if bad != nil {
		return nil, bad
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.problem(r.last, "it goes on after its end")
	}
	return n, nil
}

func (r *reader) problem(at int64, format string, args ...any) *Problem {
	return locate(r.text, at, fmt.Sprintf(format, args...))
}

// token reads the next token and where it begins.
func (r *reader) token() (json.Token, int64, *Problem) {
	rest := r.text[r.last:]
	at := r.last + int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n,:")))
	tok, err := r.dec.Token()
	r.last = r.dec.InputOffset()
	if err != nil {
		return nil, at, r.problem(at, "not JSON: %v", err)
	}
	return tok, at, nil
}

func (r *reader) value(depth int) (*node, *Problem) {
	tok, at, bad := r.token()
	if bad != nil {
		return nil, bad
	}
	if r.left--; r.left < 0 || depth > maxDepth {
		return nil, r.problem(at, "more than %d values, or nested deeper than %d", maxNodes, maxDepth)
	}
	switch tok {
	case json.Delim('{'):
		n := &node{kind: object, at: at}
		return n, r.members(n, depth)
	case json.Delim('['):
		n := &node{kind: array, at: at}
		for r.dec.More() {
			item, bad := r.value(depth + 1)
			if bad != nil {
				return nil, bad
			}
			n.values = append(n.values, item)
		}
		_, _, bad := r.token()
		return n, bad
	}
	return &node{value: tok, at: at}, nil
}

func (r *reader) members(n *node, depth int) *Problem {
	seen := map[string]bool{}
	for r.dec.More() {
		tok, at, bad := r.token()
		if bad != nil {
			return bad
		}
		name, isText := tok.(string)
		if !isText || seen[name] {
			return r.problem(at, "%v stands twice", tok)
		}
		seen[name] = true
		v, bad := r.value(depth + 1)
		if bad != nil {
			return bad
		}
		n.names, n.values = append(n.names, name), append(n.values, v)
	}
	_, _, bad := r.token()
	return bad
}
