package collection

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// Tool is a program that makes collections.
type Tool string

// The tools whose collections are known.
const (
	None         Tool = ""
	Velociraptor Tool = "Velociraptor"
	KAPE         Tool = "KAPE"
	UAC          Tool = "UAC"
)

// Found is a collection as its own records tell it.
type Found struct {
	Tree     *tree.Tree        // its files under the machine's own names, owning the tree given; nil: as they were
	Inner    evidence.Name     // an archive in it that holds the files; "": none
	OS       evidence.OS       // "": nothing told
	Volumes  []evidence.Volume // nil: the layout tells
	Host     string
	Zone     *time.Location
	ZoneFrom string
	Captured time.Time // zero: nothing told
	Gaps     []evidence.Coverage
}

// Limits of what is read of a collection's own records.
const (
	maxRecords = 256 << 20 // bytes of one list of files
	maxSmall   = 4 << 20   // bytes of a file that says one thing
	maxRows    = 64        // gaps of one kind; the rest is counted
)

const everything = evidence.Exposed | evidence.Compromised

// Marked says whose marker files stand in a folder of these names.
func Marked(names []string) Tool {
	has := func(list ...string) bool {
		return slices.ContainsFunc(list, func(want string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, want) })
		})
	}
	switch {
	case has("uac.log"):
		return UAC
	case has("uploads.json"),
		has("uploads", "results") && has("client_info.json", "collection_context.json", "log.json"),
		has("data.zip") && has("metadata.json"):
		return Velociraptor
	case slices.ContainsFunc(names, func(n string) bool { return copyLog.MatchString(n) || skipLog.MatchString(n) }):
		return KAPE
	}
	return None
}

// Read reads the records of a tool's collection that begins at root, among
// these names.
func Read(ctx context.Context, t *tree.Tree, root evidence.Name, names []string, tool Tool, limits tree.Limits) *Found {
	r := &reading{Found: &Found{}, ctx: ctx, tree: t, root: root, names: names, limits: limits}
	var err error
	switch tool {
	case Velociraptor:
		err = r.velociraptor()
	case KAPE:
		err = r.kape()
	case UAC:
		err = r.uac()
	}
	if err != nil {
		r.fault(string(root), err)
	}
	return r.Found
}

// reading is one collection being read.
type reading struct {
	*Found
	ctx    context.Context //nolint:containedctx // a reading lasts as long as one call of Read
	tree   *tree.Tree
	root   evidence.Name
	names  []string
	limits tree.Limits
}

// gap says that something of the collection itself is not seen.
func (r *reading) gap(kind evidence.CoverageKind, path evidence.Name, parts evidence.Parts, reason evidence.Reason, detail string) {
	r.Gaps = append(r.Gaps, evidence.Gap(kind, string(path), parts, reason, detail))
}

// fault is a record of the collection that could not be read.
func (r *reading) fault(path string, err error) {
	r.Gaps = append(r.Gaps, evidence.ErrGap(evidence.CoverFile, path, everything, err))
}

// has reports whether the collection's folder holds a name.
func (r *reading) has(name string) bool { return slices.Contains(r.names, name) }

// text opens a record of at most limit bytes.
func (r *reading) text(name evidence.Name, limit int64) (*io.SectionReader, io.Closer, error) {
	f, err := r.tree.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if f.Size() > limit {
		f.Close()
		return nil, nil, fmt.Errorf("%q: %w: %d bytes, over %d", name, evidence.ErrLimit, f.Size(), limit)
	}
	return io.NewSectionReader(f, 0, f.Size()), f, nil
}

// all reads a record whole.
func (r *reading) all(name evidence.Name, limit int64) ([]byte, error) {
	text, f, err := r.text(name, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(text)
}

// rows are gaps of one kind: the first maxRows by name, the rest by number.
type rows struct {
	to    *reading
	count int
	more  string // what the rest is called
	parts evidence.Parts
}

func (r *rows) add(path string, parts evidence.Parts, err error) {
	if r.count++; r.count <= maxRows {
		r.to.Gaps = append(r.to.Gaps, evidence.ErrGap(evidence.CoverFile, path, parts, err))
		return
	}
	r.parts |= parts
}

func (r *rows) end() {
	if n := r.count - maxRows; n > 0 {
		r.to.gap(evidence.CoverFile, r.to.root, r.parts, evidence.NotCollected, fmt.Sprintf("%d more %s", n, r.more))
	}
}

// later keeps the latest plausible time.
func (r *reading) later(t time.Time) {
	if t.After(r.Captured) && t.Year() >= 1990 && t.Year() < 3000 {
		r.Captured = t.UTC()
	}
}
