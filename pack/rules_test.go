package pack_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postern/pack"
)

// TestFaultsOfRules spoils one place of the base pack at a time: what the
// loader says, to the letter.
func TestFaultsOfRules(t *testing.T) {
	const (
		sigma, label, entry = "sigma/reset.yml", "sigma/scanner.yml", "sigma/entry.yml"
		config, book        = "config.yaml", "playbook.json"
		entered, nothing    = "tests/entered.txtar", "tests/nothing.txtar"
	)
	for _, c := range []struct{ file, from, to, want string }{
		{sigma, "falsepositives:", "falsepositive:", `17:1: pack: unknown field: "falsepositive"`},
		{sigma, "  class: attempt", "  klass: attempt", `20:3: pack: unknown field: "klass"`},
		{sigma, "  class: attempt\n", "", `20:3: pack: missing: field "class"`},
		{sigma, "level: high\npostern", "postern", `1:1: pack: missing: field "level"`},
		{sigma, "level: high\npostern", "level: info\npostern", `18:8: pack: bad value: "info" is none of informational, low, medium, high, critical`},
		{sigma, "4f7b1c8e-0c43-4f0e-9c8e-3d5a6b7c8d90", "reset-1", `2:5: pack: bad value: "reset-1": want a UUID in lower case`},
		{sigma, "4f7b1c8e-0c43-4f0e-9c8e-3d5a6b7c8d90", "6b9d3e0a-2e65-4b2a-9ea0-5f7c8d9eafb2", `2:5: pack: said twice: id "6b9d3e0a-2e65-4b2a-9ea0-5f7c8d9eafb2"`},
		{sigma, "reset_request", "tmp.file", `3:7: pack: said twice: id "tmp.file"`},
		{sigma, "cve.2026-0001", "cve.2026-0002", `9:59: pack: refers to nothing: no advisory has CVE-2026-0002`},
		{sigma, "cve.2026-0001", "cve.2026.0001", `9:59: pack: bad value: tag "cve.2026.0001": want attack.t1505.003 or cve.2026-23760`},
		{sigma, "attack.t1190", "attack.T1190", `9:31: pack: bad value: tag "attack.T1190": want attack.t1505.003 or cve.2026-23760`},
		{sigma, "https://example.org", "example.org", `6:14: pack: bad value: "example.org/advisory" is no web address`},
		{sigma, "date: 2026-11-01", "date: 2026/11/01", `8:7: pack: bad value: "2026/11/01" is no day (2006-01-02)`},
		{sigma, "logsource: {product: example}\n", "", `1:1: pack: missing: field "logsource"`},
		{sigma, "detection:", "correlation:", `20:3: pack: bad value: a correlation has no searches for outcomes to ask`},
		{sigma, "confidence: confirmed", "confidence: unsure", `25:48: pack: unsure is no proof: class success with severity high; an unsure indicator goes no higher than medium`},
		{sigma, "when_fixed: lead", "when_fixed: state", `25:66: pack: bad value: "state" is none of lead, scan, attempt`},
		{sigma, "title:", "---\ntitle: other\n---\ntitle:", `3:1: pack: syntax: a second document; a pack file holds one`},
		{sigma, "title:", "title: &a", `1:8: pack: syntax: anchors, aliases and tags are not read; write it out`},
		{label, "{label:", "{next: x, label:", `8:10: pack: bad value: "next" is never read beside a label alone; a rule that makes findings has a class`},
		{label, "{label:", "{part: now, label:", `8:10: pack: bad value: a label alone has no part and no outcomes, and a correlation cannot give one`},
		{label, "postern: {label: 'known scanner: nuclei'}", "", `1:1: pack: missing: field "postern"`},
		{entry, "correlation:", "related:", `1:1: pack: missing: either detection or correlation`},

		{config, "place: tmp", "place: etc", `4:12: pack: refers to nothing: no place "etc"`},
		{config, "  - id: config.reset-hash", "  - id: tmp.file", `2:9: pack: said twice: id "tmp.file"`},
		{config, "key:", "keys:", `6:5: pack: unknown field: "keys"`},
		{config, `    key: '(?i)(^|\.)password[^.]*$'` + "\n", "", `2:5: pack: missing: "key", or changed: true for a check of the file itself`},
		{config, "    changed: true", "    value: x\n    changed: true", `21:5: pack: bad value: value, except and count are never read without a key`},
		{config, "over: 1", "over: 0", `38:12: pack: bad value: over 0; one match is enough without a count`},
		{config, "over: 1", "over: 2", `44:16: pack: example contradicts pattern: example of "config.two" is not matched`},
		{config, `"PasswordHash": "secret"`, `"PasswordHash": "secret`, `16:9: pack: bad value: settings file: JSON after byte 45: unexpected EOF`},
		{config, "PGE+", "PGE", `17:43: pack: bad value: content is no base64: illegal base64 data at input byte 45`},
		{config, `"password": "other"`, `"password": "secret"`, `19:9: pack: example contradicts pattern: near miss of "config.reset-hash" is matched`},
		{config, "changed: 2020-01-01", "changed: 2026-02-01", `32:12: pack: example contradicts pattern: near miss of "config.changed" is matched`},
		{config, "confidence: likely", "confidence: unsure", `9:15: pack: unsure is no proof: class state with severity high; an unsure indicator goes no higher than medium`},
		{config, `admins\.json`, `Admins\.json`, `5:11: pack: bad value: Admins\.json$ asks for an upper-case letter; what it is held against is lower case`},

		{book, `"type": "manual"`, `"type": "bash"`, `16:20: pack: playbook: a pack's commands are text for people: type manual, not "bash"`},
		{book, `"workflow_start": "start--1c`, `"workflow_start": "start--9c`, `9:21: pack: playbook: "workflow_start": "start--9c1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b" is no step of the workflow`},

		{entered, "as_of: 2026-02-01T00:00:00Z", "as_of: 2026-02-01", `4:8: pack: bad value: as_of "2026-02-01" is no time (2006-01-02T15:04:05Z)`},
		{entered, "os: linux", "os: bsd", `2:5: pack: bad value: "bsd" is none of windows, linux`},
		{entered, "Europe/Berlin", "Local", `3:7: pack: bad value: zone "Local" is none the zone database has`},
		{entered, "100.0.9504", "newest", `5:22: pack: bad value: version: no version in it: "newest"`},
		{entered, "count: 1, label", "count: 0, label", `7:5: pack: bad value: count 0; a rule that must not be found stands in absent`},
		{entered, "class: success", "klass: success", `7:27: pack: unknown field: "klass"`},
		{entered, "others: true", "absent: [reset_request]", `11:10: pack: bad value: "reset_request" is both expected and absent`},
		{entered, "{then: yes", "{later: yes", `12:18: pack: refers to nothing: question "later" is none of exposed, compromised, now, then, reachable, unprepared`},
		{entered, "{then: yes", "{then: maybe", `12:17: pack: bad value: "maybe" is none of yes, no, none-seen, unknown, not-examined`},
		{entered, "reading: entered", "reading: open", `13:10: pack: bad value: "open" is none of entered; possibly entered; attempt, outcome open; knocked at; untouched`},
		{entered, "cnVuIG1l", "cnVuIG1l?", `17:1: pack: syntax: txtar: illegal base64 data at input byte 8`},
		{entered, "-- tmp/admins.json --", "-- ../admins.json --", `19:1: pack: syntax: txtar: "../admins.json" is no relative path`},
		{entered, "-- tmp/admins.json --", "-- tmp/x_0 --", `19:1: pack: syntax: txtar: pack: said twice: tmp/x_0`},
		{nothing, "absent:", "# absent:", ``},
		{nothing, "reading: untouched", "{", `5:1: pack: syntax: could not find expected ':'`},
	} {
		f := base(t)
		text := string(f[c.file].Data)
		if !strings.Contains(text, c.from) {
			t.Fatalf("%s holds no %q", c.file, c.from)
		}
		f[c.file] = &fstest.MapFile{Data: []byte(strings.Replace(text, c.from, c.to, 1))}
		_, err := pack.Load(f)
		switch {
		case c.want == "":
			if err != nil {
				t.Errorf("%s: %q for %q: %v", c.file, c.to, c.from, err)
			}
		case err == nil:
			t.Errorf("%s: %q for %q: it was loaded", c.file, c.to, c.from)
		case !strings.Contains("\n"+err.Error()+"\n", "\n"+c.file+":"+c.want+"\n"):
			t.Errorf("%s: %q for %q: got\n%v\nwant\n%s", c.file, c.to, c.from, err, c.want)
		}
	}
}

