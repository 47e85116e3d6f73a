package evidence

import "errors"

// What callers branch on when a file of a tree cannot be used. Each maps to a
// Reason through ReasonFor.
var (
	ErrTruncated   = errors.New("evidence: shorter than declared")
	ErrEncrypted   = errors.New("evidence: encrypted")
	ErrUnsafeName  = errors.New("evidence: unsafe name in archive")
	ErrEscapes     = errors.New("evidence: link leads out of the tree")
	ErrDuplicate   = errors.New("evidence: stored more than once")
	ErrLimit       = errors.New("evidence: limit reached")
	ErrBudget      = errors.New("evidence: the time granted was used up")
	ErrUnsupported = errors.New("evidence: unsupported form")
	ErrOutOfScope  = errors.New("evidence: outside what the operator named")

	// ErrNotCollected is a file that a collection lists and does not hold.
	ErrNotCollected = errors.New("evidence: not in this collection")
)

// ReadError is a read of an Observation's content that failed while detect was
// matching it. The collector that opened the content turns it into Coverage.
type ReadError struct{ Err error }

// Error describes the failed read.
func (e *ReadError) Error() string { return "evidence: read: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }
