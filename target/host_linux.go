package target

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// unelevated says what is lost without root.
const unelevated = "files of the mail server, its logs and other users' processes cannot be read; run again as root (sudo postern check)"

func elevated() bool { return os.Geteuid() == 0 }

// liveFiles is the file systems of this machine as one tree.
type liveFiles struct {
	tree    *tree.Tree
	volumes []evidence.Volume
	gaps    []evidence.Coverage
	past    *pastReads
}

// hostFiles opens "/" without the kernel's own file systems, which hold no
// files, and without those of other machines, which are gaps.
func hostFiles(opt Options) (liveFiles, error) {
	t, err := tree.Disk("/", true, opt.Limits)
	if err != nil {
		return liveFiles{}, err
	}
	files := liveFiles{tree: t, volumes: []evidence.Volume{{Mount: "/", Root: "."}}, past: &pastReads{}}
	if err := files.past.behind(t, "/", opt.Shadows, opt.Limits); err != nil {
		return liveFiles{}, errors.Join(err, t.Close())
	}
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		mounts = []mount{{"/proc", "proc"}, {"/sys", "sysfs"}}
		files.gaps = append(files.gaps, evidence.Gap(evidence.CoverFile, "/proc/self/mountinfo", everything, evidence.Unreadable,
			"what is mounted is not known, so network shares were walked like local folders: "+err.Error()))
	}
	out := map[evidence.Name]bool{}
	for _, m := range mounts {
		name := evidence.Name(".").Join(m.point)
		switch kindOf(m.fstype) {
		case local:
			delete(out, name) // a later mount hides the one below it
		case kernel:
			out[name] = name != "."
		case remote:
			out[name] = name != "."
			if out[name] {
				files.gaps = append(files.gaps, evidence.Gap(evidence.CoverFile, m.point, everything, evidence.NotCollected,
					fmt.Sprintf("a %s file system of another machine is not walked; check it there, or name the folder as a target", m.fstype)))
			}
		}
	}
	t.Fold, t.Volumes = tree.FoldNever, files.volumes
	t.Skip = func(real evidence.Name) error {
		for n := real; n != "."; n = n.Dir() { // a walk may begin anywhere
			if out[n] {
				return fs.SkipDir
			}
		}
		return nil
	}
	return files, nil
}

// mount is one mounted file system.
type mount struct{ point, fstype string }

// fsKind says what a file system means for the evidence.
type fsKind uint8

const (
	local  fsKind = iota
	kernel        // shows kernel state, no files
	remote        // another machine's
)

// devtmpfs, tmpfs and ramfs are local: /dev, /dev/shm, /run and /tmp hold
// files, and intruders know it.
var (
	kernelTypes = []string{"proc", "sysfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "bpf", "pstore", "efivarfs", "configfs",
		"fusectl", "mqueue", "hugetlbfs", "binfmt_misc", "autofs", "rpc_pipefs", "selinuxfs", "smackfs", "nsfs", "nfsd", "resctrl", "fuse.lxcfs", "fuse.portal", "fuse.gvfsd-fuse"}
	remoteTypes = []string{"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "coda", "ncpfs", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2", "gfs2", "davfs"}
	// The FUSE file systems known to stand on local disks; any other may be
	// another machine's (sshfs, rclone, glusterfs) and is taken for one.
	localFUSE = []string{"fuseblk", "fuse.ntfs-3g", "fuse.ntfs", "fuse.exfat", "fuse.mergerfs", "fuse.bindfs", "fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.encfs", "fuse.snapfuse", "fuse.squashfuse"}
)

func kindOf(fstype string) fsKind {
	switch {
	case slices.Contains(kernelTypes, fstype):
		return kernel
	case slices.Contains(remoteTypes, fstype), strings.HasPrefix(fstype, "fuse") && !slices.Contains(localFUSE, fstype):
		return remote
	}
	return local
}

// readMounts reads the mounts of this process (proc(5), /proc/pid/mountinfo),
// in the order they were made.
func readMounts(path string) ([]mount, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseMounts(f)
}

func parseMounts(r io.Reader) ([]mount, error) {
	text, err := io.ReadAll(bufio.NewReader(io.LimitReader(r, 16<<20)))
	if err != nil {
		return nil, err
	}
	var all []mount
	for line := range bytes.Lines(text) {
		before, after, found := strings.Cut(string(line), " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if !found || len(where) < 6 || len(what) < 1 {
			return all, fmt.Errorf("mountinfo: no mount in %q", line)
		}
		all = append(all, mount{unescape(where[4]), what[0]})
	}
	if len(all) == 0 {
		return nil, errors.New("mountinfo: empty")
	}
	return all, nil
}

// unescape undoes the kernel's \ooo for space, tab, newline and backslash.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// hostZone is the machine's time zone, whatever TZ says in this shell: the
// mail server's logs are written in the machine's (localtime(5)). Nil when it
// is set and cannot be read.
func hostZone() *time.Location {
	const link, folder = "/etc/localtime", "zoneinfo/"
	data, err := os.ReadFile(link)
	if errors.Is(err, fs.ErrNotExist) {
		return time.UTC // localtime(5): without the file it is UTC
	}
	if err != nil {
		return nil // there, and not to be read: every log that needs it says so
	}
	name := "Local"
	if to, err := os.Readlink(link); err == nil {
		if i := strings.LastIndex(to, folder); i >= 0 {
			name = to[i+len(folder):]
		}
	}
	zone, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil
	}
	return zone
}

// withoutProgram reports whether a process has none: a kernel thread.
func withoutProgram(_ int32, _ string, err error) bool {
	return errors.Is(err, fs.ErrNotExist)
}

func liveRegistry() evidence.Registry { return nil }
