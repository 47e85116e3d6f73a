package evidencetest

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"postern/evidence"
)

// State is a running state in memory.
type State struct {
	Procs []evidence.Process
	Err   error // comes with Procs
	Reg   evidence.Registry
	Known []evidence.Account // nil: the system does not tell its accounts
}

// Processes implements evidence.State.
func (s State) Processes(ctx context.Context) ([]evidence.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Procs, s.Err
}

// Accounts implements evidence.Accounts.
func (s State) Accounts(ctx context.Context) ([]evidence.Account, error) {
	if s.Known == nil {
		return nil, fmt.Errorf("evidencetest: accounts: %w", fs.ErrPermission)
	}
	return s.Known, ctx.Err()
}

// Registry implements evidence.State.
func (s State) Registry() evidence.Registry { return s.Reg }

// Registry is a registry in memory: paths (`HKLM\SOFTWARE\X`) to keys. A key's
// Subkeys and Path are filled from the paths below it; keys in between exist.
type Registry map[string]evidence.RegistryKey

// Key implements evidence.Registry.
func (r Registry) Key(path string) (*evidence.RegistryKey, error) {
	low := strings.ToLower(path)
	var key evidence.RegistryKey
	found := false
	seen := map[string]bool{}
	for have, k := range r {
		switch rest, below := strings.CutPrefix(strings.ToLower(have), low+`\`); {
		case strings.EqualFold(have, path):
			k.Subkeys = key.Subkeys
			key, found = k, true
		case below:
			first, _, _ := strings.Cut(rest, `\`)
			if !seen[first] {
				seen[first], found = true, true
				key.Subkeys = append(key.Subkeys, have[len(path)+1:][:len(first)])
			}
		}
	}
	if !found {
		return nil, fmt.Errorf("evidencetest: key %s: %w", path, fs.ErrNotExist)
	}
	key.Path = path
	return &key, nil
}
