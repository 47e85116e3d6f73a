// Package ran reads what a Windows system remembers of programs that ran, or were
// there, after they are gone: Amcache, ShimCache, the background activity moderator,
// UserAssist, MUICache, remote desktop clients, the recycle bin, PowerShell's typed
// lines, Prefetch, Defender's history, the file table and the change journal of NTFS.
// From an image it reads hives and files, live the registry and files; the last two it
// reads where they are files.
//
// No trace is complete: each is made by some programs' starts, kept for a while, and
// can be cleared. That a program is not among them proves nothing.
//
// Limits: 1 MiB a file (the last 1 MiB of typed lines and Defender's logs), 8,192 files
// a family, 4,096 bytes a line, 16 MiB a prefetch file unpacked, 4 GiB of a file table,
// the last 1 GiB of a journal, 16 Ki traces of each, and those of package winreg. What
// is over a limit is a gap.
package ran

import (
	"context"
	"time"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

// New returns the collector; it may be run over any number of sources at once.
func New() evidence.Collector { return collector{} }

type collector struct{}

func (collector) Name() string          { return "ran" }
func (collector) Needs() evidence.Need  { return evidence.NeedFiles }
func (collector) Parts() evidence.Parts { return evidence.CompromisedNow }

// Collect implements evidence.Collector.
func (collector) Collect(ctx context.Context, src *evidence.Source, _ *evidence.Interest, out evidence.Sink) error {
	if src.Files == nil || src.ID.OS != evidence.Windows || src.Alone || src.Kind == evidence.KindLogs {
		return nil
	}
	r := &reader{winreg.New(family.New(ctx, "ran", src, out), "it tells what starts by itself, who may enter, and what ran")}
	defer r.Close()
	r.Read("Amcache", r.amcache)
	r.Read("ShimCache", r.shimcache)
	r.Read("background activity", r.background)
	r.Read("users' traces of programs", r.userTraces)
	r.Read("recycle bin", r.recycled)
	r.Read("PowerShell's typed lines", r.histories)
	r.Read("Prefetch (none is no proof: off on servers)", r.prefetch)
	r.Read("Defender's history", r.detections)
	r.Read("file table and change journal", r.fileTables)
	r.Gap(evidence.CoverState, "traces of what ran", evidence.Unsupported,
		"SRUM and deleted keys of hives are not yet read by this version")
	return ctx.Err()
}

// reader reads one source.
type reader struct{ *winreg.Registry }

// trace is one trace, before it is handed on.
type trace struct {
	kind, image, hashes, command, user, details string

	at   time.Time
	path string // where it stands: a file of the source, or a key
	line int64  // of a file of lines; 0: none
	text string // what the reference shows
}

// observe hands a trace on.
func (r *reader) observe(t *trace) {
	o := evidence.Observation{Kind: evidence.ObserveTrace, Time: t.at, Ref: evidence.Ref{Path: r.Where(t.path), Text: t.text, Time: t.at}}
	if t.line > 0 {
		o.Ref.Unit, o.Ref.At = evidence.Line, t.line
	}
	o.Values = []string{t.kind, t.image, t.hashes, t.command, t.user, t.path, t.details}
	r.Observe(&o)
}
