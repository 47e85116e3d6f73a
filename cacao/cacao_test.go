package cacao_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/cacao"
)

// good is the smallest playbook there is.
const good = `{
  "type": "playbook", "spec_version": "cacao-2.0",
  "id": "playbook--5a3c2f6e-2a4e-4c58-9a15-6f1c0e9b7d10",
  "name": "Smallest",
  "created_by": "identity--0b0e5d0e-6d0b-4a63-8f0f-3f6a4b7f3c11",
  "created": "2026-01-02T03:04:05.000Z", "modified": "2026-01-02T03:04:05.000Z",
  "workflow_start": "start--1c1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b",
  "workflow": {
    "start--1c1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b": {"type": "start", "on_completion": "action--2d2f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"},
    "action--2d2f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b": {
      "type": "action", "name": "Look", "agent": "individual--3e3f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b",
      "commands": [{"type": "manual", "command": "Look at it."}],
      "on_completion": "end--4f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"
    },
    "end--4f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b": {"type": "end"}
  },
  "agent_definitions": {"individual--3e3f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b": {"type": "individual", "name": "Administrator"}}
}
`

func TestGood(t *testing.T) {
	p, problems := cacao.Parse([]byte(good))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if p.Name != "Smallest" || len(p.Steps) != 3 || p.Steps[1].Commands[0] != (cacao.Command{Type: "manual", Line: 12, Column: 20}) {
		t.Errorf("%+v", p)
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"playbook",`, `"play",`, `2:11: "type" is "play", not "playbook"`},
		{`cacao-2.0`, `cacao-1.1`, `2:39: "spec_version" is "cacao-1.1", not "cacao-2.0"`},
		{`"playbook--5a`, `"5a`, `3:9: "id": "5a3c2f6e-2a4e-4c58-9a15-6f1c0e9b7d10" is no identifier of the form playbook--UUID`},
		{`  "name": "Smallest",` + "\n", ``, `1:1: "name" is missing`},
		{`"modified": "2026-01-02T03`, `"modified": "2026-01-02T02`, `6:54: modified before it was created`},
		{`"created": "2026-01-02T03:04:05.000Z"`, `"created": "yesterday"`, `6:14: "created": "yesterday" is no time in UTC (2006-01-02T15:04:05.000Z)`},
		{`"workflow_start": "start--1c`, `"workflow_start": "start--9c`, `7:21: "workflow_start": "start--9c1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b" is no step of the workflow`},
		{`"on_completion": "end--4f`, `"on_completion": "end--5f`, `13:24: "end--5f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b" is no step of the workflow`},
		{`"on_completion": "end--4f`, `"on_true": "end--4f`, `13:18: a step of type action has no "on_true"`},
		{`"on_completion": "end--4f`, `"on_success": "end--4f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b", "on_completion": "end--4f`, `10:53: "on_completion" goes without "on_success" and "on_failure"`},
		{`{"type": "end"}`, `{"type": "end", "on_completion": "end--4f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"}`, `15:83: a step of type end has no "on_completion"`},
		{`{"type": "end"}`, `{"type": "stop"}`, `15:59: a step of type "stop" is none there is`},
		{`{"type": "end"}`, `{"type": "start", "on_completion": "action--2d2f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"}`, `15:50: step "end--4f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b" is not called start--UUID`},
		{`"agent": "individual--3e`, `"agent": "individual--9e`, `11:50: "individual--9e3f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b" is not among "agent_definitions"`},
		{`"commands": [{"type": "manual", "command": "Look at it."}],`, ``, `10:53: "commands" is missing in a step of type action`},
		{`"commands": [{"type": "manual", "command": "Look at it."}],`, `"commands": [],`, `12:19: "commands" is no list with commands`},
		{`, "command": "Look at it."`, ``, `12:20: a manual command says nothing in "command" or "command_b64"`},
		{`{"type": "start", "on_completion": "action--2d2f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"}`, `{"type": "start", "on_completion": "end--4f4f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b"}`, `10:53: step "action--2d2f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b" is never reached`},
		{`"on_completion": "end--4f4f2a3b`, `"on_completion": "action--2d2f2a3b`, `8:15: no step of type end is reached`},
		{`"name": "Smallest"`, `"name": "Smallest", "name": "Other"`, `4:23: name stands twice`},
		{`"name": "Smallest"`, `"name": 1`, `4:11: "name" is no text`},
		{"\n}\n", "\n} {}\n", `18:2: it goes on after its end`},
		{"\n}\n", "\n", `18:1: not JSON: EOF`},
		{`{"type": "end"}`, strings.Repeat("[", 60) + strings.Repeat("]", 60), `15:97: more than 100000 values, or nested deeper than 48`},
	} {
		if !strings.Contains(good, c.from) {
			t.Fatalf("%q is not there to be spoiled", c.from)
		}
		_, problems := cacao.Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
		var all []string
		for _, p := range problems {
			all = append(all, fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.What))
		}
		if !strings.Contains("\n"+strings.Join(all, "\n")+"\n", "\n"+c.want+"\n") {
			t.Errorf("%s -> %s:\n%s\nwant\n%s", c.from, c.to, strings.Join(all, "\n"), c.want)
		}
	}
}

// TestRealPlaybooks: the standard's own examples have no problems but two real
// ones: the one about layout leaves the commands out of its actions, which the
// schema demands, and another names a target that it defines nowhere.
func TestRealPlaybooks(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "corpora", "cacao", "oasis")
	files, _ := filepath.Glob(filepath.Join(root, "Examples", "CACAO-2.0", "*.json"))
	layout, _ := filepath.Glob(filepath.Join(root, "Extensions", "layout", "examples", "*.json"))
	if len(files) == 0 {
		t.Skip("no corpora beside the project")
	}
	for _, path := range append(files, layout...) {
		if filepath.Base(path) == "identity-object.json" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, problems := cacao.Parse(text)
		for _, p := range problems {
			known := strings.Contains(path, "layout") && strings.Contains(p.What, "is missing in a step of type") ||
				strings.Contains(p.What, "security-category--acc1cff5")
			if !known {
				t.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, p.What)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"workflow": {"x": {"type": "parallel", "next_steps": ["x", {}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, problems := cacao.Parse(text)
		if (p == nil) == (len(problems) == 0) {
			t.Fatalf("playbook %v, problems %v", p, problems)
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, at := range problems {
			if at.Line < 1 || at.Line > lines || at.Column < 1 {
				t.Fatalf("a problem at %d:%d of %d lines", at.Line, at.Column, lines)
			}
		}
	})
}
