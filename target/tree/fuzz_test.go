package tree

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/evidence"
)

// sound checks what must hold of every name a tree shows.
func sound(t *testing.T, e evidence.Entry) {
	for _, n := range []evidence.Name{e.Name, e.Real} {
		if n != "" && n != "." && !fs.ValidPath(strings.ToValidUTF8(string(n), "_")) || strings.Contains(string(n), "\x00") {
			t.Fatalf("unclean name %q", n)
		}
	}
}

// exhaust walks a tree and reads every file: each gives its size or an error.
func exhaust(t *testing.T, tree *Tree) map[evidence.Name]bool {
	seen := map[evidence.Name]bool{}
	err := tree.Walk(context.Background(), ".", func(e evidence.Entry) error {
		sound(t, e)
		seen[e.Name] = true
		if e.Err != nil || !e.Mode.IsRegular() {
			return nil
		}
		f, err := tree.Open(e.Name)
		if err != nil {
			return nil
		}
		defer f.Close()
		n, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, f.Size()))
		if err == nil && n != f.Size() || n > f.Size() {
			t.Fatalf("%q: %d bytes of %d without an error", e.Name, n, f.Size())
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return seen
}

func fuzzFile(f *testing.F, check func(*testing.T, []byte, *Tree, []error)) {
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "x.bin")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		tree, single, faults, err := File(context.Background(), path, dir, Limits{Entries: 1000, Bytes: 1 << 20, Memory: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if single {
			faults = append(faults, fs.ErrInvalid)
		}
		check(t, data, tree, faults)
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// FuzzZip also asks archive/zip: an entry it sees in a zip we call whole is
// seen by us.
func FuzzZip(f *testing.F) {
	f.Add(zipped(f, nil, "a", "b/c", `d\e`, "../f", "g/"))
	f.Add(zipped(f, func(h *zip.FileHeader) { h.Method = zip.Store }, "a", "a", "A"))
	f.Add(zipped(f, nil, "cut", "short")[:70])
	fuzzFile(f, func(t *testing.T, data []byte, tree *Tree, faults []error) {
		seen := exhaust(t, tree)
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if len(faults) > 0 || err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			return
		}
		for _, file := range r.File {
			if fs.ValidPath(file.Name) && !strings.ContainsAny(file.Name, ":\\\x00") && !seen[evidence.Name(file.Name)] {
				t.Fatalf("%q is not seen; seen %v", file.Name, seen)
			}
		}
	})
}

func FuzzTar(f *testing.F) {
	plain := tarred(f, "a", "b/c", "l -> ../a", "h => a", "../x")
	f.Add(plain)
	f.Add(plain[:1300])
	f.Add(gzipped(f, plain))
	f.Add(zstded(f, plain))
	fuzzFile(f, func(t *testing.T, _ []byte, tree *Tree, _ []error) { exhaust(t, tree) })
}

// FuzzPacked reads what has to be unpacked into scratch first.
func FuzzPacked(f *testing.F) {
	for _, name := range []string{"solid.7z", "copy.7z", "tree.tar.bz2"} {
		f.Add(sample(f, name))
	}
	f.Add(xzed(f, tarred(f, "a", "b/c")))
	fuzzFile(f, func(t *testing.T, _ []byte, tree *Tree, _ []error) { exhaust(t, tree) })
}

// FuzzArrange shows a zip's files under names and in parts as its input says.
func FuzzArrange(f *testing.F) {
	data := zipped(f, nil, "a", "b/c", "long enough to be cut into parts")
	f.Add("C/x\nb/c\n../y\nC/x/z", int64(5), int64(3), int64(9))
	f.Fuzz(func(t *testing.T, names string, size, at, length int64) {
		path := filepath.Join(t.TempDir(), "x.zip")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		base, _, _, err := File(context.Background(), path, t.TempDir(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		a := base.Arrange(Limits{Entries: 100})
		if err := a.Keep(context.Background(), "b", "kept"); err != nil {
			t.Fatal(err)
		}
		runs := []Run{{At: 0, Length: 4, Stored: 2}, {At: 4, Length: max(0, length), Stored: at, Hole: length%2 == 0}}
		if CheckRuns(runs, 4+length, 32) != nil {
			runs = nil
		}
		for i, name := range strings.Split(names, "\n") {
			switch i % 3 {
			case 0:
				err = a.Put(name, "long enough to be cut into parts", size, runs)
			case 1:
				err = a.Lack(name, size, evidence.ErrNotCollected)
			case 2:
				err = a.Again(name, "kept/c", evidence.ErrNotCollected)
			}
			if err != nil && !errors.Is(err, evidence.ErrLimit) {
				t.Fatal(err)
			}
			a.Expect(evidence.Name(name), size%1000)
		}
		tree := a.Tree()
		err = tree.Walk(context.Background(), ".", func(e evidence.Entry) error {
			sound(t, e)
			if e.Err != nil || !e.Mode.IsRegular() {
				return nil
			}
			file, err := tree.Open(e.Name)
			if err != nil {
				return nil
			}
			defer file.Close()
			n, err := io.Copy(io.Discard, io.NewSectionReader(file, 0, min(file.Size(), 1<<20)))
			if err == nil && n != min(file.Size(), 1<<20) {
				t.Fatalf("%q: %d bytes of %d without an error", e.Name, n, file.Size())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzWalk lays names and links out as its input says, one a line.
func FuzzWalk(f *testing.F) {
	f.Add("a/b\nc -> /a\na/up -> ..\nd -> ../../e", uint8(0))
	f.Add("x -> y\ny -> x\nC/z -> c:\\Z\nZ -> z", uint8(2))
	f.Fuzz(func(t *testing.T, layout string, fold uint8) {
		x := newIndex(200, false)
		for line := range strings.SplitSeq(layout, "\n") {
			name, link, isLink := strings.Cut(line, " -> ")
			it := item{mode: 0o644, link: link}
			if isLink {
				it.mode = fs.ModeSymlink
			}
			if x.add(name, it) != nil {
				break
			}
		}
		x.finish()
		tree := &Tree{store: &archive{index: x}, linked: 1000, Fold: Folding(fold % 3), Volumes: []evidence.Volume{{Mount: "C:", Root: "C"}}}
		count := 0
		err := tree.Walk(context.Background(), ".", func(e evidence.Entry) error {
			sound(t, e)
			if count++; count > 5000 {
				t.Fatal("a walk without end")
			}
			if _, err := tree.resolve(e.Name); err != nil && e.Err == nil {
				t.Fatalf("%q was shown and cannot be found: %v", e.Name, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
