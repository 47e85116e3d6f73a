package pack

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReadList(t *testing.T) {
	text := "\ufeff198.51.100.9\r\n2001:DB8::1\n203.0.113.7/24\n198.51.100.10:8443\n[2001:db8::2]:443\nEvil.Example.\nbad[.]test # remark\n" +
		"hxxps://CDN.bad.test/x.msi\nhttp://192.0.2.9:8080/a\n" + strings.Repeat("AB", 32) + ";locker\n# only a remark\n\n/tmp/x_0\nC:\\ProgramData\\X.exe,dropper\n\\\\?\\D:\\Run\\\nd:/y\n"
	found, refused, err := ReadList("l", strings.NewReader(text))
	if err != nil || len(refused) != 0 || len(found) != 3 {
		t.Fatalf("%v %v %v", found, refused, err)
	}
	want := [][]string{
		{"198.51.100.9", "2001:db8::1", "203.0.113.0/24", "198.51.100.10", "2001:db8::2", "evil.example", ".evil.example", "bad.test", ".bad.test", "cdn.bad.test", "192.0.2.9"},
		{strings.Repeat("ab", 32)},
		{"/tmp/x_0", "c:/programdata/x.exe", "d:/run", "d:/y"},
	}
	for i, have := range [][]string{found[0].Match.Peers, found[1].Match.Hashes, found[2].Match.Paths} {
		if !slices.Equal(have, want[i]) {
			t.Errorf("%q, want %q", have, want[i])
		}
	}

	_, refused, err = ReadList("l", strings.NewReader("ok.example\nd41d8cd98f00b204e9800998ecf8427e\nrun.exe\nsome words here\nhttp:///x\n"+strings.Repeat("a", 5000)+"\n192.0.2.1\n"))
	var messages []string
	for _, r := range refused {
		messages = append(messages, r.Error())
	}
	for i, part := range []string{"l:2:1: pack: bad value: \"d41d8cd98f00b204e9800998ecf8427e\" is an MD5 or SHA-1", "l:3:1:", "l:4:1:", "l:5:1:", "l:6:1: pack: bad value: a line of more"} {
		if i >= len(messages) || !strings.HasPrefix(messages[i], part) {
			t.Errorf("refused %q, want %q at %d", messages, part, i)
		}
	}
	if err != nil || len(messages) != 5 {
		t.Errorf("%v, %d refused", err, len(messages))
	}
	for _, line := range []string{strings.Repeat(" ", 5000) + "192.0.2.1", "http://intranet/x", `\\server\share\x`, `\Windows\x.exe`, "http://b\u00fccher.example/", strings.Repeat("ab", 64)} {
		if _, refused, err := ReadList("l", strings.NewReader(line+"\n192.0.2.1\n")); err != nil || len(refused) != 1 {
			t.Errorf("%.40q: %v, refused %v", line, err, refused)
		}
	}
	if _, _, err := ReadList("l", strings.NewReader(strings.Repeat("\x00\xff\n", 2000))); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "l:1:1") {
		t.Errorf("junk: %v", err)
	}
	if _, _, err := ReadList("l", strings.NewReader(strings.Repeat("\n", maxListed+1))); !errors.Is(err, ErrLimit) {
		t.Errorf("too long: %v", err)
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("198.51.100.9\nhxxp://bad[.]test/\n\\\\?\\C:\\x\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, refused, err := ReadList("l", strings.NewReader(text))
		if err != nil && !errors.Is(err, ErrValue) {
			t.Fatal(err)
		}
		entries := 0
		for _, i := range found {
			entries += len(i.Match.Peers) + len(i.Match.Hashes) + len(i.Match.Paths)
		}
		if lines := strings.Count(text, "\n") + 1; entries > 2*lines || len(refused) > lines {
			t.Errorf("%d entries and %d refusals of %d lines", entries, len(refused), lines)
		}
	})
}
