// Package module holds what YARA's modules are made of ("Writing your own
// modules", declared fields and functions), and the small ones: math, hash,
// string, time and console. A module describes its fields and functions once
// as a Type, and gives their values for one content in an Input. What a content
// does not have is undefined.
package module

import (
	"fmt"
	"math"
)

// Kind is the kind of a value or type.
type Kind uint8

// The kinds of values. The zero Value is Undefined.
const (
	Undefined Kind = iota
	Bool
	Int
	Float
	String
	Regexp
	Struct
	Array
	Dict
	Func
)

// String returns the word the documentation uses.
func (k Kind) String() string {
	return [...]string{"undefined", "boolean", "integer", "float", "string", "regular expression", "structure", "array", "dictionary", "function"}[k]
}

// Value is one value of a condition.
type Value struct {
	Kind Kind
	num  int64 // of Int, Bool and (its bits) Float
	Str  string
	obj  any // map[string]Value, []Value or Finder
}

// Finder is a compiled regular expression: where its first match in a text
// begins and how long it is; at is -1 without one, and when going says that the
// scan has to end.
type Finder interface {
	Find(text string, going func() bool) (at, length int)
}

// Of makes a Value of an int, int64, uint32, uint64, bool, float64, string,
// []Value, map[string]Value (a structure) or Finder; any other is Undefined.
func Of(v any) Value {
	switch v := v.(type) {
	case int:
		return Value{Kind: Int, num: int64(v)}
	case int64:
		return Value{Kind: Int, num: v}
	case uint32:
		return Value{Kind: Int, num: int64(v)}
	case uint16:
		return Value{Kind: Int, num: int64(v)}
	case uint64:
		return Value{Kind: Int, num: int64(v)}
	case bool:
		return Truth(v)
	case float64:
		return Value{Kind: Float, num: int64(math.Float64bits(v))}
	case string:
		return Value{Kind: String, Str: v}
	case []Value:
		return Value{Kind: Array, obj: v}
	case map[string]Value:
		return Value{Kind: Struct, obj: v}
	case Finder:
		return Value{Kind: Regexp, obj: v}
	}
	return Value{}
}

// Number makes a Value of an integer.
func Number(n int64) Value { return Value{Kind: Int, num: n} }

// Truth makes a Value of a bool.
func Truth(b bool) Value {
	if b {
		return Value{Kind: Bool, num: 1}
	}
	return Value{Kind: Bool}
}

// Dictionary makes a Value of a dictionary.
func Dictionary(m map[string]Value) Value { return Value{Kind: Dict, obj: m} }

// Int returns an integer or boolean as number.
func (v Value) Int() int64 { return v.num }

// Float returns a number as float.
func (v Value) Float() float64 {
	if v.Kind == Float {
		return math.Float64frombits(uint64(v.num))
	}
	return float64(v.num)
}

// True tells whether the value counts as true in a condition ("Conditions":
// not zero, not empty, not undefined).
func (v Value) True() bool {
	switch v.Kind {
	case Int, Bool:
		return v.num != 0
	case Float:
		return v.Float() != 0
	case String:
		return v.Str != ""
	}
	return false
}

// Defined tells whether the value is one.
func (v Value) Defined() bool { return v.Kind != Undefined }

// Field returns the member of a structure or dictionary.
func (v Value) Field(name string) Value {
	m, _ := v.obj.(map[string]Value)
	return m[name]
}

// List returns the elements of an array.
func (v Value) List() []Value {
	l, _ := v.obj.([]Value)
	return l
}

// Entries returns the members of a structure or dictionary.
func (v Value) Entries() map[string]Value {
	m, _ := v.obj.(map[string]Value)
	return m
}

// Finder returns the regular expression, or nil.
func (v Value) Finder() Finder {
	f, _ := v.obj.(Finder)
	return f
}

// Text renders a value for people.
func (v Value) Text() string {
	switch v.Kind {
	case Int:
		return fmt.Sprint(v.num)
	case Bool:
		return fmt.Sprint(v.num != 0)
	case Float:
		return fmt.Sprintf("%f", v.Float())
	case String:
		return v.Str
	}
	return v.Kind.String()
}
