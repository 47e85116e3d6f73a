package collection

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// What KAPE's own files are called. SkipLog.csv.csv is no slip of ours.
var (
	copyLog    = regexp.MustCompile(`(?i)_copylog\.csv$`)
	skipLog    = regexp.MustCompile(`(?i)_skiplog(\.csv)+$`)
	consoleLog = regexp.MustCompile(`(?i)_consolelog\.txt$`)
	logTime    = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}_[0-9]{2}_[0-9]{2})`)
)

var (
	driveFolder  = regexp.MustCompile(`^(?i:[a-z])$`)
	shadowFolder = regexp.MustCompile(`^(?i:VSS)[0-9]{1,6}$`)
	shadowPart   = regexp.MustCompile(`(?i)[\\/](VSS[0-9]{1,6})[\\/]`)
	driveStart   = regexp.MustCompile(`^(?:\\\\[.?]\\)?([A-Za-z]):[\\/]`)
)

// kape is one collection of KAPE: drive folders, its logs beside them.
type kape struct {
	*reading
	a       *tree.Arrangement
	drives  bool                     // files stand below drive folders
	present map[string]evidence.Name // files by lower-case name
	folders map[string]evidence.Name // those that hold files, by lower-case name
	copies  map[string]evidence.Name // by SHA-1 of the source: what was copied, as named in the tree beneath
	missing *rows
}

func (r *reading) kape() error {
	k := &kape{
		reading: r, a: r.tree.Arrange(r.limits), present: map[string]evidence.Name{}, folders: map[string]evidence.Name{}, copies: map[string]evidence.Name{},
		missing: &rows{to: r, more: "rows of KAPE's logs name no file"},
	}
	var drives, shadows []string
	for _, n := range r.names {
		at, to := r.root.Join(n), r.root.Join(n)
		e, err := r.tree.Stat(at)
		folder := err == nil && e.Mode.IsDir()
		switch {
		case folder && driveFolder.MatchString(n):
			drives = append(drives, n)
		case folder && shadowFolder.MatchString(n):
			shadows = append(shadows, n+snapshot)
			to += snapshot
		}
		if err := k.a.Keep(r.ctx, at, to); err != nil {
			r.fault(string(at), err)
			break
		}
	}
	for _, name := range k.a.Names() {
		k.present[strings.ToLower(string(name))] = name
		for dir := name.Dir(); dir != "." && k.folders[strings.ToLower(string(dir))] == ""; dir = dir.Dir() {
			k.folders[strings.ToLower(string(dir))] = dir
		}
	}
	if k.drives = len(drives) > 0; k.drives {
		r.OS, r.Volumes = evidence.Windows, windowsVolumes(r.root, drives, shadows)
		r.shadowed()
	}
	for _, logs := range []struct {
		name *regexp.Regexp
		read func(evidence.Name) error
	}{
		{copyLog, func(n evidence.Name) error { return k.rows(n, []string{"SourceFile", "FileSize"}, k.copied) }},
		{skipLog, func(n evidence.Name) error { return k.rows(n, []string{"SourceFile", "Reason"}, k.skipped) }},
		{consoleLog, k.console},
	} {
		for _, n := range r.names {
			if !logs.name.MatchString(n) {
				continue
			}
			if m := logTime.FindStringSubmatch(n); m != nil {
				at, _ := time.Parse("2006-01-02T15_04_05", m[1]) // UTC, as the comment of KAPE's zips
				r.later(at)
			}
			if err := logs.read(r.root.Join(n)); err != nil {
				r.fault(string(r.root.Join(n)), fmt.Errorf("what KAPE copied and what it left out is not known whole: %w", err))
			}
		}
	}
	k.missing.end()
	r.Tree = k.a.Tree()
	return nil
}

// rows hands over the rows of a log that has at least these columns.
func (k *kape) rows(name evidence.Name, columns []string, each func(get func(string) string) error) error {
	text, f, err := k.text(name, maxRecords)
	if err != nil {
		return err
	}
	defer f.Close()
	return ReadLog(text, columns, func(get func(string) string) error {
		if err := k.ctx.Err(); err != nil {
			return err
		}
		return each(get)
	})
}

// ReadLog reads one of KAPE's CSV logs, which must have these columns.
func ReadLog(r io.Reader, columns []string, each func(get func(column string) string) error) error {
	buf := bufio.NewReader(r)
	if mark, _ := buf.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = buf.Discard(3)
	}
	in := csv.NewReader(buf)
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, false
	header, err := in.Read()
	if err != nil {
		return fmt.Errorf("%w: a log without a header", evidence.ErrTruncated)
	}
	at := map[string]int{}
	for i, h := range header {
		at[strings.ToLower(strings.TrimSpace(h))] = i
	}
	for _, c := range columns {
		if _, known := at[strings.ToLower(c)]; !known {
			return fmt.Errorf("%w: a log without the column %s", evidence.ErrUnsupported, c)
		}
	}
	in.ReuseRecord = true
	for n := 1; ; n++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: after %d rows: %w", evidence.ErrTruncated, n, err)
		}
		if err := each(func(column string) string {
			if i, known := at[strings.ToLower(column)]; known && i < len(row) {
				return row[i]
			}
			return ""
		}); err != nil {
			return err
		}
	}
}

// name gives where a logged file stands: by its path on the source, or in the
// shadow copy that its destination names.
func (k *kape) name(source, destination string) (string, bool) {
	source = strings.TrimSpace(source)
	prefix, rest := "", source
	if m := driveStart.FindStringSubmatch(source); m != nil {
		rest = source[len(m[0]):]
		if k.drives {
			prefix = strings.ToUpper(m[1]) + "/"
		}
	} else if !shadowPart.MatchString(destination) && !shadowPart.MatchString(source) {
		return "", false
	}
	for _, path := range []string{destination, source} {
		if m := shadowPart.FindStringSubmatchIndex(path); m != nil {
			prefix, rest = strings.ToUpper(path[m[2]:m[3]])+snapshot+"/", path[m[1]:]
			break
		}
	}
	name, ok := joined(strings.FieldsFunc(rest, func(c rune) bool { return c == '\\' || c == '/' }))
	if !ok || name == "" {
		return "", false
	}
	return string(k.root.Join(prefix + name)), true
}

// copied holds a row of the copy log against what is there.
func (k *kape) copied(get func(string) string) error {
	if at, err := time.Parse("2006-01-02 15:04:05.9999999", get("CopiedTimestamp")); err == nil {
		k.later(at)
	}
	size, err := strconv.ParseInt(get("FileSize"), 10, 64)
	if err != nil || size < 0 {
		size = 0
	}
	name, ok := k.name(get("SourceFile"), get("DestinationFile"))
	if !ok {
		k.missing.add(brief(get("SourceFile")), everything, fmt.Errorf("%w: a file KAPE copied, under a name that is none", evidence.ErrNotCollected))
		return nil
	}
	have, there := k.present[strings.ToLower(name)]
	if !there {
		return k.a.Lack(k.spelled(name), size, fmt.Errorf("%w: KAPE's copy log lists it, %d bytes", evidence.ErrNotCollected, size))
	}
	k.a.Expect(have, size)
	if sum := strings.ToLower(get("SourceFileSha1")); sum != "" {
		k.copies[sum] = have
	}
	return nil
}

// skipped gives a file that was left out its place: one whose content was
// copied from elsewhere has that content.
func (k *kape) skipped(get func(string) string) error {
	name, ok := k.name(get("SourceFile"), "")
	if !ok {
		k.missing.add(brief(get("SourceFile")), everything, fmt.Errorf("%w: KAPE left it out: %s", evidence.ErrNotCollected, brief(get("Reason"))))
		return nil
	}
	if _, there := k.present[strings.ToLower(name)]; there {
		return nil
	}
	why := fmt.Errorf("%w: KAPE left it out: %s", evidence.ErrNotCollected, brief(get("Reason")))
	if from, known := k.copies[strings.ToLower(get("SourceFileSha1"))]; known && strings.EqualFold(get("Reason"), "Deduped") {
		return k.a.Again(k.spelled(name), from, why)
	}
	return k.a.Lack(k.spelled(name), 0, why)
}

// spelled gives a name the spelling of the folders that are there.
func (k *kape) spelled(name string) string {
	dir, base := evidence.Name(name).Dir(), evidence.Name(name).Base()
	if dir == "." {
		return base
	}
	if as, known := k.folders[strings.ToLower(string(dir))]; known {
		return string(as.Join(base))
	}
	return string(evidence.Name(k.spelled(string(dir))).Join(base))
}

// console reads where KAPE ran and what failed. Its machine is the examined one
// only where it read the running system's drive: else it is the examiner's.
func (k *kape) console(name evidence.Name) error {
	data, err := k.all(name, maxSmall)
	if err != nil {
		return err
	}
	live, host := false, ""
	failed := &rows{to: k.reading, more: "errors stand in KAPE's console log"}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if m := commandLine.FindStringSubmatch(line); m != nil {
			live = true
		}
		if m := machineName.FindStringSubmatch(line); m != nil {
			host = m[1]
		}
		if strings.Contains(line, "| ERR]") || strings.Contains(line, "| FTL]") {
			failed.add(string(name), everything, fmt.Errorf("%w: KAPE says: %.300q", evidence.ErrNotCollected, line))
		}
	}
	failed.end()
	if live {
		k.Host = host
	}
	return nil
}

var (
	commandLine = regexp.MustCompile(`(?i)Command line:.*--tsource "?C:\\?"?( |$)`)
	machineName = regexp.MustCompile(`(?i)System info: Machine name: ([^,\s]{1,255}),`)
)
