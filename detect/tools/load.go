package tools

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed tools.yaml
var embedded []byte

// Limits of the table, so that a broken one is an error and not a slow run.
const (
	maxBytes = 1 << 20
	maxTools = 2000
	maxText  = 200
	minPiece = 8 // of a command line's literal text: shorter ones are everywhere
)

// document is the file: sources that many rows share, then the rows.
type document struct {
	Sources map[string]string `yaml:"sources"`
	Tools   []Tool            `yaml:"tools"`
}

// Load returns the table of this build, read once; its callers share it. Its errors name the row and what is
// wrong with it; a field that the table does not know, a second row of one
// name, a row without traces or without a source are errors.
func Load() (*Table, error) { return loaded() }

var loaded = sync.OnceValues(func() (*Table, error) { return parse(embedded) })

func parse(data []byte) (*Table, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("tools.yaml: more than %d bytes", maxBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var doc document
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("tools.yaml: %w", err)
	}
	if err := dec.Decode(&document{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("tools.yaml: a second document")
	}
	if len(doc.Tools) == 0 || len(doc.Tools) > maxTools {
		return nil, fmt.Errorf("tools.yaml: %d tools; want 1 to %d", len(doc.Tools), maxTools)
	}
	var faults []error
	seen := map[string]bool{}
	for i := range doc.Tools {
		tool := &doc.Tools[i]
		for _, name := range []string{"id " + tool.ID, "name " + strings.ToLower(tool.Name)} {
			if seen[name] {
				faults = append(faults, fmt.Errorf("tools.yaml: %s: a second one", name))
			}
			seen[name] = true
		}
		if err := tool.check(doc.Sources); err != nil {
			faults = append(faults, fmt.Errorf("tools.yaml: %q: %w", tool.ID, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	slices.SortFunc(doc.Tools, func(a, b Tool) int { return strings.Compare(a.ID, b.ID) })
	return index(doc.Tools), nil
}

var idPattern = regexp.MustCompile(`\A[a-z0-9][a-z0-9-]{1,40}\z`)

// check says what is wrong with a row, and writes its sources out.
func (t *Tool) check(shared map[string]string) error {
	if !idPattern.MatchString(t.ID) {
		return errors.New("id: want lower-case letters, digits and hyphens")
	}
	if t.Name == "" || !slices.Contains([]Kind{RemoteAccess, RMM, Tunnel, Transfer, Attack, Execution}, t.Kind) {
		return fmt.Errorf("no name, or unknown kind %q", t.Kind)
	}
	if !slices.Contains([]string{"", "windows", "linux"}, t.OS) {
		return fmt.Errorf("os: %q", t.OS)
	}
	traces := 0
	for field, list := range t.fields() {
		traces += len(list)
		if err := checkList(list, field == "commands"); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	if traces == 0 {
		return errors.New("no traces")
	}
	if err := t.checkPaths(); err != nil {
		return err
	}
	if len(t.Sources) == 0 {
		return errors.New("no source")
	}
	for i, s := range t.Sources {
		if key, rest, _ := strings.Cut(s, ":"); shared[key] != "" {
			t.Sources[i] = shared[key] + rest
		}
		if !strings.HasPrefix(t.Sources[i], "https://") {
			return fmt.Errorf("source %q: neither an https address nor one of the shared ones", s)
		}
	}
	return nil
}

// fields are the traces under their names in the file.
func (t *Tool) fields() map[string][]string {
	return map[string][]string{
		"programs": t.Programs, "services": t.Services, "tasks": t.Tasks, "folders": t.Folders, "registry": t.Registry,
		"signers": t.Signers, "products": t.Products, "original": t.Original, "commands": t.Commands,
	}
}

// checkList says what is wrong with a list of names; pieces of command lines
// may begin and end with a space.
func checkList(list []string, pieces bool) error {
	seen := map[string]bool{}
	for _, name := range list {
		low := strings.ToLower(name)
		if len(name) > maxText || (!pieces && strings.TrimSpace(low) != low) || len(strings.Trim(low, "*?/\\. ")) < 2 {
			return fmt.Errorf("%q: too long, too short, or spaces around it", name)
		}
		if seen[low] {
			return fmt.Errorf("%q: twice", name)
		}
		seen[low] = true
	}
	return nil
}

func (t *Tool) checkPaths() error {
	for _, p := range t.Programs {
		if p != strings.ToLower(p) || strings.ContainsAny(p, `/\:`) {
			return fmt.Errorf("programs: %q: want a base name in lower case", p)
		}
	}
	for _, g := range t.Generic {
		if !slices.Contains(t.Programs, g) {
			return fmt.Errorf("generic: %q is none of its programs", g)
		}
	}
	if len(t.Generic) > 0 && len(t.Folders)+len(t.Signers)+len(t.Products) == 0 {
		return errors.New("generic: needs a folder, a signer or a product beside it")
	}
	for _, f := range t.Folders {
		if f != strings.ToLower(f) || strings.ContainsAny(f, `\:`) || strings.Trim(f, "/") != f || strings.HasPrefix(f, "*") {
			return fmt.Errorf("folders: %q: want lower case, forward slashes, no drive", f)
		}
	}
	for _, s := range slices.Concat(t.Signers, t.Products) {
		if strings.HasPrefix(strings.ToLower(s), "microsoft") {
			return fmt.Errorf("%q: is on every Windows", s)
		}
	}
	for _, c := range t.Commands {
		longest := 0
		for _, part := range strings.FieldsFunc(c, func(r rune) bool { return r == '*' || r == '?' }) {
			longest = max(longest, len(part))
		}
		if longest < minPiece {
			return fmt.Errorf("commands: %q: no run of %d characters in it", c, minPiece)
		}
	}
	return nil
}

// index fills the lookups of checked rows.
func index(rows []Tool) *Table {
	t := &Table{tools: rows}
	for i := range rows {
		r := &rows[i]
		for _, s := range []struct {
			into *lookup
			list []string
			expr func(string) string
		}{
			{&t.programs, r.Programs, whole},
			{&t.services, r.Services, whole},
			{&t.tasks, r.Tasks, whole},
			{&t.folders, r.Folders, below},
			{&t.registry, r.Registry, beneath},
			{&t.signers, r.Signers, whole},
			{&t.products, r.Products, whole},
			{&t.original, r.Original, whole},
			{&t.commands, r.Commands, piece},
		} {
			for _, name := range s.list {
				name = strings.ToLower(name)
				if s.into == &t.registry {
					name = strings.ReplaceAll(name, `\`, "/")
				}
				s.into.add(i, name, s.expr(name))
			}
		}
	}
	return t
}
