// Package collect reads a source: which products are installed and in which
// build, the files that packs ask for, and the logs. It sees plain data in an
// evidence.Interest and never a pack or a rule.
//
// A source is walked once, whatever the number of collectors. What could not
// be read, was cut short or is over a limit is covered as missed.
//
// Limits: 128 MiB for a program file, 8 MiB for a settings or container file, 256 Ki
// kept names.
package collect

import (
	"regexp"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	linuxhost "postern/collect/linux"
	"postern/collect/ran"
	windowshost "postern/collect/windows"
	"postern/eventlog"
	"postern/evidence"
)

// Options are how the work is done; they change no result.
type Options struct {
	Workers int  // that read logs at once, over all sources together; 0: one for each core
	InOrder bool // the events of one log come in its order, from one goroutine
	Block   int  // bytes of a log that are read at once; 0: 256 KiB

	FileTime time.Duration // that one file may take; 0: a minute. One that takes longer is a gap
	Rate     int64         // bytes of files read a second, over all sources together; 0: as many as there are
	Exclude  []Exclusion   // files and folders that are not read, each a gap
}

// Exclusion is a pattern of names that are left out.
type Exclusion struct {
	Text    string         // as the operator wrote it
	Pattern *regexp.Regexp // over the machine's path, lower case, slashes forward
}

// All returns fresh collectors that share one walk per source: products, files,
// what starts by itself on Linux and on Windows, what ran on Windows, and logs. They may be run over any number of sources at once.
func All(opt Options) []evidence.Collector {
	walks := &surveys{of: map[*evidence.Source]*survey{}}
	if opt.Workers < 1 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.FileTime <= 0 {
		opt.FileTime = time.Minute
	}
	var pace *rate.Limiter
	if opt.Rate > 0 {
		pace = rate.NewLimiter(rate.Limit(opt.Rate), int(min(opt.Rate, pieceSize)))
	}
	return []evidence.Collector{&products{walks}, &files{walks, opt, pace}, linuxhost.New(), windowshost.New(), ran.New(), &logs{walks: walks, opt: opt, workers: eventlog.NewWorkers(opt.Workers)}}
}

// surveys are the walks under way, one per source.
type surveys struct {
	mu sync.Mutex
	of map[*evidence.Source]*survey
}

// take returns the source's survey, new when nobody asked before.
func (s *surveys) take(src *evidence.Source, want *evidence.Interest) *survey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[src] == nil {
		s.of[src] = newSurvey(src, want)
	}
	return s.of[src]
}

// drop forgets a source that the last collector is done with.
func (s *surveys) drop(src *evidence.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, src)
}
