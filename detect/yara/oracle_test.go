package yara

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// oracle is Debian's yara over a compiled set of rules.
type oracle struct {
	rules  string
	failed map[string]bool // files it gave up on
}

// gaveUp notes the files in libyara's complaints: it stops at a file when a
// regular expression takes it too much.
func (o oracle) gaveUp(tb testing.TB, stderr string) {
	for line := range strings.Lines(stderr) {
		if _, rest, ok := strings.Cut(line, "error scanning "); ok {
			file, _, _ := strings.Cut(rest, ": ")
			o.failed[file] = true
			continue
		}
		tb.Log("yara says:", strings.TrimSpace(line))
	}
}

// both drops the pairs of files libyara gave up on.
func (o oracle) both(pairs []string) []string {
	return slices.DeleteFunc(pairs, func(p string) bool {
		file, _, _ := strings.Cut(p, ": ")
		return o.failed[file]
	})
}

// newOracle compiles sources with yarac, each in a namespace of its own; it
// skips the test where yara is not installed.
func newOracle(tb testing.TB, sources []Source, externals map[string]any) oracle {
	tb.Helper()
	if _, err := exec.LookPath("yarac"); err != nil {
		tb.Skip("no yara here to compare with")
	}
	dir := tb.TempDir()
	args := []string{"-w"}
	args = append(args, defines(externals)...)
	for i, s := range sources {
		file := filepath.Join(dir, "r"+string(rune('a'+i%26))+filepath.Base(s.Name))
		if err := os.WriteFile(file, s.Text, 0o600); err != nil {
			tb.Fatal(err)
		}
		args = append(args, s.Name+":"+file)
	}
	out := filepath.Join(dir, "compiled")
	if text, err := exec.Command("yarac", append(args, out)...).CombinedOutput(); err != nil {
		tb.Fatalf("yarac: %v\n%.2000s", err, text)
	}
	return oracle{out, map[string]bool{}}
}

// pairs returns "file: namespace:rule" for every match, sorted.
func (o oracle) pairs(tb testing.TB, files []string) []string {
	tb.Helper()
	list := filepath.Join(tb.TempDir(), "list")
	if err := os.WriteFile(list, []byte(strings.Join(files, "\n")+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	var stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(30+len(files))*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "yara", "-w", "-e", "-C", "-p", "2", "--scan-list", o.rules, list)
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if ctx.Err() != nil || err != nil && cmd.ProcessState.ExitCode() < 0 {
		tb.Log("yara does not come to an end; nothing compared")
		for _, f := range files {
			o.failed[f] = true
		}
		return nil
	}
	if err != nil && len(text) == 0 {
		tb.Fatalf("yara: %v\n%.2000s", err, stderr.String())
	}
	o.gaveUp(tb, stderr.String())
	var all []string
	for line := range strings.Lines(string(text)) {
		rule, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		all = append(all, file+": "+rule)
	}
	slices.Sort(all)
	return all
}

// apart is pairs with a run for each file: libyara takes the entry point of one
// file for that of the next.
func (o oracle) apart(tb testing.TB, files []string) (all []string) {
	tb.Helper()
	for _, f := range files {
		all = append(all, o.pairs(tb, []string{f})...)
	}
	slices.Sort(all)
	return all
}

// ours is the same from this package.
func ours(tb testing.TB, r *Rules, files []string) []string {
	tb.Helper()
	var mu sync.Mutex
	var all []string
	var wg sync.WaitGroup
	work := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for file := range work {
				err := scanFile(r, file, func(m Match) {
					mu.Lock()
					all = append(all, file+": "+m.Rule.File+":"+m.Rule.Name)
					mu.Unlock()
				})
				if err != nil {
					tb.Errorf("%s: %v", file, err)
				}
			}
		})
	}
	for _, f := range files {
		work <- f
	}
	close(work)
	wg.Wait()
	slices.Sort(all)
	return all
}

func scanFile(r *Rules, file string, found func(Match)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return r.Scan(context.Background(), f, st.Size(), nil, found)
}

// difference returns what only a and only b have; both are sorted.
func difference(a, b []string) (onlyA, onlyB []string) {
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			onlyA = append(onlyA, x)
		}
	}
	for _, x := range b {
		if _, ok := slices.BinarySearch(a, x); !ok {
			onlyB = append(onlyB, x)
		}
	}
	return onlyA, onlyB
}

// tree lists regular files below the roots, at most limit of them and none
// larger than size.
func tree(limit int, size int64, roots ...string) (files []string) {
	for _, root := range roots {
		n := 0
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || n >= limit {
				return nil
			}
			if st, err := d.Info(); err == nil && st.Mode().IsRegular() && st.Size() > 0 && st.Size() <= size && !strings.ContainsAny(path, "\n") {
				if f, err := os.Open(path); err == nil {
					f.Close()
					files = append(files, path)
					n++
				}
			}
			return nil
		})
	}
	return files
}

func TestSamePairsAsLibyara(t *testing.T) {
	sources := corpus(t)
	o := newOracle(t, sources, corpusExternals)
	limit := 100 // files of each root; YARA_TREE adds roots, YARA_LIMIT says how many
	if n, err := strconv.Atoi(os.Getenv("YARA_LIMIT")); err == nil {
		limit = n
	}
	roots := append(filepath.SplitList(os.Getenv("YARA_TREE")), "/usr/bin", "/usr/lib", goRoot()+"/src", goRoot()+"/pkg",
		"../../../shared/corpora/yara", "../../../shared/corpora/evtx", "../../../shared/corpora/access", "../../../shared/corpora/iis")
	files := tree(limit, 32<<20, roots...)
	r, errs := Compile(sources, Options{Externals: corpusExternals})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	theirs, mine := o.pairs(t, files), ours(t, r, files)
	missing, extra := difference(o.both(theirs), o.both(mine))
	for _, p := range missing {
		t.Error("only libyara:", p)
	}
	for _, p := range extra {
		t.Error("only here:", p)
	}
	bytes := int64(0)
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			bytes += st.Size()
		}
	}
	t.Logf("%d files, %d MiB, %d pairs, %d missing, %d extra", len(files), bytes>>20, len(theirs), len(missing), len(extra))
}

// yaraCompiles tells whether libyara takes a rule, too.
func yaraCompiles(dir, rule string, externals map[string]any) bool {
	file := filepath.Join(dir, "rule")
	if os.WriteFile(file, []byte(rule), 0o600) != nil {
		return false
	}
	args := append(defines(externals), "-w", file, filepath.Join(dir, "compiled"))
	return exec.Command("yarac", args...).Run() == nil
}

// defines are the options of yarac for external variables.
func defines(externals map[string]any) (args []string) {
	for name, value := range externals {
		args = append(args, "-d", fmt.Sprint(name, "=", value))
	}
	return args
}

// goRoot is where Go's own sources and tools are.
func goRoot() string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "/usr/local/go"
	}
	return strings.TrimSpace(string(root))
}
