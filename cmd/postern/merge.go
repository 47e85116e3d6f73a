package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"postern/report"
)

func reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Work with written reports",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(mergeCommand(), schemaCommand())
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
			var all []*report.Report
			for _, path := range args {
				r, err := readReport(path)
				if err != nil {
					return &exit{exitFailed, err}
				}
				all = append(all, r)
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

func readReport(path string) (*report.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := report.Read(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func schemaCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the report",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := cmd.OutOrStdout().Write(report.JSONSchema()); err != nil {
				return failed("write: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", true, "the schema is JSON as it is")
	return cmd
}
