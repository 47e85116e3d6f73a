package pe

import (
	"crypto/md5" //nolint:gosec // imphash is defined by it
	"encoding/hex"
	"strings"

	"postern/detect/yara/module"
)

const (
	maxImports = 16384
	maxExports = 8192
	maxName    = 512
)

type function struct {
	name      string
	ordinal   uint64
	byOrdinal bool
	rva       uint64
}

type library struct {
	name      string
	functions []function
}

// importFields reads both import tables.
func (p *image) importFields(f fields) {
	p.imports, p.delayed = p.readImports(), p.readDelayed()
	set := func(prefix, details string, libs []library) {
		n := 0
		for _, l := range libs {
			n += len(l.functions)
		}
		f["number_of_"+prefix+"imports"] = module.Of(len(libs))
		f["number_of_"+prefix+"imported_functions"] = module.Of(n)
		f[details] = listed(libs)
	}
	set("", "import_details", p.imports)
	set("delayed_", "delayed_import_details", p.delayed)
	f["delay_import_details"] = f["delayed_import_details"]
}

func listed(libs []library) module.Value {
	var all []module.Value
	for _, l := range libs {
		var fns []module.Value
		for _, fn := range l.functions {
			one := fields{"name": module.Of(fn.name), "rva": module.Of(fn.rva)}
			if fn.byOrdinal {
				one["ordinal"] = module.Of(fn.ordinal)
			}
			fns = append(fns, module.Of(one))
		}
		all = append(all, module.Of(fields{"library_name": module.Of(l.name), "number_of_functions": module.Of(len(fns)),
			"functions": module.Of(fns)}))
	}
	return module.Of(all)
}

func (p *image) readImports() (libs []library) {
	rva, _ := p.directory(1)
	if rva == 0 {
		return nil
	}
	at := p.offset(uint64(rva))
	total := 0
	for n := 0; at >= 0 && n < maxImports && total < maxImports; n, at = n+1, at+20 {
		if !p.fits(at, 20) || p.u32(at+12) == 0 {
			break
		}
		name, ok := p.dllName(uint64(p.u32(at + 12)))
		if !ok {
			continue
		}
		thunks, addresses := uint64(p.u32(at)), uint64(p.u32(at+16))
		if fns := p.thunks(name, thunks, addresses); len(fns) > 0 {
			libs = append(libs, library{name, fns})
			total += len(fns)
		}
	}
	return libs
}

// dllName reads the name of a library; it must be one.
func (p *image) dllName(rva uint64) (string, bool) {
	off := p.offset(rva)
	if off < 0 || !p.spend(16) {
		return "", false
	}
	name, ended := p.text(off, maxName)
	if !ended || name == "" {
		return "", false
	}
	for _, c := range []byte(name) {
		if c < ' ' || strings.IndexByte(`"*<>?|`, c) >= 0 {
			return "", false
		}
	}
	return name, true
}

// thunks reads the functions imported from one library.
func (p *image) thunks(dll string, names, addresses uint64) (fns []function) {
	at := p.offset(names)
	if at <= 0 {
		at = p.offset(addresses)
	}
	if at < 0 {
		return nil
	}
	width, flag := int64(4), uint64(1)<<31
	if p.wide {
		width, flag = 8, 1<<63
	}
	for i := uint64(0); p.fits(at, width) && len(fns) < maxImports; i, at = i+1, at+width {
		w := p.word(at)
		if w == 0 || !p.spend(16) {
			break
		}
		fn := function{rva: addresses + i*uint64(width)}
		if w&flag != 0 {
			fn.byOrdinal, fn.ordinal = true, w&0xffff
			fn.name = ordinalName(dll, fn.ordinal)
		} else if name, ok := p.hintName(w); ok {
			fn.name = name
		} else {
			continue
		}
		fns = append(fns, fn)
	}
	return fns
}

func (p *image) hintName(rva uint64) (name string, ok bool) {
	off := p.offset(rva)
	if off < 0 || !p.fits(off, 4) {
		return "", false
	}
	name, _ = p.text(off+2, maxName)
	return name, p.spend(len(name))
}

// readDelayed reads the delay-load imports.
func (p *image) readDelayed() (libs []library) {
	rva, _ := p.directory(13)
	if rva == 0 {
		return nil
	}
	at := p.offset(uint64(rva))
	for n := 0; at >= 0 && n < maxImports && p.fits(at, 32); n, at = n+1, at+32 {
		attributes, name := p.u32(at), uint64(p.u32(at+4))
		addresses, names := uint64(p.u32(at+12)), uint64(p.u32(at+16))
		if name == 0 || addresses == 0 || names == 0 {
			break
		}
		if attributes&1 == 0 { // virtual addresses instead of relative ones
			base := p.imageBase()
			name, addresses, names = name-base, addresses-base, names-base
		}
		dll, ok := p.dllName(name)
		if !ok {
			continue
		}
		if fns := p.delayedThunks(dll, names, addresses); len(fns) > 0 {
			libs = append(libs, library{dll, fns})
		}
	}
	return libs
}

func (p *image) delayedThunks(dll string, names, addresses uint64) []function {
	if p.offset(names) < 0 {
		return nil
	}
	return p.thunks(dll, names, addresses)
}

func (p *image) imageBase() uint64 {
	if p.wide {
		return p.u64(p.optional + 24)
	}
	return uint64(p.u32(p.optional + 28))
}

// imphash is the MD5 of all imported names.
func (p *image) imphash() module.Value {
	h := md5.New() //nolint:gosec // see import
	first := true
	for _, l := range p.imports {
		name := l.name
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			switch strings.ToLower(name[i:]) {
			case ".ocx", ".sys", ".dll":
				name = name[:i]
			}
		}
		for _, fn := range l.functions {
			if !first {
				h.Write([]byte{','})
			}
			first = false
			h.Write([]byte(strings.ToLower(name + "." + fn.name)))
		}
	}
	return module.Of(hex.EncodeToString(h.Sum(nil)))
}
