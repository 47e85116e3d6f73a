package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"postern/docs"
	"postern/report"
	"postern/target"
)

// TestOperatorGuide: what the guide shows is read as it says, and what the
// command has stands in the guide.
func TestOperatorGuide(t *testing.T) {
	text := docs.Guides()[0].Text
	read := map[string]func([]byte) error{
		"yaml scope": func(b []byte) error {
			scope, err := target.LoadScope(strings.NewReader(string(b)))
			if err == nil && !strings.Contains(userAgent(scope), "contact soc@example.org") {
				err = fmt.Errorf("the contact is not said")
			}
			return err
		},
		"csv inventory":  func(b []byte) error { return listed(parseCSV(b)) },
		"yaml inventory": func(b []byte) error { return listed(parseYAML(b)) },
	}
	for _, m := range regexp.MustCompile("(?ms)^```(.+?)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		if read[m[1]] == nil {
			t.Errorf("a block of %q, which no test reads", m[1])
			continue
		}
		if err := read[m[1]]([]byte(m[2])); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
		delete(read, m[1])
	}
	for kind := range read {
		t.Errorf("no block of %q", kind)
	}
	flags := checkCommand().Flags()
	shown := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(flags.FlagUsages(), -1)
	if len(shown) < 20 {
		t.Errorf("only %d options in %s", len(shown), flags.FlagUsages())
	}
	for _, m := range shown {
		if !strings.Contains(text, "`--"+m[1]+"`") {
			t.Errorf("--%s is not in the guide", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)`").FindAllStringSubmatch(text, -1) {
		if flags.Lookup(m[1]) == nil {
			t.Errorf("the guide names --%s, which check does not have", m[1])
		}
	}
	for _, c := range exitCodes {
		if !strings.Contains(text, fmt.Sprintf("| `%d` | ", c.code)) {
			t.Errorf("exit code %d is not in the guide", c.code)
		}
	}
}

func listed(all []report.Listed, err error) error {
	if err != nil {
		return err
	}
	return checkListed(all)
}
