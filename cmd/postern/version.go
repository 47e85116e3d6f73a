package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"postern/report"
)

// Stamped by the linker: -X main.version=... -X main.commit=...
var (
	version = ""
	commit  = ""
)

// identity is what this binary is: stamped, or what Go's build recorded.
func identity() report.Tool {
	tool := report.Tool{Version: version, Commit: commit}
	info, recorded := debug.ReadBuildInfo()
	if tool.Version == "" && recorded && info.Main.Version != "" && info.Main.Version != "(devel)" {
		tool.Version = info.Main.Version
	}
	if recorded {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && tool.Commit == "" {
				tool.Commit = s.Value
			}
		}
	}
	if tool.Version == "" {
		tool.Version = "devel"
	}
	if tool.Commit == "" {
		tool.Commit = "unknown"
	}
	return tool
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "This binary and the packs inside it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			packs, err := loadPacks(nil)
			if err != nil {
				return &exit{exitFailed, err}
			}
			tool := identity()
			tool.Packs = packRows(packs)
			out := cmd.OutOrStdout()
			if asJSON {
				return writeJSON(out, struct {
					report.Tool
					Go string `json:"go"`
				}{tool, runtime.Version()})
			}
			fmt.Fprintf(out, "postern %s, commit %s, %s %s/%s\n", tool.Version, tool.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			for _, p := range packs {
				fmt.Fprintf(out, "pack %s %s of %s: %s\n", p.ID, p.Revision, p.Date.Format("2006-01-02"), p.Title)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func writeJSON(out io.Writer, doc any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return failed("write: %w", err)
	}
	return nil
}
