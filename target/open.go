package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"postern/evidence"
	"postern/target/collection"
	"postern/target/tree"
)

// Options are what the operator says about targets. The zero value opens with
// the default limits and no scope beyond what is named.
type Options struct {
	Files   bool           // files are wanted, whatever they are: a single one is a tree of one, and logs are files like others
	Partial bool           // --partial: what is missing was not collected
	AsOf    time.Time      // --as-of: when the evidence was taken; zero: not said
	Zone    *time.Location // --time-zone; nil: not said
	Host    string         // the host this target is evidence of (--host); "": not said
	Scratch string         // directory for spooled archives; "": a temporary one, made when needed
	Shadows []Shadow       // of this host: what files are read from that other programs have locked
	Limits  Limits
	Scope   *Scope       // nil: only named hosts
	Pace    *Pace        // shared by all targets of a run; nil: one of this call, PoliteRate
	Log     *slog.Logger // nil: discard
}

// Limits bound what one target may cost. A zero field means its default.
type Limits = tree.Limits

// everything is what a source that cannot be read leaves open.
const everything = evidence.Exposed | evidence.Compromised

// Open works out what one target is and opens it: "" is this host; a path is a
// tree, an archive of one, a collection or a pile of logs; what IsNetwork knows
// is the web. A folder or an archive of archives gives a source for each.
// A target that is not there wraps fs.ErrNotExist. One that is there and cannot be opened, or not whole, is a
// Source with Gaps. The caller closes every Source.
func Open(ctx context.Context, spec string, opt Options) ([]*evidence.Source, error) {
	if spec == "" {
		return openHost(ctx, opt)
	}
	if IsNetwork(spec) {
		return openURL(ctx, spec, opt)
	}
	info, err := os.Stat(spec)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("target: %q is not there; a web address is written https://HOST: %w", spec, fs.ErrNotExist)
	}
	started := time.Now()
	var sources []*evidence.Source
	switch {
	case err != nil:
		sources = lost(spec, opt, evidence.ErrGap(evidence.CoverFile, spec, everything, err))
	case info.IsDir():
		sources = openDir(ctx, spec, opt)
	case info.Mode().IsRegular():
		t, single, faults, err := tree.File(ctx, spec, opt.Scratch, opt.Limits)
		sources = settle(ctx, packed{target: spec, base: filepath.Base(spec), depth: 1}, t, single, faults, err, opt)
	default:
		sources = lost(spec, opt, evidence.Gap(evidence.CoverFile, spec, everything, evidence.Unsupported,
			"a "+info.Mode().Type().String()+" is not opened; mount a disk read-only and name the folder"))
	}
	if opt.Log != nil {
		for _, src := range sources {
			opt.Log.Debug("opened", "target", src.Target, "kind", src.Kind, "os", src.ID.OS, "gaps", len(src.Gaps), "took", time.Since(started))
		}
	}
	return sources, nil
}

func newSource(target string, opt Options) *evidence.Source {
	return &evidence.Source{Target: target, Kind: evidence.KindTree, Partial: opt.Partial, Close: func() error { return nil }}
}

// lost is a target of which nothing can be read.
func lost(target string, opt Options, gap evidence.Coverage) []*evidence.Source {
	src := newSource(target, opt)
	src.Gaps = append(src.Gaps, gap)
	bind(src, opt)
	return []*evidence.Source{src}
}

// openDir opens a mounted or copied tree, a folder of logs, or one of
// collections.
func openDir(ctx context.Context, dir string, opt Options) []*evidence.Source {
	t, err := tree.Disk(dir, false, opt.Limits)
	if err != nil {
		return lost(dir, opt, evidence.ErrGap(evidence.CoverFile, dir, everything, err))
	}
	if held := archivesIn(t); len(held) > 0 && !opt.Files {
		return openHeld(ctx, packed{target: dir}, t, held, opt)
	}
	src := newSource(dir, opt)
	adopt(ctx, src, t, opt)
	return []*evidence.Source{src}
}

// packed is one file being opened: what it is called, and how many archives
// were opened to reach its content.
type packed struct {
	target string
	base   string
	depth  int
}

// maxDepth is how many archives are opened inside one another: a zip, and the
// one that KAPE or a careful colleague put into it.
const maxDepth = 2

