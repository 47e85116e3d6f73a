package detect

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/verdict"
)

// listed makes an engine that knows one list.
func listed(t *testing.T, text string) (*Engine, *ioc.List) {
	t.Helper()
	l, err := ioc.Read("bad", strings.NewReader(text), ioc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ownEngine(t, Own{Lists: []*ioc.List{l}}), l
}

// proxied is a schema of what goes out.
func proxied() *evidence.Schema {
	s := evidence.NewSchema("squid", "c-ip", "url", "agent")
	s.Source.Category = "proxy"
	s.Roles[evidence.RoleAddress], s.Roles[evidence.RolePath], s.Roles[evidence.RoleAgent] = 0, 1, 2
	return s
}

// sightings gives the class of each finding of a list, by rule and label.
func sightings(x *Examination) map[string]verdict.Class {
	got := map[string]verdict.Class{}
	for _, f := range x.Result(now).Findings {
		if strings.HasPrefix(f.Rule, "bad:") {
			got[strings.TrimPrefix(f.Rule, "bad:")+" "+f.Label] = f.Class
		}
	}
	return got
}

// TestListedURL: a URL is one only whole; of its host alone a person has to
// judge, for others may live there.
func TestListedURL(t *testing.T) {
	e, _ := listed(t, "https://files.example/get/x.msi?id=7\nhttps://whole.example/\nhttps://both.example/a\nboth.example\n")
	f := func(url, want string, class verdict.Class) {
		t.Helper()
		for _, known := range []bool{true, false} {
			x := e.Begin(windows())
			event := row(proxied(), 1, noon, "192.0.2.1", url, "x")
			if known {
				event = verbatim(event)
			}
			feed(t, x, event)
			if got := sightings(x); len(got) != min(1, len(want)) || want != "" && got["peers "+want] != class {
				t.Errorf("%s: %v, want %s %s", url, got, want, class)
			}
		}
	}
	alone := "files.example; its host alone, of https://files.example/get/x.msi?id=7"
	f("https://files.example/get/x.msi?id=7", "files.example", verdict.Success)
	f("https://FILES.example:443/get/X.msi?id=7", "files.example", verdict.Success)
	f("https://files.example/get%2Fx.msi?id=7", "files.example", verdict.Success)
	f("https://files.example/get/x.msi?id=77", alone, verdict.Lead)
	f("files.example:443", alone, verdict.Lead)
	f("https://sub.files.example/get/x.msi?id=7", "", "")
	f("whole.example:443", "whole.example", verdict.Success)
	f("https://both.example/b", "both.example", verdict.Success)
}

// TestListedSTIX: findings say what the bundle says of the entry, and weigh by
// its time and by what of its pattern was checked.
func TestListedSTIX(t *testing.T) {
	bundle := func(pattern, more string) string {
		return fmt.Sprintf(`{"type":"indicator","id":"indicator--%d","name":"A server of theirs","pattern":%q,"external_references":[{"source_name":"x","url":"https://agency.example/a"}]%s}`, len(pattern)+len(more), pattern, more)
	}
	e, _ := listed(t, `{"type":"bundle","objects":[`+strings.Join([]string{
		bundle("[ipv4-addr:value = '198.51.100.7']", `,"valid_from":"2026-01-01T00:00:00Z","confidence":10`),
		bundle("[ipv4-addr:value = '198.51.100.8']", `,"valid_until":"2020-01-01T00:00:00Z"`),
		bundle("[ipv4-addr:value = '198.51.100.8']", `,"valid_until":"2019-01-01T00:00:00Z","x":1`),
		bundle("[domain-name:value = 'bad.example' AND process:name = 'x']", ""),
		bundle("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Evil Client/1.0 (x)']", ""),
	}, ",")+`]}`)
	x := e.Begin(windows())
	for n, url := range []string{"198.51.100.7:443", "198.51.100.8:443", "https://a.bad.example/x", "/"} {
		agent := "x"
		if url == "/" {
			agent = "evil client/1.0 (X)"
		}
		feed(t, x, verbatim(row(proxied(), int64(n+1), noon, "192.0.2.1", url, agent)))
	}
	feed(t, x, verbatim(row(webSchema(), 9, noon, "GET", "/", "-", "192.0.2.1", "Evil+Client/1.0+(x)", "200")))
	want := map[string]verdict.Class{
		"peers 198.51.100.7; indicator--86":                                                          verdict.Success,
		"peers 198.51.100.8; indicator--71; " + labelStale:                                           verdict.Lead,
		"peers .bad.example; indicator--58; one part of a pattern whose other parts are not checked": verdict.Lead,
		"agents evil client/1.0 (x); indicator--99":                                                  verdict.Success,
	}
	got := map[string]verdict.Class{}
	attempts := 0
	for _, f := range x.Result(now).Findings {
		if !strings.HasPrefix(f.Rule, "bad:") {
			continue
		}
		if f.Class == verdict.Attempt {
			attempts++
			continue
		}
		got[strings.TrimPrefix(f.Rule, "bad:")+" "+f.Label] = f.Class
		if f.Title != "A server of theirs, of the list bad" || len(f.Sources) != 1 || (f.Confidence == evidence.Unsure) != strings.Contains(f.Label, "100.7") {
			t.Errorf("finding %+v", f)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || attempts != 1 {
		t.Errorf("have %v\nwant %v", got, want)
	}
}

// TestListedFiles: files are known by any hash that the list gives, and asked for
// those alone; a name is worth a look.
func TestListedFiles(t *testing.T) {
	content := []byte("x")
	m, s := md5.Sum(content), sha1.Sum(content)
	e, _ := listed(t, `[{"type":"filename","uuid":"u1","to_ids":true,"value":"Loader.EXE"},{"type":"md5","uuid":"u2","to_ids":true,"value":"`+hex.EncodeToString(m[:])+
		`"},{"type":"sha1","uuid":"u3","to_ids":true,"value":"`+hex.EncodeToString(s[:])+`"}]`)
	named := false
	for _, p := range e.Interest().Places {
		if p.Hash != p.MD5 || p.Hash != p.SHA1 || !p.Hash && !p.NoFiles {
			t.Errorf("place %s asks for %v %v %v", p.ID, p.Hash, p.MD5, p.SHA1)
		}
		named = named || p.Names["loader.exe"]
	}
	if !named {
		t.Error("nobody asks for the name")
	}
	for _, p := range ownEngine(t, Own{}).Interest().Places {
		if p.MD5 || p.SHA1 {
			t.Errorf("place %s asks for hashes that no list holds", p.ID)
		}
	}
	x := e.Begin(windows())
	file := func(path, hashes string) {
		if err := observe(t, x, &evidence.Observation{Kind: evidence.ObserveFile, Values: []string{path, hashes, "1"}, Ref: evidence.Ref{Path: path}}); err != nil {
			t.Fatal(err)
		}
	}
	file(`C:\Users\a\loader.exe`, "SHA256="+strings.Repeat("cd", 32))
	file(`C:\inetpub\wwwroot\a.aspx`, "MD5="+hex.EncodeToString(m[:])+",SHA1="+hex.EncodeToString(s[:])+",SHA256="+strings.Repeat("ef", 32))
	want := map[string]verdict.Class{
		"names loader.exe; u1; a file's name alone":   verdict.Lead,
		"hashes " + hex.EncodeToString(m[:]) + "; u2": verdict.State, "hashes " + hex.EncodeToString(s[:]) + "; u3": verdict.State,
	}
	if got := sightings(x); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("have %v\nwant %v", got, want)
	}
}

// TestListedNotes: what a list leaves out is told, and is no gap of an answer.
func TestListedNotes(t *testing.T) {
	text, err := os.ReadFile("../ioc/testdata/event.misp.json")
	if err != nil {
		t.Fatal(err)
	}
	e, l := listed(t, string(text))
	if len(l.Refused) != 2 {
		t.Errorf("refused %v", l.Refused)
	}
	var said []string
	for _, c := range e.Begin(windows()).Coverage() {
		if c.Path == "list bad" && c.Parts == 0 {
			said = append(said, c.Missed.Detail)
		}
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"left out: 2 deleted", "(to_ids false) (first: 8a3f0f5e-0000-4f0c-9a07-000000000004); --ioc-context takes them as leads", "leads only, for they tell little by themselves: 127.0.0.1 (every host itself)"} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing says %q:\n%s", want, all)
		}
	}
}

