package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"postern/evidence"
	"postern/report"
	"postern/verdict"
)

// progress tells on standard error what goes on: on a terminal a line that is
// written over, and a line for every target answered when there are several.
type progress struct {
	out   io.Writer
	live  bool // out is a terminal
	quiet bool // nothing is told
	stop  chan struct{}
	gone  sync.WaitGroup

	mu          sync.Mutex
	started     time.Time
	phase       string
	each        bool // a line for each target
	count, of   int
	files, gaps int
	records     int64

	ahead, read int64 // bytes of logs: to be read, and read
	reading     time.Time
}

// progress starts telling, until end.
func (o *output) progress() *progress {
	_, live := terminal(o.stderr)
	p := &progress{out: o.stderr, live: live && !o.flags.quiet, quiet: o.flags.quiet, started: time.Now(), stop: make(chan struct{})}
	if !p.live {
		return p
	}
	p.gone.Add(1)
	go func() {
		defer p.gone.Done()
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.mu.Lock()
				p.redraw()
				p.mu.Unlock()
			}
		}
	}()
	return p
}

// end stops and clears the line. It may be called twice.
func (p *progress) end() {
	p.mu.Lock()
	select {
	case <-p.stop:
		p.mu.Unlock()
		return
	default:
		close(p.stop)
	}
	p.mu.Unlock()
	p.gone.Wait()
	p.clear()
}

func (p *progress) opening(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = "opening " + report.Clean(target)
	if target == "" {
		p.phase = "opening this host"
	}
}

func (p *progress) begin(targets int, each bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.of, p.each = "examining", targets, (each || p.live && targets > 1) && !p.quiet
}

// Plan implements evidence.Planner.
func (p *progress) Plan(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead += bytes; p.reading.IsZero() {
		p.reading = time.Now()
	}
}

// Read implements evidence.Planner.
func (p *progress) Read(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += bytes
}

// Cover counts a coverage row. Safe for concurrent use.
func (p *progress) Cover(c evidence.Coverage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.Missed != nil:
		p.gaps++
	default:
		p.files++
		if c.Kind == evidence.CoverLog {
			p.records += c.Count
		}
	}
}

// done tells one target's answers as they come.
func (p *progress) done(t report.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	if !p.each {
		return
	}
	p.clear()
	who := t.Target
	if t.Host != "" && t.Host != who {
		who += " (" + t.Host + ")"
	}
	fmt.Fprintf(p.out, "[%d/%d] %s: exposed %s, compromised %s\n", p.count, p.of, report.Clean(who), word(t.Answers.Exposed.Answer), word(t.Answers.Compromised.Answer))
}

func word(a verdict.Answer) string {
	if a == verdict.Yes {
		return "YES"
	}
	return string(a)
}

// redraw writes the line anew.
func (p *progress) redraw() {
	elapsed := time.Since(p.started)
	line := fmt.Sprintf("%s %s", elapsed.Round(time.Second), p.phase)
	if p.of > 1 {
		line += fmt.Sprintf(", %d of %d targets", p.count, p.of)
	}
	if p.files > 0 {
		line += fmt.Sprintf(", %d read, %d records", p.files, p.records)
	}
	line += p.rate()
	if p.gaps > 0 {
		line += fmt.Sprintf(", %d gaps", p.gaps)
	}
	if left := p.left(elapsed); left > 0 {
		line += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	if runes := []rune(line); len(runes) > 79 {
		line = string(runes[:77]) + ".."
	}
	fmt.Fprintf(p.out, "\r%s%s", line, strings.Repeat(" ", max(0, 79-len([]rune(line)))))
}

// rate says how fast logs are read, once there is something to tell.
func (p *progress) rate() string {
	took := time.Since(p.reading)
	if p.read == 0 || took < time.Second {
		return ""
	}
	said := fmt.Sprintf(", %.0f MB/s", float64(p.read)/1e6/took.Seconds())
	if n := float64(p.records) / took.Seconds(); n >= 1000 {
		said += fmt.Sprintf(", %.0fk records/s", n/1000)
	}
	return said
}

// left guesses the time that is left where something tells: from targets, once
// some are done; of one target from the bytes of its logs, once they are known.
// 0 where nothing does.
func (p *progress) left(elapsed time.Duration) time.Duration {
	switch {
	case p.count >= 3 && p.count < p.of:
		return elapsed / time.Duration(p.count) * time.Duration(p.of-p.count)
	case p.of == 1 && p.read > 0 && p.read < p.ahead && time.Since(p.reading) > 2*time.Second:
		return time.Duration(float64(time.Since(p.reading)) / float64(p.read) * float64(p.ahead-p.read))
	}
	return 0
}

func (p *progress) clear() {
	if p.live {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", 79))
	}
}
