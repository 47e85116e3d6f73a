package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"postern/report"
	"postern/report/diff"
	"postern/report/page"
)

func reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Work with written reports",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(renderCommand(), mergeCommand(), diffCommand(), schemaCommand())
	return cmd
}

func mergeCommand() *cobra.Command {
	var f outputFlags
	cmd := &cobra.Command{
		Use:   "merge REPORT...",
		Short: "Make one table of several reports",
		Long: `Make one report of several that --json or --out wrote. Every target stays as it
was answered; answers of one host are merged worst first, and a no for one never
reads as a no for all.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := f.open(cmd)
			if err != nil {
				return err
			}
			all, err := readReports(cmd, args)
			if err != nil {
				return err
			}
			merged := report.Merge(all...)
			if err := out.write(merged); err != nil {
				return err
			}
			return answered(merged)
		},
	}
	f.add(cmd)
	return cmd
}

// readReports reads reports, - being standard input, and warns of what it does
// not know in them.
func readReports(cmd *cobra.Command, paths []string) (all []*report.Report, err error) {
	for _, path := range paths {
		r, err := readReport(cmd.InOrStdin(), path)
		if err != nil {
			return nil, &exit{exitFailed, err}
		}
		if field := r.Unknown(); field != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "postern: %s: has a field %q that this version does not know; it is neither shown nor kept. Update postern.\n", report.Clean(path), field)
		}
		all = append(all, r)
	}
	return all, nil
}

func readReport(stdin io.Reader, path string) (*report.Report, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	r, err := report.Read(bufio.NewReader(in))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

var formats = []string{"text", "json", "csv", "html"}

func renderCommand() *cobra.Command {
	var format, table, out string
	var asJSON, force bool
	cmd := &cobra.Command{
		Use:   "render REPORT...",
		Short: "Show written reports as text, JSON, CSV or HTML",
		Long: `Show reports that --json or --out wrote, several merged into one. HTML is one
file that opens offline; CSV is one table with the host in every row. A report -
is standard input.`,
		Example: `  postern report render report.json
  postern report render *.json --format html --out all.html
  postern report render report.json --format csv --table coverage`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON {
				format = "json"
			}
			if !slices.Contains(formats, format) || !slices.Contains(page.Tables(), table) {
				return fmt.Errorf("--format is one of %s, and --table of %s", strings.Join(formats, ", "), strings.Join(page.Tables(), ", "))
			}
			if out != "" {
				if err := mayWrite(out, force); err != nil {
					return err
				}
			}
			all, err := readReports(cmd, args)
			if err != nil {
				return err
			}
			r := all[0]
			if len(all) > 1 {
				r = report.Merge(all...)
			}
			if err := render(cmd.OutOrStdout(), r, format, table, out, force); err != nil {
				return &exit{exitFailed, err}
			}
			return answered(r)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&format, "format", "text", "`FORM`: text, json, csv or html")
	fl.StringVar(&table, "table", "findings", "`TABLE` of csv: findings, vulnerabilities or coverage")
	fl.StringVar(&out, "out", "", "write to `FILE` instead of standard output")
	fl.BoolVar(&force, "force", false, "with --out: replace the file that is there")
	fl.BoolVar(&asJSON, "json", false, "the same as --format json")
	complete(cmd, "format", formats)
	complete(cmd, "table", page.Tables())
	return cmd
}

func render(stdout io.Writer, r *report.Report, format, table, out string, force bool) error {
	write := func(w io.Writer) error { return forms[format](w, r) }
	switch {
	case format == "csv":
		write = func(w io.Writer) error { return page.CSV(w, r, table) }
	case format == "text" && out == "":
		write = func(w io.Writer) error { return page.Text(w, r, look(w)) }
	}
	if out == "" {
		return write(stdout)
	}
	return writeFile(out, force, write)
}

func diffCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Tell what changed between two reports of the same hosts",
		Long: `Tell what changed: answers, readings, builds, findings, and what was read. A
finding that is gone is "no longer seen", never "fixed"; where less was read than
before it says so, and nothing follows from its absence.

Here the exit codes answer: did it get worse? 1: an answer or a reading got worse,
a CVE applies that did not, or a finding is new or graver (scans and failed
attempts apart). 3: nothing is seen to be worse, but less was read. 0: neither.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && args[1] == "-" {
				return errors.New("standard input is one report; name a file for the other")
			}
			both, err := readReports(cmd, args)
			if err != nil {
				return err
			}
			d, out := diff.Compare(both[0], both[1]), cmd.OutOrStdout()
			if asJSON {
				err = d.WriteJSON(out)
			} else {
				err = page.Diff(out, d, look(out))
			}
			switch {
			case err != nil:
				return &exit{exitFailed, err}
			case d.Worse:
				return &exit{code: exitYes}
			case d.LessRead:
				return &exit{code: exitUnknown}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON (postern.diff/1)")
	return cmd
}

func schemaCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:       "schema [report|diff]",
		Short:     "Print the JSON schema of the report, or of report diff",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"report", "diff"},
		RunE: func(cmd *cobra.Command, args []string) error {
			text := report.JSONSchema()
			if len(args) == 1 && args[0] == "diff" {
				text = diff.JSONSchema()
			}
			if _, err := cmd.OutOrStdout().Write(text); err != nil {
				return failed("write: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", true, "the schema is JSON as it is")
	return cmd
}
