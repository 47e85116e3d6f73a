package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
)

// listing walks root and spells each entry: "name", "name/" for a folder,
// "name -> real" for a link, "name !reason" for one that could not be read.
func listing(t *testing.T, tree evidence.Tree, root evidence.Name) []string {
	t.Helper()
	var list []string
	err := tree.Walk(context.Background(), root, func(e evidence.Entry) error {
		list = append(list, spell(e))
		return nil
	})
	if err != nil {
		t.Fatalf("walk %q: %v", root, err)
	}
	return list
}

func spell(e evidence.Entry) string {
	s := string(e.Name)
	if e.Mode.IsDir() {
		s += "/"
	}
	if e.Real != "" {
		s += " -> " + string(e.Real)
	}
	if e.Err != nil {
		s += " !" + string(evidence.ReasonFor(e.Err))
	}
	return s
}

func content(t *testing.T, tree evidence.Tree, name evidence.Name) string {
	t.Helper()
	f, err := tree.Open(name)
	if err != nil {
		t.Fatalf("open %q: %v", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		t.Fatalf("read %q: %v", name, err)
	}
	return string(data)
}

func wantOpen(t *testing.T, tree evidence.Tree, name evidence.Name, want error) {
	t.Helper()
	f, err := tree.Open(name)
	if err == nil {
		f.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("open %q: %v, want %v", name, err, want)
	}
}

func wantList(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("walk:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// lay makes files under a new directory: "a/b" a file holding its own name,
// "a/" a folder, "a -> b" a link.
func lay(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		name, link, isLink := strings.Cut(n, " -> ")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(link, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(name), 0o644)
		}
		if err != nil {
			t.Skipf("this file system: %v", err)
		}
	}
	return dir
}

func openDisk(t *testing.T, dir string, fold Folding, volumes ...evidence.Volume) *Tree {
	t.Helper()
	tree, err := Disk(dir, false, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	tree.Fold, tree.Volumes = fold, volumes
	return tree
}

func TestLinks(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the examiner's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		files   []string
		volumes []evidence.Volume
		want    []string
	}{
		{"absolute links are the image's", []string{"srv/real/x.aspx", "var/www -> /srv/real", "etc/passwd", "p -> /etc/passwd"}, nil,
			[]string{"./", "etc/", "etc/passwd", "p -> etc/passwd", "srv/", "srv/real/", "srv/real/x.aspx", "var/", "var/www/ -> srv/real", "var/www/x.aspx -> srv/real/x.aspx"}},
		{"never the examiner's own files", []string{"a -> " + secret, "b -> /etc/passwd", "c -> ../../../../../../../../etc/passwd"}, nil,
			[]string{"./", "a !absent", "b !absent", "c !leads out"}},
		{"a loop ends", []string{"a/b/up -> ../..", "a/self -> self", "x -> y", "y -> x"}, nil,
			[]string{"./", "a/", "a/b/", "a/b/up/ -> .", "a/self !absent", "x !absent", "y !absent"}},
		{"two folders linking each other", []string{"a/b -> ../c", "c/d -> ../a"}, nil,
			[]string{"./", "a/", "a/b/ -> c", "a/b/d/ -> a", "c/", "c/d/ -> a", "c/d/b/ -> c"}},
		{"every name a link gives", []string{"one -> real", "real/x", "two -> real"}, nil,
			[]string{"./", "one/ -> real", "one/x -> real/x", "real/", "real/x", "two/ -> real", "two/x -> real/x"}},
		{"through several", []string{"a -> b", "b -> c/d", "c/d/x"}, nil,
			[]string{"./", "a/ -> c/d", "a/x -> c/d/x", "b/ -> c/d", "b/x -> c/d/x", "c/", "c/d/", "c/d/x"}},
		{"under a wrapped root", []string{"[root]/etc/motd", "[root]/m -> /etc/motd"}, []evidence.Volume{{Mount: "/", Root: "[root]"}},
			[]string{"./", "[root]/", "[root]/etc/", "[root]/etc/motd", "[root]/m -> [root]/etc/motd"}},
		{"file as a folder", []string{"f", "l -> f/below", "m -> f/.."}, nil, []string{"./", "f", "l !absent", "m !absent"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := openDisk(t, lay(t, c.files...), FoldNever, c.volumes...)
			wantList(t, listing(t, tree, "."), c.want)
		})
	}
}

func TestLinksOfNTFS(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("these are the texts a driver elsewhere shows")
	}
	dir := lay(t, "Users/bob/x", `Documents and Settings -> C:\Users`, `j -> \??\c:\Users\bob`, `k -> /??/C:/users`, `away -> D:\x`)
	tree := openDisk(t, dir, FoldFirst, evidence.Volume{Mount: "C:", Root: "."})
	if got := content(t, tree, "documents and settings/BOB/x"); got != "Users/bob/x" {
		t.Errorf("through a junction: %q", got)
	}
	content(t, tree, "j/x")
	content(t, tree, "K/bob/X")
	wantOpen(t, tree, "away", evidence.ErrEscapes)
	if err := os.Symlink(filepath.Join(dir, "Users"), filepath.Join(dir, "byDriver")); err != nil {
		t.Fatal(err)
	}
	content(t, tree, "byDriver/bob/x")
}

