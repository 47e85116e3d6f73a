package pack

import (
	"errors"

	"postern/pack/strict"
)

// Fault is one reason why a pack is refused, and where it stands.
type Fault = strict.Fault

// Faults collects them: Add, then Err joins all in file and line order.
type Faults = strict.Faults

func fault(file string, line, column int, err error) *Fault {
	return &Fault{File: file, Line: line, Column: column, Err: err}
}

// What callers branch on when a pack is refused. Each stands in the chain of a
// Fault.
var (
	ErrUnknownField = strict.ErrUnknownField
	ErrMissing      = strict.ErrMissing
	ErrSyntax       = strict.ErrSyntax
	ErrValue        = strict.ErrValue
	ErrDuplicate    = strict.ErrDuplicate
	ErrLimit        = strict.ErrLimit

	ErrUnknownFile = errors.New("pack: unknown file")
	ErrSchema      = errors.New("pack: unsupported schema version")
	ErrMethod      = errors.New("pack: only GET may be asked of a page")
	ErrReference   = errors.New("pack: refers to nothing")
	ErrExample     = errors.New("pack: example contradicts pattern")
	ErrUnsure      = errors.New("pack: unsure is no proof")
	ErrAdvisory    = errors.New("pack: advisory")
	ErrPlaybook    = errors.New("pack: playbook")
	ErrUntested    = errors.New("pack: rule without a test")
)
