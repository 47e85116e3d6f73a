package tree

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// Limits of one stored name.
const (
	maxName     = 4096 // bytes of a path, and of a link's text
	maxElements = 200  // elements of a path
)

// index is the names of an archive, about 230 bytes each and the name.
type index struct {
	items  []item // items[0] is the root
	byName map[evidence.Name]int32
	limit  int64

	// rooted: the first name was absolute, as in archives made with tar -P;
	// then all lose their leading slash. An absolute name among relative ones
	// is refused.
	rooted bool
	zip    bool // names may have backslashes for slashes
}

// item is one name of an archive.
type item struct {
	name    evidence.Name
	kids    []int32 // sorted by name once the index is done
	link    string  // text of a symbolic link, or the member a hard link names
	err     error   // why it cannot be read
	mod     int64   // nanoseconds since 1970; 0: not recorded
	size    int64   // as declared
	packed  int64   // bytes stored
	at      int64   // where its data (tar) or local header (zip) begins
	mode    fs.FileMode
	crc     uint32
	again   int32 // further entries of this name
	method  uint16
	hard    bool // a hard link to link
	implied bool // a folder no entry stands for
	unix    bool // written by a system where a backslash may be part of a name
}

func newIndex(limit int64, zip bool) *index {
	return &index{
		items:  []item{{name: ".", mode: fs.ModeDir | 0o755, implied: true}},
		byName: map[evidence.Name]int32{".": 0},
		limit:  limit,
		zip:    zip,
	}
}

// add takes one entry under the name the archive gives it. Its error is
// ErrLimit: the index is full. A name that would leave the tree is kept under
// one that shows it, with ErrUnsafeName.
func (x *index) add(raw string, it item) error {
	name, err := x.clean(raw, it.unix)
	if err != nil {
		name, it.err = visible(raw), cmp.Or(it.err, err)
	}
	if have, known := x.byName[name]; known {
		x.merge(have, it)
		return nil
	}
	parent, err := x.parent(name.Dir())
	if err != nil {
		return err
	}
	it.name = name
	return x.attach(parent, it)
}

// merge takes a second entry of a name: of files the first is read, folders
// are one.
func (x *index) merge(have int32, it item) {
	h := &x.items[have]
	switch {
	case h.mode.IsDir() && it.mode.IsDir():
		if h.implied {
			h.mode, h.mod, h.implied = it.mode, it.mod, false
		}
	default:
		h.again++
	}
}

func (x *index) attach(parent int32, it item) error {
	if int64(len(x.items)) > x.limit {
		return fmt.Errorf("%w: more than %d names", evidence.ErrLimit, x.limit)
	}
	x.byName[it.name] = int32(len(x.items))
	x.items[parent].kids = append(x.items[parent].kids, int32(len(x.items)))
	x.items = append(x.items, it)
	return nil
}

// parent finds or makes the folder name. A file in its place becomes one and
// counts as a duplicate, so that what is below it stays in sight.
func (x *index) parent(name evidence.Name) (int32, error) {
	if i, known := x.byName[name]; known {
		if h := &x.items[i]; !h.mode.IsDir() {
			*h = item{name: h.name, mode: fs.ModeDir | 0o755, again: h.again + 1}
		}
		return i, nil
	}
	above, err := x.parent(name.Dir())
	if err != nil {
		return 0, err
	}
	err = x.attach(above, item{name: name, mode: fs.ModeDir | 0o755, implied: true})
	return int32(len(x.items)) - 1, err
}

// escaped is a backslash that systemd wrote into a unit's name (systemd.unit(5),
// "String Escaping for Inclusion in Unit Names"), not a separator.
var escaped = regexp.MustCompile(`\\x[0-9a-f]{2}`)

var driveName = regexp.MustCompile(`^[A-Za-z]:(/|$)`)

