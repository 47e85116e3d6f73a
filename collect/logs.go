package collect

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"postern/eventlog"
	"postern/evidence"
)

// logs reads every log that a format names, and every file of a pile of logs.
type logs struct {
	walks   *surveys
	opt     Options
	workers *eventlog.Workers // of all sources
}

func (*logs) Name() string          { return "logs" }
func (*logs) Needs() evidence.Need  { return evidence.NeedFiles }
func (*logs) Parts() evidence.Parts { return evidence.CompromisedThen }

// Collect implements evidence.Collector. Logs are read by a bounded number of
// workers, each a log; those that find none left help with a large one.
func (c *logs) Collect(ctx context.Context, src *evidence.Source, want *evidence.Interest, out evidence.Sink) error {
	if src.Files == nil {
		return nil
	}
	s := c.walks.take(src, want)
	defer c.walks.drop(src)
	if err := s.walk(ctx, out); err != nil {
		return err
	}
	s.coverLogFolders(out)
	s.coverIIS(ctx, out)
	found := s.pickLogs()
	s.coverOthers(out)
	if p, watched := out.(evidence.Planner); watched {
		for _, log := range found {
			p.Plan(log.Size)
		}
	}

	next := make(chan logFile)
	var workers sync.WaitGroup
	for range min(c.opt.Workers, max(1, len(found))) {
		workers.Go(func() {
			for log := range next {
				c.read(ctx, s, log, out)
			}
		})
	}
	for _, log := range found {
		if ctx.Err() != nil {
			break
		}
		next <- log
	}
	close(next)
	workers.Wait()
	return ctx.Err()
}

// read opens one log and hands it to eventlog; a log that fails is a gap.
func (c *logs) read(ctx context.Context, s *survey, log logFile, out evidence.Sink) {
	if c.workers.Take(ctx) != nil {
		return // cancelled is said once, by Collect's error
	}
	defer c.workers.Give()
	err := log.Err
	if err == nil {
		err = c.decode(ctx, s, log, out)
	}
	if err != nil && ctx.Err() == nil {
		out.Cover(evidence.ErrGap(evidence.CoverLog, string(log.Name), evidence.CompromisedThen, err))
	}
}

func (c *logs) decode(ctx context.Context, s *survey, log logFile, out evidence.Sink) error {
	f, err := s.src.Files.Open(log.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if p, watched := out.(evidence.Planner); watched {
		f = counted{f, p}
	}
	var again func() (evidence.File, error)
	if s.src.Kind == evidence.KindHost {
		again = func() (evidence.File, error) { return s.src.Files.Open(log.Name) }
	}
	in := eventlog.Input{
		Name: log.Name, File: f, ModTime: log.ModTime, Zone: s.src.ID.Zone,
		Formats: s.want.Logs, Review: s.want.Review, Required: s.want.Required, Proxies: s.want.Proxies,
		Collector: "logs", Folder: string(log.Name.Dir()), Again: again, Recover: s.want.Recover, Workers: c.workers, Block: c.opt.Block,
	}
	if c.opt.InOrder {
		in.Workers = nil
	}
	if k, keeps := out.(evidence.Keeper); keeps {
		return readOn(ctx, in, k.Kept(log.Name))
	}
	return eventlog.Read(ctx, in, out)
}

// readOn reads a log from where an earlier run came to, if what that run read
// still stands there.
func readOn(ctx context.Context, in eventlog.Input, kept evidence.Kept) error {
	if state, whole := kept.State(); state != nil {
		found, err := eventlog.Check(ctx, in.File, state)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // reading the log anew says what is wrong with it
		case found == eventlog.Shrunk:
			kept.Sink().Cover(evidence.Gap(evidence.CoverLog, string(in.Name), evidence.CompromisedThen, evidence.Truncated,
				"it is shorter than when this work began: what stood at its end is gone"))
		case found == eventlog.Changed:
			kept.Sink().Cover(evidence.Gap(evidence.CoverLog, string(in.Name), 0, evidence.Ambiguous,
				"what stood in it when this work began is no longer there; it was read anew"))
		case found == eventlog.Grown, eventlog.Redated(state, in.ModTime): // it is read anew, and nothing is lost
		case kept.TakeOver() != nil: // the Keeper says why
		case whole:
			return nil
		default:
			in.From = state
		}
	}
	in.Keep = kept.Keep
	err := eventlog.Read(ctx, in, kept.Sink())
	kept.Keep(nil, false)
	return err
}

// counted tells a planner what is read of a file.
type counted struct {
	evidence.File
	planner evidence.Planner
}

func (c counted) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.File.ReadAt(b, off)
	c.planner.Read(int64(n))
	return n, err
}

// coverLogFolders says which default log folders a selection does not hold.
func (s *survey) coverLogFolders(out evidence.Sink) {
	if !s.src.Partial {
		return
	}
	said := map[string]bool{}
	for _, f := range s.want.Logs {
		if f.Shared && !f.Need {
			continue // a machine may well have none
		}
		for _, folder := range f.Folders {
			if s.folder(folder) == nil && s.fits(folder) && !said[folder] {
				said[folder] = true
				out.Cover(evidence.Gap(evidence.CoverLog, folder, f.Parts, evidence.NotCollected, f.Family+" logs lie there by default"))
			}
		}
	}
}

// logEndings are those of logs, packed or not.
var logEndings = []string{".log", ".zip", ".gz", ".bz2", ".xz", ".zst"}

// exportEndings are those of Windows events exported as JSON. In a folder that is
// no system's their content decides.
var exportEndings = []string{".json", ".jsonl", ".ndjson"}

