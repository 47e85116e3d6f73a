package target

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestYield lowers the priority of a process of its own, for there is no way up
// again, and looks at every thread of it.
func TestYield(t *testing.T) {
	if os.Getenv("POSTERN_TEST_YIELD") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestYield$", "-test.v")
		cmd.Env = append(os.Environ(), "POSTERN_TEST_YIELD=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "threads looked at") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for range 2 { // a second time changes nothing
		if err := Yield(); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{}) // makes threads that did not exist before
	for range 20 {
		go func() { _ = exec.Command("true").Run(); done <- struct{}{} }()
	}
	for range 20 {
		<-done
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		nice, err := unix.Getpriority(unix.PRIO_PROCESS, id)
		if err != nil {
			continue // it ended meanwhile
		}
		io, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, ioWho, uintptr(id), 0)
		if 20-nice < yieldNice || errno != 0 || io != ioBestEffort {
			t.Errorf("thread %d: nice %d, I/O priority %#x, %v", id, 20-nice, io, errno)
		}
	}
	t.Log(len(threads), "threads looked at")
}
