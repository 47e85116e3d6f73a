package winreg

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/collect/family"
	"postern/evidence"
	"postern/evidence/evidencetest"
)

func source(files evidencetest.Tree, reg evidence.Registry) *evidence.Source {
	src := &evidence.Source{Kind: evidence.KindTree, ID: evidence.Identity{OS: evidence.Windows}, Files: files, Close: func() error { return nil },
		Volumes: []evidence.Volume{{Mount: "C:", Root: "C"}, {Mount: "D:", Root: "D"}}}
	if reg != nil {
		src.Kind, src.State = evidence.KindHost, evidencetest.State{Reg: reg}
	}
	return src
}

// users gives the users of a source, "name home, hives", and the gaps.
func users(t *testing.T, src *evidence.Source) (all []string, gaps string) {
	t.Helper()
	out := &evidencetest.Sink{}
	r := family.New(context.Background(), "test", src, out)
	g := New(r, "it tells much")
	defer g.Close()
	r.Read("users", func() {
		for _, u := range g.Users() {
			line := u.Name + " " + u.Home
			if u.Keys != nil {
				line += " keys"
			}
			if u.Class != nil {
				line += " class"
			}
			all = append(all, line)
		}
	})
	for _, c := range out.Gaps() {
		gaps += c.Path + ": " + c.Missed.String() + "\n"
	}
	return all, gaps
}

func key(name string, keys ...evidencetest.HiveKey) evidencetest.HiveKey {
	return evidencetest.HiveKey{Name: name, Keys: keys}
}

// TestUsersOfImage: profiles are found in C:\Users and where the list of profiles has
// them, and a hive that every user has and this one lacks is a gap.
func TestUsersOfImage(t *testing.T) {
	elsewhere := evidencetest.HiveKey{Name: "S-1-5-21-1-2-3-1002", Values: []evidencetest.HiveValue{{Name: "ProfileImagePath", Data: `D:\Profiles\bob`}}}
	software := key("ROOT", key("Microsoft", key("Windows NT", key("CurrentVersion", key("ProfileList", elsewhere)))))
	hive := evidencetest.File{Data: evidencetest.Hive(key("ROOT"))}
	got, gaps := users(t, source(evidencetest.Tree{
		"C/Windows/System32/config/SOFTWARE":                        {Data: evidencetest.Hive(software)},
		"C/Windows/System32/config/DEFAULT":                         hive,
		"C/Users/anna/NTUSER.DAT":                                   hive,
		"C/Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat": hive,
		"C/Users/carl/a.txt":                                        evidencetest.Text("a"),
		"C/Users/Public/a.txt":                                      evidencetest.Text("a"),
		"D/Profiles/bob/NTUSER.DAT":                                 hive,
	}, nil))
	for _, want := range []string{`anna C:\Users\anna keys class`, `bob D:\Profiles\bob keys`, `carl C:\Users\carl`, `DEFAULT  keys`, `LocalService C:\Windows\ServiceProfiles\LocalService`} {
		if !slices.Contains(got, want) {
			t.Errorf("no user %q in %q", want, got)
		}
	}
	for _, want := range []string{"C/Users/carl/NTUSER.DAT: absent: it tells much", "C/Windows/ServiceProfiles/LocalService/NTUSER.DAT: absent"} {
		if !strings.Contains(gaps, want) {
			t.Errorf("no gap %q in\n%s", want, gaps)
		}
	}
	if strings.Contains(gaps, "Public") || strings.Contains(gaps, "systemprofile") || strings.Contains(gaps, "anna") {
		t.Errorf("gaps\n%s", gaps)
	}
}

// TestUsersOfHost: loaded users are read live, the others of their files; a registry
// that shows none is a gap.
func TestUsersOfHost(t *testing.T) {
	hive := evidencetest.File{Data: evidencetest.Hive(key("ROOT"))}
	files := evidencetest.Tree{"C/Users/anna/NTUSER.DAT": {OpenErr: evidence.ErrLimit}, "C/Users/bob/NTUSER.DAT": hive}
	list := `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList`
	got, gaps := users(t, source(files, evidencetest.Registry{
		`HKU\.DEFAULT\Software`: {}, `HKU\S-1-5-18\Software`: {}, `HKU\S-1-5-21-1\Software`: {}, `HKU\S-1-5-21-1_Classes\CLSID`: {},
		list + `\S-1-5-21-1`: {Values: []evidence.RegistryValue{{Name: "ProfileImagePath", Type: 2, Text: `%SystemDrive%\Users\anna`}}},
	}))
	for _, want := range []string{`anna C:\Users\anna keys class`, `bob C:\Users\bob keys`} {
		if !slices.Contains(got, want) {
			t.Errorf("no user %q in %q", want, got)
		}
	}
	if strings.Contains(gaps, "anna") {
		t.Errorf("a loaded user's file was opened:\n%s", gaps)
	}
	if _, gaps := users(t, source(files, evidencetest.Registry{`HKLM\SOFTWARE\A`: {}})); !strings.Contains(gaps, "shows no user's part") {
		t.Errorf("gaps\n%s", gaps)
	}
}

func TestTexts(t *testing.T) {
	if at := Filetime([]byte{0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 0x01}); !at.IsZero() {
		t.Errorf("seven bytes are %s", at)
	}
	if at := Filetime([]byte{0, 0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 0x01}); !at.Equal(time.Unix(0, 0)) {
		t.Errorf("1970 is %s", at)
	}
	if got := TextZ([]byte("a\x00b\x00\x00\x00c\x00d")); got != "ab" {
		t.Errorf("%q", got)
	}
	if rest, ok := CutFold(`%SystemRoot%\x`, "%SYSTEMROOT%"); !ok || rest != `\x` || LastOf(`C:\a/b`) != "b" || !Has([]string{"A"}, "a") {
		t.Error("paths")
	}
}
