package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/detect"
	"postern/evidence"
)

var (
	clock = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	asked = []Fact{{"postern", "1.0"}, {"--since", "2026-01-01"}}
)

// work is one run over two logs: how far a.log and b.log are read.
type work struct {
	t       testing.TB
	journal *Journal
	run     *detect.Examination
	sink    evidence.Sink
}

func newWork(t testing.TB, j *Journal) *work {
	t.Helper()
	run := engine().Begin(&evidence.Source{})
	return &work{t, j, run, j.Of("0 logs", run, run)}
}

// engine has no rules: what lanes see, detect's own tests take through Export.
var engine = sync.OnceValue(func() *detect.Engine {
	e, _, err := detect.Compile(nil, detect.Options{Now: clock})
	if err != nil {
		panic(err)
	}
	return e
})

func row(name string, n int) evidence.Coverage {
	return evidence.Coverage{Kind: evidence.CoverLog, Path: fmt.Sprintf("%s\xff %d", name, n), Count: int64(n), Days: []evidence.Day{7}, Missed: &evidence.Missed{Reason: evidence.Hole, Detail: "x"}}
}

// readPiece reads the next piece of a log: number n, the last one if whole.
func readPiece(k evidence.Kept, name string, n int, whole bool) {
	k.Sink().Cover(row(name, n))
	k.Keep([]byte(fmt.Sprint(name, n)), whole)
}

