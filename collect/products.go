package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"postern/evidence"
)

// products finds every installation on a source and reads its build.
type products struct{ walks *surveys }

func (*products) Name() string          { return "products" }
func (*products) Needs() evidence.Need  { return evidence.NeedFiles | evidence.NeedState }
func (*products) Parts() evidence.Parts { return evidence.Exposed }

// Collect implements evidence.Collector.
func (c *products) Collect(ctx context.Context, src *evidence.Source, want *evidence.Interest, out evidence.Sink) error {
	if src.Kind == evidence.KindLogs || len(want.Products) == 0 {
		return nil
	}
	s := c.walks.take(src, want)
	if src.Files != nil {
		if err := s.walk(ctx, out); err != nil {
			return err
		}
	}
	f := &finder{survey: s, ctx: ctx, out: out, sites: map[string]*site{}, recorded: map[string]bool{}}
	defer f.close()
	f.fromFolders()
	for _, look := range []func(){f.fromServices, f.fromUnits, f.fromProcesses, f.fromUninstall, f.fromContainers} {
		if err := ctx.Err(); err != nil {
			return err
		}
		look()
	}
	for _, key := range f.order {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.report(f.sites[key])
	}
	f.coverAbsent()
	return ctx.Err()
}

// finder is one search for installations.
type finder struct {
	*survey
	ctx   context.Context //nolint:containedctx // a finder lives for one Collect
	out   evidence.Sink
	sites map[string]*site
	order []string
	reg   evidence.Registry // nil: the source has none
	open  []io.Closer       // hives in use

	intents  []intent        // images that files ask for
	recorded map[string]bool // images that a record of a container names
}

// errSaid is a failure that is covered already.
var errSaid = errors.New("collect: covered")

// close closes the hives.
func (f *finder) close() {
	for _, file := range f.open {
		file.Close()
	}
}

// site is one place where a product stands, as it is being found.
type site struct {
	product *evidence.Product
	root    evidence.Name // the program folder; "" for one that has none on this source
	path    string        // what the installation is called by when root is ""
	runs    []string      // what starts it
	starts  []start       // the program files that those name
	started []evidence.Process
	signals []evidence.Signal
	changes []evidence.Change
	notes   []string
}

// start is a program file that something on the machine starts.
type start struct {
	name evidence.Name
	why  string
}

// site returns the place of a product's program folder, new when it was not
// known.
func (f *finder) site(p *evidence.Product, root evidence.Name) *site {
	return f.enter(p, p.ID+"\x00"+f.key(root), &site{product: p, root: root})
}

// named returns a place that has no program folder: a container, a left-over.
func (f *finder) named(p *evidence.Product, path string) *site {
	return f.enter(p, p.ID+"\x00\x00"+path, &site{product: p, path: path})
}

func (f *finder) enter(p *evidence.Product, key string, fresh *site) *site {
	if f.sites[key] == nil {
		f.sites[key] = fresh
		f.order = append(f.order, key)
	}
	return f.sites[key]
}

// fromFolders finds the folders that hold a product's marker, wherever they
// are, and any of its programs in a default folder.
func (f *finder) fromFolders() {
	for i := range f.want.Products {
		p := &f.want.Products[i]
		for _, dir := range f.dirs {
			entries := f.programs[dir]
			root := f.rootOf(p, entries[0].Name.Dir())
			if slices.ContainsFunc(entries, func(e evidence.Entry) bool { return f.marks(p, e, root) }) {
				f.site(p, root)
			}
		}
	}
}

// marks reports whether a program file makes root look like the product.
func (f *finder) marks(p *evidence.Product, e evidence.Entry, root evidence.Name) bool {
	pf := program(p, e.Name.Base())
	if pf == nil {
		return false
	}
	return pf.Marker || slices.ContainsFunc(p.Folders, func(folder string) bool {
		have := f.folder(folder)
		return have != nil && f.key(have.name) == f.key(root)
	})
}

