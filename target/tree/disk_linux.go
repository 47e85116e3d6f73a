package tree

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"postern/evidence"
)

// How files and folders are opened: a name that became a pipe does not block, and
// a file's access time stays as it is where it is ours or we are root (open(2)).
const (
	openFlags   = unix.O_NONBLOCK
	quietFlags  = openFlags | unix.O_NOATIME
	folderFlags = openFlags | unix.O_DIRECTORY
)

// list gives the names in a folder, and nothing of them.
func list(dir *os.File) ([]string, map[string]node, error) {
	names, err := dir.Readdirnames(-1)
	return names, nil, err
}

// look asks for all that an entry has in one call (statx(2)), which systems older
// than Linux 4.11 lack; they tell no birth.
func (f *diskFolder) look(base string) (node, error) {
	var st unix.Statx_t
	err := unix.Statx(int(f.dir.Fd()), base, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM): // EPERM: a container's filter that does not know the call
		info, err := f.disk.root.Lstat(string(f.name.Join(base)))
		if err != nil {
			return node{}, err
		}
		return newNode(info), nil
	case err != nil:
		return node{}, &fs.PathError{Op: "statx", Path: base, Err: err}
	}
	e := evidence.Entry{Size: int64(st.Size), Mode: fileMode(uint32(st.Mode)), ModTime: moment(st.Mtime)}
	if st.Mask&unix.STATX_BTIME != 0 {
		e.Birth = moment(st.Btime)
	}
	if st.Mask&unix.STATX_CTIME != 0 {
		e.Changed = moment(st.Ctime)
	}
	return node{entry: e}, nil
}

func moment(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }

// fileMode is a mode of inode(7) as package fs writes it.
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & unix.S_IFMT {
	case unix.S_IFBLK:
		m |= fs.ModeDevice
	case unix.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFREG:
	default:
		m |= fs.ModeIrregular
	}
	if mode&unix.S_ISUID != 0 {
		m |= fs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= fs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	return m
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
		return ownTimes
	case vol.Type == unix.FUSE_SUPER_MAGIC && !ntfs3gBirth(dir, ".").IsZero():
		return func(dir *os.File, base string, e *evidence.Entry) { e.Birth = ntfs3gBirth(dir, base) }
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

// isLocked is false: files are shared here.
func isLocked(error) bool { return false }

// straight opens a file in one call (openat2(2)), which systems older than Linux 5.6
// lack.
func (d *disk) straight(name evidence.Name) evidence.File {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | quietFlags, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(int(d.dir.Fd()), string(name), &how)
	if errors.Is(err, unix.EPERM) { // another user's file: see quietFlags
		how.Flags &^= unix.O_NOATIME
		fd, err = unix.Openat2(int(d.dir.Fd()), string(name), &how)
	}
	if err != nil {
		return nil
	}
	f := handle(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = f.Close() // resolved and opened again, it says why
		return nil
	}
	return &sized{r: f, size: st.Size, shut: f.Close}
}

// handle is an open file.
type handle int

// ReadAt implements io.ReaderAt.
func (h handle) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		m, err := unix.Pread(int(h), b[n:], off+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, err
		case m == 0:
			return n, io.EOF
		default:
			n += m
		}
	}
	return n, nil
}

// Close implements io.Closer.
func (h handle) Close() error { return unix.Close(int(h)) }
