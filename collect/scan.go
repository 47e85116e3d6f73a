package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"postern/evidence"
)

// maxRows is how many files have a row each when they were read; the rest are
// counted by folder.
const maxRows = 4096

// maxStuck is how many reads may hang at once. Each holds a thread; behind so many
// of them no more files are tried.
const maxStuck = 64

// errStuck is why files behind those that hang were not tried.
var errStuck = fmt.Errorf("%d reads hang, as on a share that went away", maxStuck)

// scan reads the files of a source: first those that places ask for, the most
// telling first, then, where all are wanted, the rest in the order of the walk.
type scan struct {
	*survey
	opt  Options
	out  evidence.Sink
	pace *rate.Limiter // nil: none
	gaps atomic.Int64  // rows for single files
	hung atomic.Int64  // reads that were given up and did not come back

	viewing sync.Mutex // of the survey's views

	mu       sync.Mutex
	left     map[string]int64 // files that were not read before the work ended, by folder
	excluded map[string]int64 // by pattern
	mail     int64            // mailboxes and messages, which nobody asks for
}

// run reads all there is to read, or as much as ctx leaves time for.
func (s *scan) run(ctx context.Context) {
	s.left, s.excluded = map[string]int64{}, map[string]int64{}
	if s.src.Whole {
		s.ahead(s.bytes)
	}
	next := make(chan chunk)
	var workers sync.WaitGroup
	for range max(1, s.opt.Workers) {
		workers.Go(func() {
			for c := range next {
				s.read(ctx, c)
			}
		})
	}
	give := func(c chunk) {
		select {
		case next <- c:
		case <-ctx.Done():
			s.leave(c.files)
		}
	}
	s.first(give)
	if s.every() >= 0 {
		s.rest(ctx, give)
	}
	close(next)
	workers.Wait()
	s.coverLeft(ctx)
}

// first gives the files that places ask for: those of web roots, then by the places'
// own order; within that, the folder with the newest file first, and its newest first.
func (s *scan) first(give func(chunk)) {
	var files []wanted
	newest := map[evidence.Name]time.Time{}
	for _, w := range s.wanted {
		if every := s.every(); every >= 0 && w.Mode.IsRegular() {
			w.places = append(slices.Clone(w.places), every)
		}
		if !w.Mode.IsDir() && w.Err == nil && s.noFiles(w.places) || s.excludes(w.Name) {
			continue
		}
		files = append(files, w)
		if at, dir := w.newest(), w.Name.Dir(); at.After(newest[dir]) {
			newest[dir] = at
		}
	}
	rank := func(w *wanted) int {
		if w.site != nil {
			return -1
		}
		return w.places[0]
	}
	slices.SortStableFunc(files, func(a, b wanted) int {
		in, also := a.Name.Dir(), b.Name.Dir()
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), newest[also].Compare(newest[in]), strings.Compare(string(in), string(also)), b.newest().Compare(a.newest()))
	})
	var c chunk
	for i, w := range files {
		w.adds = i >= maxRows
		if !s.src.Whole {
			s.ahead(w.work())
		}
		s.add(&c, w, give)
	}
	give(c)
}

// every is the place that asks for every file; -1 where none does.
func (s *scan) every() int {
	if !s.src.Whole {
		return -1
	}
	return slices.IndexFunc(s.want.Places, func(p evidence.Place) bool { return p.Every })
}

// rest walks again and gives every regular file that was not given yet. None is
// kept: there may be any number of them.
func (s *scan) rest(ctx context.Context, give func(chunk)) {
	known := make(map[evidence.Name]bool, len(s.wanted))
	for _, w := range s.wanted {
		known[w.Name] = true
	}
	var c chunk
	err := s.src.Files.Walk(ctx, ".", func(e evidence.Entry) error {
		switch {
		case e.Mode&fs.ModeIrregular != 0:
			e.Err = cmp.Or(e.Err, fmt.Errorf("collect: %w: it is neither a file nor a folder that is known here", evidence.ErrUnsupported))
			s.lose(s.out, wanted{Entry: e}, evidence.CompromisedNow, e.Err)
		case !e.Mode.IsRegular() || e.Real != "" || known[e.Name] || e.Err != nil && e.ModTime.IsZero():
		case s.excludes(e.Name) || s.isMail(e.Name):
			s.spent(e.Size)
		default:
			w := wanted{Entry: e, adds: true}
			w.places, w.site = s.placed(e.Name)
			s.add(&c, w, give)
		}
		return nil
	})
	give(c)
	if err != nil {
		s.out.Cover(evidence.ErrGap(evidence.CoverFile, ".", evidence.CompromisedNow, fmt.Errorf("collect: not every file was looked for: %w", cmp.Or(context.Cause(ctx), err))))
	}
}