// clean gives the name an archive's raw one stands for, or ErrUnsafeName.
func (x *index) clean(raw string, unix bool) (evidence.Name, error) {
	name := raw
	if x.zip && strings.Contains(name, `\`) && !(unix && escaped.MatchString(name)) {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	if len(x.items) == 1 && strings.HasPrefix(name, "/") {
		x.rooted = true
	}
	if x.rooted {
		name = strings.TrimLeft(name, "/")
	}
	if driveName.MatchString(name) {
		name = name[:1] + name[2:] // C:/x stands as C/x, the layout of collections
	}
	switch {
	case len(name) > maxName || strings.Count(name, "/") > maxElements:
		return "", fmt.Errorf("%w: a name of %d bytes", evidence.ErrUnsafeName, len(name))
	case name == "" && !x.rooted, strings.HasPrefix(name, "/"), strings.Contains(name, "\x00"),
		slices.Contains(strings.Split(name, "/"), ".."), len(name) > 1 && name[1] == ':' && x.zip:
		return "", fmt.Errorf("%w: %q", evidence.ErrUnsafeName, raw)
	}
	return evidence.Name(path.Clean(name)), nil
}

// visible spells an unsafe name so that it stays in the tree and can be seen.
func visible(raw string) evidence.Name {
	cut := min(len(raw), 200)
	list := strings.Split(raw[:cut], "/")
	for i, el := range list {
		switch el {
		case "..", ".":
			list[i] = strings.ReplaceAll(el, ".", "%2E")
		case "":
			list[i] = "%2F"
		default:
			list[i] = strings.ReplaceAll(el, "\x00", "%00")
		}
	}
	if cut < len(raw) || len(list) > maxElements {
		return evidence.Name(fmt.Sprintf("%%2E%%2E/long name of %d bytes/", len(raw)) + strings.ReplaceAll(list[0], ":", "%3A"))
	}
	return evidence.Name(strings.Join(list, "/"))
}

// finish sorts the index and points hard links at their data.
func (x *index) finish() {
	for i := range x.items {
		slices.SortFunc(x.items[i].kids, func(a, b int32) int { return cmp.Compare(x.items[a].name, x.items[b].name) })
	}
	for i := range x.items {
		it := &x.items[i]
		if !it.hard {
			continue
		}
		to, err := x.original(it)
		if err != nil {
			it.err = err
			continue
		}
		it.size, it.packed, it.at, it.crc, it.method, it.err = to.size, to.packed, to.at, to.crc, to.method, to.err
	}
}

// original finds the file a hard link names, through other hard links.
func (x *index) original(it *item) (*item, error) {
	for range maxLinks {
		name, err := x.clean(it.link, it.unix)
		if err != nil {
			return nil, fmt.Errorf("hard link: %w", err)
		}
		i, known := x.byName[name]
		if !known || !x.items[i].mode.IsRegular() {
			return nil, fmt.Errorf("hard link: %w: %q", fs.ErrNotExist, it.link)
		}
		if it = &x.items[i]; !it.hard {
			return it, nil
		}
	}
	return nil, fmt.Errorf("hard link: %w: links lead in a circle", fs.ErrNotExist)
}

func (x *index) find(name evidence.Name) (*item, error) {
	i, known := x.byName[name]
	if !known {
		return nil, fs.ErrNotExist
	}
	return &x.items[i], nil
}

func (x *index) stat(name evidence.Name) (node, error) {
	it, err := x.find(name)
	if err != nil {
		return node{}, err
	}
	e := evidence.Entry{Size: it.size, Mode: it.mode, Err: it.err}
	if it.mod != 0 {
		e.ModTime = time.Unix(0, it.mod).UTC()
	}
	return node{entry: e, again: int(it.again)}, nil
}

func (x *index) folder(name evidence.Name) (folder, error) {
	it, err := x.find(name)
	if err != nil {
		return nil, err
	}
	if !it.mode.IsDir() {
		return nil, errors.ErrUnsupported
	}
	return indexFolder{x, it}, nil
}

// indexFolder is one folder of an archive.
type indexFolder struct {
	*index
	at *item
}

func (f indexFolder) names() ([]string, error) {
	names := make([]string, len(f.at.kids))
	for i, k := range f.at.kids {
		names[i] = f.items[k].name.Base()
	}
	return names, nil
}

func (f indexFolder) stat(base string) (node, error) { return f.index.stat(f.at.name.Join(base)) }

func (f indexFolder) close() {}
