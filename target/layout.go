package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
	"postern/target/collection"
	"postern/target/tree"
)

// marks are folders that only stand together at a system's root. A name with
// one of its children is enough; names alone take two.
var marks = []struct {
	os    evidence.OS
	name  string
	below []string
}{
	{evidence.Windows, "windows", []string{"system32", "syswow64", "winsxs"}},
	{evidence.Windows, "program files", []string{"common files", "windows defender", "smartertools"}},
	{evidence.Windows, "program files (x86)", []string{"common files", "smartertools"}},
	{evidence.Windows, "programdata", []string{"microsoft"}},
	{evidence.Windows, "inetpub", []string{"wwwroot", "logs"}},
	{evidence.Windows, "users", []string{"public", "default", "administrator", "all users"}},
	{evidence.Linux, "etc", []string{"passwd", "hostname", "os-release", "systemd", "cron.d", "fstab", "ssh"}},
	{evidence.Linux, "var", []string{"log", "lib", "spool", "www", "cache"}},
	{evidence.Linux, "opt", nil},
	{evidence.Linux, "usr", []string{"bin", "lib", "share", "sbin"}},
	{evidence.Linux, "root", []string{".bashrc", ".ssh", ".bash_history"}},
	{evidence.Linux, "home", nil},
	{evidence.Linux, "srv", nil},
	{evidence.Linux, "boot", nil},
	{evidence.Linux, "proc", nil},
}

// driveFolder is a folder standing for a Windows drive: C, C:, and C%3A as
// Velociraptor writes it.
var driveFolder = regexp.MustCompile(`(?i)^([a-z])(:|%3a)?$`)

// How deep a system's root, and among how many names a drive or wrapping
// folder is looked for. A folder with more is content.
const (
	maxWraps  = 4
	maxBeside = 1000
)

// recognise finds what the tree holds: a system's root, a collection, logs and
// nothing else, or files of an unknown layout. A collection's files may stand in
// a tree of their own, which is given back, and is then the source's.
func recognise(ctx context.Context, src *evidence.Source, t *tree.Tree, opt Options) (*tree.Tree, *collection.Found) {
	names, err := t.Names(".")
	if err != nil {
		src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, ".", everything, err))
	}
	switch {
	case src.Kind == evidence.KindLogs: // one file
		return t, nil
	case len(names) == 0 && len(src.Gaps) == 0:
		src.Gaps = append(src.Gaps, evidence.Gap(evidence.CoverFile, ".", everything, evidence.Absent, src.Target+" is empty"))
	}
	var found *collection.Found
	root := evidence.Name(".")
	for range maxWraps {
		if tool := collection.Marked(names); tool != collection.None && found == nil {
			found, t, root, names = collected(ctx, src, t, root, names, tool, opt)
		}
		if found != nil && found.Volumes != nil {
			src.ID.OS, src.Volumes = found.OS, found.Volumes
			break
		}
		src.ID.OS, src.Volumes = volumes(t, root, names)
		if src.ID.OS != "" {
			break
		}
		if len(src.Gaps) == 0 && !opt.Files { // else the one file may be the archive that could not be opened
			src.Gaps = unopened(root, names)
		}
		inner, several := wrapped(t, root, names)
		if several != nil {
			src.Gaps = append(src.Gaps, evidence.Gap(evidence.CoverFile, string(root), everything, evidence.Ambiguous,
				fmt.Sprintf("the folders %q are systems of their own, and their logs would count for one another: name each as a target", several)))
		}
		if inner == "" {
			break
		}
		root = inner
		if names, err = t.Names(root); err != nil {
			src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, string(root), everything, err))
			break
		}
	}
	if found != nil && src.ID.OS == "" {
		src.ID.OS = found.OS
	}
	settleNames(ctx, src, t)
	return t, found
}

// settleNames says how names are looked up, by whose they are, and where the
// volumes are. A tree of nobody's may be nothing but logs.
func settleNames(ctx context.Context, src *evidence.Source, t *tree.Tree) {
	switch src.ID.OS {
	case evidence.Windows:
		t.Fold = tree.FoldFirst
	case evidence.Linux:
		t.Fold = tree.FoldNever
	default:
		if src.Kind == evidence.KindTree && len(src.Gaps) == 0 && onlyLogs(ctx, src, t) { // with gaps, what else there was is not known
			src.Kind = evidence.KindLogs
			return
		}
	}
	if src.Volumes == nil {
		src.Volumes = []evidence.Volume{{Mount: "/", Root: "."}}
	}
	t.Volumes = src.Volumes
}

