package main

import (
	"fmt"
	"runtime"
	"slices"

	"postern/target"
)

// The levels of --priority.
const (
	lowPriority    = "low"
	normalPriority = "normal"
)

func (f *checkFlags) checkPriority() error {
	if slices.Contains([]string{"", lowPriority, normalPriority}, f.priority) {
		return nil
	}
	return fmt.Errorf("--priority %q: write low or normal", f.priority)
}

// share keeps to the processors that --cpu grants.
func (c *check) share() {
	if n := c.flags.cpu; n > 0 && n < runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(n)
	}
}

// yield gives way to the rest of this machine as --priority says; without it,
// where the machine is the one examined and may be a mail server at work. That
// it could not is said, and no answer depends on it.
func (c *check) yield() {
	host := slices.ContainsFunc(c.targets, func(n named) bool { return n.target == "" })
	if c.flags.priority == normalPriority || c.flags.priority == "" && !host {
		return
	}
	if err := target.Yield(); err != nil {
		c.out.talk("--priority: %v", err)
	}
}
