package postern_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/report"
)

// TestSilenceIsNeverSafety is the law of the house as a property: evidence
// taken away, cut, emptied or made unreadable never turns yes or unknown into
// none-seen or no. Every file of every example is hurt alone in every way, then
// random handfuls are.
func TestSilenceIsNeverSafety(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 2
	}
	for name, taken := range asOf {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), name, "evidence")
			if err := os.CopyFS(root, os.DirFS(filepath.Join("examples", name, "evidence"))); err != nil {
				t.Fatal(err)
			}
			files := filesOf(t, root)
			for _, at := range []time.Time{taken, {}} { // said, and left for the evidence to tell
				whole := answers(examine(t, root, at, nil))
				if !at.IsZero() {
					for _, f := range some(files) {
						for way := range hurts {
							hold(t, whole, root, at, nil, map[string]string{f: way})
						}
					}
					for _, dir := range foldersOf(files) {
						hold(t, whole, root, at, nil, map[string]string{dir: "remove"})
					}
				}
				dice := rand.New(rand.NewPCG(1, uint64(len(files))))
				for range rounds {
					harm := map[string]string{}
					for range 2 + dice.IntN(6) {
						harm[files[dice.IntN(len(files))]] = []string{"remove", "cut", "empty", "unreadable"}[dice.IntN(4)]
					}
					hold(t, whole, root, at, nil, harm)
				}
			}
		})
	}
}

// some are all files, and a few of them under the race detector.
func some(files []string) []string {
	if !underRace {
		return files
	}
	var few []string
	for i := 0; i < len(files); i += 8 {
		few = append(few, files[i])
	}
	return few
}

// TestSilenceOverFullLogs: the examples' logs fall short of the window, so that
// their gaps alone keep the answer unknown. Here every day is covered, without
// the attack nothing is seen, and the attack stands in both families' logs of
// one day: no single loss may hide it, nor a handful that takes whole files.
func TestSilenceOverFullLogs(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 10, 20, 0, 0, 0, 0, time.UTC)
	quiet, hit := filepath.Join(t.TempDir(), "quiet", "evidence"), filepath.Join(t.TempDir(), "hit", "evidence")
	writeLogs(t, quiet, false)
	writeLogs(t, hit, true)
	if got := answers(examine(t, quiet, at, inUTC))["0 then"]; got != "none-seen" {
		t.Fatalf("without an attack then is %s: this test could not fail", got)
	}
	whole := answers(examine(t, hit, at, inUTC))
	if got := whole["0 then"]; got != "yes" {
		t.Fatalf("with an attack then is %s", got)
	}
	files := filesOf(t, hit)
	for _, f := range some(files) {
		for way := range hurts {
			hold(t, whole, hit, at, inUTC, map[string]string{f: way})
		}
	}
	for _, dir := range foldersOf(files) {
		hold(t, whole, hit, at, inUTC, map[string]string{dir: "remove"})
	}
	dice := rand.New(rand.NewPCG(2, 2))
	for range 30 {
		harm := map[string]string{}
		for range 2 + dice.IntN(12) {
			harm[files[dice.IntN(len(files))]] = []string{"remove", "cut", "empty", "unreadable"}[dice.IntN(4)]
		}
		hold(t, whole, hit, at, inUTC, harm)
	}
}

