// Package strict reads YAML into structs and takes nothing for granted: an
// unknown, doubled or missing field, a wrong kind, a second document, an
// anchor, an alias or a tag is a fault with its file, line and column, and all
// of them are collected. YAML is read by a library; what stands in these
// structs is not the library's.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Limits of one YAML file.
const (
	maxNodes   = 50_000
	maxDepth   = 24
	maxText    = 4096
	maxPattern = 1000
)

// The scalars of file structs. Each keeps its place, so that what is found
// wrong later can be pointed at.
type (
	// Text is any scalar as it is written.
	Text struct {
		Value string
		At    Place
	}
	// Day is a date.
	Day struct {
		time.Time
		At Place
	}
	// Pattern is an RE2 expression that does not match everything.
	Pattern struct {
		*regexp.Regexp
		At Place
	}
)

// scalar is implemented by Text, Day and Pattern.
type scalar interface {
	set(value string, at Place) error
}

func (t *Text) set(value string, at Place) error {
	if len(value) > maxText {
		return fmt.Errorf("%w: text longer than %d bytes", ErrLimit, maxText)
	}
	*t = Text{value, at}
	return nil
}

func (d *Day) set(value string, at Place) error {
	when, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return fmt.Errorf("%w: %q is no day (2006-01-02)", ErrValue, value)
	}
	*d = Day{when, at}
	return nil
}

// set compiles; Go's syntax is RE2, so look-around and back-references fail here.
func (p *Pattern) set(value string, at Place) error {
	if len(value) > maxPattern {
		return fmt.Errorf("%w: pattern longer than %d bytes", ErrLimit, maxPattern)
	}
	re, err := regexp.Compile(value)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	if re.MatchString("") {
		return fmt.Errorf("%w: pattern %q matches everything", ErrValue, value)
	}
	*p = Pattern{re, at}
	return nil
}

// Opaque is a value that is left to somebody else: nothing in it is checked.
type Opaque struct {
	At   Place
	node *yaml.Node
}

// Set reports whether the value is there.
func (o *Opaque) Set() bool { return o.node != nil }

// Each calls fn for every scalar inside, with the name of the field it stands
// under; anchors, aliases and what lies too deep are left out.
func (o *Opaque) Each(fn func(field string, value Text)) {
	if o.node != nil {
		each(o.node, "", 0, fn)
	}
}

func each(n *yaml.Node, field string, depth int, fn func(string, Text)) {
	switch {
	case depth > maxDepth:
	case n.Kind == yaml.ScalarNode:
		fn(field, Text{n.Value, Place{n.Line, n.Column}})
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			each(n.Content[i+1], n.Content[i].Value, depth+1, fn)
		}
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			each(item, field, depth+1, fn)
		}
	}
}

// Here is embedded by structs that keep where they stand.
type Here struct{ At Place }

func (h *Here) where() *Place { return &h.At }

// placed is implemented by such structs.
type placed interface{ where() *Place }

// Decode reads one strict YAML document into the struct that out points to:
// unknown, doubled and missing fields, wrong kinds, a second document, anchors,
// aliases and tags are faults with their place. It reports whether the file is
// without fault; only then is out complete.
//
// Field tags: `yaml:"name"`, `need:"yes"` for what must be there and not empty,
// `enum:"a,b"` for a text that must be one of these.
func (f *File) Decode(content []byte, out any) bool {
	before := f.Faults.Len()
	dec := yaml.NewDecoder(bytes.NewReader(content))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		f.syntax(err)
		return false
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		f.Fail(Place{second.Line, second.Column}, ErrSyntax, "a second document; a pack file holds one")
		return false
	}
	if len(doc.Content) != 1 {
		f.Fail(Place{1, 1}, ErrSyntax, "the file is empty")
		return false
	}
	d := &decoder{File: f, left: maxNodes}
	d.value(doc.Content[0], reflect.ValueOf(out).Elem(), "", 0)
	return f.Faults.Len() == before
}

// yamlLine finds the line in the library's messages, which have no column.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)`)

