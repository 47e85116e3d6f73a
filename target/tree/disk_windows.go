package tree

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// How files are opened. Nothing here leaves access times alone.
const (
	openFlags  = 0
	quietFlags = openFlags
)

// hostTimes gives the creation time; the change time is not in a listing.
func hostTimes(_ *os.File, _ string, info fs.FileInfo) (birth, changed time.Time) {
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		birth = time.Unix(0, data.CreationTime.Nanoseconds()).UTC()
	}
	return birth, changed
}

// volumeTimes is nil: a folder named on Windows may be a copy.
func volumeTimes(*os.Root) times { return nil }
