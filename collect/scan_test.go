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

// deaf is a tree of which a share hangs.
type deaf struct {
	tree
	until chan struct{}
}

func (d deaf) Open(n evidence.Name) (evidence.File, error) {
	if strings.HasPrefix(string(n), "net/") {
		<-d.until
	}
	return d.tree.Open(n)
}

// TestWhatHangsIsBounded: each read that hangs holds a thread, so behind many of them
// the rest is left, and listed.
func TestWhatHangsIsBounded(t *testing.T) {
	const all, workers = 1000, 4
	d := deaf{tree{}, make(chan struct{})}
	defer close(d.until)
	for i := range all {
		d.tree[fmt.Sprintf("net/share/%03d", i)] = text("x")
	}
	src := linux(d.tree)
	src.Files, src.Whole = d, true
	out, err := scanned(t.Context(), src, Options{FileTime: 5 * time.Millisecond, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	slow, left := 0, 0
	for _, c := range out.Gaps() {
		var n int
		if _, err := fmt.Sscanf(c.Missed.Detail, "%d files were not read: ", &n); err == nil && strings.Contains(c.Missed.Detail, errStuck.Error()) {
			left += n
		} else if strings.HasPrefix(c.Missed.Detail, "not checked: ") {
			slow++
		}
	}
	if slow < maxStuck || slow > maxStuck+workers || slow+left != all {
		t.Errorf("%d given up, %d left, of %d", slow, left, all)
	}
}

// TestTheNewestIsReadFirst: web roots before other places, and in each the folder that
// was changed last before the others, so that a budget is spent on what tells most.
func TestTheNewestIsReadFirst(t *testing.T) {
	on := func(day int) evidencetest.File {
		return evidencetest.File{Data: []byte("x"), ModTime: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
	}
	src := linux(tree{
		"a/wwwroot/old.aspx": on(2), "b/wwwroot/new.aspx": on(9), "b/wwwroot/older.aspx": on(1), "c/wwwroot/b.aspx": on(5),
		"srv/site/x.aspx": on(3), "srv/site/y.aspx": on(4),
	})
	src.Sites = []evidence.Site{{Root: "/srv/site"}}
	out, err := scanned(t.Context(), src, Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Of(evidence.ObserveFile) {
		got = append(got, o.Ref.Path)
	}
	want := []string{"srv/site/y.aspx", "srv/site/x.aspx", "b/wwwroot/new.aspx", "b/wwwroot/older.aspx", "c/wwwroot/b.aspx", "a/wwwroot/old.aspx"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestFilesThatChangeWhileTheyAreRead: whatever became of a file since its name was
// met, it is read whole or is a gap.
func TestFilesThatChangeWhileTheyAreRead(t *testing.T) {
	grown := text("longer than it was")
	s := shifting{tree{
		"shrunk": {Data: []byte("x"), Declared: 100}, "vanished": {Data: []byte("x"), OpenErr: fs.ErrNotExist}, "failing": {Data: []byte("some text"), ReadErr: errSpent},
		"pipe-now": {Data: []byte("x"), OpenErr: fmt.Errorf("%w: not a regular file", evidence.ErrUnsupported)}, "odd": {Kind: fs.ModeIrregular}, "grown": grown,
	}}
	src := linux(s.tree)
	src.Files, src.Whole = s, true
	out, err := scanned(t.Context(), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, reason := range map[string]evidence.Reason{
		"shrunk": evidence.Truncated, "vanished": evidence.Absent, "failing": evidence.Unreadable, "pipe-now": evidence.Format, "odd": evidence.Format,
	} {
		if !said(out, name, reason, evidence.CompromisedNow) {
			t.Errorf("%s is not said: %+v", name, out.Gaps())
		}
	}
	if all := out.Of(evidence.ObserveFile); !slices.ContainsFunc(all, func(o evidence.Observation) bool {
		return o.Ref.Path == "grown" && o.Size == int64(len(grown.Data)) && o.Get("Hashes") == "SHA256="+hashBytes(grown.Data)
	}) {
		t.Errorf("what grew was not read whole: %+v", all)
	}
	src.Kind = evidence.KindHost
	if out, err = scanned(t.Context(), src, Options{}); err != nil || !said(out, "vanished", evidence.Absent, 0) || slices.ContainsFunc(out.Observed, func(o evidence.Observation) bool { return o.Ref.Path == "vanished" }) {
		t.Errorf("a live host's files come and go: %v, %+v", err, out.Gaps())
	}
}

// shifting is a tree of which a walk sees "grown" before it grew.
type shifting struct{ tree }

func (s shifting) Walk(ctx context.Context, root evidence.Name, fn func(evidence.Entry) error) error {
	return s.tree.Walk(ctx, root, func(e evidence.Entry) error {
		if e.Name == "grown" {
			e.Size = 1
		}
		return fn(e)
	})
}

// TestVeryManyFilesHaveNoRowEach: a report stays readable.
func TestVeryManyFilesHaveNoRowEach(t *testing.T) {
	const all = maxRows + 100
	files := tree{}
	for i := range all {
		files[fmt.Sprintf("srv/www/wwwroot/%05d.aspx", i)] = text("x")
	}
	out, err := scanned(t.Context(), linux(files), Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows, added := 0, int64(0)
	for _, c := range out.Covered {
		switch {
		case c.Missed != nil || c.Path == ".":
		case c.Adds:
			added += c.Count
		case strings.HasSuffix(c.Path, ".aspx"):
			rows++
		}
	}
	if rows != maxRows || added != all-maxRows {
		t.Errorf("%d rows, and %d files in others", rows, added)
	}
}

// planned is a sink that adds up what it is told of the work.
type planned struct {
	evidencetest.Sink
	mu          sync.Mutex
	ahead, read int64
}

func (p *planned) Plan(n int64) { p.mu.Lock(); defer p.mu.Unlock(); p.ahead += n }
func (p *planned) Read(n int64) { p.mu.Lock(); defer p.mu.Unlock(); p.read += n }

// TestThePlanIsWorkedOff: what was announced is what was done, whatever is read twice,
// left out or not read at all.
func TestThePlanIsWorkedOff(t *testing.T) {
	src := linux(tree{
		"var/wwwroot/a.aspx": text("<% %>"), "big": {Data: make([]byte, 3*pieceSize)}, "x.eml": text("mail"), "skip/me": text("left out"),
		"closed": {Data: []byte("xyz"), OpenErr: fs.ErrPermission}, "cut": {Data: []byte("x"), Declared: 100},
	})
	for _, whole := range []bool{true, false} {
		src.Whole = whole
		var out planned
		all := All(Options{Exclude: []Exclusion{{Text: "skip", Pattern: regexp.MustCompile(`^/?skip(/|$)`)}}})
		if err := all[1].Collect(t.Context(), src, every(), &out); err != nil {
			t.Fatal(err)
		}
		if out.ahead == 0 || out.ahead != out.read {
			t.Errorf("whole %t: %d bytes were planned, %d read", whole, out.ahead, out.read)
		}
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

// TestManyFilesAreNotKept scans more files than names of such a source are kept.
func TestManyFilesAreNotKept(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("many files")
	}
	src := linux(nil)
	src.Files, src.Whole = endless(maxFirst+1000), true
	var count counter
	all := All(Options{})
	if err := all[1].Collect(t.Context(), src, every(), &count); err != nil {
		t.Fatal(err)
	}
	if count.read != maxFirst+1000 || count.gaps != 1 { // of files with SUID bits: there are none
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