// program returns what the product says of a file by this base name.
func program(p *evidence.Product, base string) *evidence.ProgramFile {
	for i := range p.Programs {
		if strings.EqualFold(p.Programs[i].Name, base) {
			return &p.Programs[i]
		}
	}
	return nil
}

// rootOf returns the program folder of a directory that holds programs: the
// directory itself, or the one above its inner folder.
func (f *finder) rootOf(p *evidence.Product, dir evidence.Name) evidence.Name {
	for _, inner := range p.Inner {
		inner = clean(inner)
		head := len(dir) - len(inner)
		if inner == "" || head < 0 || !strings.EqualFold(string(dir[head:]), inner) {
			continue
		}
		if head == 0 {
			return "."
		}
		if dir[head-1] == '/' {
			return dir[:head-1]
		}
	}
	return dir
}

func clean(inner string) string {
	return strings.Trim(strings.TrimPrefix(strings.ReplaceAll(inner, `\`, "/"), "."), "/")
}

// files returns the site's program files, in the product's order of strength.
func (f *finder) files(at *site) []evidence.Entry {
	if at.root == "" {
		return nil
	}
	var all []evidence.Entry
	seen := map[string]bool{}
	for _, inner := range append([]string{""}, at.product.Inner...) {
		key := f.key(at.root.Join(clean(inner)))
		if seen[key] {
			continue
		}
		seen[key] = true
		for _, e := range f.programs[key] {
			if program(at.product, e.Name.Base()) != nil {
				all = append(all, e)
			}
		}
	}
	rank := func(e evidence.Entry) int {
		return slices.IndexFunc(at.product.Programs, func(p evidence.ProgramFile) bool { return strings.EqualFold(p.Name, e.Name.Base()) })
	}
	slices.SortStableFunc(all, func(a, b evidence.Entry) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// runsAt notes that something on the machine starts the program at a path
// ("C:\x\MailService.exe", "/opt/x/MailService").
func (f *finder) runsAt(p *evidence.Product, exe, why string) *site {
	exe = strings.ReplaceAll(exe, `\`, "/")
	dir, base, cut := cutLast(exe)
	name, ok := f.src.Locate(dir)
	if !cut || !ok || f.src.Files == nil {
		return f.named(p, exe).run(why)
	}
	at := f.site(p, f.spelled(f.rootOf(p, name))).run(why)
	at.starts = append(at.starts, start{name.Join(base), why})
	return at
}

// run notes what starts the program, once.
func (s *site) run(why string) *site {
	if !slices.Contains(s.runs, why) {
		s.runs = append(s.runs, why)
	}
	return s
}

func cutLast(path string) (dir, base string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i+1], path[i+1:], true
}

// spelled gives a folder the spelling it has on the source, if a site knows it.
func (f *finder) spelled(n evidence.Name) evidence.Name {
	for _, at := range f.sites {
		if at.root != "" && f.key(at.root) == f.key(n) {
			return at.root
		}
	}
	return n
}

// role judges what runs an installation.
func (f *finder) role(at *site) (evidence.InstallRole, string) {
	if len(at.runs) > 0 {
		return evidence.Active, strings.Join(at.runs, "; ")
	}
	if el := f.copyElement(at.product, cmp.Or(at.root, evidence.Name(at.path))); el != "" {
		return evidence.Copy, fmt.Sprintf("nothing runs it and %q says copy", el)
	}
	return evidence.RoleUnknown, "nothing on this source says whether it runs"
}

// copyElement returns the element of a path on the examined machine that marks
// a copy, "" without one: a shadow copy, or a name such as "Backup". A folder that
// the image itself lies in marks nothing.
func (f *finder) copyElement(p *evidence.Product, name evidence.Name) string {
	if v := f.volume(name); v != nil && v.Past {
		return v.Root.Base()
	}
	if p.CopyName == nil {
		return ""
	}
	path := cmp.Or(f.path(name), string(name))
	for el := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		if p.CopyName.MatchString(el) {
			return el
		}
	}
	return ""
}

// report reads the builds of one site and hands the installation over.
func (f *finder) report(at *site) {
	path := cmp.Or(string(at.root), at.path)
	f.readBuilds(at, path)
	if !slices.ContainsFunc(at.signals, func(s evidence.Signal) bool { return s.Version != "" }) {
		f.gap(path, evidence.Exposed, evidence.NoBuild, at.product.Name+" is here and nothing read states its build")
	}
	f.noteStarts(at)
	role, why := f.role(at)
	inst := evidence.Installation{
		Product: at.product.ID, Path: path, Role: role, RoleWhy: why,
		Signals: at.signals, Changes: at.changes, Notes: at.notes,
	}
	f.observe(evidence.ObserveProduct, evidence.Ref{Collector: "products", Path: path}, &inst, at.product.ID)
}

// observe hands over one fact in a lane of its own.
func (f *finder) observe(kind evidence.ObservationKind, ref evidence.Ref, inst *evidence.Installation, values ...string) {
	lane := f.out.Lane(ref)
	err := lane.Observe(f.ctx, &evidence.Observation{Kind: kind, Values: values, Ref: ref, Installation: inst})
	if err := errors.Join(err, lane.Close()); err != nil {
		f.lose(evidence.CoverState, ref.Path, evidence.Exposed, err)
	}
}

// gap covers something about installations that was not seen.
func (f *finder) gap(path string, parts evidence.Parts, reason evidence.Reason, detail string) {
	f.out.Cover(evidence.Gap(evidence.CoverFile, path, parts, reason, detail))
}

// lose covers what an error took.
func (f *finder) lose(kind evidence.CoverageKind, path string, parts evidence.Parts, err error) {
	f.out.Cover(evidence.ErrGap(kind, path, parts, err))
}

// aid is what a missing discovery aid (a hive, unit files) bears on: on a tree
// walked whole the files themselves were found, and it changes no answer.
func (f *finder) aid() evidence.Parts {
	if f.src.Partial {
		return evidence.Exposed
	}
	return 0
}

// coverAbsent covers what a product's default places lack.
func (f *finder) coverAbsent() {
	for i := range f.want.Products {
		p := &f.want.Products[i]
		installed := slices.ContainsFunc(f.order, func(key string) bool { return f.sites[key].product == p })
		for _, folder := range slices.Concat(p.Folders, p.Data) {
			have := f.folder(folder)
			switch {
			case have == nil && f.src.Partial && f.fits(folder) && slices.Contains(p.Folders, folder):
				f.gap(folder, evidence.Exposed, evidence.NotCollected, "the default folder of "+p.Name)
			case have != nil && !installed:
				f.gap(string(have.name), evidence.Exposed, evidence.Absent, "was here: a folder of "+p.Name+" without its program")
			}
		}
		if installed {
			f.coverTraces()
		}
	}
}

// coverTraces names the traces of updates that this version does not read.
// They bear on no answer by themselves: the window of exposure stays open
// without them, and the report says why.
func (f *finder) coverTraces() {
	if !f.applies(evidence.Windows) || f.src.Files == nil {
		return
	}
	f.gap("MsiInstaller events", 0, evidence.Unsupported, "records 1033, 1034 and 11707 tell when the product was installed or updated")
	f.gap("Amcache", 0, evidence.Unsupported, "tells when a program file was first seen")
	if !f.births() {
		f.gap("MFT", 0, evidence.Unsupported, "this source records no birth and change times of the program files")
	}
}

// births reports whether the walk gave birth times of program files.
func (f *finder) births() bool {
	for _, entries := range f.programs {
		if slices.ContainsFunc(entries, func(e evidence.Entry) bool { return !e.Birth.IsZero() }) {
			return true
		}
	}
	return false
}

// missing reports whether an error only says that something is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
