package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

// settingsPack has a place of settings and checks of it.
func settingsPack(t testing.TB) *pack.Pack {
	t.Helper()
	p := testPack(t)
	p.Places = append(p.Places, evidence.Place{ID: "settings", Paths: []*regexp.Regexp{regexp.MustCompile(`/settings/[^/]+\.json$`)}, Content: 1 << 10, Parts: evidence.CompromisedNow})
	check := func(id, class string) pack.Check {
		return pack.Check{Indicator: pack.Indicator{ID: id, Title: id, Kind: pack.OnSetting, Parts: evidence.CompromisedNow, Class: class, Severity: "high", Confidence: evidence.Confirmed}, Place: "settings"}
	}
	command, changed := check("command", "lead"), check("changed", "state")
	command.Key = regexp.MustCompile(`(?i)command`)
	changed.Name, changed.Changed = regexp.MustCompile(`/administrators\.json$`), true
	p.Checks = []pack.Check{command, changed}
	return p
}

func TestSettings(t *testing.T) {
	look := func(t *testing.T, name, text string, at time.Time, size int) Result {
		t.Helper()
		x := beginWith(t, settingsPack(t))
		o := &evidence.Observation{
			Kind: evidence.ObserveFile, Values: []string{`C:\Mail\Settings\` + name, "", fmt.Sprint(size)}, Time: at,
			Ref: evidence.Ref{Path: "Mail/Settings/" + name}, Content: bytes.NewReader([]byte(text)), Size: int64(min(len(text), 1<<10)),
		}
		if err := observe(t, x, o); err != nil {
			t.Fatal(err)
		}
		return x.Result(now)
	}
	text := `{"virus":{"command_path":"C:\\x.exe","command_line":""},"mounts":[{"Command":"cmd /c x"}]}`
	r := look(t, "settings.json", text, noon, len(text))
	f := finding(r, "command")
	if f == nil || f.Count != 2 || f.Class != verdict.Lead || f.Refs[0].Text != `virus.command_path: C:\x.exe` || f.Refs[1].Text != "mounts.0.Command: cmd /c x" || f.Refs[0].Unit != evidence.Offset {
		t.Errorf("finding %+v", f)
	}
	if finding(r, "changed") != nil {
		t.Error("another file was changed")
	}
	for at, want := range map[time.Time]bool{noon: true, date("2024-01-01"): false, {}: false} {
		if r := look(t, "administrators.json", "{}", at, 2); (finding(r, "changed") != nil) != want {
			t.Errorf("changed at %v: want found %v", at, want)
		}
	}
	for since, want := range map[string]bool{"2026-01-16": false, "2026-01-18": true} {
		p := settingsPack(t)
		p.Checks[1].Vulns = []string{"CVE-2026-23760"}
		x := beginWith(t, p)
		installed(t, x, evidence.Installation{Signals: []evidence.Signal{exe("100.0.9511")}, Changes: []evidence.Change{{Kind: evidence.ChangeBirth, At: date(since)}}})
		o := &evidence.Observation{Kind: evidence.ObserveFile, Values: []string{`C:\Mail\Settings\administrators.json`, "", "2"}, Time: noon, Ref: evidence.Ref{Path: "a"}, Content: bytes.NewReader([]byte("{}")), Size: 2}
		if err := observe(t, x, o); err != nil {
			t.Fatal(err)
		}
		if f := finding(x.Result(now), "changed"); (f != nil) != want {
			t.Errorf("fixed on %s: %+v, want found %v", since, f, want)
		}
	}
	gap := func(name, text string, size int, reason evidence.Reason) {
		t.Helper()
		for _, c := range look(t, "settings.json", text, noon, size).Coverage {
			if c.Missed != nil && c.Missed.Reason == reason && c.Parts == evidence.CompromisedNow {
				return
			}
		}
		t.Errorf("%s: no gap", name)
	}
	gap("cut", text[:40], 40, evidence.Damaged)
	gap("no settings at all", "MZ\x90\x00", 4, evidence.Damaged)
	long := `{"a":"` + string(bytes.Repeat([]byte("x"), 2000)) + `"}`
	gap("longer than was read", long, len(long), evidence.TooLarge)
}

// TestSettingsBehindAnError: what was read of a settings file before the disk gave
// up is judged, and more than its place asks for is not read.
func TestSettingsBehindAnError(t *testing.T) {
	text := `{"mounts":[{"Command":"cmd /c x"}], "more": "`
	o := &evidence.Observation{
		Kind: evidence.ObserveFile, Values: []string{`C:\Mail\Settings\settings.json`, "", "1000"}, Time: noon,
		Ref: evidence.Ref{Path: "settings.json"}, Content: spoiled{[]byte(text), fs.ErrPermission}, Size: 1000,
	}
	x := beginWith(t, settingsPack(t))
	var read *evidence.ReadError
	if err := observe(t, x, o); !errors.As(err, &read) {
		t.Errorf("%v, want a ReadError", err)
	}
	if finding(x.Result(now), "command") == nil {
		t.Error("the settings that were read were not judged")
	}
	large := text + strings.Repeat(" ", 1<<10) + `", "other": {"Command": "y"}}`
	o.Content, o.Size, o.Values[2] = strings.NewReader(large), int64(len(large)), fmt.Sprint(len(large))
	x = beginWith(t, settingsPack(t))
	if err := observe(t, x, o); err != nil {
		t.Fatal(err)
	}
	gap := slices.ContainsFunc(x.Coverage(), func(c evidence.Coverage) bool {
		return c.Missed != nil && strings.Contains(c.Missed.Detail, "first 1024 bytes")
	})
	if f := finding(x.Result(now), "command"); f == nil || f.Count != 1 || !gap {
		t.Errorf("finding %+v, gap %v", f, gap)
	}
}
