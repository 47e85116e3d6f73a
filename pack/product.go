package pack

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"postern/evidence"
	"postern/version"
)

// product makes the runtime product and proves its patterns.
func (l *loader) product(s *specProduct) {
	f := l.file("product.yaml")
	p := &l.pack.Product
	*p = evidence.Product{
		ID: s.ID.Value, Name: s.Name.Value, Folders: strs(s.Folders), Inner: strs(s.Inner),
		Data: strs(s.Data), Services: strs(s.Services),
		Images: f.rules(s.Images), Uninst: f.rules(s.Uninstall), CopyName: f.rule(&s.Copies), Own: f.rule(s.Own),
	}
	f.shaped(s.ID, packID, "a lower-case word")
	l.pack.Starts = f.rule(s.Starts)
	for _, prog := range s.Programs {
		kind := evidence.SignalLibrary
		if prog.Kind.Value == "program" {
			kind = evidence.SignalProgram
		}
		p.Programs = append(p.Programs, evidence.ProgramFile{Name: prog.Name.Value, Kind: kind, Marker: prog.Marker, Pattern: f.rule(prog.Build)})
		if prog.Build != nil {
			for _, e := range prog.Build.Examples {
				f.version(l.pack.Scheme, text{Value: prog.Build.Pattern.FindString(e.Value), At: e.At})
			}
		}
	}
	if s.Web != nil {
		p.Web = l.web(f, s.Web)
	}
}

func (l *loader) web(f *file, s *specWeb) *evidence.PageRecipe {
	r := &evidence.PageRecipe{}
	for _, p := range s.Ports {
		if p.Number < 1 || p.Number > 65535 {
			f.Fail(p.At, ErrValue, "port %d", p.Number)
			continue
		}
		r.Ports = append(r.Ports, evidence.Port{Number: uint16(p.Number), TLS: p.TLS})
	}
	for i := range s.Requests {
		r.Requests = append(r.Requests, l.request(f, &s.Requests[i]))
	}
	return r
}

// request makes one GET. HEAD is refused too: it reads no body, and a recipe is
// made of bodies.
func (l *loader) request(f *file, s *specRequest) evidence.PageRequest {
	if m := s.Method; m.Value != "" && m.Value != "GET" {
		f.Fail(m.At, ErrMethod, "%q", m.Value)
	}
	if u, err := url.Parse(s.Path.Value); err != nil || !strings.HasPrefix(s.Path.Value, "/") || strings.HasPrefix(s.Path.Value, "//") || u.RawQuery != "" || u.Fragment != "" {
		f.Fail(s.Path.At, ErrValue, "path %q: want a plain path below the root, without a query", s.Path.Value)
	}
	r := evidence.PageRequest{
		Path: s.Path.Value, Product: f.rules(s.Product),
		Cluster: f.rule(s.Cluster), Host: f.submatch(s.Host), OS: f.submatch(s.OS),
	}
	for i := range s.Builds {
		r.Builds = append(r.Builds, l.build(f, &s.Builds[i]))
	}
	return r
}

// build proves that every example gives the version its author says, and that
// the scheme can read it.
func (l *loader) build(f *file, s *specBuild) evidence.BuildPattern {
	re := f.submatch(&s.specRule)
	if len(s.Gives) != len(s.Examples) {
		f.Fail(s.Pattern.At, ErrExample, "%d examples and %d versions they give", len(s.Examples), len(s.Gives))
		return evidence.BuildPattern{}
	}
	for i, e := range s.Examples {
		m := re.FindStringSubmatch(e.Value)
		if len(m) < 2 {
			continue // reported by rule or submatch
		}
		got := m[1]
		if s.Ticks {
			got = ticksBuild(got)
		}
		if got != s.Gives[i].Value {
			f.Fail(e.At, ErrExample, "gives %q, not %q", got, s.Gives[i].Value)
		}
		f.version(l.pack.Scheme, text{Value: got, At: e.At})
	}
	return evidence.BuildPattern{Regexp: re, Ticks: s.Ticks, Confidence: evidence.Confidence(s.Confidence.Value)}
}

// ticksBuild turns .NET ticks (100 ns since 0001-01-01, System.DateTime) into
// days since 2000-01-01; "" when they are no such thing.
func ticksBuild(ticks string) string {
	n, err := strconv.ParseInt(ticks, 10, 64)
	if err != nil {
		return ""
	}
	const (
		ticksPerDay = 24 * 60 * 60 * 10_000_000
		year2000    = 730_119 // days from 0001-01-01 to 2000-01-01
	)
	return strconv.FormatInt(n/ticksPerDay-year2000, 10)
}

// rule proves a pattern on its examples; nil gives nil.
func (f *file) rule(s *specRule) *regexp.Regexp {
	if s == nil || s.Pattern.Regexp == nil {
		return nil
	}
	for _, e := range s.Examples {
		if !s.Pattern.MatchString(e.Value) {
			f.Fail(e.At, ErrExample, "%q is not matched by %s", e.Value, s.Pattern)
		}
	}
	for _, e := range s.Near {
		if s.Pattern.MatchString(e.Value) {
			f.Fail(e.At, ErrExample, "near miss %q is matched by %s", e.Value, s.Pattern)
		}
	}
	return s.Pattern.Regexp
}

func (f *file) rules(s []specRule) []*regexp.Regexp {
	var all []*regexp.Regexp
	for i := range s {
		all = append(all, f.rule(&s[i]))
	}
	return all
}

// submatch is a rule whose first submatch is what is read.
func (f *file) submatch(s *specRule) *regexp.Regexp {
	re := f.rule(s)
	if re != nil && re.NumSubexp() < 1 {
		f.Fail(s.Pattern.At, ErrValue, "%s has no submatch to read", re)
	}
	return re
}

func (f *file) version(s version.Scheme, t text) version.Version {
	v, err := s.Parse(t.Value)
	if err != nil {
		f.Fail(t.At, ErrValue, "%w", err)
	}
	return v
}

// shaped demands that a text has a form.
func (f *file) shaped(t text, form *regexp.Regexp, want string) {
	if !form.MatchString(t.Value) {
		f.Fail(t.At, ErrValue, "%q: want %s", t.Value, want)
	}
}

// links are web addresses, for people.
func (f *file) links(all []text) []string {
	for _, t := range all {
		if u, err := url.Parse(t.Value); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			f.Fail(t.At, ErrValue, "%q is no web address", t.Value)
		}
	}
	return strs(all)
}

func strs(all []text) []string {
	var out []string
	for _, t := range all {
		out = append(out, t.Value)
	}
	return out
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// unique demands that an id has a form and was not used before.
func (f *file) unique(seen map[string]bool, id text) {
	f.shaped(id, idForm, "words of lower-case letters, digits and hyphens, joined by dots")
	if seen[id.Value] {
		f.Fail(id.At, ErrDuplicate, "id %q", id.Value)
	}
	seen[id.Value] = true
}

var idForm = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$`)
