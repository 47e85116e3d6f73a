//go:build unix

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

// forgetPeak makes this program small and its peak the memory it has now: on
// Linux a program's peak begins with that of the one that started it
// (getrusage counts the memory before execve). What cannot be forgotten stays a
// lower bound of what is measured.
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // proc(5): 5 resets the peak
}

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
