// Package linux reads what starts by itself on a Linux system, who may enter it, and
// what was typed there: units, cron, profiles, preloaded libraries, PAM, accounts,
// keys, sudo, shell histories. It reads files alone, so that a running host and an
// image of it give the same.
//
// Limits: 1 MiB a file (16 MiB for accounts, and the last 1 MiB of a history), 8,192
// files a family, 4,096 lines a script. What is over a limit is a gap. Hashes of
// passwords are never kept, and of keys the fingerprint alone.
package linux

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"postern/evidence"
)

const (
	maxFile    = 1 << 20
	maxAccount = 16 << 20
	maxFiles   = 8192
	maxLines   = 4096
)

// New returns the collector; it may be run over any number of sources at once.
func New() evidence.Collector { return collector{} }

type collector struct{}

func (collector) Name() string          { return "linux" }
func (collector) Needs() evidence.Need  { return evidence.NeedFiles }
func (collector) Parts() evidence.Parts { return evidence.CompromisedNow }

// Collect implements evidence.Collector.
func (collector) Collect(ctx context.Context, src *evidence.Source, _ *evidence.Interest, out evidence.Sink) error {
	if src.Files == nil || src.ID.OS != evidence.Linux || src.Alone || src.Kind == evidence.KindLogs {
		return nil
	}
	r := &reader{ctx: ctx, src: src, out: out, said: map[evidence.Name]bool{}}
	r.family("accounts", r.accounts)
	r.family("sudoers", r.sudoers)
	r.family("remote logon", r.remote)
	r.family("systemd units", r.units)
	r.family("cron", r.cron)
	r.family("start scripts", r.scripts)
	r.family("preloaded libraries", r.preload)
	r.family("PAM", r.pam)
	r.family("hooks", r.hooks)
	r.family("shell histories", r.histories)
	out.Cover(evidence.Gap(evidence.CoverState, "persistence", evidence.CompromisedNow, evidence.Unsupported,
		"capabilities of files, loaded kernel modules, sockets and records of logons are not yet read by this version"))
	return ctx.Err()
}

// reader reads one source, family by family.
type reader struct {
	ctx   context.Context
	src   *evidence.Source
	out   evidence.Sink
	lane  evidence.Lane // of the family
	name  string        // of the family
	count int64         // observations of the family
	files int           // of the family
	users []user
	said  map[evidence.Name]bool // folders that cannot be listed
}

// user is an account with a home.
type user struct{ name, home string }

// family reads one family, and says how much of it there was.
func (r *reader) family(name string, read func()) {
	r.name, r.count, r.files = name, 0, 0
	r.lane = r.out.Lane(evidence.Ref{Collector: "linux", Path: name})
	read()
	if err := r.lane.Close(); err != nil {
		r.out.Cover(evidence.ErrGap(evidence.CoverState, name, evidence.CompromisedNow, err))
	}
	switch err := r.ctx.Err(); {
	case err != nil:
		r.out.Cover(evidence.ErrGap(evidence.CoverState, name, evidence.CompromisedNow, err))
	case r.files == 0 && r.src.Partial:
		r.out.Cover(evidence.Gap(evidence.CoverState, name, evidence.CompromisedNow, evidence.NotCollected, "no file of them is in this collection"))
	default:
		r.out.Cover(evidence.Coverage{Kind: evidence.CoverState, Path: name, Parts: evidence.CompromisedNow, Count: r.count})
	}
}

// file is one small file, read.
type file struct {
	evidence.Entry
	path string // the machine's
	text string
}

// lost covers a file that could not be read.
func (r *reader) lost(name evidence.Name, err error) {
	gap := evidence.ErrGap(evidence.CoverFile, string(name), evidence.CompromisedNow, err)
	if errors.Is(err, fs.ErrPermission) && r.src.Kind == evidence.KindHost && !r.src.ID.Elevated {
		gap.Missed.Reason = evidence.Unelevated
	}
	r.out.Cover(gap)
}

// each calls fn for every regular file at a path: the file itself, or those of a
// folder and of the folders below it down to depth.
func (r *reader) each(path string, depth int, fn func(f *file)) {
	root, ok := r.src.Locate(path)
	if !ok {
		return
	}
	err := r.src.Files.Walk(r.ctx, root, func(e evidence.Entry) error {
		below := strings.Trim(strings.TrimPrefix(string(e.Name), string(root)), "/")
		level := strings.Count(below, "/")
		switch {
		case e.Err != nil && !errors.Is(e.Err, fs.ErrNotExist):
			r.lost(e.Name, e.Err)
		case e.Mode.IsDir() && below != "" && level+1 > depth:
			return fs.SkipDir
		case e.Mode.IsRegular():
			if r.files++; r.files > maxFiles {
				r.out.Cover(evidence.Gap(evidence.CoverState, r.name, evidence.CompromisedNow, evidence.TooLarge, "more than 8,192 files; the rest of "+path+" was not read"))
				return fs.SkipAll
			}
			r.open(e, strings.TrimSuffix(path+"/"+below, "/"), maxFile, fn)
		}
		return nil
	})
	switch {
	case err == nil || r.ctx.Err() != nil:
	case errors.Is(err, fs.ErrNotExist):
		r.shut(root.Dir())
	default:
		r.lost(root, err)
	}
}

