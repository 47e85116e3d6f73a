package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"postern/journal"
)

// changeNothing are options that no answer depends on: a run may go on with others.
var changeNothing = []string{
	"resume", "now", "parallel", "workers", "max-memory", "rate", "inventory", "verbose", "quiet", "json", "out", "html", "csv", "force",
}

// openJournal opens or begins what --resume names, and takes the clock over from
// the run that began it: what was asked then is asked on.
func (c *check) openJournal(cmd *cobra.Command) error {
	path := c.flags.resume
	if path == "" {
		return nil
	}
	if err := (outputFlags{html: path}).apart(c.targets); err != nil {
		return err
	}
	if c.flags.output.timeline != "" {
		return errors.New("--timeline writes every sighting, and --resume keeps them counted: leave one of the two out")
	}
	asked, err := c.question(cmd)
	if err != nil {
		return failed("--resume: %w", err)
	}
	if c.journal, err = journal.Open(path, asked, c.now); err != nil {
		return failed("--resume %s: %w", path, err)
	}
	if c.now = c.journal.Now(); c.journal.Resumed() {
		c.out.talk("going on with what was begun at %s", c.now.Format(time.DateTime+" MST"))
	}
	return nil
}

// endJournal removes the journal of work that is done, and leaves that of work
// that is not. What could not be kept or used is said.
func (c *check) endJournal(ctx context.Context, written bool) {
	if c.journal == nil {
		return
	}
	for _, err := range c.journal.Troubles() {
		c.out.talk("--resume: %v", err)
	}
	var err error
	if done := written && ctx.Err() == nil; done {
		err = c.journal.Remove()
	} else {
		err = c.journal.Close()
		c.out.talk("--resume: run the command again as it was to go on from here")
	}
	if err != nil {
		c.out.talk("--resume: %v", err)
	}
}

// question is all that answers depend on, but for the evidence and the clock.
func (c *check) question(cmd *cobra.Command) ([]journal.Fact, error) {
	tool := identity()
	asked := []journal.Fact{{Name: "command", Value: cmd.Name()}, {Name: "postern", Value: tool.Version + " " + tool.Commit}}
	for _, p := range packRows(c.packs) {
		asked = append(asked, journal.Fact{Name: "pack " + p.ID, Value: fmt.Sprint("revision ", p.Revision, ", ", p.SHA256)})
	}
	for i, t := range c.targets {
		asked = append(asked, journal.Fact{Name: fmt.Sprint("target ", i+1), Value: t.target + " " + t.host})
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(changeNothing, f.Name) {
			asked = append(asked, journal.Fact{Name: "--" + f.Name, Value: f.Value.String()})
		}
	})
	for _, files := range []struct {
		option string
		paths  []string
	}{{"sigma", c.flags.sigma}, {"sigma-placeholders", c.flags.placeholders}, {"yara", c.flags.yara}, {"ioc", c.flags.ioc}} {
		if len(files.paths) == 0 {
			continue
		}
		sum, err := hashFiles(files.paths)
		if err != nil {
			return nil, err
		}
		asked = append(asked, journal.Fact{Name: "content of --" + files.option, Value: sum})
	}
	return asked, nil
}

// hashFiles is one hash of the names and the content of files, and of all files
// in folders. What cannot be read is so too where it is used.
func hashFiles(paths []string) (string, error) {
	sum := sha256.New()
	add := func(name string) error {
		f, err := os.Open(name)
		if err != nil {
			fmt.Fprintf(sum, "%q unread\n", name)
			return nil
		}
		fmt.Fprintf(sum, "%q\n", name)
		n, err := io.Copy(sum, f)
		fmt.Fprintf(sum, "\n%d\n", n)
		return errors.Join(err, f.Close())
	}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return nil
			}
			if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
				return nil
			}
			return add(name)
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
