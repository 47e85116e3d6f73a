//go:build linux || windows

package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// thisHost opens the machine the tests run on.
func thisHost(t *testing.T, opt Options) *evidence.Source {
	t.Helper()
	srcs, err := Open(t.Context(), "", opt)
	if err != nil || len(srcs) != 1 {
		t.Fatalf("%d sources, error %v", len(srcs), err)
	}
	t.Cleanup(func() {
		if err := srcs[0].Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return srcs[0]
}

func TestOpenHost(t *testing.T) {
	src := thisHost(t, Options{})
	if src.Kind != evidence.KindHost || string(src.ID.OS) != runtime.GOOS || src.ID.Host == "" || src.ID.Zone == nil || src.ID.ZoneFrom != "this host" ||
		!src.ID.Captured.IsZero() || src.Net != nil || src.State == nil || len(src.Volumes) == 0 || src.Partial {
		t.Errorf("source %+v", src)
	}
	said := false
	for _, gap := range src.Gaps {
		said = said || gap.Missed.Reason == evidence.Unelevated && gap.Parts == everything && gap.Missed.Detail != ""
	}
	if said == src.ID.Elevated {
		t.Errorf("elevated is %v, and the gaps are %v", src.ID.Elevated, src.Gaps)
	}

	utc := time.FixedZone("said", 0)
	if src = thisHost(t, Options{Zone: utc, Host: "mx1", AsOf: time.Unix(1, 0)}); src.ID.Zone != utc || src.ID.Host != "mx1" || src.ID.Captured.IsZero() {
		t.Errorf("what the operator says does not count: %+v", src.ID)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, "", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHostFilesAreReadWithTheirTimes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "MailService.exe")
	before := time.Now().Add(-time.Minute)
	if err := os.WriteFile(path, []byte("body"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	src := thisHost(t, Options{})
	name, ok := src.Locate(path)
	if !ok {
		t.Fatalf("%s is on no volume of %v", path, src.Volumes)
	}
	f, err := src.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 4)
	if _, err := f.ReadAt(buf, 0); err != nil || string(buf) != "body" {
		t.Errorf("read %q, %v", buf, err)
	}
	seen := false
	err = src.Files.Walk(t.Context(), name.Dir(), func(e evidence.Entry) error {
		if e.Name != name {
			return nil
		}
		seen = true
		if !e.ModTime.Equal(time.Unix(1e9, 0)) || e.Size != 4 {
			t.Errorf("entry %+v", e)
		}
		if runtime.GOOS == "linux" && e.Changed.Before(before) {
			t.Errorf("change time %v", e.Changed)
		}
		if !e.Birth.IsZero() && e.Birth.Before(before) {
			t.Errorf("birth %v", e.Birth)
		}
		return nil
	})
	if err != nil || !seen {
		t.Errorf("walk: %v, seen %v", err, seen)
	}
}

func TestHostProcesses(t *testing.T) {
	src := thisHost(t, Options{})
	all, err := src.State.Processes(t.Context())
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if int(p.PID) != os.Getpid() {
			continue
		}
		if !strings.EqualFold(p.Exe, self) || p.Name == "" || time.Since(p.Started) > time.Hour || time.Since(p.Started) < -time.Minute {
			t.Errorf("this process is %+v, want %s", p, self)
		}
		return
	}
	t.Errorf("this process is not among %d", len(all))
}

func TestProcessesCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (hostState{}).Processes(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
