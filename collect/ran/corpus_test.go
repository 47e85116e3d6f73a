package ran

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"postern/collect/winreg"
	"postern/evidence"
	"postern/evidence/evidencetest"
)

// corpus is a hive of the corpora; the test is skipped where those are not.
func corpus(t testing.TB, name string) evidencetest.File {
	t.Helper()
	return evidencetest.File{Data: evidencetest.Corpus(t, "registry/"+name)}
}

// digest is the SHA-256 of sorted lines, one for each trace of a kind: what tells
// them, and the second.
func digest(out *evidencetest.Sink, kind string, tell func(o *evidence.Observation) string) (count int, sum string, lines []string) {
	for _, o := range out.Observed {
		if o.Get("Kind") == kind {
			at := "-"
			if !o.Time.IsZero() {
				at = o.Time.Format("2006-01-02T15:04:05")
			}
			if told := tell(&o); told != "" {
				lines = append(lines, told+"|"+at)
			}
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines) // regipy tells each once for every control set, or twice
	h := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return len(lines), hex.EncodeToString(h[:8]), lines
}

// TestAsRegipy: the traces of each hive are those that regipy 6.5.0 reads with its
// plug-ins amcache, shimcache, bam and user_assist: name, time, and of Amcache the
// SHA-1; drivers as its
// keys have them. Its one line more of SYSTEM_2 is an entry without a path.
func TestAsRegipy(t *testing.T) {
	name := func(o *evidence.Observation) string { return o.Ref.Text }
	program := func(o *evidence.Observation) string { // regipy leaves packages out
		if o.Get("Image") == "" {
			return ""
		}
		return o.Ref.Text
	}
	last := func(o *evidence.Observation) string { return winreg.LastOf(o.Ref.Text) } // GUIDs of folders are written in other ways
	hash := func(o *evidence.Observation) string {
		if strings.Contains(o.Ref.Path, drivers) {
			return ""
		}
		return o.Ref.Text + "|" + cmp.Or(strings.TrimPrefix(o.Get("Hashes"), "SHA1="), "-")
	}
	driver := func(o *evidence.Observation) string {
		if !strings.Contains(o.Ref.Path, drivers) {
			return ""
		}
		return o.Ref.Text + "|" + strings.TrimPrefix(o.Get("Hashes"), "SHA1=")
	}
	for _, c := range []struct {
		hive, path, kind string
		tell             func(o *evidence.Observation) string
		count            int
		sum              string
	}{
		{"SYSTEM", "Windows/System32/config/SYSTEM", evidence.TraceShimcache, program, 330, "41aaea70b0b5fc5b"},
		{"SYSTEM_2", "Windows/System32/config/SYSTEM", evidence.TraceShimcache, program, 111, "00edaba665818fea"},
		{"SYSTEM_B", "Windows/System32/config/SYSTEM", evidence.TraceShimcache, program, 279, "d6aae78df721277e"},
		{"SYSTEM_B", "Windows/System32/config/SYSTEM", evidence.TraceBAM, name, 28, "39aa2efc9232b622"},
		{"SYSTEM_WIN_10_1709", "Windows/System32/config/SYSTEM", evidence.TraceShimcache, program, 868, "a9ca26e774f23456"},
		{"SYSTEM_WIN_10_1709", "Windows/System32/config/SYSTEM", evidence.TraceBAM, name, 55, "70c9af1d77c28ce3"},
		{"amcache.hve", "Windows/AppCompat/Programs/Amcache.hve", evidence.TraceAmcache, hash, 1367, "f7e2b122388ba97e"},
		{"amcache.hve", "Windows/AppCompat/Programs/Amcache.hve", evidence.TraceAmcache, driver, 311, "bb9714484ec41856"},
		{"NTUSER.DAT", "Users/anna/NTUSER.DAT", evidence.TraceUserAssist, last, 29, "e537285200a94192"},
		{"NTUSER-WSL.DAT", "Users/anna/NTUSER.DAT", evidence.TraceUserAssist, last, 34, "24ee92af55b2d100"},
		{"NTUSER_BAGMRU.DAT", "Users/anna/NTUSER.DAT", evidence.TraceUserAssist, last, 155, "4a133c689a170ab9"},
		{"NTUSER_with_winscp.DAT", "Users/anna/NTUSER.DAT", evidence.TraceUserAssist, last, 136, "9d17893d204afa5c"},
	} {
		out := collected(t, source(evidencetest.Tree{c.path: corpus(t, c.hive)}))
		for _, gap := range out.Gaps() {
			if strings.Contains(gap.Missed.Detail, errShim.Error()) {
				t.Errorf("%s: %v", c.hive, gap.Missed)
			}
		}
		count, sum, lines := digest(out, c.kind, c.tell)
		if count != c.count || sum != c.sum {
			t.Errorf("%s: %s: %d traces, digest %s; want %d, %s", c.hive, c.kind, count, sum, c.count, c.sum)
			t.Log(strings.Join(lines, "\n"))
		}
	}
}
