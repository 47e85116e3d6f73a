// Package hive reads Windows registry hives offline, behind the same
// evidence.Registry a live host offers. Hives are hostile input: whatever the
// parser meets ends as an error, never as a panic or an endless walk.
package hive

import (
	"errors"
	"io"

	"postern/evidence"
)

// Hive is one open hive file.
type Hive struct{}

// Open reads the header of a hive of size bytes. r must stay open while the
// hive is used.
func Open(r io.ReaderAt, size int64) (*Hive, error) {
	return nil, errors.New("hive: not a registry hive")
}

// Key reads the key at path below the hive's root (`Select`,
// `ControlSet001\Services`), case folded. A missing key wraps fs.ErrNotExist.
func (h *Hive) Key(path string) (*evidence.RegistryKey, error) {
	return nil, errors.New("hive: not a registry hive")
}
