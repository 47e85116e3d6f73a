package anomaly

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// program is the head of a PE file.
func program() []byte {
	b := make([]byte, 512)
	copy(b, "MZ")
	b[60] = 128
	copy(b[128:], "PE\x00\x00")
	return b
}

func head(content []byte) func(int) ([]byte, bool) {
	return func(n int) ([]byte, bool) { return content[:min(n, len(content))], true }
}

func TestJudge(t *testing.T) {
	f := func(path string, inSite bool, content []byte, want string) {
		t.Helper()
		got := ""
		for _, j := range Judge(&File{Path: path, InSite: inSite, Size: int64(len(content)), Head: head(content)}) {
			if got += j.Rule + " "; j.Reason == "" {
				t.Errorf("%s: %s has no reason", path, j.Rule)
			}
		}
		if want != "" {
			want += " "
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	f("c:/users/a/downloads/invoice.pdf.exe", false, nil, DoubleExtension)
	f("c:/users/a/downloads/invoice.pdf     .exe", false, nil, DoubleExtension)
	f("c:/users/a/downloads/setup.1.2.exe", false, nil, "")
	f("c:/users/a/pdf.exe", false, nil, "")
	f("/srv/www/logo.png.aspx", true, nil, DoubleExtension)
	f("/srv/www/shell.aspx;.jpg", true, nil, DoubleExtension)
	f("/srv/www/shell.asp.", true, nil, DoubleExtension)
	f("/srv/www/logo.png.aspx", false, nil, "")
	f("/srv/www/a.min.js", true, nil, "")
	f("/srv/www/view.html.php", true, nil, "")
	f("c:/users/a/ann\u202excod.exe", false, nil, Reversed)
	f("c:/programdata/svchost.exe", false, nil, SystemName)
	f("c:/windows/system32/svchost.exe", false, nil, "")
	f("d:/image/windows/system32/svchost.exe", false, nil, "")
	f("c:/programdata/mysvchost.exe", false, nil, "")
	f("/srv/www/logo.jpg", true, program(), FalseExtension)
	f("/srv/www/logo.exe", true, program(), "")
	f("/srv/www/logo.jpg", true, append([]byte("MZ is how this text begins"), make([]byte, 600)...), "")
	f("/srv/www/short.txt", true, []byte("MZ"), "")
	unread := &File{Path: "/a.jpg", Size: 1000, Head: func(int) ([]byte, bool) { return nil, false }}
	if got := Judge(unread); got != nil {
		t.Errorf("a file that could not be read: %v", got)
	}
}

// TestRulesAreWhole: every rule can hold, and states what a finding needs.
func TestRulesAreWhole(t *testing.T) {
	for _, r := range Rules() {
		for i := range reflect.TypeOf(r).NumField() {
			if reflect.ValueOf(r).Field(i).IsZero() {
				t.Errorf("%s: no %s", r.ID, reflect.TypeOf(r).Field(i).Name)
			}
		}
	}
}

var day = time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)

func late(pages []Page) (names []string) {
	var a Ages
	for _, p := range pages {
		a.Add("site", p)
	}
	for _, l := range a.Late() {
		names = append(names, l.Path)
	}
	return names
}

func TestLatePages(t *testing.T) {
	var site []Page
	for i := range 40 {
		site = append(site, Page{fmt.Sprintf("p%02d.aspx", i), day.AddDate(0, 0, i%3)})
	}
	f := func(pages []Page, want ...string) {
		t.Helper()
		for range 5 {
			rand.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
			if got := late(pages); !slices.Equal(got, want) {
				t.Fatalf("late %q, want %q", got, want)
			}
		}
	}
	after := func(days int, names ...string) []Page {
		all := slices.Clone(site)
		for _, n := range names {
			all = append(all, Page{n, day.AddDate(0, 0, days)})
		}
		return all
	}
	f(site)
	f(after(200, "shell.aspx"), "shell.aspx")
	f(after(200, "a.aspx", "b.aspx"), "a.aspx", "b.aspx")
	f(after(20, "soon.aspx"))
	f(after(200, "u1", "u2", "u3", "u4", "u5")) // an update
	f(append(slices.Clone(site[:5]), Page{"x", day.AddDate(1, 0, 0)}))
	f(append(slices.Clone(site), Page{Path: "undated"}))
}

// TestAgesAreMerged: parts give what the whole gives, and little is kept.
func TestAgesAreMerged(t *testing.T) {
	var whole, a, b Ages
	for i := range 100_000 {
		p := Page{fmt.Sprintf("%06d", i), day.Add(time.Duration(i) * time.Minute)}
		whole.Add("s", p)
		if i%2 == 0 {
			a.Add("s", p)
		} else {
			b.Add("s", p)
		}
	}
	x := Page{"x", day.AddDate(2, 0, 0)}
	whole.Add("s", x)
	b.Add("s", x)
	a.Merge(&b)
	if got, want := a.Late(), whole.Late(); len(want) != 1 || fmt.Sprint(got) != fmt.Sprint(want) || len(a.Sites["s"].Newest) > keptPages {
		t.Errorf("got %v, want %v, %d kept", got, want, len(a.Sites["s"].Newest))
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("c:/a/x.pdf.exe", true, program())
	f.Add("/a.jpg", false, []byte("MZ"))
	f.Fuzz(func(t *testing.T, path string, inSite bool, content []byte) {
		for _, j := range Judge(&File{Path: path, InSite: inSite, Size: int64(len(content)), Head: head(content)}) {
			if j.Reason == "" {
				t.Errorf("%q: %s has no reason", path, j.Rule)
			}
		}
	})
}

// TestPrograms: what a program tells of itself is judged, by its name and its signature.
func TestPrograms(t *testing.T) {
	head := func(int) ([]byte, bool) { return nil, true }
	for _, c := range []struct {
		file File
		want string
	}{
		{File{Path: "c:/a/mailservice.exe", Altered: true, Signer: "Vendor Inc.", Why: "another digest"}, AlteredProgram},
		{File{Path: "c:/a/b.dll", Damaged: true, Why: "cut"}, DamagedSigning},
		{File{Path: "c:/windows/system32/sethc.exe", Original: "Cmd.Exe"}, RenamedTool},
		{File{Path: "c:/programdata/u/update.exe", Original: "certutil.exe"}, RenamedTool},
		{File{Path: "c:/windows/system32/cmd.exe", Original: "Cmd.Exe"}, ""},
		{File{Path: "c:/windows/system32/en-us/cmd.exe.mui", Original: "Cmd.Exe.MUI"}, ""},
		{File{Path: "c:/tools/psexec64.exe", Original: "psexec.c"}, ""},
		{File{Path: "c:/a/b.exe", Original: "b.exe", Signer: "Vendor Inc."}, ""},
	} {
		c.file.Head = head
		got := ""
		for _, j := range Judge(&c.file) {
			got += j.Rule
		}
		if got != c.want {
			t.Errorf("%s (%s): %q, want %q", c.file.Path, c.file.Original, got, c.want)
		}
	}
}