// TestRatings: what the rules of the base pack become.
func TestRatings(t *testing.T) {
	p, err := pack.Load(base(t))
	if err != nil {
		t.Fatal(err)
	}
	entry, reset, label := p.Sigma[0], p.Sigma[1], p.Sigma[2]
	if !entry.Correlation || entry.Class != "success" || entry.Severity != "critical" {
		t.Errorf("%+v", entry)
	}
	if reset.Name != "reset_request" || reset.Severity != "high" || strings.Join(reset.Attack, " ") != "T1098 T1190" || strings.Join(reset.Vulns, " ") != "CVE-2026-0001" ||
		reset.Kind != pack.OnSigma || len(reset.Sources) != 1 || reset.FirstSeen.IsZero() || reset.Line != 1 {
		t.Errorf("%+v", reset)
	}
	if o := reset.Outcomes[0]; o.Condition != "done" || o.Severity != "high" || o.WhenFixed != "lead" || o.Line != 25 || o.Column != 19 {
		t.Errorf("%+v", o)
	}
	if !label.LabelOnly || label.Label != "known scanner: nuclei" || label.Class != "" {
		t.Errorf("%+v", label)
	}
	if c := p.Tests[0]; c.Zone.String() != "Europe/Berlin" || c.Installed.Version != "100.0.9504" || string(c.Files[1].Data) != "run me" || c.Files[1].Name != "tmp/x_0" || len(c.Expect) != 4 {
		t.Errorf("%+v", c)
	}
}

