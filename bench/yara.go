package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"postern/detect/yara"
)

// yaraOnly makes this program scan a list of files with the rules of a folder:
// the engine alone, as a process like the others. It prints "FILE: RULE" for each
// match, as yara does.
const yaraOnly = "yara-only"

// yaraExternals are the variables that the corpora's rules expect.
var yaraExternals = map[string]any{"filename": "", "filepath": "", "extension": "", "filetype": "", "owner": ""}

func yaraScan(ctx context.Context, rules, list string, stdout, stderr io.Writer) int {
	debug.SetMemoryLimit(200 << 20) // as the product has it
	start := time.Now()
	sources, err := yaraSources(rules)
	names, listErr := os.ReadFile(list)
	if err = cmp.Or(err, listErr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	set, errs := yara.Compile(sources, yara.Options{Externals: yaraExternals})
	for _, e := range errs {
		fmt.Fprintln(stderr, "bench:", e)
	}
	fmt.Fprintf(stderr, "started after %.2f s\n", time.Since(start).Seconds())
	out := bufio.NewWriter(stdout)
	for name := range strings.Lines(string(names)) {
		name = strings.TrimSuffix(name, "\n")
		err := yaraScanFile(ctx, set, name, func(m yara.Match) { fmt.Fprintf(out, "%s %s\n", m.Rule.Name, name) })
		if err != nil {
			fmt.Fprintf(stderr, "bench: %s: %v\n", name, err)
		}
	}
	if out.Flush() != nil || len(errs) > 0 {
		return 1
	}
	return 0
}

func yaraSources(dir string) (all []yara.Source, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yar"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		all = append(all, yara.Source{Name: filepath.Base(f), Text: text})
	}
	if len(all) == 0 && err == nil {
		err = fmt.Errorf("no rules in %s", dir)
	}
	return all, err
}

func yaraScanFile(ctx context.Context, set *yara.Rules, name string, found func(yara.Match)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return set.Scan(ctx, f, info.Size(), nil, found)
}

// yara holds a tree, and then single large files that are hard in one way each,
// against the corpora's rules.
func (b *bench) yara(ctx context.Context) error {
	rules := filepath.Join(b.corpora, "yara", "signature-base", "yara")
	sources, err := yaraSources(rules)
	if err != nil {
		fmt.Fprintln(b.out, "not measured:", err)
		return nil
	}
	compiled, err := b.compileForYara(ctx, rules, sources)
	if err != nil {
		b.missing("yara", "Debian's yara, with yarac: "+err.Error())
	}
	roots := append(b.trees, filepath.Join(b.corpora, "evtx"), filepath.Join(b.corpora, "yara"))
	in, list, err := b.listTree(roots)
	if err != nil {
		return err
	}
	b.holdYara(ctx, in, rules, compiled, list)
	for _, s := range hardContents(b.seed) {
		dir, err := b.folder("content")
		if err != nil {
			return err
		}
		name := filepath.Join(dir, "content")
		if err := s.write(name, b.size); err != nil {
			return err
		}
		list := filepath.Join(b.dir, "list")
		if err := os.WriteFile(list, []byte(name+"\n"), 0o600); err != nil {
			return err
		}
		b.holdYara(ctx, input{name: s.name, bytes: sizeOf(name), unit: "-"}, rules, compiled, list)
	}
	return nil
}

// holdYara measures one list of files.
func (b *bench) holdYara(ctx context.Context, in input, rules, compiled, list string) {
	self, err := os.Executable()
	if err != nil {
		b.fail("%v", err)
		return
	}
	matches := func(out string) string { return fmt.Sprintf("%d matches", strings.Count(out, "\n")) }
	all := []contender{{name: "postern's engine, compiling included", args: []string{self, yaraOnly, rules, list}, judge: matches}}
	if compiled != "" {
		all = append(all, contender{name: "yara -p 1, compiled rules", args: []string{"yara", "-w", "-p", "1", "-C", "--scan-list", compiled, list}, codes: []int{1}, judge: matches, peer: true})
	}
	results := measure(ctx, b.runs, all)
	b.print(in, results)
	if results[0].rss > bound {
		b.fail("%s: %d MiB at the peak, more than %d", in.name, results[0].rss>>20, bound>>20)
	}
}

// compileForYara compiles the rules with yarac, each file in a namespace of its own.
func (b *bench) compileForYara(ctx context.Context, rules string, sources []yara.Source) (string, error) {
	args := []string{"-w"}
	for name := range yaraExternals {
		args = append(args, "-d", name+"=")
	}
	for _, s := range sources {
		args = append(args, s.Name+":"+filepath.Join(rules, s.Name))
	}
	compiled := filepath.Join(b.dir, "compiled")
	out, err := exec.CommandContext(ctx, "yarac", append(args, compiled)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w %.200s", err, out)
	}
	return compiled, nil
}

// largest is the size of the largest file of a tree that is listed.
const largest = 64 << 20

// listTree lists the regular files below the roots, as many as their share of the
// size holds.
func (b *bench) listTree(roots []string) (in input, list string, err error) {
	in = input{name: "files of " + strings.Join(roots, ", "), unit: "files"}
	var names strings.Builder
	for _, root := range roots {
		left := b.size / int64(len(b.trees)+1)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // what is not readable is read by nobody
			}
			size := sizeOf(path)
			if size == 0 || size > largest || strings.Contains(path, "\n") {
				return nil
			}
			if left -= size; left < 0 {
				return fs.SkipAll
			}
			in.bytes, in.units = in.bytes+size, in.units+1
			names.WriteString(path + "\n")
			return nil
		})
		if err != nil {
			return in, "", err
		}
	}
	list = filepath.Join(b.dir, "tree")
	return in, list, os.WriteFile(list, []byte(names.String()), 0o600)
}

// hardContents are contents that cost an engine much.
func hardContents(seed uint64) []shape {
	random := rand.New(rand.NewPCG(seed, 0))
	repeated := func(block func(i int) []byte) func(name string, size int64) error {
		return func(name string, size int64) error {
			return create(name, func(w *bufio.Writer) error {
				written := int64(0)
				for i := 0; written < size; i++ {
					n, err := w.Write(block(i))
					if written += int64(n); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	noise := make([]byte, 1<<16)
	return []shape{
		{"zeros, a sparse file", func(name string, size int64) error {
			f, err := os.Create(name)
			if err == nil {
				err = cmp.Or(f.Truncate(size), f.Close())
			}
			return err
		}},
		{"random bytes", repeated(func(int) []byte {
			for i := 0; i < len(noise); i += 8 {
				binary.LittleEndian.PutUint64(noise[i:], random.Uint64())
			}
			return noise
		})},
		{"one letter", repeated(func(int) []byte { return []byte(strings.Repeat("A", 1<<16)) })},
		{"dense hits of many strings", repeated(func(i int) []byte {
			return []byte(denseWords[i%len(denseWords)] + denseWords[random.IntN(len(denseWords))] + "\r\n")
		})},
	}
}

// denseWords are texts that many rules ask for.
var denseWords = []string{"eval(base64_decode(", "cmd.exe /c ", "powershell.exe -nop -w hidden ", "VirtualAlloc", "WriteProcessMemory", "MZ\x90\x00",
	"This program cannot be run in DOS mode", "http://", "https://", "CreateRemoteThread", "\\AppData\\", "Mozilla/5.0", "<?php ", "rundll32.exe ", "kernel32.dll", "Invoke-Mimikatz", "FromBase64String(", "System.Reflection", "exec(", "passwd"}
