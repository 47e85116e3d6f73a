package cacao

import "slices"

// linkNames are the properties by which a step names others.
var linkNames = []string{"on_completion", "on_success", "on_failure", "on_true", "on_false", "next_steps", "cases"}

// linksOf lists those that a step of a type may have.
func linksOf(kind string) []string {
	after := linkNames[:3]
	switch kind {
	case "start":
		return linkNames[:1]
	case "end":
		return nil
	case "if-condition":
		return slices.Concat(after, []string{"on_true", "on_false"})
	case "while-condition":
		return slices.Concat(after, []string{"on_true"})
	case "parallel":
		return slices.Concat(after, []string{"next_steps"})
	case "switch-condition":
		return slices.Concat(after, []string{"cases"})
	}
	return after
}

// demands are the properties that a step of a type must have (section 4).
var demands = map[string][]string{
	"start":            {"on_completion"},
	"end":              nil,
	"action":           {"commands", "agent"},
	"playbook-action":  {"playbook_id"},
	"parallel":         {"next_steps"},
	"if-condition":     {"condition", "on_true"},
	"while-condition":  {"condition", "on_true"},
	"switch-condition": {"switch", "cases"},
}

// workflow checks the steps of section 4 and that they hold together: every
// reference leads to a step, every step is reached, and the end is.
func (c *checker) workflow() []Step {
	flow := c.top.member("workflow")
	if flow == nil || flow.kind != object || len(flow.names) == 0 {
		c.fail(c.top, "\"workflow\" is missing or holds no steps")
		return nil
	}
	c.steps = map[string]*node{}
	for i, id := range flow.names {
		c.steps[id] = flow.values[i]
	}
	var all []Step
	for i, id := range flow.names {
		all = append(all, c.step(id, flow.values[i]))
	}
	c.reach(flow)
	return all
}

func (c *checker) step(id string, n *node) Step {
	kind, at := c.need(n, "type")
	s := Step{ID: id, Type: kind, Name: n.member("name").text()}
	need, known := demands[kind]
	switch {
	case kind != "" && !known:
		c.fail(at, "a step of type %q is none there is", kind)
	case kind != "" && !isID(id, kind):
		c.fail(n, "step %q is not called %s--UUID", id, kind)
	}
	for _, name := range need {
		if n.member(name) == nil {
			c.fail(n, "%q is missing in a step of type %s", name, kind)
		}
	}
	c.linked(n, kind)
	c.defined(n.member("agent"), "agent_definitions")
	if targets := n.member("targets"); targets != nil {
		for _, t := range targets.values {
			c.defined(t, "target_definitions")
		}
	}
	if commands := n.member("commands"); commands != nil {
		if commands.kind != array || len(commands.values) == 0 {
			c.fail(commands, "\"commands\" is no list with commands")
		}
		for _, v := range commands.values {
			s.Commands = append(s.Commands, c.command(v))
		}
	}
	return s
}

func (c *checker) command(n *node) Command {
	kind, _ := c.need(n, "type")
	if kind == "manual" && n.member("command").text() == "" && n.member("command_b64").text() == "" {
		c.fail(n, "a manual command says nothing in \"command\" or \"command_b64\"")
	}
	at := locate(c.text, n.at, "")
	return Command{kind, at.Line, at.Column}
}

// linked checks that a step has the links of its type and no others, and where
// they lead.
func (c *checker) linked(n *node, kind string) {
	for _, name := range linkNames {
		switch at := n.member(name); {
		case at == nil:
		case !slices.Contains(linksOf(kind), name):
			c.fail(at, "a step of type %s has no %q", kind, name)
		case name == "next_steps" && (at.kind != array || len(at.values) < 2):
			c.fail(at, "\"next_steps\" wants two steps or more")
		case name == "cases" && (at.kind != object || len(at.values) == 0):
			c.fail(at, "\"cases\" holds no case")
		}
	}
	if n.member("on_completion") != nil && (n.member("on_success") != nil || n.member("on_failure") != nil) {
		c.fail(n, "\"on_completion\" goes without \"on_success\" and \"on_failure\"")
	}
	for _, to := range next(n) {
		if c.steps[to.text()] == nil {
			c.fail(to, "%q is no step of the workflow", to.text())
		}
	}
}

// next lists where a step leads.
func next(n *node) (to []*node) {
	for _, name := range linkNames {
		switch v := n.member(name); {
		case v == nil:
		case v.kind == scalar:
			to = append(to, v)
		default:
			to = append(to, v.values...)
		}
	}
	return to
}

// defined checks that an agent or target is defined at the top.
func (c *checker) defined(n *node, where string) {
	if n != nil && c.top.member(where).member(n.text()) == nil {
		c.fail(n, "%q is not among %q", n.text(), where)
	}
}

// reach walks the workflow from its beginnings.
func (c *checker) reach(flow *node) {
	seen, ends := map[string]bool{}, false
	var open []string
	visit := func(id string) {
		if c.steps[id] != nil && !seen[id] {
			seen[id] = true
			open = append(open, id)
		}
	}
	first, at := c.identified(c.top, "workflow_start", "start")
	if first != "" && c.steps[first] == nil {
		c.fail(at, "\"workflow_start\": %q is no step of the workflow", first)
	}
	visit(first)
	if rescue := c.top.member("workflow_exception"); rescue != nil {
		if c.steps[rescue.text()] == nil {
			c.fail(rescue, "\"workflow_exception\": %q is no step of the workflow", rescue.text())
		}
		visit(rescue.text())
	}
	for len(open) > 0 {
		n := c.steps[open[0]]
		open = open[1:]
		ends = ends || n.member("type").text() == "end"
		for _, to := range next(n) {
			visit(to.text())
		}
	}
	for i, id := range flow.names {
		if !seen[id] {
			c.fail(flow.values[i], "step %q is never reached", id)
		}
	}
	if !ends {
		c.fail(flow, "no step of type end is reached")
	}
}
