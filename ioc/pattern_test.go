package ioc

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestPattern: what of a pattern is looked for (STIX 2.1, section 9; its
// examples are among these).
func TestPattern(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	f := func(pattern, want string) {
		t.Helper()
		p, err := parsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			return
		}
		r := p.reduce()
		l := &List{Entries: r.entries}
		for _, why := range r.missing {
			l.Refused = append(l.Refused, &Refusal{Why: why, File: "l"})
		}
		if have := strings.ReplaceAll(strings.TrimSpace(said(l)), "l:0:0: ", ""); have != want {
			t.Errorf("%s:\n%s\nwant\n%s", pattern, have, want)
		}
	}
	part := " lead: " + leadPart
	f("[ipv4-addr:value = '198.51.100.1']", "peer 198.51.100.1")
	f("[ipv4-addr:value == '198.51.100.1/32' OR ipv6-addr:value = '2001:DB8::1']", "peer 198.51.100.1\npeer 2001:db8::1")
	f("[ipv4-addr:value IN ('198.51.100.1', '198.51.100.2')]", "peer 198.51.100.1\npeer 198.51.100.2")
	f("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", "peer 198.51.100.0/24")
	f("[ipv4-addr:value ISSUPERSET '198.51.100.0/24']", `refused ipv4-addr:value ISSUPERSET "198.51.100.0/24" can't be held against evidence`)
	f("[domain-name:value = 'www.5z8.info' AND domain-name:resolves_to_refs[*].value = '198.51.100.1/32']", "peer www.5z8.info and below")
	f("[domain-name:value LIKE '%.bad.example' OR domain-name:value LIKE 'bad%']", "peer bad.example and below\nrefused domain-name:value LIKE \"bad%\" can't be held against evidence")
	f(`[domain-name:value MATCHES '^bad\\.example$']`, "peer bad.example and below")
	f(`[url:value MATCHES '^http']`, `refused url:value MATCHES "^http" can't be held against evidence`)
	f("[file:hashes.'SHA-256' = '"+strings.ToUpper(sum)+"']", "hash "+sum)
	f("[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e' AND file:name = 'x.exe']", "hash d41d8cd98f00b204e9800998ecf8427e")
	f("[file:hashes.'SHA-256' = '"+sum+"' AND file:name != 'x.exe']", "hash "+sum+part)
	f("[file:hashes.'SHA-256' = '"+sum+"'] FOLLOWEDBY [ipv4-addr:value = '198.51.100.1']", "hash "+sum+part)
	f("[file:hashes.'SHA-512' = 'ab']", "refused nothing here is held against file:hashes.SHA-512")
	f("[file:name = 'foo.dll' AND file:parent_directory_ref.path = 'C:\\\\Windows\\\\System32']", "path c:/windows/system32/foo.dll")
	f("[file:name = 'C:\\\\Windows\\\\x.dll']", "path c:/windows/x.dll")
	f("[file:name = 'foo.dll']", "name foo.dll lead: a file's name alone")
	f(`[file:name = 'it\'s.dll']`, "name it's.dll lead: a file's name alone")
	f("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.1' AND network-traffic:dst_port = 443]", "peer 198.51.100.1")
	f("[network-traffic:dst_port = 443]", "refused nothing here is held against network-traffic:dst_port by itself")
	f("[network-traffic:dst_port = 443 OR ipv4-addr:value = '198.51.100.1']", "peer 198.51.100.1\nrefused nothing here is held against network-traffic:dst_port by itself")
	f("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x y/1']", "agent x y/1")
	f("[url:value = 'hxxp://bad[.]example/a' AND ipv4-addr:value = '198.51.100.1']", "url http://bad.example/a (bad.example /a)"+part)
	f("[ipv4-addr:value = '198.51.100.1' AND process:name = 'x']", "peer 198.51.100.1"+part)
	f("[process:name = 'x' AND (ipv4-addr:value = '198.51.100.1' OR process:pid > 4)]", "peer 198.51.100.1"+part+"\nrefused nothing here is held against process:pid")
	f("[ipv4-addr:value != '198.51.100.1']", "refused ipv4-addr:value: what is not there can't be looked for")
	f("[ipv4-addr:value NOT IN ('198.51.100.1')]", "refused ipv4-addr:value: what is not there can't be looked for")
	f("[EXISTS file:name]", "refused file:name: that there is one tells nothing")
	f("([ipv4-addr:value = '198.51.100.1'] AND [ipv4-addr:value = '198.51.100.2']) WITHIN 300 SECONDS", "peer 198.51.100.1"+part)
	f("[ipv4-addr:value = '198.51.100.1'] WITHIN 5.5 SECONDS REPEATS 1 TIMES", "peer 198.51.100.1")
	f("[ipv4-addr:value = '198.51.100.1'] REPEATS 5 TIMES WITHIN 1800 SECONDS", "peer 198.51.100.1 lead: "+leadRepeats)
	f("[ipv4-addr:value='198.51.100.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00.5Z'", "peer 198.51.100.1")
	f("[ipv4-addr:value = '198.51.100.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z' OR [ipv4-addr:value = '198.51.100.2']", "peer 198.51.100.1"+part+"\npeer 198.51.100.2")
	f("/* a C2 */ [ ipv4-addr:value = '198.51.100.1' ] // the first\n OR [x-foo:bar_1[2].'a b'[*].c = h'00ff']", "peer 198.51.100.1\nrefused nothing here is held against x-foo:bar_1.a b.c")
	f("[windows-registry-key:values[*].data = t'2026-01-01T00:00:00Z' OR a:b = b'AAE=' OR a:b = true OR a:b = -1.5]",
		"refused nothing here is held against windows-registry-key:values.data\nrefused nothing here is held against a:b\nrefused nothing here is held against a:b\nrefused nothing here is held against a:b")
	f("[domain-name:value = 'com']", `refused domain-name:value: "com" is no address, network or domain`)
}

