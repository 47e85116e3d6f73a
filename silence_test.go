package postern_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
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
			root := filepath.Join("examples", name, "evidence")
			files := filesOf(t, root)
			for _, at := range []time.Time{taken, {}} { // said, and left for the evidence to tell
				whole := answers(examine(t, root, at, nil))
				if !at.IsZero() {
					for _, f := range files {
						for way := range hurts {
							hold(t, whole, root, at, map[string]string{f: way})
						}
					}
				}
				dice := rand.New(rand.NewPCG(1, uint64(len(files))))
				for range rounds {
					harm := map[string]string{}
					for range 2 + dice.IntN(6) {
						harm[files[dice.IntN(len(files))]] = []string{"remove", "cut", "empty", "unreadable"}[dice.IntN(4)]
					}
					hold(t, whole, root, at, harm)
				}
			}
		})
	}
}

// hurts are the ways to harm a file of a copied tree; unreadable is done by the
// tree that is opened, because the examiner may be root.
var hurts = map[string]func(path string) error{
	"remove":     os.Remove,
	"empty":      func(p string) error { return os.Truncate(p, 0) },
	"unreadable": nil,
	"cut": func(p string) error {
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		return os.Truncate(p, info.Size()*2/3)
	},
}

// hold harms a copy of root, examines it and compares the answers.
func hold(t *testing.T, whole map[string]string, root string, at time.Time, harm map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "evidence")
	if err := os.CopyFS(dir, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	denied := map[evidence.Name]bool{}
	for f, way := range harm {
		if do := hurts[way]; do == nil {
			denied[evidence.Name(f)] = true
		} else if err := do(filepath.Join(dir, filepath.FromSlash(f))); err != nil {
			t.Fatal(err)
		}
	}
	hurt := answers(examine(t, dir, at, func(src *evidence.Source) { src.Files = denying{src.Files, denied} }))
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
