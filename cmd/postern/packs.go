package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"postern/pack"
	"postern/packs"
	"postern/report"
	"postern/verdict"
)

// loadPacks loads the shipped packs and those in the operator's folders, each
// a pack or a folder of packs. One of the operator's takes the place of a
// shipped one with the same id.
func loadPacks(dirs []string) ([]*pack.Pack, error) {
	all, err := loadFolder(packs.Shipped(), "packs")
	if err != nil {
		return nil, err
	}
	own := map[string]string{}
	for _, dir := range dirs {
		more, err := loadFolder(os.DirFS(dir), dir)
		if err != nil {
			return nil, err
		}
		for _, p := range more {
			if first, twice := own[p.ID]; twice {
				return nil, fmt.Errorf("pack %s stands in %s and in %s; leave one out", p.ID, first, dir)
			}
			own[p.ID] = dir
			if at := slices.IndexFunc(all, func(have *pack.Pack) bool { return have.ID == p.ID }); at >= 0 {
				all[at] = p
			} else {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// folder is one pack as it lies somewhere.
type folder struct {
	path string
	fs.FS
}

// folders lists the pack in a folder, or every pack in the folders below it.
func folders(fsys fs.FS, dir string) ([]folder, error) {
	if _, err := fs.Stat(fsys, "pack.yaml"); err == nil {
		return []folder{{dir, fsys}}, nil
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("packs %s: %w", dir, err)
	}
	var all []folder
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		sub, err := fs.Sub(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("packs %s: %w", dir, err)
		}
		all = append(all, folder{filepath.Join(dir, e.Name()), sub})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("packs %s: no pack.yaml here or one folder below", dir)
	}
	return all, nil
}

// loadFolder loads the pack in a folder, or every pack in the folders below it.
func loadFolder(fsys fs.FS, dir string) ([]*pack.Pack, error) {
	found, err := folders(fsys, dir)
	if err != nil {
		return nil, err
	}
	var all []*pack.Pack
	for _, f := range found {
		p, err := pack.Load(f)
		if err != nil {
			return nil, located(f.path, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// located puts a pack's folder before the file names of its faults.
func located(dir string, err error) error {
	var fault *pack.Fault
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range many.Unwrap() {
			all = append(all, located(dir, e))
		}
		return errors.Join(all...)
	}
	if errors.As(err, &fault) {
		at := *fault
		at.File = filepath.Join(dir, at.File)
		return &at
	}
	return fmt.Errorf("%s: %w", dir, err)
}

func packRows(all []*pack.Pack) []report.Pack {
	rows := make([]report.Pack, 0, len(all))
	for _, p := range all {
		rows = append(rows, report.Pack{ID: p.ID, Revision: p.Revision, SHA256: p.SHA256})
	}
	return rows
}

func packAges(all []*pack.Pack) []verdict.PackAge {
	ages := make([]verdict.PackAge, 0, len(all))
	for _, p := range all {
		ages = append(ages, verdict.PackAge{ID: p.ID, Revision: p.Revision, Date: p.Date})
	}
	return ages
}
