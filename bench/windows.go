package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"postern/eventlog/evtx"
	"postern/evidence"
)

// decodeOnly makes this program decode one log and print nothing: the decoder
// alone, as a process like the others.
const decodeOnly = "decode-only"

func decode(ctx context.Context, name string, stderr io.Writer) int {
	f, err := os.Open(name)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	defer f.Close()
	if _, err := evtx.Read(ctx, f, evtx.Options{}, func(*evidence.EventBatch) error { return nil }); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// full is the bytes of records in a chunk that is as full as those of a log that
// has rolled over: most of the corpora's logs are one chunk, all but empty.
const full = 48 << 10

// eventLog writes one Windows event log of about size bytes from the corpora's
// chunks with at least so many bytes of records, over and over, but for those of
// files that sound refuses.
func (b *bench) eventLog(size int64, least int, sound func(file string) bool) (in input, file string, err error) {
	chunks, leftOut, err := chunksIn(filepath.Join(b.corpora, "evtx", "mitre"), least, sound)
	if err != nil {
		return in, "", err
	}
	if leftOut > 0 {
		fmt.Fprintf(b.out, "%d files left out, which evtxexport cannot read\n", leftOut)
	}
	dir, err := b.folder("evtx")
	if err != nil {
		return in, "", err
	}
	file = filepath.Join(dir, "Recorded.evtx")
	in = input{name: "Windows event log of recorded attacks", unit: "records"}
	in.units, _, err = writeEventLog(file, chunks, size)
	in.bytes = sizeOf(file)
	return in, file, err
}

// every takes every file.
func every(string) bool { return true }

func (b *bench) evtx(ctx context.Context) error {
	export, exports := found("evtxexport")
	readable := every
	if exports {
		readable = func(file string) bool { return exec.CommandContext(ctx, export, file).Run() == nil }
	}
	in, file, err := b.eventLog(b.size/4, full, readable)
	if err != nil {
		fmt.Fprintln(b.out, "not measured:", err)
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	all := []contender{
		{name: "postern's decoder, no output", args: []string{self, decodeOnly, file}},
		{name: "postern events (JSON)", args: []string{b.postern, "events", file}, codes: posternCodes},
	}
	marks := map[int]string{1: "\n"}
	if path, ok := found("evtx_dump"); ok {
		marks[len(all)] = "\n"
		all = append(all, contender{name: "evtx_dump, one thread (JSON)", args: []string{path, "-t", "1", "-o", "jsonl", file}, peer: true},
			contender{name: "evtx_dump, all threads (JSON)", args: []string{path, "-o", "jsonl", file}})
	} else {
		b.missing("evtx_dump", "the Rust crate evtx (cargo install evtx)")
	}
	if exports {
		marks[len(all)] = "Event number"
		all = append(all, contender{name: "evtxexport (text)", args: []string{export, file}})
	} else {
		b.missing("evtxexport", "Debian's libevtx-utils")
	}
	results := measure(ctx, b.runs, all)
	for i, mark := range marks {
		n, err := count(ctx, all[i], mark)
		if err != nil {
			continue
		}
		results[i].found = fmt.Sprintf("%d records", n)
		if i == 1 && n != in.units {
			b.fail("postern events printed %d of %d records", n, in.units)
		}
	}
	b.print(in, results)
	return nil
}

func (b *bench) windows(ctx context.Context) error {
	rules := filepath.Join(b.corpora, "sigma", "rules", "windows")
	if _, err := os.Stat(rules); err != nil {
		fmt.Fprintln(b.out, "not measured: no rules:", err)
		return nil
	}
	var units []int64
	var cpu []time.Duration
	for _, size := range []int64{b.size / 16, b.size / 4} {
		in, file, err := b.eventLog(size, 0, every)
		if err != nil {
			fmt.Fprintln(b.out, "not measured:", err)
			return nil
		}
		all := []contender{{name: "postern, rules and pack", args: []string{b.postern, "check", file, "--json", "--sigma", rules}, codes: posternCodes, judge: alerts, peer: true}}
		for _, p := range b.peers {
			name, command, _ := strings.Cut(p, "=")
			args := strings.Fields(command)
			for i, a := range args {
				args[i] = strings.NewReplacer("{logs}", filepath.Dir(file), "{log}", file, "{rules}", rules).Replace(a)
			}
			if len(args) > 0 {
				all = append(all, contender{name: name, args: args})
			}
		}
		results := measure(ctx, b.runs, all)
		b.print(in, results)
		units, cpu = append(units, in.units), append(cpu, results[0].cpu)
	}
	fmt.Fprintf(b.out, "postern beyond its start: %.0f records/s per core\n", per(units[1]-units[0], cpu[1]-cpu[0]))
	if len(b.peers) == 0 {
		b.missing("a peer for Windows rules", "one and name it, as -peer 'hayabusa=hayabusa csv-timeline -d {logs} -r {rules} -w -q -o /dev/null'")
	}
	return nil
}

// alerts is how many rules of one's own matched, and how often.
func alerts(out string) string {
	rules, n := map[string]bool{}, int64(0)
	for _, f := range findings(out) {
		rules[f.Rule] = true
		n += f.Count
	}
	return fmt.Sprintf("%d rules, %d matches", len(rules), n)
}
