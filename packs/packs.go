// Package packs holds the advisory packs that ship inside the binary, one
// folder each. They are data: package pack loads them and refuses what it
// cannot use, like any pack an operator brings.
package packs

import (
	"embed"
	"io/fs"
)

//go:embed all:smartermail
var shipped embed.FS

// Shipped returns the shipped packs as a file system with one folder per pack.
func Shipped() fs.FS { return shipped }

// Names lists the folders of Shipped, in the order they are loaded.
func Names() []string { return []string{"smartermail"} }
