package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"postern/report"
	"postern/report/page"
)

// outputFlags say where a report goes.
type outputFlags struct {
	json, force bool
	dir         string
}

func (f *outputFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print the report as JSON")
	fl.StringVar(&f.dir, "out", "", "write report.json and report.txt into `DIR` too")
	fl.BoolVar(&f.force, "force", false, "with --out: replace the reports that are there")
}

// document reports whether a report is asked for as a file or a stream, which
// then must come whatever happens.
func (f outputFlags) document() bool { return f.json || f.dir != "" }

// output is where results and talk go.
type output struct {
	flags          outputFlags
	stdout, stderr io.Writer
}

var reportFiles = []string{"report.json", "report.txt"}

// open makes sure, before any work is done, that the report can be written.
func (f outputFlags) open(cmd *cobra.Command) (output, error) {
	o := output{f, cmd.OutOrStdout(), cmd.ErrOrStderr()}
	if f.dir == "" {
		if f.force {
			return o, errors.New("--force says what --out may do; give --out too")
		}
		return o, nil
	}
	for _, name := range reportFiles {
		path := filepath.Join(f.dir, name)
		if _, err := os.Lstat(path); err == nil && !f.force {
			return o, fmt.Errorf("%q is there already; name another folder with --out or add --force", path)
		}
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return o, failed("--out: %w", err)
	}
	return o, nil
}

// apart refuses to write into a folder that is to be examined.
func (f outputFlags) apart(targets []named) error {
	if f.dir == "" {
		return nil
	}
	out := resolved(f.dir)
	for _, t := range targets {
		info, err := os.Stat(t.target)
		if t.target == "" || err != nil || !info.IsDir() {
			continue
		}
		if rel, err := filepath.Rel(resolved(t.target), out); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return fmt.Errorf("--out %q lies inside the evidence %q, which is only read; name a folder elsewhere", f.dir, t.target)
		}
	}
	return nil
}

// resolved is a path without links, as far as it exists.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	dir := filepath.Dir(abs)
	if dir == abs {
		return abs
	}
	return filepath.Join(resolved(dir), filepath.Base(abs))
}

// write prints the report and, with --out, writes it in both forms. The files
// come first: what is on a screen alone is lost.
func (o *output) write(r *report.Report) error {
	var errs []error
	if o.flags.dir != "" {
		errs = append(errs,
			o.file("report.json", r.WriteJSON),
			o.file("report.txt", func(w io.Writer) error { return page.Text(w, r, page.Look{}) }))
	}
	if o.flags.json {
		errs = append(errs, r.WriteJSON(o.stdout))
	} else {
		errs = append(errs, page.Text(o.stdout, r, look(o.stdout)))
	}
	if err := errors.Join(errs...); err != nil {
		return &exit{exitFailed, err}
	}
	return nil
}

func (o *output) file(name string, write func(io.Writer) error) (err error) {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	path := filepath.Join(o.flags.dir, name)
	if o.flags.force {
		// A link planted in the report's place must not be followed.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(path, mode, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// look is colour on a terminal only, unless NO_COLOR (no-color.org) is set,
// and 80 columns or fewer.
func look(w io.Writer) page.Look {
	l := page.Look{Width: 80}
	fd, ok := terminal(w)
	if !ok {
		return l
	}
	l.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(fd); err == nil && width > 0 {
		l.Width = min(width, l.Width)
	}
	return l
}

func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// talk says something on standard error; what comes from evidence is escaped.
func (o *output) talk(format string, args ...any) {
	fmt.Fprintf(o.stderr, "postern: %s\n", report.Clean(fmt.Sprintf(format, args...)))
}
