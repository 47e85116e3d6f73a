package unpack

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/ulikunitz/xz"

	"postern/evidence"
	"postern/inflate"
)

// Nothing in Go writes these forms: testdata was made with 7-Zip 26.02 (one tree,
// by -m0=LZMA2, BCJ2, PPMd, ...; encrypted.7z with -p, sealed.7z with -mhe too),
// xz 5.4 and bzip2 1.0.8.

// theLog is what testdata/log.xz and the archives hold.
func theLog() string {
	var b strings.Builder
	for i := 1; i <= 400; i++ {
		fmt.Fprintf(&b, "2026-01-15 10:00:%d GET /interface/root %d\n", i%60, i)
	}
	return b.String()
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unpacked(data []byte, kind string) (string, error) {
	s, err := Open(bytes.NewReader(data), int64(len(data)), kind)
	if err != nil {
		return "", err
	}
	defer s.Close()
	text, err := io.ReadAll(s)
	return string(text), err
}

func TestStreams(t *testing.T) {
	for name, kind := range map[string]string{"log.xz": "xz", "blocks.xz": "xz", "log.bz2": "bzip2"} {
		data := fixture(t, name)
		if got := Kind(data); got != kind {
			t.Errorf("%s: kind %q", name, got)
		}
		if text, err := unpacked(data, kind); text != theLog() || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		twice := slices.Concat(data, data)
		if text, err := unpacked(twice, kind); text != theLog()+theLog() || err != nil {
			t.Errorf("%s twice: %d bytes, %v", name, len(text), err)
		}
		for cut := 0; cut < len(data); cut += 1 + cut/16 { // every byte of the headers, then in steps
			if text, err := unpacked(data[:cut], kind); !errors.Is(err, evidence.ErrTruncated) || !strings.HasPrefix(theLog(), text) {
				t.Fatalf("%s cut at %d: %d bytes, %v", name, cut, len(text), err)
			}
		}
	}
	if kind := Kind([]byte("BZh is how this log begins")); kind != "" {
		t.Errorf("a text is taken for %s", kind)
	}
}

// wideXZ declares a dictionary of 4 GiB - 1 in the block with this number.
func wideXZ(t testing.TB, block int) []byte {
	t.Helper()
	data := fixture(t, "blocks.xz")
	for at := 12; ; block-- {
		size := (int(data[at]) + 1) * 4
		dict := bytes.Index(data[at+2:at+size], []byte{0x21, 1}) + 2
		if block > 0 {
			packed, _ := binary.Uvarint(data[at+2:])
			at += size + int(packed) + int(-packed&3) + 8
			continue
		}
		data[at+dict+2] = 40
		binary.LittleEndian.PutUint32(data[at+size-4:], crc32.ChecksumIEEE(data[at:at+size-4]))
		return data
	}
}

func TestWideDictionaryOfXZIsRefused(t *testing.T) {
	for block := range 2 {
		if _, err := unpacked(wideXZ(t, block), "xz"); !errors.Is(err, evidence.ErrLimit) {
			t.Errorf("block %d: %v", block, err)
		}
	}
}

// list reads a whole archive: names with content or the error of reading.
func list(data []byte) (map[string]string, error) {
	all := map[string]string{}
	err := SevenZip(context.Background(), bytes.NewReader(data), int64(len(data)), 1000, func(e Entry, r io.Reader) error {
		if r == nil {
			all[e.Name] = "folder"
			return nil
		}
		text, err := io.ReadAll(io.LimitReader(r, 1<<20))
		all[e.Name] = string(text)
		if err != nil {
			all[e.Name] = "!" + string(evidence.ReasonFor(err))
		}
		return nil
	})
	return all, err
}

func TestSevenZip(t *testing.T) {
	for _, name := range []string{"solid.7z", "lzma2.7z", "bcj2.7z", "ppmd.7z", "bzip2.7z", "deflate.7z"} {
		all, err := list(fixture(t, name))
		exe := all["C/Windows/tool.exe"]
		if err != nil || len(all) != 8 || all["C/"] != "folder" || all["C/inetpub/wwwroot/x.aspx"] != "<%@ Page %>\n" || all["C/Windows/u_ex260115.log"] != theLog() ||
			len(exe) != 12000 || crc32.ChecksumIEEE([]byte(exe)) != 0x9b8574a8 {
			t.Errorf("%s: %d names, log of %d bytes, program of %d, %v", name, len(all), len(all["C/Windows/u_ex260115.log"]), len(exe), err)
		}
		if text, there := all["C/Windows/empty"]; text != "" || !there {
			t.Errorf("%s: the empty file is %q, %v", name, text, there)
		}
	}
	if all, err := list(fixture(t, "copy.7z")); err != nil || all["C/inetpub/wwwroot/x.aspx"] != "<%@ Page %>\n" {
		t.Errorf("copy.7z: %v, %v", all, err)
	}
}

func TestEncryptedSevenZip(t *testing.T) {
	for _, name := range []string{"encrypted.7z", "sealed.7z"} {
		if all, err := list(fixture(t, name)); !errors.Is(err, evidence.ErrEncrypted) || len(all) > 0 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

// TestSevenZipCutIsNeverSilent cuts archives all along, and changes them.
func TestSevenZipCutIsNeverSilent(t *testing.T) {
	for _, name := range []string{"solid.7z", "copy.7z", "bcj2.7z"} {
		data := fixture(t, name)
		whole, _ := list(data)
		for cut := 0; cut < len(data); cut += 1 + len(data)/60 {
			if all, err := list(data[:cut]); err == nil {
				t.Errorf("%s cut at %d: %d names and not a word", name, cut, len(all))
			}
			bad := bytes.Clone(data)
			bad[cut] ^= 0x55
			all, err := list(bad)
			for n, text := range whole {
				if err == nil && all[n] != text && !strings.HasPrefix(all[n], "!") && cut > 8 {
					t.Errorf("%s changed at %d: %q reads %d bytes and not a word", name, cut, n, len(all[n]))
				}
			}
		}
	}
}

// header makes an archive of nothing but a header, its checksums right.
func header(body ...byte) []byte {
	le := binary.LittleEndian
	start := le.AppendUint64(nil, 0)
	start = le.AppendUint64(start, uint64(len(body)))
	start = le.AppendUint32(start, crc32.ChecksumIEEE(body))
	head := le.AppendUint32([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), crc32.ChecksumIEEE(start))
	return slices.Concat(head, start, body)
}

// TestSevenZipThatCountsTooMuch: what a header counts is made room for by the
// library before it is read.
func TestSevenZipThatCountsTooMuch(t *testing.T) {
	huge := []byte{0xf0, 0xff, 0xff, 0xff, 0xff} // 2^32 - 1
	coder := func(c ...byte) []byte {
		return slices.Concat([]byte{1, 4, 7, 11, 1, 0, 1}, c, []byte{12, 100, 0, 0, 0})
	}
	for what, body := range map[string][]byte{
		"files":           append([]byte{1, 5}, huge...),
		"packed streams":  append([]byte{1, 4, 6, 0}, huge...),
		"blocks":          append([]byte{1, 4, 7, 11}, huge...),
		"coders":          slices.Concat([]byte{1, 4, 7, 11, 1, 0}, huge),
		"properties":      coder(slices.Concat([]byte{0x21, 0x21}, huge)...),
		"streams":         coder(slices.Concat([]byte{0x11, 0}, huge, huge)...),
		"files in blocks": slices.Concat([]byte{1, 4, 7, 11, 1, 0, 1, 1, 0, 12, 100, 0, 8, 13}, huge),
	} {
		if _, err := list(header(body...)); !errors.Is(err, evidence.ErrTruncated) && !errors.Is(err, evidence.ErrLimit) && !errors.Is(err, evidence.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, c := range map[string]struct {
		body []byte
		want error
	}{
		"LZMA dictionary":  {coder(0x23, 3, 1, 1, 5, 0x5d, 0xff, 0xff, 0xff, 0xff), evidence.ErrLimit},
		"LZMA2 dictionary": {coder(0x21, 0x21, 1, 40), evidence.ErrLimit},
		"PPMd memory":      {coder(0x23, 3, 4, 1, 5, 6, 0xff, 0xff, 0xff, 0xff), evidence.ErrLimit},
		"AES":              {coder(0x24, 6, 0xf1, 7, 1, 1, 0), evidence.ErrEncrypted},
		"unknown method":   {coder(2, 9, 9), evidence.ErrUnsupported},
	} {
		if _, err := list(header(c.body...)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := list(header(append([]byte{1, 5, 0xc0, 0xd0, 7}, make([]byte, 5000)...)...)); !errors.Is(err, evidence.ErrLimit) {
		t.Errorf("2000 names where 1000 may be: %v", err)
	}
}

func TestDeflate64(t *testing.T) {
	data := fixture(t, "deflate64.zip")
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f := z.File[0]
	raw, err := f.OpenRaw()
	if err != nil || f.Method != 9 {
		t.Fatalf("method %d, %v", f.Method, err)
	}
	packed, _ := io.ReadAll(raw)
	plain, err := io.ReadAll(Deflate64(bytes.NewReader(packed)))
	if err != nil || crc32.ChecksumIEEE(plain) != f.CRC32 || uint64(len(plain)) != f.UncompressedSize64 {
		t.Errorf("%d bytes of %d, %v", len(plain), f.UncompressedSize64, err)
	}
	for cut := 0; cut < len(packed); cut += 1 + len(packed)/500 {
		if text, err := io.ReadAll(Deflate64(bytes.NewReader(packed[:cut]))); !errors.Is(err, evidence.ErrTruncated) || !bytes.HasPrefix(plain, text) {
			t.Fatalf("cut at %d: %d bytes, %v", cut, len(text), err)
		}
	}
}

// TestDeflate64ReadsDeflate: without matches of length 258 or over, and without
// the last two distances, both methods are the same.
func TestDeflate64ReadsDeflate(t *testing.T) {
	for _, text := range []string{"", "a", theLog(), strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 3000)[:70_000]} {
		for level := -2; level < 10; level++ {
			var buf bytes.Buffer
			w, _ := flate.NewWriter(&buf, level)
			io.WriteString(w, text)
			w.Close()
			got, err := io.ReadAll(Deflate64(&buf))
			if (level == flate.HuffmanOnly || level == flate.NoCompression) && (string(got) != text || err != nil) { // stored, or Huffman codes only
				t.Errorf("level %d: %d bytes of %d, %v", level, len(got), len(text), err)
			}
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, name := range []string{"log.xz", "blocks.xz", "log.bz2"} {
		f.Add(fixture(f, name))
	}
	f.Add(wideXZ(f, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open(bytes.NewReader(data), int64(len(data)), Kind(data))
		if err != nil {
			return
		}
		defer s.Close()
		_, err = io.CopyN(io.Discard, s, 1<<22)
		if errors.Is(err, errPanic) {
			t.Fatal(err)
		}
	})
}

// FuzzXZ also asks the library: what it reads whole, the gate lets through or
// refuses for its dictionary.
func FuzzXZ(f *testing.F) {
	f.Add(fixture(f, "blocks.xz"), 5, byte(1))
	f.Fuzz(func(t *testing.T, data []byte, at int, b byte) {
		if len(data) > 0 {
			data[uint(at)%uint(len(data))] ^= b
		}
		if _, err := inflate.GateXZ(bytes.NewReader(data), int64(len(data)), maxDictionary); err != nil {
			return
		}
		r, err := xz.NewReader(bytes.NewReader(data))
		if err == nil {
			_, _ = io.CopyN(io.Discard, r, 1<<22)
		}
	})
}

func FuzzSevenZip(f *testing.F) {
	for _, name := range []string{"solid.7z", "copy.7z", "bcj2.7z", "ppmd.7z", "encrypted.7z"} {
		f.Add(fixture(f, name), false)
	}
	f.Add(header(1, 5, 1, 0), true)
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if mend && len(data) > 32 { // a header with checksums that match
			data = header(data[32:]...)
		}
		if _, err := list(data); errors.Is(err, errPanic) {
			t.Log(err) // the library's, and held
		}
	})
}

func FuzzDeflate64(f *testing.F) {
	data := fixture(f, "deflate64.zip")
	f.Add(data[37:])
	f.Add([]byte{0x4b, 4, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := io.CopyN(io.Discard, Deflate64(bytes.NewReader(data)), 1<<22)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, evidence.ErrTruncated) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	})
}
