package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"postern/cmd/postern/manual"
)

func manCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages into a folder",
		Long: `Write a man page for every command and help topic into a folder, as
postern-check.1. Read one with: man ./postern-check.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return failed("man: %w", err)
			}
			root := cmd.Root()
			root.InitDefaultCompletionCmd()
			for _, p := range manual.Pages(root, identity().Version, strings.TrimPrefix(exitTable(), "Exit codes:\n")) {
				path := filepath.Join(args[0], p.Name+".1")
				if err := mayWrite(path, force); err != nil {
					return err
				}
				if err := writeFile(path, force, func(w io.Writer) error { _, err := io.WriteString(w, p.Text); return err }); err != nil {
					return failed("man: %w", err)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the pages that are there")
	return cmd
}
