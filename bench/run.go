package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"time"
)

// A contender is a program that is given the same input as the others.
type contender struct {
	name  string
	args  []string                // the program and what it is told
	codes []int                   // exit codes that mean it did its work
	judge func(out string) string // what it found, from what it printed; nil: its output goes nowhere
	peer  bool                    // what the others are held against
}

// took is what one run took.
type took struct {
	wall, cpu time.Duration
	rss       int64 // bytes at the peak; never below this program's own
}

// result is the medians of the runs of one contender.
type result struct {
	contender
	took
	runs  int
	found string
	err   error
}

// measure runs the contenders in turn, rounds times each.
func measure(ctx context.Context, rounds int, all []contender) []result {
	results := make([]result, len(all))
	times := make([][]took, len(all))
	for range rounds {
		for i, c := range all {
			results[i].contender = c
			if results[i].err != nil {
				continue
			}
			t, out, err := once(ctx, c)
			if err != nil {
				results[i].err = err
				continue
			}
			times[i] = append(times[i], t)
			if c.judge != nil {
				results[i].found = c.judge(out)
			}
		}
	}
	for i, t := range times {
		results[i].runs, results[i].took = len(t), medians(t)
	}
	return results
}

func medians(all []took) took {
	if len(all) == 0 {
		return took{}
	}
	return took{
		wall: median(all, func(t took) time.Duration { return t.wall }),
		cpu:  median(all, func(t took) time.Duration { return t.cpu }),
		rss:  median(all, func(t took) int64 { return t.rss }),
	}
}

func median[T cmp.Ordered](all []took, of func(took) T) T {
	var values []T
	for _, t := range all {
		values = append(values, of(t))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// once runs a contender. Only what is judged is kept of its output.
func once(ctx context.Context, c contender) (took, string, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	said := &tail{}
	cmd.Stderr = said
	var out bytes.Buffer
	if c.judge != nil {
		cmd.Stdout = &out
	} // else nil: the null device
	forgetPeak()
	start := time.Now()
	err := cmd.Run()
	t := took{wall: time.Since(start)}
	if cmd.ProcessState == nil {
		return t, "", err
	}
	t.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.rss = peak(cmd.ProcessState)
	if code := cmd.ProcessState.ExitCode(); code != 0 && !slices.Contains(c.codes, code) {
		return t, "", errors.Join(err, errors.New(string(said.b)))
	}
	return t, out.String(), nil
}

// count runs a contender and counts mark in what it prints.
func count(ctx context.Context, c contender, mark string) (int64, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	n := &counter{mark: []byte(mark)}
	cmd.Stdout = n
	err := cmd.Run()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 0 && !slices.Contains(c.codes, cmd.ProcessState.ExitCode()) {
		return n.n, err
	}
	return n.n, nil
}

// counter counts a mark in what is written to it.
type counter struct {
	mark, rest []byte
	n          int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	c.n += int64(bytes.Count(c.rest, c.mark))
	if keep := len(c.mark) - 1; len(c.rest) > keep {
		c.rest = append(c.rest[:0], c.rest[len(c.rest)-keep:]...)
	}
	return len(p), nil
}

// tail keeps the last of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 500 {
		t.b = append(t.b[:0], t.b[len(t.b)-500:]...)
	}
	return len(p), nil
}

// found looks for programs of this name.
func found(name string) (path string, ok bool) {
	path, err := exec.LookPath(name)
	return path, err == nil
}

// sizeOf is the bytes of a file.
func sizeOf(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}
