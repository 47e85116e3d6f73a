package target

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"postern/evidence"
)

// lay makes files under a new directory: "a/b" a file, "a/" a folder, "a -> b"
// a link, "a = text" a file of that text.
func lay(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		name, link, isLink := strings.Cut(n, " -> ")
		name, text, hasText := strings.Cut(name, " = ")
		if !hasText {
			text = name
		}
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(link, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Skipf("this file system: %v", err)
		}
	}
	return dir
}

func open(t *testing.T, spec string, opt Options) *evidence.Source {
	t.Helper()
	sources, err := Open(context.Background(), spec, opt)
	if err != nil || len(sources) != 1 {
		t.Fatalf("open %q: %d sources, %v", spec, len(sources), err)
	}
	t.Cleanup(func() {
		if err := sources[0].Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return sources[0]
}

// reasons lists why parts of a source are not seen.
func reasons(src *evidence.Source) (list []evidence.Reason) {
	for _, gap := range src.Gaps {
		list = append(list, gap.Missed.Reason)
	}
	return list
}

func TestLayouts(t *testing.T) {
	windows := []string{"Windows/System32/x", "Users/Public/x", "inetpub/wwwroot/x"}
	linux := []string{"etc/passwd", "var/log/syslog", "opt/x"}
	under := func(dir string, names []string) (list []string) {
		for _, n := range names {
			list = append(list, dir+"/"+n)
		}
		return list
	}
	for _, c := range []struct {
		name    string
		files   []string
		kind    evidence.Kind
		os      evidence.OS
		partial bool
		volumes []evidence.Volume
		gaps    []evidence.Reason
	}{
		{"windows", windows, evidence.KindTree, evidence.Windows, false, []evidence.Volume{{Mount: "C:", Root: "."}}, nil},
		{"windows in another case", []string{"WINDOWS/SYSTEM32/x"}, evidence.KindTree, evidence.Windows, false, []evidence.Volume{{Mount: "C:", Root: "."}}, nil},
		{"linux", linux, evidence.KindTree, evidence.Linux, false, []evidence.Volume{{Mount: "/", Root: "."}}, nil},
		{"drives", append(under("C", windows), "D/SmarterMail/Logs/x"), evidence.KindTree, evidence.Windows, false,
			[]evidence.Volume{{Mount: "C:", Root: "C"}, {Mount: "D:", Root: "D"}}, nil},
		{"drive with a colon", []string{"C:/SmarterMail/x"}, evidence.KindTree, evidence.Windows, false, []evidence.Volume{{Mount: "C:", Root: "C:"}}, nil},
		{"drive as Velociraptor writes it", []string{"uploads.json = {\"_Components\":[\"uploads\",\"auto\",\"C:\",\"inetpub\",\"x\"]}", "uploads/auto/C%3A/inetpub/x"}, evidence.KindCollection, evidence.Windows, true,
			[]evidence.Volume{{Mount: "C:", Root: "C"}}, nil},
		{"a list of Velociraptor's beside drives", append(under("C", windows), "uploads.json = []"), evidence.KindCollection, evidence.Windows, true,
			[]evidence.Volume{{Mount: "C:", Root: "C"}}, nil},
		{"wrapped", under("image", linux), evidence.KindTree, evidence.Linux, false, []evidence.Volume{{Mount: "/", Root: "image"}}, nil},
		{"wrapped drives", under("HOST/C", windows), evidence.KindTree, evidence.Windows, false, []evidence.Volume{{Mount: "C:", Root: "HOST/C"}}, nil},
		{"uac", append(under("[root]", linux), "uac.log = "+uacLog, "live_response/process/ps.txt"), evidence.KindCollection, evidence.Linux, true,
			[]evidence.Volume{{Mount: "/", Root: "[root]"}}, []evidence.Reason{evidence.Unsupported}},
		{"kape", append(under("C", windows), "2026-01-20T10_10_10_1234567_CopyLog.csv = SourceFile,FileSize\n"), evidence.KindCollection, evidence.Windows, true,
			[]evidence.Volume{{Mount: "C:", Root: "C"}}, nil},
		{"wrapped by macOS", append(under("Copy of disk", linux), "__MACOSX/Copy of disk/._x", ".DS_Store"), evidence.KindTree, evidence.Linux, false,
			[]evidence.Volume{{Mount: "/", Root: "Copy of disk"}}, nil},
		{"a system beside notes", append(under("disk", windows), "notes/a.txt"), evidence.KindTree, evidence.Windows, false, []evidence.Volume{{Mount: "C:", Root: "disk"}}, nil},
		{"two systems", append(under("mail01", windows), under("mail02", linux)...), evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, []evidence.Reason{evidence.Ambiguous}},
		{"an image in a folder", []string{"case/MAIL02.vhdx", "case/a.log"}, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, []evidence.Reason{evidence.Unsupported}},
		{"an archive in a folder of logs", []string{"logs.zip", "a.log"}, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, []evidence.Reason{evidence.Unsupported}},
		{"an archive on a system", append([]string{"setup.zip"}, linux...), evidence.KindTree, evidence.Linux, false, []evidence.Volume{{Mount: "/", Root: "."}}, nil},
		{"data folder", []string{"Logs/2026.01.15-smtpLog.log", "Domains/x/settings.json"}, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, nil},
		{"product folder", []string{"Service/MailService.exe"}, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, nil},
		{"logs", []string{"2026.01.15-smtpLog.log", "2026.01.14-smtpLog.log.zip", "W3SVC1/u_ex260115.log", "Security.evtx", "access_log-20260115", "syslog.2.gz", "auth.log.1", "Logs/x.txt"},
			evidence.KindLogs, "", false, nil, nil},
		{"no log among logs", []string{"a.log", "readme"}, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, nil},
		{"empty", nil, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, []evidence.Reason{evidence.Absent}},
		{"folders only", []string{"a/b/", "c/"}, evidence.KindTree, "", false, []evidence.Volume{{Mount: "/", Root: "."}}, []evidence.Reason{evidence.Absent}},
	} {
		check := func(t *testing.T, src *evidence.Source) {
			if src.Kind != c.kind || src.ID.OS != c.os || src.Partial != c.partial || !slices.Equal(src.Volumes, c.volumes) || !slices.Equal(reasons(src), c.gaps) {
				t.Errorf("kind %s, os %q, partial %v, volumes %v, gaps %v", src.Kind, src.ID.OS, src.Partial, src.Volumes, src.Gaps)
			}
		}
		t.Run(c.name, func(t *testing.T) { check(t, open(t, lay(t, c.files...), Options{})) })
		if c.name == "drive with a colon" {
			continue // our index writes C:/ as C/
		}
		t.Run(c.name+" in a zip", func(t *testing.T) { check(t, open(t, pack(t, lay(t, c.files...)), Options{Scratch: t.TempDir()})) })
	}
}

// uacLog is what UAC writes of a collection that came to its end.
const uacLog = "2026-01-20 10:00:00 +0100 INF Hostname: mail01\n2026-01-20 10:00:00 +0100 INF Operating system: linux\n" +
	"2026-01-20 10:10:00 +0100 INF Artifacts collection complete. Total execution time: 600 seconds\n"

// pack makes a zip of a directory's content.
func pack(t *testing.T, dir string) string {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "evidence.zip")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTargetThatIsNotThere(t *testing.T) {
	for _, spec := range []string{filepath.Join(t.TempDir(), "gone"), "./gone.zip"} {
		if sources, err := Open(context.Background(), spec, Options{}); !errors.Is(err, fs.ErrNotExist) || sources != nil {
			t.Errorf("%s: %v, %v", spec, sources, err)
		}
	}
}

func TestWhatCannotBeOpenedIsAGap(t *testing.T) {
	write := func(name string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := os.ReadFile(pack(t, lay(t, "logs/auth.log", "logs/syslog", "z/shell.aspx")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		kind       evidence.Kind
		reason     evidence.Reason
	}{
		{"truncated zip", write("cut.zip", whole[:len(whole)-60]), evidence.KindTree, evidence.Truncated},
		{"truncated to a log", write("cut.zip", whole[:bytes.LastIndex(whole[:bytes.Index(whole, []byte("PK\x01\x02"))], []byte("PK\x03\x04"))]), evidence.KindTree, evidence.Truncated},
		{"a zip in name only", write("x.zip", []byte("no")), evidence.KindTree, evidence.Truncated},
		{"empty file", write("x.log", nil), evidence.KindLogs, evidence.Truncated},
		{"a disk nobody knows", write("disk", []byte("\xeb\x3c\x90MSDOS5.0\x00\x02")), evidence.KindTree, evidence.Format},
		{"a hive", write("SYSTEM", []byte("regf\x01\x00\x00\x00")), evidence.KindTree, evidence.Format},
		{"7-Zip", write("x.7z", []byte("7z\xbc\xaf\x27\x1c")), evidence.KindTree, evidence.Truncated},
	} {
		src := open(t, c.path, Options{})
		if src.Kind != c.kind || len(src.Gaps) == 0 || src.Gaps[0].Missed.Reason != c.reason || src.Gaps[0].Parts != everything {
			t.Errorf("%s: kind %s, gaps %v", c.name, src.Kind, src.Gaps)
		}
	}
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		return // root reads everything, and modes do not bind on Windows
	}
	for _, path := range []string{write("shut.log", []byte("x")), lay(t, "a.log")} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		src := open(t, path, Options{})
		os.Chmod(path, 0o700)
		if !slices.Equal(reasons(src), []evidence.Reason{evidence.Unreadable}) {
			t.Errorf("%s: %v", path, src.Gaps)
		}
	}
}

func TestOneLog(t *testing.T) {
	dir := lay(t, "u_ex260115.log = #Fields: date time\n")
	src := open(t, filepath.Join(dir, "u_ex260115.log"), Options{})
	if src.Kind != evidence.KindLogs || len(reasons(src)) > 0 || len(src.Volumes) > 0 {
		t.Errorf("kind %s, gaps %v", src.Kind, src.Gaps)
	}
	for _, text := range []string{"of any name", "\xff\xfea\x00", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if src := open(t, filepath.Join(lay(t, "weblog = "+text), "weblog"), Options{}); src.Kind != evidence.KindLogs || len(src.Gaps) > 0 {
			t.Errorf("%q: kind %s, gaps %v", text, src.Kind, src.Gaps)
		}
	}
	f, err := src.Files.Open("u_ex260115.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if string(text) != "#Fields: date time\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAbsoluteLinkReadsTheImage(t *testing.T) {
	dir := lay(t, "etc/passwd = the image's", "var/log/x", "var/www -> /srv/real", "srv/real/p -> /etc/passwd")
	src := open(t, dir, Options{})
	name, ok := src.Locate("/var/www/p")
	if !ok {
		t.Fatal("no volume")
	}
	f, err := src.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := make([]byte, f.Size())
	if _, err := f.ReadAt(text, 0); err != nil || string(text) != "the image's" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestUACTar(t *testing.T) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for name, text := range map[string]string{"[root]/etc/hostname": "mail01\n", "[root]/etc/passwd": "root", "[root]/var/log/auth.log": "x", "uac.log": uacLog} {
		err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644})
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	err := w.WriteHeader(&tar.Header{Name: "[root]/etc/localtime", Typeflag: tar.TypeSymlink, Linkname: "/usr/share/zoneinfo/Europe/Rome"})
	if err == nil {
		err = w.Close()
	}
	path := filepath.Join(t.TempDir(), "uac.tar")
	if err == nil {
		err = os.WriteFile(path, buf.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	src := open(t, path, Options{})
	if src.Kind != evidence.KindCollection || src.ID.Host != "mail01" || src.ID.Zone.String() != "Europe/Rome" || len(src.Gaps) > 0 {
		t.Errorf("%s %+v %v", src.Kind, src.ID, src.Gaps)
	}
}

func TestOptionsOverride(t *testing.T) {
	dir := lay(t, "etc/hostname = web\n", "etc/timezone = Europe/Berlin\n", "var/log/x")
	asOf := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	said := open(t, dir, Options{Partial: true, AsOf: asOf, Zone: time.FixedZone("x", 3600), Host: "mail"})
	if said.ID.Host != "mail" || said.ID.ZoneFrom != "--time-zone" || !said.ID.Captured.Equal(asOf) || !said.Partial {
		t.Errorf("%+v", said.ID)
	}
	read := open(t, dir, Options{})
	if read.ID.Host != "web" || read.ID.ZoneFrom != "etc/timezone" || read.ID.Zone.String() != "Europe/Berlin" || read.Partial || !read.ID.Captured.IsZero() {
		t.Errorf("%+v", read.ID)
	}
}
