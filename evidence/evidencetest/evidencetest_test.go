package evidencetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"postern/evidence"
)

func TestTreeWalksInByteOrderParentsFirst(t *testing.T) {
	tree := Tree{"a/b": Text("1"), "a.b": Text("2"), "a/c/d": Text("3"), "B": Text("4"), "lost": {Dir: true, WalkErr: fs.ErrPermission}}
	var got []string
	err := tree.Walk(t.Context(), ".", func(e evidence.Entry) error {
		got = append(got, string(e.Name))
		if e.Name == "lost" && !errors.Is(e.Err, fs.ErrPermission) {
			t.Error("lost directory came without its error")
		}
		return nil
	})
	want := []string{".", "B", "a", "a/b", "a/c", "a/c/d", "a.b", "lost"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("walk %q, %v", got, err)
	}
	if err := tree.Walk(t.Context(), "none", func(evidence.Entry) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("walk of nothing: %v", err)
	}
}

func TestTreeFailsAsTold(t *testing.T) {
	tree := Tree{"cut": {Data: []byte("abcd"), Declared: 8}, "half": {Data: []byte("abcd"), ReadErr: fs.ErrPermission}, "shut": {OpenErr: evidence.ErrEncrypted}}
	f := func(name string, want error) {
		t.Helper()
		file, err := tree.Open(evidence.Name(name))
		if err == nil {
			_, err = io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	f("CUT", evidence.ErrTruncated)
	f("half", fs.ErrPermission)
	f("shut", evidence.ErrEncrypted)
	f("none", fs.ErrNotExist)
}

// reader is a collector that obeys the law: the suite must pass it.
type reader struct{}

func (reader) Name() string          { return "reader" }
func (reader) Needs() evidence.Need  { return evidence.NeedFiles }
func (reader) Parts() evidence.Parts { return evidence.Exposed }
func (reader) Collect(ctx context.Context, src *evidence.Source, _ *evidence.Interest, out evidence.Sink) error {
	return src.Files.Walk(ctx, ".", func(e evidence.Entry) error {
		if e.Err == nil && e.Mode.IsRegular() {
			e.Err = readAll(src.Files, e.Name)
		}
		if e.Err != nil {
			out.Cover(evidence.ErrGap(evidence.CoverFile, string(e.Name), evidence.Exposed, e.Err))
			return nil
		}
		out.Cover(evidence.Coverage{Kind: evidence.CoverFile, Path: string(e.Name)})
		return nil
	})
}

func readAll(tree evidence.Tree, name evidence.Name) error {
	f, err := tree.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	return err
}

func TestRunPassesAnHonestCollector(t *testing.T) {
	Run(t, func() evidence.Collector { return reader{} }, &evidence.Interest{}, func() *evidence.Source {
		return &evidence.Source{Files: Tree{"a/b/c": Text("some text\n"), "d": Text("more\n")}}
	})
}

func TestSilenceIsSeen(t *testing.T) {
	old := evidence.Gap(evidence.CoverFile, "a/b", evidence.Exposed, evidence.Unreadable, "as before")
	s := suite{base: &Sink{Covered: []evidence.Coverage{old}}}
	f := func(gap evidence.Coverage, silent bool) {
		t.Helper()
		if got := s.silent(&Sink{Covered: []evidence.Coverage{gap}}, "a/b"); got != silent {
			t.Errorf("%+v: silent %v", gap, got)
		}
	}
	f(old, true)
	f(evidence.Coverage{Kind: evidence.CoverFile, Path: "a/b"}, true)
	f(evidence.Gap(evidence.CoverFile, "a/b", 0, evidence.Truncated, "bears on nothing"), true)
	f(evidence.Gap(evidence.CoverFile, "c", evidence.Exposed, evidence.Truncated, ""), true)
	f(evidence.Gap(evidence.CoverFile, "a/b", evidence.Exposed, evidence.Truncated, ""), false)
}

func TestRegistryFillsSubkeys(t *testing.T) {
	r := Registry{`HKLM\SOFTWARE\A\B`: {Values: []evidence.RegistryValue{{Name: "v", Text: "1"}}}, `HKLM\SOFTWARE\A\C\D`: {}}
	key, err := r.Key(`hklm\software\a`)
	if err != nil || len(key.Subkeys) != 2 {
		t.Errorf("%+v %v", key, err)
	}
	if key, err := r.Key(`HKLM\SOFTWARE\a\b`); err != nil || key.Value("V").Text != "1" {
		t.Errorf("%+v %v", key, err)
	}
	if _, err := r.Key(`HKLM\SOFTWARE\B`); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
