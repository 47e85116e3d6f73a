package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"postern/detect"
	"postern/ioc"
	"postern/journal"
	"postern/pack"
)

// changeNothing are options that no answer depends on: a run may go on with others.
var changeNothing = []string{
	"resume", "now", "parallel", "workers", "budget", "cpu", "read-rate", "file-timeout", "max-memory", "priority", "rate", "inventory", "verbose", "quiet", "json", "out", "html", "csv", "force",
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
	var err error
	if c.journal, err = journal.Open(path, c.question(cmd), c.now); err != nil {
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
func (c *check) question(cmd *cobra.Command) []journal.Fact {
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
	return append(asked, ownFacts(&c.own)...)
}

// ownFacts are hashes of what the operator brings beside the packs, as it was read
// and not as it may stand there now: a path may be a link, a pipe, or be written
// to.
func ownFacts(own *detect.Own) (all []journal.Fact) {
	for _, part := range []struct {
		name string
		put  func(io.Writer)
	}{
		{"sigma", func(w io.Writer) { putRules(w, own.Sigma) }},
		{"sigma-placeholders", func(w io.Writer) { fmt.Fprintf(w, "%#v", own.Placeholders) }},
		{"yara", func(w io.Writer) { putRules(w, own.YARA) }},
		{"ioc", func(w io.Writer) { putLists(w, own.Lists) }},
		{"what is refused", func(w io.Writer) { fmt.Fprintf(w, "%#v", own.Refused) }},
	} {
		sum := sha256.New()
		part.put(sum)
		all = append(all, journal.Fact{Name: "content of " + part.name, Value: hex.EncodeToString(sum.Sum(nil))})
	}
	return all
}

func putRules(w io.Writer, files []pack.TextFile) {
	for _, f := range files {
		fmt.Fprintf(w, "%q %q\n", f.File, f.Text)
	}
}

// putLists writes all that lists say, but for rules and refusals, which stand
// elsewhere.
func putLists(w io.Writer, lists []*ioc.List) {
	for _, l := range lists {
		fmt.Fprintf(w, "%q %q %#v\n", l.Name, l.Format, l.Left)
		var about *ioc.About
		for _, e := range l.Entries {
			if e.About != about && e.About != nil {
				fmt.Fprintf(w, "%#v\n", *e.About)
			}
			about, e.About = e.About, nil
			fmt.Fprintf(w, "%t %#v\n", about != nil, e)
		}
	}
}