func TestWalkThroughALinkedRoot(t *testing.T) {
	tree := openDisk(t, lay(t, "srv/Real/x", "var/www -> /srv/Real"), FoldFirst)
	wantList(t, listing(t, tree, "VAR/www"), []string{"var/www/ -> srv/Real", "var/www/x -> srv/Real/x"})
	wantList(t, listing(t, tree, "VAR/WWW/X"), []string{"var/www/x -> srv/Real/x"})
	if text, err := tree.Link("var/www"); text != "/srv/Real" || err != nil {
		t.Errorf("link: %q, %v", text, err)
	}
	if _, err := tree.Link("srv/Real/x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("link of a file: %v", err)
	}
}

func TestLinksAreBounded(t *testing.T) {
	var files []string
	for i := range 12 { // each folder links to every other: followed at every turn, paths without end
		for j := range 12 {
			files = append(files, fmt.Sprintf("d%d/l%d -> ../d%d", i, j, j))
		}
	}
	tree, err := Disk(lay(t, files...), false, Limits{Entries: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	count, limited := 0, 0
	err = tree.Walk(context.Background(), ".", func(e evidence.Entry) error {
		if count++; errors.Is(e.Err, evidence.ErrLimit) {
			limited++
		}
		return nil
	})
	if err != nil || count > 2000 || limited == 0 {
		t.Errorf("%d entries, %d of them limited, %v", count, limited, err)
	}
}

func TestCase(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names cannot differ by case only here")
	}
	dir := lay(t, "Windows/System32/config/SYSTEM", "www/Shell.aspx", "www/shell.aspx", "www/SHELL.ASPX", "x/\xff", "x/\xfe")
	windows, linux, unknown := openDisk(t, dir, FoldFirst), openDisk(t, dir, FoldNever), openDisk(t, dir, FoldLone)
	content(t, windows, "WINDOWS/system32/Config/system")
	content(t, unknown, "windows/system32/config/system")
	wantOpen(t, linux, "windows/System32/config/SYSTEM", fs.ErrNotExist)
	if got := content(t, windows, "WWW/shell.ASPX"); got != "www/SHELL.ASPX" {
		t.Errorf("of several the first in byte order, got %q", got)
	}
	if got := content(t, windows, "WWW/shell.aspx"); got != "www/shell.aspx" {
		t.Errorf("the exact name comes first, got %q", got)
	}
	wantOpen(t, unknown, "www/shell.ASPX", fs.ErrNotExist)
	wantOpen(t, windows, "x/\xfd", fs.ErrNotExist)
	wantList(t, listing(t, windows, "WWW"), []string{"www/", "www/SHELL.ASPX", "www/Shell.aspx", "www/shell.aspx"})
}

func TestNamesThatLeaveTheTree(t *testing.T) {
	tree := openDisk(t, lay(t, "a/b"), FoldFirst)
	wantOpen(t, tree, "../x", evidence.ErrUnsafeName)
	wantOpen(t, tree, "a/../../x", evidence.ErrUnsafeName)
	wantOpen(t, tree, "/etc/passwd", fs.ErrNotExist)
	wantOpen(t, tree, "a", evidence.ErrUnsupported)
	wantOpen(t, tree, "gone", fs.ErrNotExist)
	err := tree.Walk(context.Background(), "gone", func(evidence.Entry) error { return nil })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("walk of nothing: %v", err)
	}
}

// broken is a store whose folder "shut" cannot be listed, whose folder "half"
// can in part, and whose file "gone" vanished after the listing.
type broken struct{ store }

type brokenFolder struct {
	folder
	name evidence.Name
}

func (b broken) folder(name evidence.Name) (folder, error) {
	if name == "shut" {
		return nil, fmt.Errorf("open: %w", fs.ErrPermission)
	}
	f, err := b.store.folder(name)
	return brokenFolder{f, name}, err
}

func (f brokenFolder) names() ([]string, error) {
	names, err := f.folder.names()
	if f.name == "half" {
		return names[:1], fmt.Errorf("readdir: %w", fs.ErrPermission)
	}
	return names, err
}

func (f brokenFolder) stat(base string) (node, error) {
	if base == "gone" {
		return node{}, fs.ErrNotExist
	}
	return f.folder.stat(base)
}

