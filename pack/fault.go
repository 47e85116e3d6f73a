package pack

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// What callers branch on when a pack is refused. Each stands in the chain of a
// Fault.
var (
	ErrUnknownField = errors.New("pack: unknown field")
	ErrUnknownFile  = errors.New("pack: unknown file")
	ErrMissing      = errors.New("pack: missing")
	ErrSchema       = errors.New("pack: unsupported schema version")
	ErrSyntax       = errors.New("pack: syntax")
	ErrValue        = errors.New("pack: bad value")
	ErrMethod       = errors.New("pack: only GET may be asked of a page")
	ErrDuplicate    = errors.New("pack: said twice")
	ErrReference    = errors.New("pack: refers to nothing")
	ErrExample      = errors.New("pack: example contradicts pattern")
	ErrUnsure       = errors.New("pack: unsure is no proof")
	ErrAdvisory     = errors.New("pack: advisory")
	ErrPlaybook     = errors.New("pack: playbook")
	ErrRule         = errors.New("pack: rule that cannot be used")
	ErrUntested     = errors.New("pack: rule without a test")
	ErrLimit        = errors.New("pack: limit")
)

// Fault is one reason why a pack is refused, and where it stands. Line and
// Column start at 1; 0 when the fault is of the whole file.
type Fault struct {
	File         string
	Line, Column int
	Err          error
}

// Error gives "file:line:column: what".
func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %v", f.File, f.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", f.File, f.Line, f.Column, f.Err)
}

// Unwrap returns the cause, which wraps one of the sentinels.
func (f *Fault) Unwrap() error { return f.Err }

// maxFaults ends a report that no author reads to the end.
const maxFaults = 100

// faults collects what is wrong with a pack; all of it, not the first only.
type faults struct{ all []*Fault }

func (f *faults) add(file string, at place, err error) {
	f.all = append(f.all, &Fault{file, at.line, at.column, err})
}

// err joins everything collected in file and line order; nil if nothing was.
func (f *faults) err() error {
	slices.SortStableFunc(f.all, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var errs []error
	for i, fault := range f.all {
		if i == maxFaults {
			errs = append(errs, fmt.Errorf("%w: %d more faults", ErrLimit, len(f.all)-maxFaults))
			break
		}
		errs = append(errs, fault)
	}
	return errors.Join(errs...)
}

// place is a position in a file.
type place struct{ line, column int }

// file is one file of the pack being compiled: faults found in it carry its name.
type file struct {
	name   string
	faults *faults
}

func (f *file) fail(at place, sentinel error, format string, args ...any) {
	f.faults.add(f.name, at, fmt.Errorf("%w: %w", sentinel, fmt.Errorf(format, args...)))
}
