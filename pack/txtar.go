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

// ParseArchive reads the txtar format (golang.org/x/tools/txtar): a comment,
// then files, each after a line "-- name --". A name that ends in " base64" is
// of a file whose content is written so; before that " @2026-01-17" is the day it
// was changed. Unlike the original it refuses what would be silent later: a name
// that is absolute, climbs or stands twice. line is that of the fault.
func ParseArchive(text []byte) (comment []byte, files []TestFile, line int, err error) {
	var at *TestFile // nil: still in the comment
	begin, encoded := 0, false
	seen := map[string]bool{}
	end := func(to int) error {
		if at == nil {
			comment = text[:to]
			return nil
		}
		if at.Data = text[begin:to]; encoded {
			if at.Data, err = base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(at.Data), nil))); err != nil {
				return fmt.Errorf("%w: %s: %w", errArchive, at.Name, err)
			}
		}
		files = append(files, *at)
		return nil
	}
	for pos, n := 0, 1; pos < len(text); n++ {
		next := len(text)
		if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
			next = pos + i + 1
		}
		name, marker := markerName(text[pos:next])
		if !marker {
			pos = next
			continue
		}
		if err := end(pos); err != nil {
			return nil, nil, at.Line, err
		}
		name, encoded = strings.CutSuffix(name, base64Mark)
		name, changed, bad := cutChanged(name)
		switch {
		case bad != nil:
			return nil, nil, n, fmt.Errorf("%w: %w", errArchive, bad)
		case !fs.ValidPath(name) || name == "." || len(name) > maxTestName || strings.ContainsAny(name, "\\\x00"):
			return nil, nil, n, fmt.Errorf("%w: %q is no relative path", errArchive, name)
		case seen[name]:
			return nil, nil, n, fmt.Errorf("%w: %w: %s", errArchive, ErrDuplicate, name)
		case len(files) == maxTestFiles:
			return nil, nil, n, fmt.Errorf("%w: %w: more than %d files", errArchive, ErrLimit, maxTestFiles)
		}
		seen[name] = true
		at, begin, pos = &TestFile{Name: name, Changed: changed, Line: n}, next, next
	}
	if err := end(len(text)); err != nil {
		return nil, nil, at.Line, err
	}
	return comment, files, 0, nil
}

// cutChanged takes the day off a name that has one.
func cutChanged(name string) (string, time.Time, error) {
	m := changedMark.FindStringSubmatchIndex(name)
	if m == nil {
		return name, time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, name[m[2]:m[3]])
	return name[:m[0]], day, err
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
