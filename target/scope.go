package target

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"postern/evidence"
)

// Scope is what an operator wrote down as theirs to be asked over the network.
type Scope struct {
	Networks []netip.Prefix
	Names    []string  // lower case, ASCII; "*.example.org" is every name below example.org, not itself
	From     time.Time // first instant it holds; zero: open
	Until    time.Time // first instant it no longer holds; zero: open
	Contact  string    // who answers for the probes; "" allowed
}

// maxScope is how long a scope file may be, in bytes.
const maxScope = 1 << 20

// errScope marks what is wrong with a scope file.
var errScope = errors.New("target: scope file")

// LoadScope reads a scope file, YAML (so JSON too): networks (a list of CIDRs
// or addresses), names (host names, or "*.suffix"), from and until (RFC 3339,
// or a day, UTC, which until includes) and contact. Anything else in it is an
// error with its line, so is a file that allows nothing. Whether the scope
// holds now is asked when a target is opened.
func LoadScope(r io.Reader) (*Scope, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxScope+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errScope, err)
	}
	if len(text) > maxScope {
		return nil, fmt.Errorf("%w: over %d bytes: %w", errScope, maxScope, evidence.ErrLimit)
	}
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%w: %w", errScope, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: only one document is read, and more follows", errScope)
	}
	s := &Scope{}
	if err := s.read(doc.Content[0]); err != nil {
		return nil, fmt.Errorf("%w: %w", errScope, err)
	}
	switch {
	case len(s.Networks)+len(s.Names) == 0:
		return nil, fmt.Errorf("%w: it allows nothing; list networks or names", errScope)
	case !s.From.IsZero() && !s.Until.IsZero() && !s.From.Before(s.Until):
		return nil, fmt.Errorf("%w: from %s is not before until %s", errScope, s.From.Format(time.RFC3339), s.Until.Format(time.RFC3339))
	}
	return s, nil
}

func (s *Scope) read(doc *yaml.Node) error {
	if doc.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want fields: networks, names, from, until, contact", doc.Line)
	}
	var seen []string
	for i := 0; i+1 < len(doc.Content); i += 2 {
		key, value := doc.Content[i], doc.Content[i+1]
		if slices.Contains(seen, key.Value) {
			return fmt.Errorf("line %d: %s stands there twice", key.Line, key.Value)
		}
		seen = append(seen, key.Value)
		var err error
		switch key.Value {
		case "networks":
			err = each(value, s.addNetwork)
		case "names":
			err = each(value, s.addName)
		case "from":
			err = one(value, func(text string) (err error) { s.From, err = instant(text, false); return err })
		case "until":
			err = one(value, func(text string) (err error) { s.Until, err = instant(text, true); return err })
		case "contact":
			err = one(value, func(text string) error { s.Contact = text; return nil })
		default:
			err = fmt.Errorf("line %d: unknown field %q; known are networks, names, from, until, contact", key.Line, key.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each hands over the entries of a list, one a single text.
func each(list *yaml.Node, add func(string) error) error {
	if list.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: want a list", list.Line)
	}
	for _, entry := range list.Content {
		if err := one(entry, add); err != nil {
			return err
		}
	}
	return nil
}

func one(node *yaml.Node, take func(string) error) error {
	if node.Kind != yaml.ScalarNode || node.Value == "" {
		return fmt.Errorf("line %d: want a text", node.Line)
	}
	if err := take(node.Value); err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	return nil
}

func (s *Scope) addNetwork(text string) error {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		s.Networks = append(s.Networks, netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	p, err := parseRange(text)
	if err != nil {
		return err
	}
	s.Networks = append(s.Networks, p)
	return nil
}

func (s *Scope) addName(text string) error {
	if _, err := netip.ParseAddr(text); err == nil {
		return fmt.Errorf("%q is an address; list it under networks", text)
	}
	suffix, wild := strings.CutPrefix(text, "*.")
	name, err := hostName(suffix)
	if err != nil {
		return err
	}
	if wild {
		name = "*." + name
	}
	s.Names = append(s.Names, name)
	return nil
}

// instant reads a time, or a day: its start, or with end its end.
func instant(text string, end bool) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a day (2026-11-23) nor a time (2026-11-23T18:00:00+08:00)", text)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// Allows reports whether a host may be asked: its name is listed or lies below
// a listed suffix, or it is an address inside a listed network. Case and a
// final dot do not count.
func (s *Scope) Allows(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return s.AllowsAddr(addr)
	}
	name, err := hostName(host)
	return err == nil && slices.ContainsFunc(s.Names, func(listed string) bool {
		suffix, wild := strings.CutPrefix(listed, "*")
		return name == listed || wild && strings.HasSuffix(name, suffix)
	})
}

// AllowsAddr reports whether an address lies in a listed network.
func (s *Scope) AllowsAddr(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(s.Networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// holds is nil while the scope is in force.
func (s *Scope) holds(now time.Time) error {
	if !s.From.IsZero() && now.Before(s.From) {
		return fmt.Errorf("target: the scope holds from %s on, not yet: %w", s.From.Format(time.RFC3339), evidence.ErrOutOfScope)
	}
	if !s.Until.IsZero() && !now.Before(s.Until) {
		return fmt.Errorf("target: the scope held until %s: %w", s.Until.Format(time.RFC3339), evidence.ErrOutOfScope)
	}
	return nil
}