// collected makes the source that of a tool's collection, which begins at root.
func collected(ctx context.Context, src *evidence.Source, t *tree.Tree, root evidence.Name, names []string, tool collection.Tool, opt Options) (*collection.Found, *tree.Tree, evidence.Name, []string) {
	src.Kind, src.Partial = evidence.KindCollection, true
	found := collection.Read(ctx, t, root, names, tool, opt.Limits)
	if found.Inner != "" { // its files lie in an archive of their own
		inner, single, faults, err := t.Nested(ctx, found.Inner, opt.Scratch, opt.Limits)
		if single && err == nil {
			err = errors.Join(fmt.Errorf("%w: no archive", evidence.ErrTruncated), inner.Close())
		}
		for _, fault := range append(faults, err) {
			if fault != nil {
				src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, string(found.Inner), everything, fault))
			}
		}
		if err != nil {
			return found, t, root, names
		}
		outer := src.Close
		src.Files, src.Close = inner, func() error { return errors.Join(inner.Close(), outer()) }
		t, root = inner, "."
		if names, err = t.Names(root); err != nil {
			src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, string(found.Inner), everything, err))
		}
		found = collection.Read(ctx, t, root, names, collection.Marked(names), opt.Limits)
	}
	src.Gaps = append(src.Gaps, found.Gaps...)
	if found.Tree != nil { // closing it closes t
		src.Files, t = found.Tree, found.Tree
		if tool == collection.Velociraptor {
			root = "."
		}
		names, _ = t.Names(root) // what cannot be listed shows on a walk
	}
	return found, t, root, names
}

// volumes reads the system and its drives off the names of a folder.
func volumes(t *tree.Tree, root evidence.Name, names []string) (evidence.OS, []evidence.Volume) {
	switch os := systemAt(t, root, names); os {
	case evidence.Windows:
		return os, []evidence.Volume{{Mount: "C:", Root: root}}
	case evidence.Linux:
		return os, []evidence.Volume{{Mount: "/", Root: root}}
	}
	if len(names) > maxBeside || !slices.ContainsFunc(names, driveFolder.MatchString) {
		return "", nil
	}
	var list []evidence.Volume
	others, windows := 0, false
	for _, n := range names {
		m := driveFolder.FindStringSubmatch(n)
		at := root.Join(n)
		if m == nil || !isFolder(t, at) {
			if isFolder(t, at) {
				others++
			}
			continue
		}
		list = append(list, evidence.Volume{Mount: strings.ToUpper(m[1]) + ":", Root: at})
		below, err := t.Names(at)
		windows = windows || m[2] != "" || err == nil && systemAt(t, at, below) == evidence.Windows
	}
	if windows || len(list) > 0 && others == 0 && strings.EqualFold(list[0].Mount, "C:") {
		return evidence.Windows, list
	}
	return "", nil
}

// systemAt says whose root a folder with these names is; "" for nobody's.
func systemAt(t *tree.Tree, root evidence.Name, names []string) evidence.OS {
	count := map[evidence.OS]int{}
	for _, m := range marks {
		for _, n := range names {
			if !strings.EqualFold(n, m.name) {
				continue
			}
			below, err := t.Names(root.Join(n))
			if err != nil && !errors.Is(err, fs.ErrPermission) {
				break // a file, or a link that leads nowhere
			}
			count[m.os]++
			if slices.ContainsFunc(below, func(b string) bool { return slices.Contains(m.below, strings.ToLower(b)) }) {
				count[m.os]++
			}
			break
		}
	}
	win, lin := count[evidence.Windows], count[evidence.Linux]
	switch {
	case win >= 2 && win > lin:
		return evidence.Windows
	case lin >= 2:
		return evidence.Linux
	}
	return ""
}

// littered are folders that archivers and file systems put beside content.
var littered = []string{"__macosx", ".trashes", ".spotlight-v100", ".fseventsd", "lost+found", "$recycle.bin", "system volume information"}

// wrapped is the folder that a tree's content may be wrapped in: UAC's
// "[root]", the only one there is, or among several the only one that is a
// system's root. "" when there is none; several are the roots of several.
func wrapped(t *tree.Tree, root evidence.Name, names []string) (inner evidence.Name, several []evidence.Name) {
	if slices.Contains(names, "[root]") {
		return root.Join("[root]"), nil
	}
	if len(names) > maxBeside {
		return "", nil
	}
	var folders, systems []evidence.Name
	for _, n := range names {
		at := root.Join(n)
		if slices.Contains(littered, strings.ToLower(n)) || !isFolder(t, at) {
			continue
		}
		folders = append(folders, at)
		if below, err := t.Names(at); err == nil && systemAt(t, at, below) != "" {
			systems = append(systems, at)
		}
	}
	switch {
	case len(folders) == 1:
		return folders[0], nil
	case len(systems) == 1:
		return systems[0], nil
	}
	return "", systems
}

