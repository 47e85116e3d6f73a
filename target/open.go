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
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// Options are what the operator says about targets. The zero value opens with
// the default limits and no scope beyond what is named.
type Options struct {
	Partial bool           // --partial: what is missing was not collected
	AsOf    time.Time      // --as-of: when the evidence was taken; zero: not said
	Zone    *time.Location // --time-zone; nil: not said
	Host    string         // the host this target is evidence of (--host); "": not said
	Scratch string         // directory for spooled archives; "": a temporary one, made when needed
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
// tree, an archive of one or a pile of logs; what IsNetwork knows is the web.
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
	src := &evidence.Source{Target: spec, Kind: evidence.KindTree, Partial: opt.Partial, Close: func() error { return nil }}
	started := time.Now()
	switch {
	case err != nil:
		src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, spec, everything, err))
		bind(src, opt)
	case info.IsDir():
		openDir(ctx, src, spec, opt)
	case info.Mode().IsRegular():
		openFile(ctx, src, spec, opt)
	default:
		src.Gaps = append(src.Gaps, evidence.Gap(evidence.CoverFile, spec, everything, evidence.Unsupported,
			"a "+info.Mode().Type().String()+" is not opened; mount a disk read-only and name the folder"))
	}
	if opt.Log != nil {
		opt.Log.Debug("opened", "target", spec, "kind", src.Kind, "os", src.ID.OS, "gaps", len(src.Gaps), "took", time.Since(started))
	}
	return []*evidence.Source{src}, nil
}

// openDir opens a mounted or copied tree, or a folder of logs.
func openDir(ctx context.Context, src *evidence.Source, dir string, opt Options) {
	t, err := tree.Disk(dir, false, opt.Limits)
	if err != nil {
		src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, dir, everything, err))
		bind(src, opt)
		return
	}
	adopt(ctx, src, t, opt)
}

// openFile opens an archive, or takes the file for a log.
func openFile(ctx context.Context, src *evidence.Source, path string, opt Options) {
	t, single, faults, err := tree.File(ctx, path, opt.Scratch, opt.Limits)
	base := evidence.Name(filepath.Base(path))
	if single && len(faults) == 0 && !holdsBinary(t, base) || isLog(base) {
		src.Kind = evidence.KindLogs // else it may be a tree that is lost
	}
	if src.Kind != evidence.KindLogs && single && len(faults) == 0 && err == nil {
		faults = append(faults, errNothing)
	}
	for _, fault := range append(faults, err) {
		if fault != nil {
			src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, path, everything, fault))
		}
	}
	if err != nil {
		bind(src, opt)
		return
	}
	adopt(ctx, src, t, opt)
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
	recognise(ctx, src, t)
	identify(src, t)
	bind(src, opt)
}

// bind applies what the operator said over what the evidence says.
func bind(src *evidence.Source, opt Options) {
	src.ID.Captured = opt.AsOf
	if opt.Zone != nil {
		src.ID.Zone, src.ID.ZoneFrom = opt.Zone, "--time-zone"
	}
	if opt.Host != "" {
		src.ID.Host = opt.Host
	}
}
