package main

import (
	"errors"
	"os"
	"path/filepath"

	"postern/evidence"
	"postern/report"
	"postern/report/timeline"
	"postern/verdict"
)

// line is the timeline that a run writes; its methods do nothing on nil.
type line struct {
	*timeline.Timeline
	format timeline.Format
	file   *os.File
}

// openTimeline makes the file before any work is done; nil where none is asked
// for.
func (c *check) openTimeline() (*line, error) {
	path := c.flags.output.timeline
	if path == "" {
		return nil, nil //nolint:nilnil // nobody asks for one
	}
	format, err := timeline.FormatOf(path)
	if err != nil {
		return nil, err
	}
	f, err := createFile(path, c.flags.output.force)
	if err != nil {
		return nil, failed("--timeline: %w", err)
	}
	return &line{timeline.New(filepath.Dir(path), c.flags.lineMemory()), format, f}, nil
}

// watch is who is told of every sighting, nil for nobody.
func (l *line) watch() func(*evidence.Source) func(verdict.Sighting) {
	if l == nil {
		return nil
	}
	return l.Watch
}

// write writes the file.
func (l *line) write(targets []report.Target) error {
	if l == nil {
		return nil
	}
	for i := range targets {
		l.Target(&targets[i])
	}
	if err := errors.Join(l.Write(l.file, l.format), l.file.Close()); err != nil {
		return failed("--timeline: rows are missing: %w", err)
	}
	l.file = nil
	return nil
}

// close takes away what is temporary, and a file that was not written whole.
func (l *line) close() error {
	if l == nil {
		return nil
	}
	err := l.Close()
	if l.file != nil {
		l.file.Close() // often a second time
		err = errors.Join(err, os.Remove(l.file.Name()))
	}
	return err
}
