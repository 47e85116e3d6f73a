package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"postern/detect"
	"postern/detect/sigma"
)

// placeholderOption gives values to the placeholders of Sigma rules.
const placeholderOption = "--sigma-placeholders"

// readPlaceholders reads the values of placeholders: of a .yml or .yaml file its
// names, of any other file its lines under the file's own name (admins.txt gives
// %admins%), of a folder its .yml, .yaml and .txt files. A name has its values
// from one file.
func readPlaceholders(paths []string) (map[string][]string, error) {
	values, from := map[string][]string{}, map[string]string{}
	for _, path := range paths {
		files, err := placeholderFiles(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			more, err := placeholdersOf(file)
			if err != nil {
				return nil, err
			}
			for name, all := range more {
				if from[name] != "" {
					return nil, fmt.Errorf("the placeholder %q stands in %s and in %s; leave it in one", name, from[name], file)
				}
				values[name], from[name] = all, file
			}
		}
	}
	return values, nil
}

func placeholderFiles(path string) (files []string, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		ending := strings.ToLower(filepath.Ext(name))
		if err == nil && !d.IsDir() && (ending == ".txt" || ending == ".yml" || ending == ".yaml") {
			files = append(files, name)
		}
		return err
	})
	if err == nil && files == nil {
		err = fmt.Errorf("%s: no file with placeholders (.yml, .yaml, .txt) in it", path)
	}
	return files, err
}

// placeholdersOf reads one file. In a list blank lines and those that begin with
// "#" say nothing.
func placeholdersOf(file string) (map[string][]string, error) {
	text, err := readLimited(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	ending := filepath.Ext(file)
	if e := strings.ToLower(ending); e == ".yml" || e == ".yaml" {
		return sigma.ParsePlaceholders(file, text)
	}
	var all []string
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		if word := strings.TrimSpace(string(line)); word != "" && word[0] != '#' {
			all = append(all, word)
		}
	}
	if all == nil {
		return nil, fmt.Errorf("%s: no values in it", file)
	}
	return map[string][]string{strings.TrimSuffix(filepath.Base(file), ending): all}, nil
}

// hint says what next where an option would help.
func hint(r detect.Refusal) string {
	if r.Placeholder {
		return "; give them with " + placeholderOption
	}
	return ""
}
