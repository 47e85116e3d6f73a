package jsonline

import "bytes"

// Object is a line's object, flattened.
type Object struct{ scanner }

// Parse reads a line that is one object and nothing else.
func (o *Object) Parse(line []byte) bool { return o.line(line) }

// Each gives every key with its value, nil for null, "" and "-".
func (o *Object) Each(f func(key, value []byte)) {
	keys := o.keys
	for _, value := range o.values {
		key, rest, _ := bytes.Cut(keys, []byte{0})
		f(key, value)
		keys = rest
	}
}

// Spelled reports whether a value is not the line's own bytes.
func (o *Object) Spelled() bool { return o.spelt }

// Reset takes back what values were lent.
func (o *Object) Reset() { o.arena = o.arena[:0] }