// TestListedTwice: of two entries of one value the one that proves something
// counts, in whatever order they stand.
func TestListedTwice(t *testing.T) {
	in := func(until string) string {
		return `{"type":"indicator","id":"indicator--` + until + `","pattern":"[ipv4-addr:value = '198.51.100.8']","valid_until":"` + until + `T00:00:00Z"}`
	}
	for _, order := range [][]string{{"2020-01-01", "2030-01-01"}, {"2030-01-01", "2020-01-01"}} {
		e, _ := listed(t, `{"objects":[`+in(order[0])+","+in(order[1])+`]}`)
		x := e.Begin(windows())
		for n, at := range []time.Time{noon, time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)} {
			feed(t, x, row(proxied(), int64(n+1), at, "192.0.2.1", "198.51.100.8:443", "x"))
		}
		got := sightings(x)
		if got["peers 198.51.100.8; indicator--2030-01-01"] != verdict.Success || len(got) != 2 {
			t.Errorf("%v: %v", order, got)
		}
	}
}

// TestListedBeside: what tells little, or is out of date, hides nothing that stands
// beside it: neither another host of the event nor a network around the same one.
func TestListedBeside(t *testing.T) {
	web := func(query, client string) evidence.Event {
		return row(webSchema(), 1, noon, "GET", "/", query, client, "x", "200")
	}
	old := `{"objects":[{"type":"indicator","id":"indicator--1","pattern":"[ipv4-addr:value = '192.0.2.1']","valid_until":"2020-01-01T00:00:00Z"},` +
		`{"type":"indicator","id":"indicator--2","pattern":"[ipv4-addr:value = '192.0.2.0/24']"}]}`
	const crowd, alone = "peers github.com; everybody contacts it or names below it", "peers evil.example.net"
	f := func(list string, event evidence.Event, want map[string]verdict.Class) {
		t.Helper()
		e, _ := listed(t, list)
		for _, known := range []bool{true, false} {
			x := e.Begin(windows())
			if known {
				event = verbatim(event)
			}
			feed(t, x, event)
			if got := sightings(x); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("have %v\nwant %v", got, want)
			}
		}
	}
	both := "evil.example.net\ngithub.com\n"
	f(both, row(proxied(), 1, noon, "10.0.0.9", "evil.example.net:443", "x https://github.com"), map[string]verdict.Class{alone: verdict.Success, crowd: verdict.Lead})
	f(both, row(proxied(), 1, noon, "10.0.0.9", "github.com:443", "x https://evil.example.net"), map[string]verdict.Class{alone: verdict.Success, crowd: verdict.Lead})
	f(both, web("u=https://github.com/x&v=https://evil.example.net/y", "10.0.0.9"), map[string]verdict.Class{alone + "; " + labelMention: verdict.Lead, crowd + "; " + labelMention: verdict.Lead})
	f("192.0.2.0/24\nhttp://192.0.2.1/malware.exe\n", web("-", "192.0.2.1"), map[string]verdict.Class{"peers 192.0.2.0/24": verdict.Attempt})
	f(old, web("-", "192.0.2.1"), map[string]verdict.Class{"peers 192.0.2.0/24; indicator--2": verdict.Attempt})
	f("::ffff:192.0.2.0/120\n", web("-", "192.0.2.1"), map[string]verdict.Class{"peers 192.0.2.0/24": verdict.Attempt})
	f("192.0.2.1\n", web("v=198.51.100.9&v=192.0.2.1&v=192.0.2.1", "192.0.2.1"), map[string]verdict.Class{"peers 192.0.2.1": verdict.Attempt})
}

