//go:build !unix

package postern_test

import "time"

// cpuTime is how much processor time this process has had; 0: not known.
func cpuTime() time.Duration { return 0 }
