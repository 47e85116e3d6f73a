package detect

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"postern/evidence"
	"postern/ioc"
	"postern/verdict"
)

// TestWatch: every sighting is told of with its record, and comes to what the
// findings say, also where that depends on the build of its moment.
func TestWatch(t *testing.T) {
	list := strings.Builder{}
	for n := range 3 * mostNoted {
		fmt.Fprintf(&list, "192.0.%d.%d\n", n/250, n%250)
	}
	found, err := ioc.Read("bad.txt", strings.NewReader(list.String()), ioc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := engineOf(t, Options{Own: Own{Lists: []*ioc.List{found}}}, testPack(t)).Begin(windows())
	var mu sync.Mutex
	told := map[*verdict.Finding]int64{}
	x.Watch(func(s verdict.Sighting) {
		mu.Lock()
		defer mu.Unlock()
		told[s.Of]++
		if !strings.Contains(s.Ref.Text, "192.0.") || s.Ref.Time.IsZero() || s.Ref.At == 0 {
			t.Errorf("sighting %+v", s.Ref)
		}
	})
	installed(t, x, evidence.Installation{Signals: []evidence.Signal{exe("100.0.9511")}, Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date("2026-01-16")}}})
	for n := range 3 * mostNoted {
		status := []string{"200", "400"}[n%2]
		feed(t, x, row(webSchema(), int64(n+1), date("2026-01-11").AddDate(0, 0, n%10), "POST", "/api/v1/auth/force-reset-password", "-", fmt.Sprintf("192.0.%d.%d", n/250, n%250), "x", status))
	}
	want := map[string]int64{}
	for _, f := range x.Result(now).Findings {
		if f.Rule == "reset" || f.Rule == "bad.txt:peers" {
			want[f.Rule+" "+string(f.Class)+" "+string(f.Severity)] += f.Count
		}
	}
	got := map[string]int64{}
	for f, n := range told {
		got[f.Rule+" "+string(f.Class)+" "+string(f.Severity)] += n
	}
	if !maps.Equal(got, want) || len(want) < 3 {
		t.Errorf("told %v, found %v", got, want)
	}
}
