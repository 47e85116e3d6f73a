package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"postern/evidence"
	"postern/report/page"
	"postern/target"
)

func logsCommand() *cobra.Command {
	f := checkFlags{logs: true, rate: target.PoliteRate, maxAge: maxAge, output: outputFlags{text: page.Logs}}
	cmd := &cobra.Command{
		Use:   "logs [PATH...]",
		Short: "Review logs alone: what they show, and what they cover",
		Long: `Review logs: did somebody come in since the flaws could first be used, and which
days do the logs tell of? This is check narrowed to logs: one question is asked,
compromised then, and the others read not-examined.

A PATH is a log, a folder of logs, an archive of either, or a mounted image or
collection whose logs are meant; several logs and folders are one pile, unless
--host tells them apart. Without any, the logs of this host are read: run as root
or administrator. Nothing is changed.

The period asked about begins when the oldest flaw could first be used. What
--since leaves out of it is listed as not seen.`,
		Example: `  postern logs
  postern logs /srv/logs --time-zone Europe/Berlin --as-of 2026-01-31T08:00:00Z
  postern logs Logs W3SVC1 Security.evtx --time-zone UTC
  postern logs Security.evtx --sigma rules/windows
  postern logs mail01.zip --out case/mail01`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.examine(cmd, args, "which keeps no logs")
		},
	}
	cmd.Flags().SortFlags = false
	f.addEvidence(cmd)
	f.addWork(cmd)
	return cmd
}

// examine runs a command that is check narrowed to what lies on disks. unlike says
// why that is no web address.
func (f checkFlags) examine(cmd *cobra.Command, args []string, unlike string) error {
	c, err := newCheck(cmd, f, args)
	if err != nil {
		return err
	}
	for _, n := range c.targets {
		if n.target != "" && target.IsNetwork(n.target) {
			return fmt.Errorf("%q is a web address, %s: postern check asks it", n.target, unlike)
		}
	}
	c.targets = apart(c.targets)
	return c.run(cmd.Context())
}

// apart leaves out what is named twice: what is read twice would count twice.
func apart(targets []named) (left []named) {
	for i, n := range targets {
		if !slices.ContainsFunc(targets[:i], func(o named) bool {
			return n.target != "" && o.target != "" && o.host == n.host && resolved(o.target) == resolved(n.target)
		}) {
			left = append(left, n)
		}
	}
	return left
}

// readTwice reports whether the i-th target lies in another one that reads all of
// it. Of an image only its own logs are read, so that a log of another machine
// which lies in it is a target like others.
func (c *check) readTwice(i int, made [][]*evidence.Source) bool {
	n := c.targets[i]
	for j, o := range c.targets {
		rel, err := filepath.Rel(resolved(o.target), resolved(n.target))
		if o.target != "" && n.target != "" && o.host == n.host && err == nil && rel != "." && filepath.IsLocal(rel) && target.Holds(made[j], made[i]) {
			return true
		}
	}
	return false
}
