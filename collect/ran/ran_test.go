package ran

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

type (
	key   = evidencetest.HiveKey
	value = evidencetest.HiveValue
)

var changed = time.Date(2026, 2, 1, 3, 4, 5, 0, time.UTC)

var (
	hiveOf = evidencetest.HiveFile
	wide   = evidencetest.Wide
)

// at makes the keys down a path, with values in the last.
func at(path string, values ...value) key { return evidencetest.HiveAt(path, changed, values...) }

// when is changed as a FILETIME.
func when() []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(changed.Unix()*1e7+116444736000000000))
}

// shimTen is a cache of Windows 10 with one entry.
func shimTen(path string) []byte {
	w := wide(path)
	body := slices.Concat(binary.LittleEndian.AppendUint16(nil, uint16(len(w))), w, when(), make([]byte, 4))
	head := make([]byte, 0x34)
	head[0] = 0x34
	return slices.Concat(head, []byte("10ts"), make([]byte, 4), binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body)
}

// shimTwelve is a cache of Server 2012 with one entry that ran.
func shimTwelve(path string) []byte {
	w := wide(path)
	body := slices.Concat(binary.LittleEndian.AppendUint16(nil, uint16(len(w))), w, make([]byte, 2), []byte{2, 0, 0, 0, 0, 0, 0, 0}, when(), make([]byte, 4))
	head := make([]byte, 128)
	head[0] = 128
	return slices.Concat(head, []byte("00ts"), make([]byte, 4), binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body)
}

// shimSevenNarrow is a cache of Windows 7 of 32 bits with one entry.
func shimSevenNarrow(path string) []byte {
	w, le := wide(path), binary.LittleEndian
	head := make([]byte, shimSevenHead)
	le.PutUint32(head, shimSeven)
	le.PutUint32(head[4:], 1)
	e := make([]byte, 32)
	le.PutUint16(e, uint16(len(w)))
	le.PutUint32(e[4:], shimSevenHead+32)
	copy(e[8:], when())
	return slices.Concat(head, e, w)
}

func assist() []byte {
	b := make([]byte, assistSize)
	b[assistRuns] = 3
	copy(b[assistTime:], when())
	return b
}

// index is an index of the recycle bin.
func index(version byte, path string) []byte {
	w := wide(path + "\x00")
	head := slices.Concat([]byte{version, 0, 0, 0, 0, 0, 0, 0}, []byte{9, 0, 0, 0, 0, 0, 0, 0}, when())
	if version == 1 {
		return slices.Concat(head, w, make([]byte, 520-len(w)))
	}
	return slices.Concat(head, binary.LittleEndian.AppendUint32(nil, uint32(len(w)/2)), w)
}

const anna = "S-1-5-21-1-2-3-1001"

