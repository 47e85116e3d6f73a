package strict

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// What callers branch on when a file is refused. Each stands in the chain of a
// Fault. A room that reads files with this one adds its own.
var (
	ErrUnknownField = errors.New("pack: unknown field")
	ErrMissing      = errors.New("pack: missing")
	ErrSyntax       = errors.New("pack: syntax")
	ErrValue        = errors.New("pack: bad value")
	ErrDuplicate    = errors.New("pack: said twice")
	ErrLimit        = errors.New("pack: limit")
)

// Fault is one thing wrong with a file, and where. Line and Column start at 1;
// 0 when it is of the whole file.
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

// Faults collects what is wrong with a set of files; all of it, not the first
// only.
type Faults struct{ all []*Fault }

// Add takes one more.
func (f *Faults) Add(more ...*Fault) { f.all = append(f.all, more...) }

// Len is how many there are.
func (f *Faults) Len() int { return len(f.all) }

// Err joins them in file and line order; nil if there are none.
func (f *Faults) Err() error {
	var errs []error
	for i, fault := range f.Sorted() {
		if i == maxFaults {
			errs = append(errs, fmt.Errorf("%w: %d more faults", ErrLimit, len(f.all)-maxFaults))
			break
		}
		errs = append(errs, fault)
	}
	return errors.Join(errs...)
}

// Sorted returns them in file and line order.
func (f *Faults) Sorted() []*Fault {
	slices.SortStableFunc(f.all, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f.all
}

// Place is a position in a file.
type Place struct{ Line, Column int }

// File is one file being read: faults found in it carry its name.
type File struct {
	Name   string
	Faults *Faults
}

// Fail notes a fault: what is wrong, and the sentinel it counts as.
func (f *File) Fail(at Place, sentinel error, format string, args ...any) {
	f.fault(at, fmt.Errorf("%w: %w", sentinel, fmt.Errorf(format, args...)))
}

func (f *File) fault(at Place, err error) {
	f.Faults.Add(&Fault{f.Name, at.Line, at.Column, err})
}
