package ran

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

// table is the file table of a small volume: mkntfs and ntfs-3g 2022.10.3 made it, with
// the folders and files of TestTable.
func table(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", "mft.xz"))
	if err != nil {
		t.Fatal(err)
	}
	return evidencetest.Unxz(t, bytes.NewReader(packed))
}

// usn is a record of the journal.
func usn(version uint16, parent uint64, reason uint32, name string) []byte {
	le, w, wide := binary.LittleEndian, wide(name), 0
	if version == 3 {
		wide = 16
	}
	b := make([]byte, (60+wide+len(w)+7)&^7)
	le.PutUint32(b, uint32(len(b)))
	le.PutUint16(b[4:], version)
	le.PutUint64(b[16+wide/2:], parent)
	copy(b[32+wide:], when())
	le.PutUint32(b[40+wide:], reason)
	le.PutUint16(b[56+wide:], uint16(len(w)))
	le.PutUint16(b[58+wide:], uint16(60+wide))
	copy(b[60+wide:], w)
	return b
}

// journalOf is a journal: a page that was given up, and one with the records.
func journalOf(records ...[]byte) []byte {
	b := append(make([]byte, journalPage), slices.Concat(records...)...)
	return append(b, make([]byte, 2*journalPage-len(b))...)
}

// root is the reference of a volume's root.
const root = 5<<48 | rootRecord

func toldOf(t *testing.T, tree evidencetest.Tree, kind string) (got []string) {
	t.Helper()
	for _, o := range collected(t, source(tree)).Observed {
		if o.Get("Kind") == kind {
			details, _, _ := strings.Cut(o.Get("Details"), ";")
			got = append(got, o.Get("Image")+"|"+details)
		}
	}
	return got
}

// TestTable: ntfsundelete lists a.exe, shell.aspx, logo.png, gone.dll and old.exe of
// this volume as deleted, gone.dll with its folder; evil.exe, of a watched folder, and
// cmd.exe have times of 2015 that setfattr gave them, which ntfs-3g writes beside the
// name, too, and Windows does not: so the test writes there when they came. What is
// told is what runs or is served, and lies in a folder that is watched or is gone.
func TestTable(t *testing.T) {
	data := table(t)
	for _, name := range []string{"evil.exe", "cmd.exe", "honest.exe"} {
		at := bytes.LastIndex(data, wide(name)) - 66 // of $FILE_NAME
		copy(data[at+8:], append([]byte{1}, when()[1:]...))
	}
	tree := evidencetest.Tree{"$MFT": {Data: data}}
	deleted := toldOf(t, tree, evidence.TraceDeleted)
	want := []string{`C:\Users\anna\Desktop\a.exe|deleted`, `C:\inetpub\wwwroot\shell.aspx|deleted`, `C:\ProgramData\deep\er\gone.dll|deleted`}
	if !slices.Equal(deleted, want) {
		t.Errorf("deleted %q, want %q", deleted, want)
	}
	times := toldOf(t, tree, evidence.TraceTimes)
	if len(times) != 1 || !strings.HasPrefix(times[0], `C:\ProgramData\evil.exe|made 2015-01-01T00:00:00Z, written 2015-01-01T00:00:00Z`) {
		t.Errorf("times %q", times)
	}
}

// TestJournal: paths come of the table; without it the name is told.
func TestJournal(t *testing.T) {
	journal := journalOf(
		usn(2, root, reasonCreate|reasonClose, "a.exe"), // not in a folder that is watched
		usn(2, 1<<48|999, reasonCreate|reasonDelete|reasonClose, "b.aspx"),
		usn(3, 1<<48|999, reasonRenamed|reasonClose, "c.exe"),
		usn(2, 1<<48|999, reasonCreate, "d.exe"), // not yet closed
		usn(2, 1<<48|999, reasonCreate|reasonClose, "e.txt"),
		usn(2, 1<<48|999, reasonDelete|reasonClose, "f.dll"))
	want := []string{`b.aspx|made and deleted`, `c.exe|called so`, `f.dll|deleted`}
	for name, tree := range map[string]evidencetest.Tree{
		"with the table": {"$MFT": {Data: table(t)}, "$Extend/$UsnJrnl:$J": {Data: journal}},
		"as KAPE has it": {"$Extend/$J": {Data: journal}},
	} {
		if got := toldOf(t, tree, evidence.TraceJournal); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestUnseen: without them each is a gap, and broken ones say so.
func TestUnseen(t *testing.T) {
	f := func(tree evidencetest.Tree, path string, reason evidence.Reason) {
		t.Helper()
		gaps := collected(t, source(tree)).Gaps()
		if !slices.ContainsFunc(gaps, func(c evidence.Coverage) bool { return c.Path == path && c.Missed.Reason == reason }) {
			t.Errorf("no gap %s of %s: %v", reason, path, gaps)
		}
	}
	some := evidencetest.Text("x")
	f(evidencetest.Tree{"Windows/win.ini": some}, "$MFT", evidence.Unsupported)
	f(evidencetest.Tree{"Windows/win.ini": some}, "$Extend/$UsnJrnl", evidence.Unsupported)
	f(evidencetest.Tree{"$MFT": evidencetest.Text(strings.Repeat("x", 2048))}, "$MFT", evidence.Format)
	torn := slices.Clone(table(t))
	torn[1024*5+510]++ // the end of a sector
	f(evidencetest.Tree{"$MFT": {Data: torn}}, "$MFT", evidence.Damaged)
	f(evidencetest.Tree{"$Extend/$J": {Data: journalOf([]byte{8, 0, 0, 0, 2, 0, 0, 0})}}, "$Extend/$J", evidence.Damaged)
}

func FuzzRecord(f *testing.F) {
	data := table(f)
	for _, number := range []int{0, 5, 64, 74} {
		f.Add(data[1024*number : 1024*(number+1)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 512 || len(data) > 4096 {
			return
		}
		m, err := parseRecord(data)
		if m != nil && len(m.name) > 4*255 {
			t.Errorf("a name of %d bytes, %v", len(m.name), err)
		}
	})
}

func FuzzJournal(f *testing.F) {
	f.Add(journalOf(usn(2, root, reasonCreate, "a.exe"), usn(3, root, reasonDelete, "b.exe")))
	f.Fuzz(func(t *testing.T, data []byte) {
		records := 0
		broken := parseJournal(data, func(offset int, _ *change) {
			if records++; offset >= len(data) {
				t.Errorf("a record at %d of %d", offset, len(data))
			}
		})
		if broken > len(data)/journalPage+1 || records > len(data)/56 {
			t.Errorf("%d broken pages, %d records of %d bytes", broken, records, len(data))
		}
	})
}

// TestSpreadRecords: files whose names stand in other records are told of as a gap.
func TestSpreadRecords(t *testing.T) {
	data := slices.Clone(table(t))
	b := data[1024*64 : 1024*65]
	for at := int(binary.LittleEndian.Uint16(b[20:])); binary.LittleEndian.Uint32(b[at:]) != attrEnd; at += int(binary.LittleEndian.Uint32(b[at+4:])) {
		if binary.LittleEndian.Uint32(b[at:]) == attrName {
			binary.LittleEndian.PutUint32(b[at:], attrList)
		}
	}
	out := collected(t, source(evidencetest.Tree{"$MFT": {Data: data}}))
	if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool {
		return c.Path == "$MFT" && strings.Contains(c.Missed.Detail, "names stand in other records")
	}) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}
