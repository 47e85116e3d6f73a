package detect

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
)

// variants writes a text in the ways in which clients, proxies and attackers do.
func variants(text string) []string {
	escape := func(s string, at int) string { return s[:at] + fmt.Sprintf("%%%02X", s[at]) + s[at+1:] }
	all := func(format string) string {
		var b strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&b, format, text[i])
		}
		return b.String()
	}
	replace := func(old, with string) string { return strings.ReplaceAll(text, old, with) }
	mixed := []byte(text)
	for i := range mixed {
		if i%2 == 1 {
			mixed[i] = strings.ToUpper(text)[i]
		}
	}
	middle, last := len(text)/2, len(text)-1
	every := []string{
		text, strings.ToUpper(text), string(mixed),
		escape(text, 0), escape(text, middle), escape(text, last), all("%%%02x"), all("%%%02X"),
		replace("%", "%25"), strings.Replace(escape(text, middle), "%", "%25", 1), strings.ReplaceAll(all("%%%02x"), "%", "%25"), strings.ReplaceAll(all("%%%02x"), "%", "%2525"),
		replace(" ", "+"), replace(" ", "%20"), replace(" ", "%2B"), replace(" ", "%252B"), replace("+", "%2b"), replace("+", " "),
		replace("/", "//"), replace("/", "/./"), replace("/", "/x/../"), replace("/", `\`), replace("/", "%2f"), replace("/", "%5c"), replace("/", "%c0%af"), replace(".", "%2e"), replace(".", "%252E"), replace("/", "/%2e/"),
		all("%c\x00"), all("%%00%c"), all("%%u%04x"), // UTF-16, and IIS's own escapes
		replace("i", "\u0130"), replace("s", "\u017f"), replace("k", "\u212a"), replace("k", "%E2%84%AA"), replace("s", "%c5%bf"), replace("i", "%25c4%25b0"), replace("a", "\uff41"), replace("a", "\xe4"),
		"x" + text + "x", "%41" + text, text + "%", text + "%4", "a%2" + text,
	}
	slices.Sort(every)
	return slices.Compact(every)
}

// held compares what an engine finds in events with the prefilter and without, where
// their bytes hold the values and where they are spelled otherwise.
func held(t *testing.T, engine *Engine, what string, events []evidence.Event) (found int64) {
	t.Helper()
	for _, as := range []func(evidence.Event) evidence.Event{verbatim, escaped} {
		off, on := ungated(engine.Begin(&evidence.Source{})), engine.Begin(&evidence.Source{})
		for _, e := range events {
			e = as(e)
			feed(t, off, e)
			feed(t, on, e)
		}
		without, with := off.Result(now), on.Result(now)
		if !reflect.DeepEqual(without, with) {
			t.Errorf("%s\noff: %s\non:  %s", what, summary(without), summary(with))
		}
		found = 0
		for _, f := range with.Findings {
			found += f.Count
		}
	}
	return found
}

// escaped spells a row's values in its bytes as JSON may, every byte escaped.
func escaped(e evidence.Event) evidence.Event {
	e.Raw = nil
	for _, v := range append(slices.Clone(e.Values), e.Peer) {
		for _, c := range v {
			e.Raw = fmt.Appendf(e.Raw, `\u%04x`, c)
		}
		e.Raw = append(e.Raw, ' ')
	}
	return e
}

// TestVariantsAreFound: no way of writing a literal of the shipped pack, of
// SigmaHQ's rules for web logs or of an indicator list makes a difference between
// the prefilter on and off, whatever column it stands in.
func TestVariantsAreFound(t *testing.T) {
	peers := []string{"198.51.100.7", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::7", "2001:db8:a:b::/64", "evil-sister.example", "kiss.example", "::ffff:198.51.99.0/120"}
	agents := []string{"evil agent/1.0 (kiss me)", "GoBot+x", "a b c d", "curl/0.0?x", "Mozilla/5.0 (compatible; EvilBot/1.0; +http://evil-bot.test/)", "C++ x"}
	var agentsJSON []string
	for _, a := range agents {
		agentsJSON = append(agentsJSON, fmt.Sprintf(`{"type":"user-agent","to_ids":true,"value":%q}`, a))
	}
	for name, own := range map[string]Own{
		"pack": {}, "sigma": {Sigma: append(rulesIn(t, "sigma/rules/web", ".yml"), pack.TextFile{File: "bot.yml", Text: []byte(
			"title: bot\nid: bot\nlogsource: {category: webserver}\ndetection:\n  s:\n    c-useragent|contains: ['EvilBot/1.0; +http://evil-bot.test', 'kit (+http://kit.test)', 'C++ kit']\n  condition: s\n")})},
		"list":   {Lists: []*ioc.List{listFrom(t, strings.Join(peers, "\n"))}},
		"agents": {Lists: []*ioc.List{listFrom(t, `{"response":{"Attribute":[`+strings.Join(agentsJSON, ",")+`]}}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine, _, err := Compile([]*pack.Pack{shipped(t)}, Options{Now: now, Own: own, AllRefs: true})
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, r := range engine.events {
				if r.own == (name == "sigma") && !ofWindows(r.event.Rule) { // whose events are no web log's
					some, _ := r.event.Literals()
					texts = append(texts, some...)
				}
			}
			if name == "agents" {
				texts = slices.Clone(agents)
			}
			if name == "list" {
				texts = append(slices.Clone(peers), "203.0.113.200", "198.19.255.1", "::ffff:198.51.100.7", "0:0:0:0:0:FFFF:C633:6407", "[::ffff:c633:6407]:443",
					"2001:0db8:0000::0007", "2001:DB8:0:0:0:0:0:7", "[2001:db8:a:b:1::2]:443", "2001:db8:000a:000b:ffff::", "www.evil-sister.example", "http://evil-sister.example:8080/x", "198.51.100.70", "2001:db8:a:c::1",
					"/node:198.51.100.7", "/v:198.51.100.7:3389", "/add:evil-sister.example", "[IPv6:2001:db8::7]", "ip:203.0.113.9", "198.51.100.7-x", "x_198.19.0.1", "1.198.51.100.7", "198.51.99.4")
			}
			slices.Sort(texts)
			if texts = slices.Compact(texts); testing.Short() {
				texts = texts[:len(texts)/10]
			}
			s, found := wholeSchema(), int64(0)
			for _, text := range texts {
				var events []evidence.Event
				add := func(values ...string) {
					events = append(events, row(s, int64(len(events)+1), noon, values...))
				}
				for _, v := range variants(text) {
					add("GET", v, "-", "192.0.2.1", "x", "-", "200")
					add("POST", "/"+v, "x=1", "192.0.2.1", "x", "-", "200")
					add("GET", "/a", v, "192.0.2.1", "x", "-", "500")
					add("GET", "/a%2f..", "x="+v, "192.0.2.1", "x", "http://a.example/?"+v, "404")
					add("GET", "/", "-", v, v, v, "200")
					add("GET", "/", "-", "192.0.2.1", "x", "-", "200")
					through := &events[len(events)-1]
					through.Peer, through.Raw = []byte(v), append(append(through.Raw, ' '), v...)
				}
				found += held(t, engine, text, events)
			}
			t.Logf("%d texts, %d sightings", len(texts), found)
			if found < 3*int64(len(texts)) {
				t.Errorf("%d sightings of %d texts: the test compares little", found, len(texts))
			}
		})
	}
}

