package detect

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"

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
	paths := 0
	for i := range p.Indicators {
		ind := &p.Indicators[i]
		for _, c := range ind.Match.Where {
			if ind.Kind != pack.OnEvent || c.Role != evidence.RolePath || c.Field != "" || c.Negate || c.Op == pack.OpRegexp || c.Op == pack.OpEmpty {
				continue
			}
			for _, path := range c.Values {
				paths++
				off, on := engineOf(t, Options{}, p).Begin(&evidence.Source{}), engineOf(t, Options{}, p).Begin(&evidence.Source{})
				find := on.engine.Interest().Prefilter
				n := int64(0)
				for _, spelling := range spelled("/" + strings.Trim(path, "/") + "/end.x") {
					for _, method := range []string{"GET", "POST"} {
						for _, query := range []string{"-", "a=..%2f..%5cx.json", "a=%252e%252e/x"} {
							n++
							e := row(s, n, noon, method, strings.TrimSuffix(spelling, "/end.x"), query, "192.0.2.1", "x", "200")
							feed(t, off, e)
							feed(t, on, prefiltered(find, e))
						}
					}
				}
				without, with := off.Result(now), on.Result(now)
				if !reflect.DeepEqual(without, with) {
					t.Errorf("%s %s\noff: %s\non:  %s", ind.ID, path, summary(without), summary(with))
				}
			}
		}
	}
	if paths < 5 {
		t.Errorf("%d paths tried: the pack names more", paths)
	}
}

// TestShippedReset: an answered password reset is a success where the build has
// the hole, a lead once it was proven fixed (a user with an expired password),
// and an open attempt where nobody can say.
func TestShippedReset(t *testing.T) {
	f := func(build string, want verdict.Class, severity verdict.Severity) {
		t.Helper()
		x := engineOf(t, Options{}, shipped(t)).Begin(&evidence.Source{})
		feed(t, x, row(webSchema(), 1, noon, "POST", "/api/v1/auth/force-reset-password", "-", "192.0.2.1", "x", "200"))
		installed(t, x, evidence.Installation{Product: "smartermail", Signals: []evidence.Signal{exe(build)},
			Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date("2026-01-16")}}})
		got := finding(x.Result(now), "reset.request")
		if got == nil || got.Class != want || got.Severity != severity {
			t.Errorf("%s: %+v, want class %s, severity %s", build, got, want, severity)
		}
	}
	f("100.0.9504", verdict.Success, verdict.High)
	f("100.0.9511", verdict.Lead, verdict.Low)
	f("", verdict.Attempt, verdict.High)
}