// TestCheckTests: every rule has its hit and its near miss.
func TestCheckTests(t *testing.T) {
	yara := []pack.RuleAt{{Name: "dropped_shell", File: "yara/shell.yar", Line: 1, Column: 6}}
	for _, c := range []struct{ file, from, to, want string }{
		{"tests/entered.txtar", "", "", ""},
		{"tests/entered.txtar", ", label: 'known scanner: nuclei'", "", "sigma/scanner.yml:1:1: pack: rule without a test: 5a8c2d9f-1d54-4a1f-8d9f-4e6b7c8d9ea1: no case expects it"},
		{"tests/entered.txtar", "  - {rule: dropped_shell, class: state, count: 1}\n", "", "yara/shell.yar:1:6: pack: rule without a test: dropped_shell: no case expects it"},
		{"tests/nothing.txtar", "reset_request, ", "", "sigma/reset.yml:1:1: pack: rule without a test: reset_request: no case has it in absent: its near miss"},
		{"tests/nothing.txtar", "dropped_shell", "dropped_shel", "yara/shell.yar:1:6: pack: rule without a test: dropped_shell: no case has it in absent: its near miss\n" +
			`tests/nothing.txtar:4:101: pack: refers to nothing: no rule "dropped_shel"`},
		{"tests/entered.txtar", "{rule: config.reset-hash", "{rule: config.reset", `tests/entered.txtar:10:5: pack: refers to nothing: no rule "config.reset"`},
	} {
		f := base(t)
		f[c.file] = &fstest.MapFile{Data: []byte(strings.Replace(string(f[c.file].Data), c.from, c.to, 1))}
		p, err := pack.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, fault := range p.CheckTests(yara) {
			all = append(all, fault.Error())
		}
		if have := strings.Join(all, "\n"); have != c.want {
			t.Errorf("%q for %q: got\n%s\nwant\n%s", c.to, c.from, have, c.want)
		}
	}
}

func TestCheckHits(t *testing.T) {
	p, err := pack.Load(base(t))
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := pack.Leaves([]byte(`{"Password": "secret", "password": "other", "passwordX": "secret"}`))
	if err != nil {
		t.Fatal(err)
	}
	hash, changed, two := &p.Checks[0], &p.Checks[1], &p.Checks[2]
	if got := hash.Hits(leaves, false); len(got) != 2 || got[0].Key != "Password" || got[0].Offset != 13 {
		t.Errorf("%+v", got)
	}
	if got := changed.Hits(nil, true); len(got) != 1 || got[0] != (pack.Leaf{}) || changed.Hits(leaves, false) != nil {
		t.Errorf("%+v", got)
	}
	if !hash.HoldsPath("c:/x/admins.json") || hash.HoldsPath("c:/x/other.json") || !two.HoldsPath("c:/any") {
		t.Error("names")
	}
}

func TestParseArchive(t *testing.T) {
	comment, files, bad := pack.ParseArchive([]byte("title: x\r\n-- a/b.txt --\r\none\r\n-- c base64 --\nAAEC\nAwQ=\n-- d/e f @2026-01-17 --\n--  --\n-- no marker\n--x --\n-- e --"))
	if bad != nil || string(comment) != "title: x\r\n" || len(files) != 4 {
		t.Fatalf("%q %+v %v", comment, files, bad)
	}
	for i, want := range []pack.TestFile{
		{Name: "a/b.txt", Data: []byte("one\r\n"), Line: 2}, {Name: "c", Data: []byte("\x00\x01\x02\x03\x04"), Line: 4},
		{Name: "d/e f", Changed: time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC), Data: []byte("--  --\n-- no marker\n--x --\n"), Line: 7}, {Name: "e", Data: nil, Line: 11},
	} {
		if got := files[i]; got.Name != want.Name || string(got.Data) != string(want.Data) || !got.Changed.Equal(want.Changed) || got.Line != want.Line {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for _, bad := range []string{"-- /a --", "-- a/../b --", "-- a\\b --", "-- . --", "-- a --\n-- a base64 --", "-- a base64 --\n*", "-- a @2026-02-30 --"} {
		if _, _, fault := pack.ParseArchive([]byte(bad)); fault == nil || fault.Line < 1 {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzParseArchive(f *testing.F) {
	for name, file := range base(f) {
		if strings.HasPrefix(name, "tests/") {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("-- a base64 --\nAAAA\n-- b --\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		comment, files, bad := pack.ParseArchive(text)
		if bad != nil && (bad.Line < 1 || bad.Line > bytes.Count(text, []byte("\n"))+1) {
			t.Fatalf("line %d, %v", bad.Line, bad)
		}
		total := len(comment)
		for _, file := range files {
			total += len(file.Data)
		}
		if total > len(text) {
			t.Fatalf("%d bytes came out of %d", total, len(text))
		}
	})
}
