package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"postern/evidence"
)

// Limits of one walk.
const (
	maxKept  = 1 << 18 // names kept for all collectors together
	maxFirst = 1 << 16 // of those, names kept of a source whose files are all read
	maxGaps  = 4096    // rows for single names; the rest is counted in one
	wholeJob = evidence.Exposed | evidence.Compromised
)

// survey is one walk over a source, and the names on it that somebody asked
// for. Nothing else of the tree is kept.
type survey struct {
	layout
	want *evidence.Interest
	once sync.Once
	err  error

	places   [][]quick       // the patterns of want.Places
	inSites  [][]quick       // those for files of web roots
	sites    []evidence.Site // the web roots
	views    map[evidence.Name]*view
	logNames []quick         // of all of want.Logs but those whose names are shared
	plain    []quick         // of those
	names    map[string]bool // base names of program files
	folders  map[string]*folder
	programs map[string][]evidence.Entry // program files by key of their directory
	dirs     []string                    // keys of programs, in walk order
	wanted   []wanted
	logs     []logFile
	others   int    // files that were taken for logs, and read as none
	other    string // the first of them
	notes    map[noteKind][]evidence.Entry

	entries, kept int64
	bytes         int64 // of regular files, each at its own place
	newest        time.Time
	gaps          []evidence.Coverage
	moreGaps      int64
	dangling      int64                  // links that lead nowhere
	vanished      int64                  // names that went away while a live host was walked
	limited       int64                  // names behind the limit of what links may lead to
	seen          map[evidence.Name]bool // files reached, to count one behind several links once

	elevated     []evidence.Entry // files with SUID or SGID bits
	moreElevated int              // of them that were not kept
}

// folder is a directory somebody asked about by name.
type folder struct {
	name    evidence.Name // as it is spelled on the source
	found   bool
	entries int64
}

// wanted is one file or directory that one or several places ask for.
type wanted struct {
	evidence.Entry
	places []int
	site   *evidence.Site
	adds   bool // it is counted with others when it was read, and has no row of its own

	in    evidence.Tree // the archive that it lies in; nil: in none
	at    evidence.Name // its name there
	depth int           // how many archives lie around it
}

// logFile is one candidate log.
type logFile struct {
	evidence.Entry
	named bool // a format's name matched
	plain bool // one did that other programs' files have, too
	guess bool // its content alone decides
}

// newest is the newest of the fact's own times.
func (w wanted) newest() time.Time {
	at := w.ModTime
	for _, t := range []time.Time{w.Birth, w.Changed} {
		if t.After(at) {
			at = t
		}
	}
	return at
}

func newSurvey(src *evidence.Source, want *evidence.Interest) *survey {
	s := &survey{
		layout: newLayout(src), want: want,
		names: map[string]bool{}, folders: map[string]*folder{}, programs: map[string][]evidence.Entry{},
		notes: map[noteKind][]evidence.Entry{}, seen: map[evidence.Name]bool{}, sites: slices.Clone(src.Sites), views: map[evidence.Name]*view{},
	}
	for _, p := range want.Products {
		for _, f := range p.Programs {
			s.names[strings.ToLower(f.Name)], s.names[stem(f.Name)] = true, true
		}
		s.ask(p.Folders...)
		s.ask(p.Data...)
	}
	for _, f := range want.Logs {
		s.ask(f.Folders...)
		if f.Shared {
			s.plain = append(s.plain, quicken(f.Names)...)
			continue
		}
		s.logNames = append(s.logNames, quicken(f.Names)...)
	}
	for _, p := range want.Places {
		s.ask(p.Roots...)
		s.places = append(s.places, quicken(p.Paths))
		s.inSites = append(s.inSites, quicken(p.Sites))
	}
	return s
}

// ask makes the walk look out for folders, as the machine writes them.
func (s *survey) ask(paths ...string) {
	for _, path := range paths {
		if name, ok := s.src.Locate(path); ok && s.fits(path) {
			s.folders[s.key(name)] = &folder{name: name}
		}
	}
}

// folder tells what the walk saw of a folder, as the machine writes it; nil
// when it is not there.
func (s *survey) folder(path string) *folder {
	name, ok := s.src.Locate(path)
	if !ok {
		return nil
	}
	if f := s.folders[s.key(name)]; f != nil && f.found {
		return f
	}
	return nil
}

// walk walks the source, once for all collectors; whoever comes first covers
// it.
func (s *survey) walk(ctx context.Context, out evidence.Sink) error {
	s.once.Do(func() {
		s.findSites(ctx, out)
		s.err = s.src.Files.Walk(ctx, ".", func(e evidence.Entry) error {
			s.visit(e)
			return nil
		})
		s.seen = nil
		s.coverGaps(out)
		if s.err == nil {
			out.Cover(evidence.Coverage{Kind: evidence.CoverFile, Path: ".", Parts: wholeJob, Count: s.entries, To: s.newest})
		}
	})
	if s.err != nil {
		return fmt.Errorf("collect: walk: %w", cmp.Or(context.Cause(ctx), s.err))
	}
	return nil
}

