package pack

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"
)

// TestFile is one file of a case, as it stands on the source.
type TestFile struct {
	Name    string // slashes forward, relative
	Data    []byte
	Changed time.Time // the day it was changed; zero: long before any window
	Line    int       // of its marker in the case
}

// Limits of one case; its size is that of any pack file.
const (
	maxTestFiles = 256
	maxTestName  = 512
	base64Mark   = " base64"
)

// changedMark is the day a file was changed, after its name.
var changedMark = regexp.MustCompile(` @(\d{4}-\d{2}-\d{2})$`)

// errArchive marks a case whose files cannot be read.
var errArchive = errors.New("txtar")

// parseArchive reads the txtar format (golang.org/x/tools/txtar): a comment,
// then files, each after a line "-- name --". A name that ends in " base64" is
// of a file whose content is written so; before that " @2026-01-17" is the day it
// was changed. Unlike the original it refuses what would be silent later: a name
// that is absolute, climbs or stands twice.
func parseArchive(text []byte) (comment []byte, files []TestFile, bad *Fault) {
	all := sections(text)
	seen := map[string]bool{}
	for _, s := range all[1:] {
		f, err := s.file()
		switch {
		case err == nil && seen[f.Name]:
			err = fmt.Errorf("%w: %s", ErrDuplicate, f.Name)
		case err == nil && len(files) == maxTestFiles:
			err = fmt.Errorf("%w: more than %d files", ErrLimit, maxTestFiles)
		}
		if err != nil {
			return nil, nil, &Fault{Line: s.line, Column: 1, Err: fmt.Errorf("%w: %w", errArchive, err)}
		}
		seen[f.Name] = true
		files = append(files, f)
	}
	return all[0].text, files, nil
}

// section is a marker and the text after it.
type section struct {
	name string
	line int
	text []byte
}

// sections cuts an archive at its markers; the first section is the comment.
func sections(text []byte) []section {
	all, begin := []section{{line: 1}}, 0
	for pos, line := 0, 1; pos < len(text); line++ {
		next := len(text)
		if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
			next = pos + i + 1
		}
		if name, is := markerName(text[pos:next]); is {
			all[len(all)-1].text = text[begin:pos]
			all, begin = append(all, section{name: name, line: line}), next
		}
		pos = next
	}
	all[len(all)-1].text = text[begin:]
	return all
}

// file reads what the name says of the text.
func (s *section) file() (f TestFile, err error) {
	name, encoded := strings.CutSuffix(s.name, base64Mark)
	f = TestFile{Name: name, Data: s.text, Line: s.line}
	if m := changedMark.FindStringSubmatchIndex(name); m != nil {
		f.Name = name[:m[0]]
		if f.Changed, err = time.Parse(time.DateOnly, name[m[2]:m[3]]); err != nil {
			return f, err
		}
	}
	if !fs.ValidPath(f.Name) || f.Name == "." || len(f.Name) > maxTestName || strings.ContainsAny(f.Name, "\\\x00") {
		return f, fmt.Errorf("%q is no relative path", f.Name)
	}
	if encoded {
		f.Data, err = base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(s.text), nil)))
	}
	return f, err
}

// markerName reads "-- name --".
func markerName(line []byte) (string, bool) {
	text := strings.TrimRight(string(line), "\r\n")
	if len(text) < len("-- x --") || !strings.HasPrefix(text, "-- ") || !strings.HasSuffix(text, " --") {
		return "", false
	}
	name := strings.TrimSpace(text[3 : len(text)-3])
	return name, name != ""
}
