package hive

import (
	"fmt"
	"strings"
	"sync"

	"postern/evidence"
)

// Registry answers `HKLM\SYSTEM\...` and `HKLM\SOFTWARE\...` from two hives, so
// that a collector asks the same keys of an image as of a live host. open is
// called once for "SYSTEM" and once for "SOFTWARE", when first asked for, and
// its error is every such key's error. `CurrentControlSet` is the control set
// that Select\Current names. Any other root wraps evidence.ErrUnsupported.
func Registry(open func(hive string) (*Hive, error)) evidence.Registry {
	return &offline{
		system:   sync.OnceValues(func() (*Hive, error) { return open("SYSTEM") }),
		software: sync.OnceValues(func() (*Hive, error) { return open("SOFTWARE") }),
	}
}

type offline struct{ system, software func() (*Hive, error) }

// Key implements evidence.Registry.
func (o *offline) Key(path string) (*evidence.RegistryKey, error) {
	root, rest, _ := strings.Cut(path, `\`)
	name, rest, _ := strings.Cut(rest, `\`)
	if !strings.EqualFold(root, "HKLM") && !strings.EqualFold(root, "HKEY_LOCAL_MACHINE") {
		return nil, fmt.Errorf("hive: key %s: only HKLM is read offline: %w", path, evidence.ErrUnsupported)
	}
	var key *evidence.RegistryKey
	var err error
	switch strings.ToUpper(name) {
	case "SYSTEM":
		key, err = systemKey(o.system, rest)
	case "SOFTWARE":
		var h *Hive
		if h, err = o.software(); err == nil {
			key, err = h.Key(rest)
		}
	default:
		err = fmt.Errorf("hive: key %s: only SYSTEM and SOFTWARE are read offline: %w", path, evidence.ErrUnsupported)
	}
	if key != nil {
		key.Path = path
	}
	return key, err
}

// systemKey reads a key of the SYSTEM hive, CurrentControlSet resolved.
func systemKey(open func() (*Hive, error), path string) (*evidence.RegistryKey, error) {
	h, err := open()
	if err != nil {
		return nil, err
	}
	first, rest, _ := strings.Cut(path, `\`)
	if strings.EqualFold(first, "CurrentControlSet") {
		sel, err := h.Key("Select")
		if err != nil {
			return nil, fmt.Errorf("hive: current control set: %w", err)
		}
		path = fmt.Sprintf(`ControlSet%03d\%s`, sel.Value("Current").Number, rest)
	}
	return h.Key(path)
}
