package collect

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

func TestFilesAreObserved(t *testing.T) {
	out := run(t, "files", windows(windowsTree()))
	got := map[string]evidence.Observation{}
	for _, o := range out.Observed {
		got[o.Get("TargetFilename")] = o
	}
	web := got[`C:\inetpub\wwwroot\a_0.aspx`]
	if want := "SHA256=" + hashBytes([]byte("<%@ Page %>\n")); web.Get("Hashes") != want || web.Content != nil || web.Get("Size") != "12" {
		t.Errorf("web file %+v", web)
	}
	settings := got[`C:\Program Files (x86)\Vendor\Mail\Service\Settings\settings.json`]
	if settings.Content == nil || settings.Get("Hashes") != "" {
		t.Fatalf("settings %+v", settings)
	}
	if data, _ := io.ReadAll(io.NewSectionReader(settings.Content, 0, settings.Size)); string(data) != "{}\n" {
		t.Errorf("content %q", data)
	}
	if got[`C:\Mail\Domains\a.example`].Kind != evidence.ObserveFolder || len(out.Observed) != 3 {
		t.Errorf("observed %+v", out.Observed)
	}
}

func TestEmptySettingsAreAGap(t *testing.T) {
	out := run(t, "files", linux(tree{"opt/mail/settings/settings.json": text("")}))
	if !said(out, "settings.json", evidence.Truncated, evidence.CompromisedNow) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

func TestAbsentRoots(t *testing.T) {
	src := windows(tree{"x": text("x")})
	if out := run(t, "files", src); said(out, `C:\inetpub\wwwroot`, evidence.NotCollected, evidence.CompromisedNow) {
		t.Error("absent on a whole tree is a fact, not a gap")
	}
	src = windows(tree{"x": text("x")})
	src.Partial = true
	out := run(t, "files", src)
	if !said(out, `C:\inetpub\wwwroot`, evidence.NotCollected, evidence.CompromisedNow) || said(out, "/etc/cron.d", evidence.NotCollected, evidence.CompromisedNow) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

// TestLostNames: every way a name can be lost on the walk bears on the right
// answers.
func TestLostNames(t *testing.T) {
	f := func(name string, file evidencetest.File, reason evidence.Reason, want bool) {
		t.Helper()
		out := run(t, "files", linux(tree{name: file, "ok": text("x")}))
		if got := said(out, name, reason, wholeJob); got != want {
			t.Errorf("%s %v: %v, gaps %+v", name, file.WalkErr, got, out.Gaps())
		}
	}
	f("dir", evidencetest.File{Dir: true, WalkErr: fs.ErrPermission}, evidence.Unreadable, true)
	f("name", evidencetest.File{WalkErr: evidence.ErrUnsafeName}, evidence.Unsafe, true)
	f("twice", evidencetest.File{WalkErr: evidence.ErrDuplicate}, evidence.Ambiguous, true)
	f("away", evidencetest.File{WalkErr: evidence.ErrEscapes}, evidence.OutsideTree, true)
	f("plain", evidencetest.File{WalkErr: fs.ErrPermission}, evidence.Unreadable, false)
}

// TestManyLostNames are counted, not listed without end.
func TestManyLostNames(t *testing.T) {
	files := tree{}
	for i := range maxGaps + 10 {
		files[fmt.Sprintf("d%05d", i)] = evidencetest.File{Dir: true, WalkErr: fs.ErrPermission}
	}
	gaps := run(t, "files", linux(files)).Gaps()
	if len(gaps) > maxGaps+5 || !strings.HasPrefix(gaps[0].Missed.Detail, "10 more") {
		t.Errorf("%d gaps, first %+v", len(gaps), gaps[0])
	}
}

// TestLiveHostAtWork: names that go away during the walk of a live host are
// told, and bear on no answer; on a tree at rest they do.
func TestLiveHostAtWork(t *testing.T) {
	src := linux(tree{"gone": {WalkErr: fs.ErrNotExist, Dir: true}})
	if out := run(t, "files", src); !said(out, "gone", evidence.Absent, wholeJob) {
		t.Errorf("tree: gaps %+v", out.Gaps())
	}
	src = linux(tree{"gone": {WalkErr: fs.ErrNotExist, Dir: true}})
	src.Kind = evidence.KindHost
	if out := run(t, "files", src); said(out, "gone", evidence.Absent, wholeJob) || !said(out, ".", evidence.Absent, 0) {
		t.Errorf("host: gaps %+v", out.Gaps())
	}
}

// TestListedPaths: of single paths a selection holds what was collected, and says
// how many it does not hold.
func TestListedPaths(t *testing.T) {
	src := windows(tree{"ProgramData/x.exe": text("x")})
	want := *mail()
	want.Places = []evidence.Place{{ID: "bad.txt:paths", Parts: evidence.CompromisedNow, Files: map[string]bool{"c:/programdata/x.exe": true, "c:/gone.exe": true, "/tmp/x": true}}}
	for _, partial := range []bool{true, false} {
		src.Partial = partial
		var out evidencetest.Sink
		if err := collector("files").Collect(t.Context(), src, &want, &out); err != nil {
			t.Fatal(err)
		}
		if said(&out, "bad.txt:paths", evidence.NotCollected, evidence.CompromisedNow) != partial {
			t.Errorf("partial %v: %+v", partial, out.Gaps())
		}
	}
}

// TestListedNames: a name is found wherever it lies, with every hash that is
// asked for; of a selection nobody can say that it lies nowhere.
func TestListedNames(t *testing.T) {
	src := windows(tree{"Users/a/Loader.exe": text("x"), "Users/loader.exe/y": text("y")})
	want := *mail()
	want.Places = []evidence.Place{{ID: "bad.txt:names", Parts: evidence.CompromisedNow, Hash: true, MD5: true, SHA1: true, Folders: true, Names: map[string]bool{"loader.exe": true}}}
	for _, partial := range []bool{true, false} {
		src.Partial = partial
		var out evidencetest.Sink
		if err := collector("files").Collect(t.Context(), src, &want, &out); err != nil {
			t.Fatal(err)
		}
		if said(&out, "bad.txt:names", evidence.NotCollected, evidence.CompromisedNow) != partial {
			t.Errorf("partial %v: %+v", partial, out.Gaps())
		}
		if len(out.Observed) != 1 || out.Observed[0].Get("TargetFilename") != `C:\Users\a\Loader.exe` {
			t.Fatalf("observed %+v", out.Observed)
		}
		hashes := "MD5=9dd4e461268c8034f5c8564e155c67a6,SHA1=11f6ad8ec52a2984abaafd7c3b516503785c2072,SHA256=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
		if got := out.Observed[0].Get("Hashes"); got != hashes {
			t.Errorf("hashes %s", got)
		}
	}
}
