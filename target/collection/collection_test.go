package collection

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// zipTree opens a zip of files as layout says, one a line: "name = text", "\n"
// in the text for a new line; without a text the file holds its name.
func zipTree(t testing.TB, dir, layout string) *tree.Tree {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for line := range strings.Lines(layout) {
		name, text, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " = ")
		if name == "" {
			continue
		}
		if !ok {
			text = name
		}
		f, err := w.Create(name)
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(f, strings.ReplaceAll(text, `\n`, "\n"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "collection.zip")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, _, _, err := tree.File(context.Background(), path, dir, tree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// read reads a collection and gives its tree, whether its own or as it was.
func read(t *testing.T, layout string) (*Found, *tree.Tree) {
	t.Helper()
	base := zipTree(t, t.TempDir(), layout)
	names, err := base.Names(".")
	if err != nil {
		t.Fatal(err)
	}
	found := Read(context.Background(), base, ".", names, Marked(names), tree.Limits{})
	files := base
	if found.Tree != nil {
		files = found.Tree
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return found, files
}

// spelled lists a tree's files: name, its text or why it has none.
func spelled(t *testing.T, files *tree.Tree) (list []string) {
	t.Helper()
	err := files.Walk(context.Background(), ".", func(e evidence.Entry) error {
		if e.Mode.IsDir() && e.Err == nil {
			return nil
		}
		text := ""
		f, err := files.Open(e.Name)
		if e.Err == nil && err == nil {
			var data []byte
			data, err = io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
			text = fmt.Sprintf("%.40q", data)
			f.Close()
		}
		if e.Err != nil {
			err, text = e.Err, ""
		}
		if err != nil {
			text += "!" + string(evidence.ReasonFor(err))
		}
		list = append(list, string(e.Name)+" "+text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func want(t *testing.T, files *tree.Tree, lines ...string) {
	t.Helper()
	if got := spelled(t, files); !slices.Equal(got, lines) {
		t.Errorf("holds\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

// wantGaps compares reasons, and the paths they are said of.
func wantGaps(t *testing.T, found *Found, lines ...string) {
	t.Helper()
	var got []string
	for _, g := range found.Gaps {
		got = append(got, g.Path+" "+string(g.Missed.Reason))
	}
	if !slices.Equal(got, lines) {
		t.Errorf("gaps\n  %s\nwant\n  %s\n%v", strings.Join(got, "\n  "), strings.Join(lines, "\n  "), found.Gaps)
	}
}

// row is one of uploads.json.
func row(accessor string, size, sent int, components ...string) string {
	list := append([]string{"uploads", accessor}, components...)
	return strings.ReplaceAll(fmt.Sprintf(`{"Timestamp":"2026-01-20T10:00:05Z","vfs_path":"x","_Components":["%s"],"file_size":%d,"uploaded_size":%d,"Type":""}`,
		strings.Join(list, `","`), size, sent), `\`, `\\`) + `\n`
}

func TestVelociraptorNames(t *testing.T) {
	for what, listed := range map[string]string{
		"by uploads.json": "uploads.json = " + row("auto", 1, 1, "C:", "inetpub", "wwwroot", "x.aspx") + row("auto", 1, 1, "C:", "Users", ".ssh", "50%.txt") + row("ntfs", 1, 1, `\\.\D:`, "$Extend", "$UsnJrnl:$J") + "\n",
		"by an array":     "uploads.json = [" + strings.TrimSuffix(row("auto", 1, 1, "C:", "inetpub", "wwwroot", "x.aspx"), `\n`) + "]\n",
		"by decoding":     "client_info.json = {}\nresults/\n",
	} {
		found, files := read(t, listed+"uploads/auto/C%3A/inetpub/wwwroot/x.aspx = 1\nuploads/auto/C%3A/Users/%2Essh/50%25.txt = 2\nuploads/ntfs/%5C%5C.%5CD%3A/$Extend/$UsnJrnl%3A$J = 3\n")
		want(t, files, `C/Users/.ssh/50%.txt "2"`, `C/inetpub/wwwroot/x.aspx "1"`, `D/$Extend/$UsnJrnl:$J "3"`)
		if found.OS != evidence.Windows || !slices.Equal(found.Volumes, []evidence.Volume{{Mount: "C:", Root: "C"}, {Mount: "D:", Root: "D"}}) {
			t.Errorf("%s: %s, %v", what, found.OS, found.Volumes)
		}
		wantGaps(t, found)
	}
	_, files := read(t, "uploads.json = "+row("auto", 1, 1, "C:", "x")+"\nuploads/auto/C%3A/x = 1\nmore/evidence.aspx = 2\nlog.json.index = 3\n")
	want(t, files, `C/x "1"`, `more/evidence.aspx "2"`)
	found, files := read(t, "uploads.json = "+row("auto", 1, 1, "var", "log", "auth.log")+"\nuploads/auto/var/log/auth.log = 1\nuploads/auto/etc/%2Ehidden = 2\n")
	want(t, files, `etc/.hidden "2"`, `var/log/auth.log "1"`)
	if found.OS != evidence.Linux || !slices.Equal(found.Volumes, []evidence.Volume{{Mount: "/", Root: "."}}) {
		t.Errorf("%s, %v", found.OS, found.Volumes)
	}
	_, files = read(t, "uploads.json = "+row("auto", 1, 1, "C:", "Windows", "a")+row("ntfs", 1, 1, `\\.\c:`, "WINDOWS", "b")+
		"\nuploads/auto/C%3A/Windows/a = 1\nuploads/ntfs/%5C%5C.%5Cc%3A/WINDOWS/b = 2\nuploads/ntfs/%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy3/Windows/a = 3\nuploads/data/x = 4\n")
	want(t, files, `C/WINDOWS/a "1"`, `C/WINDOWS/b "2"`, `VSS3 snapshot/Windows/a "3"`, `uploads by accessor/data/x "4"`)
}

func TestVelociraptorPartialUploads(t *testing.T) {
	index := `{"ranges":[{"file_offset":0,"original_offset":0,"file_length":2,"length":2},{"file_offset":2,"original_offset":2,"file_length":0,"length":3},{"file_offset":2,"original_offset":5,"file_length":2,"length":2}]}`
	idxRow := strings.Replace(row("auto", 5, 5, "C:", "sparse"), `"Type":""`, `"Type":"idx"`, 1)
	found, files := read(t, "uploads.json = "+row("auto", 100, 4, "C:", "cut")+row("auto", 7, 4, "C:", "sparse")+idxRow+row("auto", 9, 0, "C:", "gone")+row("auto", 5, 0, "C:", "no", "folder", "x")+row("auto", 3, 6, "C:", "grew")+
		"\nuploads/auto/C%3A/cut = abcd\nuploads/auto/C%3A/sparse = abcd\nuploads/auto/C%3A/sparse.idx = "+index+"\nuploads/auto/C%3A/grew = abcdef\nuploads/auto/C%3A/own = x\nuploads/auto/C%3A/own.idx = "+index+"\n")
	want(t, files, `C/cut "abcd"!truncated`, `C/gone !not collected`, `C/grew "abcdef"`, `C/no !not collected`, `C/own "x"`, fmt.Sprintf(`C/own.idx %.40q`, index), `C/sparse "ab\x00\x00\x00cd"`)
	wantGaps(t, found, "C/cut truncated", "C/gone not collected", "C/no/folder/x not collected")

	for what, bad := range map[string]string{
		"a hole in it":        `{"ranges":[{"file_offset":0,"original_offset":1,"file_length":2,"length":2}]}`,
		"behind what is":      `{"ranges":[{"file_offset":3,"original_offset":0,"file_length":2,"length":2}]}`,
		"below zero":          `{"ranges":[{"file_offset":-9,"original_offset":0,"file_length":2,"length":2}]}`,
		"backwards":           `{"ranges":[{"file_offset":0,"original_offset":0,"file_length":2,"length":2},{"file_offset":0,"original_offset":0,"file_length":2,"length":2}]}`,
		"over all":            `{"ranges":[{"file_offset":0,"original_offset":0,"file_length":9223372036854775807,"length":9223372036854775807},{"file_offset":0,"original_offset":9223372036854775807,"file_length":0,"length":5}]}`,
		"not an index at all": `[]`,
	} {
		found, files := read(t, "uploads.json = "+row("auto", 7, 4, "C:", "sparse")+idxRow+"\nuploads/auto/C%3A/sparse = abcd\nuploads/auto/C%3A/sparse.idx = "+bad+"\n")
		if got := spelled(t, files); !slices.Equal(got, []string{`C/sparse "abcd"!truncated`}) || len(found.Gaps) != 1 {
			t.Errorf("%s: %v, %v", what, got, found.Gaps)
		}
	}
	_, files = read(t, "client_info.json = {}\nresults/\nuploads/auto/C%3A/sparse = abcd\nuploads/auto/C%3A/sparse.idx = "+strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(index, `{"ranges":[`), "]}"), "},", `}\n`)+"\n")
	want(t, files, `C/sparse "ab\x00\x00\x00cd"`) // an older form, and no list
}

func TestVelociraptorSameFileTwice(t *testing.T) {
	_, files := read(t, "uploads.json = "+row("auto", 4, 4, "C:", "x")+row("ntfs", 4, 4, `\\.\C:`, "X")+"\nuploads/auto/C%3A/x = same\nuploads/ntfs/%5C%5C.%5CC%3A/X = same\n")
	want(t, files, `C/X "same"`)
	_, files = read(t, "uploads.json = "+row("auto", 4, 2, "C:", "x")+row("ntfs", 4, 4, `\\.\C:`, "x")+"\nuploads/auto/C%3A/x = sa\nuploads/ntfs/%5C%5C.%5CC%3A/x = same\n")
	want(t, files, `C/x "same"`) // the other was cut, and agrees as far as it goes
	_, files = read(t, "uploads.json = "+row("auto", 4, 4, "C:", "x")+row("ntfs", 4, 4, `\\.\C:`, "x")+"\nuploads/auto/C%3A/x = good\nuploads/ntfs/%5C%5C.%5CC%3A/x = evil\n")
	want(t, files, `C/x "good"`, `C/x !ambiguous`)
	_, files = read(t, "uploads.json = "+row("auto", 0, 0, "C:", "x")+row("ntfs", 4, 4, `\\.\C:`, "x")+"\nuploads/auto/C%3A/x = \nuploads/ntfs/%5C%5C.%5CC%3A/x = evil\n")
	want(t, files, `C/x "evil"`, `C/x !ambiguous`) // one says empty, the other does not
}

// TestVelociraptorHostileNames: what an encoded name decodes to stays a name.
func TestVelociraptorHostileNames(t *testing.T) {
	found, files := read(t, "uploads.json = "+row("auto", 1, 1, "C:", "..", "..", "evil")+row("auto", 1, 1, "C:", "a/b")+row("auto", 1, 0, "..", "etc", "passwd")+`{"_Components":["uploads"]}\n{"_Components":[]}\n`+
		"\nuploads/auto/C%3A/%2E%2E/%2e%2e/evil\nuploads/auto/C%3A/a%2Fb\nuploads/auto/C%3A/nul%00.aspx\nuploads/auto/C%3A/%ff%fe\nuploads/auto/C%3A/back%5Cslash\nuploads/auto/C%3A/%zz%4\nuploads/auto/C%3A\n")
	got := spelled(t, files)
	for _, line := range got {
		if strings.Contains(line, "/../") || strings.Contains(line, "\x00") {
			t.Errorf("%q", line)
		}
	}
	want(t, files, `C/%zz%4 "uploads/auto/C%3A/%zz%4"`, "C/\xff\xfe "+`"uploads/auto/C%3A/%ff%fe"`, `uploads by accessor/auto/C: !ambiguous`, `uploads by accessor/auto/C:/back\slash "uploads/auto/C%3A/back%5Cslash"`)
	unsafe := 0
	for _, g := range found.Gaps {
		if g.Missed.Reason == evidence.Unsafe && g.Parts == everything {
			unsafe++
		}
	}
	if unsafe != 4 {
		t.Errorf("%d of 4 names told: %v", unsafe, found.Gaps)
	}
}

// TestVelociraptorListThatLies: rows without end, sizes of nothing, no JSON.
func TestVelociraptorListThatLies(t *testing.T) {
	list := strings.Repeat(row("auto", 1, 1, "C:", "x"), 500)
	base := zipTree(t, t.TempDir(), "uploads.json = "+list+"\nuploads/auto/C%3A/x = 1\n")
	defer base.Close()
	found := Read(context.Background(), base, ".", []string{"uploads", "uploads.json"}, Velociraptor, tree.Limits{Entries: 100})
	if len(found.Gaps) != 1 || found.Gaps[0].Missed.Reason != evidence.TooLarge {
		t.Errorf("%v", found.Gaps)
	}
	for _, text := range []string{"{", "[{}", "no", `{"_Components":5}`, `[{"_Components":["uploads","auto","C:","y"]},`, `[] {"_Components":["uploads","auto","C:","y"]}`} {
		found, files := read(t, "uploads.json = "+text+"\nuploads/auto/C%3A/x = 1\n")
		if got := spelled(t, files); !slices.Contains(got, `C/x "1"`) || !slices.ContainsFunc(found.Gaps, func(g evidence.Coverage) bool { return g.Missed.Reason == evidence.Truncated }) {
			t.Errorf("%q: %v, %v", text, got, found.Gaps)
		}
	}
	for _, text := range []string{"{}", `{"vfs_path":"C:\\inetpub\\x.aspx","file_size":9}`} {
		found, _ := read(t, "uploads.json = "+text+"\nuploads/auto/C%3A/x = 1\n")
		if len(found.Gaps) != 1 || found.Gaps[0].Missed.Reason != evidence.Unsupported || found.Gaps[0].Parts != everything {
			t.Errorf("rows that name no upload, %q: %v", text, found.Gaps)
		}
	}
	if err := ReadRows(t.Context(), iotest.ErrReader(evidence.ErrLimit), 9, nil); !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("a list that can't be read: %v", err)
	}
	_, files := read(t, `uploads.json = {"_Components":["uploads","auto","C:","x"],"file_size":-5,"uploaded_size":1e99}`+"\nuploads/auto/C%3A/x = 1\n")
	want(t, files, `C/x "1"`)
}

// TestVelociraptorEncryptedContainer: the files are in a data.zip of ciphertext.
func TestVelociraptorEncryptedContainer(t *testing.T) {
	for what, c := range map[string]struct{ meta, hint string }{
		"certificate": {`[{"Scheme":"X509","EncryptedPass":"x"}]`, "certificate"}, "password": {`[{}]`, "password"},
	} {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for name, text := range map[string]string{"data.zip": "ciphertext", "metadata.json": c.meta} {
			h := &zip.FileHeader{Name: name}
			if name == "data.zip" {
				h.Flags |= 1
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
		path := filepath.Join(t.TempDir(), "Collection-MAIL01-2026-01-20T10_00_00Z.zip")
		if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		base, _, _, err := tree.File(context.Background(), path, t.TempDir(), tree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer base.Close()
		names, _ := base.Names(".")
		found := Read(context.Background(), base, ".", names, Marked(names), tree.Limits{})
		if len(found.Gaps) != 1 || found.Gaps[0].Missed.Reason != evidence.Encrypted || found.Gaps[0].Parts != everything || !strings.Contains(found.Gaps[0].Missed.Detail, c.hint) {
			t.Errorf("%s: %v", what, found.Gaps)
		}
	}
}

func TestVelociraptorIdentity(t *testing.T) {
	found, _ := read(t, `client_info.json = {"Hostname":"MAIL01","OS":"windows","Fqdn":"mail01.example.org"}`+"\n"+
		`collection_context.json = {"create_time":1768903200000000000,"start_time":"1768903210000000","state":2,"query_stats":[{"Artifact":"Windows.Sys","error_message":"access denied"}]}`+"\n"+
		`log.json = {"level":"INFO","message":"fine"}\n{"level":"ERROR","message":"upload: C:\\x: Access is denied."}\n`+"\n"+"results/a.json = {}\nuploads.json = "+row("auto", 1, 1, "C:", "x")+"\nuploads/auto/C%3A/x = 1\n")
	if found.Host != "MAIL01" || found.OS != evidence.Windows || found.Captured.Format(time.RFC3339) != "2026-01-20T10:00:10Z" {
		t.Errorf("%+v", found)
	}
	wantGaps(t, found, "collection_context.json not collected", "log.json not collected", "results not yet read")
	found, _ = read(t, `client_info.json = [{"client_id":"C.1","os_info":{"hostname":"web01","system":"linux"}}]`+"\n"+`collection_context.json = {"state":"RUNNING"}`+"\nlog.json = \nresults/\nuploads/\n")
	if found.Host != "web01" || found.OS != evidence.Linux {
		t.Errorf("%+v", found)
	}
	wantGaps(t, found, "collection_context.json truncated", ". not collected")
	for base, want := range map[string]string{
		"Collection-WIN-SJE0_lan-2024-11-05T17_45_36Z.zip": "WIN-SJE0_lan 2024-11-05T17:45:36Z", "uac-mail-01-linux-20260120101010.tar.gz": "mail-01 0001-01-01T00:00:00Z", "x.zip": " 0001-01-01T00:00:00Z",
	} {
		if host, at := FileName(base); host+" "+at.Format(time.RFC3339) != want {
			t.Errorf("%s: %s %v", base, host, at)
		}
	}
}

const copyHead = `CopiedTimestamp,SourceFile,DestinationFile,FileSize,SourceFileSha1,DeferredCopy,CreatedOnUtc,ModifiedOnUtc,LastAccessedOnUtc,CopyDuration\n`

func TestKAPE(t *testing.T) {
	found, files := read(t, "2026-01-20T10_10_10_1234567_CopyLog.csv = "+copyHead+
		`2026-01-20 10:12:00.1234567,C:\inetpub\wwwroot\x.aspx,E:\out\C\inetpub\wwwroot\x.aspx,4,AA,False,,,,\n`+
		`2026-01-20 10:12:01,C:\inetpub\wwwroot\gone.aspx,E:\out\C\inetpub\wwwroot\gone.aspx,9,BB,False,,,,\n`+
		`2026-01-20 10:12:02,"C:\inetpub\wwwroot\short, too.log",E:\out\C\inetpub\wwwroot\short.log,100,CC,True,,,,\n`+
		`2026-01-20 10:12:03,C:\inetpub\wwwroot\old.aspx,E:\out\VSS1\inetpub\wwwroot\old.aspx,3,DD,False,,,,\n`+
		`2026-01-20 10:12:04,D:\SmarterMail\Logs\a.log,E:\out\D\SmarterMail\Logs\a.log,3,EE,False,,,,\n`+
		`2026-01-20 10:12:05,\\server\share\x,E:\out\x,3,FF,False,,,,\n`+"\n"+
		`2026-01-20T10_10_10_1234567_SkipLog.csv.csv = SourceFile,SourceFileSha1,Reason\nC:\INETPUB\wwwroot\twin.aspx,aa,Deduped\nC:\inetpub\wwwroot\x.aspx,aa,Deduped\nC:\inetpub\wwwroot\left.out,,Excluded\nC:\inetpub\wwwroot\lost.aspx,99,Deduped\n`+"\n"+
		`2026-01-20T10_10_10_1234567_ConsoleLog.txt = [2026-01-20 | INF] Command line:   --tsource C: --tdest E:\out --target X\n[2026-01-20 | INF] System info: Machine name: MAIL01, 64-bit: true\n[2026-01-20 | ERR] Error copying C:\x\n`+"\n"+
		"C/inetpub/wwwroot/x.aspx = evil\nC/inetpub/wwwroot/short, too.log = abc\nVSS1/inetpub/wwwroot/old.aspx = old\n")
	got := slices.DeleteFunc(spelled(t, files), func(s string) bool { return strings.Contains(s, "Log.") })
	wantLines := []string{`C/inetpub/wwwroot/gone.aspx !not collected`, `C/inetpub/wwwroot/left.out !not collected`, `C/inetpub/wwwroot/lost.aspx !not collected`, `C/inetpub/wwwroot/short, too.log "abc"!truncated`,
		`C/inetpub/wwwroot/twin.aspx "evil"`, `C/inetpub/wwwroot/x.aspx "evil"`, `D !not collected`, `VSS1 snapshot/inetpub/wwwroot/old.aspx "old"`}
	if !slices.Equal(got, wantLines) {
		t.Errorf("holds\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(wantLines, "\n  "))
	}
	if found.OS != evidence.Windows || found.Host != "MAIL01" || found.Captured.Format(time.RFC3339) != "2026-01-20T10:12:05Z" ||
		!slices.Equal(found.Volumes, []evidence.Volume{{Mount: "C:", Root: "C"}, {Mount: "C:", Root: "VSS1 snapshot", Past: true}}) {
		t.Errorf("%+v", found)
	}
	wantGaps(t, found, "VSS1 snapshot ambiguous", `"\\\\server\\share\\x" not collected`, "2026-01-20T10_10_10_1234567_ConsoleLog.txt not collected")
}

func TestKAPEOfAMountedImageIsNotTheExaminersMachine(t *testing.T) {
	found, files := read(t, "1_CopyLog.csv = "+copyHead+`,F:\Windows\x,,1,,,,,,\n`+"\n"+`1_ConsoleLog.txt = Command line: --tsource F: --tdest E:\out\nSystem info: Machine name: EXAMINER, 64-bit: true\n`+"\nF/Windows/x = 1\n")
	if found.Host != "" || !slices.Equal(found.Volumes, []evidence.Volume{{Mount: "F:", Root: "F"}}) || len(found.Gaps) != 0 {
		t.Errorf("%+v", found)
	}
	if got := spelled(t, files); !slices.Contains(got, `F/Windows/x "1"`) {
		t.Errorf("%v", got)
	}
}

func TestKAPELogsThatLie(t *testing.T) {
	for what, log := range map[string]string{
		"cut in quotes": copyHead + `x,"C:\inetpub`, "no header": "", "other columns": `a,b\n`,
	} {
		found, files := read(t, "1_CopyLog.csv = "+log+"\nC/inetpub/x = 1\n")
		if got := spelled(t, files); !slices.Contains(got, `C/inetpub/x "1"`) {
			t.Errorf("%s: %v", what, got)
		}
		if what != "cut in quotes" && len(found.Gaps) != 1 {
			t.Errorf("%s: %v", what, found.Gaps)
		}
	}
	found, files := read(t, "1_CopyLog.csv = "+copyHead+`,C:\..\..\etc\passwd,,1,,,,,,\n,C:\\\x,,9223372036854775807,,,,,,\n,C:\inetpub\X,,99999999999999999999,,,,,,\n`+"\nC/inetpub/x = 1\n")
	for _, line := range spelled(t, files) {
		if strings.Contains(line, "..") {
			t.Errorf("%q", line)
		}
	}
	wantGaps(t, found, `"C:\\..\\..\\etc\\passwd" not collected`)
}

// TestNamesWithoutEnd: a list may name what no file system holds.
func TestNamesWithoutEnd(t *testing.T) {
	long := strings.Repeat(`a\`, 200_000)
	started := time.Now()
	found, _ := read(t, "1_CopyLog.csv = "+copyHead+`,C:\`+long+`x,,1,,,,,,\n`+"\nC/inetpub/x = 1\n")
	if len(found.Gaps) != 1 || len(found.Gaps[0].Path) > 500 {
		t.Errorf("%d gaps", len(found.Gaps))
	}
	found, _ = read(t, "uploads.json = "+row("auto", 1, 1, append([]string{"C:"}, strings.Split(strings.Repeat("a/", 200_000)+"x", "/")...)...)+"\nuploads/auto/C%3A/x = 1\n")
	if len(found.Gaps) != 1 || len(found.Gaps[0].Path) > 500 || time.Since(started) > 20*time.Second {
		t.Errorf("%d gaps after %v", len(found.Gaps), time.Since(started))
	}
}

func TestUAC(t *testing.T) {
	log := `2026-01-20 10:00:00 +0100 INF Unix-like Artifacts Collector 3.0.0\n2026-01-20 10:00:00 +0100 INF Operating system: linux\n2026-01-20 10:00:00 +0100 INF Hostname: mail01\n` +
		`2026-01-20 10:05:00 +0100 ERR cannot collect /var/log/auth.log\n2026-01-20 10:10:00 +0100 INF Artifacts collection complete. Total execution time: 600 seconds\n`
	found, files := read(t, "uac.log = "+log+"\n[root]/etc/passwd = root\nlive_response/process/ps.txt = x\nbodyfile/bodyfile.txt = x\n")
	if found.Host != "mail01" || found.OS != evidence.Linux || found.Captured.Format(time.RFC3339) != "2026-01-20T09:10:00Z" || found.Zone.String() != "UTC+01:00" {
		t.Errorf("%+v", found)
	}
	wantGaps(t, found, "uac.log not collected", "live_response not yet read")
	if found.Gaps[1].Parts != evidence.CompromisedNow {
		t.Errorf("%v", found.Gaps[1])
	}
	if got := spelled(t, files); !slices.Contains(got, `[root]/etc/passwd "root"`) {
		t.Errorf("%v", got)
	}
	found, _ = read(t, "uac.log = "+strings.ReplaceAll(log[:strings.Index(log, "2026-01-20 10:05")], ": linux", ": freebsd")+"\nlive_response/x = 1\n")
	wantGaps(t, found, "uac.log truncated", ". not yet read", "[root] not collected", "live_response not yet read")
}

func TestMarked(t *testing.T) {
	for names, want := range map[string]Tool{
		"uploads.json": Velociraptor, "uploads": None, "results log.json": Velociraptor, "data.zip metadata.json": Velociraptor, "data.zip": None,
		"UAC.LOG [root]": UAC, "x_CopyLog.csv": KAPE, "x_SkipLog.csv.csv C": KAPE, "CopyLog.csv": None, "": None,
	} {
		if got := Marked(strings.Fields(names)); got != want {
			t.Errorf("%s: %q", names, got)
		}
	}
}

func TestCancelledReading(t *testing.T) {
	base := zipTree(t, t.TempDir(), "uploads.json = "+row("auto", 1, 1, "C:", "x")+"\nuploads/auto/C%3A/x = 1\n")
	defer base.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	found := Read(ctx, base, ".", []string{"uploads", "uploads.json"}, Velociraptor, tree.Limits{})
	if len(found.Gaps) == 0 || found.Gaps[0].Missed.Reason != evidence.Cancelled {
		t.Errorf("%v", found.Gaps)
	}
}
