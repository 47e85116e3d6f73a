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
// (manifest.json and, beside it, hashes.csv) names events and is no list. Files of
// other endings are left out, and named: a README is no list, "indicators" may be.
func readFolder(path string, opt ioc.Options, whole *ioc.List) error {
	files := 0
	var others []string
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case linksToFolder(name, d):
			whole.Refused = append(whole.Refused, fmt.Errorf("%s: a link to a folder is not followed; name the folder itself", name))
			return nil
		case d.IsDir() || ofFeed(name):
			return nil
		case !slices.Contains(listEndings, strings.ToLower(filepath.Ext(name))):
			others = append(others, name)
			return nil
		}
		if files++; files > maxRuleFiles {
			return fmt.Errorf("more than %d files", maxRuleFiles)
		}
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for ever
			whole.Refused = append(whole.Refused, fmt.Errorf("%s: no regular file; name it itself to have it read", name))
			return nil
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
	if len(others) > 0 {
		whole.Leave(ofOtherEndings(path, others))
	}
	return nil
}

// mostOthers is how many files of other endings a note names.
const mostOthers = 8

// ofOtherEndings says which files of a folder are not read, hidden ones last.
func ofOtherEndings(path string, names []string) ioc.Left {
	var shown, hidden []string
	for _, name := range names {
		inner, err := filepath.Rel(path, name)
		if err != nil {
			inner = name
		}
		inner = filepath.ToSlash(inner)
		if strings.HasPrefix(inner, ".") || strings.Contains(inner, "/.") {
			hidden = append(hidden, inner)
			continue
		}
		shown = append(shown, inner)
	}
	all := append(shown, hidden...)
	return ioc.Left{
		Why:   "files whose ending is none of " + strings.Join(listEndings, ", ") + "; --ioc with a file's own name reads it",
		Count: len(all), First: strings.Join(all[:min(len(all), mostOthers)], ", "),
	}
}

// ofFeed reports whether a file is part of the index of a MISP feed.
func ofFeed(name string) bool {
	if base := filepath.Base(name); base != "manifest.json" && base != "hashes.csv" {
		return false
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(name), "manifest.json"))
	return err == nil
}
