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
	json, force    bool
	dir, html, csv string
	timeline       string
	quiet          bool   // no progress
	text           layout // nil: page.Text
}

// layout writes a report for a terminal.
type layout func(io.Writer, *report.Report, page.Look) error

func (f *outputFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print the report as JSON")
	fl.StringVar(&f.dir, "out", "", "write report.json, .txt, .html and .csv into `DIR` too")
	fl.StringVar(&f.html, "html", "", "write the report for a browser to `FILE` too")
	fl.StringVar(&f.csv, "csv", "", "write the findings for a spreadsheet to `FILE` too")
	fl.BoolVar(&f.force, "force", false, "replace the reports that are there")
}

// screen writes a report for a terminal.
func (f outputFlags) screen(w io.Writer, r *report.Report, look page.Look) error {
	if f.text != nil {
		return f.text(w, r, look)
	}
	return page.Text(w, r, look)
}

// document reports whether a report is asked for as a file or a stream, which
// then must come whatever happens.
func (f outputFlags) document() bool { return f.json || len(f.files()) > 0 }

// output is where results and talk go.
type output struct {
	flags          outputFlags
	stdout, stderr io.Writer
}

// form writes a report in one form.
type form func(io.Writer, *report.Report) error

var forms = map[string]form{
	"json": func(w io.Writer, r *report.Report) error { return r.WriteJSON(w) },
	"text": func(w io.Writer, r *report.Report) error { return page.Text(w, r, page.Look{}) },
	"html": page.HTML,
	"csv":  func(w io.Writer, r *report.Report) error { return page.CSV(w, r, "findings") },
}

// reportFile is one file to write.
type reportFile struct {
	path  string
	write form
}

// files are what is to be written beside the screen.
func (f outputFlags) files() (all []reportFile) {
	if f.dir != "" {
		for _, n := range [][2]string{{"report.json", "json"}, {"report.txt", "text"}, {"report.html", "html"}, {"report.csv", "csv"}} {
			write := forms[n[1]]
			if n[1] == "text" {
				write = func(w io.Writer, r *report.Report) error { return f.screen(w, r, page.Look{}) }
			}
			all = append(all, reportFile{filepath.Join(f.dir, n[0]), write})
		}
	}
	if f.html != "" {
		all = append(all, reportFile{f.html, forms["html"]})
	}
	if f.csv != "" {
		all = append(all, reportFile{f.csv, forms["csv"]})
	}
	return all
}

// paths are all files to be written, the timeline among them.
func (f outputFlags) paths() (all []string) {
	for _, file := range f.files() {
		all = append(all, file.path)
	}
	if f.timeline != "" {
		all = append(all, f.timeline)
	}
	return all
}

// open makes sure, before any work is done, that the report can be written.
func (f outputFlags) open(cmd *cobra.Command) (output, error) {
	o := output{f, cmd.OutOrStdout(), cmd.ErrOrStderr()}
	files := f.files()
	if len(files) == 0 && f.timeline == "" && f.force {
		return o, errors.New("--force says what the options that write files may do; give one of them too")
	}
	for _, path := range f.paths() {
		if err := mayWrite(path, f.force); err != nil {
			return o, err
		}
	}
	if f.dir != "" {
		if err := os.MkdirAll(f.dir, 0o700); err != nil {
			return o, failed("--out: %w", err)
		}
	}
	return o, nil
}

// mayWrite refuses a file that is there already.
func mayWrite(path string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%q is a folder; name a file", path)
	case err == nil && !force:
		return fmt.Errorf("%q is there already; name another place or add --force", path)
	}
	return nil
}

// apart refuses to write into a folder that is to be examined.
func (f outputFlags) apart(targets []named) error {
	for _, t := range targets {
		info, err := os.Stat(t.target)
		if t.target == "" || err != nil || !info.IsDir() {
			continue
		}
		for _, path := range f.paths() {
			if rel, err := filepath.Rel(resolved(t.target), resolved(path)); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
				return fmt.Errorf("%q lies inside the evidence %q, which is only read; name a place elsewhere", path, t.target)
			}
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

// write prints the report and writes the files asked for. The files come
// first: what is on a screen alone is lost.
func (o *output) write(r *report.Report) error {
	var errs []error
	for _, file := range o.flags.files() {
		errs = append(errs, writeFile(file.path, o.flags.force, func(w io.Writer) error { return file.write(w, r) }))
	}
	if o.flags.json {
		errs = append(errs, r.WriteJSON(o.stdout))
	} else {
		errs = append(errs, o.flags.screen(o.stdout, r, look(o.stdout)))
	}
	if err := errors.Join(errs...); err != nil {
		return &exit{exitFailed, err}
	}
	return nil
}

// writeFile makes a file that only its owner reads, and none over another
// unless force says so.
func writeFile(path string, force bool, write func(io.Writer) error) (err error) {
	f, err := createFile(path, force)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// widest is how wide text gets on a wide terminal: lines that are longer are hard
// to read.
const widest = 120

func createFile(path string, force bool) (*os.File, error) {
	if force {
		// A link planted in the report's place must not be followed.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// look is colour on a terminal only, unless NO_COLOR (no-color.org) is set,
// and as wide as the terminal, to a limit; 80 columns where there is none.
func look(w io.Writer) page.Look {
	l := page.Look{Width: 80}
	fd, ok := terminal(w)
	if !ok {
		return l
	}
	l.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(fd); err == nil && width > 0 {
		l.Width = min(width, widest)
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