// settle makes sources of one opened file: an archive, archives in it, or a log.
func settle(ctx context.Context, what packed, t *tree.Tree, single bool, faults []error, err error, opt Options) []*evidence.Source {
	src := newSource(what.target, opt)
	base := evidence.Name(what.base)
	if err == nil && single && len(faults) == 0 && !holdsBinary(t, base) || isLog(base) || single && opt.Files {
		src.Kind = evidence.KindLogs // else it may be a tree that is lost
	}
	if src.Kind != evidence.KindLogs && single && len(faults) == 0 && err == nil {
		faults = append(faults, errNothing)
	}
	if err == nil && !single && len(faults) == 0 && what.depth < maxDepth && !opt.Files {
		if held := archivesIn(t); len(held) > 0 {
			return openHeld(ctx, what, t, held, opt)
		}
	}
	for _, fault := range append(faults, err) {
		if fault != nil {
			src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, what.target, everything, fault))
		}
	}
	if err != nil {
		bind(src, opt)
		return []*evidence.Source{src}
	}
	host, captured := collection.FileName(what.base)
	adopt(ctx, src, t, opt)
	if src.Kind == evidence.KindCollection {
		hint(src, &collection.Found{Host: host, Captured: captured})
		bind(src, opt)
	}
	return []*evidence.Source{src}
}

// openHeld opens every archive that t holds as a source of its own. One alone
// goes by the name that the operator gave.
func openHeld(ctx context.Context, outer packed, t *tree.Tree, held []evidence.Name, opt Options) (sources []*evidence.Source) {
	var open atomic.Int64 // sources that read t
	for _, name := range held {
		what := packed{target: outer.target, base: name.Base(), depth: outer.depth + 1}
		if len(held) > 1 {
			what.target = filepath.Join(outer.target, filepath.FromSlash(string(name)))
		}
		inner, single, faults, err := t.Nested(ctx, name, opt.Scratch, opt.Limits)
		for _, src := range settle(ctx, what, inner, single, faults, err, opt) {
			open.Add(1)
			closeInner := src.Close
			src.Close = sync.OnceValue(func() error {
				err := closeInner()
				if open.Add(-1) == 0 {
					err = errors.Join(err, t.Close())
				}
				return err
			})
			sources = append(sources, src)
		}
	}
	return sources
}

// errNothing is said of a file whose name promises no log, and whose content no
// text: a disk image of a kind unknown, a hive, a program.
var errNothing = fmt.Errorf("%w: no archive, no log and no text: mount a disk image read-only, and name the folder that a system's file lies in", evidence.ErrUnsupported)

// holdsBinary reports whether the only file of t holds bytes that no log does. Packed
// logs and text in UTF-16 hold them too.
func holdsBinary(t *tree.Tree, name evidence.Name) bool {
	f, err := t.Open(name)
	if err != nil {
		return false // its reader says so
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := f.ReadAt(head, 0) // what cannot be read is its reader's to tell
	head = head[:n]
	for _, magic := range []string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xff\xfe", "\xfe\xff", "ElfFile\x00"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return false
		}
	}
	return bytes.IndexByte(head, 0) >= 0
}

// adopt makes t the source's files and finds out what they are.
func adopt(ctx context.Context, src *evidence.Source, t *tree.Tree, opt Options) {
	src.Files, src.Close = t, t.Close
	t, found := recognise(ctx, src, t, opt)
	identify(src, t)
	if found != nil {
		hint(src, found)
	}
	if opt.Files && src.ID.OS == "" && found == nil {
		takeAll(src)
	}
	bind(src, opt)
}

// takeAll makes a source that is no machine's one of files, all of which are wanted.
// Whoever names a folder may mean a web root, so it counts as one.
func takeAll(src *evidence.Source) {
	src.Kind, src.Whole, src.Alone = evidence.KindTree, true, true
	src.Sites = []evidence.Site{{From: "named by the operator"}}
	if src.Volumes == nil {
		src.Volumes = []evidence.Volume{{Mount: "/", Root: "."}}
	}
}

// hint fills what the evidence itself does not tell with what a collection says.
func hint(src *evidence.Source, found *collection.Found) {
	if src.ID.Host == "" && validHost(found.Host) {
		src.ID.Host = found.Host
	}
	if src.ID.Zone == nil && found.Zone != nil {
		src.ID.Zone, src.ID.ZoneFrom = found.Zone, found.ZoneFrom
	}
	if src.ID.Captured.IsZero() {
		src.ID.Captured = found.Captured
	}
}

// bind applies what the operator said over what the evidence says.
func bind(src *evidence.Source, opt Options) {
	if !opt.AsOf.IsZero() {
		src.ID.Captured = opt.AsOf
	}
	if opt.Zone != nil {
		src.ID.Zone, src.ID.ZoneFrom = opt.Zone, "--time-zone"
	}
	if opt.Host != "" {
		src.ID.Host = opt.Host
	}
}
