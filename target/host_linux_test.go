package target

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"postern/evidence"
)

const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime shared:7 master:1 - sysfs sysfs rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 25 0:27 / /dev/shm rw,relatime - tmpfs tmpfs rw
40 27 0:40 / /srv/mail\040store rw - nfs4 nas:/x rw
41 27 0:41 / /mnt/ssh rw - fuse.sshfs me@there: rw
42 27 8:1 / /mnt/usb rw - fuseblk /dev/sdb1 rw
`

func TestMountsAreReadAndSorted(t *testing.T) {
	all, err := parseMounts(strings.NewReader(mountinfo))
	if err != nil || len(all) != 7 {
		t.Fatalf("%d mounts, %v", len(all), err)
	}
	if all[4].point != "/srv/mail store" {
		t.Errorf("mount point %q", all[4].point)
	}
	for i, want := range []fsKind{kernel, kernel, local, local, remote, remote, local} {
		if got := kindOf(all[i].fstype); got != want {
			t.Errorf("%s is %d, want %d", all[i].fstype, got, want)
		}
	}
	for _, bad := range []string{"", "22 27 0:21 / /proc rw,relatime proc proc rw\n", "22 - proc\n", "22 27 0:21 / /proc rw - \n"} {
		if all, err := parseMounts(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: %v", bad, all)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add(mountinfo)
	f.Add(`1 1 0:0 / \ rw - x` + "\n")
	f.Add(`1 1 0:0 / /a\777\04 rw - x` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseMounts(strings.NewReader(text))
		if err == nil && len(all) == 0 {
			t.Error("no mounts and no error")
		}
	})
}

func TestHostWalkStaysOutOfTheKernel(t *testing.T) {
	src := thisHost(t, Options{})
	names := map[evidence.Name]bool{}
	err := src.Files.Walk(t.Context(), ".", func(e evidence.Entry) error {
		names[e.Name] = true
		if e.Mode.IsDir() && e.Name != "." && e.Name != "dev" {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !names["etc"] || !names["dev"] || !names["dev/null"] {
		t.Errorf("walked %v", names)
	}
	if names["proc"] || names["sys"] {
		t.Error("the kernel's file systems were walked")
	}
	err = src.Files.Walk(t.Context(), "proc/self", func(e evidence.Entry) error { t.Errorf("walked %s", e.Name); return fs.SkipAll })
	if err != nil {
		t.Error(err)
	}
}

func TestReplacedProgramKeepsItsPath(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep here")
	}
	program := filepath.Join(t.TempDir(), "MailService")
	body, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, body, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "60")
	if err := cmd.Start(); err != nil {
		t.Skipf("cannot run from %s: %v", program, err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	all, err := hostState{}.Processes(t.Context())
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		t.Errorf("list: %v", err)
	}
	for _, p := range all {
		if p.PID == int32(cmd.Process.Pid) {
			if p.Exe != program || p.Name != "MailService" {
				t.Errorf("process %+v, want %s", p, program)
			}
			return
		}
	}
	t.Error("the process is not listed")
}

func TestUnelevatedHostSaysSo(t *testing.T) {
	if os.Getenv("POSTERN_UNELEVATED") != "" {
		src := thisHost(t, Options{})
		_, err := src.State.Processes(t.Context())
		if src.ID.Elevated || len(src.Gaps) == 0 || err == nil || !strings.Contains(err.Error(), "could not be read") {
			t.Errorf("elevated %v, gaps %v, processes: %v", src.ID.Elevated, src.Gaps, err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to give it up")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(os.TempDir(), "postern-unelevated.test")
	body, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, body, 0o755); err != nil { //nolint:gosec // nobody must run it
		t.Fatal(err)
	}
	defer os.Remove(copied)
	cmd := exec.Command(copied, "-test.run=TestUnelevatedHostSaysSo")
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "POSTERN_UNELEVATED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func TestHostZoneIsTheMachinesNotTheShells(t *testing.T) {
	t.Setenv("TZ", "Antarctica/Troll")
	if got := hostZone().String(); strings.Contains(got, "Troll") {
		t.Errorf("zone %s", got)
	}
}
