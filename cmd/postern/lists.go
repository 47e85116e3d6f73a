package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"postern/detect"
	"postern/ioc"
	"postern/pack"
)

// listEndings are the files of a folder that are taken for lists.
var listEndings = []string{".json", ".stix", ".csv", ".txt"}

// readLists reads a list of indicators, or all lists of a folder as one, and the
// rules that they carry. A file of a folder that is no list is refused by name.
func readLists(path string, opt ioc.Options, own *detect.Own) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	whole := &ioc.List{Name: path}
	if !info.IsDir() {
		if whole, err = readList(path, opt); err != nil {
			return err
		}
	} else if err := readFolder(path, opt, whole); err != nil {
		return err
	}
	own.Lists = append(own.Lists, whole)
	for _, r := range whole.Rules {
		file := pack.TextFile{File: path + ":" + r.ID, Text: []byte(r.Text)}
		if r.Language == "sigma" {
			own.Sigma = append(own.Sigma, file)
			continue
		}
		own.YARA = append(own.YARA, file)
	}
	for _, why := range whole.Refused {
		own.Refused = append(own.Refused, detect.Refusal{Rule: "list", File: path, Why: why.Error()})
	}
	return nil
}

func readList(name string, opt ioc.Options) (*ioc.List, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ioc.Read(name, f, opt)
}

// readFolder puts the lists of a folder together. The index of a MISP feed
// (manifest.json and, beside it, hashes.csv) names events and is no list.
func readFolder(path string, opt ioc.Options, whole *ioc.List) error {
	files := 0
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || !slices.Contains(listEndings, strings.ToLower(filepath.Ext(name))) || ofFeed(name):
			return nil
		}
		if files++; files > maxRuleFiles {
			return fmt.Errorf("more than %d files", maxRuleFiles)
		}
		l, err := readList(name, opt)
		if err != nil {
			whole.Refused = append(whole.Refused, err)
			return nil
		}
		whole.Entries, whole.Rules, whole.Refused = append(whole.Entries, l.Entries...), append(whole.Rules, l.Rules...), append(whole.Refused, l.Refused...)
		for _, left := range l.Left {
			whole.Leave(left)
		}
		return nil
	})
	if err == nil && files == 0 {
		err = errors.New("no list (" + strings.Join(listEndings, ", ") + ") in it")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// ofFeed reports whether a file is part of the index of a MISP feed.
func ofFeed(name string) bool {
	if base := filepath.Base(name); base != "manifest.json" && base != "hashes.csv" {
		return false
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(name), "manifest.json"))
	return err == nil
}