func open(t testing.TB, path string) *Journal {
	t.Helper()
	j, err := Open(path, asked, clock)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// written is a journal of a.log read whole in one piece, and two pieces of b.log.
func written(t testing.TB, path string) []byte {
	t.Helper()
	j := open(t, path)
	w := newWork(t, j)
	readPiece(w.sink.(evidence.Keeper).Kept("a.log"), "a", 1, true)
	k := w.sink.(evidence.Keeper).Kept("b.log")
	readPiece(k, "b", 1, false)
	readPiece(k, "b", 2, false)
	k.Sink().Cover(row("b", 3))
	k.Keep(nil, false) // seen, and not kept
	if got := len(w.run.Coverage()); got != 4 {
		t.Fatalf("%d rows reached the sink, want 4", got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// takenOver opens a journal and tells what it has: "a1! b2", and demands that what
// it gives is just that.
func takenOver(t testing.TB, path string) (string, error) {
	t.Helper()
	j, err := Open(path, asked, clock.Add(time.Hour))
	if err != nil {
		return "", err
	}
	defer j.file.Close() // not forced to the disk: there are hundreds of them
	w := newWork(t, j)
	var all []string
	rows := 0
	for _, name := range []string{"a", "b"} {
		k := w.sink.(evidence.Keeper).Kept(evidence.Name(name + ".log"))
		state, whole := k.State()
		if state == nil {
			continue
		}
		if err := k.TakeOver(); err != nil {
			return "", err
		}
		told := string(state)
		rows += int(told[1] - '0')
		if whole {
			told += "!"
		}
		all = append(all, told)
	}
	cover := w.run.Coverage()
	if len(cover) != rows {
		t.Fatalf("%q: %d rows", all, len(cover))
	}
	for _, c := range cover {
		if want := fmt.Sprintf("%+v", row(c.Path[:1], int(c.Count))); fmt.Sprintf("%+v", c)[:40] != want[:40] || c.Missed == nil || c.Days[0] != 7 {
			t.Fatalf("%+v, want %s", c, want)
		}
	}
	return strings.Join(all, " "), nil
}

func TestGoOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	written(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v %v: others may read it", info.Mode(), err)
	}
	if got, err := takenOver(t, path); err != nil || got != "a1! b2" {
		t.Fatal(got, err)
	}
	j, err := Open(path, asked, clock.Add(time.Hour))
	if err != nil || !j.Resumed() || !j.Now().Equal(clock) {
		t.Fatal(err, j.Now())
	}
	w := newWork(t, j) // b.log goes on, a.log begins anew
	k := w.sink.(evidence.Keeper).Kept("b.log")
	if err := k.TakeOver(); err != nil {
		t.Fatal(err)
	}
	readPiece(k, "b", 3, true)
	readPiece(w.sink.(evidence.Keeper).Kept("a.log"), "a", 1, false)
	j.Close()
	if got, err := takenOver(t, path); err != nil || got != "a1 b3!" {
		t.Fatal(got, err)
	}
	j = open(t, path)
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestTwoAtOnce: what two runs wrote into one journal at the same time does not
// mix.
func TestTwoAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	one := open(t, path)
	two := open(t, path)
	k, l := newWork(t, one).sink.(evidence.Keeper).Kept("b.log"), newWork(t, two).sink.(evidence.Keeper).Kept("b.log")
	readPiece(k, "b", 1, false)
	l.Sink().Cover(row("b", 1))
	l.Keep([]byte("b1 of the other"), false)
	readPiece(k, "b", 2, false)
	one.Close()
	two.Close()
	j := open(t, path)
	defer j.Close()
	if state, _ := newWork(t, j).sink.(evidence.Keeper).Kept("b.log").State(); string(state) != "b1 of the other" {
		t.Errorf("%q", state)
	}
}

func TestOtherWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	written(t, path)
	for want, asked := range map[string][]Fact{
		`--since was "2026-01-01" and is "2026-01-02"; repeat the command as it was`: {{"postern", "1.0"}, {"--since", "2026-01-02"}},
		`--since was "2026-01-01" and is left out;`:                                  {{"postern", "1.0"}},
		`pack x was not there and is "7";`:                                           append([]Fact{{"pack x", "7"}}, asked...),
	} {
		if _, err := Open(path, asked, clock); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	text := filepath.Join(t.TempDir(), "notes.txt")
	for _, content := range []string{"notes", strings.Repeat("notes\n", 100), "postern.journal/2\n"} {
		if err := os.WriteFile(text, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(text, asked, clock); !errors.Is(err, ErrNone) {
			t.Error(err)
		}
		if have, err := os.ReadFile(text); err != nil || string(have) != content {
			t.Errorf("%q was written over: %q, %v", content, have, err)
		}
	}
}

// TestLink: what would be removed in the end is the link, and not what it leads to.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	for _, to := range []string{"kept", "not there"} {
		path := filepath.Join(dir, to)
		link := path + " link"
		if to == "kept" {
			written(t, path)
		}
		if err := os.Symlink(path, link); err != nil {
			t.Skip(err)
		}
		if _, err := Open(link, asked, clock); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "name the file itself") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "not there")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
}

// TestName: a source of which logs mean something else has another name.
func TestName(t *testing.T) {
	source := func(kind evidence.Kind, os evidence.OS, zone *time.Location, partial bool) string {
		return Name(0, &evidence.Source{Target: "logs", Kind: kind, Partial: partial, ID: evidence.Identity{OS: os, Zone: zone}})
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	east := func() *time.Location { return time.FixedZone("Local", 3600) }
	want := source(evidence.KindTree, "", east(), false)
	if again := source(evidence.KindTree, "", east(), false); again != want {
		t.Errorf("%q and %q", want, again)
	}
	seen := map[string]bool{want: true}
	for _, name := range []string{
		source(evidence.KindLogs, "", east(), false),
		source(evidence.KindTree, evidence.Linux, east(), false),
		source(evidence.KindTree, "", east(), true),
		source(evidence.KindTree, "", time.FixedZone("Local", 7200), false),
		source(evidence.KindTree, "", nil, false),
		source(evidence.KindTree, "", time.UTC, false),
		source(evidence.KindTree, "", berlin, false),
	} {
		if seen[name] {
			t.Errorf("two sources are %q", name)
		}
		seen[name] = true
	}
}

// TestCutAnywhere: a journal whose writer died at any byte is one of the records
// before it.
func TestCutAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	text := written(t, path)
	seen := map[string]bool{}
	for n := range len(text) + 1 {
		path := fmt.Sprint(path, n) // writing over a file again and again waits for the disk
		if err := os.WriteFile(path, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := takenOver(t, path)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		seen[got] = true
	}
	if len(seen) != 4 || !seen[""] || !seen["a1!"] || !seen["a1! b1"] || !seen["a1! b2"] {
		t.Errorf("%v", seen)
	}
}

// TestDamagedAnywhere: with any byte changed it says so, or is what it was up to
// some record.
func TestDamagedAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	text := written(t, path)
	for n := 0; n < len(text); n += 3 {
		bad := bytes.Clone(text)
		bad[n] ^= 1 << (n % 8)
		path := fmt.Sprint(path, n)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := takenOver(t, path)
		if err != nil && !errors.Is(err, ErrNone) {
			t.Fatalf("byte %d: %v", n, err)
		}
		if err == nil && !strings.HasPrefix("a1! b2", got) && got != "a1! b1" {
			t.Fatalf("byte %d: %q", n, got)
		}
	}
}

// FuzzOpen: whatever stands in the file, it is opened or refused.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	f.Add(written(f, filepath.Join(dir, "seed")))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(path, asked, clock)
		if err != nil {
			if !errors.Is(err, ErrNone) && !errors.Is(err, ErrOther) {
				t.Fatal(err)
			}
			return
		}
		defer j.file.Close()
		k := newWork(t, j).sink.(evidence.Keeper).Kept("b.log")
		if err := k.TakeOver(); err != nil && len(j.Troubles()) == 0 {
			t.Fatal("what could not be taken over is not told of")
		}
		readPiece(k, "b", 1, false)
	})
}
