package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"postern/report"
	"postern/target"
)

// readInventory reads --inventory: a YAML list, or CSV with a header, of the
// columns name, address, role, cluster, note. Only name is needed.
func (c *check) readInventory() ([]report.Listed, error) {
	path := c.flags.inventory
	if path == "" {
		return nil, nil
	}
	text, err := c.readSmall(path)
	if err != nil {
		return nil, failed("--inventory: %w", err)
	}
	var listed []report.Listed
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		listed, err = parseYAML(text)
	default:
		listed, err = parseCSV(text)
	}
	if err == nil {
		err = checkListed(listed)
	}
	if err != nil {
		return nil, fmt.Errorf("--inventory %s: %w", path, err)
	}
	return listed, nil
}

// row is one machine as YAML has it.
type row struct {
	Name    string    `yaml:"name"`
	Address addresses `yaml:"address"`
	Role    string    `yaml:"role"`
	Cluster string    `yaml:"cluster"`
	Note    string    `yaml:"note"`
}

// addresses is one address, several in a text, or a list.
type addresses []string

// UnmarshalYAML takes a scalar or a sequence.
func (a *addresses) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*a = split(n.Value)
		return nil
	}
	var list []string
	if err := n.Decode(&list); err != nil {
		return err
	}
	*a = list
	return nil
}

// split cuts addresses written into one field.
func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ';' || r == '|' || r == ',' })
}

func parseYAML(text []byte) ([]report.Listed, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var rows []row
	if err := dec.Decode(&rows); err != nil {
		return nil, err
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document")
	}
	listed := make([]report.Listed, 0, len(rows))
	for _, r := range rows {
		listed = append(listed, report.Listed{Name: r.Name, Addresses: r.Address, Role: r.Role, Cluster: r.Cluster, Note: r.Note})
	}
	return listed, nil
}

func parseCSV(text []byte) ([]report.Listed, error) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	for i, column := range head {
		head[i] = strings.ToLower(strings.TrimSpace(column))
		if head[i] == "addresses" {
			head[i] = "address"
		}
		if !slices.Contains([]string{"name", "address", "role", "cluster", "note"}, head[i]) {
			return nil, fmt.Errorf("line 1: unknown column %q; the columns are name, address, role, cluster, note", column)
		}
	}
	if !slices.Contains(head, "name") {
		return nil, errors.New("line 1: no column name; the first line names the columns")
	}
	var listed []report.Listed
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return listed, nil
		}
		if err != nil {
			return nil, err
		}
		get := func(column string) string {
			if at := slices.Index(head, column); at >= 0 {
				return strings.TrimSpace(fields[at])
			}
			return ""
		}
		listed = append(listed, report.Listed{Name: get("name"), Addresses: split(get("address")), Role: get("role"), Cluster: get("cluster"), Note: get("note")})
	}
}

func checkListed(listed []report.Listed) error {
	if len(listed) == 0 {
		return errors.New("no machines in it")
	}
	for i, l := range listed {
		if l.Name == "" {
			return fmt.Errorf("machine %d has no name", i+1)
		}
		if !slices.Contains([]string{"", "host", "vm", "template", "dr", "cluster"}, l.Role) {
			return fmt.Errorf("machine %q: unknown role %q; the roles are host, vm, template, dr, cluster", l.Name, l.Role)
		}
	}
	return nil
}

// readAtMost reads all of in, which may hold at most limit bytes.
func readAtMost(in io.Reader, name string, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s: over %d MiB", name, limit>>20)
	}
	return text, nil
}

// readScope reads --scope.
func (c *check) readScope() (*target.Scope, error) {
	if c.flags.scope == "" {
		return nil, nil //nolint:nilnil // no scope file is not an error
	}
	text, err := c.readSmall(c.flags.scope)
	if err != nil {
		return nil, failed("--scope: %w", err)
	}
	scope, err := target.LoadScope(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("--scope %s: %w", c.flags.scope, err)
	}
	return scope, nil
}