// asLog decides whether a file may be a log that somebody asks for; nil: no.
// Which of them are read is picked when the whole tree has been seen.
func (s *survey) asLog(e evidence.Entry, base string) *logFile {
	if s.src.Kind == evidence.KindLogs {
		return &logFile{Entry: e, named: true}
	}
	if matchesAny(s.logNames, base) || s.windowsLog(e.Name, base) {
		return &logFile{Entry: e, named: true}
	}
	plain := matchesAny(s.plain, base) || s.src.ID.OS == "" && hasAnySuffix(base, exportEndings)
	if !plain && !hasAnySuffix(base, logEndings) && !strings.Contains(base, ".log.") {
		if s.logsAlone() && !hasAnySuffix(base, mailEndings) {
			return &logFile{Entry: e, guess: true}
		}
		return nil
	}
	return &logFile{Entry: e, plain: plain}
}

// mailEndings are those of mailboxes and messages, whose content nobody asked for.
var mailEndings = []string{".eml", ".grp", ".msg", ".mbox", ".mbx", ".pst", ".ost"}

// logsAlone reports whether nothing but logs is asked for, of a folder that is no
// system's: whoever names it means what is in it, whatever it is called.
func (s *survey) logsAlone() bool {
	return s.want.Parts == evidence.CompromisedThen && s.src.Kind == evidence.KindTree && s.src.ID.OS == ""
}

// coverOthers says which files are no logs by their name and by their content.
func (s *survey) coverOthers(out evidence.Sink) {
	what := "it reads as no log"
	if s.others > 1 {
		what = fmt.Sprintf("%d files read as no log, this is the first", s.others)
	}
	if s.others > 0 {
		out.Cover(evidence.Gap(evidence.CoverFile, s.other, 0, evidence.Format, what))
	}
}

// calledLog reports whether what is no file has a name that only logs have.
func (s *survey) calledLog(e evidence.Entry, base string) bool {
	log := s.asLog(e, base)
	return log != nil && (log.named || log.plain && (strings.Contains(base, ".log") || strings.Contains(base, "_log")))
}

// windowsLog reports whether a file is an event log of this machine's Windows,
// by where it lies. Those of other machines lie elsewhere, and so do copies that
// a user has: who means one names it. In a folder that is no system's the
// operator means all of them.
func (s *survey) windowsLog(name evidence.Name, base string) bool {
	return strings.HasSuffix(base, ".evtx") && (s.src.ID.OS == "" || strings.HasSuffix(strings.ToLower(string(name.Dir())), "winevt/logs"))
}

// pickLogs returns the logs to be read: those that a format names, whatever
// looks like a log beside one of them or right in a folder that a format names,
// and .log files in the log folders of a product: an odd file there is a gap,
// not nothing. Deeper below a format's folder, where other programs log too, and
// of a name or a folder that a format shares with them, the content decides. A product's other folders hold its users' files, which
// are no logs of this machine.
func (s *survey) pickLogs() []logFile {
	beside, under, homes, shared := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, l := range s.logs {
		if l.named {
			beside[s.key(l.Name.Dir())] = true
		}
	}
	for _, f := range s.want.Logs {
		if f.Shared {
			s.homes(shared, f.Folders)
		} else {
			s.homes(beside, f.Folders)
		}
		s.homes(under, f.Folders)
	}
	for _, p := range s.want.Products {
		s.homes(homes, p.Data)
		s.homes(homes, p.Folders)
	}
	var picked []logFile
	for _, l := range s.logs {
		dir := strings.ToLower(l.Name.Dir().Base())
		switch {
		case l.guess && !s.looksLikeLog(l):
			if s.others++; s.other == "" {
				s.other = string(l.Name)
			}
		case l.guess, l.named, beside[s.key(l.Name.Dir())],
			strings.Contains(dir, "log") && strings.Contains(strings.ToLower(l.Name.Base()), ".log") && s.below(l.Name, homes),
			l.plain && shared[s.key(l.Name.Dir())],
			(l.plain || s.below(l.Name, under)) && s.looksLikeLog(l):
			picked = append(picked, l)
		}
	}
	return picked
}

// looksLikeLog tests the head of a file. One that does not open is taken for a
// log, so that reading it says what is wrong.
func (s *survey) looksLikeLog(l logFile) bool {
	if l.Err != nil {
		return true
	}
	f, err := s.src.Files.Open(l.Name)
	if err != nil {
		return true
	}
	defer f.Close()
	want := int64(1024)
	if hasAnySuffix(strings.ToLower(l.Name.Base()), exportEndings) {
		want = eventlog.ExportHead
	}
	head := make([]byte, min(want, f.Size()))
	n, err := f.ReadAt(head, 0)
	if short(int64(n), int64(len(head)), err) != nil {
		return true
	}
	return eventlog.Sniff(string(l.Name), head[:n], s.want.Logs) != nil || eventlog.IsExport(head[:n])
}

// homes adds the folders that the walk found.
func (s *survey) homes(keys map[string]bool, paths []string) {
	for _, path := range paths {
		if f := s.folder(path); f != nil {
			keys[s.key(f.name)] = true
		}
	}
}

// below reports whether a name stands below any of the folders.
func (s *survey) below(n evidence.Name, keys map[string]bool) bool {
	for d := n.Dir(); len(keys) > 0; d = d.Dir() {
		if keys[s.key(d)] {
			return true
		}
		if d == "." {
			return false
		}
	}
	return false
}
