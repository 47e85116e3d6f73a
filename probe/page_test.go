package probe

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

func TestBuildOfTicks(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"639035080380000000", "9504"}, // 2026-01-08 22:27, SmarterMail build 9504
		{"630822816000000000", ""},     // 2000-01-01, day zero
		{"630823680000000000", "1"},
		{"621355968000000000", ""},  // 1970
		{"999999999999999999", ""},  // year 3169
		{"9999999999999999999", ""}, // beyond 63 bits
		{"", ""}, {"1e17", ""}, {"-1", ""},
	} {
		if got := buildOfTicks(c.in); got != c.want {
			t.Errorf("buildOfTicks(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	for _, day := range []string{"2018-12-11 6919", "2026-04-24 9610", "2026-09-03 9742"} {
		date, build, _ := strings.Cut(day, " ")
		at, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		for _, clock := range []time.Duration{0, 24*time.Hour - time.Second} {
			ticks := (at.Add(clock).Unix())*10_000_000 + ticksAtUnixEpoch
			if got := buildOfTicks(strconv.FormatInt(ticks, 10)); got != build {
				t.Errorf("%s %v: build %q", day, clock, got)
			}
		}
	}
}

func TestCopyrightYearIsNoVersion(t *testing.T) {
	for name, product := range recipes(t) {
		for _, request := range product.Web.Requests {
			got, ours := readPage(reader{"smartermail", request}, evidence.Ref{}, []byte(pageNoBuild))
			if ours && (got.builds || got.signals[0].Version != "") {
				t.Errorf("%s, %s: %+v", name, request.Path, got)
			}
		}
	}
}

func TestPagesOfTheProduct(t *testing.T) {
	for name, product := range recipes(t) {
		for _, c := range []struct {
			path, body string
			want       []string
		}{
			{"/interface/root", page9504, []string{"100.0.9504", "9504 (Jan 8, 2026)", "9504"}},
			{"/interface/root", page6919, []string{"100.0.6919", "6919 (Dec 11, 2018)", "100.0.6919.30414"}},
			{"/interface/root", pageNoBuild, []string{""}},
			{"/interface/root", pageForeign, nil},
			{"/api/v1/licensing/about", about6919, []string{"100.0.6919"}},
			{"/api/v1/auth/login-settings", settings, []string{""}},
			{"/Login.aspx", page15, []string{"15.7.6856"}},
		} {
			i := slices.IndexFunc(product.Web.Requests, func(r evidence.PageRequest) bool { return r.Path == c.path })
			if i < 0 {
				t.Errorf("%s: %s is not asked for", name, c.path)
				continue
			}
			got, _ := readPage(reader{product.ID, product.Web.Requests[i]}, evidence.Ref{}, []byte(c.body))
			var versions []string
			for _, s := range got.signals {
				versions = append(versions, s.Version)
			}
			if !slices.Equal(versions, c.want) {
				t.Errorf("%s, %s: %q, want %q", name, c.path, versions, c.want)
			}
		}
	}
}

func TestDisagreeingReadingsAreAllKept(t *testing.T) {
	body := `<html ng-app="smartermail"> stProductVersion = "100.0.9610" <link href="login-v-100.0.9504.1.css">`
	got, ours := readPage(reader{"smartermail", smartermail().Web.Requests[0]}, evidence.Ref{}, []byte(body))
	if !ours || len(got.signals) != 2 {
		t.Errorf("reading %+v", got)
	}
}

func TestACompileTimeIsWeakerThanAVersion(t *testing.T) {
	const ticks = ` var cssVersion = "639035080380000000"` // 9504
	f := func(body, versions string, notes int) {
		t.Helper()
		got, _ := readPage(reader{"smartermail", smartermail().Web.Requests[0]}, evidence.Ref{}, []byte(`<html ng-app="smartermail">`+body+ticks))
		var all []string
		for _, s := range got.signals {
			all = append(all, s.Version)
		}
		if strings.Join(all, " ") != versions || len(got.notes) != notes {
			t.Errorf("%s: %q, notes %q", body, all, got.notes)
		}
	}
	f("", "9504", 0)
	f(`stProductVersion = "100.0.9504"`, "100.0.9504 9504", 0)
	f(`stProductVersion = "100.0.9610"`, "100.0.9610", 1)
	f(`stProductVersion = "100.0.9406"`, "100.0.9406", 1)
}

func FuzzReadPage(f *testing.F) {
	for _, body := range []string{page9504, page6919, page9610, pageNoBuild, pageCluster, page15, pageForeign, about6919, settings, "", "\x00\xff"} {
		f.Add([]byte(body))
	}
	requests := smartermail().Web.Requests
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, request := range requests {
			got, ours := readPage(reader{"smartermail", request}, evidence.Ref{Path: "http://h:80/"}, body)
			if !ours {
				continue
			}
			if len(got.signals) == 0 {
				t.Fatal("the product without a signal")
			}
			for _, s := range got.signals {
				if got.builds != (s.Version != "") || len(s.Version) > maxWord {
					t.Errorf("signal %+v", s)
				}
				if int(s.Ref.At) > len(body) || !strings.HasPrefix(string(body[s.Ref.At:]), s.Ref.Text) || len(s.Ref.Text) > maxText {
					t.Errorf("reference %+v", s.Ref)
				}
			}
		}
	})
}
