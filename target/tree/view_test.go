package tree

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"postern/evidence"
)

// arranged opens an arrangement over a zip of these names.
func arranged(t *testing.T, limits Limits, arrange func(*Arrangement) error, names ...string) (*Tree, error) {
	t.Helper()
	o := openBytes(t, "x.zip", zipped(t, nil, names...), Limits{})
	a := o.Arrange(limits)
	err := arrange(a)
	return a.Tree(), err
}

func TestArrange(t *testing.T) {
	files, err := arranged(t, Limits{}, func(a *Arrangement) error {
		return errors.Join(
			a.Put("C/inetpub/x.aspx", "uploads/auto/C%3A/x.aspx", -1, nil),
			a.Put("C/inetpub/short.log", "uploads/short", 1000, nil),
			a.Put("C/inetpub/x.aspx", "uploads/short", -1, nil),
			a.Put("../evil", "uploads/short", -1, nil),
			a.Put("C/nothing", "uploads/none", 7, nil),
			a.Lack("C/inetpub/gone.aspx", 5, evidence.ErrNotCollected),
			a.Lack("C/inetpub/x.aspx", 5, evidence.ErrNotCollected), // it is there
			a.Lack("D/Logs/a.log", 5, evidence.ErrNotCollected),
			a.Lack("D/Logs/b.log", 5, evidence.ErrNotCollected),
			a.Again("C/inetpub/twin.aspx", "C/inetpub/x.aspx", evidence.ErrNotCollected),
			a.Again("E/twin.aspx", "C/inetpub/x.aspx", evidence.ErrNotCollected),
			a.Again("C/inetpub/other.aspx", "C/none", evidence.ErrNotCollected),
			a.Keep(context.Background(), "kept", "K"),
		)
	}, "uploads/auto/C%3A/x.aspx", "uploads/short", "kept/a/b", "kept/c")
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, listing(t, files, "."), []string{
		"./", "%2E%2E/", "%2E%2E/evil !unsafe name", "C/", "C/inetpub/", "C/inetpub/gone.aspx !not collected", "C/inetpub/other.aspx !not collected",
		"C/inetpub/short.log", "C/inetpub/twin.aspx", "C/inetpub/x.aspx", "C/inetpub/x.aspx !ambiguous", "C/nothing !absent",
		"D/ !not collected", "E/ !not collected", "K/", "K/a/", "K/a/b", "K/c",
	})
	for name, text := range map[evidence.Name]string{"C/inetpub/x.aspx": "uploads/auto/C%3A/x.aspx", "C/inetpub/twin.aspx": "uploads/auto/C%3A/x.aspx", "K/a/b": "kept/a/b"} {
		if got := content(t, files, name); got != text {
			t.Errorf("%s: %q", name, got)
		}
	}
	f, err := files.Open("C/inetpub/short.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.ReadAt(make([]byte, f.Size()), 0); f.Size() != 1000 || n != len("uploads/short") || !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("%d of %d, %v", n, f.Size(), err)
	}
	wantOpen(t, files, "C/inetpub/gone.aspx", evidence.ErrNotCollected)
}

// TestMissingFolderIsNotAnEmptyOne: a folder that only a list names would count
// as one that was looked into.
func TestMissingFolderIsNotAnEmptyOne(t *testing.T) {
	files, err := arranged(t, Limits{}, func(a *Arrangement) error {
		return errors.Join(a.Put("C/x", "x", -1, nil), a.Lack("C/inetpub/wwwroot/deep/readme.txt", 1, evidence.ErrNotCollected))
	}, "x")
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, listing(t, files, "."), []string{"./", "C/", "C/inetpub/ !not collected", "C/x"})
}

func TestArrangementIsBounded(t *testing.T) {
	_, err := arranged(t, Limits{Entries: 5}, func(a *Arrangement) error {
		var err error
		for i := range 10 {
			err = errors.Join(err, a.Put(fmt.Sprintf("C/%d", i), "x", -1, nil))
		}
		return err
	}, "x")
	if !errors.Is(err, evidence.ErrLimit) {
		t.Error(err)
	}
}

func TestPartsOfAFile(t *testing.T) {
	runs := []Run{{At: 0, Length: 2, Stored: 3}, {At: 2, Length: 4, Hole: true}, {At: 6, Length: 3, Stored: 0}}
	if err := CheckRuns(runs, 9, 5); err != nil {
		t.Fatal(err)
	}
	files, err := arranged(t, Limits{}, func(a *Arrangement) error { return a.Put("sparse", "abcde", -1, runs) }, "abcde")
	if err != nil {
		t.Fatal(err)
	}
	const whole = "de\x00\x00\x00\x00abc"
	if got := content(t, files, "sparse"); got != whole {
		t.Fatalf("%q", got)
	}
	f, err := files.Open("sparse")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for off := range len(whole) {
		for end := off; end <= len(whole); end++ {
			p := make([]byte, end-off)
			if n, err := f.ReadAt(p, int64(off)); n != len(p) || string(p) != whole[off:end] || err != nil {
				t.Errorf("[%d:%d] %q, %v", off, end, p[:n], err)
			}
		}
	}
	for what, bad := range map[string][]Run{
		"a gap":        {{At: 1, Length: 8, Stored: 0}},
		"behind":       {{At: 0, Length: 9, Stored: 0}},
		"an overlap":   {{At: 0, Length: 5, Hole: true}, {At: 4, Length: 5, Hole: true}},
		"short":        {{At: 0, Length: 8, Hole: true}},
		"long":         {{At: 0, Length: 10, Hole: true}},
		"negative":     {{At: 0, Length: -1, Hole: true}},
		"over the top": {{At: 0, Length: 4, Stored: math.MaxInt64 - 1}, {At: 4, Length: 5, Hole: true}},
		"none":         nil,
	} {
		if CheckRuns(bad, 9, 5) == nil {
			t.Errorf("%s passes", what)
		}
	}
}
