package target

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// What Yield sets. The lowest of the best-effort classes still gets its turn on
// a busy disk; the idle class might never, and a run has to end (ioprio_set(2)).
const (
	yieldNice    = 10
	ioWho        = 1         // IOPRIO_WHO_PROCESS: one thread
	ioBestEffort = 2<<13 | 7 // IOPRIO_CLASS_BE, level 7 of 0 to 7
)

// Yield makes this process give way to all others, for the rest of its life: a
// low priority for the processor and for disks. On Linux both belong to threads,
// and new ones take over what the one that makes them has.
func Yield() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("target: lower the priority: %w", err)
	}
	var errs []error
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if now, err := unix.Getpriority(unix.PRIO_PROCESS, id); err == nil && 20-now < yieldNice { // the call gives 20 - nice
			errs = append(errs, unix.Setpriority(unix.PRIO_PROCESS, id, yieldNice))
		}
		if _, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioWho, uintptr(id), ioBestEffort); errno != 0 {
			errs = append(errs, errno)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("target: lower the priority: %w", err)
	}
	return nil
}