func tree(t testing.TB) evidencetest.Tree {
	t.Helper()
	const cv, session = `Microsoft\Windows NT\CurrentVersion\`, `Control\Session Manager\AppCompatCache`
	return evidencetest.Tree{
		"Windows/AppCompat/Programs/Amcache.hve": hiveOf(
			at(`Root\InventoryApplicationFile\a.exe|1`, value{Name: "LowerCaseLongPath", Data: `c:\programdata\a.exe`}, value{Name: "FileId", Data: "0000DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"}, value{Name: "Publisher", Data: "acme"}, value{Name: "ProductName", Data: "a"}),
			at(`Root\InventoryDriverBinary\c:/windows/system32/drivers/p.sys`, value{Name: "DriverId", Data: "0000da39a3ee5e6b4b0d3255bfef95601890afd80709"}, value{Name: "DriverName", Data: "p.sys"}),
			at(`Root\File\{v}\100`, value{Name: "15", Data: `C:\old\b.exe`}, value{Name: "101", Data: "0000"}),
		),
		"Windows/System32/config/SYSTEM": hiveOf(
			at(`ControlSet001\`+session, value{Name: "AppCompatCache", Data: shimTen(`C:\Users\Public\c.exe`)}),
			at(`ControlSet002\`+session, value{Name: "AppCompatCache", Data: shimTwelve(`SYSVOL\Windows\d.exe`)}),
			at(`ControlSet003\`+session, value{Name: "AppCompatCache", Data: shimSevenNarrow(`\??\C:\e.exe`)}),
			at(`ControlSet001\Services\bam\State\UserSettings\`+anna, value{Name: "Version", Data: uint32(1)}, value{Name: "SequenceNumber", Data: uint32(1)},
				value{Name: `\Device\HarddiskVolume3\Windows\System32\cmd.exe`, Data: append(when(), make([]byte, 16)...)},
				value{Name: `\Device\HarddiskVolume5\f.exe`, Data: append(when(), make([]byte, 16)...)},
				value{Name: `Microsoft.App_1`, Data: append(when(), make([]byte, 16)...)}),
		),
		"Windows/System32/config/SOFTWARE": hiveOf(at(cv+`ProfileList\`+anna, value{Name: "ProfileImagePath", Data: `%SystemDrive%\Users\anna`})),
		"Users/anna/NTUSER.DAT": hiveOf(
			at(userAssistPath+`\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}\Count`, value{Name: rot13(`{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\g.exe`), Data: assist()}, value{Name: rot13("UEME_CTLSESSION"), Data: assist()}),
			at(`Software\Microsoft\Terminal Server Client\Servers\192.0.2.7`, value{Name: "UsernameHint", Data: `HOST\root`}),
		),
		"Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat": hiveOf(at(`Local Settings\Software\Microsoft\Windows\Shell\MuiCache`,
			value{Name: `C:\h.exe.FriendlyAppName`, Data: "H"}, value{Name: `C:\h.exe.ApplicationCompany`, Data: "acme"}, value{Name: "LangID", Data: "x"}, value{Name: `C:\i.exe`, Data: "I"})),
		"$Recycle.Bin/" + anna + "/$IAAAAAA.exe":                                                     {Data: index(2, `C:\Users\anna\Desktop\j.exe`)},
		"$Recycle.Bin/" + anna + "/$RAAAAAA.exe":                                                     evidencetest.Text("MZ"),
		"$Recycle.Bin/S-1-5-18/$IBBBBBB.aspx":                                                        {Data: index(1, `C:\inetpub\wwwroot\k.aspx`)},
		"Users/anna/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt": evidencetest.Text("whoami\r\niex `\r\n (l)\r\n\r\n" + strings.Repeat("A", 5000) + "\r\n"),
		"$MFT":                               {Data: table(t)},
		"$Extend/$UsnJrnl:$J":                {Data: journalOf(usn(2, 1<<48|999, reasonDelete|reasonClose, "o.dll"))},
		"Windows/Prefetch/L.EXE-11111111.pf": {Data: mam(prefetchFile(30, "L.EXE"))},
		"Windows/Prefetch/Layout.ini":        evidencetest.Text("no"),
		"ProgramData/Microsoft/Windows Defender/Scans/History/Service/DetectionHistory/02/A":                        {Data: slices.Concat([]byte{1, 0, 0}, wide("Magic.Version:1.2"), make([]byte, 5), wide("Backdoor:ASP/Chopper.A!dha"), make([]byte, 4), wide(`C:\inetpub\wwwroot\m.aspx`), make([]byte, 2))},
		"ProgramData/Microsoft/Windows Defender/Support/MPLog-20260201-030405.log":                                  {Data: append([]byte("\xff\xfe"), wide("2026-02-01T03:04:05.000 DETECTION_ADD#2 Backdoor:ASP/Chopper.A!dha file:C:\\x\\n.aspx\r\nother\r\n")...)},
		"Windows/System32/config/systemprofile/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/x.unrelated": evidencetest.Text("no"),
	}
}

func source(t evidencetest.Tree) *evidence.Source {
	return &evidence.Source{Kind: evidence.KindTree, ID: evidence.Identity{OS: evidence.Windows}, Files: t,
		Volumes: []evidence.Volume{{Mount: "C:", Root: "."}}, Close: func() error { return nil }}
}

