package verdict

import (
	"slices"
	"strings"
	"testing"

	"postern/evidence"
)

// front is the log of a server that stands before the product: of its family,
// without being needed for itself.
var front = evidence.LogFormat{ID: "front", Family: web.Family, Layout: "ncsa", Parts: evidence.CompromisedThen}

// TestServerInFront: where the product has no web log of its own, that of the
// server in front of it is one, and a day missing from it is a gap. Where it has
// one, the other neither fills its holes nor makes new ones.
func TestServerInFront(t *testing.T) {
	all := append(slices.Clone(formats), front)
	f := func(name string, want Answer, gap string, cover ...[]evidence.Coverage) {
		t.Helper()
		rows := slices.Concat(append(cover, logsOf(admin, "Logs", "2025-10-09", "2026-11-22"), []evidence.Coverage{walked()})...)
		asked := askedOf(evidence.KindTree)
		families, _ := Families(asked, all, rows)
		then := Judge(asked, all, nil, nil, append(rows, families...)).Compromised.Then
		if then.Answer != want || !strings.Contains(strings.Join(then.Gaps, "\n"), gap) {
			t.Errorf("%s: %s, want %s; gaps %q", name, then.Answer, want, then.Gaps)
		}
	}
	iis := func(without ...string) []evidence.Coverage {
		return logsOf(web, "W3SVC1", "2025-10-09", "2026-11-22", without...)
	}
	nginx := func(from string, without ...string) []evidence.Coverage {
		return logsOf(front, "nginx", from, "2026-11-22", without...)
	}
	f("alone", NoneSeen, "", nginx("2025-10-09"))
	f("alone, a day missing", Unknown, "409 of 410 days", nginx("2025-10-09", "2026-02-02"))
	f("alone, short", Unknown, "window", nginx("2026-01-01"))
	f("short, beside the product's own", NoneSeen, "", nginx("2026-01-01"), iis())
	f("whole, beside a hole in the product's own", Unknown, "2026-02-02", nginx("2025-10-09"), iis("2026-02-02"))
	other := nginx("2025-10-09")
	for i := range other {
		other[i].Family = ""
	}
	f("of other sites", Unknown, "absent", other)
}