func (f *File) syntax(err error) {
	if errors.Is(err, io.EOF) {
		f.Fail(Place{1, 1}, ErrSyntax, "the file is empty")
		return
	}
	at, msg := Place{1, 1}, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		at.Line, _ = strconv.Atoi(m[1]) // digits by the pattern; 0 on overflow says "the file"
		msg = m[2]
	}
	f.Fail(at, ErrSyntax, "%s", msg)
}

type decoder struct {
	*File
	left int
}

// value decodes a node into v, whatever kind that is.
func (d *decoder) value(n *yaml.Node, v reflect.Value, enum string, depth int) {
	at := Place{n.Line, n.Column}
	if d.left--; d.left < 0 || depth > maxDepth {
		if d.left == -1 || depth > maxDepth {
			d.Fail(at, ErrLimit, "more than %d values, or nested deeper than %d", maxNodes, maxDepth)
		}
		return
	}
	if o, ok := v.Addr().Interface().(*Opaque); ok {
		*o = Opaque{at, n}
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		d.Fail(at, ErrSyntax, "anchors, aliases and tags are not read; write it out")
		return
	}
	if s, ok := v.Addr().Interface().(scalar); ok {
		d.scalar(n, s, enum)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(n, v, depth)
	case reflect.Slice:
		d.sequence(n, v, enum, depth)
	case reflect.Map:
		d.free(n, v, depth)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), enum, depth)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.Fail(at, ErrValue, "want true or false")
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
			d.Fail(at, ErrValue, "want a whole number")
			return
		}
		v.SetInt(int64(i))
	}
}

func (d *decoder) scalar(n *yaml.Node, s scalar, enum string) {
	at := Place{n.Line, n.Column}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!bool" || n.Tag == "!!binary" {
		d.Fail(at, ErrValue, "want a text")
		return
	}
	if err := s.set(n.Value, at); err != nil {
		d.fault(at, err)
		return
	}
	if enum != "" && !one(n.Value, enum) {
		d.Fail(at, ErrValue, "%q is none of %s", n.Value, strings.ReplaceAll(enum, ",", ", "))
	}
}

func one(value, enum string) bool {
	for e := range strings.SplitSeq(enum, ",") {
		if e == value {
			return true
		}
	}
	return false
}

// mapping decodes into a struct whose tags say what may and must be there.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.Fail(Place{n.Line, n.Column}, ErrValue, "want fields (name: value)")
		return
	}
	if p, ok := v.Addr().Interface().(placed); ok {
		*p.where() = Place{n.Line, n.Column}
	}
	seen, filled := map[string]bool{}, map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		field, known := fieldNamed(v.Type(), key.Value)
		switch at := (Place{key.Line, key.Column}); {
		case key.Kind != yaml.ScalarNode || !known:
			d.Fail(at, ErrUnknownField, "%s", strconv.Quote(key.Value))
		case seen[key.Value]:
			d.Fail(at, ErrDuplicate, "field %q", key.Value)
		default:
			d.value(val, v.FieldByIndex(field.Index), field.Tag.Get("enum"), depth+1)
			seen[key.Value], filled[key.Value] = true, !empty(val)
		}
	}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if name := field.Tag.Get("yaml"); field.Tag.Get("need") != "" && !filled[name] {
			d.Fail(Place{n.Line, n.Column}, ErrMissing, "field %q", name)
		}
	}
}

func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" || n.Kind != yaml.ScalarNode && len(n.Content) == 0
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(t) {
		if tag := f.Tag.Get("yaml"); tag != "" && tag == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, enum string, depth int) {
	if n.Kind != yaml.SequenceNode {
		d.Fail(Place{n.Line, n.Column}, ErrValue, "want a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, list.Index(i), enum, depth+1)
	}
	v.Set(list)
}

// free decodes a map whose keys are data: role or field names.
func (d *decoder) free(n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.Fail(Place{n.Line, n.Column}, ErrValue, "want fields (name: value)")
		return
	}
	out := reflect.MakeMap(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value)
		if out.MapIndex(key).IsValid() {
			d.Fail(Place{n.Content[i].Line, n.Content[i].Column}, ErrDuplicate, "field %q", n.Content[i].Value)
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], item, "", depth+1)
		out.SetMapIndex(key, item)
	}
	v.Set(out)
}
