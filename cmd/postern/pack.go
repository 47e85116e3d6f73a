package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/detect"
	"postern/pack"
	"postern/report"
)

func packCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pack",
		Short: "Write, check and read packs: what is known of an advisory",
		Long: `A pack is a folder of data about one product and its advisories; the pack guide
(postern help pack-guide) says how one is written.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(packNewCommand(), packLintCommand(), packTestCommand(), packShowCommand(), packSchemaCommand())
	return cmd
}

func packLintCommand() *cobra.Command {
	var asJSON bool
	var clock string
	cmd := &cobra.Command{
		Use:   "lint DIR...",
		Short: "Say everything that is wrong with packs, and where",
		Long: `Load and compile each pack, or every pack one folder below, as check does, and
print all that is wrong with file, line and column. Warnings refuse nothing:
slow patterns, rules without references or a first day, days in the future.

Exit codes: 0 no faults (there may be warnings), 1 faults, 2 usage, 4 a folder
could not be read.`,
		Example: "  postern pack lint mypack\n  postern pack lint --json packs",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			now, err := clockOr(clock)
			if err != nil {
				return err
			}
			return lint(cmd.OutOrStdout(), dirs, now, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	addClock(cmd, &clock)
	return cmd
}

// addClock adds the hidden --now, for tests.
func addClock(cmd *cobra.Command, clock *string) {
	cmd.Flags().StringVar(clock, "now", "", "the clock, for tests")
	if err := cmd.Flags().MarkHidden("now"); err != nil {
		cmd.Long += "\n(" + err.Error() + ")" // only if the flag above is renamed
	}
}

func clockOr(written string) (time.Time, error) {
	now, err := parseTime("now", written, nil)
	if err == nil && now.IsZero() {
		now = time.Now().UTC()
	}
	return now, err
}

// linted is what is wrong with one pack.
type linted struct {
	Dir      string `json:"dir"`
	ID       string `json:"id,omitempty"`
	Revision string `json:"revision,omitempty"`
	Faults   []flaw `json:"faults"`
	Warnings []flaw `json:"warnings"`
}

type flaw struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	What   string `json:"what"`
}

func (f flaw) place() string {
	switch {
	case f.File == "":
		return ""
	case f.Line == 0:
		return f.File + ": "
	}
	return fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
}

func lint(out io.Writer, dirs []string, now time.Time, asJSON bool) error {
	var all []linted
	for _, dir := range dirs {
		found, err := folders(os.DirFS(dir), dir)
		if err != nil {
			return &exit{exitFailed, err}
		}
		for _, f := range found {
			one, err := lintOne(f, now)
			if err != nil {
				return &exit{exitFailed, err}
			}
			all = append(all, one)
		}
	}
	faulty := false
	for _, l := range all {
		faulty = faulty || len(l.Faults) > 0
	}
	if asJSON {
		err := writeJSON(out, struct {
			Schema string   `json:"schema"`
			Packs  []linted `json:"packs"`
		}{"postern.lint/1", all})
		if err != nil {
			return err
		}
	} else {
		printLinted(out, all)
	}
	if faulty {
		return &exit{code: exitFault}
	}
	return nil
}

func printLinted(out io.Writer, all []linted) {
	for _, l := range all {
		for _, f := range l.Faults {
			fmt.Fprintf(out, "%s%s\n", f.place(), report.Clean(f.What))
		}
		for _, f := range l.Warnings {
			fmt.Fprintf(out, "%swarning: %s\n", f.place(), report.Clean(f.What))
		}
		fmt.Fprintf(out, "%s: %s, %s\n", l.Dir, count(len(l.Faults), "fault"), count(len(l.Warnings), "warning"))
	}
}

// count is "no faults", "1 fault", "2 faults".
func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lintOne loads and compiles a pack. Its error is of a folder that cannot be read.
func lintOne(f folder, now time.Time) (linted, error) {
	out := linted{Dir: f.path, Faults: []flaw{}, Warnings: []flaw{}}
	p, warnings, err := pack.Lint(f, now)
	for _, w := range warnings {
		out.Warnings = append(out.Warnings, flawed(f.path, w))
	}
	if err == nil {
		out.ID, out.Revision = p.ID, p.Revision
		for _, w := range compiledYARA(p).Warnings() {
			out.Warnings = append(out.Warnings, flaw{filepath.Join(f.path, w.File), w.Line, w.Column, w.Message})
		}
		_, _, err = detect.Compile([]*pack.Pack{p}, detect.Options{Now: now, Parts: everyPart})
	}
	for _, e := range each(err) {
		var unread *fs.PathError
		if errors.As(e, &unread) {
			return out, fmt.Errorf("%s: %w", f.path, e)
		}
		out.Faults = append(out.Faults, flawed(f.path, e))
	}
	return out, nil
}

// each lists the errors that were joined into one.
func each(err error) []error {
	if err == nil {
		return nil
	}
	switch e := err.(type) { //nolint:errorlint // the error itself is asked, not its chain
	case *pack.Fault:
		return []error{e}
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, each(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		var fault *pack.Fault
		if inner := each(e.Unwrap()); len(inner) > 1 || errors.As(err, &fault) {
			return inner
		}
	}
	return []error{err}
}

func flawed(dir string, err error) flaw {
	var fault *pack.Fault
	if !errors.As(err, &fault) {
		return flaw{What: err.Error()}
	}
	return flaw{filepath.Join(dir, fault.File), fault.Line, fault.Column, fault.Err.Error()}
}

func packSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema FILE",
		Short:     "Print the JSON schema of a pack's file, for editors",
		Long:      "Print the JSON schema of a pack's file, for editors. FILE is one of\n" + strings.Join(pack.SchemaNames(), ", ") + ".",
		Args:      cobra.ExactArgs(1),
		ValidArgs: pack.SchemaNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := pack.Schema(args[0])
			if err != nil {
				return err
			}
			if _, err := cmd.OutOrStdout().Write(text); err != nil {
				return failed("write: %w", err)
			}
			return nil
		},
	}
}
