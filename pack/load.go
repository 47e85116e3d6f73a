package pack

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/pack/strict"
	"postern/version"
)

// Limits of one pack folder.
const (
	maxFiles    = 512
	maxFileSize = 2 << 20
	maxPackSize = 32 << 20
)

// The files of a pack. Those of needed must be there, and at least one advisory.
var (
	needed   = []string{"logs.yaml", "pack.yaml", "product.yaml"}
	optional = []string{"config.yaml", "indicators.yaml", playbookFile}
)

const playbookFile = "playbook.json"

// The folders of a pack and what their files are called. An advisory is a CSAF
// document under the name that CSAF 2.0 section 5.1 gives it.
var (
	advisoryFile = regexp.MustCompile(`^advisories/[a-z0-9+_-]+\.json$`)
	sigmaFile    = regexp.MustCompile(`^sigma/[a-z0-9_-]+\.yml$`)
	yaraFile     = regexp.MustCompile(`^yara/[a-z0-9_-]+\.yar$`)
	testFile     = regexp.MustCompile(`^tests/[a-z0-9_-]+\.txtar$`)
)

// Load reads one pack folder. A file it does not know, a field no file has, a
// pattern that fails its own example, a reference to nothing, an advisory that
// fails a mandatory test: each refuses the pack, and all of them are reported
// together (errors.Join of *Fault, each wrapping one of the sentinels). A read
// error of fsys is returned as it is.
func Load(fsys fs.FS) (*Pack, error) {
	content, err := readAll(fsys)
	if err != nil {
		return nil, err
	}
	l := newLoader(content)
	l.load(content)
	if err := l.faults.Err(); err != nil {
		return nil, err
	}
	return l.pack, nil
}

// readAll reads every file of the folder within the limits.
func readAll(fsys fs.FS) (map[string][]byte, error) {
	all, total := map[string][]byte{}, int64(0)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("pack: read %s: %w", name, err)
		}
		if d.IsDir() {
			return nil
		}
		if !d.Type().IsRegular() {
			return &Fault{File: name, Err: fmt.Errorf("%w: no regular file", ErrUnknownFile)}
		}
		content, err := readFile(fsys, name)
		if err != nil {
			return err
		}
		all[name] = content
		if total += int64(len(content)); total > maxPackSize || len(all) > maxFiles {
			return fmt.Errorf("%w: a pack holds at most %d files and %d bytes", ErrLimit, maxFiles, maxPackSize)
		}
		return nil
	})
	return all, err
}

func readFile(fsys fs.FS, name string) (_ []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("pack: read %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("pack: read %s: %w", name, err)
	}
	if len(content) > maxFileSize {
		return nil, &Fault{File: name, Err: fmt.Errorf("%w: larger than %d bytes", ErrLimit, maxFileSize)}
	}
	return content, nil
}