func collected(t testing.TB, src *evidence.Source) *evidencetest.Sink {
	t.Helper()
	out := &evidencetest.Sink{}
	if err := New().Collect(context.Background(), src, &evidence.Interest{}, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLaw(t *testing.T) {
	evidencetest.Run(t, New, &evidence.Interest{}, func() *evidence.Source { return source(tree(t)) })
}

// TestFacts holds what is observed of each family against what stands there.
func TestFacts(t *testing.T) {
	out := collected(t, source(tree(t)))
	var got []string
	for _, o := range out.Observed {
		at := ""
		if !o.Time.IsZero() {
			at = o.Time.Format(time.DateOnly)
		}
		got = append(got, at+"|"+strings.Join(o.Values, "|"))
	}
	const set, ntuser = `HKLM\SYSTEM\ControlSet00`, `Users/anna/NTUSER.DAT\`
	const mui = `Users/anna/AppData/Local/Microsoft/Windows/UsrClass.dat\Local Settings\Software\Microsoft\Windows\Shell\MuiCache\`
	const typed = "Users/anna/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt"
	want := []string{
		`2026-02-01|amcache|c:\programdata\a.exe|SHA1=da39a3ee5e6b4b0d3255bfef95601890afd80709|||Windows/AppCompat/Programs/Amcache.hve\Root\InventoryApplicationFile\a.exe|1|acme, a`,
		`2026-02-01|amcache|c:\windows\system32\drivers\p.sys|SHA1=da39a3ee5e6b4b0d3255bfef95601890afd80709|||Windows/AppCompat/Programs/Amcache.hve\Root\InventoryDriverBinary\c:/windows/system32/drivers/p.sys|`,
		`2026-02-01|amcache|C:\old\b.exe||||Windows/AppCompat/Programs/Amcache.hve\Root\File\{v}\100|`,
		`2026-02-01|shimcache|C:\Users\Public\c.exe||||` + set + `1\Control\Session Manager\AppCompatCache\AppCompatCache|it was there; that it ran is not told`,
		`2026-02-01|shimcache|C:\Windows\d.exe||||` + set + `2\Control\Session Manager\AppCompatCache\AppCompatCache|it was there, and marked as run`,
		`2026-02-01|shimcache|C:\e.exe||||` + set + `3\Control\Session Manager\AppCompatCache\AppCompatCache|it was there; that it ran is not told`,
		`2026-02-01|bam|C:\Windows\System32\cmd.exe|||anna|` + set + `1\Services\bam\State\UserSettings\` + anna + `\\Device\HarddiskVolume3\Windows\System32\cmd.exe|`,
		`2026-02-01|bam|\Device\HarddiskVolume5\f.exe|||anna|` + set + `1\Services\bam\State\UserSettings\` + anna + `\\Device\HarddiskVolume5\f.exe|`,
		`2026-02-01|bam||||anna|` + set + `1\Services\bam\State\UserSettings\` + anna + `\Microsoft.App_1|package Microsoft.App_1`,
		`2026-02-01|userassist|C:\Windows\System32\g.exe|||anna|` + ntuser + userAssistPath + `\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}\Count\{1NP14R77-02R7-4R5Q-O744-2RO1NR5198O7}\t.rkr|started 3 times by the desktop`,
		`2026-02-01|remote-desktop||||anna|` + ntuser + `Software\Microsoft\Terminal Server Client\Servers\192.0.2.7|remote desktop from here to 192.0.2.7 as HOST\root`,
		`|muicache|C:\h.exe|||anna|` + mui + `C:\h.exe.FriendlyAppName|H`,
		`|muicache|C:\i.exe|||anna|` + mui + `C:\i.exe|I`,
		`2026-02-01|recycled|C:\Users\anna\Desktop\j.exe|||anna|$Recycle.Bin/` + anna + `/$IAAAAAA.exe|thrown away, 9 bytes`,
		`2026-02-01|recycled|C:\inetpub\wwwroot\k.aspx|||SYSTEM|$Recycle.Bin/S-1-5-18/$IBBBBBB.aspx|thrown away, 9 bytes`,
		`2026-02-01|prefetch|C:\TOOLS\L.EXE||||Windows/Prefetch/L.EXE-11111111.pf|ran 7 times, before that at 2026-02-01T03:04:05Z`,
		`2026-01-15|defender-history|C:\inetpub\wwwroot\m.aspx||||ProgramData/Microsoft/Windows Defender/Scans/History/Service/DetectionHistory/02/A|Backdoor:ASP/Chopper.A!dha`,
		`2026-01-15|defender-history|C:\x\n.aspx||||ProgramData/Microsoft/Windows Defender/Support/MPLog-20260201-030405.log|Backdoor:ASP/Chopper.A!dha`,
		`2026-01-15|history|||whoami|anna|` + typed + `|`,
		"2026-01-15|history|||iex \n (l)|anna|" + typed + `|`,
		`2026-01-15|history|||` + strings.Repeat("A", maxLine) + `|anna|` + typed + `|`,
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("nothing says %.300s", w)
		}
	}
	if len(got) != len(want)+4 { // and those of the file table and the journal: TestTable, TestJournal
		t.Errorf("%d traces, want %d", len(got), len(want)+4)
	}
	if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return c.Path == typed && c.Missed.Reason == evidence.TooLarge }) {
		t.Error("a line that was cut is no gap")
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

// TestLive: of a running system the registry is read, and users' hives that are not
// loaded from their files.
func TestLive(t *testing.T) {
	bin := func(name string, data []byte) evidence.RegistryKey {
		return evidence.RegistryKey{Written: changed, Values: []evidence.RegistryValue{{Name: name, Type: regBinary, Data: data}}}
	}
	const cv = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\`
	src := source(tree(t))
	src.Kind = evidence.KindHost
	src.State = evidencetest.State{Reg: evidencetest.Registry{
		`HKLM\SYSTEM\ControlSet001\Control\Session Manager\AppCompatCache`:                bin("AppCompatCache", shimTen(`C:\live\a.exe`)),
		`HKLM\SYSTEM\ControlSet001\Services\bam\State\UserSettings\S-1-5-18`:              bin(`C:\live\b.exe`, when()),
		`HKU\S-1-5-21-9\` + userAssistPath + `\{G}\Count`:                                 bin(rot13(`C:\live\c.exe`), assist()),
		`HKU\S-1-5-21-9_Classes\Local Settings\Software\Microsoft\Windows\Shell\MuiCache`: {Values: []evidence.RegistryValue{{Name: `C:\live\d.exe.FriendlyAppName`, Text: "D"}}},
		cv + "S-1-5-21-9": {Values: []evidence.RegistryValue{{Name: "ProfileImagePath", Text: `C:\Users\berta`}}},
	}}
	var got []string
	for _, o := range collected(t, src).Observed {
		got = append(got, o.Get("Kind")+"|"+o.Get("Image")+"|"+o.Get("User"))
	}
	for _, want := range []string{`shimcache|C:\live\a.exe|`, `bam|C:\live\b.exe|SYSTEM`, `userassist|C:\live\c.exe|berta`, `muicache|C:\live\d.exe|berta`, `userassist|C:\Windows\System32\g.exe|anna`} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing says %s: %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, `Public\c.exe`) }) {
		t.Error("the hive that is loaded was read as a file")
	}
}

// TestAbsent: what a selection does not hold is a gap of its family; what a whole tree
// lacks of what every system has is one, too.
func TestAbsent(t *testing.T) {
	f := func(partial bool, path string, reason evidence.Reason) {
		t.Helper()
		src := source(evidencetest.Tree{"Windows/win.ini": evidencetest.Text("x")})
		src.Partial = partial
		gaps := collected(t, src).Gaps()
		if !slices.ContainsFunc(gaps, func(c evidence.Coverage) bool { return c.Path == path && c.Missed.Reason == reason }) {
			t.Errorf("no gap %s of %s", reason, path)
		}
	}
	for _, family := range []string{"Amcache", "ShimCache", "background activity", "users' traces of programs", "recycle bin", "PowerShell's typed lines", "Prefetch (none is no proof: off on servers)", "Defender's history", "file table and change journal"} {
		f(true, family, evidence.NotCollected)
	}
	f(false, "Windows/AppCompat/Programs/Amcache.hve", evidence.Absent)
	f(false, "Windows/System32/config/SYSTEM", evidence.Absent)
}

// TestBrokenCaches: what is before a fault comes with it.
func TestBrokenCaches(t *testing.T) {
	f := func(data []byte, entries int, want error) {
		t.Helper()
		got, err := parseShim(data)
		if len(got) != entries || !errors.Is(err, want) {
			t.Errorf("%d entries, %v; want %d, %v", len(got), err, entries, want)
		}
	}
	ten := shimTen(`C:\a.exe`)
	f(ten, 1, nil)
	f(append(ten, 1, 2, 3), 1, evidence.ErrTruncated)
	f(append(ten, ten[0x34:len(ten)-1]...), 1, evidence.ErrTruncated)
	f(append(ten, make([]byte, 20)...), 1, errShim)
	f([]byte("\xef\xbe\xad\xde0000"), 0, evidence.ErrUnsupported) // Windows XP
	f(nil, 0, evidence.ErrTruncated)
	seven := shimSevenNarrow(`C:\a.exe`)
	f(seven, 1, nil)
	f(seven[:len(seven)-1], 0, evidence.ErrTruncated)
	binary.LittleEndian.PutUint32(seven[4:], 1<<30)
	f(seven, 0, evidence.ErrTruncated)
}

// TestDamagedHives: a hive cut at any block gives what can be had, and a gap.
func TestDamagedHives(t *testing.T) {
	for name, path := range map[string]string{"NTUSER.DAT": "Users/anna/NTUSER.DAT", "amcache.hve": "Windows/AppCompat/Programs/Amcache.hve"} {
		whole := corpus(t, name).Data
		declared := 4096 + int(binary.LittleEndian.Uint32(whole[40:])) // what is behind it is no part of the hive
		for cut := 4096; cut < declared; cut += 4096 * 13 {
			out := collected(t, source(evidencetest.Tree{path: {Data: whole[:cut]}}))
			if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return c.Path == path }) {
				t.Errorf("%s cut at %d: no gap", name, cut)
			}
		}
	}
}

func FuzzShim(f *testing.F) {
	for _, seed := range [][]byte{shimTen(`C:\a.exe`), shimTwelve(`C:\a.exe`), shimSevenNarrow(`C:\a.exe`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseShim(data)
		if len(entries) > maxShimEntries {
			t.Errorf("%d entries", len(entries))
		}
		if err != nil && !errors.Is(err, errShim) {
			t.Error(err)
		}
	})
}

func FuzzRecycled(f *testing.F) {
	f.Add(index(1, `C:\a.exe`))
	f.Add(index(2, `C:\a.exe`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := parseRecycled(data); err == nil && got.image == "" {
			t.Error("no name and no error")
		}
	})
}

// TestClearedCache: a system without an entry of the compatibility cache is a gap.
func TestClearedCache(t *testing.T) {
	out := collected(t, source(evidencetest.Tree{"Windows/System32/config/SYSTEM": hiveOf(at(`ControlSet001\Control\Session Manager\AppCompatCache`))}))
	if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return strings.Contains(c.Missed.Detail, "may have been cleared") }) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

// TestOddAssist: values of UserAssist of another layout are a gap.
func TestOddAssist(t *testing.T) {
	out := collected(t, source(evidencetest.Tree{"Users/anna/NTUSER.DAT": hiveOf(at(userAssistPath+`\{A}\Count`, value{Name: rot13(`C:\a.exe`), Data: make([]byte, 20)}))}))
	if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return strings.Contains(c.Missed.Detail, "1 values of a layout") }) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}
