// Package cacao reads CACAO security playbooks (OASIS CACAO 2.0, Committee
// Specification 01) and says what is wrong with one: its required properties,
// its identifiers, and that its workflow holds together. It runs nothing. What
// it does not look at: extensions, markings, signatures, variables, and the
// conditions of its branches.
package cacao

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Playbook is what others need of a playbook.
type Playbook struct {
	ID       string
	Name     string
	Modified time.Time
	Steps    []Step // in the order of the document
}

// Step is one step of the workflow.
type Step struct {
	ID       string
	Type     string
	Name     string
	Commands []Command
}

// Command is one command of an action.
type Command struct {
	Type         string
	Line, Column int
}

// Problem is one thing that is wrong, and where. Line and Column start at 1.
type Problem struct {
	Line, Column int
	What         string
}

// locate turns an offset into a line and a column.
func locate(text []byte, at int64, what string) *Problem {
	before := text[:min(max(at, 0), int64(len(text)))]
	line := bytes.Count(before, []byte("\n"))
	begin := bytes.LastIndexByte(before, '\n') + 1
	return &Problem{line + 1, utf8.RuneCount(before[begin:]) + 1, what}
}

// identifier is an object type and a UUID (section 10.10).
var identifier = regexp.MustCompile(`^([a-z][a-z0-9-]+[a-z0-9])--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)

// Parse reads a playbook and checks it. The playbook is nil if there are
// problems.
func Parse(text []byte) (*Playbook, []Problem) {
	top, bad := parse(text)
	if bad != nil {
		return nil, []Problem{*bad}
	}
	c := &checker{text: text, top: top}
	p := c.playbook()
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b Problem) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		return nil, c.problems
	}
	return p, nil
}

// maxProblems ends the list of a document that is wrong throughout.
const maxProblems = 100

type checker struct {
	text     []byte
	top      *node
	steps    map[string]*node
	problems []Problem
}

func (c *checker) fail(at *node, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, *locate(c.text, at.at, fmt.Sprintf(format, args...)))
	}
}

// need returns a text that must be there.
func (c *checker) need(of *node, name string) (string, *node) {
	n := of.member(name)
	switch {
	case n == nil:
		c.fail(of, "%q is missing", name)
		return "", of
	case n.text() == "":
		c.fail(n, "%q is no text", name)
	}
	return n.text(), n
}

// identified returns an identifier that must be there and of a kind.
func (c *checker) identified(of *node, name, kind string) (string, *node) {
	id, at := c.need(of, name)
	if id != "" && !isID(id, kind) {
		c.fail(at, "%q: %q is no identifier of the form %s--UUID", name, id, kind)
	}
	return id, at
}

func isID(id, kind string) bool {
	m := identifier.FindStringSubmatch(id)
	return m != nil && (kind == "" || m[1] == kind)
}

// playbook checks the properties of section 3.1.
func (c *checker) playbook() *Playbook {
	if c.top.kind != object {
		c.fail(c.top, "no JSON object")
		return nil
	}
	for name, want := range map[string]string{"type": "playbook", "spec_version": "cacao-2.0"} {
		if have, at := c.need(c.top, name); have != "" && have != want {
			c.fail(at, "%q is %q, not %q", name, have, want)
		}
	}
	p := &Playbook{}
	p.ID, _ = c.identified(c.top, "id", "playbook")
	p.Name, _ = c.need(c.top, "name")
	c.identified(c.top, "created_by", "identity")
	created, _ := c.time("created")
	modified, at := c.time("modified")
	if modified.Before(created) && !modified.IsZero() {
		c.fail(at, "modified before it was created")
	}
	p.Modified = modified
	p.Steps = c.workflow()
	return p
}

func (c *checker) time(name string) (time.Time, *node) {
	text, at := c.need(c.top, name)
	t, err := time.Parse(time.RFC3339Nano, text)
	if text != "" && (err != nil || !strings.HasSuffix(text, "Z")) {
		c.fail(at, "%q: %q is no time in UTC (2006-01-02T15:04:05.000Z)", name, text)
	}
	return t, at
}
