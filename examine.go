package postern

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"postern/detect"
	"postern/evidence"
	"postern/journal"
	"postern/report"
	"postern/verdict"
)

// Examiner holds one compiled engine against any number of sources. Two may
// run in one process.
type Examiner struct {
	Engine     *detect.Engine
	Collectors []evidence.Collector                          // passed in by the caller: collect.All(), probe.All()
	Asked      verdict.Asked                                 // Parts, Packs, MaxAge, Now and what --as-of said (AsOf)
	Parallel   int                                           // sources at once; under 2: one after the other
	Log        *slog.Logger                                  // nil: discard
	Done       func(report.Target)                           // called as each source is answered, one at a time; nil: nobody waits
	Progress   Progress                                      // nil: nobody watches
	Watch      func(*evidence.Source) func(verdict.Sighting) // who is told of every sighting; nil: nobody
	Journal    *journal.Journal                              // keeps what is read of logs, and no sightings for Watch; nil: nothing is kept
}

// Progress is told of the work as it goes on, by several goroutines.
type Progress interface {
	Cover(evidence.Coverage) // each coverage row as it comes
	evidence.Planner
}

// Examine answers for every source, in the order given. It closes none of
// them. A cancelled context ends the work early and what was left is a gap, so
// the targets returned are always as many as the sources.
func (x *Examiner) Examine(ctx context.Context, sources []*evidence.Source) []report.Target {
	targets := make([]report.Target, len(sources))
	slots := make(chan struct{}, max(1, x.Parallel))
	var wait sync.WaitGroup
	var done sync.Mutex
	for i, src := range sources {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			targets[i] = x.examine(ctx, i, src)
			if x.Done != nil {
				done.Lock()
				defer done.Unlock()
				x.Done(targets[i])
			}
		}()
	}
	wait.Wait()
	return targets
}

// examine is the pipeline: collect, detect, judge.
func (x *Examiner) examine(ctx context.Context, i int, src *evidence.Source) report.Target {
	run := x.Engine.Begin(src)
	if x.Watch != nil {
		run.Watch(x.Watch(src))
	}
	for _, gap := range src.Gaps {
		run.Cover(gap)
	}
	x.collect(ctx, src, x.Journal.Of(journal.Name(i, src), run, x.watch(run)))

	if src.Later != nil {
		for _, gap := range src.Later() {
			run.Cover(gap)
		}
	}
	asked := x.asked(src, run.Coverage())
	found := run.Result(asked.AsOf)
	logs := x.Engine.Interest().Logs
	families, holes := verdict.Families(asked, logs, found.Coverage)
	found.Coverage = append(found.Coverage, families...)
	found.Findings = append(found.Findings, holes...)
	answers := verdict.Judge(asked, logs, found.Installations, found.Findings, found.Coverage)
	return report.NewTarget(src, asked, found.Installations, found.Findings, found.Coverage, answers)
}

// collect runs every collector the source can serve. One that fails, panics
// or is cut short is a gap for all it bears on; the others go on.
func (x *Examiner) collect(ctx context.Context, src *evidence.Source, out evidence.Sink) {
	want := x.Engine.Interest()
	for _, c := range x.Collectors {
		if !src.Has(c.Needs()) || c.Parts()&x.Asked.Parts == 0 {
			continue
		}
		started := time.Now()
		err := runCollector(ctx, c, src, want, out)
		if ended := ctx.Err(); ended != nil && (err == nil || errors.Is(err, ended)) {
			err = context.Cause(ctx) // which may say that a budget was used up
		}
		if err != nil {
			out.Cover(evidence.ErrGap(evidence.CoverState, c.Name(), c.Parts(), err))
		}
		x.log().Debug("collected", "collector", c.Name(), "target", src.Target, "took", time.Since(started), "err", err)
	}
}

// errPanic marks a collector that broke; its gap names it, the run goes on.
var errPanic = errors.New("postern: collector panicked")

func runCollector(ctx context.Context, c evidence.Collector, src *evidence.Source, want *evidence.Interest, out evidence.Sink) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s: %v", errPanic, c.Name(), r)
		}
	}()
	return c.Collect(ctx, src, want, out)
}

// asked fills in what only the source and its evidence can tell.
func (x *Examiner) asked(src *evidence.Source, cover []evidence.Coverage) verdict.Asked {
	asked := x.Asked
	asked.Kind, asked.OS, asked.Partial, asked.Alone, asked.Live = src.Kind, src.ID.OS, src.Partial, src.Alone, src.State != nil
	asked.AsOf, asked.AsOfWhy = verdict.AsOf(x.Asked.AsOf, src.Kind, src.ID.Captured, cover, x.Asked.Now)
	asked.Required = x.Engine.Interest().Required
	asked.Required.To = asked.AsOf
	asked.Review = x.Engine.Interest().Review
	return asked
}

// watch lets Progress see the coverage that goes to out.
func (x *Examiner) watch(out evidence.Sink) evidence.Sink {
	if x.Progress == nil {
		return out
	}
	return watched{out, x.Progress, x.Progress.Cover}
}

func (x *Examiner) log() *slog.Logger {
	if x.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return x.Log
}
