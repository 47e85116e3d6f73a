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

// NewWhole gives an object that leaves nothing out: "" and "-" are values, and
// headers are keys as any.
func NewWhole() *Object { return &Object{scanner{whole: true}} }

// Shape is the keys in order, each ended by a NUL, and Values what they have,
// nil for null; both are of the object in hand, or as far as it could be read.
func (o *Object) Shape() []byte { return o.keys }

// Values are those of Shape's keys, borrowed until Reset.
func (o *Object) Values() [][]byte { return o.values }

// Spelled reports whether a value is not the line's own bytes.
func (o *Object) Spelled() bool { return o.spelt }

// Reset takes back what values were lent.
func (o *Object) Reset() { o.arena = o.arena[:0] }