func TestUnreadableFoldersAreEntries(t *testing.T) {
	tree := openDisk(t, lay(t, "gone", "half/a", "half/b", "shut/x", "z"), FoldFirst)
	tree.store = broken{tree.store}
	wantList(t, listing(t, tree, "."), []string{"./", "gone !absent", "half/ !unreadable", "half/a", "shut/ !unreadable", "z"})
	wantOpen(t, tree, "shut/X", fs.ErrPermission) // it may be there in another case: not "absent"
	wantOpen(t, tree, "HALF/Z", fs.ErrPermission)
}

func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root reads everything, and modes do not bind on Windows")
	}
	dir := lay(t, "a")
	if err := os.Chmod(filepath.Join(dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, openDisk(t, dir, FoldNever), "a", fs.ErrPermission)
}

func TestWalkSignals(t *testing.T) {
	tree := openDisk(t, lay(t, "a/b/c", "a/x", "d/e", "proc/1"), FoldNever)
	tree.Skip = func(real evidence.Name) error {
		if real == "proc" {
			return evidence.ErrUnsupported
		}
		return nil
	}
	visit := func(at evidence.Name, signal error) (list []string, err error) {
		err = tree.Walk(context.Background(), ".", func(e evidence.Entry) error {
			list = append(list, spell(e))
			if e.Name == at {
				return signal
			}
			return nil
		})
		return list, err
	}
	stop := errors.New("stop")
	for _, c := range []struct {
		at     evidence.Name
		signal error
		want   []string
	}{
		{"a/b", fs.SkipDir, []string{"./", "a/", "a/b/", "a/x", "d/", "d/e", "proc/ !unknown format"}},
		{"a/b/c", fs.SkipDir, []string{"./", "a/", "a/b/", "a/b/c", "a/x", "d/", "d/e", "proc/ !unknown format"}},
		{"a/b", fs.SkipAll, []string{"./", "a/", "a/b/"}},
		{"a/x", stop, []string{"./", "a/", "a/b/", "a/b/c", "a/x"}},
	} {
		list, err := visit(c.at, c.signal)
		wantList(t, list, c.want)
		if errors.Is(c.signal, stop) != errors.Is(err, stop) {
			t.Errorf("at %q with %v: %v", c.at, c.signal, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := tree.Walk(ctx, ".", func(evidence.Entry) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestDeepTreeEndsInAGap(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.MkdirAll(strings.Repeat("d/", maxDepth+5), 0o755); err != nil {
		t.Fatal(err)
	}
	list := listing(t, openDisk(t, dir, FoldNever), ".")
	if last := list[len(list)-1]; !strings.HasSuffix(last, "!too large") {
		t.Errorf("%d entries, the last %q", len(list), last)
	}
}

func TestShrinkingFileIsTruncated(t *testing.T) {
	dir := lay(t, "log")
	f, err := openDisk(t, dir, FoldNever).Open("log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(filepath.Join(dir, "log"), 1); err != nil {
		t.Fatal(err)
	}
	n, err := f.ReadAt(make([]byte, 3), 0)
	if n != 1 || !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("read %d, %v", n, err)
	}
	if n, err := f.ReadAt(make([]byte, 3), 3); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %d, %v", n, err)
	}
}

func TestJoin(t *testing.T) {
	c, d := openDisk(t, lay(t, "Windows/x", "mnt -> D:\\data", "rel -> ../D/data"), FoldNever), openDisk(t, lay(t, "data/y"), FoldNever)
	tree := Join(map[string]*Tree{"D": d, "C": c}, Limits{})
	tree.Fold = FoldFirst
	tree.Volumes = []evidence.Volume{{Mount: "C:", Root: "C"}, {Mount: "D:", Root: "D"}}
	wantList(t, listing(t, tree, "."), []string{"./", "C/", "C/Windows/", "C/Windows/x", "C/mnt/ -> D/data", "C/mnt/y -> D/data/y",
		"C/rel/ -> D/data", "C/rel/y -> D/data/y", "D/", "D/data/", "D/data/y"})
	content(t, tree, "c/windows/X")
	wantOpen(t, tree, "E/x", fs.ErrNotExist)
}

func TestLiveTreeHasTimes(t *testing.T) {
	tree, err := Disk(lay(t, "a"), true, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	err = tree.Walk(context.Background(), ".", func(e evidence.Entry) error {
		if e.Name == "a" && e.Changed.IsZero() && e.Birth.IsZero() {
			t.Error("no times on this host's own file system")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	copied := openDisk(t, lay(t, "a"), FoldNever)
	if e, _ := copied.Stat("a"); !e.Birth.IsZero() || !e.Changed.IsZero() {
		t.Error("a copy's birth is the copying's")
	}
}
