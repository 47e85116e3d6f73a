package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"postern/evidence"
)

// readBuilds reads every program file of a site: signals, traces of change,
// and a gap for each that did not read whole.
func (f *finder) readBuilds(at *site, path string) {
	files := f.files(at)
	for _, e := range files {
		if err := f.readBuild(at, e); err != nil {
			f.lose(evidence.CoverFile, string(e.Name), evidence.Exposed, err)
		}
	}
	if len(files) == 0 && at.root != "" {
		f.gap(path, evidence.Exposed, f.notHere(), at.product.Name+" should be here and its program is not")
	}
	if !f.itsOwn(at, files) {
		at.signals = nil
		at.notes = append(at.notes, "nothing in "+string(files[0].Name)+" or its folder's name says that it is "+at.product.Name+"'s, so the version that it states is not believed")
	}
	for _, s := range at.starts {
		if len(files) > 0 && !f.there(s.name) {
			f.gap(string(s.name), evidence.Exposed, f.notHere(), s.why+" starts it and it is not here; what stands beside it does not tell its build")
		}
	}
	if len(at.signals) == 0 {
		at.signals = []evidence.Signal{{Kind: evidence.SignalPresence, Confidence: evidence.Likely, Ref: evidence.Ref{Collector: "products", Path: path}}}
	}
}

// itsOwn reports whether the programs of a site are the product's and not
// another vendor's that bear the same name: by the folder's name, by what else
// names it (an uninstall entry, a unit), by two of its programs side by side, by
// a version of its line, or by what the files hold.
func (f *finder) itsOwn(at *site, files []evidence.Entry) bool {
	own := at.product.Own
	if own == nil || len(files) == 0 || own.MatchString(f.path(at.root)) || at.root == "." && own.MatchString(f.src.Target) || slices.ContainsFunc(at.runs, own.MatchString) {
		return true
	}
	if slices.ContainsFunc(at.signals, func(s evidence.Signal) bool {
		return s.Kind == evidence.SignalUninstall || s.Kind == evidence.SignalContainer
	}) {
		return true
	}
	names := map[*evidence.ProgramFile]bool{}
	for _, e := range files {
		pf := program(at.product, e.Name.Base())
		names[pf] = true
		for _, s := range at.signals {
			if pf.Pattern != nil && pf.Pattern.MatchString(s.Version) {
				return true
			}
		}
	}
	if len(names) > 1 {
		return true
	}
	return slices.ContainsFunc(files, func(e evidence.Entry) bool {
		data, err := readFile(f.src.Files, e.Name, maxProgram)
		return err != nil || len(patternVersions(data, own)) > 0 // what could not be read may be
	})
}

// notHere is why a program that is named is not to be read. Unlike a discovery
// aid that is absent it decides: nothing says what runs.
func (f *finder) notHere() evidence.Reason {
	if f.src.Partial {
		return evidence.NotCollected
	}
	return evidence.NoBuild
}

// there reports whether the walk met a program file, by its name or without
// the ending that starting it adds.
func (f *finder) there(n evidence.Name) bool {
	return slices.ContainsFunc(f.programs[f.key(n.Dir())], func(e evidence.Entry) bool {
		base := f.key(evidence.Name(e.Name.Base()))
		return base == f.key(evidence.Name(n.Base())) || base == f.key(evidence.Name(n.Base()+".exe"))
	})
}

// readBuild reads one program file.
func (f *finder) readBuild(at *site, e evidence.Entry) error {
	if e.Err != nil {
		return e.Err
	}
	data, err := readFile(f.src.Files, e.Name, maxProgram)
	ref := evidence.Ref{Collector: "products", Path: string(e.Name)}
	if err == nil {
		ref.SHA256 = hashBytes(data)
	}
	pf := program(at.product, e.Name.Base())
	says, bad := readProgram(data)
	signal := func(kind evidence.SignalKind, version string, c evidence.Confidence) {
		at.signals = append(at.signals, evidence.Signal{Kind: kind, Version: version, Confidence: c, Ref: ref})
	}
	if says.file != "" {
		signal(pf.Kind, says.file, evidence.Confirmed)
	}
	if says.product != "" && says.product != says.file {
		signal(pf.Kind, says.product, evidence.Confirmed)
	}
	if says.assembly != "" {
		signal(evidence.SignalAssembly, says.assembly, evidence.Confirmed)
	}
	if says == (stated{}) && pf.Pattern != nil {
		for _, v := range patternVersions(data, pf.Pattern) {
			signal(evidence.SignalPattern, v, evidence.Likely)
		}
	}
	f.changes(at, e, ref)
	if err != nil {
		return err // the file's own failure says more than what that did to its structure
	}
	f.out.Cover(evidence.Coverage{Kind: evidence.CoverFile, Path: string(e.Name), Parts: evidence.Exposed, Count: 1, Bytes: int64(len(data)), SHA256: ref.SHA256})
	return bad
}

