package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"postern/detect"
	"postern/ioc"
	"postern/pack"
)

// Limits of the operator's own rules.
const (
	maxRuleFile  = 8 << 20
	maxRuleFiles = 50_000
)

// readOwn reads what the operator brings beside the packs. A file that can't be
// read is refused by name like a rule that can't be compiled; a folder without
// any rule is an error, for it is hardly meant.
func readOwn(sigmas, placeholders, yaras, lists []string, context bool, defines []string) (own detect.Own, err error) {
	if own.Placeholders, err = readPlaceholders(placeholders); err != nil {
		return own, failed("%s: %w", placeholderOption, err)
	}
	if own.Sigma, err = readRules("--sigma", sigmas, []string{".yml", ".yaml"}, &own); err != nil {
		return own, err
	}
	if own.YARA, err = readRules("--yara", yaras, []string{".yar", ".yara"}, &own); err != nil {
		return own, err
	}
	for _, path := range lists {
		if err := readLists(path, ioc.Options{Context: context}, &own); err != nil {
			return own, failed("--ioc: %w", err)
		}
	}
	own.Include = readLimited
	own.Externals, err = parseDefines(defines)
	return own, err
}

// readRules reads every rule file below the paths an option names. A link to a
// file is followed, and one to a folder refused by name: it may lead anywhere.
func readRules(option string, paths, endings []string, own *detect.Own) (all []pack.TextFile, err error) {
	for _, path := range paths {
		before := len(all) + len(own.Refused)
		refuse := func(name string, err error) {
			own.Refused = append(own.Refused, detect.Refusal{Rule: strings.TrimPrefix(option, "--"), File: name, Why: err.Error()})
		}
		take := func(name string) error {
			if len(all) == maxRuleFiles {
				return fmt.Errorf("more than %d files", maxRuleFiles)
			}
			text, err := readLimited(name)
			if err != nil {
				refuse(name, err)
				return nil
			}
			all = append(all, pack.TextFile{File: name, Text: text})
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
		case !info.IsDir():
			err = take(path)
		default:
			err = fs.WalkDir(os.DirFS(path), ".", func(inner string, d fs.DirEntry, err error) error {
				name := filepath.Join(path, filepath.FromSlash(inner))
				switch {
				case err != nil && inner == ".":
					return err
				case err != nil:
					refuse(name, err)
				case d.IsDir():
				case linksToFolder(name, d):
					refuse(name, errors.New("a link to a folder is not followed; name the folder itself"))
				case !slices.Contains(endings, strings.ToLower(filepath.Ext(name))):
				case d.Type()&^fs.ModeSymlink != 0:
					refuse(name, errors.New("no regular file"))
				default:
					return take(name)
				}
				return nil
			})
		}
		if err == nil && len(all)+len(own.Refused) == before {
			err = fmt.Errorf("%s: no rule file (%s) in it", path, strings.Join(endings, ", "))
		}
		if err != nil {
			return nil, failed("%s: %w", option, err)
		}
	}
	return all, nil
}

func linksToFolder(name string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func readLimited(name string) (text []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, maxRuleFile+1))
	if len(text) > maxRuleFile {
		return nil, fmt.Errorf("larger than %d bytes", maxRuleFile)
	}
	return text, err
}

// The numbers that yara's own option --define takes for such.
var (
	wholeNumber = regexp.MustCompile(`^-?[0-9]+$`)
	realNumber  = regexp.MustCompile(`^-?[0-9]+\.[0-9]+$`)
)

// parseDefines reads NAME=VALUE; a value that is a number or true or false is
// one, everything else is a text.
func parseDefines(defines []string) (map[string]any, error) {
	values := map[string]any{}
	for _, d := range defines {
		name, text, ok := strings.Cut(d, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--define %q: want NAME=VALUE", d)
		}
		switch {
		case wholeNumber.MatchString(text):
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("--define %q: %w", d, err)
			}
			values[name] = n
		case realNumber.MatchString(text):
			values[name], _ = strconv.ParseFloat(text, 64) // digits and a point
		case text == "true" || text == "false":
			values[name] = text == "true"
		default:
			values[name] = text
		}
	}
	return values, nil
}