// writeLogs writes both families' logs of the days from the window's start to
// 2025-10-19.
func writeLogs(t *testing.T, root string, attack bool) {
	t.Helper()
	write := func(path, text string) {
		path = filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for day := time.Date(2025, 10, 9, 0, 0, 0, 0, time.UTC); day.Day() < 20; day = day.AddDate(0, 0, 1) {
		admin := "08:00:01.100 [192.0.2.7] Webmail Attempting to login user: anna\r\n08:00:01.200 [192.0.2.7] Webmail Login successful: With user anna\r\n"
		row := day.Format(time.DateOnly) + " %s 192.0.2.1 %s - 443 - %s Agent/1.0 https://mail.example/ 200 0 0 12\r\n"
		web := "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n" +
			fmt.Sprintf(row, "08:00:01", "POST /api/v1/auth/authenticate-user", "192.0.2.7")
		if attack && day.Day() == 15 {
			admin += "10:51:58.000 [198.51.100.9] User @ calling auth/force-reset-password, username: admin\r\n"
			web += fmt.Sprintf(row, "10:58:42", "GET /kqzt_0.aspx", "198.51.100.9")
		}
		write("SmarterMail/Logs/"+day.Format("2006.01.02")+"-administrative.log", admin)
		write("inetpub/logs/LogFiles/W3SVC1/u_ex"+day.Format("060102")+".log", web)
	}
	for _, log := range []string{"System", "Security"} { // a record each, of the window's first day
		text, err := os.ReadFile("eventlog/evtx/testdata/" + strings.ToLower(log) + ".evtx")
		if err != nil {
			t.Fatal(err)
		}
		write("Windows/System32/winevt/Logs/"+log+".evtx", string(text))
	}
}

// inUTC says what --time-zone would.
func inUTC(src *evidence.Source) {
	src.ID.Zone = time.UTC
	src.Gaps = slices.DeleteFunc(src.Gaps, func(c evidence.Coverage) bool { return c.Missed.Reason == evidence.NoZone })
}

// foldersOf lists every folder that the files lie in.
func foldersOf(files []string) []string {
	var dirs []string
	for _, f := range files {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// hurts are the ways to harm a file of a linked tree. What is left of a file
// replaces it, so that the linked one stays whole; unreadable is done by the
// tree that is opened, because the examiner may be root.
var hurts = map[string]func(path string) error{
	"remove": os.RemoveAll,
	"empty":  func(p string) error { return keep(p, func([]byte) int { return 0 }) },
	"cut":    func(p string) error { return keep(p, twoThirds) },
	"border": func(p string) error {
		return keep(p, func(b []byte) int { return bytes.LastIndexByte(b[:twoThirds(b)], '\n') + 1 })
	},
	"unreadable": nil,
}

func twoThirds(b []byte) int { return len(b) * 2 / 3 }

// keep replaces a file by as much of its head as size says.
func keep(path string, size func([]byte) int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.WriteFile(path, data[:size(data)], 0o644)
}

// linked makes a tree of links to the files of another, which costs less than
// copying it some hundred times.
func linked(t *testing.T, root string, files []string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "evidence")
	for _, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(root, filepath.FromSlash(f)), to); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hold harms a tree linked to root, examines it as change opens it, and compares the
// answers.
func hold(t *testing.T, whole map[string]string, root string, at time.Time, change func(*evidence.Source), harm map[string]string) {
	t.Helper()
	dir := linked(t, root, filesOf(t, root))
	defer os.RemoveAll(dir)
	denied := map[evidence.Name]bool{}
	for f, way := range harm {
		if do := hurts[way]; do == nil {
			denied[evidence.Name(f)] = true
		} else if err := do(filepath.Join(dir, filepath.FromSlash(f))); err != nil {
			t.Fatal(err)
		}
	}
	hurt := answers(examine(t, dir, at, func(src *evidence.Source) {
		src.Files = denying{src.Files, denied}
		if change != nil {
			change(src)
		}
	}))
	for question, was := range whole {
		now := hurt[question]
		if (was == "yes" || was == "unknown") && (now == "none-seen" || now == "no") {
			t.Errorf("%v: %s was %s and became %s", harm, question, was, now)
		}
	}
}

// answers flattens a report's answers, the parts of compromised apart.
func answers(doc *report.Report) map[string]string {
	all := map[string]string{}
	for i, tg := range doc.Targets {
		a := tg.Answers
		all[fmt.Sprint(i, " exposed")] = string(a.Exposed.Answer)
		all[fmt.Sprint(i, " compromised")] = string(a.Compromised.Answer)
		all[fmt.Sprint(i, " now")] = string(a.Compromised.Now.Answer)
		all[fmt.Sprint(i, " then")] = string(a.Compromised.Then.Answer)
	}
	return all
}

// denying is a tree some of whose files can't be opened, as an antivirus or a
// missing permission would have it.
type denying struct {
	evidence.Tree
	denied map[evidence.Name]bool
}

func (d denying) Open(name evidence.Name) (evidence.File, error) {
	if d.denied[name] {
		return nil, &fs.PathError{Op: "open", Path: string(name), Err: fs.ErrPermission}
	}
	return d.Tree.Open(name)
}

func filesOf(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/"))
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal("no files in", root, err)
	}
	return files
}
