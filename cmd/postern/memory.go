package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"postern/report/timeline"
)

// What a run needs at least: the packs' rules compiled and one worker at work,
// and what one more worker may hold, a line and a block of a log among it.
const (
	leastMemory  = 64 << 20
	workerMemory = 16 << 20
)

// parseMemory reads how much memory a run keeps to; 0 where nothing is said.
func parseMemory(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := parseSize(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("--max-memory %q: write a size as 512MiB or 2GiB", text)
	case n < leastMemory:
		return 0, fmt.Errorf("--max-memory %s: a run needs %d MiB at least", text, leastMemory>>20)
	}
	return n, nil
}

// errSize is of what is no size.
var errSize = errors.New("no size")

// parseSize reads a size above zero in bytes, KiB, MiB or GiB.
func parseSize(text string) (int64, error) {
	number, unit := strings.TrimRight(text, "KMGiBkmgb"), int64(1)
	switch suffix := strings.ToUpper(text[len(number):]); suffix {
	case "", "B":
	case "K", "KB", "KIB":
		unit = 1 << 10
	case "M", "MB", "MIB":
		unit = 1 << 20
	case "G", "GB", "GIB":
		unit = 1 << 30
	default:
		return 0, errSize
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 1<<50/unit {
		return 0, errSize
	}
	return n * unit, nil
}

// keep makes the run keep to its memory, and returns what ends that. The limit
// is the runtime's, which collects garbage ever harder below it.
func (f *checkFlags) keep() (end func()) {
	if f.memory == 0 {
		return func() {}
	}
	before := debug.SetMemoryLimit(f.memory)
	return func() { debug.SetMemoryLimit(before) }
}

// readers is how many workers read logs: as many as were asked for and fit.
func (f *checkFlags) readers() int {
	n := f.workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	if f.memory > 0 {
		n = min(n, max(1, int((f.memory-leastMemory/2)/workerMemory)))
	}
	return n
}

// lineMemory is how much of a timeline is held in memory.
func (f *checkFlags) lineMemory() int {
	if f.memory > 0 {
		return int(min(timeline.Memory, f.memory/16))
	}
	return timeline.Memory
}