// changes notes the times of one program file. The modification time of a
// shipped file is the day it was compiled.
func (f *finder) changes(at *site, e evidence.Entry, ref evidence.Ref) {
	for _, c := range []evidence.Change{
		{Kind: evidence.ChangeBirth, At: e.Birth},
		{Kind: evidence.ChangeMetadata, At: e.Changed},
		{Kind: evidence.ChangeCompiled, At: e.ModTime},
	} {
		if !c.At.IsZero() {
			c.Ref = ref
			at.changes = append(at.changes, c)
		}
	}
}

// noteStarts sets the running processes beside the files they run: one that
// began before its file changed still runs what was there before.
func (f *finder) noteStarts(at *site) {
	var newest time.Time
	name := ""
	for _, e := range f.files(at) {
		if t := (wanted{Entry: e}).newest(); t.After(newest) {
			newest, name = t, string(e.Name)
		}
	}
	for _, p := range at.started {
		if p.Started.IsZero() {
			continue
		}
		at.changes = append(at.changes, evidence.Change{Kind: evidence.ChangeProcess, At: p.Started, Ref: processRef(p)})
		if newest.After(p.Started) {
			at.notes = append(at.notes, fmt.Sprintf("process %d (%s) started %s, before %s changed on disk at %s: it may still run an older build until restarted",
				p.PID, p.Name, p.Started.UTC().Format(time.RFC3339), name, newest.UTC().Format(time.RFC3339)))
		}
	}
}

func processRef(p evidence.Process) evidence.Ref {
	return evidence.Ref{Collector: "products", Path: "processes", Unit: evidence.Record, At: int64(p.PID), Text: p.Exe}
}

// fromProcesses finds what runs: a process whose program is a product's.
func (f *finder) fromProcesses() {
	if f.src.State == nil {
		return
	}
	procs, err := f.src.State.Processes(f.ctx)
	if err != nil {
		parts := evidence.Exposed | evidence.CompromisedNow
		if len(procs) > 0 && errors.Is(err, fs.ErrPermission) {
			parts = evidence.CompromisedNow // the names are all there: one that is the product's is told below
		}
		f.lose(evidence.CoverState, "processes", parts, err)
	}
	if err == nil || len(procs) > 0 {
		f.out.Cover(evidence.Coverage{Kind: evidence.CoverState, Path: "processes", Parts: evidence.Exposed, Count: int64(len(procs))})
	}
	for _, p := range procs {
		f.observe(evidence.ObserveProcess, processRef(p), nil, p.Exe, fmt.Sprint(p.PID))
		for i := range f.want.Products {
			product := &f.want.Products[i]
			if !runsProgram(product, p.Name) && !runsProgram(product, base(p.Exe)) {
				continue
			}
			if p.Exe == "" {
				f.lose(evidence.CoverState, fmt.Sprintf("process %d (%s)", p.PID, p.Name), evidence.Exposed, errNoPath)
				continue
			}
			at := f.runsAt(product, p.Exe, fmt.Sprintf("process %d", p.PID))
			at.started = append(at.started, p)
		}
	}
}

// errNoPath is a process whose program could not be told.
var errNoPath = errors.New("collect: it is named like the product and its program's path could not be read; run elevated")

// runsProgram reports whether an image name is one of the product's main
// programs, with or without its ending.
func runsProgram(p *evidence.Product, image string) bool {
	if image == "" {
		return false
	}
	pf := program(p, image)
	if pf == nil {
		pf = program(p, image+".exe")
	}
	return pf != nil
}