// ahead tells whoever watches how much is going to be read.
func (s *scan) ahead(n int64) {
	if p, watched := s.out.(evidence.Planner); watched {
		p.Plan(n)
	}
}

// work is how much of the work a file is, in bytes.
func (w *wanted) work() int64 {
	if !w.Mode.IsRegular() || w.Err != nil {
		return 0
	}
	return w.Size
}

// excludes reports whether the operator leaves a name out, and counts it.
func (s *scan) excludes(n evidence.Name) bool {
	if len(s.opt.Exclude) == 0 {
		return false
	}
	path := s.asked(n)
	for i := range s.opt.Exclude {
		if x := &s.opt.Exclude[i]; x.Pattern.MatchString(path) {
			s.excluded[x.Text]++
			return true
		}
	}
	return false
}

// isMail reports whether a file is mail, and counts it.
func (s *scan) isMail(n evidence.Name) bool {
	if !hasAnySuffix(strings.ToLower(n.Base()), mailEndings) {
		return false
	}
	s.mail++
	return true
}

// leave notes files that were not read.
func (s *scan) leave(files []wanted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range files {
		s.left[s.top(w.Name)]++
	}
}

// top is the folder that a file is counted in: two levels below the root.
func (s *scan) top(n evidence.Name) string {
	parts := strings.SplitN(string(n.Dir()), "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// coverLeft says what was left out.
func (s *scan) coverLeft(ctx context.Context) {
	counted := func(path string, n int64, parts evidence.Parts, reason evidence.Reason, what string) {
		s.out.Cover(evidence.Gap(evidence.CoverFile, path, parts, reason, fmt.Sprintf("%d %s", n, what)))
	}
	for folder, n := range s.left {
		counted(folder, n, evidence.CompromisedNow, evidence.Limited, "files were not read: "+cmp.Or(context.Cause(ctx), errStuck).Error())
	}
	for pattern, n := range s.excluded {
		counted(pattern, n, evidence.CompromisedNow, evidence.Narrowed, "files and folders that --exclude leaves out")
	}
	if n := s.gaps.Load() - maxGaps; n > 0 {
		counted(".", n, evidence.CompromisedNow, evidence.Limited, "more files could not be read")
	}
	if s.mail > 0 {
		counted(".", s.mail, 0, evidence.Narrowed, "mailboxes and messages, whose content nobody asked for")
	}
}

// observeAll hands over the files of a chunk; it is false when some could not be read,
// or ctx ended before.
func (s *scan) observeAll(ctx context.Context, c chunk, out evidence.Sink) bool {
	lane := out.Lane(evidence.Ref{Collector: "files", Path: string(c.files[0].Name.Dir())})
	done, lost := 0, false
	for _, w := range c.files {
		if ctx.Err() != nil || s.hung.Load() >= maxStuck {
			break
		}
		lost = !s.observe(ctx, w, lane, out) || lost
		if ctx.Err() == nil { // else it was cut short
			done++
		}
	}
	s.leave(c.files[done:])
	if err := lane.Close(); err != nil {
		out.Cover(evidence.ErrGap(evidence.CoverFile, string(c.files[0].Name.Dir()), evidence.CompromisedNow, err))
	}
	return done == len(c.files) && !lost
}

// observe hands over one file or folder, and covers it. It is false when there is
// more to it than could be read.
func (s *scan) observe(ctx context.Context, w wanted, lane evidence.Lane, out evidence.Sink) bool {
	ask := s.merge(w.places)
	if w.Err != nil {
		if !w.Mode.IsDir() { // a folder's loss is the walk's to tell
			s.lose(out, w, ask.Parts, w.Err)
		}
		return false
	}
	o := evidence.Observation{
		Kind: evidence.ObserveFolder, Ref: evidence.Ref{Collector: "files", Path: string(w.Name)}, Time: w.newest(), Values: []string{s.shown(w.Name)},
		Places: w.places, File: &evidence.FileFacts{Modified: w.ModTime, Birth: w.Birth, Changed: w.Changed, Site: w.site},
	}
	if w.Mode.IsDir() {
		if err := lane.Observe(ctx, &o); err != nil {
			s.lose(out, w, ask.Parts, err)
			return false
		}
		return true
	}
	limit := s.allowed(w)
	limited, cancel := context.WithTimeoutCause(ctx, limit, slowError{limit})
	defer cancel()
	nests, err := s.observeFile(limited, &o, w, ask, lane, out)
	whole := !nests || ctx.Err() != nil || s.inside(ctx, w, lane, out)
	var slow slowError
	switch {
	case err == nil || ctx.Err() != nil: // the folder says that it was left
	case errors.As(context.Cause(limited), &slow) || errors.As(err, &slow):
		s.lose(out, w, ask.Parts, slow)
	case s.wentAway(err):
		out.Cover(evidence.Gap(evidence.CoverFile, string(w.Name), 0, evidence.Absent, "it went away before it was read"))
	default:
		s.lose(out, w, ask.Parts, err)
	}
	return err == nil && whole
}

// wentAway reports whether a file is no longer there: a live host goes on working.
func (s *scan) wentAway(err error) bool {
	return s.src.Kind == evidence.KindHost && errors.Is(err, fs.ErrNotExist)
}

// lose covers one file that could not be read; of very many the rest is counted.
func (s *scan) lose(out evidence.Sink, w wanted, parts evidence.Parts, err error) {
	if s.gaps.Add(1) > maxGaps {
		return
	}
	row := evidence.ErrGap(evidence.CoverFile, string(w.Name), parts, err)
	if errors.As(err, new(slowError)) {
		row.Missed.Reason = evidence.Limited
	}
	out.Cover(row)
}

// allowed is how long the work on a file may take: a second more for each 8 MiB,
// and ten times as long as usual at most; as much again where waiting for its share
// of the rate takes that long, for it may be read twice.
func (s *scan) allowed(w wanted) time.Duration {
	usual, seconds := s.opt.FileTime, w.Size>>23
	if s.opt.Rate > 0 {
		waits := float64(2*max(1, s.opt.Workers)) * float64(w.Size) / float64(s.opt.Rate)
		return min(usual+time.Duration(seconds)*time.Second, 10*usual) + time.Duration(min(waits*float64(time.Second), 10*float64(usual)))
	}
	return min(usual+time.Duration(seconds)*time.Second, 10*usual)
}

// wait waits until so many bytes may be read, or ctx ends. (WaitN of the limiter gives
// up as soon as it knows that it would be too late, and work would seem to be over.)
func (s *scan) wait(ctx context.Context, n int64) error {
	for n > 0 && s.pace != nil {
		part := min(n, int64(s.pace.Burst()))
		r := s.pace.ReserveN(time.Now(), int(part))
		select {
		case <-time.After(r.Delay()):
		case <-ctx.Done():
			r.Cancel()
			return context.Cause(ctx)
		}
		n -= part
	}
	return nil
}

// spent tells whoever watches that so much of the work is done.
func (s *scan) spent(n int64) {
	if p, watched := s.out.(evidence.Planner); watched {
		p.Read(n)
	}
}

// observeFile opens, hashes and hands over one file. It says whether that may be an
// archive.
func (s *scan) observeFile(ctx context.Context, o *evidence.Observation, w wanted, ask evidence.Place, lane evidence.Lane, out evidence.Sink) (nests bool, err error) {
	o.Kind = evidence.ObserveFile
	untold := w.work() // a file that is read twice is told once
	defer func() { s.spent(untold) }()
	f, err := s.open(ctx, w, func(n int64) {
		n = min(n, untold)
		untold -= n
		s.spent(n)
	})
	if s.wentAway(err) {
		return false, err
	}
	if err != nil { // its name, at least, is known
		o.Values = append(o.Values, "", fmt.Sprint(w.Size))
		return false, errors.Join(err, lane.Observe(ctx, o))
	}
	defer f.Close()
	content := f.held(ask)
	nests = ask.Every && isArchive(content)
	var bad error
	hashes := ""
	if ask.Hash {
		o.Ref.SHA256, hashes, bad = hashFile(content, f.Size(), &ask)
	}
	if ask.Hash || ask.Content > 0 {
		program, lost := programFacts(content, f.Size())
		o.File.Program, bad = program, errors.Join(bad, lost)
	}
	if ask.Content > 0 {
		o.Size = min(f.Size(), ask.Content)
		o.Content = io.NewSectionReader(content, 0, o.Size)
	}
	if f.Size() == 0 && ask.Content > 0 && !ask.Every {
		bad = fmt.Errorf("collect: empty, where content was asked for: %w", evidence.ErrTruncated)
	}
	o.Values = append(o.Values, hashes, fmt.Sprint(f.Size()))
	if err := errors.Join(bad, lane.Observe(ctx, o)); err != nil {
		return nests, err
	}
	row := evidence.Coverage{Kind: evidence.CoverFile, Path: o.Ref.Path, Parts: ask.Parts, Count: 1, SHA256: o.Ref.SHA256}
	if row.Bytes = o.Size; ask.Hash {
		row.Bytes = f.Size()
	}
	if w.adds {
		row.Path, row.SHA256, row.Adds = s.top(w.Name), "", true
	}
	out.Cover(row)
	return nests, nil
}
