package collection

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
	"postern/target/tree"
)

// upload is one file of a container: as stored, as listed, or both.
type upload struct {
	accessor   string
	components []string
	stored     evidence.Name // "": listed only
	have       int64         // bytes stored
	listed     bool
	size       int64 // of the file on the machine, as listed; below 0: not said
	sent       int64 // of what was uploaded, as listed; below 0: not said
	index      evidence.Name
}

// velociraptor reads a container.
func (r *reading) velociraptor() error {
	if r.has("data.zip") && !r.has("uploads.json") && !r.has("uploads") {
		return r.sealed()
	}
	r.clientInfo()
	r.context()
	r.errorsOf("log.json")
	stored, err := r.storedUploads()
	if err != nil {
		return err
	}
	indexed := false
	if r.has("uploads.json") {
		if indexed, err = r.listedUploads(stored); err != nil {
			r.fault(string(r.root.Join("uploads.json")), fmt.Errorf("%w: files it lists further on have the names they are stored under, and what is missing has none", err))
		}
	}
	r.pairIndexes(stored, r.has("uploads.json"), indexed)
	if r.has("results") {
		if names, err := r.tree.Names(r.root.Join("results")); err != nil || len(names) > 0 {
			r.gap(evidence.CoverState, r.root.Join("results"), evidence.CompromisedNow, evidence.Unsupported,
				fmt.Sprintf("what queries found on the host (%d files) is not read by this version", len(names)))
		}
	}
	if len(stored) == 0 && !slices.ContainsFunc(r.names, func(n string) bool { return !ownName.MatchString(n) }) {
		r.gap(evidence.CoverFile, r.root, everything, evidence.NotCollected, "the collection holds results of queries and no file of the machine")
	}
	return r.arrange(stored)
}

// sealed is a container whose files lie in a data.zip of their own, encrypted
// as a rule: to a password, or to the certificate that metadata.json names.
func (r *reading) sealed() error {
	f, err := r.tree.Open(r.root.Join("data.zip"))
	if err == nil {
		r.Inner = r.root.Join("data.zip")
		return f.Close()
	}
	if !errors.Is(err, evidence.ErrEncrypted) {
		return err
	}
	how := "unpack data.zip with the password of the collection, and name the folder"
	if meta, err := r.all(r.root.Join("metadata.json"), maxSmall); err == nil && bytes.Contains(bytes.ToLower(meta), []byte("x509")) {
		how = "its password is sealed to a certificate: import it into the Velociraptor server that made the collector, or unpack it with that server's configuration, and name the result"
	}
	r.gap(evidence.CoverFile, r.root.Join("data.zip"), everything, evidence.Encrypted, "an encrypted Velociraptor collection: "+how)
	return nil
}

// key is what an upload is known by.
func key(accessor string, components []string) string {
	return accessor + "\x00" + strings.Join(components, "\x00")
}

