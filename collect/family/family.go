// Package family reads a host's facts family by family: the files of each below a
// limit, with what could not be read said, and how many facts there were.
package family

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"postern/evidence"
)

// Limits of a family. What is over one is a gap.
const (
	MaxFile  = 1 << 20 // bytes of one file
	MaxFiles = 8192    // files
)

// Reader reads one source. It is used by one goroutine.
type Reader struct {
	Ctx context.Context //nolint:containedctx // of the one call of Collect that the reader serves
	Src *evidence.Source
	Out evidence.Sink

	Name  string                      // of the family in hand
	Files int                         // that the family has, counted by Each and by who opens others
	Tail  bool                        // of a file over the limit the end is read, not the beginning
	Limit int64                       // bytes that Each reads of a file; 0: MaxFile
	Only  func(e evidence.Entry) bool // which files Each opens; nil: all of them

	collector string
	lane      evidence.Lane
	count     int64                  // observations of the family
	said      map[evidence.Name]bool // folders that cannot be listed
}

// New returns the reader of a source for a collector.
func New(ctx context.Context, collector string, src *evidence.Source, out evidence.Sink) *Reader {
	return &Reader{Ctx: ctx, Src: src, Out: out, collector: collector, said: map[evidence.Name]bool{}}
}

// Read reads one family with read, and covers how much of it there was. Without any
// file of it a collection did not bring it.
func (r *Reader) Read(name string, read func()) {
	r.Name, r.count, r.Files, r.Tail, r.Limit, r.Only = name, 0, 0, false, 0, nil
	r.lane = r.Out.Lane(evidence.Ref{Collector: r.collector, Path: name})
	read()
	if err := r.lane.Close(); err != nil {
		r.Out.Cover(evidence.ErrGap(evidence.CoverState, name, evidence.CompromisedNow, err))
	}
	switch err := r.Ctx.Err(); {
	case err != nil:
		r.Out.Cover(evidence.ErrGap(evidence.CoverState, name, evidence.CompromisedNow, err))
	case r.Files == 0 && r.Src.Partial:
		r.Out.Cover(evidence.Gap(evidence.CoverState, name, evidence.CompromisedNow, evidence.NotCollected, "no file of them is in this collection"))
	default:
		r.Out.Cover(evidence.Coverage{Kind: evidence.CoverState, Path: name, Parts: evidence.CompromisedNow, Count: r.count})
	}
}

// File is one small file, read.
type File struct {
	evidence.Entry
	Path string // the machine's
	Data []byte
}

// Lost covers a file or key that could not be read.
func (r *Reader) Lost(kind evidence.CoverageKind, name string, err error) {
	gap := evidence.ErrGap(kind, name, evidence.CompromisedNow, err)
	if errors.Is(err, fs.ErrPermission) && r.Src.Kind == evidence.KindHost && !r.Src.ID.Elevated {
		gap.Missed.Reason = evidence.Unelevated
	}
	r.Out.Cover(gap)
}

// Gap covers what is missing of a file or key for another reason than an error.
func (r *Reader) Gap(kind evidence.CoverageKind, name string, reason evidence.Reason, detail string) {
	r.Out.Cover(evidence.Gap(kind, name, evidence.CompromisedNow, reason, detail))
}

// Each calls fn for every regular file at a path of the machine: the file itself, or
// those of a folder and of the folders below it down to depth.
func (r *Reader) Each(path string, depth int, fn func(f *File)) {
	root, ok := r.Src.Locate(path)
	if !ok {
		return
	}
	err := r.Src.Files.Walk(r.Ctx, root, func(e evidence.Entry) error {
		below := strings.Trim(strings.TrimPrefix(string(e.Name), string(root)), "/")
		level := strings.Count(below, "/")
		switch {
		case e.Err != nil && !errors.Is(e.Err, fs.ErrNotExist):
			r.Lost(evidence.CoverFile, string(e.Name), e.Err)
		case e.Mode.IsDir() && below != "" && level+1 > depth:
			return fs.SkipDir
		case e.Mode.IsRegular() && (r.Only == nil || r.Only(e)):
			if r.Files++; r.Files > MaxFiles {
				r.Gap(evidence.CoverState, r.Name, evidence.TooLarge, fmt.Sprintf("more than %d files; the rest of %s was not read", MaxFiles, path))
				return fs.SkipAll
			}
			r.Open(e, strings.TrimSuffix(path+"/"+below, "/"), cmp.Or(r.Limit, MaxFile), fn)
		}
		return nil
	})
	switch {
	case err == nil || r.Ctx.Err() != nil:
	case errors.Is(err, fs.ErrNotExist):
		r.Shut(root.Dir())
	default:
		r.Lost(evidence.CoverFile, string(root), err)
	}
}

// Shut covers a folder that cannot be listed, or one above it, where something below
// it was asked for and is not to be seen.
func (r *Reader) Shut(dir evidence.Name) {
	for ; dir != "."; dir = dir.Dir() {
		var first *evidence.Entry
		_ = r.Src.Files.Walk(r.Ctx, dir, func(e evidence.Entry) error { first = &e; return fs.SkipAll })
		switch {
		case first == nil:
			continue
		case first.Err != nil && !r.said[dir]:
			r.said[dir] = true
			r.Lost(evidence.CoverFile, string(dir), first.Err)
		}
		return
	}
}

// Open reads a file whole and hands it on; of a longer one limit bytes, and the rest
// is a gap. One that a running host has taken away since is none.
func (r *Reader) Open(e evidence.Entry, path string, limit int64, fn func(f *File)) {
	h, err := r.Src.Files.Open(e.Name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || r.Src.Kind != evidence.KindHost {
			r.Lost(evidence.CoverFile, string(e.Name), err)
		}
		return
	}
	defer h.Close()
	from := int64(0)
	if h.Size() > limit {
		if r.Tail {
			from = h.Size() - limit
		}
		r.Gap(evidence.CoverFile, string(e.Name), evidence.TooLarge, "longer than what is read of it")
	}
	data := make([]byte, min(h.Size(), limit))
	n, err := h.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) || n < len(data) {
		if err == nil || errors.Is(err, io.EOF) {
			err = evidence.ErrTruncated
		}
		r.Lost(evidence.CoverFile, string(e.Name), err)
	}
	fn(&File{e, path, data[:n]})
}

// Observe hands one fact on and counts it.
func (r *Reader) Observe(o *evidence.Observation) {
	o.Ref.Collector = r.collector
	if err := r.lane.Observe(r.Ctx, o); err != nil && r.Ctx.Err() == nil {
		r.Lost(evidence.CoverState, r.Name, err)
	}
	r.count++
}
