package detect

import (
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/packs"
	"postern/verdict"
)

// shipped loads the pack that users get.
func shipped(t testing.TB) *pack.Pack {
	t.Helper()
	folder, err := fs.Sub(packs.Shipped(), "smartermail")
	if err != nil {
		t.Fatal(err)
	}
	p, err := pack.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestShippedBuilds: what the shipped pack says of the builds of the dossier's
// table, KEV entries first.
func TestShippedBuilds(t *testing.T) {
	p := shipped(t)
	kev := []string{"CVE-2025-52691", "CVE-2026-23760", "CVE-2026-24423"}
	f := func(text string, unknown bool, affectedKEV ...string) {
		t.Helper()
		x := engineOf(t, Options{}, p).Begin(&evidence.Source{})
		installed(t, x, evidence.Installation{Product: p.Product.ID, Signals: []evidence.Signal{exe(text)}})
		i := x.Result(now).Installations[0]
		if (statuses(i)[2] > 0) != unknown {
			t.Errorf("%q: %v", text, statuses(i))
		}
		for n, v := range i.Vulnerabilities {
			isKEV := false
			for _, id := range kev {
				isKEV = isKEV || v.ID == id
			}
			if v.KEV != isKEV || isKEV != (n < len(kev)) {
				t.Errorf("%s at %d: KEV %v", v.ID, n, v.KEV)
			}
			want := false
			for _, id := range affectedKEV {
				want = want || v.ID == id
			}
			if isKEV && !unknown && (v.Status == "affected") != want {
				t.Errorf("%q: %s is %s", text, v.ID, v.Status)
			}
		}
	}
	for _, b := range []string{"6919", "7957", "8930", "9406", "16.3.6989.16341", "15.7"} {
		f(b, false, kev...)
	}
	for _, b := range []string{"9413", "9504"} {
		f(b, false, kev[1:]...)
	}
	for _, b := range []string{"9511", "9518", "9526", "9560", "9610", "9742", "100.0.9742.26305+420ad0ab"} {
		f(b, false)
	}
	f("9900", true)
	f("", true)
}

// TestShippedRequests: every request of the shipped pack is found in every
// spelling, with the prefilter and without.
func TestShippedRequests(t *testing.T) {
	p := shipped(t)
	s := webSchema()
	for _, path := range []string{
		"/api/v1/auth/force-reset-password", "/api/v1/settings/sysadmin/connect-to-hub", "/api/v1/settings/system-admin/hub/connect", "/api/upload",
		"/api/v1/settings/sysadmin/addorupdatemount", "/api/v1/settings/sysadmin/antivirus/settings", "/api/v1/settings/sysadmin/domain-put",
		"/api/v1/filestorage/folder-patch", "/api/v1/report/summary/x", "/web/api/node-management/setup-initial-connection", "/kqzt_0.aspx",
	} {
		engine := engineOf(t, Options{}, p)
		off, on := ungated(engine.Begin(&evidence.Source{})), engine.Begin(&evidence.Source{})
		n := int64(0)
		for _, spelling := range spelled(path) {
			for _, method := range []string{"GET", "POST"} {
				for _, query := range []string{"-", "a=..%2f..%5cx.json", "a=%252e%252e/x"} {
					n++
					e := row(s, n, noon, method, spelling, query, "192.0.2.1", "x", "200")
					feed(t, off, e)
					feed(t, on, verbatim(e))
				}
			}
		}
		without, with := off.Result(now), on.Result(now)
		if !reflect.DeepEqual(without, with) {
			t.Errorf("%s\noff: %s\non:  %s", path, summary(without), summary(with))
		}
		if len(with.Findings) == 0 {
			t.Errorf("%s: nothing found", path)
		}
	}
}

// TestShippedReset: an answered password reset is a success where the build has
// the hole, which alone raises doubt (an expired password looks the same), a lead once it was proven fixed (a user with an expired password),
// and an open attempt where nobody can say.
func TestShippedReset(t *testing.T) {
	p := shipped(t)
	at := slices.IndexFunc(p.Sigma, func(f pack.SigmaFile) bool { return f.Name == "reset_request" })
	if at < 0 {
		t.Fatal("the rule is gone")
	}
	f := func(build string, want verdict.Class, severity verdict.Severity) {
		t.Helper()
		x := engineOf(t, Options{}, p).Begin(&evidence.Source{})
		feed(t, x, row(webSchema(), 1, noon, "POST", "/api/v1/auth/force-reset-password", "-", "192.0.2.1", "x", "200"))
		installed(t, x, evidence.Installation{Product: "smartermail", Signals: []evidence.Signal{exe(build)},
			Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date("2026-01-16")}}})
		got := finding(x.Result(now), p.Sigma[at].ID)
		if got == nil || got.Class != want || got.Severity != severity {
			t.Errorf("%s: %+v, want class %s, severity %s", build, got, want, severity)
		}
	}
	f("100.0.9504", verdict.Success, verdict.Medium)
	f("100.0.9511", verdict.Lead, verdict.Low)
	f("", verdict.Attempt, verdict.Medium)
}

// TestLawfulPaths: no path that lawful clients call is more than a lead of low
// severity by itself.
func TestLawfulPaths(t *testing.T) {
	text, err := os.ReadFile("../../shared/corpora/smartermail/api-paths-legitimate.txt")
	if err != nil {
		t.Skip("no corpus of lawful paths: ", err)
	}
	paths := strings.Fields(string(text))
	if len(paths) != 63 {
		t.Errorf("%d paths, want 63", len(paths))
	}
	x := engineOf(t, Options{}, shipped(t)).Begin(&evidence.Source{})
	n := int64(0)
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			for _, status := range []string{"200", "400", "401", "500"} {
				n++
				feed(t, x, row(webSchema(), n, noon.Add(time.Duration(n)*time.Hour), method, path, "-", "192.0.2.1", "x", status))
			}
		}
	}
	for _, f := range x.Result(now).Findings {
		if f.Severity != verdict.Info && (f.Class != verdict.Lead || f.Severity != verdict.Low) {
			t.Errorf("%s: %s %s, %s", f.Title, f.Class, f.Severity, f.Refs[0].Text)
		}
	}
}