func listFrom(t *testing.T, text string) *ioc.List {
	t.Helper()
	l, err := ioc.Read("list", strings.NewReader(text), ioc.Options{})
	if err != nil || len(l.Refused) > 0 {
		t.Fatalf("%v, refused %v", err, l.Refused)
	}
	return l
}

// wholeSchema is an IIS log's with the referring page.
func wholeSchema() *evidence.Schema {
	s := evidence.NewSchema("iis.w3c", "cs-method", "cs-uri-stem", "cs-uri-query", "c-ip", "cs(User-Agent)", "cs(Referer)", "sc-status")
	s.Source = webSchema().Source
	for i, r := range []evidence.Role{evidence.RoleMethod, evidence.RolePath, evidence.RoleQuery, evidence.RoleAddress, evidence.RoleAgent} {
		s.Roles[r] = int8(i)
	}
	s.Roles[evidence.RoleStatus] = 6
	return s
}

// TestRewordedAction: what a firewall calls ALLOW, rules call accept; the word they
// use does not stand in the record.
func TestRewordedAction(t *testing.T) {
	engine := ownEngine(t, Own{Sigma: []pack.TextFile{{File: "fw.yml", Text: []byte("title: let in\nid: let-in\nlogsource: {category: firewall}\ndetection:\n  s: {action: accept, dst_port: 3389}\n  condition: s\n")}}})
	s := evidence.NewSchema("pfirewall", "action", "dst_port")
	s.Source = evidence.LogSource{Category: "firewall"}
	if n := held(t, engine, "action", []evidence.Event{row(s, 1, noon, "ALLOW", "3389"), row(s, 2, noon, "DROP", "3389")}); n != 1 {
		t.Errorf("%d sightings, want 1", n)
	}
}

// TestPlusInRules: a rule that names a "+" finds it in the logs of IIS, which
// writes blanks so, whatever else has become of the blanks beside it.
func TestPlusInRules(t *testing.T) {
	engine := ownEngine(t, Own{Sigma: []pack.TextFile{{File: "bot.yml", Text: []byte("title: bot\nid: bot\nlogsource: {category: webserver}\ndetection:\n  s:\n    c-useragent|contains: ['EvilBot/1.0; +http://evil-bot.test', 'kit (+http://kit.test)', 'C++ kit']\n  condition: s\n")}}})
	var events []evidence.Event
	for i, agent := range []string{
		"Mozilla/5.0+(compatible;+EvilBot/1.0;++http://evil-bot.test/)", "Mozilla/5.0 (compatible; EvilBot/1.0; +http://evil-bot.test/)", "x+kit+(+http://kit.test)", "a+C+++kit",
		"EvilBot/1.0;+http://evil-bot.test", "C+kit",
	} {
		events = append(events, row(webSchema(), int64(i+1), noon, "GET", "/", "-", "192.0.2.1", agent, "200"))
	}
	if n := held(t, engine, "plus", events); n != 4 {
		t.Errorf("%d sightings, want 4", n)
	}
}
