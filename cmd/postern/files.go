package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/collect"
	"postern/evidence"
)

// fileFlags are the options for the work on files.
type fileFlags struct {
	thorough         bool
	exclude          []string
	budget, fileTime time.Duration
	readRate         string
	cpu              int

	excluded []collect.Exclusion
	rate     int64 // bytes a second, of readRate; 0: not said
}

// addFiles adds the options that say which files are read, and how.
func (f *checkFlags) addFiles(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.yara, "yara", nil, "`DIR` or file with YARA rules of your own; repeatable")
	fl.StringArrayVar(&f.define, "define", nil, "`NAME=VALUE` of an external variable of your YARA rules; repeatable")
	fl.BoolVar(&f.thorough, "thorough", false, "scan every file, and not the telling places alone")
	fl.StringArrayVar(&f.exclude, "exclude", nil, "`PATTERN` of paths that are not scanned (* within a name, ** across folders); what it leaves out stays a gap; repeatable")
	fl.DurationVar(&f.budget, "budget", 0, "end in so much `TIME`, as 20m; what is left stays a gap")
	fl.DurationVar(&f.fileTime, "file-timeout", time.Minute, "`TIME` that one file may take, a large one up to ten times as long; else it is not checked, and a gap")
	fl.IntVar(&f.cpu, "cpu", 0, "use so many processors at most; 0: all")
	fl.StringVar(&f.readRate, "read-rate", "", "read at most so much of files a second, `SIZE` as 50MiB")
}

// parse reads what the options say.
func (f *fileFlags) parse() error {
	for _, text := range f.exclude {
		pattern, err := globbed(text)
		if err != nil {
			return err
		}
		f.excluded = append(f.excluded, collect.Exclusion{Text: text, Pattern: pattern})
	}
	if f.budget < 0 || f.fileTime < 0 || f.cpu < 0 {
		return errors.New("--budget, --file-timeout and --cpu must be above zero")
	}
	if f.readRate == "" {
		return nil
	}
	var err error
	if f.rate, err = parseSize(f.readRate); err != nil {
		return fmt.Errorf("--read-rate %q: write a size as 50MiB", f.readRate)
	}
	return nil
}

// globbed makes a pattern over a machine's path of what the operator wrote. It
// holds for a folder and all below it; one without a slash holds for a name
// anywhere.
func globbed(text string) (*regexp.Regexp, error) {
	path := strings.Trim(strings.ToLower(strings.ReplaceAll(text, `\`, "/")), "/")
	if path == "" {
		return nil, fmt.Errorf("--exclude %q leaves everything out", text)
	}
	var p strings.Builder
	p.WriteString("^/?")
	if !strings.Contains(path, "/") {
		p.WriteString("(.*/)?")
	}
	for i := 0; i < len(path); i++ {
		switch {
		case strings.HasPrefix(path[i:], "**"):
			p.WriteString(".*")
			i++
		case path[i] == '*':
			p.WriteString("[^/]*")
		case path[i] == '?':
			p.WriteString("[^/]")
		default:
			p.WriteString(regexp.QuoteMeta(path[i : i+1]))
		}
	}
	p.WriteString("(/|$)")
	return regexp.Compile("(?s)" + p.String())
}

// budgetError is why work ended before its end.
type budgetError struct{ budget time.Duration }

func (e budgetError) Error() string {
	return fmt.Sprintf("the budget of %v was used up", e.budget)
}

// Unwrap says what kind of error it is.
func (budgetError) Unwrap() error { return evidence.ErrBudget }

// within bounds the work by the budget, and leaves some of it for the report.
func (f *fileFlags) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.budget == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, f.budget-min(f.budget/20, 10*time.Second), budgetError{f.budget})
}

// collecting says how collectors work.
func (f *checkFlags) collecting() collect.Options {
	return collect.Options{Workers: f.readers(), FileTime: f.fileTime, Rate: f.fileFlags.rate, Exclude: f.excluded}
}
