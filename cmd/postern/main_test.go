package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"postern": main})
}

// TestStories runs every story in testdata: one page each, as an operator
// would live it.
func TestStories(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stories send signals and use slashes")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: stories(t),
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("HOME", env.WorkDir)
			env.Values["asked"] = make(chan struct{}, 1000)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "interrupts": interrupts, "silent": silent, "serves": serves,
			"copytree": copytree, "replace": replace, "zips": zips, "cut": cut, "noise": noise, "narrow": narrow,
		},
	})
}

// alone are stories in which one goroutine does all there is to do: they are left to
// the run without the race detector.
var alone = []string{"diff", "events", "help", "man", "merge", "out", "pack", "packs", "packtest", "render", "usage"}

func stories(t *testing.T) (files []string) {
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatal("no stories", err)
	}
	return slices.DeleteFunc(all, func(file string) bool {
		return underRace && slices.Contains(alone, strings.TrimSuffix(filepath.Base(file), ".txtar"))
	})
}

// exits CODE COMMAND...: the command ends with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// interrupts CODE COMMAND...: the command is interrupted once the silent
// server was asked, ends with this code, and leaves its output in the files
// out and err.
func interrupts(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ts.Check(cmd.Start())
	asked := ts.Value("asked").(chan struct{})
	select {
	case <-asked:
	case <-time.After(30 * time.Second):
		ts.Fatalf("nobody asked the silent server; stderr: %s", stderr.String())
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	time.Sleep(20 * time.Millisecond) // timeout(1) and some shells send it to the program and to its group
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		ts.Check(err)
	}
	err := cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("out"), stdout.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o600))
	var ended *exec.ExitError
	if !errors.As(err, &ended) || strconv.Itoa(ended.ExitCode()) != args[0] {
		ts.Fatalf("ended with %v, want exit code %s; stderr: %s", err, args[0], stderr.String())
	}
}

// silent NAME: a server on loopback that takes connections and never answers;
// its address stands in the variable.
func silent(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	asked := ts.Value("asked").(chan struct{})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				asked <- struct{}{}
				io.Copy(io.Discard, conn) // until the other side gives up
			}()
		}
	}()
	ts.Setenv(args[0], l.Addr().String())
}

// serves NAME FILE: a server on loopback that answers every GET and HEAD with
// the file, and fails the story on any other method.
func serves(ts *testscript.TestScript, _ bool, args []string) {
	page := ts.ReadFile(args[1])
	bad := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			bad <- r.Method
		}
		io.WriteString(w, page)
	}))
	ts.Defer(func() {
		srv.Close()
		select {
		case method := <-bad:
			ts.Fatalf("the page was asked with %s", method)
		default:
		}
	})
	ts.Setenv(args[0], strings.TrimPrefix(srv.URL, "http://"))
}

// copytree FROM TO copies a folder.
func copytree(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// replace FILE OLD NEW replaces the first OLD, which must be there.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s holds no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// zips FILE FOLDER packs a folder.
func zips(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w := zip.NewWriter(f)
	ts.Check(w.AddFS(os.DirFS(ts.MkAbs(args[1]))))
	ts.Check(w.Close())
	ts.Check(f.Close())
}

// cut FILE PERCENT keeps so much of a file.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	percent, err := strconv.Atoi(args[1])
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()*int64(percent)/100))
}

// noise FILE writes bytes that are no text.
func noise(ts *testscript.TestScript, _ bool, args []string) {
	data := make([]byte, 4096)
	for i := range data {
		data[i] = byte(i*i*31 + i>>3)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// narrow: no line of the last command's output is wider than 80 columns.
func narrow(ts *testscript.TestScript, _ bool, _ []string) {
	for _, line := range strings.Split(ts.ReadFile("stdout"), "\n") {
		if n := len([]rune(line)); n > 80 {
			ts.Fatalf("%d columns: %s", n, line)
		}
	}
}

func TestRunInProcess(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if got := run(context.Background(), []string{"check", "--bogus"}, nil, &stdout, &stderr); got != 2 {
		t.Errorf("exit code %d, want 2", got)
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), "--bogus") {
		t.Errorf("stdout %q, stderr %q: talk belongs on stderr", stdout.String(), stderr.String())
	}
}
