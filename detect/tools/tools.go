// Package tools knows the programs that intruders bring with them or install:
// remote access, monitoring agents, tunnels, transfer, execution from afar and
// attack. The knowledge is a table (tools.yaml), each row with its traces and
// the sources that state them; this package loads it strictly and holds what a
// machine shows against it. A hit says what a program is, never that it is
// evil: most of these are sold to administrators, and the question for a
// reader is who installed it.
package tools

import (
	"slices"
)

// Kind is what a tool is for.
type Kind string

// The kinds of the table.
const (
	RemoteAccess Kind = "remote-access" // a screen, a shell or files from afar
	RMM          Kind = "rmm"           // an agent that a service commands
	Tunnel       Kind = "tunnel"        // a way into the network past its edge
	Transfer     Kind = "transfer"      // copies or packs what is taken away
	Attack       Kind = "attack"        // credentials, discovery, defences
	Execution    Kind = "execution"     // starts programs on other machines
)

// Tool is a row of the table. Names are compared without regard to case. In
// Programs, Services, Tasks, Folders and Registry, * stands for any run of
// characters but a slash and ? for one of them.
type Tool struct {
	ID   string `yaml:"id"`   // lower-case, unique
	Name string `yaml:"name"` // as its maker writes it, unique
	Kind Kind   `yaml:"kind"`

	Programs []string `yaml:"programs"` // base names of its files
	Generic  []string `yaml:"generic"`  // of Programs: names that others use as well, no hit without a folder, signer or product beside them
	Services []string `yaml:"services"` // Windows services' names or display names, systemd units without .service
	Tasks    []string `yaml:"tasks"`    // names of scheduled tasks
	Folders  []string `yaml:"folders"`  // paths without a drive, forward slashes; what lies below counts
	Registry []string `yaml:"registry"` // keys below HKLM\SOFTWARE; what lies below counts
	Signers  []string `yaml:"signers"`  // common names of code signing certificates
	Products []string `yaml:"products"` // ProductName or CompanyName of the version resource
	Original []string `yaml:"original"` // OriginalFilename of the version resource
	Commands []string `yaml:"commands"` // pieces of command lines that give it away under any name; * is any run of characters

	OS      string   `yaml:"os"`   // windows, linux, or empty for both
	Used    bool     `yaml:"used"` // a source names its use against SmarterMail or by a ransomware crew
	Sources []string `yaml:"sources"`
}

// Table is the loaded table with its indexes. It is not changed after Load and
// serves many goroutines.
type Table struct {
	tools    []Tool
	programs lookup
	services lookup
	tasks    lookup
	folders  lookup
	registry lookup
	signers  lookup
	products lookup
	original lookup
	commands lookup
}

// All returns the rows in the order of their IDs. The caller does not change
// them.
func (t *Table) All() []Tool { return t.tools }

// Programs returns the base names of programs that hold no wildcard, in lower
// case, sorted, each once, generic ones among them.
func (t *Table) Programs() []string {
	names := make([]string, 0, len(t.programs.exact))
	for name := range t.programs.exact {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Folders returns the folders as RE2 expressions for lower-case paths with
// forward slashes, sorted, each once. One that matches may lie at or below
// the folder.
func (t *Table) Folders() []string {
	var list []string
	for i := range t.tools {
		for _, f := range t.tools[i].Folders {
			list = append(list, below(f))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