// packedName is what holds evidence of its own: archives and disk images.
var packedName = regexp.MustCompile(`(?i)\.(zip|7z|rar|cab|wim|tar|tgz|tzst|tbz2?|txz|tar\.(gz|zst|xz|bz2)|vhdx?|vmdk|vdi|qcow2|e01|ex01|aff4?|img|raw|dd|iso)$`)

// unopened are gaps for archives and images that lie in a folder of unknown
// layout: a target of their own, not looked into where they are. On a system
// they are files like others.
func unopened(root evidence.Name, names []string) (gaps []evidence.Coverage) {
	more := 0
	for _, n := range names {
		at := root.Join(n)
		switch {
		case !packedName.MatchString(n) || isLog(at):
		case len(gaps) == maxBeside:
			more++
		default:
			gaps = append(gaps, evidence.Gap(evidence.CoverFile, string(at), everything, evidence.Unsupported,
				"an archive or a disk image inside a target is not opened: unpack or mount it, and name it as a target of its own"))
		}
	}
	if more > 0 {
		gaps = append(gaps, evidence.Gap(evidence.CoverFile, string(root), everything, evidence.Unsupported, fmt.Sprintf("%d more archives and disk images", more)))
	}
	return gaps
}

// beside are files that lie next to collections and are none: what tools say of
// them, checksums, notes.
var beside = regexp.MustCompile(`(?i)(\.(md5|sha1|sha256|sha512|asc|sig|pdf|md)$|_consolelog\.txt$|^uac-.*\.log$|^(readme|notes?|manifest|hash[a-z]*)(\.[a-z0-9]+)?$)`)

// archivesIn lists the archives and images of a folder that holds nothing else
// that is evidence, through folders that only wrap it.
func archivesIn(t *tree.Tree) (held []evidence.Name) {
	root := evidence.Name(".")
	for range maxWraps {
		names, err := t.Names(root)
		if err != nil || len(names) > maxBeside || collection.Marked(names) != collection.None {
			return nil
		}
		var folders []evidence.Name
		for _, n := range names {
			at := root.Join(n)
			e, err := t.Stat(at)
			switch {
			case slices.Contains(littered, strings.ToLower(n)), n == ".DS_Store", beside.MatchString(n):
			case err != nil || e.Err != nil && !e.Mode.IsRegular():
				return nil
			case e.Mode.IsDir():
				folders = append(folders, at)
			case e.Mode.IsRegular() && packedName.MatchString(n) && !isLog(at):
				held = append(held, at)
			default:
				return nil
			}
		}
		if len(folders) != 1 || len(held) > 0 {
			if len(folders) > 0 {
				return nil
			}
			return held
		}
		root = folders[0]
	}
	return nil
}

func isFolder(t *tree.Tree, name evidence.Name) bool {
	e, err := t.Stat(name)
	return err == nil && e.Mode.IsDir()
}

// logName is what logs are called, lower case; packed ones included.
var logName = regexp.MustCompile(`(\.(log|evtx?|w3c)([._-][0-9.-]+)?` +
	`|^(syslog|messages|auth|secure|maillog|mail|kern|daemon|cron|user)(\.log)?([.-][0-9]+)*` +
	`|^[a-z0-9_.-]*(access|error)[_.-]log.*)(\.(zip|gz|zst|bz2|xz))?$`)

func isLog(name evidence.Name) bool {
	base := strings.ToLower(name.Base())
	return logName.MatchString(base) ||
		strings.HasSuffix(base, ".txt") && strings.Contains(strings.ToLower(name.Dir().Base()), "log")
}

var errNotLogs = errors.New("target: not only logs")

// onlyLogs reports whether every file is a log by its name, and says when there
// is no file at all. What could not be listed counts as something else.
func onlyLogs(ctx context.Context, src *evidence.Source, t *tree.Tree) bool {
	files := 0
	err := t.Walk(ctx, ".", func(e evidence.Entry) error {
		switch {
		case e.Mode.IsDir() && e.Err == nil:
			return nil
		case !isLog(e.Name):
			files++
			return errNotLogs
		}
		files++
		return nil
	})
	if err == nil && files == 0 && len(src.Gaps) == 0 {
		src.Gaps = append(src.Gaps, evidence.Gap(evidence.CoverFile, ".", everything, evidence.Absent, src.Target+" holds folders and no file"))
	}
	if err != nil && !errors.Is(err, errNotLogs) {
		src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverFile, ".", everything, err))
	}
	return err == nil && files > 0
}
