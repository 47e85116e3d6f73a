package packs

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"flag"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write shipped.bin from the folders beside it")

// TestNames keeps the list and the folders the same.
func TestNames(t *testing.T) {
	folders, err := fs.ReadDir(Shipped(), ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(Names()) {
		t.Fatalf("%d folders, %d names", len(folders), len(Names()))
	}
	for i, name := range Names() {
		if folders[i].Name() != name {
			t.Errorf("folder %q, name %q", folders[i].Name(), name)
		}
	}
}

// TestShippedIsFresh: what is embedded is what stands in the folders. The
// files are compared, not the archive: compressors differ between releases of
// Go.
func TestShippedIsFresh(t *testing.T) {
	folders := content(t, os.DirFS("."), onDisk(t))
	if *update {
		made := encoded(t, folders)
		if !bytes.Equal(made, encoded(t, folders)) {
			t.Error("the same folders give two archives")
		}
		if err := os.WriteFile("shipped.bin", made, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	inside := content(t, Shipped(), Names())
	const renew = "; run go generate ./packs"
	for name, text := range folders {
		if have, there := inside[name]; !there {
			t.Errorf("%s is not in shipped.bin%s", name, renew)
		} else if !bytes.Equal(have, text) {
			t.Errorf("%s is another in shipped.bin%s", name, renew)
		}
	}
	for name := range inside {
		if _, there := folders[name]; !there {
			t.Errorf("%s stands in shipped.bin alone%s", name, renew)
		}
	}
}

// TestNothingIsPlain: no word of a rule or a sample stands in the binary as it
// is written.
func TestNothingIsPlain(t *testing.T) {
	words := map[string]bool{"eval(Request": true, "Process.Start": true, "cmd.exe": true, "powershell": true, "condition:": true, "PK\x03\x04": true}
	for name, text := range content(t, os.DirFS("."), onDisk(t)) {
		if kind := path.Base(path.Dir(name)); kind != "yara" && kind != "sigma" && kind != "tests" && path.Base(name) != "indicators.yaml" {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			if len(word) >= 6 {
				words[word] = true
			}
		}
	}
	for word := range words {
		if bytes.Contains(archive, []byte(word)) {
			t.Errorf("%q stands in shipped.bin", word)
		}
	}
}

// TestDamaged: an archive that cannot be read is an error for whoever reads it.
func TestDamaged(t *testing.T) {
	for _, bad := range [][]byte{nil, []byte("x"), archive[:len(archive)/2]} {
		if _, err := fs.ReadDir(opened(bad), "."); err == nil {
			t.Error("it was read")
		}
	}
}

// onDisk lists the folders here that are packs.
func onDisk(t *testing.T) (names []string) {
	t.Helper()
	found, err := filepath.Glob("*/pack.yaml")
	if err != nil || len(found) == 0 {
		t.Fatal("no packs here ", err)
	}
	for _, f := range found {
		names = append(names, filepath.Dir(f))
	}
	return names
}

func content(t *testing.T, fsys fs.FS, folders []string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, folder := range folders {
		err := fs.WalkDir(fsys, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			all[name], err = fs.ReadFile(fsys, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// encoded packs files, in the order of their names and without a date.
func encoded(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestCompression) })
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Time{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return masked(out.Bytes())
}