// TestListedCrowd: an event that names more hosts of a list than are shown tells
// of the rest.
func TestListedCrowd(t *testing.T) {
	e, _ := listed(t, "198.51.100.0/25\n203.0.113.7\n"+func() (all string) {
		for n := range mostSighted + 8 {
			all += fmt.Sprintf("h%d.example\n", n)
		}
		return all
	}())
	query := "x"
	for n := range mostSighted + 8 {
		query += fmt.Sprintf("&u=h%d.example", n)
	}
	x := e.Begin(windows())
	feed(t, x, row(webSchema(), 1, noon, "GET", "/", query, "203.0.113.7", "x", "200"))
	got := sightings(x)
	if len(got) != mostSighted+1 || got["peers 203.0.113.7"] != verdict.Attempt || got["peers "+othersNoted] != verdict.Lead {
		t.Errorf("%d sightings: %v", len(got), got)
	}
}

// TestListedPlus: a user agent with "+" is found in the logs of IIS, which writes
// blanks so, and as it was sent.
func TestListedPlus(t *testing.T) {
	e, _ := listed(t, `[{"type":"user-agent","uuid":"u1","to_ids":true,"value":"Mozilla/5.0 (compatible; EvilBot/1.0; +http://evil-bot.test/)"}]`)
	x := e.Begin(windows())
	feed(t, x, verbatim(row(webSchema(), 1, noon, "GET", "/", "-", "192.0.2.1", "Mozilla/5.0+(compatible;+EvilBot/1.0;++http://evil-bot.test/)", "200")),
		verbatim(row(webSchema(), 2, noon, "GET", "/", "-", "192.0.2.1", "Mozilla/5.0 (compatible; EvilBot/1.0; +http://evil-bot.test/)", "200")))
	if got := x.Result(now).Findings; len(got) != 1 || got[0].Count != 2 || got[0].Label != "mozilla/5.0 (compatible; evilbot/1.0; +http://evil-bot.test/); u1" {
		t.Errorf("%+v", got)
	}
}
