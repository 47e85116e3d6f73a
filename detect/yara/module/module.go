package module

import (
	"strconv"
	"strings"
)

// Type describes what a module has: a value, or a structure, array or
// dictionary of them, or a function.
type Type struct {
	Kind   Kind
	Fields map[string]*Type // of Struct
	Elem   *Type            // of Array and Dict
	Funcs  []Overload       // of Func
	Const  Value            // a constant's value
}

// Overload is one form of a function. Args has a letter for each argument: i
// integer, f float, s string, r regular expression, b boolean. A method gets the
// structure it is a member of before its arguments, and no Input.
type Overload struct {
	Args   string
	Result Kind
	Call   func(in *Input, args []Value) Value
	Method bool
}

// Content is the content under examination.
type Content interface {
	Size() int64
	// Bytes returns n bytes from off, fewer where the content ends, nil where
	// it cannot be read. They are valid until the next call.
	Bytes(off int64, n int) []byte
	// Going tells whether the scan may go on; once it may not, Bytes has nothing.
	Going() bool
}

// Input is what a module made of one content.
type Input struct {
	Content
	Root  Value            // the module's fields
	State any              // the module's own
	cache map[string]Value // results of functions that look at much of the content
}

// maxCached is how many results of functions are kept for one content.
const maxCached = 4096

// Once returns what make made for key before, as far as that is still known.
func (in *Input) Once(key string, make func() Value) Value {
	if v, ok := in.cache[key]; ok {
		return v
	}
	if in.cache == nil {
		in.cache = map[string]Value{}
	}
	v := make()
	if len(in.cache) < maxCached {
		in.cache[key] = v
	}
	return v
}

// Module is one that rules may import.
type Module struct {
	Name string
	Type *Type
	Open func(Content) *Input
}

// Scalar returns the type of a plain value.
func Scalar(k Kind) *Type { return &Type{Kind: k} }

// Constant returns the type of a constant.
func Constant(v any) *Type { c := Of(v); return &Type{Kind: c.Kind, Const: c} }

// ListOf returns the type of an array.
func ListOf(elem *Type) *Type { return &Type{Kind: Array, Elem: elem} }

// DictOf returns the type of a dictionary.
func DictOf(elem *Type) *Type { return &Type{Kind: Dict, Elem: elem} }

// Record returns the type of a structure.
func Record(fields map[string]*Type) *Type { return &Type{Kind: Struct, Fields: fields} }

// Function returns the type of a function.
func Function(forms ...Overload) *Type { return &Type{Kind: Func, Funcs: forms} }

// Small returns the modules math, hash, string, time and console.
func Small() []Module {
	plain := func(c Content) *Input { return &Input{Content: c} }
	return []Module{
		{"math", mathType(), plain},
		{"hash", hashType(), plain},
		{"string", stringType(), plain},
		{"time", timeType(), plain},
		{"console", consoleType(), plain},
	}
}

// chunk is how much of a content is looked at in one go.
const chunk = 1 << 20

// each calls fn with the bytes of a range, cut at the content's end; false if
// the range does not begin inside of the content.
func (in *Input) each(off, n int64, fn func([]byte)) bool {
	size := in.Size()
	if off < 0 || n < 0 || off >= size {
		return false
	}
	for end := off + min(n, size-off); off < end; {
		b := in.Bytes(off, int(min(end-off, chunk)))
		if len(b) == 0 {
			return false
		}
		fn(b)
		off += int64(len(b))
	}
	return true
}

// Constants adds named numbers, given as "NAME=number" and blanks between, to
// the fields of a structure.
func Constants(fields map[string]*Type, text string) map[string]*Type {
	for _, word := range strings.Fields(text) {
		name, number, _ := strings.Cut(word, "=")
		if n, err := strconv.ParseInt(number, 0, 64); err == nil {
			fields[name] = Constant(n)
		}
	}
	return fields
}