func TestPatternFaults(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                     "character 1: want [, not the end",
		"ipv4-addr:value":      `character 1: want [, not "ipv4-addr"`,
		"[a:b = 'x'":           "character 11: want ], not the end",
		"[a:b = 'x] ":          "character 8: want the closing quote",
		"[a:b = ]":             `character 8: want a value, not "]"`,
		"[a:b ~ 'x']":          `character 6: want no such character, not "~"`,
		"[a:b = 'x'] and [a:b": `character 13: want AND, OR, FOLLOWEDBY, a qualifier or the end, not "and"`,
		"[a = 'x']":            `character 4: want :, not "="`,
		"[a:b. = 'x']":         "want the name of a property",
		"[a:b[x] = 'x']":       "want a position or *",
		"[a:b IN 'x']":         "want (",
		"[a:b = t'today']":     "want a time (t)",
		"[a:b = 'x'] WITHIN x": "want a number",
		"[a:b = 'x'] START t'2026-01-01T00:00:00Z'": "want STOP",
		strings.Repeat("(", 200) + "[a:b = 'x']":    "want at most 100 brackets",
		"[é:b = 'x']":                               "character 2:",
		"/* [a:b = 'x']":                            "want the end of a comment",
	} {
		if _, err := parsePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", pattern, err, want)
		}
	}
}

// TestPatternTime: START and STOP narrow the time of validity.
func TestPatternTime(t *testing.T) {
	p, err := parsePattern("[ipv4-addr:value='198.51.100.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'")
	if err != nil {
		t.Fatal(err)
	}
	a := &About{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	if p.reduce().clip(a); a.From.Year() != 2026 || a.Until.Month() != 2 {
		t.Errorf("%v to %v", a.From, a.Until)
	}
}

// FuzzPattern: a pattern parses or says at which character it does not; of
// one that parses something is looked for or missing.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		"[ipv4-addr:value = '198.51.100.1' AND a:b[*].'c d' IN (1, 'x', t'2026-01-01T00:00:00Z')] FOLLOWEDBY ([x:y LIKE '%a_'] REPEATS 5 TIMES) WITHIN 5 SECONDS",
		"[a:b NOT MATCHES '^x$' OR EXISTS c:d] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z' // x", "[file:name='x' AND file:parent_directory_ref.path='C:\\\\y']",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		if r := p.reduce(); len(r.entries)+len(r.missing) == 0 {
			t.Error("nothing is said of it")
		}
	})
}

// FuzzJSON: what is read as JSON is what encoding/json takes for it, but for what
// is refused by intent: depth, names that stand twice, texts that are not UTF-8.
func FuzzJSON(f *testing.F) {
	seed(f, `{"a": [1, -2.5e3, true, null, "\u00e9\n"], "b": {}}`, `[]`, `"x`, `{"a":1,}`, `01`, `"\x"`)
	f.Fuzz(func(t *testing.T, text string) {
		r := newReader("l", []byte(text))
		err := r.skip()
		if err == nil {
			err = r.end()
		}
		valid := json.Valid([]byte(text))
		if err == nil && !valid && !bytes.Contains([]byte(text), []byte(`\`)) {
			t.Errorf("%q is read, and is no JSON", text)
		}
		if err != nil && valid && !strings.Contains(err.Error(), "nested deeper") && !strings.Contains(err.Error(), "not UTF-8") && !strings.Contains(err.Error(), "more than") {
			t.Errorf("%q: %v", text, err)
		}
	})
}
