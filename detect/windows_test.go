package detect

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/eventlog/evtx"
	"postern/eventlog/winjson"
	"postern/evidence"
	"postern/pack"
)

// corpora is where other people's data lies.
const corpora = "../../shared/corpora"

// alerts holds one Windows event log against an engine's rules: how often each
// matched, by id.
func alerts(t testing.TB, e *Engine, name string) map[string]int64 {
	t.Helper()
	return alertsBy(t, e, name, e.Interest().Prefilter)
}

func alertsBy(t testing.TB, e *Engine, name string, find evidence.Prefilter) map[string]int64 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := e.Begin(windows())
	lane := x.Lane(evidence.Ref{Collector: "logs", Path: name})
	opt := evtx.Options{Ref: evidence.Ref{Collector: "logs", Path: name}, Prefilter: find}
	if strings.HasSuffix(name, ".json") {
		_, err = winjson.Read(context.Background(), f, winjson.Options{Options: opt, Zone: time.UTC}, lane.Events)
	} else {
		_, err = evtx.Read(context.Background(), f, opt, lane.Events)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := lane.Close(); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for key, b := range x.tally.buckets {
		counts[key.rule.ID] += b.count
	}
	return counts
}

// windowsRules are SigmaHQ's rules for Windows, the emerging threats among them.
func windowsRules(t testing.TB) []pack.TextFile {
	t.Helper()
	all := rulesIn(t, "sigma/rules/windows", ".yml")
	for _, folder := range []string{"sigma/rules-emerging-threats", "sigma/rules-threat-hunting"} {
		for _, f := range rulesIn(t, folder, ".yml") {
			if bytes.Contains(f.Text, []byte("product: windows")) || bytes.Contains(f.Text, []byte("category: antivirus")) {
				all = append(all, f)
			}
		}
	}
	return all
}

// TestRegression: each rule of SigmaHQ's regression data matches the log beside
// it as often as its authors say at least.
func TestRegression(t *testing.T) {
	index, err := os.ReadFile(corpora + "/sigma/regression-dev.tsv")
	if err != nil {
		t.Skipf("no corpora: %v", err)
	}
	e := ownEngine(t, Own{Sigma: windowsRules(t)})
	pairs, met := 0, 0
	for line := range strings.Lines(string(index)) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(cells) < 6 {
			continue
		}
		pairs++
		least, err := strconv.ParseInt(cells[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		log := filepath.Join(corpora, "sigma", cells[4])
		all := alerts(t, e, log)
		if exported := alerts(t, e, strings.TrimSuffix(log, ".evtx")+".json"); !maps.Equal(all, exported) {
			t.Errorf("%s: the log gives %v, its export %v", log, all, exported)
		}
		if got := all[cells[0]]; got >= least {
			met++
		} else {
			t.Errorf("%s: %d matches, want %d: %s", cells[0], got, least, cells[3])
		}
	}
	t.Logf("%d of %d pairs match", met, pairs)
}

// eventLogs lists logs of recorded attacks.
func eventLogs(t testing.TB) (all []string) {
	t.Helper()
	err := filepath.WalkDir(corpora+"/evtx/mitre", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.EqualFold(filepath.Ext(name), ".evtx") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Skipf("no corpora: %v", err)
	}
	return all
}

// TestWindowsAsked: a rule for Windows is no gap of its rule set, and has the
// logs of a selection asked for.
func TestWindowsAsked(t *testing.T) {
	e := ownEngine(t, Own{Sigma: []pack.TextFile{{File: "w.yml", Text: []byte("title: w\nid: w\nlogsource: {product: windows, category: process_creation}\ndetection:\n  s: {Image|endswith: whoami.exe}\n  condition: s\n")}}})
	if len(e.unread)+len(e.fieldless) > 0 || len(e.Begin(windows()).Coverage()) > 0 {
		t.Errorf("unread %d, without fields %d, gaps %v", len(e.unread), len(e.fieldless), e.Begin(windows()).Coverage())
	}
	logs := e.Interest().Logs
	if last := logs[len(logs)-1]; last.ID != evtx.Format || len(last.Folders) == 0 {
		t.Errorf("asked for %+v", logs)
	}
}

// TestMitre: SigmaHQ's rules raise an alert in as many files of recorded attacks
// as an independent evaluator finds, and the same ones without the prefilter.
func TestMitre(t *testing.T) {
	e := ownEngine(t, Own{Sigma: rulesIn(t, "sigma/rules/windows", ".yml")})
	files, hit := 0, 0
	for _, name := range eventLogs(t) {
		files++
		found := alerts(t, e, name)
		if len(found) > 0 {
			hit++
		}
		if all := alertsBy(t, e, name, nil); !testing.Short() && !maps.Equal(found, all) {
			t.Errorf("%s: %v with the prefilter, %v without", name, found, all)
		}
	}
	t.Logf("alerts in %d of %d files", hit, files)
	if hit < 158 {
		t.Errorf("alerts in %d of %d files, want 158", hit, files)
	}
}

// BenchmarkWindows is all of SigmaHQ's rules for Windows over recorded attacks,
// decoding included.
func BenchmarkWindows(b *testing.B) {
	e := ownEngine(b, Own{Sigma: rulesIn(b, "sigma/rules/windows", ".yml")})
	var files [][]byte
	size := 0
	for _, name := range eventLogs(b) {
		text, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, text)
		size += len(text)
	}
	b.SetBytes(int64(size))
	var records int64
	for b.Loop() {
		x := e.Begin(windows())
		for _, text := range files {
			lane := x.Lane(evidence.Ref{Path: "log"})
			got, err := evtx.Read(b.Context(), bytes.NewReader(text), evtx.Options{Prefilter: e.Interest().Prefilter}, lane.Events)
			if err != nil || lane.Close() != nil {
				b.Fatal(err)
			}
			records += got.Records
		}
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "events/s")
}

// TestWindowsColumns: an event of an older system that lacks what a pack's rule
// needs is a gap of that log.
func TestWindowsColumns(t *testing.T) {
	e := engineOf(t, Options{}, shipped(t))
	s := evidence.NewSchema(evtx.Format, "Image", "CommandLine")
	s.Source = evidence.LogSource{Product: "windows", Category: "process_creation"}
	if got := e.program(s).blind; !slices.Equal(got, []string{"ParentImage"}) {
		t.Errorf("lacking: %q", got)
	}
	s = evidence.NewSchema(evtx.Format, "Image", "CommandLine", "ParentImage")
	s.Source = evidence.LogSource{Product: "windows", Category: "process_creation"}
	if got := e.program(s).blind; len(got) > 0 {
		t.Errorf("lacking: %q", got)
	}
}
