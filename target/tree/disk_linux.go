package tree

import (
	"encoding/binary"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How files are opened: a name that became a pipe does not block, and a file's
// access time stays as it is where it is ours or we are root (open(2)).
const (
	openFlags  = syscall.O_NONBLOCK
	quietFlags = openFlags | unix.O_NOATIME
)

// hostTimes asks the running host's file system (statx).
func hostTimes(dir *os.File, base string, _ fs.FileInfo) (birth, changed time.Time) {
	var st unix.Statx_t
	if unix.Statx(int(dir.Fd()), base, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME|unix.STATX_CTIME, &st) != nil {
		return
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		birth = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec)).UTC()
	}
	if st.Mask&unix.STATX_CTIME != 0 {
		changed = time.Unix(st.Ctime.Sec, int64(st.Ctime.Nsec)).UTC()
	}
	return birth, changed
}

const ntfsRootInode = 5 // MFT record of the root folder

// volumeTimes returns how to read times when root is the root folder of an
// NTFS volume mounted by ntfs-3g or ntfs3. Anything else may be a copy, whose
// birth and change times are those of the copying: nil.
func volumeTimes(root *os.Root) times {
	const magicNTFS3 = 0x7366746e
	dir, err := root.Open(".")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	var st unix.Stat_t
	var vol unix.Statfs_t
	if unix.Fstat(int(dir.Fd()), &st) != nil || st.Ino != ntfsRootInode || unix.Fstatfs(int(dir.Fd()), &vol) != nil {
		return nil
	}
	switch {
	case vol.Type == magicNTFS3:
		return hostTimes
	case vol.Type == unix.FUSE_SUPER_MAGIC && !ntfs3gBirth(dir, ".").IsZero():
		return func(dir *os.File, base string, info fs.FileInfo) (birth, changed time.Time) {
			_, changed = hostTimes(dir, base, info)
			return ntfs3gBirth(dir, base), changed
		}
	}
	return nil
}

// ntfs3gBirth reads ntfs-3g's extended attribute of the creation time: a
// big-endian FILETIME (ntfs-3g "Extended Attributes", system.ntfs_crtime_be).
func ntfs3gBirth(dir *os.File, base string) time.Time {
	buf := make([]byte, 8)
	path := "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + base
	if n, err := unix.Lgetxattr(path, "system.ntfs_crtime_be", buf); err != nil || n != len(buf) {
		return time.Time{}
	}
	return fromFiletime(binary.BigEndian.Uint64(buf))
}

// fromFiletime converts 100 ns ticks since 1601; zero for none.
func fromFiletime(ticks uint64) time.Time {
	const epoch = 116444736000000000 // 1970 in ticks
	if ticks == 0 || ticks > 1<<62 {
		return time.Time{}
	}
	t := int64(ticks) - epoch
	return time.Unix(t/1e7, t%1e7*100).UTC()
}
