package target

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/windows"

	"postern/evidence"
	"postern/target/tree"
)

// unelevated says what is lost without an administrator's token.
const unelevated = "files of the mail server and of IIS, parts of the registry and other users' processes cannot be read; run again from an elevated prompt (Run as administrator)"

func elevated() bool { return windows.GetCurrentProcessToken().IsElevated() }

// liveFiles is the drives of this machine as one tree.
type liveFiles struct {
	tree    *tree.Tree
	volumes []evidence.Volume
	gaps    []evidence.Coverage
	past    *pastReads
}

// hostFiles opens every fixed drive under its letter, the system's first.
// Drives of other machines and removable ones that hold a medium are gaps.
func hostFiles(opt Options) (liveFiles, error) {
	letters, err := driveLetters()
	if err != nil {
		return liveFiles{}, err
	}
	files := liveFiles{past: &pastReads{}}
	if err := useBackupRight(); err != nil && elevated() {
		files.gaps = append(files.gaps, evidence.Gap(evidence.CoverFile, "this host", 0, evidence.Unreadable,
			"the right to back up files could not be used, so folders closed to administrators stay closed: "+err.Error()))
	}
	drives := map[string]*tree.Tree{}
	var errs []error
	for _, letter := range letters {
		root := letter + `:\`
		switch kind := driveType(root); kind {
		case windows.DRIVE_FIXED, windows.DRIVE_RAMDISK:
			t, err := tree.Disk(root, true, opt.Limits)
			if err != nil {
				errs = append(errs, err)
				files.gaps = append(files.gaps, evidence.ErrGap(evidence.CoverFile, root, everything, err))
				continue
			}
			drives[letter] = t
			if err := files.past.behind(t, letter+":", opt.Shadows, opt.Limits); err != nil {
				return liveFiles{}, errors.Join(err, tree.Join(drives, opt.Limits).Close())
			}
			files.volumes = append(files.volumes, evidence.Volume{Mount: letter + ":", Root: evidence.Name(letter)})
		case windows.DRIVE_REMOTE:
			files.gaps = append(files.gaps, evidence.Gap(evidence.CoverFile, root, everything, evidence.NotCollected,
				"a drive of another machine is not walked; check it there, or name the folder as a target"))
		default:
			if holdsMedium(root) {
				files.gaps = append(files.gaps, evidence.Gap(evidence.CoverFile, root, everything, evidence.NotCollected,
					"a removable drive is not walked; name it as a target if the mail server used it"))
			}
		}
	}
	if len(drives) == 0 {
		return files, errors.Join(append(errs, errors.New("no fixed drive could be opened"))...)
	}
	files.tree = tree.Join(drives, opt.Limits)
	files.tree.Fold, files.tree.Volumes = tree.FoldFirst, files.volumes
	return files, nil
}

// useBackupRight switches on this process's right to read files whatever their
// access list says (SeBackupPrivilege), which an elevated token holds switched
// off. Folders that only SYSTEM may read, mailboxes among them, are then read
// like any other; every open under an os.Root asks with backup intent. It ends
// with the process and changes nothing on the host.
func useBackupRight() error {
	var token windows.Token
	if err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_ADJUST_PRIVILEGES|windows.TOKEN_QUERY, &token); err != nil {
		return err
	}
	defer token.Close()
	name, err := windows.UTF16PtrFromString("SeBackupPrivilege")
	if err != nil {
		return err
	}
	rights := windows.Tokenprivileges{PrivilegeCount: 1}
	rights.Privileges[0].Attributes = windows.SE_PRIVILEGE_ENABLED
	if err := windows.LookupPrivilegeValue(nil, name, &rights.Privileges[0].Luid); err != nil {
		return err
	}
	return windows.AdjustTokenPrivileges(token, false, &rights, 0, nil, nil)
}

// driveLetters lists the drives there are, the system's first.
func driveLetters() ([]string, error) {
	mask, err := windows.GetLogicalDrives()
	if err != nil {
		return nil, fmt.Errorf("list drives: %w", err)
	}
	var all []string
	for i := range 26 {
		if mask&(1<<i) != 0 {
			all = append(all, string(rune('A'+i)))
		}
	}
	system, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return nil, fmt.Errorf("find the system drive: %w", err)
	}
	first := func(letter string) int {
		if letter == system[:1] {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(first(a), first(b)) })
	return all, nil
}

func driveType(root string) uint32 {
	p, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return windows.DRIVE_UNKNOWN
	}
	return windows.GetDriveType(p)
}

// holdsMedium reports whether a removable drive has something in it; an empty
// one answers that it is not ready.
func holdsMedium(root string) bool {
	p, err := windows.UTF16PtrFromString(root)
	return err == nil && windows.GetVolumeInformation(p, nil, 0, nil, nil, nil, nil, 0) == nil
}

// hostZone is the machine's time zone: Go reads it from Windows, not from TZ.
func hostZone() *time.Location { return time.Local }

// imageless are processes of the kernel's own, which have no program file.
var imageless = []string{"System", "System Idle Process", "Registry", "Secure System", "Memory Compression", "MemCompression", "vmmem", "vmmemWSL"}

func withoutProgram(pid int32, name string, _ error) bool {
	return pid == 0 || pid == 4 || slices.Contains(imageless, name)
}
