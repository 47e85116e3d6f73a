package postern_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/collect"
	"postern/report"
)

// TestWorkersChangeNothing: the report is the same byte for byte however many
// workers read the logs, and in blocks of whatever size.
func TestWorkersChangeNothing(t *testing.T) {
	pile := t.TempDir()
	fillPile(t, pile)
	f := func(dir string, asOf time.Time) {
		t.Helper()
		body := func(opt collect.Options) string {
			doc := examineBy(t, dir, asOf, nil, opt)
			doc.Run = report.Run{}
			text, err := json.MarshalIndent(doc, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		want := body(collect.Options{Workers: 1, InOrder: true, Block: 64 << 20})
		for _, opt := range []collect.Options{{Workers: 1, Block: 1500}, {Workers: 2, Block: 8000}, {Workers: 3, Block: 1000}, {Workers: 8, Block: 3000}, {}} {
			if got := body(opt); got != want {
				t.Errorf("%s: another report with %+v", dir, opt)
			}
		}
		if dir == pile && !strings.Contains(want, `"rule"`) {
			t.Error("nothing found, so nothing is compared")
		}
	}
	f(pile, clock)
	for name := range asOf {
		f(filepath.Join("examples", name, "evidence"), asOf[name])
	}
}

// fillPile writes logs of every kind: those of the corpora, where they are, and
// one of a web server with attacks all over it.
func fillPile(t *testing.T, dir string) {
	t.Helper()
	var found []string
	for _, folder := range []string{"iis", "access/apache", "access/nginx-json", "smartermail/Logs"} {
		some, err := filepath.Glob(filepath.Join("../shared/corpora", folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, some...)
	}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), data[:min(len(data), 400_000)], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	log.WriteString("#Software: Microsoft Internet Information Services 10.0\n#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent)\n")
	at := time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)
	for i := range 6000 {
		at = at.Add(time.Duration(i*7919%41) * time.Second)
		path := "/interface/root"
		if i%61 == 0 {
			path = "/api/v1/auth/force-reset-password"
		}
		fmt.Fprintf(&log, "%s 198.51.100.%d POST %s - %d curl/8\n", at.Format(time.DateTime), i%200, path, 200+i%3*100)
	}
	if err := os.WriteFile(filepath.Join(dir, "u_ex260117.log"), []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