// storedUploads walks uploads/, names decoded.
func (r *reading) storedUploads() (map[string]*upload, error) {
	stored := map[string]*upload{}
	if !r.has("uploads") {
		return stored, nil
	}
	dir := r.root.Join("uploads")
	err := r.tree.Walk(r.ctx, dir, func(e evidence.Entry) error {
		if e.Mode.IsDir() && e.Err == nil {
			return nil
		}
		raw := strings.Split(strings.TrimPrefix(string(e.Name), string(dir)+"/"), "/")
		u := &upload{accessor: decode(raw[0]), stored: e.Name, have: e.Size, size: -1, sent: -1}
		for _, c := range raw[1:] {
			u.components = append(u.components, decode(c))
		}
		k := key(u.accessor, u.components)
		for stored[k] != nil && stored[k].stored != e.Name { // two spellings of one name
			k += "\x00"
		}
		stored[k] = u
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return stored, err
}

// listedUploads holds uploads.json against what is stored: sizes, and files
// that are not there. indexed says that it lists .idx files too.
func (r *reading) listedUploads(stored map[string]*upload) (indexed bool, err error) {
	text, f, err := r.text(r.root.Join("uploads.json"), maxRecords)
	if err != nil {
		return false, err
	}
	defer f.Close()
	limit := cmp.Or(max(r.limits.Entries, 0), 2_000_000)
	strange, all := 0, 0
	err = ReadRows(r.ctx, text, limit, func(row UploadRow) error {
		all++
		r.later(row.at())
		accessor, components, ok := row.where()
		if !ok {
			strange++
			return nil
		}
		k := key(accessor, components)
		if row.Type == "idx" {
			indexed = true
			if u := stored[k+".idx"]; u != nil && stored[k] != nil {
				stored[k].index = u.stored
			}
			return nil
		}
		u := stored[k]
		if u == nil {
			u = &upload{accessor: accessor, components: components, size: -1, sent: -1}
			stored[k] = u
		}
		u.listed = true
		u.size, u.sent = max(u.size, int64(row.Size)), max(u.sent, int64(row.Sent))
		return nil
	})
	if strange > 0 {
		r.gap(evidence.CoverFile, r.root.Join("uploads.json"), everything, evidence.Unsupported, fmt.Sprintf("%d of its %d rows name no upload", strange, all))
	}
	return indexed, err
}

// pairIndexes finds the .idx files that describe the file beside them. Where
// uploads.json tells of some, it tells of all.
func (r *reading) pairIndexes(stored map[string]*upload, listed, indexed bool) {
	for _, k := range slices.Sorted(maps.Keys(stored)) {
		u := stored[k]
		base, isIndex := strings.CutSuffix(k, ".idx")
		of := stored[base]
		if !isIndex || of == nil || of.stored == "" || u.stored == "" || u.listed {
			continue
		}
		switch {
		case of.index == u.stored:
		case listed && indexed:
			continue
		default:
			if _, err := r.runs(u.stored); err != nil {
				continue // a file of the machine that is called so
			}
			of.index = u.stored
		}
		delete(stored, k)
	}
}

// ownName is what a container calls its own records. Whatever else lies there
// stays in sight.
var ownName = regexp.MustCompile(`(?i)^(uploads|results|(client_info|collection_context|requests|metadata|logs?|uploads)\.(json|csv)(\.index)?)$`)

// arrange puts the uploads under the machine's names.
func (r *reading) arrange(stored map[string]*upload) error {
	byName, windows, leftover := map[string][]*upload{}, false, map[string]*upload{}
	for _, k := range slices.Sorted(maps.Keys(stored)) {
		u := stored[k]
		name, win, ok := place(u.accessor, u.components)
		windows = windows || win
		if !ok {
			leftover[k] = u
			continue
		}
		byName[name] = append(byName[name], u)
	}
	switch {
	case windows:
		r.OS = evidence.Windows
		byName = foldNames(byName)
	case r.OS == "" && len(byName) > 0:
		r.OS = evidence.Linux
	}
	a := r.tree.Arrange(r.limits)
	for _, n := range r.names {
		if !ownName.MatchString(n) {
			if err := a.Keep(r.ctx, r.root.Join(n), evidence.Name(n)); err != nil {
				r.fault(n, err)
			}
		}
	}
	partly := &rows{to: r, more: "files were uploaded in part or not at all"}
	budget := int64(maxCompared)
	names := slices.Sorted(maps.Keys(byName))
	for _, lacking := range []bool{false, true} { // what is there first: what is missing may lie in its folders
		for _, name := range names {
			if (byName[name][0].stored == "") == lacking {
				if err := r.put(a, name, byName[name], partly, &budget); err != nil {
					r.fault(name, err)
					break
				}
			}
		}
	}
	if err := r.putLeftover(a, leftover, partly); err != nil {
		r.fault(leftovers, err)
	}
	partly.end()
	if len(names) > 0 {
		r.Volumes = volumesOf(names, windows)
		r.shadowed()
	}
	r.Tree = a.Tree()
	return nil
}

// foldNames makes one of names that Windows holds for one, folders too.
func foldNames(byName map[string][]*upload) map[string][]*upload {
	spelled, folded := map[string]string{}, map[string][]*upload{}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		as := ""
		for el := range strings.SplitSeq(name, "/") {
			if as != "" {
				as += "/"
			}
			low := strings.ToLower(as + el)
			if spelled[low] == "" {
				spelled[low] = as + el
			}
			as = spelled[low]
		}
		folded[as] = append(folded[as], byName[name]...)
	}
	for _, list := range folded {
		slices.SortStableFunc(list, func(a, b *upload) int { // what is there first, then the longest
			return cmp.Or(boolCompare(a.stored == "", b.stored == ""), cmp.Compare(b.have, a.have))
		})
	}
	return folded
}

// put gives one name its file. Uploads of one name by several accessors are one
// file where their bytes agree.
func (r *reading) put(a *tree.Arrangement, name string, list []*upload, partly *rows, budget *int64) error {
	for i, u := range list {
		if u.stored == "" {
			if i > 0 {
				continue // another accessor brought it
			}
			why := fmt.Errorf("%w: uploads.json lists it, %d bytes of %d", evidence.ErrNotCollected, max(u.sent, 0), max(u.size, 0))
			partly.add(name, 0, why)
			if err := a.Lack(name, u.size, why); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			switch err := r.same(list[0], u, budget); {
			case err == nil:
				continue
			case !errors.Is(err, evidence.ErrDuplicate):
				partly.add(string(u.stored), 0, err)
			}
		}
		size, runs := r.wholeness(name, u, partly)
		if err := a.Put(name, u.stored, size, runs); err != nil {
			return err
		}
	}
	return nil
}

// wholeness says how long a stored file ought to be, and how it is put
// together.
func (r *reading) wholeness(name string, u *upload, partly *rows) (size int64, runs []tree.Run) {
	if u.index != "" {
		runs, err := r.runs(u.index)
		if err == nil && len(runs) > 0 {
			last := runs[len(runs)-1]
			err = tree.CheckRuns(runs, last.At+last.Length, u.have)
		}
		if err == nil {
			if u.size > lengthOf(runs) {
				partly.add(name, 0, fmt.Errorf("%w: its parts make %d bytes of %d", evidence.ErrTruncated, lengthOf(runs), u.size))
			}
			return u.size, runs
		}
		partly.add(name, 0, fmt.Errorf("its index %q: %w", u.index, err))
		return max(u.size, u.have+1), nil // a read to its end tells
	}
	want := max(u.size, u.sent)
	if want > u.have {
		partly.add(name, 0, fmt.Errorf("%w: %d bytes of %d were uploaded", evidence.ErrTruncated, u.have, want))
	}
	return want, nil
}

func lengthOf(runs []tree.Run) int64 {
	if len(runs) == 0 {
		return 0
	}
	return runs[len(runs)-1].At + runs[len(runs)-1].Length
}

// putLeftover keeps in sight what is no file of the machine, and names that
// would lead out of the tree.
func (r *reading) putLeftover(a *tree.Arrangement, leftover map[string]*upload, partly *rows) error {
	for _, k := range slices.Sorted(maps.Keys(leftover)) {
		u := leftover[k]
		inside, safe := joined(append([]string{u.accessor}, u.components...))
		name := leftovers + "/" + inside
		var err error
		switch {
		case !safe:
			partly.add(brief(u.accessor+" "+strings.Join(u.components, `\`)), everything, evidence.ErrUnsafeName)
		case u.stored == "":
			err = a.Lack(name, u.size, fmt.Errorf("%w: uploads.json lists it", evidence.ErrNotCollected))
		default:
			err = a.Put(name, u.stored, max(u.size, u.sent), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
