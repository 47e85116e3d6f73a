package collection

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"postern/evidence"
	"postern/target/tree"
)

func FuzzReadRows(f *testing.F) {
	f.Add(`{"vfs_path":"C:\\x","_Components":["uploads","auto","C:","x"],"file_size":3,"uploaded_size":3,"Type":""}` + "\n" + `{"Timestamp":1700000000}`)
	f.Add(`[{"_Components":["uploads","ntfs","\\\\.\\C:","..","a/b"],"file_size":"9"}]`)
	f.Add(`[{},`)
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		err := ReadRows(context.Background(), strings.NewReader(text), 100, func(row UploadRow) error {
			n++
			accessor, components, ok := row.where()
			if !ok {
				return nil
			}
			if name, _, ok := place(accessor, components); ok && (!fs.ValidPath(strings.ToValidUTF8(name, "_")) || strings.Contains(name, "\x00")) {
				t.Fatalf("unclean name %q of %q", name, components)
			}
			_ = row.at()
			return nil
		})
		if n > 100 || err == nil && strings.HasSuffix(strings.TrimSpace(text), "{") {
			t.Fatalf("%d rows, %v", n, err)
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add(`{"ranges":[{"file_offset":0,"original_offset":0,"file_length":4,"length":4},{"original_offset":4,"length":10}]}`, int64(14), int64(4))
	f.Add("{\"original_offset\":0,\"length\":\"5\"}\n{}\n", int64(5), int64(0))
	f.Fuzz(func(t *testing.T, text string, size, stored int64) {
		runs, err := ParseIndex([]byte(text))
		if err != nil || tree.CheckRuns(runs, size, stored) != nil {
			return
		}
		sum := int64(0)
		for _, r := range runs {
			if r.At != sum || !r.Hole && r.Stored+r.Length > stored {
				t.Fatalf("%+v of %d", r, stored)
			}
			sum += r.Length
		}
	})
}

func FuzzReadLog(f *testing.F) {
	f.Add("SourceFile,SourceFileSha1,Reason\r\nC:\\x,aa,Deduped\r\n\"C:\\a \"\"b\",,Excluded\n")
	f.Add("\xef\xbb\xbfCopiedTimestamp,SourceFile,DestinationFile,FileSize\n2026-01-20 10:10:10.1234567,C:\\..\\y,E:\\out\\VSS1\\y,5\n")
	f.Fuzz(func(t *testing.T, text string) {
		k := &kape{reading: &reading{Found: &Found{}, root: "."}, drives: true}
		_ = ReadLog(strings.NewReader(text), []string{"SourceFile"}, func(get func(string) string) error {
			if name, ok := k.name(get("SourceFile"), get("DestinationFile")); ok && (!fs.ValidPath(strings.ToValidUTF8(name, "_")) || strings.Contains(name, "\x00")) {
				t.Fatalf("unclean name %q", name)
			}
			return nil
		})
	})
}

func FuzzParseUACLog(f *testing.F) {
	f.Add("2026-01-20 10:00:00 +0100 INF Hostname: mail01\n20260120 10:00:01 -0330 ERR cannot\n")
	f.Fuzz(func(t *testing.T, text string) {
		if log := ParseUACLog([]byte(text)); log.Zone == nil != log.Last.IsZero() {
			t.Fatalf("%+v", log)
		}
	})
}

// FuzzRead reads collections of every tool as its input lays them out, one file
// a line; names are encoded as Velociraptor does.
func FuzzRead(f *testing.F) {
	f.Add("uploads.json = {\"_Components\":[\"uploads\",\"auto\",\"C:\",\"x\"],\"file_size\":9}\nuploads/auto/C%3A/x\nuploads/ntfs/%5C%5C.%5CC%3A/X\nuploads/auto/C%3A/..%2Fe", uint8(0))
	f.Add("1_CopyLog.csv = SourceFile,FileSize,SourceFileSha1\\nC:\\a\\b,5,aa\n1_SkipLog.csv.csv = SourceFile,SourceFileSha1,Reason\\nC:\\a\\c,aa,Deduped\nC/a/B\nVSS1/a/B", uint8(1))
	f.Add("uac.log = 2026-01-20 10:00:00 +0100 INF Hostname: x\n[root]/etc/passwd", uint8(2))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, layout string, which uint8) {
		base := zipTree(t, dir, layout)
		names, err := base.Names(".")
		if err != nil {
			t.Skip()
		}
		found := Read(context.Background(), base, ".", names, []Tool{Velociraptor, KAPE, UAC}[which%3], tree.Limits{Entries: 1000, Bytes: 1 << 20})
		files := base
		if found.Tree != nil {
			files = found.Tree
		}
		err = files.Walk(context.Background(), ".", func(e evidence.Entry) error {
			if e.Name != "." && !fs.ValidPath(strings.ToValidUTF8(string(e.Name), "_")) || strings.Contains(string(e.Name), "\x00") {
				t.Fatalf("unclean name %q", e.Name)
			}
			if e.Err == nil && e.Mode.IsRegular() {
				file, err := files.Open(e.Name)
				if err == nil {
					_, _ = file.ReadAt(make([]byte, 64), max(0, file.Size()-64))
					file.Close()
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := files.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
