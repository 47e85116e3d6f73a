package tree

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// How files and folders are opened. Nothing here leaves access times alone.
const (
	openFlags   = 0
	quietFlags  = openFlags
	folderFlags = 0
)

// list keeps what the listing tells of each name (FILE_ID_BOTH_DIR_INFO). It opens
// no file, which is quicker, wakes no virus scanner, and works for those that
// another program keeps to itself.
func (f *diskFolder) list() ([]string, error) {
	entries, err := f.dir.ReadDir(-1)
	names := make([]string, 0, len(entries))
	f.listed = make(map[string]fs.FileInfo, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err == nil {
			f.listed[e.Name()] = info
		}
	}
	return names, err
}

// look takes what the listing told, or else opens the name; one that is locked is
// looked up in a listing.
func (f *diskFolder) look(base string) (node, error) {
	info := f.listed[base]
	if info == nil {
		var err error
		info, err = f.disk.root.Lstat(string(f.name.Join(base)))
		if isLocked(err) && f.listed == nil {
			if names, err := f.list(); err == nil {
				if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, base) }); i >= 0 {
					return f.look(names[i])
				}
			}
		}
		if err != nil {
			return node{}, err
		}
	}
	n := newNode(info)
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok { // the change time is in no listing
		n.entry.Birth = time.Unix(0, data.CreationTime.Nanoseconds()).UTC()
	}
	return n, nil
}

// volumeTimes is nil: a folder named on Windows may be a copy.
func volumeTimes(*os.Root) times { return nil }

// isLocked reports whether a program that shares nothing has the file open.
func isLocked(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}
