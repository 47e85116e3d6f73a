package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

// every is an Interest in all files of a source that is whole, and in pages of web
// roots.
func every() *evidence.Interest {
	return &evidence.Interest{Parts: evidence.CompromisedNow, Places: []evidence.Place{
		{ID: "pages", Paths: patterns(`(^|/)wwwroot/.*\.aspx$`), Sites: patterns(`\.aspx$`), Content: 1 << 20, Parts: evidence.CompromisedNow},
		{ID: "every", Every: true, Hash: true, Content: math.MaxInt64, Parts: evidence.CompromisedNow},
	}}
}

// scanned runs the collector of files over a source.
func scanned(ctx context.Context, src *evidence.Source, opt Options) (*evidencetest.Sink, error) {
	var out evidencetest.Sink
	all := All(opt)
	err := all[slices.IndexFunc(all, func(c evidence.Collector) bool { return c.Name() == "files" })].Collect(ctx, src, every(), &out)
	return &out, err
}

func TestEveryFileOfAWholeSource(t *testing.T) {
	src := linux(tree{
		"var/www/a.aspx": text("<% %>"), "var/www/b/c.txt": text("text"), "empty": text(""), "opt/mail/x.eml": text("mail"),
		"pipe": {Kind: fs.ModeNamedPipe}, "closed.bin": {Data: []byte("x"), OpenErr: fs.ErrPermission}, "skip/me": text("x"), "x/skip/me": text("x"),
	})
	src.Whole = true
	out, err := scanned(t.Context(), src, Options{Exclude: []Exclusion{{Text: "skip", Pattern: regexp.MustCompile(`^/?(.*/)?skip(/|$)`)}}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range out.Of(evidence.ObserveFile) {
		got[o.Ref.Path] = fmt.Sprint(o.Places, o.Size, o.Get("Hashes") != "")
	}
	want := map[string]string{"var/www/a.aspx": "[0 1] 5 true", "var/www/b/c.txt": "[1] 4 true", "empty": "[1] 0 true", "closed.bin": "[1] 0 false"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, gap := range []struct {
		path   string
		reason evidence.Reason
		parts  evidence.Parts
	}{{"closed.bin", evidence.Unreadable, evidence.CompromisedNow}, {"skip", evidence.Narrowed, evidence.CompromisedNow}, {".", evidence.Narrowed, 0}} {
		if !said(out, gap.path, gap.reason, gap.parts) {
			t.Errorf("%v is not said: %+v", gap, out.Gaps())
		}
	}
	read := int64(0)
	for _, c := range out.Covered {
		if c.Adds {
			read += c.Count
		}
	}
	if read != 3 {
		t.Errorf("%d files counted as read, not 3", read)
	}
}

func TestSitesAreScannedWhereverTheyLie(t *testing.T) {
	src := windows(tree{"Sites/Shop/up/x.aspx": text("<% %>"), "Sites/Shop/x.txt": text("x"), "Sites/Shopping/x.aspx": text("x")})
	src.Sites = []evidence.Site{{Root: "c:/sites/shop", From: "a test"}}
	out, err := scanned(t.Context(), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all := out.Of(evidence.ObserveFile); len(all) != 1 || all[0].Get("TargetFilename") != `C:\Sites\Shop\up\x.aspx` || all[0].File.Site.From != "a test" {
		t.Errorf("observed %+v", all)
	}
}

// stuck is a tree that hangs on some names.
type stuck struct {
	tree
	until chan struct{}
}

func (s stuck) Open(n evidence.Name) (evidence.File, error) {
	if n == "hangs/open" {
		<-s.until
	}
	f, err := s.tree.Open(n)
	if n == "hangs/read" {
		return stuckFile{f, s.until}, err
	}
	return f, err
}

type stuckFile struct {
	evidence.File
	until chan struct{}
}

func (f stuckFile) ReadAt(b []byte, off int64) (int, error) {
	<-f.until
	return f.File.ReadAt(b, off)
}

func TestFilesThatHangAreNotChecked(t *testing.T) {
	s := stuck{tree{"hangs/open": text("x"), "hangs/read": text("xy"), "fine": text("x"), "hangs/z": text("x")}, make(chan struct{})}
	defer close(s.until)
	src := linux(s.tree)
	src.Files, src.Whole = s, true
	out, err := scanned(t.Context(), src, Options{FileTime: 50 * time.Millisecond, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hangs/open", "hangs/read"} {
		if !said(out, name, evidence.Limited, evidence.CompromisedNow) {
			t.Errorf("%s is not said: %+v", name, out.Gaps())
		}
	}
	if !slices.ContainsFunc(out.Of(evidence.ObserveFile), func(o evidence.Observation) bool { return o.Ref.Path == "hangs/z" && o.Get("Hashes") != "" }) {
		t.Error("the file behind those that hang was not read")
	}
}

var errSpent = errors.New("the budget was used up")

func TestWhatABudgetLeavesOutIsListed(t *testing.T) {
	s := stuck{tree{"hangs/read": text("xy")}, make(chan struct{})}
	defer close(s.until)
	for i := range 1000 {
		s.tree[fmt.Sprintf("usr/lib/deep/%03d", i)] = text("x")
	}
	src := linux(s.tree)
	src.Files, src.Whole = s, true
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errSpent)
	defer cancel()
	started := time.Now()
	out, err := scanned(ctx, src, Options{FileTime: time.Hour, Workers: 1})
	if err == nil || time.Since(started) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(started))
	}
	left := false
	for _, c := range out.Gaps() {
		left = left || c.Path == "hangs" && c.Missed.Reason == evidence.Limited && strings.Contains(c.Missed.Detail, errSpent.Error())
	}
	if !left {
		t.Errorf("what was left is not listed: %+v", out.Gaps())
	}
}

// TestManyFilesAreNotKept scans more files than names are kept of.
func TestManyFilesAreNotKept(t *testing.T) {
	if testing.Short() {
		t.Skip("many files")
	}
	src := linux(nil)
	src.Files, src.Whole = endless(maxKept+1000), true
	var count counter
	all := All(Options{})
	if err := all[1].Collect(t.Context(), src, every(), &count); err != nil {
		t.Fatal(err)
	}
	if count.read != maxKept+1000 || count.gaps != 1 { // the gap of persistence
		t.Errorf("%d read, %d gaps", count.read, count.gaps)
	}
}

// endless is a tree of so many files of one byte.
type endless int

func (n endless) Walk(_ context.Context, _ evidence.Name, fn func(evidence.Entry) error) error {
	for i := range int(n) {
		if err := fn(evidence.Entry{Name: evidence.Name(fmt.Sprintf("d%d/f%d", i/1000, i)), Size: 1, Mode: 0o644}); err != nil {
			return err
		}
	}
	return nil
}

func (endless) Open(evidence.Name) (evidence.File, error) { return oneByte{}, nil }

type oneByte struct{}

func (oneByte) ReadAt(b []byte, _ int64) (int, error) { b[0] = 'x'; return 1, nil }
func (oneByte) Size() int64                           { return 1 }
func (oneByte) Close() error                          { return nil }

// counter counts what it is told, and keeps nothing.
type counter struct {
	mu         sync.Mutex
	read, gaps int64
}

func (c *counter) Lane(evidence.Ref) evidence.Lane { return (*countingLane)(c) }
func (c *counter) Cover(row evidence.Coverage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case row.Missed != nil:
		c.gaps++
	case row.Adds:
		c.read += row.Count
	}
}

type countingLane counter

func (*countingLane) Observe(context.Context, *evidence.Observation) error { return nil }
func (*countingLane) Events(*evidence.EventBatch) error                    { return nil }
func (*countingLane) Close() error                                         { return nil }
