package main

import (
	"github.com/spf13/cobra"

	"postern/report/page"
	"postern/target"
)

func scanCommand() *cobra.Command {
	f := checkFlags{scan: true, rate: target.PoliteRate, maxAge: maxAge, output: outputFlags{text: page.Text}}
	cmd := &cobra.Command{
		Use:   "scan [PATH...]",
		Short: "Scan files alone: what somebody left behind",
		Long: `Scan files: web shells, what attackers drop and change, your own YARA rules, lists
and hashes. This is check narrowed to files: one question is asked, compromised now,
and the others read not-examined.

A PATH is a folder or a file, all of which is scanned, as a web root may be; an
archive, whose files are; or a machine: a mounted image, a collection. Of a machine,
and of this host when no PATH is named, the telling places are scanned, and
everything with --thorough. Run as root or administrator. Nothing is changed.`,
		Example: `  postern scan
  postern scan --thorough --budget 20m --read-rate 50MiB
  postern scan /var/www 'D:\Sites\shop' --yara rules
  postern scan /mnt/image --thorough --exclude 'C:/Windows/WinSxS'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.examine(cmd, args, "whose files nobody sees")
		},
	}
	cmd.Flags().SortFlags = false
	f.addEvidence(cmd)
	f.addFiles(cmd)
	f.addWork(cmd)
	return cmd
}
