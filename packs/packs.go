// Package packs holds the advisory packs that ship inside the binary, one
// folder each. They are data: package pack loads them and refuses what it
// cannot use, like any pack an operator brings.
//
// The folders are embedded as one archive that no scanner can read: rules and
// samples hold what web shells hold, and antivirus would quarantine the binary
// that is needed most that evening.
package packs

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"io/fs"
	"sync"
)

//go:generate go test -run ^TestShippedIsFresh$ -update .

//go:embed shipped.bin
var archive []byte

// Shipped returns the shipped packs as a file system with one folder per pack.
func Shipped() fs.FS { return shipped() }

var shipped = sync.OnceValue(func() fs.FS { return opened(archive) })

// Names lists the folders of Shipped, in the order they are loaded.
func Names() []string { return []string{"smartermail"} }

// opened reads an archive. One that is damaged opens nothing, and says why.
func opened(archive []byte) fs.FS {
	plain := masked(archive)
	r, err := zip.NewReader(bytes.NewReader(plain), int64(len(plain)))
	if err != nil {
		return damaged{err}
	}
	return r
}

// masked turns the archive's bytes into others, and those back. It hides
// nothing from people.
func masked(in []byte) []byte {
	key := sha256.Sum256([]byte("packs of postern"))
	out := make([]byte, len(in))
	for i, b := range in {
		out[i] = b ^ key[i%len(key)] ^ byte(i>>5)
	}
	return out
}

// damaged is a file system that cannot be read.
type damaged struct{ err error }

// Open implements fs.FS.
func (d damaged) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: d.err}
}