// coverGaps covers what the walk could not read: a row for each name, and one
// for each kind of loss that is only counted.
func (s *survey) coverGaps(out evidence.Sink) {
	for _, gap := range s.gaps {
		out.Cover(gap)
	}
	counted := func(n int64, parts evidence.Parts, reason evidence.Reason, what string) {
		if n > 0 {
			out.Cover(evidence.Gap(evidence.CoverFile, ".", parts, reason, fmt.Sprintf("%d %s", n, what)))
		}
	}
	counted(s.moreGaps, wholeJob, evidence.Limited, "more names could not be read or kept")
	counted(s.limited-1, wholeJob, evidence.TooLarge, "more names lie behind a limit")
	counted(s.vanished, 0, evidence.Absent, "names went away during the walk, as on any host at work")
	if s.src.Partial {
		counted(s.dangling, wholeJob, evidence.NotCollected, "links lead to what was not collected")
	}
}

// visit sorts one entry to whoever asked for it.
func (s *survey) visit(e evidence.Entry) {
	s.entries++
	if e.ModTime.After(s.newest) {
		s.newest = e.ModTime
	}
	s.noteElevated(e)
	if e.Err != nil && !s.lost(e) {
		return
	}
	v := s.viewOf(e.Name.Dir())
	for _, f := range v.above {
		f.entries++
	}
	dir := e.Mode.IsDir()
	if dir {
		if f := s.folders[s.key(e.Name)]; f != nil {
			f.found, f.name = true, e.Name
			f.entries++
		}
	}
	if e.Mode.IsRegular() && e.Real == "" && e.Err == nil {
		s.bytes += e.Size
	}
	s.place(v, e, dir)
	base := strings.ToLower(e.Name.Base())
	if !dir && !e.Mode.IsRegular() && e.Mode&fs.ModeSocket == 0 && s.calledLog(e, base) {
		s.gap(evidence.Gap(evidence.CoverLog, string(e.Name), evidence.CompromisedThen, evidence.Unsupported, "it has a log's name and is no file: "+e.Mode.Type().String()))
	}
	if dir || !e.Mode.IsRegular() {
		return
	}
	kind := s.noteKind(e.Name, base)
	var log *logFile
	if s.want.Parts != evidence.CompromisedNow { // else no log is asked for
		log = s.asLog(e, base)
	}
	if !s.names[base] && kind == "" && log == nil || s.again(e) || !s.keep() {
		return
	}
	if s.names[base] {
		key := s.key(e.Name.Dir())
		if s.programs[key] == nil {
			s.dirs = append(s.dirs, key)
		}
		s.programs[key] = append(s.programs[key], e)
	}
	if kind != "" {
		s.notes[kind] = append(s.notes[kind], e)
	}
	if log != nil {
		s.logs = append(s.logs, *log)
	}
}

// lost covers a name that could not be read. It is true for a regular file,
// whose name is known: whoever asked for that name covers it then.
func (s *survey) lost(e evidence.Entry) bool {
	link := e.Mode&fs.ModeSymlink != 0
	switch {
	case link && errors.Is(e.Err, fs.ErrNotExist):
		s.dangling++ // on a whole tree that is a fact, not a loss, but for a log that was kept elsewhere
		if s.calledLog(e, strings.ToLower(e.Name.Base())) {
			s.gap(evidence.Gap(evidence.CoverLog, string(e.Name), evidence.CompromisedThen, evidence.Absent, "it has a log's name and is a link to nothing here"))
		}
		return false
	case s.src.Kind == evidence.KindHost && errors.Is(e.Err, fs.ErrNotExist):
		s.vanished++ // a live host goes on working
		return false
	case errors.Is(e.Err, evidence.ErrLimit) && s.limited > 0:
		s.limited++ // the first is a row, the rest is counted
		return e.Mode.IsRegular()
	case errors.Is(e.Err, evidence.ErrUnsafeName) || errors.Is(e.Err, evidence.ErrDuplicate) || errors.Is(e.Err, evidence.ErrEscapes):
	case e.Mode.IsRegular() && !(e.Mode == 0 && e.ModTime.IsZero()):
		return true
	}
	if errors.Is(e.Err, evidence.ErrLimit) {
		s.limited++
	}
	s.gap(evidence.ErrGap(evidence.CoverFile, string(e.Name), wholeJob, e.Err))
	return e.Mode.IsDir() // its own name still counts
}

func (s *survey) gap(c evidence.Coverage) {
	if len(s.gaps) >= maxGaps {
		s.moreGaps++
		return
	}
	s.gaps = append(s.gaps, c)
}

// keep bounds what is remembered of a hostile tree.
func (s *survey) keep() bool {
	if s.kept >= maxKept {
		s.moreGaps++
		return false
	}
	s.kept++
	return true
}

// again reports whether a file was met before under another name: what links
// lead to also stands at its own place.
func (s *survey) again(e evidence.Entry) bool {
	own := cmp.Or(e.Real, e.Name)
	met := s.seen[own]
	s.seen[own] = true
	return met
}

// place keeps an entry that a place asks for.
func (s *survey) place(v *view, e evidence.Entry, dir bool) {
	if !dir && !e.Mode.IsRegular() {
		return
	}
	later := s.src.Whole && !dir && s.kept >= maxFirst // a second walk gives it
	if places := s.placesOf(v, e.Name, dir, v.site != nil); places != nil && !later && s.keep() {
		s.wanted = append(s.wanted, wanted{Entry: e, places: places, site: v.site})
	}
}

// asked is a name as places ask for it.
func (s *survey) asked(n evidence.Name) string {
	return strings.ToLower(cmp.Or(s.path(n), string(n)))
}

func matches(patterns []*regexp.Regexp, s string) bool {
	for _, p := range patterns {
		if p.MatchString(s) {
			return true
		}
	}
	return false
}
