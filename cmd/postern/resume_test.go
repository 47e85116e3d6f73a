package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/report"
)

// TestKilledAndResumed: a run that is killed at random moments, and run again
// each time, ends with the report of a run that nobody disturbed.
func TestKilledAndResumed(t *testing.T) {
	dir := t.TempDir()
	logs, kept := filepath.Join(dir, "logs"), filepath.Join(dir, "kept")
	pileOfLogs(t, logs)
	list := filepath.Join(dir, "bad.txt")
	if err := os.WriteFile(list, []byte("198.51.100.7\n203.0.113.0/24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(more ...string) *exec.Cmd {
		return exec.Command("postern", append([]string{"check", logs, "--ioc", list, "--as-of", "2026-02-20", "--time-zone", "Europe/Berlin", "--json"}, more...)...)
	}
	started := time.Now()
	want := answer(t, check("--now", "2026-03-01T00:00:00Z"))
	took := time.Since(started)
	if len(want.Targets[0].Findings) == 0 {
		t.Fatal("nothing is found, so nothing is compared")
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 2 {
		killed := 0
		for range 4 {
			run := check("--resume", kept, "--now", "2026-03-01T00:00:00Z")
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(took/10 + time.Duration(random.Int64N(int64(took))))
			if run.Process.Kill() == nil {
				killed++
			}
			if err := run.Wait(); err == nil {
				t.Error("it ends with 0, and there are findings")
			}
		}
		info, err := os.Stat(kept)
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("others may read what was kept: %v", info.Mode())
		}
		got := answer(t, check("--resume", kept, "--now", "2026-04-01T00:00:00Z")) // what is kept is of the first run's clock
		if killed == 0 || got.Run.Resumed != (err == nil) {
			t.Errorf("round %d: killed %d times, resumed %v, %v", round, killed, got.Run.Resumed, err)
		}
		if err == nil && got.Run.BodySHA256 != want.Run.BodySHA256 {
			t.Errorf("round %d: another report:\n%s", round, differences(t, want, got))
		}
		if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("round %d: what was kept is still there: %v", round, err)
		}
	}
}

// TestOwnFacts: what the operator brings is told by what was read of it, wherever
// its path leads.
func TestOwnFacts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	files := map[string]string{
		"rules/a.yml": "title: a\n", "yara/a.yar": "rule a { condition: true }\n", "values/admins.txt": "ann\n",
		"lists/a.txt": "198.51.100.7\n", "lists/b.json": `{"type": "bundle", "objects": [{"type": "indicator", "id": "indicator--1", "name": "b",
			"pattern_type": "stix", "pattern": "[ipv4-addr:value = '203.0.113.7']", "valid_from": "2026-01-01T00:00:00Z"}]}`,
	}
	for name, text := range files {
		write(name, text)
		folder := filepath.Dir(name)
		if err := os.Symlink(filepath.Join(dir, folder), filepath.Join(dir, folder+" link")); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Skip(err)
		}
	}
	facts := func() string {
		link := func(name string) []string {
			return []string{filepath.Join(dir, name+" link") + string(filepath.Separator)}
		}
		own, err := readOwn(link("rules"), link("values"), link("yara"), link("lists"), false, nil)
		if err != nil || len(own.Lists[0].Entries) != 2 {
			t.Fatal(err, own.Lists)
		}
		return fmt.Sprint(ownFacts(&own))
	}
	want := facts()
	if again := facts(); again != want {
		t.Errorf("read again it is\n%s, not\n%s", again, want)
	}
	for name, more := range map[string][2]string{
		"rules/a.yml": {"a", "b"}, "yara/a.yar": {"true", "false"}, "values/admins.txt": {"ann", "bob"},
		"lists/a.txt": {"7", "8"}, "lists/b.json": {"2026-01-01", "2026-01-02"},
	} {
		write(name, strings.Replace(files[name], more[0], more[1], 1))
		if facts() == want {
			t.Errorf("%s: nobody sees that it is another", name)
		}
		write(name, files[name])
	}
}

// answer runs a command to its end.
func answer(t *testing.T, cmd *exec.Cmd) *report.Report {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || len(r.Targets) != 1 {
		t.Fatalf("%v\n%s\n%s", err, stdout.String(), stderr.String())
	}
	return &r
}

func differences(t *testing.T, want, got *report.Report) string {
	t.Helper()
	lines := func(r *report.Report) []string {
		text, err := json.MarshalIndent(r.Targets, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(text), "\n")
	}
	w, g := lines(want), lines(got)
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\ngot  %s\nwant %s", i, strings.Join(g[i:min(len(g), i+4)], "\n"), strings.Join(w[i:min(len(w), i+4)], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// pileOfLogs writes logs of several kinds, one of them large.
func pileOfLogs(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)
	var web, access, mail bytes.Buffer
	web.WriteString("#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status\r\n")
	for i := range 100_000 {
		at = at.Add(time.Second * time.Duration(i*7919%41))
		path := "/interface/root"
		if i%997 == 0 {
			path = "/api/v1/auth/force-reset-password"
		}
		fmt.Fprintf(&web, "%s 192.0.2.10 POST %s a=%d 443 - 198.51.100.%d Mozilla/5.0+(Windows+NT+10.0) %d\r\n", at.Format(time.DateTime), path, i, i%250, 200+i%3*100)
		if i%4 == 0 {
			fmt.Fprintf(&access, "198.51.100.%d - - [%s] \"POST %s HTTP/1.1\" %d 5 \"-\" \"curl\"\n", i%200, at.Format("02/Jan/2006:15:04:05 -0700"), path, 200+i%2*200)
			fmt.Fprintf(&mail, "%02d:%02d:%02d.%03d [198.51.100.%d] Webmail Login successful: With user someone%d@example.org\r\n", i/4/3600%24, i/4/60%60, i/4%60, i%1000, i%250, i%40)
		}
	}
	write("u_ex260117.log", web.Bytes())
	write("access.log", access.Bytes())
	write("2026.01.17-administrative.log", mail.Bytes())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(access.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write("access.log.1.gz", packed.Bytes())
	for i := range 20 {
		write(fmt.Sprintf("2026.01.%02d-delivery.log", i+1), []byte("10:00:00.000 [1] a\r\n"))
	}
}
