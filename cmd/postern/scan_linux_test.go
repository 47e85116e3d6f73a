package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"postern/report"
)

// scanned runs a scan in this process and gives the only target of its report.
func scanned(t *testing.T, code int, args ...string) *report.Target {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(t.Context(), append([]string{"scan", "--json", "--quiet"}, args...), strings.NewReader(""), &stdout, &stderr)
	var r report.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || len(r.Targets) != 1 || got != code {
		t.Fatalf("ends with %d, not %d; %v\n%s", got, code, err, stderr.String())
	}
	return &r.Targets[0]
}

// missed gives the rows of a report for what was missed, a line each.
func missed(target *report.Target) string {
	var all strings.Builder
	for _, c := range target.Coverage {
		if c.Missed != nil {
			fmt.Fprintf(&all, "%s: %s\n", c.Path, *c.Missed)
		}
	}
	return all.String()
}

const marked = `rule marked { meta: score = 80 strings: $a = "the mark" condition: $a }`

// TestScanOfAHostileTree: links in circles and out, what is no file, names that are no
// text, and a path of 30,000 characters, with a marked file at its end.
func TestScanOfAHostileTree(t *testing.T) {
	dir := t.TempDir()
	rules, tree := filepath.Join(dir, "r.yar"), filepath.Join(dir, "tree")
	listener := filepath.Join(tree, "socket")
	if err := errors.Join(
		os.WriteFile(rules, []byte(marked), 0o600), os.MkdirAll(filepath.Join(tree, "a/b"), 0o700),
		os.WriteFile(filepath.Join(tree, "a/b/plain"), []byte("nothing"), 0o600),
		os.WriteFile(filepath.Join(tree, "a/bad\xff\xfename"), []byte("the mark"), 0o600),
		os.WriteFile(filepath.Join(dir, "outside"), []byte("the mark"), 0o600),
		syscall.Mkfifo(filepath.Join(tree, "pipe"), 0o600), syscall.Mkfifo(filepath.Join(tree, "a/page.aspx"), 0o600),
		os.Symlink("b/../../a", filepath.Join(tree, "a/b/round")), os.Symlink("round", filepath.Join(tree, "a/b/again")), os.Symlink("self", filepath.Join(tree, "self")),
		os.Symlink("../outside", filepath.Join(tree, "out")), os.Symlink("/dev/zero", filepath.Join(tree, "zero")),
	); err != nil {
		t.Skip(err)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil && len(listener) < 100 {
		defer unix.Close(socket)
		err = unix.Bind(socket, &unix.SockaddrUnix{Name: listener})
	}
	if err != nil {
		t.Fatal(err)
	}
	deepFile(t, tree, 30_000, "the mark")
	got := scanned(t, 1, tree, "--yara", rules, "--file-timeout", "10s")
	if len(got.Findings) != 1 || got.Findings[0].Count != 2 {
		t.Fatalf("%+v\n%s", got.Findings, missed(got))
	}
	long, odd := false, false
	for _, ref := range got.Findings[0].Refs {
		long, odd = long || len(ref.Path) > 30_000, odd || strings.HasPrefix(ref.Path, "a/bad")
		if strings.Contains(ref.Path, "out") {
			t.Error("a file outside the tree was read")
		}
	}
	if !long || !odd {
		t.Errorf("long path found: %t, odd name found: %t", long, odd)
	}
	if gaps := missed(got); !strings.Contains(gaps, "out: leads out") || strings.Contains(gaps, "pipe") {
		t.Errorf("what leads out is a gap, and a pipe holds no content that could be missed:\n%s", gaps)
	}
}

// deepFile writes a file whose path is so long that no single call takes it.
func deepFile(t *testing.T, root string, length int, text string) {
	t.Helper()
	at, err := unix.Open(root, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	name := strings.Repeat("d", 250)
	for n := 0; err == nil && n < length; n += len(name) + 1 {
		if err = unix.Mkdirat(at, name, 0o700); err == nil {
			var next int
			next, err = unix.Openat(at, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
			_ = unix.Close(at)
			at = next
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(at)
	fd, err := unix.Openat(at, "end", unix.O_CREAT|unix.O_WRONLY, 0o600)
	if err == nil {
		_, err = unix.Write(fd, []byte(text))
		_ = unix.Close(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestScanOfATerabyteOfNothing: a sparse file is not checked when its time is over, and
// the run goes on.
func TestScanOfATerabyteOfNothing(t *testing.T) {
	dir := t.TempDir()
	rules, tree := filepath.Join(dir, "r.yar"), filepath.Join(dir, "tree")
	if err := errors.Join(os.WriteFile(rules, []byte(marked), 0o600), os.Mkdir(tree, 0o700), os.WriteFile(filepath.Join(tree, "zz"), []byte("the mark"), 0o600),
		os.WriteFile(filepath.Join(tree, "sparse"), nil, 0o600), os.Truncate(filepath.Join(tree, "sparse"), 1<<40)); err != nil {
		t.Skip(err)
	}
	started := time.Now()
	got := scanned(t, 1, tree, "--yara", rules, "--file-timeout", "100ms", "--workers", "1")
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(got.Findings) != 1 || !strings.Contains(missed(got), "sparse: limit reached: not checked: it took longer than 1s") {
		t.Errorf("%+v\n%s", got.Findings, missed(got))
	}
}

// TestScanIsResumed: what a run that was broken off read of files is taken over, and
// what changed since is read again.
func TestScanIsResumed(t *testing.T) {
	dir := t.TempDir()
	rules, tree, kept := filepath.Join(dir, "r.yar"), filepath.Join(dir, "tree"), filepath.Join(dir, "kept")
	if err := os.WriteFile(rules, []byte(marked), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 400 {
		text := fmt.Sprint("file ", i)
		if i%100 == 7 {
			text += " the mark"
		}
		name := filepath.Join(tree, fmt.Sprintf("f%d", i/50), fmt.Sprint(i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{tree, "--yara", rules, "--now", "2026-12-01T00:00:00Z"}
	want := scanned(t, 1, args...)
	broken := func() {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		run(ctx, append([]string{"scan", "--json", "--resume", kept, "--read-rate", "1KiB"}, args...), strings.NewReader(""), &out, &out)
	}
	broken()
	if _, err := os.Stat(kept); err != nil {
		t.Fatal("nothing is kept: ", err)
	}
	got, err := json.Marshal(scanned(t, 1, append(args, "--resume", kept)...))
	if whole, failed := json.Marshal(want); err != nil || failed != nil || !bytes.Equal(got, whole) {
		t.Errorf("another report:\n%s\n%s", got, whole)
	}
	broken()
	if err := os.WriteFile(filepath.Join(tree, "f0", "3"), []byte("now it has the mark"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := scanned(t, 1, append(args, "--resume", kept)...); got.Findings[0].Count != want.Findings[0].Count+1 {
		t.Errorf("what changed was not read again: %+v", got.Findings)
	}
}
