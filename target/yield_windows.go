package target

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ioPriorityLow is IoPriorityLow of IO_PRIORITY_HINT (ntddk.h): below what
// programs have, above what waits for an idle disk.
const ioPriorityLow = 1

// Yield makes this process give way to all others, for the rest of its life: a
// low priority for the processor and for disks. It is not the background mode
// (PROCESS_MODE_BACKGROUND_BEGIN), which also takes the process's memory away.
func Yield() error {
	self := windows.CurrentProcess()
	low := uint32(ioPriorityLow)
	err := errors.Join(windows.SetPriorityClass(self, windows.BELOW_NORMAL_PRIORITY_CLASS),
		windows.NtSetInformationProcess(self, windows.ProcessIoPriority, unsafe.Pointer(&low), uint32(unsafe.Sizeof(low))))
	if err != nil {
		return fmt.Errorf("target: lower the priority: %w", err)
	}
	return nil
}
