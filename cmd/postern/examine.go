package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"postern"
	"postern/collect"
	"postern/evidence"
	"postern/probe"
	"postern/report"
	"postern/target"
	"postern/verdict"
)

// run examines every target, prints the report and gives the exit code.
func (c *check) run(ctx context.Context) error {
	written := false
	defer func() { c.endJournal(ctx, written) }()
	engine, refused, err := c.engine()
	if err != nil {
		return err
	}
	defer c.flags.keep()()
	line, err := c.openTimeline()
	if err != nil {
		return err
	}
	defer func() {
		if err := line.close(); err != nil {
			c.out.talk("--timeline: %v", err)
		}
	}()
	c.share()
	c.yield()
	started := time.Now().UTC()
	show := c.out.progress()
	defer show.end()
	opened, err := c.open(ctx, show)
	defer c.close(opened)
	if err != nil {
		return err
	}
	x := postern.Examiner{
		Engine: engine, Collectors: append(collect.All(c.flags.collecting()), probe.All()...),
		Asked:    verdict.Asked{Parts: c.asked, Packs: packAges(c.packs), MaxAge: c.maxAge, Now: c.now, AsOf: c.asOf},
		Parallel: c.flags.parallel, Log: c.log,
		Done: show.done, Progress: show, Watch: line.watch(), Journal: c.journal,
	}
	show.begin(len(opened.sources), len(opened.entries) > 1)
	for _, src := range opened.sources {
		src.Whole = src.Whole || c.flags.thorough
	}
	working, stop := c.flags.within(ctx)
	defer stop()
	targets := opened.inPlace(x.Examine(working, opened.sources))
	if c.listed != nil {
		targets = report.Inventory(targets, c.listed, c.asked)
	}
	tool := identity()
	tool.Packs, tool.Refused = packRows(c.packs), refused
	machine, err := os.Hostname()
	if err != nil {
		machine = "" // the machine's name is a courtesy of run, not part of any answer
	}
	r := report.Finish(tool, targets, report.Run{Started: started, Ended: time.Now(), Machine: machine, Cancelled: ctx.Err() != nil, Resumed: c.journal.Resumed()})
	show.end()
	if err := errors.Join(line.write(targets), c.out.write(r)); err != nil { // what is on a screen alone is lost, and a screen may be gone
		return &exit{exitFailed, err}
	}
	written = true
	if len(opened.sources) == 0 && ctx.Err() == nil {
		return failed("nothing could be opened")
	}
	return answered(r)
}

// opened is what the named targets turned out to be, in their order.
type opened struct {
	sources []*evidence.Source
	entries []*report.Target // nil: the next of sources; else a target that is not there
}

// open opens every target. One that is not there is an entry whose answers are
// unknown; alone, and with nobody waiting for a document, it ends the run.
func (c *check) open(ctx context.Context, show *progress) (*opened, error) {
	o := &opened{}
	pace := target.NewPace(c.flags.rate) // one for all: two targets on one address do not double what it bears
	made := make([][]*evidence.Source, len(c.targets))
	missing := make([]*report.Target, len(c.targets))
	for i, n := range c.targets {
		show.opening(n.target)
		sources, err := target.Open(ctx, n.target, target.Options{
			Partial: c.flags.partial, AsOf: c.asOf, Zone: c.zone, Host: n.host,
			Scope: c.scope, Pace: pace, Log: c.log, Shadows: c.shadows, Files: c.flags.scan,
		})
		made[i] = sources
		if err == nil {
			continue
		}
		if len(c.targets) == 1 && len(sources) == 0 && ctx.Err() == nil && !c.flags.output.document() {
			return o, failed("%w", err)
		}
		c.out.talk("%v", err)
		t := report.Missing(n.target, n.host, kindOf(n.target), c.asked, evidence.ReasonFor(err), err.Error())
		missing[i] = &t
	}
	for i, sources := range made {
		if c.flags.logs && c.readTwice(i, made) {
			c.close(&opened{sources: sources})
			continue
		}
		o.sources = append(o.sources, sources...)
		o.entries = append(o.entries, make([]*report.Target, len(sources))...)
		if missing[i] != nil {
			o.entries = append(o.entries, missing[i])
		}
	}
	if c.flags.logs {
		o.join()
	}
	return o, nil
}

// join makes one source of the logs of one host that were named one by one.
func (o *opened) join() {
	var at []int
	o.sources, at = target.Join(o.sources)
	var entries []*report.Target
	next, known := 0, 0
	for _, missing := range o.entries {
		if missing == nil {
			next++
			if at[next-1] < known {
				continue // it is in one before
			}
			known++
		}
		entries = append(entries, missing)
	}
	o.entries = entries
}

// kindOf is what a target that is not there would have been.
func kindOf(spec string) evidence.Kind {
	switch {
	case spec == "":
		return evidence.KindHost
	case target.IsNetwork(spec):
		return evidence.KindURL
	}
	return evidence.KindTree
}

// inPlace puts the examined among the missing, in the order they were named.
func (o *opened) inPlace(examined []report.Target) []report.Target {
	all := make([]report.Target, len(o.entries))
	next := 0
	for i, missing := range o.entries {
		if missing != nil {
			all[i] = *missing
			continue
		}
		all[i] = examined[next]
		next++
	}
	return all
}

func (c *check) close(o *opened) {
	for _, s := range o.sources {
		if err := s.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			c.out.talk("closing %q: %v", s.Target, err)
		}
	}
}
