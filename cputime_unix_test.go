//go:build unix

package postern_test

import (
	"syscall"
	"time"
)

// cpuTime is how much processor time this process has had; 0: not known.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
