package tree

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"postern/evidence"
)

// opened is one file as File gives it.
type opened struct {
	*Tree
	single bool
	faults []error
}

func openBytes(t *testing.T, base string, data []byte, limits Limits) opened {
	t.Helper()
	path := filepath.Join(t.TempDir(), base)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	tree, single, faults, err := File(context.Background(), path, scratch, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if left, _ := os.ReadDir(scratch); len(left) > 0 {
			t.Errorf("scratch is not empty after Close: %v", left)
		}
	})
	return opened{tree, single, faults}
}

func (o opened) wantFaults(t *testing.T, want ...error) {
	t.Helper()
	if len(o.faults) != len(want) {
		t.Fatalf("faults: %v, want %v", o.faults, want)
	}
	for i := range want {
		if !errors.Is(o.faults[i], want[i]) {
			t.Errorf("fault: %v, want %v", o.faults[i], want[i])
		}
	}
}

// zipped makes a zip of names, each holding its own name; change may alter a
// header.
func zipped(t testing.TB, change func(*zip.FileHeader), names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, n := range names {
		h := &zip.FileHeader{Name: n, Method: zip.Deflate, Modified: time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)}
		if change != nil {
			change(h)
		}
		f, err := w.CreateHeader(h)
		if err == nil && !strings.HasSuffix(n, "/") {
			_, err = io.WriteString(f, n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tarred makes a tar: "a" a file holding its own name, "a/" a folder, "a -> b"
// a link, "a => b" a hard link.
func tarred(t testing.TB, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, n := range names {
		h := &tar.Header{Name: n, Mode: 0o644, Typeflag: tar.TypeReg, ModTime: time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)}
		if name, to, ok := strings.Cut(n, " -> "); ok {
			h.Name, h.Linkname, h.Typeflag = name, to, tar.TypeSymlink
		} else if name, to, ok := strings.Cut(n, " => "); ok {
			h.Name, h.Linkname, h.Typeflag = name, to, tar.TypeLink
		} else if strings.HasSuffix(n, "/") {
			h.Typeflag = tar.TypeDir
		} else {
			h.Size = int64(len(n))
		}
		err := w.WriteHeader(h)
		if err == nil && h.Size > 0 {
			_, err = io.WriteString(w, n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

func TestArchivesByContent(t *testing.T) {
	names := []string{"etc/passwd", "var/log/auth.log"}
	want := []string{"./", "etc/", "etc/passwd", "var/", "var/log/", "var/log/auth.log"}
	tarball, z := tarred(t, names...), zipped(t, nil, names...)
	for name, data := range map[string][]byte{
		"zip": z, "tar": tarball, "gz": gzipped(t, tarball), "zst": zstded(t, tarball),
		"prefixed": append([]byte("MZ a program"), z...), "data behind": append(bytes.Clone(z), make([]byte, 100_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			o := openBytes(t, "evidence.bin", data, Limits{})
			o.wantFaults(t)
			wantList(t, listing(t, o, "."), want)
			if got := content(t, o, "var/log/auth.log"); got != names[1] {
				t.Errorf("content %q", got)
			}
			if e, err := o.Stat("etc/passwd"); err != nil || e.ModTime.Format(time.DateTime) != "2026-01-15 10:00:00" {
				t.Errorf("time %v, %v", e.ModTime, err)
			}
			wantOpen(t, o, "etc", evidence.ErrUnsupported)
		})
	}
}

func TestFilesThatAreNoArchive(t *testing.T) {
	z := zipped(t, nil, "2026.01.15-smtpLog.log")
	for _, c := range []struct {
		base  string
		data  []byte
		fault error
	}{
		{"u_ex260115.log", []byte("#Fields: date\n"), nil},
		{"2026.01.15-smtpLog.log.zip", z, nil},
		{"auth.log.1.gz", gzipped(t, []byte("Jan 15 10:00:00 host sshd[1]: x\n")), nil},
		{"empty.log", nil, evidence.ErrTruncated},
		{"host.zip", []byte("not a zip"), evidence.ErrTruncated},
		{"host.tar.gz", gzipped(t, []byte("not a tar")), evidence.ErrTruncated},
		{"disk.E01", []byte("EVF\x09\x0d\x0a\xff\x00"), evidence.ErrUnsupported},
	} {
		t.Run(c.base, func(t *testing.T) {
			o := openBytes(t, c.base, c.data, Limits{})
			if c.fault == nil {
				o.wantFaults(t)
			} else {
				o.wantFaults(t, c.fault)
			}
			if !o.single {
				t.Error("taken for an archive")
			}
			wantList(t, listing(t, o, "."), []string{"./", c.base})
			if got := content(t, o, evidence.Name(c.base)); got != string(c.data) {
				t.Errorf("content of %d bytes, want %d", len(got), len(c.data))
			}
		})
	}
}

func TestHostileNames(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want []string
	}{
		{"traversal in a zip", zipped(t, nil, "ok", "../evil", "a/../../evil", `..\..\evil`, `C:\inetpub\x.aspx`, "c:evil"),
			[]string{"./", "%2E%2E/", "%2E%2E/evil !unsafe name", `..\..\evil !unsafe name`, "C/", "C/inetpub/", "C/inetpub/x.aspx",
				"a/", "a/%2E%2E/", "a/%2E%2E/%2E%2E/", "a/%2E%2E/%2E%2E/evil !unsafe name", "c:evil !unsafe name", "ok"}},
		{"absolute among relative", zipped(t, nil, "ok", "/etc/passwd", "//server/share"),
			[]string{"./", "%2F/", "%2F/%2F/", "%2F/%2F/server/", "%2F/%2F/server/share !unsafe name", "%2F/etc/", "%2F/etc/passwd !unsafe name", "ok"}},
		{"all absolute (tar -P)", tarred(t, "/etc/passwd", "/etc/motd", "etc/passwd"),
			[]string{"./", "etc/", "etc/motd", "etc/passwd", "etc/passwd !ambiguous"}},
		{"backslashes", zipped(t, nil, `C\inetpub\wwwroot\x.aspx`, `C\inetpub\`),
			[]string{"./", "C/", "C/inetpub/", "C/inetpub/wwwroot/", "C/inetpub/wwwroot/x.aspx"}},
		{"systemd's backslashes", zipped(t, func(h *zip.FileHeader) { h.SetMode(0o644) }, `etc/systemd/system/dev-disk-by\x2dlabel-a.swap`, `a\b`),
			[]string{"./", "a/", "a/b", "etc/", "etc/systemd/", "etc/systemd/system/", `etc/systemd/system/dev-disk-by\x2dlabel-a.swap`}},
		{"backslashes in a tar", tarred(t, `a\x2d.slice`), []string{"./", `a\x2d.slice`}},
		{"duplicates", zipped(t, nil, "www/a.aspx", "www/shell.aspx", "www/a.aspx", "www/", "www/"),
			[]string{"./", "www/", "www/a.aspx", "www/a.aspx !ambiguous", "www/shell.aspx"}},
		{"a file where a folder stands", tarred(t, "a", "a/b", "c/d", "c"),
			[]string{"./", "a/", "a/ !ambiguous", "a/b", "c/", "c/ !ambiguous", "c/d"}},
		{"through a link", tarred(t, "a -> /etc", "a/passwd"), []string{"./", "a/", "a/ !ambiguous", "a/passwd"}},
		{"case", zipped(t, nil, "www/x.aspx", "WWW/X.ASPX"), []string{"./", "WWW/", "WWW/X.ASPX", "www/", "www/x.aspx"}},
		{"links", tarred(t, "etc/passwd", "p -> /etc/passwd", "q -> ../../etc/passwd", "e/", "e/up -> ..", "h => etc/passwd", "i => h", "j => ../x", "k => gone"),
			[]string{"./", "e/", "e/up/ -> .", "etc/", "etc/passwd", "h", "i", "j !unsafe name", "k !absent", "p -> etc/passwd", "q !leads out"}},
		{"a long name", tarred(t, "ok", strings.Repeat("d/", maxElements+5)+"x"), []string{"./", "%2E%2E/", "%2E%2E/long name of 411 bytes/", "%2E%2E/long name of 411 bytes/d !unsafe name", "ok"}},
		{"an empty name and the root", zipped(t, nil, "ok", "", "./"), []string{"./", "%2F !unsafe name", "ok"}},
		{"a zero byte", zipped(t, nil, "a\x00b"), []string{"./", "a%00b !unsafe name"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := openBytes(t, "hostile.bin", c.data, Limits{})
			o.wantFaults(t)
			wantList(t, listing(t, o, "."), c.want)
		})
	}
}

func TestFirstOfDuplicatesIsRead(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, text := range []string{"first", "second"} {
		f, err := w.Create("a")
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if got := content(t, openBytes(t, "d.zip", buf.Bytes(), Limits{}), "a"); got != "first" {
		t.Errorf("read %q", got)
	}
}

func TestLinkInZip(t *testing.T) {
	data := zipped(t, func(h *zip.FileHeader) {
		if h.Name == "etc/passwd" {
			return
		}
		h.SetMode(os.ModeSymlink | 0o777) // its text is its name
	}, "etc/passwd", "x/etc/passwd")
	o := openBytes(t, "l.zip", data, Limits{})
	o.Fold = FoldNever
	wantList(t, listing(t, o, "x"), []string{"x/", "x/etc/", "x/etc/passwd !absent"})
}

func TestEncrypted(t *testing.T) {
	data := zipped(t, func(h *zip.FileHeader) {
		if h.Name == "secret" {
			h.Flags |= 1
		}
	}, "plain", "secret")
	o := openBytes(t, "e.zip", data, Limits{})
	wantList(t, listing(t, o, "."), []string{"./", "plain", "secret !encrypted"})
	wantOpen(t, o, "secret", evidence.ErrEncrypted)
	content(t, o, "plain")
}

func TestBombs(t *testing.T) {
	zeros := make([]byte, 66<<20)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.Create("zeros") // deflates a thousand to one
	if err == nil {
		_, err = f.Write(zeros)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	o := openBytes(t, "bomb.zip", buf.Bytes(), Limits{})
	file, err := o.Open("zeros")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, io.NewSectionReader(file, 0, file.Size()))
	if !errors.Is(err, evidence.ErrLimit) || n > 65<<20 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	file.Close()

	small := openBytes(t, "bomb.zip", buf.Bytes(), Limits{Bytes: 1 << 20})
	wantOpen(t, small, "zeros", evidence.ErrLimit)

	big := tarred(t, "small")
	big = append(big[:len(big)-1024], tarOf(t, "zeros", zeros)...)
	for name, data := range map[string][]byte{"gz": gzipped(t, big), "zst": zstded(t, big)} {
		packed := openBytes(t, name, data, Limits{})
		if len(packed.faults) == 0 || !errors.Is(packed.faults[0], evidence.ErrLimit) {
			t.Errorf("%s: %v", name, packed.faults)
		}
		content(t, packed, "small")
	}

	many := openBytes(t, "many.zip", zipped(t, nil, "a", "b", "c", "d"), Limits{Entries: 3})
	many.wantFaults(t, evidence.ErrLimit)
	wantList(t, listing(t, many, "."), []string{"./", "a", "b", "c"})

	all := openBytes(t, "sum.zip", zipped(t, nil, "first", "other"), Limits{Bytes: 7})
	content(t, all, "first")
	file, err = all.Open("other")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ReadAt(make([]byte, 5), 0); !errors.Is(err, evidence.ErrLimit) {
		t.Errorf("all reads together: %v", err)
	}
}

func tarOf(t testing.TB, name string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644})
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

func TestTruncatedZip(t *testing.T) {
	for _, method := range []uint16{zip.Deflate, zip.Store} {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		text := strings.Repeat("2026-01-15 10:00:00 GET /\n", 500)
		for _, name := range []string{"a.log", "b.log", "c.log"} {
			h := &zip.FileHeader{Name: name, Method: method}
			if method == zip.Store { // with sizes in front, as most programs write
				h.UncompressedSize64, h.CompressedSize64 = uint64(len(text)), uint64(len(text))
				f, err := w.CreateRaw(h)
				if err == nil {
					_, err = io.WriteString(f, text)
				}
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			f, err := w.CreateHeader(h)
			if err == nil {
				_, err = io.WriteString(f, text)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		cut := buf.Bytes()[:bytes.LastIndex(buf.Bytes()[:bytes.Index(buf.Bytes(), []byte(sigCentral))], []byte(sigLocal))+60]
		o := openBytes(t, "cut.zip", cut, Limits{})
		o.wantFaults(t, evidence.ErrTruncated)
		wantList(t, listing(t, o, "."), []string{"./", "a.log", "b.log", "c.log"})
		if method == zip.Deflate && content(t, o, "b.log") != text {
			t.Error("a whole member is not read whole")
		}
		f, err := o.Open("c.log")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, f.Size())); !errors.Is(err, evidence.ErrTruncated) {
			t.Errorf("method %d: the cut member reads with %v", method, err)
		}
		f.Close()
	}
	o := openBytes(t, "head.zip", []byte("PK\x03\x04 and no more"), Limits{})
	o.wantFaults(t, evidence.ErrTruncated)
	wantList(t, listing(t, o, "."), []string{"./"})
}

func TestTruncatedTar(t *testing.T) {
	big := strings.Repeat("x", 5000)
	whole := tarred(t, "first")
	whole = append(whole[:len(whole)-1024], tarOf(t, "second", []byte(big))...)
	between := whole[:len(whole)-1024-512]
	for name, data := range map[string][]byte{
		"in a file": whole[:3000], "before its last block": between, "in a header": whole[:1024+100],
		"before the end mark": whole[:len(whole)-1024], "packed": gzipped(t, whole)[:60],
		"packed, no end": gzipped(t, whole[:len(whole)-1024]),
	} {
		t.Run(name, func(t *testing.T) {
			o := openBytes(t, "cut.tar.gz", data, Limits{})
			if len(o.faults) == 0 || !errors.Is(o.faults[0], evidence.ErrTruncated) {
				t.Fatalf("faults: %v", o.faults)
			}
			if o.single {
				return // cut before its first header was out
			}
			content(t, o, "first")
		})
	}
	o := openBytes(t, "cut.tar", whole[:3000], Limits{})
	f, err := o.Open("second")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.ReadAt(make([]byte, 5000), 0); n != 3000-1536 || !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestDamagedMembers(t *testing.T) {
	for _, method := range []uint16{zip.Deflate, zip.Store} {
		good := zipped(t, func(h *zip.FileHeader) { h.Method = method }, "some-member-of-a-zip")
		dir := bytes.Index(good, []byte(sigCentral))
		for what, change := range map[string]func([]byte){
			"wrong checksum": func(b []byte) { b[dir+16] ^= 1 },
			"declares more":  func(b []byte) { binary.LittleEndian.PutUint32(b[dir+24:], 100) },
			"declares less":  func(b []byte) { binary.LittleEndian.PutUint32(b[dir+24:], 3) },
			"leads nowhere":  func(b []byte) { binary.LittleEndian.PutUint32(b[dir+42:], 5) },
		} {
			data := bytes.Clone(good)
			change(data)
			o := openBytes(t, "d.zip", data, Limits{})
			f, err := o.Open("some-member-of-a-zip")
			if err == nil {
				_, err = io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
				f.Close()
			}
			if !errors.Is(err, evidence.ErrTruncated) {
				t.Errorf("method %d, %s: %v", method, what, err)
			}
		}
		other := bytes.Clone(good)
		binary.LittleEndian.PutUint16(other[dir+10:], 12)
		wantOpen(t, openBytes(t, "d.zip", other, Limits{}), "some-member-of-a-zip", evidence.ErrUnsupported)
	}
}

func TestDirectoryThatLies(t *testing.T) {
	data := zipped(t, nil, "a", "b", "c")
	end := bytes.LastIndex(data, []byte(sigEnd))
	binary.LittleEndian.PutUint16(data[end+10:], 2)
	o := openBytes(t, "lie.zip", data, Limits{})
	o.wantFaults(t, evidence.ErrTruncated)
	wantList(t, listing(t, o, "."), []string{"./", "a", "b", "c"})
}

func TestBigMemberGoesToScratch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 300_000)
	for i := range text {
		text[i] = byte('a' + rng.IntN(4))
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.Create("big")
	if err == nil {
		_, err = f.Write(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	o := openBytes(t, "b.zip", buf.Bytes(), Limits{Memory: 100_000})
	file, err := o.Open("big")
	if err != nil {
		t.Fatal(err)
	}
	for range 200 { // out of order, across the border between memory and scratch
		off := rng.IntN(len(text))
		piece := make([]byte, min(1+rng.IntN(50_000), len(text)-off))
		if n, err := file.ReadAt(piece, int64(off)); err != nil || !bytes.Equal(piece[:n], text[off:off+len(piece)]) {
			t.Fatalf("at %d: %d of %d, %v", off, n, len(piece), err)
		}
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if _, err := file.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestZip64(t *testing.T) {
	it := item{size: 0xffffffff, packed: 0xffffffff, at: 0xffffffff}
	extra := binary.LittleEndian.AppendUint16(nil, 1)
	extra = binary.LittleEndian.AppendUint16(extra, 24)
	for _, v := range []uint64{5 << 32, 4 << 32, 3 << 32} {
		extra = binary.LittleEndian.AppendUint64(extra, v)
	}
	it.extend(extra, true)
	if it.size != 5<<32 || it.packed != 4<<32 || it.at != 3<<32 {
		t.Errorf("%+v", it)
	}
	it.extend([]byte{1, 0, 200, 0, 1}, true) // longer than it is: left alone

	names := make([]string, 70_000) // more than 65,535 entries need the zip64 records
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	data := zipped(t, func(h *zip.FileHeader) { h.Method = zip.Store }, names...)
	for what, data := range map[string][]byte{"plain": data, "prefixed": append([]byte("MZ program in front"), data...)} {
		o := openBytes(t, "many.zip", data, Limits{})
		o.wantFaults(t)
		if list := listing(t, o, "."); len(list) != len(names)+1 {
			t.Errorf("%s: %d entries", what, len(list))
		}
		content(t, o, "69999")
	}
}

func TestSparseTarMember(t *testing.T) {
	it := tarItem(&tar.Header{Name: "x", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"GNU.sparse.major": "1"}}, 0)
	if !errors.Is(it.err, evidence.ErrUnsupported) {
		t.Errorf("%v", it.err)
	}
}

func TestCancelledIndexing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(path, gzipped(t, tarred(t, "a", "b")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tree, _, faults, err := File(ctx, path, t.TempDir(), Limits{})
	if err != nil || len(faults) == 0 || !errors.Is(faults[0], context.Canceled) {
		t.Fatalf("%v, %v", faults, err)
	}
	tree.Close()
}

// everything reads a tree whole: names with content, and whether anything told
// of a loss.
func everything(t *testing.T, o opened) (all map[evidence.Name]string, told bool) {
	t.Helper()
	all, told = map[evidence.Name]string{}, len(o.faults) > 0
	err := o.Walk(context.Background(), ".", func(e evidence.Entry) error {
		told = told || e.Err != nil
		if e.Err != nil || !e.Mode.IsRegular() {
			return nil
		}
		f, err := o.Open(e.Name)
		if err != nil {
			told = true
			return nil
		}
		defer f.Close()
		data, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		all[e.Name], told = string(data), told || err != nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, told
}

// TestACutIsNeverSilent cuts archives all along: what is missing is told.
func TestACutIsNeverSilent(t *testing.T) {
	names := []string{"etc/passwd", "var/www/shell.aspx", "z"}
	z, plain := zipped(t, nil, names...), tarred(t, names...)
	for base, data := range map[string][]byte{"x.zip": z, "x.tar": plain, "x.tar.gz": gzipped(t, plain), "x.tar.zst": zstded(t, plain)} {
		for cut := 0; cut < len(data); cut += 1 + len(data)/400 {
			all, told := everything(t, openBytes(t, base, data[:cut], Limits{}))
			whole := len(all) == len(names)
			for _, n := range names {
				whole = whole && all[evidence.Name(n)] == n
			}
			if !told && !whole {
				t.Errorf("%s cut at %d of %d: %v and not a word", base, cut, len(data), all)
			}
		}
	}
	inner := zipped(t, nil, "inner")
	for _, stub := range []string{"", "MZ a program"} { // a whole zip stored in the cut one is not the cut one
		data := append([]byte(stub), zipOf(t, "log.zip", inner)...)
		for cut := bytes.Index(data, inner) + len(inner); cut < len(data)-1; cut++ {
			o := openBytes(t, "x.zip", data[:cut], Limits{})
			if all, told := everything(t, o); !told || all["inner"] != "" {
				t.Fatalf("cut at %d: %v, told %v", cut, all, told)
			}
		}
	}
	dir := bytes.Index(z, []byte(sigCentral))
	for at := range dir { // changes of the content, which a zip's checksums protect
		data := bytes.Clone(z)
		data[at] ^= 0x10
		all, told := everything(t, openBytes(t, "x.zip", data, Limits{}))
		for _, n := range names {
			if !told && all[evidence.Name(n)] != n {
				t.Errorf("changed at %d: %q reads %q and not a word", at, n, all[evidence.Name(n)])
			}
		}
	}
}

// zipOf stores one member with its size in front, as most programs do.
func zipOf(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	size := uint64(len(data))
	f, err := w.CreateRaw(&zip.FileHeader{Name: name, UncompressedSize64: size, CompressedSize64: size, CRC32: crc32.ChecksumIEEE(data)})
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestManyReadersAtOnce(t *testing.T) {
	o := openBytes(t, "x.zip", zipped(t, nil, "a", "b/c", "b/d"), Limits{Memory: 1})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if all, told := everything(t, o); told || len(all) != 3 {
				t.Errorf("%v", all)
			}
		})
	}
	f, err := o.Open("b/c")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 8 {
		wait.Go(func() {
			p := make([]byte, 2)
			if _, err := f.ReadAt(p, 1); err != nil || string(p) != "/c" {
				t.Errorf("%q, %v", p, err)
			}
		})
	}
	wait.Wait()
}

func TestWideZstandardWindowIsRefused(t *testing.T) {
	// RFC 8878 section 3.1.1.1: a window of 128 MiB, then one raw block of 2 bytes.
	frame := []byte("\x28\xb5\x2f\xfd\x00\x88\x11\x00\x00ab")
	path := filepath.Join(t.TempDir(), "x.tar.zst")
	if err := os.WriteFile(path, frame, 0o600); err != nil {
		t.Fatal(err)
	}
	tree, single, faults, err := File(context.Background(), path, t.TempDir(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if !single || len(faults) != 1 || !errors.Is(faults[0], evidence.ErrLimit) || !strings.Contains(faults[0].Error(), "unpack it") {
		t.Errorf("single %v, faults %v", single, faults)
	}
}
