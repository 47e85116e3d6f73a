//go:build !linux && !windows

package target

import "errors"

// Yield makes this process give way to all others where the system is known.
func Yield() error { return errors.New("target: lower the priority: not known how on this system") }
