package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const listName = "indicators.txt"

// posternCodes are the exit codes of postern that mean that it answered.
var posternCodes = []int{0, 1, 3}

// weblog is a generated web log with its list beside its folder.
type weblog struct {
	input
	file, list string
	planted    int64
}

func (b *bench) weblog(size int64) (l weblog, err error) {
	dir, err := b.folder("iis")
	if err != nil {
		return l, err
	}
	g := newIIS(b.seed)
	l = weblog{file: filepath.Join(dir, webLog), list: filepath.Join(b.dir, listName)}
	l.input = input{name: "IIS log", unit: "lines"}
	if err := os.WriteFile(l.list, []byte(strings.Join(g.listed.lines(), "\n")+"\n"), 0o600); err != nil {
		return l, err
	}
	err = create(l.file, func(w *bufio.Writer) (err error) {
		l.units, l.planted, err = g.write(w, size)
		return err
	})
	l.bytes = sizeOf(l.file)
	return l, err
}

// check is postern's command over logs, with SigmaHQ's web rules where they are,
// and the list.
func (b *bench) check(l weblog) (args []string, rules bool) {
	args = []string{b.postern, "check", l.file, "--json", "--ioc", l.list}
	folder := filepath.Join(b.corpora, "sigma", "rules", "web")
	if _, err := os.Stat(folder); err != nil {
		return args, false
	}
	return append(args, "--sigma", folder), true
}

func (b *bench) web(ctx context.Context) error {
	l, err := b.weblog(b.size)
	if err != nil {
		return err
	}
	args, rules := b.check(l)
	if !rules {
		fmt.Fprintln(b.out, "not measured: SigmaHQ's web rules: no corpora in", b.corpora)
	}
	all := []contender{
		{name: "postern, pack, rules, indicators", args: args, codes: posternCodes, judge: listed},
		{name: "postern, pack alone", args: []string{b.postern, "check", l.file, "--json"}, codes: posternCodes},
	}
	if path, ok := found("rg"); ok {
		all = append(all, contender{name: "ripgrep -c -F -f", args: []string{path, "-c", "-F", "-f", l.list, l.file}, judge: strings.TrimSpace, peer: true})
	} else {
		b.missing("ripgrep", "Debian's ripgrep")
	}
	if path, ok := found("grep"); ok {
		all = append(all, contender{name: "grep -c -F -f", args: []string{path, "-c", "-F", "-f", l.list, l.file}, judge: strings.TrimSpace})
	}
	results := measure(ctx, b.runs, all)
	b.print(l.input, results)
	for _, r := range results {
		if r.judge != nil && r.err == nil && r.found != fmt.Sprint(l.planted) {
			b.fail("%s found %s lines with an indicator, not %d", r.name, r.found, l.planted)
		}
	}
	return nil
}

// listed is how many records a report names for the list.
func listed(out string) string {
	var n int64
	for _, f := range findings(out) {
		if strings.Contains(f.Rule, listName+":") {
			n += f.Count
		}
	}
	return fmt.Sprint(n)
}

// finding is what this program reads of a report's findings.
type finding struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
}

func findings(out string) (all []finding) {
	var report struct {
		Targets []struct {
			Findings []finding `json:"findings"`
		} `json:"targets"`
	}
	if json.Unmarshal([]byte(out), &report) != nil {
		return nil
	}
	for _, t := range report.Targets {
		all = append(all, t.Findings...)
	}
	return all
}

func (b *bench) linear(ctx context.Context) error {
	for _, part := range []int64{16, 4, 1} {
		l, err := b.weblog(b.size / part)
		if err != nil {
			return err
		}
		args, _ := b.check(l)
		b.print(l.input, measure(ctx, b.runs, []contender{{name: "postern", args: args, codes: posternCodes, judge: listed}}))
	}
	return nil
}
