package target

import (
	"errors"
	"testing"

	"golang.org/x/sys/windows"
)

func TestYieldOnWindows(t *testing.T) {
	if err := Yield(); err != nil && !errors.Is(err, windows.STATUS_NOT_IMPLEMENTED) { // wine has no priority for disks
		t.Fatal(err)
	}
	if class, err := windows.GetPriorityClass(windows.CurrentProcess()); err != nil || class != windows.BELOW_NORMAL_PRIORITY_CLASS {
		t.Errorf("priority class %#x, %v", class, err)
	}
}
