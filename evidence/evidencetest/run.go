// Package evidencetest holds the conformance suite that every collector must
// pass (Run), and evidence in memory to test with: Tree, State, Registry, Sink,
// and generators of the small binary files that tests and examples need.
//
// The suite is the law of the house as a test: whatever a collector reads on a
// good source is then taken away, cut or made unreadable, one at a time, and
// each time it must say so.
package evidencetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"postern/evidence"
)

// Run holds a collector against the law. create returns a fresh collector, want
// is what it is asked for, good returns a fresh source that it reads without
// error; its Files must be a Tree and its State a State, or nil, for the suite
// to break them. Every file that the collector opens on the good source is
// broken in turn, and so is every directory above one; each time a gap must
// name it.
func Run(t *testing.T, create func() evidence.Collector, want *evidence.Interest, good func() *evidence.Source) {
	t.Helper()
	s := suite{create, want, good, &Sink{}, map[string]bool{}}
	if !t.Run("good", s.good) {
		return
	}
	t.Run("cancelled", s.cancelled)
	if st, ok := good().State.(State); ok && create().Needs()&evidence.NeedState != 0 {
		src := good()
		st.Err = fs.ErrPermission
		src.State = st
		t.Run("processes unreadable", func(t *testing.T) { s.demandGap(t, src, "") })
	}
	if _, ok := good().Files.(Tree); !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.opened)) {
		for what, spoil := range spoilers {
			src := good()
			tree := src.Files.(Tree)
			f := tree[name]
			if what == "long line" && !s.hasEvents(name) || len(f.Data) < 2 {
				continue
			}
			tree[name] = spoil(f)
			t.Run(what+"/"+name, func(t *testing.T) { s.demandGap(t, src, name) })
		}
	}
	for _, dir := range above(s.opened) {
		src := good()
		tree := src.Files.(Tree)
		maps.DeleteFunc(tree, func(n string, _ File) bool { return strings.HasPrefix(n, dir+"/") })
		tree[dir] = File{Dir: true, WalkErr: fs.ErrPermission}
		t.Run("directory unreadable/"+dir, func(t *testing.T) { s.demandGap(t, src, dir) })
	}
}

// spoilers are the ways in which a file that was read before is broken.
var spoilers = map[string]func(File) File{
	"unreadable":  func(f File) File { f.OpenErr = fs.ErrPermission; return f },
	"encrypted":   func(f File) File { f.OpenErr = evidence.ErrEncrypted; return f },
	"on the walk": func(f File) File { f.WalkErr = fs.ErrPermission; return f },
	"half read":   func(f File) File { f.ReadErr = errors.New("input/output error"); return f },
	"cut":         func(f File) File { f.Declared, f.Data = f.size(), f.Data[:len(f.Data)/2]; return f },
	"long line": func(f File) File {
		f.Data = slices.Concat(f.Data, bytes.Repeat([]byte("A"), longLine), []byte("\n"))
		return f
	},
}

// longLine is more than any reader of lines keeps.
const longLine = 8 << 20

// suite is one run of the conformance tests.
type suite struct {
	create func() evidence.Collector
	want   *evidence.Interest
	source func() *evidence.Source
	base   *Sink           // what the good source gave
	opened map[string]bool // the files opened on it, as stored
}

func (s *suite) good(t *testing.T) {
	c, src := s.create(), s.source()
	if c.Name() == "" || c.Needs() == 0 || c.Parts() == 0 {
		t.Error("a collector needs a name, something to read, and parts it answers for")
	}
	if src.Files != nil {
		src.Files = &watch{Tree: src.Files, opened: s.opened}
	}
	if err := c.Collect(t.Context(), src, s.want, s.base); err != nil {
		t.Fatalf("good source: %v", err)
	}
	if s.base.Open != 0 {
		t.Errorf("%d lanes left open", s.base.Open)
	}
	if len(s.base.Covered) == 0 {
		t.Error("covered nothing: a collector that looked says where")
	}
	var again Sink
	if err := s.create().Collect(t.Context(), s.source(), s.want, &again); err != nil {
		t.Fatalf("second run: %v", err)
	}
	if a, b := rows(s.base), rows(&again); !slices.Equal(a, b) {
		t.Errorf("two runs cover differently:\n%q\n%q", a, b)
	}
}

// rows renders coverage for comparison, in no run's own order.
func rows(s *Sink) []string {
	var all []string
	for _, c := range s.Covered {
		row := string(c.Kind) + " " + c.Path + " " + c.SHA256
		if c.Missed != nil {
			row += " " + c.Missed.String()
		}
		all = append(all, row)
	}
	slices.Sort(all)
	return all
}

func (s *suite) hasEvents(name string) bool {
	return slices.ContainsFunc(s.base.Events, func(e evidence.Event) bool { return e.Ref.Path == name })
}

// cancelled ends the context before the work, and at the first open file.
func (s *suite) cancelled(t *testing.T) {
	try := func(what string, ctx context.Context, src *evidence.Source) {
		var out Sink
		err := s.create().Collect(ctx, src, s.want, &out)
		said := slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return c.Missed.Reason == evidence.Cancelled })
		if ctx.Err() != nil && !errors.Is(err, context.Canceled) && !said {
			t.Errorf("%s: error %v and no gap: cancelled must read unknown", what, err)
		}
		if out.Open != 0 {
			t.Errorf("%s: %d lanes left open", what, out.Open)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	try("before the start", ctx, s.source())

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	src := s.source()
	if src.Files != nil {
		src.Files = &watch{Tree: src.Files, opened: map[string]bool{}, onOpen: cancel}
	}
	try("at the first file", ctx, src)
}

// demandGap runs the collector over a spoiled source: it must fail, or give a
// gap that bears on an answer, that the good source did not have and that
// names the file.
func (s *suite) demandGap(t *testing.T, src *evidence.Source, name string) {
	t.Helper()
	var out Sink
	err := s.create().Collect(t.Context(), src, s.want, &out)
	if out.Open != 0 {
		t.Errorf("%d lanes left open", out.Open)
	}
	if err == nil && s.silent(&out, name) {
		t.Errorf("no gap names %q; gaps are %+v", name, out.Gaps())
	}
}

// silent reports whether out says nothing new about name.
func (s *suite) silent(out *Sink, name string) bool {
	before := map[string]bool{}
	for _, gap := range s.base.Gaps() {
		before[gap.Path+"\x00"+gap.Missed.String()] = true
	}
	fresh := func(gap evidence.Coverage) bool {
		return gap.Parts != 0 && strings.HasPrefix(gap.Path, name) && !before[gap.Path+"\x00"+gap.Missed.String()]
	}
	return !slices.ContainsFunc(out.Gaps(), fresh)
}

// above returns every directory that holds one of the names, the root apart.
func above(names map[string]bool) []string {
	dirs := map[string]bool{}
	for name := range names {
		for d := evidence.Name(name).Dir(); d != "."; d = d.Dir() {
			dirs[string(d)] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// watch is a Tree that notes what is opened.
type watch struct {
	evidence.Tree
	mu     sync.Mutex
	opened map[string]bool
	onOpen func()
}

// Open notes the stored spelling of a name that opens.
func (w *watch) Open(name evidence.Name) (evidence.File, error) {
	if w.onOpen != nil {
		w.onOpen()
	}
	f, err := w.Tree.Open(name)
	if tree, ok := w.Tree.(Tree); ok && err == nil {
		have, _ := tree.find(string(name))
		w.mu.Lock()
		defer w.mu.Unlock()
		w.opened[have] = true
	}
	return f, err
}
