//go:build !linux && !windows

package tree

import (
	"os"
)

// How files and folders are opened. Nothing here leaves access times alone.
const (
	openFlags   = 0
	quietFlags  = openFlags
	folderFlags = 0
)

// list gives the names in a folder, and nothing of them.
func list(dir *os.File) ([]string, map[string]node, error) {
	names, err := dir.Readdirnames(-1)
	return names, nil, err
}

func (f *diskFolder) look(base string) (node, error) {
	info, err := f.disk.root.Lstat(string(f.name.Join(base)))
	if err != nil {
		return node{}, err
	}
	return newNode(info), nil
}

func volumeTimes(*os.Root) times { return nil }

// isLocked is false: files are shared here.
func isLocked(error) bool { return false }
