package target

import (
	"testing"

	"golang.org/x/sys/windows"
)

func TestYieldOnWindows(t *testing.T) {
	if err := Yield(); err != nil {
		t.Fatal(err)
	}
	if class, err := windows.GetPriorityClass(windows.CurrentProcess()); err != nil || class != windows.BELOW_NORMAL_PRIORITY_CLASS {
		t.Errorf("priority class %#x, %v", class, err)
	}
}
