package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

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
	if shown := options(checkCommand()); len(shown) < 20 {
		t.Errorf("only %d options of check: %v", len(shown), shown)
	}
	have := map[string]bool{}
	for _, cmd := range append([]*cobra.Command{checkCommand(), logsCommand(), manCommand()}, reportCommand().Commands()...) {
		if !strings.Contains(text, cmd.Name()) {
			t.Errorf("%s is not in the guide", cmd.Name())
		}
		for _, o := range options(cmd) {
			have[o] = true
			if !strings.Contains(text, "`--"+o+"`") {
				t.Errorf("--%s of %s is not in the guide", o, cmd.Name())
			}
		}
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)`").FindAllStringSubmatch(text, -1) {
		if !have[m[1]] {
			t.Errorf("the guide names --%s, which no command has", m[1])
		}
	}
	for _, c := range exitCodes {
		if !strings.Contains(text, fmt.Sprintf("| `%d` | ", c.code)) {
			t.Errorf("exit code %d is not in the guide", c.code)
		}
	}
}

// options are those that the help of a command shows.
func options(cmd *cobra.Command) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
		names = append(names, m[1])
	}
	return names
}

func listed(all []report.Listed, err error) error {
	if err != nil {
		return err
	}
	return checkListed(all)
}
