package target

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// zipped makes a zip of names and texts, in order, at path.
func zipped(t *testing.T, path string, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i+1 < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err == nil {
			_, err = io.WriteString(f, pairs[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if path != "" {
		if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

// content reads a file by its path on the examined machine.
func content(t *testing.T, src *evidence.Source, path string) string {
	t.Helper()
	name, ok := src.Locate(path)
	if !ok {
		t.Errorf("%s: no volume", path)
		return ""
	}
	f, err := src.Files.Open(name)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return string(text)
}

const uploads = `{"Timestamp":"2026-01-20T10:00:05Z","vfs_path":"C:\\inetpub\\wwwroot\\x.aspx","_Components":["uploads","auto","C:","inetpub","wwwroot","x.aspx"],"file_size":4,"uploaded_size":4,"Type":""}` + "\n"

// velociraptor is a container of the offline collector.
var velociraptor = []string{
	"client_info.json", `{"Hostname":"MAIL01","OS":"windows"}`, "uploads.json", uploads,
	"uploads/auto/C%3A/inetpub/wwwroot/x.aspx", "evil", "results/Windows.Sys.json", "{}",
}

var kape = []string{
	"2026-01-20T10_10_10_1234567_CopyLog.csv", "SourceFile,FileSize,SourceFileSha1\nC:\\inetpub\\wwwroot\\x.aspx,4,aa\n",
	"C/inetpub/wwwroot/x.aspx", "evil", "C/Users/Public/x", "x",
}

func TestVelociraptorContainer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Collection-MAIL01-2026-01-20T10_00_00Z.zip")
	zipped(t, path, velociraptor...)
	unpacked := lay(t, "client_info.json = "+velociraptor[1], "uploads.json = "+uploads, "uploads/auto/C%3A/inetpub/wwwroot/x.aspx = evil", "results/Windows.Sys.json = {}")
	wrapped := filepath.Join(t.TempDir(), "export.zip")
	zipped(t, wrapped, "Collection-MAIL01/uploads.json", uploads, "Collection-MAIL01/uploads/auto/C%3A/inetpub/wwwroot/x.aspx", "evil", "Collection-MAIL01/client_info.json", velociraptor[1])
	for _, spec := range []string{path, unpacked, wrapped} {
		src := open(t, spec, Options{})
		if src.Kind != evidence.KindCollection || !src.Partial || src.ID.OS != evidence.Windows || src.ID.Host != "MAIL01" || src.ID.Captured.Format(time.RFC3339) != "2026-01-20T10:00:05Z" {
			t.Errorf("%s: %s partial %v %+v", spec, src.Kind, src.Partial, src.ID)
		}
		if got := content(t, src, `C:\INETPUB\wwwroot\X.aspx`); got != "evil" {
			t.Errorf("%s: %q", spec, got)
		}
	}
	old := open(t, path, Options{AsOf: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Host: "other"})
	if old.ID.Host != "other" || old.ID.Captured.Month() != 3 {
		t.Errorf("%+v", old.ID)
	}
}

// TestVelociraptorNestedContainer: what an encrypted container becomes when it
// is decrypted by hand and left as it is.
func TestVelociraptorNestedContainer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.zip")
	zipped(t, path, "metadata.json", "[{}]", "data.zip", string(zipped(t, "", velociraptor...)))
	src := open(t, path, Options{Scratch: t.TempDir()})
	if got := content(t, src, `C:\inetpub\wwwroot\x.aspx`); got != "evil" || src.ID.Host != "MAIL01" {
		t.Errorf("%q %+v %v", got, src.ID, src.Gaps)
	}
	zipped(t, path, "metadata.json", "[{}]", "data.zip", "no zip")
	if src := open(t, path, Options{}); src.Kind != evidence.KindCollection || !slices.Contains(reasons(src), evidence.Truncated) {
		t.Errorf("%v", src.Gaps)
	}
}

func TestKAPEContainers(t *testing.T) {
	dir := t.TempDir()
	inner := zipped(t, filepath.Join(dir, "plain.zip"), kape...)
	nested := filepath.Join(t.TempDir(), "2026-01-20_MAIL01.zip")
	zipped(t, nested, "out/2026-01-20T10_10_10_1234567_ConsoleLog.txt", "x", "out/2026-01-20T101010_MAIL01.zip", string(inner))
	for _, spec := range []string{filepath.Join(dir, "plain.zip"), nested, dir} { // a zip, a zip of it, a folder of it
		src := open(t, spec, Options{Scratch: t.TempDir()})
		if src.Target != spec || src.Kind != evidence.KindCollection || !src.Partial || src.ID.OS != evidence.Windows || len(src.Gaps) > 0 {
			t.Errorf("%s: %s %s %+v %v", spec, src.Target, src.Kind, src.ID, src.Gaps)
		}
		if got := content(t, src, `C:\inetpub\wwwroot\x.aspx`); got != "evil" {
			t.Errorf("%s: %q", spec, got)
		}
	}
	twice := filepath.Join(t.TempDir(), "deep.zip")
	zipped(t, twice, "a.zip", string(zipped(t, "", "b.zip", string(inner))))
	if src := open(t, twice, Options{Scratch: t.TempDir()}); !slices.Equal(reasons(src), []evidence.Reason{evidence.Unsupported}) {
		t.Errorf("three deep: %v", src.Gaps)
	}
}

func TestFolderOfCollections(t *testing.T) {
	dir := t.TempDir()
	zipped(t, filepath.Join(dir, "a.zip"), velociraptor...)
	zipped(t, filepath.Join(dir, "b.zip"), kape...)
	for name, data := range map[string]string{"uac-web01-linux-20260120101010.tar.gz": string(uacTarGz(t)), "uac-web01-linux-20260120101010.log": "log", "disk.vhdx": "vhdxfile", "SHA256SUMS.md": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := filepath.Join(t.TempDir(), "all.zip")
	zipped(t, all, "case/a.zip", string(zipped(t, "", velociraptor...)), "case/b.zip", string(zipped(t, "", kape...)))
	for spec, want := range map[string]string{dir: "a.zip MAIL01, b.zip , disk.vhdx , uac-web01-linux-20260120101010.tar.gz mail01", all: "case/a.zip MAIL01, case/b.zip "} {
		scratch := t.TempDir()
		sources, err := Open(context.Background(), spec, Options{Scratch: scratch})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, src := range sources {
			rel, err := filepath.Rel(spec, src.Target)
			got = append(got, filepath.ToSlash(rel)+" "+src.ID.Host)
			if err != nil {
				t.Error(err)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q, want %q", got, want)
		}
		for _, src := range sources {
			if filepath.Base(src.Target) == "disk.vhdx" {
				if !slices.Equal(reasons(src), []evidence.Reason{evidence.Format}) {
					t.Errorf("%v", src.Gaps)
				}
				continue
			}
			if src.ID.OS == evidence.Windows && content(t, src, `C:\inetpub\wwwroot\x.aspx`) != "evil" {
				t.Errorf("%s", src.Target)
			}
			if err := errors.Join(src.Close(), src.Close()); err != nil { // the others go on
				t.Error(err)
			}
		}
		for _, src := range sources {
			if err := src.Close(); err != nil {
				t.Error(err)
			}
		}
		if left, _ := os.ReadDir(scratch); len(left) > 0 {
			t.Errorf("left in scratch: %v", left)
		}
	}
}

// TestFolderWithMoreThanCollections: what lies beside archives is evidence too,
// and the archives are a gap as before.
func TestFolderWithMoreThanCollections(t *testing.T) {
	dir := lay(t, "u_ex260115.log", "sub/notes.txt")
	zipped(t, filepath.Join(dir, "a.zip"), velociraptor...)
	if src := open(t, dir, Options{}); !slices.Equal(reasons(src), []evidence.Reason{evidence.Unsupported}) {
		t.Errorf("%v", src.Gaps)
	}
}

// TestArchiveBehindALinkStaysClosed: a link to an archive outside the folder is
// not followed.
func TestArchiveBehindALinkStaysClosed(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.zip")
	zipped(t, outside, kape...)
	dir := lay(t, "a.zip -> "+outside)
	src := open(t, dir, Options{})
	if src.Kind == evidence.KindCollection || len(src.Gaps) == 0 {
		t.Errorf("%s %v", src.Kind, src.Gaps)
	}
}

func uacTarGz(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, f := range [][2]string{{"uac.log", uacLog}, {"[root]/etc/passwd", "root"}, {"[root]/var/log/auth.log", "x"}, {"[root]/etc/hostname", "mail01"}, {"live_response/process/ps.txt", "ps"}} {
		err := w.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Mode: 0o644})
		if err == nil {
			_, err = io.WriteString(w, f[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestUACRootIsNoGlob: "[root]" is a name, in every form that UAC writes.
func TestUACRootIsNoGlob(t *testing.T) {
	gz := filepath.Join(t.TempDir(), "uac-mail01-linux-20260120101010.tar.gz")
	if err := os.WriteFile(gz, uacTarGz(t), 0o600); err != nil {
		t.Fatal(err)
	}
	pk := filepath.Join(t.TempDir(), "uac.zip")
	zipped(t, pk, "uac.log", uacLog, "[root]/etc/passwd", "root", "[root]/var/log/auth.log", "x")
	for _, spec := range []string{gz, pk, lay(t, "uac.log = "+uacLog, "[root]/etc/passwd = root", "[root]/var/log/auth.log = x")} {
		src := open(t, spec, Options{Scratch: t.TempDir()})
		if got := content(t, src, "/etc/passwd"); got != "root" || src.ID.OS != evidence.Linux || !src.Partial || src.ID.Host != "mail01" {
			t.Errorf("%s: %q, %+v", spec, got, src.ID)
		}
		if src.ID.Captured.Format(time.RFC3339) != "2026-01-20T09:10:00Z" || src.ID.Zone == nil {
			t.Errorf("%s: %+v", spec, src.ID)
		}
	}
}

// TestEncryptedCollectionIsAGap: an archive that UAC or 7-Zip encrypted.
func TestEncryptedCollectionIsAGap(t *testing.T) {
	for _, name := range []string{"sealed.zip", "aes.zip", "encrypted.7z", "sealed.7z"} {
		src := open(t, filepath.Join("unpack", "testdata", name), Options{})
		if len(src.Gaps) == 0 || src.Gaps[0].Missed.Reason != evidence.Encrypted || src.Gaps[0].Parts != everything {
			t.Errorf("%s: %v", name, src.Gaps)
		}
	}
}

func TestSevenZipOfDrives(t *testing.T) {
	src := open(t, filepath.Join("unpack", "testdata", "solid.7z"), Options{Scratch: t.TempDir()})
	if src.ID.OS != evidence.Windows || len(src.Gaps) > 0 {
		t.Errorf("%+v %v", src.ID, src.Gaps)
	}
	if got := content(t, src, `C:\inetpub\wwwroot\x.aspx`); got != "<%@ Page %>\n" {
		t.Errorf("%q", got)
	}
}

// TestNestedBombIsBounded: the limits hold for what an inner archive unpacks to.
func TestNestedBombIsBounded(t *testing.T) {
	var inner bytes.Buffer
	w := zip.NewWriter(&inner)
	f, err := w.Create("C/zeros")
	if err == nil {
		_, err = f.Write(make([]byte, 70<<20))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "outer.zip")
	zipped(t, path, "inner.zip", inner.String())
	src := open(t, path, Options{Scratch: t.TempDir()})
	name, _ := src.Locate(`C:\zeros`)
	file, err := src.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if n, err := io.Copy(io.Discard, io.NewSectionReader(file, 0, file.Size())); !errors.Is(err, evidence.ErrLimit) || n > 66<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestACutCollectionIsNeverSilent cuts containers all along: whatever is
// missing is told.
func TestACutCollectionIsNeverSilent(t *testing.T) {
	for what, data := range map[string][]byte{"v.zip": zipped(t, "", velociraptor...), "k.zip": zipped(t, "", kape...), "u.tar.gz": uacTarGz(t)} {
		for cut := 0; cut < len(data); cut += 1 + len(data)/60 {
			path := filepath.Join(t.TempDir(), what)
			if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			src := open(t, path, Options{Scratch: t.TempDir()})
			if !slices.ContainsFunc(src.Gaps, func(g evidence.Coverage) bool { return g.Parts == everything }) {
				t.Errorf("%s cut at %d of %d: %v", what, cut, len(data), src.Gaps)
			}
		}
	}
}
