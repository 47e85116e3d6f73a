// Package yara holds files against YARA rules: the language of YARA 4 as its
// documentation ("Writing YARA rules") has it, in memory-safe Go.
//
// A set of rules is compiled once and shared by any number of scans. Each
// string gives its rarest bytes (package atom) to one index over all strings;
// a scan passes that index over the content once, looks closer where an atom
// stands (package rx), and then evaluates the conditions of those rules of
// which a string was found or which can be true without one. What a condition
// says about size and first bytes is asked before anything else.
//
// Content is hostile: it is read by windows of bounded size, a regular
// expression reaches rx.Limit bytes from its atom each way, a string has
// Options.MaxMatches matches at most, and what these limits cut is told in a
// *LimitError. Rules are refused, with file, line and column, rather than
// half understood: an import that is not one of pe, elf, dotnet, math, hash,
// string, time and console refuses its file.
package yara

import (
	"fmt"

	"postern/detect/yara/atom"
	"postern/detect/yara/module"
	"postern/detect/yara/syntax"
)

// Source is a rule file; Name stands in errors and in Rule.File.
type Source struct {
	Name string
	Text []byte
}

// Options say how rules are compiled and what a scan may take. Zero values are
// the defaults.
type Options struct {
	// Externals are the external variables rules may use and their values:
	// bool, int64, float64 or string ("External variables").
	Externals map[string]any
	// Include returns the text of a file that another includes ("Including
	// files"). name is relative to what Source.Name is relative to, with slashes
	// forward. Without it include is refused.
	Include func(name string) ([]byte, error)
	// Window is how many bytes of a content are held at a time; 8 MiB.
	Window int
	// MaxMatches is how many matches of a string are kept; 1,000,000.
	MaxMatches int
	// Listed is how many matches of a string a Match lists; 100. The
	// conditions see all of them.
	Listed int
}

// Error is a fault of a rule file, or a warning about one.
type Error struct {
	File         string
	Line, Column int
	Message      string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// LimitError tells which limit cut a scan short in something; all else was
// told.
type LimitError struct {
	Limit  string // "matches of a string", "matches of all strings"
	Detail string
}

// Error names the limit and what met it.
func (e *LimitError) Error() string { return "yara: limit: " + e.Limit + ": " + e.Detail }

// Rule is a compiled rule.
type Rule struct {
	Name, File      string
	Line            int
	Tags            []string
	Meta            []Meta
	Private, Global bool

	index     int
	namespace int
	condition eval
	strings   []int // indexes into Rules.strings
	always    bool  // may be true though none of its strings is found
	needs     []int // predicates that must hold
	refers    []int // rules its condition mentions
	users     []int // rules whose condition mentions this one
}

// Meta is a line of a rule's meta section; Value is a string, int64 or bool.
type Meta struct {
	Name  string
	Value any
	Line  int
}

// Match is a rule that holds for a content, with the matches of its strings.
type Match struct {
	Rule    *Rule
	Strings []StringMatch
}

// StringMatch is one match of a string: its name with the $, where it stands,
// how long it is, and its first bytes, 64 at most.
type StringMatch struct {
	Name   string
	Offset int64
	Length int
	Data   []byte
}

// Rules is a compiled set. Safe for concurrent use.
type Rules struct {
	rules      []*Rule
	strings    []*stringDef
	patterns   []pattern
	everywhere []int // patterns without atoms
	chained    []int // strings of fragments
	globals    []int // global rules
	always     bits  // rules that may be true though none of their strings is found
	owner      []int // the string of each list of matches a scan keeps
	index      *atom.Index
	externals  map[string]external
	values     []module.Value // defaults of the externals
	modules    []module.Module
	predicates []eval
	namespaces int
	margin     int // bytes a match may reach around its atom
	opt        Options
	warnings   []*Error
	pool       pool
}

type external struct {
	index int
	kind  module.Kind
}

// All returns the rules in the order of compilation, private ones included.
func (r *Rules) All() []*Rule { return r.rules }

// Warnings returns what is legal and unwise: strings that slow every scan down.
func (r *Rules) Warnings() []*Error { return r.warnings }

func fault(e *syntax.Error) *Error { return &Error{e.File, e.Line, e.Column, e.Message} }
