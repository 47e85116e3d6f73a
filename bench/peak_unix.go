//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// peak is the resident memory of a program at its peak, in bytes.
func peak(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss // bytes there, KiB elsewhere (getrusage)
	}
	return usage.Maxrss << 10
}
