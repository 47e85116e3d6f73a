// Package syntax reads the text of YARA rule files as documented in "Writing
// YARA rules" (YARA 4) into a tree. It knows the grammar and nothing of
// meaning: whether an identifier exists and which type an operand has is the
// compiler's business. Input is hostile: nesting is limited to MaxDepth,
// strings and identifiers to the documented sizes, and every fault is an
// *Error with file, line and column.
package syntax

import "fmt"

// MaxDepth is how deep expressions may nest.
const (
	MaxDepth    = 500
	maxIncludes = 16   // deep
	maxFiles    = 5000 // included by one
	maxIdent    = 128
)

// Pos is where something stands: file, line and column, both from 1, the
// column in bytes.
type Pos struct {
	File         string
	Line, Column int
}

// Error is a fault in a rule file.
type Error struct {
	Pos
	Message string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// File is one rule file with its includes put in place.
type File struct {
	Imports []Import
	Rules   []*Rule
}

// Import names a module ("Modules").
type Import struct {
	Pos
	Name string
}

// Rule is one rule as written.
type Rule struct {
	Pos
	Name            string
	Global, Private bool
	Tags            []string
	Meta            []Meta
	Strings         []*String
	Condition       *Expr
}

// Meta is one line of a meta section; Value is a string, an int64 or a bool.
type Meta struct {
	Pos
	Name  string
	Value any
}

// Kind tells the three kinds of strings apart.
type Kind int

// The kinds of strings ("Strings").
const (
	Text Kind = iota
	Hex
	Regexp
)

// String is one line of a strings section. Value is the text with its escapes
// resolved, or the source between the braces or slashes.
type String struct {
	Pos
	Name  string // with the $; "$" alone for an anonymous string
	Kind  Kind
	Value string
	At    Pos // where Value begins
	Modifiers
}

// Modifiers are the words behind a string ("String modifier summary"), and the
// two flags of a regular expression.
type Modifiers struct {
	NoCase, Wide, ASCII, FullWord, Private bool
	Xor                                    bool
	XorMin, XorMax                         byte
	Base64, Base64Wide                     string // the alphabet; empty: not set
	Fold, DotAll                           bool   // /…/i and /…/s
}

// Expr is a node of a condition. Op says what it is:
//
//	and or not defined                      Args: the operands (and, or: two or more)
//	== != < <= > >= | ^ & << >> + - * \ %   Args: both operands
//	contains icontains startswith istartswith endswith iendswith iequals matches
//	neg ~                                   Args: the operand
//	true false int float text regexp        Int, Float, Text (and Mods for regexp)
//	filesize entrypoint
//	$ # @ !                                 Text: the string's name; Args: [0] index of @ and !, nil without
//	$at                                     Text; Args: offset
//	$in #in                                 Text; Args: range
//	range                                   Args: low, high
//	list                                    Args: the integers or texts
//	read                                    Text: "uint16be" and so on; Args: offset
//	name field index call                   Text: name or field; Args: object and index, or function and arguments
//	of ofin ofat                            Args: quantifier, set, [range or offset]
//	all any none percent                    quantifiers; any other expression is a number; percent: Args[0]
//	set                                     Names, each ending in * for a prefix; "them" for all strings
//	rules                                   Names of rules, each ending in * for a prefix
//	for                                     Args: quantifier, iterator, body; Names: the variables
//	forof                                   Args: quantifier, set, body
type Expr struct {
	Pos
	Op    string
	Int   int64
	Float float64
	Text  string
	Names []string
	Args  []*Expr
	Mods  *Modifiers
	depth int
}