// digest is SHA-256 over every file's name and bytes in name order, each
// preceded by its length so that no two packs share a digest.
func digest(content map[string][]byte) string {
	h := sha256.New()
	add := func(b []byte) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(b)))
		h.Write(size[:]) // hash.Hash never returns an error
		h.Write(b)
	}
	for _, name := range sortedNames(content) {
		add([]byte(name))
		add(content[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sortedNames(content map[string][]byte) []string {
	names := make([]string, 0, len(content))
	for name := range content {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type loader struct {
	faults *strict.Faults
	notes  *strict.Faults // warnings, for Lint
	now    time.Time      // for Lint; zero: no day is compared with it
	pack   *Pack
	ids    map[string]bool // of indicators, checks and Sigma rules: findings are told apart by them
}

func newLoader(content map[string][]byte) *loader {
	return &loader{faults: &strict.Faults{}, notes: &strict.Faults{}, pack: &Pack{SHA256: digest(content)}, ids: map[string]bool{}}
}

// load decodes every file, then makes the runtime parts in the order they
// refer to each other.
func (l *loader) load(content map[string][]byte) {
	var (
		head       specPack
		product    specProduct
		logs       specLogs
		indicators specIndicators
		config     specConfig
	)
	for _, name := range needed {
		if _, there := content[name]; !there {
			l.file(name).Fail(place{}, ErrMissing, "file")
		}
	}
	folders := l.sort(content)
	if len(folders[advisoryFile]) == 0 {
		l.file("advisories").Fail(place{}, ErrMissing, "no CSAF document")
	}
	whole := true
	for name, into := range map[string]any{"pack.yaml": &head, "product.yaml": &product, "logs.yaml": &logs, "indicators.yaml": &indicators, "config.yaml": &config} {
		text, there := content[name]
		whole = (there && l.file(name).Decode(text, into) || !there && slices.Contains(optional, name)) && whole
	}
	if !whole || !l.head(&head) {
		return // without a scheme nothing else can be judged
	}
	l.product(&product)
	for _, name := range folders[advisoryFile] {
		l.advisory(name, content[name])
	}
	l.order()
	l.logs(&logs)
	l.indicators(&indicators)
	l.checks(&config)
	for _, name := range folders[sigmaFile] {
		l.sigma(name, content[name])
	}
	for _, name := range folders[yaraFile] {
		l.pack.YARA = append(l.pack.YARA, TextFile{name, content[name]})
	}
	for _, name := range folders[testFile] {
		l.test(name, content[name])
	}
	if text, there := content[playbookFile]; there {
		l.playbook(text)
	}
}

// sort puts every file of a folder to its kind and refuses the rest.
func (l *loader) sort(content map[string][]byte) map[*regexp.Regexp][]string {
	folders := map[*regexp.Regexp][]string{}
	for _, name := range sortedNames(content) {
		kinds := []*regexp.Regexp{advisoryFile, sigmaFile, yaraFile, testFile}
		i := slices.IndexFunc(kinds, func(k *regexp.Regexp) bool { return k.MatchString(name) })
		switch {
		case i >= 0:
			folders[kinds[i]] = append(folders[kinds[i]], name)
		case !slices.Contains(needed, name) && !slices.Contains(optional, name):
			l.file(name).Fail(place{}, ErrUnknownFile, "a pack holds %s, advisories/*.json, sigma/*.yml, yara/*.yar and tests/*.txtar; names are lower case",
				strings.Join(slices.Concat(needed, optional), ", "))
		}
	}
	return folders
}

// file is one file of the pack, to be judged.
type file struct {
	*strict.File
	notes *strict.Faults
}

func (l *loader) file(name string) *file {
	return &file{&strict.File{Name: path.Clean(name), Faults: l.faults}, l.notes}
}

var (
	packID     = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)
	revisionID = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}\.\d+$`)
)

// head makes the parts of pack.yaml; false when the version scheme is unknown.
func (l *loader) head(s *specPack) bool {
	f, p := l.file("pack.yaml"), l.pack
	if s.Schema != schemaVersion {
		f.Fail(place{Line: 1, Column: 1}, ErrSchema, "%d; this program reads %d", s.Schema, schemaVersion)
		return false
	}
	f.shaped(s.ID, packID, "a lower-case word")
	f.shaped(s.Revision, revisionID, "a day and a number, 2026-11-23.1")
	if day, _, _ := cutLast(s.Revision.Value, '.'); day != s.Date.Format("2006-01-02") {
		f.Fail(s.Revision.At, ErrValue, "revision %q is not of the day %s", s.Revision.Value, s.Date.Format("2006-01-02"))
	}
	p.ID, p.Revision, p.Date, p.Title = s.ID.Value, s.Revision.Value, s.Date.Time, s.Title.Value
	p.References = f.links(s.References)
	l.past(f, s.Date, s.Latest.Seen)
	l.noteAge(f, s.Date)
	scheme, ok := version.Lookup(s.Scheme.Value)
	if !ok {
		f.Fail(s.Scheme.At, ErrReference, "version scheme %q", s.Scheme.Value)
		return false
	}
	p.Scheme = scheme
	p.Latest = Latest{
		Version: f.version(scheme, s.Latest.Version), Seen: s.Latest.Seen.Time,
		Source: s.Latest.Source.Value, Confidence: evidence.Confidence(s.Latest.Confidence.Value),
	}
	if !p.Latest.Version.Zero() && p.Latest.Version.Build == 0 {
		f.Fail(s.Latest.Version.At, ErrValue, "the latest version states no build")
	}
	return true
}

// order sorts the vulnerabilities and finds where the required window starts:
// the earliest safe start of those in KEV, of all when none is.
func (l *loader) order() {
	all := l.pack.Vulnerabilities
	slices.SortFunc(all, func(a, b Vulnerability) int {
		return cmp.Or(-compareBool(!a.KEVAdded.IsZero(), !b.KEVAdded.IsZero()), b.Published.Compare(a.Published), cmp.Compare(a.ID, b.ID))
	})
	for i := range all {
		if all[i].KEVAdded.IsZero() && i > 0 && !all[0].KEVAdded.IsZero() {
			continue
		}
		if from := all[i].SafeStart; l.pack.RequiredFrom.IsZero() || from.Before(l.pack.RequiredFrom) {
			l.pack.RequiredFrom = from
		}
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
