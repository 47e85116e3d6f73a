// Command bench runs postern and other tools over the same input and prints what
// each took: wall time, CPU time, peak memory, and how often that is what the
// peer took. It is for measuring alone and no part of the product.
//
// Input is generated from a seed, or repeated from the corpora (other people's
// data, see CONTRIBUTING.md). Peers are looked for in PATH; one that is not there
// is named and not measured. Runs of the contenders take turns, and medians are
// printed. A ratio above 1 means slower than the peer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A bench is one run of this program.
type bench struct {
	postern, corpora, dir string
	size                  int64
	runs                  int
	seed                  uint64
	peers                 []string // further commands over Windows event logs, name=command
	trees                 []string // folders of the section yara
	out                   io.Writer
	failed                []string
}

var sections = []struct {
	name, what string
	run        func(*bench, context.Context) error
}{
	{"web", "a web log, the shipped pack, SigmaHQ's web rules and 5,000 indicators; peers grep and ripgrep", (*bench).web},
	{"evtx", "decoding of Windows event logs; peers evtxexport and evtx_dump", (*bench).evtx},
	{"windows", "SigmaHQ's Windows rules over Windows event logs", (*bench).windows},
	{"memory", "peak memory and time of other shapes of input", (*bench).memory},
	{"yara", "YARA rules over a tree, and over large files that are hard to scan; peer yara", (*bench).yara},
	{"linear", "time and memory of a web log of a sixteenth, a quarter and the whole of the size", (*bench).linear},
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) == 2 && args[0] == decodeOnly {
		return decode(ctx, args[1], stderr)
	}
	if len(args) == 3 && args[0] == yaraOnly {
		return yaraScan(ctx, args[1], args[2], stdout, stderr)
	}
	b := &bench{out: stdout}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&b.postern, "postern", "postern", "the `program` to measure")
	set.StringVar(&b.corpora, "corpora", "../shared/corpora", "`folder` with the corpora")
	set.IntVar(&b.runs, "runs", 3, "runs of each contender")
	set.Uint64Var(&b.seed, "seed", 1, "of what is generated")
	mib := set.Int64("mib", 1024, "size of the generated input in `MiB`")
	scratch := set.String("scratch", os.TempDir(), "`folder` for the generated input; it is removed afterwards")
	set.Func("peer", "`NAME=COMMAND` of one more tool for Windows rules; {logs} and {rules} in it are the paths; repeatable", func(s string) error {
		b.peers = append(b.peers, s)
		return nil
	})
	set.Func("tree", "`folder` of files that the section yara scans; repeatable; without any /usr/bin, /usr/lib and /usr/share", func(s string) error {
		b.trees = append(b.trees, s)
		return nil
	})
	set.Usage = func() { usage(set, stderr) }
	if err := set.Parse(args); err != nil {
		return 2
	}
	b.size = *mib << 20
	if len(b.trees) == 0 {
		b.trees = []string{"/usr/bin", "/usr/lib", "/usr/share"}
	}
	if err := b.prepare(*scratch); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if err := errors.Join(b.sections(ctx, set.Args()), os.RemoveAll(b.dir)); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	for _, f := range b.failed {
		fmt.Fprintln(stderr, "bench: failed:", f)
	}
	return min(len(b.failed), 1)
}

func usage(set *flag.FlagSet, w io.Writer) {
	fmt.Fprintln(w, "bench [flags] [SECTION...]: without any, all sections")
	for _, s := range sections {
		fmt.Fprintf(w, "  %-8s %s\n", s.name, s.what)
	}
	set.PrintDefaults()
}

// prepare finds what is measured and makes the folder of the input.
func (b *bench) prepare(scratch string) (err error) {
	path, ok := found(b.postern)
	if !ok {
		return fmt.Errorf("no program %s: build it (make bench does)", b.postern)
	}
	if b.postern, err = filepath.Abs(path); err != nil {
		return err
	}
	if b.corpora, err = filepath.Abs(b.corpora); err != nil {
		return err
	}
	b.dir, err = os.MkdirTemp(scratch, "postern-bench-")
	return err
}

func (b *bench) sections(ctx context.Context, names []string) error {
	for _, n := range names {
		if !slices.ContainsFunc(sections, func(s struct {
			name, what string
			run        func(*bench, context.Context) error
		}) bool {
			return s.name == n
		}) {
			return fmt.Errorf("no section %q: see bench -h", n)
		}
	}
	fmt.Fprintf(b.out, "%s, %s, %d CPUs, %s/%s, runs: %d, medians\n", time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, b.runs)
	for _, s := range sections {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		fmt.Fprintf(b.out, "\n%s: %s\n", s.name, s.what)
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// fail says that a result is not what it has to be.
func (b *bench) fail(format string, args ...any) {
	b.failed = append(b.failed, fmt.Sprintf(format, args...))
}

// missing says that a peer was not measured.
func (b *bench) missing(name, install string) {
	fmt.Fprintf(b.out, "not measured: %s: install %s\n", name, install)
}

// folder makes a folder for one input, and removes the one of the input before.
func (b *bench) folder(name string) (string, error) {
	if err := os.RemoveAll(filepath.Join(b.dir, "in")); err != nil {
		return "", err
	}
	dir := filepath.Join(b.dir, "in", name)
	return dir, os.MkdirAll(dir, 0o755)
}

// processor is the machine's CPU, as far as it is told.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}
