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
	"slices"
	"strings"
	"time"

	"postern/collect/family"
	"postern/evidence"
)

const (
	maxAccount = 16 << 20
	maxLines   = 4096
	maxCommand = 64 << 10
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
	r := &reader{Reader: family.New(ctx, "linux", src, out)}
	r.Read("accounts", r.accounts)
	r.Read("sudoers", r.sudoers)
	r.Read("remote logon", r.remote)
	r.Read("systemd units", r.units)
	r.Read("cron", r.cron)
	r.Read("start scripts", r.scripts)
	r.Read("preloaded libraries", r.preload)
	r.Read("PAM", r.pam)
	r.Read("hooks", r.hooks)
	r.Read("shell histories", r.histories)
	r.Read("logons", r.logons)
	r.Read("packages that came", r.packages)
	out.Cover(evidence.Gap(evidence.CoverState, "persistence", evidence.CompromisedNow, evidence.Unsupported,
		"capabilities of files, loaded kernel modules, sockets, lastlog and the history of apt are not yet read by this version"))
	return ctx.Err()
}

// reader reads one source.
type reader struct {
	*family.Reader
	users []user
}

// user is an account with a home.
type user struct{ name, home string }

// file is one small file, read.
type file struct {
	*family.File
	text string
}

// newest is the newest of a file's own times.
func (f *file) newest() time.Time {
	if f.Changed.After(f.ModTime) {
		return f.Changed
	}
	return f.ModTime
}

// each calls fn for the files at a path, as family.Reader's Each does.
func (r *reader) each(path string, depth int, fn func(f *file)) {
	r.Each(path, depth, func(f *family.File) { fn(&file{f, string(f.Data)}) })
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
		if whole += line; more && len(whole) < family.MaxFile {
			continue
		}
		line, whole = strings.TrimSpace(whole), ""
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if said++; said > maxLines && r.Name != "accounts" {
			r.Gap(evidence.CoverFile, string(f.Name), evidence.TooLarge, "more than 4,096 lines; the rest was not held against anything")
			return
		}
		fn(begun, line)
	}
}

// observe hands one fact on; values stand by position in evidence.Fields.
func (r *reader) observe(kind evidence.ObservationKind, f *file, line int64, text string, values ...string) {
	ref := evidence.Ref{Path: string(f.Name), Text: text}
	if line > 0 {
		ref.Unit, ref.At = evidence.Line, line
	}
	r.Observe(&evidence.Observation{Kind: kind, Values: values, Ref: ref, Time: f.newest()})
}

// start hands an autostart on.
func (r *reader) start(f *file, line int64, kind, name, command, user, details string) {
	r.observe(evidence.ObserveAutostart, f, line, command, kind, name, command, image(command), "", user, f.Path, details)
}

// setting hands a setting on.
func (r *reader) setting(f *file, line int64, kind, name, details, image, user string) {
	r.observe(evidence.ObserveSetting, f, line, details, kind, name, details, image, user, f.Path)
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
