package tree

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"postern/evidence"
)

func xzed(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&buf)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// sample reads a fixture of the unpackers.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "unpack", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSevenZipArchive(t *testing.T) {
	for _, name := range []string{"solid.7z", "lzma2.7z", "bcj2.7z"} {
		o := openBytes(t, name, sample(t, name), Limits{})
		o.wantFaults(t)
		wantList(t, listing(t, o, "."), []string{"./", "C/", "C/Windows/", "C/Windows/empty", "C/Windows/tool.exe", "C/Windows/u_ex260115.log",
			"C/inetpub/", "C/inetpub/wwwroot/", "C/inetpub/wwwroot/x.aspx"})
		if got := content(t, o, "C/inetpub/wwwroot/x.aspx"); got != "<%@ Page %>\n" {
			t.Errorf("%s: %q", name, got)
		}
		if got := content(t, o, "C/Windows/u_ex260115.log"); strings.Count(got, "\n") != 400 {
			t.Errorf("%s: a log of %d bytes", name, len(got))
		}
		if e, err := o.Stat("C/inetpub/wwwroot/x.aspx"); err != nil || e.ModTime.UTC().Format("2006-01-02 15:04") != "2026-01-15 10:00" {
			t.Errorf("%s: time %v, %v", name, e.ModTime, err)
		}
	}
	for _, name := range []string{"encrypted.7z", "sealed.7z"} {
		o := openBytes(t, name, sample(t, name), Limits{})
		o.wantFaults(t, evidence.ErrEncrypted)
		if text := o.faults[0].Error(); !strings.Contains(text, "password") {
			t.Errorf("%s: no hint in %q", name, text)
		}
	}
}

func TestSevenZipIsBounded(t *testing.T) {
	data := sample(t, "solid.7z")
	openBytes(t, "x.7z", data, Limits{Entries: 3}).wantFaults(t, evidence.ErrLimit)
	o := openBytes(t, "x.7z", data, Limits{Bytes: 13_000})
	o.wantFaults(t, evidence.ErrLimit)
	if len(listing(t, o, ".")) < 2 {
		t.Error("what fits is not there")
	}
}

func TestSevenZipWithABadBlock(t *testing.T) {
	data := bytes.Clone(sample(t, "solid.7z"))
	data[len(data)/2] ^= 0xff
	o := openBytes(t, "x.7z", data, Limits{})
	lost := 0
	for _, name := range []evidence.Name{"C/Windows/tool.exe", "C/Windows/u_ex260115.log", "C/inetpub/wwwroot/x.aspx"} {
		f, err := o.Open(name)
		if err == nil {
			_, err = io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
			f.Close()
		}
		if err != nil {
			lost++
		}
	}
	if lost == 0 {
		t.Error("a changed block reads as if nothing were")
	}
}

func TestPackedTars(t *testing.T) {
	names := []string{"etc/passwd", "var/log/auth.log"}
	for base, data := range map[string][]byte{"x.tar.xz": xzed(t, tarred(t, names...)), "x.tar.bz2": sample(t, "tree.tar.bz2")} {
		o := openBytes(t, base, data, Limits{})
		o.wantFaults(t)
		wantList(t, listing(t, o, "."), []string{"./", "etc/", "etc/passwd", "var/", "var/log/", "var/log/auth.log"})
		if got := content(t, o, "var/log/auth.log"); got != names[1] {
			t.Errorf("%s: %q", base, got)
		}
		for cut := 0; cut < len(data); cut += 1 + cut/16 {
			o := openBytes(t, base, data[:cut], Limits{})
			if len(o.faults) == 0 {
				t.Fatalf("%s cut at %d and not a word", base, cut)
			}
		}
		o = openBytes(t, base, data, Limits{Bytes: 100})
		if len(o.faults) == 0 {
			t.Errorf("%s: over the limit and not a word", base)
		}
	}
	for _, name := range []string{"log.xz", "log.bz2"} { // one packed log
		o := openBytes(t, name, sample(t, name), Limits{})
		o.wantFaults(t)
		if !o.single {
			t.Errorf("%s is taken for an archive", name)
		}
	}
}

func TestDeflate64InZip(t *testing.T) {
	o := openBytes(t, "big.zip", sample(t, "deflate64.zip"), Limits{})
	o.wantFaults(t)
	if got := content(t, o, "far.txt"); len(got) != 194_000 || strings.Count(got, "y") != 70_000 {
		t.Errorf("%d bytes", len(got))
	}
	data := bytes.Clone(sample(t, "deflate64.zip"))
	data[len(data)/2] ^= 1
	o = openBytes(t, "big.zip", data, Limits{})
	f, err := o.Open("far.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, f.Size())); err == nil {
		t.Error("a changed member reads as if nothing were")
	}
}

// TestEncryptedWholeZip: an archive of which nothing can be read is not an
// empty one.
func TestEncryptedWholeZip(t *testing.T) {
	o := openBytes(t, "e.zip", sample(t, "sealed.zip"), Limits{})
	o.wantFaults(t, evidence.ErrEncrypted)
	wantOpen(t, o, "C/inetpub/wwwroot/x.aspx", evidence.ErrEncrypted)
	o = openBytes(t, "e.zip", sample(t, "aes.zip"), Limits{})
	o.wantFaults(t, evidence.ErrEncrypted)
}
