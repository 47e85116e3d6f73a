package hive

import (
	"errors"
	"fmt"
	"io/fs"

	"postern/evidence"
)

// Loaded is a hive of a tree, in its newest state. It is closed after the last key was
// read.
type Loaded struct {
	*Hive
	Size int64 // bytes of the hive's own file
	Lost error // nil, or why its newest changes are missing, in part or all

	files []evidence.File
}

// Load opens the hive at a name with the transaction logs beside it, which are replayed
// in memory where the hive was not closed well. Errors are those of Open and of the
// tree; one about a log is no error but Lost.
func Load(files evidence.Tree, name evidence.Name) (*Loaded, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	l := &Loaded{Size: f.Size(), files: []evidence.File{f}}
	if l.Hive, err = Open(f, f.Size()); err == nil && l.Dirty() {
		err = l.replay(files, name, f)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// replay opens the hive again with its logs over it.
func (l *Loaded) replay(files evidence.Tree, name evidence.Name, f evidence.File) error {
	var logs []Log
	var faults []error
	for _, ending := range []string{".LOG1", ".LOG2", ".LOG"} {
		switch log, err := files.Open(name + evidence.Name(ending)); {
		case err == nil:
			l.files = append(l.files, log)
			logs = append(logs, Log{log, log.Size()})
		case !errors.Is(err, fs.ErrNotExist):
			faults = append(faults, fmt.Errorf("hive: %s: %w", name+evidence.Name(ending), err))
		}
	}
	r, size, err := Replay(f, f.Size(), logs...)
	l.Lost = errors.Join(append(faults, err)...)
	h, err := Open(r, size)
	if err != nil {
		return err
	}
	l.Hive = h
	return nil
}

// Close closes the files.
func (l *Loaded) Close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
