package yara

import (
	"fmt"
	"slices"
	"strings"

	"postern/detect/yara/atom"
	"postern/detect/yara/module"
	"postern/detect/yara/syntax"
)

// Compile compiles rule files into one set. A file with a fault is refused as a
// whole, with one or more errors that name it, and the others go on. Each file
// is a namespace of its own: equal names in two files do not clash, and rules
// refer to those before them in the same file. It never returns nil rules.
func Compile(sources []Source, opt Options) (*Rules, []*Error) {
	opt.Window = positive(opt.Window, 8<<20)
	opt.MaxMatches = positive(opt.MaxMatches, 1_000_000)
	opt.Listed = positive(opt.Listed, 100)
	r := &Rules{opt: opt, externals: map[string]external{}, modules: modules()}
	var errs []*Error
	for name, v := range opt.Externals {
		value := module.Of(v)
		if value.Kind == module.Undefined || value.Kind > module.String {
			errs = append(errs, &Error{Message: fmt.Sprintf("external variable %q: %T is no bool, int64, float64 or string", name, v)})
			continue
		}
		r.externals[name] = external{len(r.values), value.Kind}
		r.values = append(r.values, value)
	}
	predicates := map[string]int{}
	for _, src := range sources {
		errs = append(errs, r.file(src, predicates)...)
	}
	r.seal()
	return r, errs
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// file compiles one source, or takes back all of it.
func (r *Rules) file(src Source, predicates map[string]int) []*Error {
	tree, err := syntax.Parse(src.Name, src.Text, r.opt.Include)
	if err != nil {
		return []*Error{fault(err)}
	}
	rules, strs, patterns, slots, warnings := len(r.rules), len(r.strings), len(r.patterns), len(r.owner), len(r.warnings)
	c := &compiler{Rules: r, predicateOf: predicates, imported: map[string]int{}, named: map[string]*Rule{}}
	c.imports(tree)
	for _, t := range tree.Rules {
		c.rule(t)
	}
	if len(c.errs) > 0 {
		r.rules, r.strings, r.patterns = r.rules[:rules], r.strings[:strs], r.patterns[:patterns]
		r.owner, r.warnings = r.owner[:slots], r.warnings[:warnings]
		return c.errs
	}
	r.namespaces++
	return nil
}

// seal builds what scans share.
func (r *Rules) seal() {
	var b atom.Builder
	for i := range r.patterns {
		p := &r.patterns[i]
		r.margin = max(r.margin, p.Reach())
		if p.Everywhere() {
			r.everywhere = append(r.everywhere, i)
			continue
		}
		for key := int(p.xorMin); key <= int(p.xorMax); key++ {
			b.Add(uint32(i), p.Atoms, byte(key))
		}
		p.Atoms = nil // the index has them
	}
	r.index = b.Index()
	for i, str := range r.strings {
		if str.chain != nil {
			r.chained = append(r.chained, i)
		}
	}
	r.always = newBits(len(r.rules))
	for i, rule := range r.rules {
		if rule.always {
			r.always.set(i)
		}
		if rule.Global {
			r.globals = append(r.globals, i)
		}
		for _, used := range rule.refers {
			r.rules[used].users = append(r.rules[used].users, i)
		}
	}
	r.pool.New = func() any { return newScan(r) }
}

// compiler compiles one file.
type compiler struct {
	*Rules
	errs        []*Error
	imported    map[string]int
	named       map[string]*Rule
	wildcards   []string // prefixes of rules in sets, which no later rule may have
	predicateOf map[string]int

	// of the rule at hand
	rule_  *Rule
	names  map[string]int // strings with a name
	used   map[int]bool   // strings that the condition mentions
	placed map[int]bool   // those of which it asks where or how often they stand
	sets   [][]int        // those that $ stands for, by loop
	locals []local
	slots  int // variables in use
}

type local struct {
	name string
	slot int
	typ  *module.Type
}

func (c *compiler) fail(p syntax.Pos, format string, args ...any) {
	c.errs = append(c.errs, &Error{p.File, p.Line, p.Column, fmt.Sprintf(format, args...)})
}

func (c *compiler) warn(p syntax.Pos, format string, args ...any) {
	c.warnings = append(c.warnings, &Error{p.File, p.Line, p.Column, fmt.Sprintf(format, args...)})
}

func (c *compiler) imports(tree *syntax.File) {
	for _, im := range tree.Imports {
		i := slices.IndexFunc(c.modules, func(m module.Module) bool { return m.Name == im.Name })
		if i < 0 {
			c.fail(im.Pos, "unknown module %q", im.Name)
			continue
		}
		c.imported[im.Name] = i
	}
}

func (c *compiler) rule(t *syntax.Rule) {
	r := &Rule{Name: t.Name, File: t.File, Line: t.Line, Tags: t.Tags, Private: t.Private, Global: t.Global,
		index: len(c.rules), namespace: c.namespaces}
	for _, m := range t.Meta {
		r.Meta = append(r.Meta, Meta{m.Name, m.Value, m.Line})
	}
	if _, taken := c.named[t.Name]; taken {
		c.fail(t.Pos, "duplicated identifier %q", t.Name)
	} else if _, taken := c.externals[t.Name]; taken {
		c.fail(t.Pos, "duplicated identifier %q", t.Name)
	}
	for _, w := range c.wildcards {
		if strings.HasPrefix(t.Name, w) {
			c.fail(t.Pos, "rule %q fits the wildcard %q that a rule before it uses", t.Name, w+"*")
		}
	}
	c.rule_, c.names, c.used, c.placed, c.locals, c.slots, c.sets = r, map[string]int{}, map[int]bool{}, map[int]bool{}, nil, 0, nil
	for _, s := range t.Strings {
		if _, taken := c.names[s.Name]; taken && s.Name != "$" {
			c.fail(s.Pos, "duplicated string identifier %q", s.Name)
			continue
		}
		c.names[s.Name] = len(c.strings)
		c.str(r, s)
	}
	cond := c.expr(t.Condition)
	c.wantTruth(t.Condition, cond)
	r.condition = cond.eval
	for _, i := range r.strings {
		if s := c.strings[i]; !c.used[i] && !strings.HasPrefix(s.name, "$_") {
			c.fail(s.pos, "unreferenced string %q", s.name)
		}
	}
	c.keep(r)
	if len(c.errs) == 0 {
		c.gate(r, t.Condition)
	}
	c.rules = append(c.rules, r)
	c.named[t.Name] = r
}

// keep settles how many matches of each string are kept: of one of which only
// matters whether it is there, no more than are listed.
func (c *compiler) keep(r *Rule) {
	for _, i := range r.strings {
		str := c.strings[i]
		str.most = c.opt.MaxMatches
		if str.brief = str.chain == nil && !c.placed[i]; str.brief {
			str.most = min(c.opt.Listed, str.most)
		}
	}
}