// shut covers a folder that cannot be listed, where something below it was asked for
// and is not to be seen.
func (r *reader) shut(dir evidence.Name) {
	for ; dir != "."; dir = dir.Dir() {
		var first *evidence.Entry
		_ = r.src.Files.Walk(r.ctx, dir, func(e evidence.Entry) error { first = &e; return fs.SkipAll })
		switch {
		case first == nil:
			continue
		case first.Err != nil && !r.said[dir]:
			r.said[dir] = true
			r.lost(dir, first.Err)
		}
		return
	}
}

// open reads a file whole and hands it on; a longer one is read up to the limit, and
// the rest is a gap.
func (r *reader) open(e evidence.Entry, path string, limit int64, fn func(f *file)) {
	h, err := r.src.Files.Open(e.Name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.lost(e.Name, err)
		}
		return
	}
	defer h.Close()
	from := int64(0)
	if h.Size() > limit {
		if r.name == "shell histories" {
			from = h.Size() - limit
		}
		r.out.Cover(evidence.Gap(evidence.CoverFile, string(e.Name), evidence.CompromisedNow, evidence.TooLarge, "longer than what is read of it"))
	}
	data := make([]byte, min(h.Size(), limit))
	n, err := h.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) || n < len(data) {
		if err == nil || errors.Is(err, io.EOF) {
			err = evidence.ErrTruncated
		}
		r.lost(e.Name, err)
	}
	fn(&file{e, path, string(data[:n])})
}

// lines calls fn for the lines of a file that say something; a line that ends in a
// backslash goes on in the next one.
func (r *reader) lines(f *file, fn func(at int64, line string)) {
	at, said, whole, begun := int64(0), 0, "", int64(0)
	for line := range strings.SplitSeq(f.text, "\n") {
		at++
		if whole == "" {
			begun = at
		}
		line, more := strings.CutSuffix(strings.TrimRight(line, "\r"), `\`)
		if whole += line; more && len(whole) < maxFile {
			continue
		}
		line, whole = strings.TrimSpace(whole), ""
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if said++; said > maxLines && r.name != "accounts" && r.name != "shell histories" {
			r.out.Cover(evidence.Gap(evidence.CoverFile, string(f.Name), evidence.CompromisedNow, evidence.TooLarge, "more than 4,096 lines; the rest was not held against anything"))
			return
		}
		fn(begun, line)
	}
}

// observe hands one fact on; values stand by position in evidence.Fields.
func (r *reader) observe(kind evidence.ObservationKind, f *file, line int64, text string, values ...string) {
	ref := evidence.Ref{Collector: "linux", Path: string(f.Name), Text: text}
	if line > 0 {
		ref.Unit, ref.At = evidence.Line, line
	}
	at := f.ModTime
	if f.Changed.After(at) {
		at = f.Changed
	}
	o := evidence.Observation{Kind: kind, Values: values, Ref: ref, Time: at}
	if err := r.lane.Observe(r.ctx, &o); err != nil && r.ctx.Err() == nil {
		r.lost(f.Name, err)
	}
	r.count++
}

// start hands an autostart on.
func (r *reader) start(f *file, line int64, kind, name, command, user, details string) {
	r.observe(evidence.ObserveAutostart, f, line, command, kind, name, command, image(command), "", user, f.path, details)
}

// setting hands a setting on.
func (r *reader) setting(f *file, line int64, kind, name, details, image, user string) {
	r.observe(evidence.ObserveSetting, f, line, details, kind, name, details, image, user, f.path)
}

// image is the program that a command starts: its first word that is no assignment,
// without what systemd and shells put in front.
func image(command string) string {
	for word := range strings.FieldsSeq(command) {
		word = strings.Trim(strings.TrimLeft(word, "@-:+!("), `"'`)
		if name, _, set := strings.Cut(word, "="); set && !strings.Contains(name, "/") || slices.Contains([]string{"exec", "nohup", "env", "sudo", "nice", "ionice", "setsid", "time"}, word) {
			continue
		}
		if strings.HasPrefix(word, "/") {
			return word
		}
		return ""
	}
	return ""
}
