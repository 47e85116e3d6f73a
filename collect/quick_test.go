package collect

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestQuicken(t *testing.T) {
	f := func(pattern, literal string, suffixes ...string) {
		t.Helper()
		q := quicken([]*regexp.Regexp{regexp.MustCompile(pattern)})[0]
		slices.Sort(q.suffixes)
		slices.Sort(suffixes)
		if q.literal != literal || !slices.Equal(q.suffixes, suffixes) {
			t.Errorf("%s: %q %q", pattern, q.literal, q.suffixes)
		}
	}
	f(`(^|/)inetpub/wwwroot/.*\.(aspx|ashx|asp)$`, "inetpub/wwwroot/", ".aspx", ".ashx", ".asp")
	f(`(?i)^\d{4}-Administrative(?:log)?\.log(?:\.zip)?$`, "-administrative", "-administrative.log", "-administrative.log.zip", "-administrativelog.log", "-administrativelog.log.zip")
	f(`^/etc/cron\.d/[^/]+$`, "/etc/cron.d/")
	f(`[ab]x$`, "x", "ax", "bx")
	f(`a|b`, "")
	f(`(?m)x$`, "x")
	f(`x?$`, "")
	f(`(ab){0,2}c`, "c")
}

// FuzzQuick: the tests before a pattern may spare work, never a
// match.
func FuzzQuick(f *testing.F) {
	f.Add(`(^|/)inetpub/.*\.(aspx|ashx|asp)$`, "c:/inetpub/a.aspx")
	f.Add(`(?i)^u_ex\d{6}(?:_x)?\.log(\.gz)?$`, "u_ex260117_x.log")
	f.Add(`(?i)task$`, "tas\u212a")
	f.Add(`(a|b|)c{2,3}$`, "xacc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := regexp.Compile(pattern)
		if err != nil || len(pattern) > 100 {
			return
		}
		name = strings.ToLower(name)
		if p.MatchString(name) && !matchesAny(quicken([]*regexp.Regexp{p}), name) {
			t.Errorf("%s matches %q and was not tried", pattern, name)
		}
	})
}
