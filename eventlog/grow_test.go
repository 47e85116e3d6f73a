package eventlog

import (
	"errors"
	"strings"
	"testing"

	"postern/evidence"
)

// TestGrowing: a log that is written while it is read is read to the end of its
// last line; one that somebody cut short or rewrote is a gap.
func TestGrowing(t *testing.T) {
	const head = "#Fields: date time c-ip cs-method\n"
	line := func(clock string) string { return "2026-01-17 " + clock + " 192.0.2.7 GET\n" }
	old := head + line("10:00:00") + line("10:00:01")
	f := func(what, before, after string, now func(*memory), events int, missed string) {
		t.Helper()
		in := text("u_ex260117.log", before)
		in.Again = func() (evidence.File, error) {
			if after == "" {
				return nil, errors.New("gone")
			}
			return file(after), nil
		}
		if now != nil {
			now(in.File.(*memory))
		}
		s := readAs(t, layout("w3c"), in)
		if len(s.events) != events || s.missed() != missed {
			t.Errorf("%s: %d events, missed %q (%s)", what, len(s.events), s.missed(), s.details())
		}
		for i := range s.rows {
			if missed == "" && s.rows[i].SHA256 == "" {
				t.Errorf("%s: no hash", what)
			}
		}
	}
	f("no growth", old, old, nil, 2, "")
	f("lines more", old, old+line("10:00:02"), nil, 2, "")
	f("the last line is open, and then whole", old[:len(old)-9], old+line("10:00:02"), nil, 2, "")
	f("it stays open", old[:len(old)-4], old[:len(old)-2], nil, 2, "truncated")
	f("another log took its name", old[:len(old)-4], strings.ReplaceAll(old, "2026", "2027"), nil, 2, "truncated")
	f("its name is gone", old[:len(old)-4], "", nil, 2, "truncated")
	f("cut short while it was read", old, old, func(m *memory) { m.size += 100 }, 2, "truncated")
	f("rewritten while it was read", old, old, func(m *memory) {
		m.later = []byte(strings.ReplaceAll(old, "Fields", "fields"))
	}, 2, "truncated")
}
