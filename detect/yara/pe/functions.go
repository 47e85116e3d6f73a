package pe

import (
	"encoding/binary"
	"slices"
	"strings"

	"postern/detect/yara/module"
)

// fn makes a form of a function over a parsed image; without one it is
// undefined.
func fn(args string, result module.Kind, call func(p *image, a []module.Value) module.Value) module.Overload {
	return module.Overload{Args: args, Result: result, Call: func(in *module.Input, a []module.Value) module.Value {
		p, ok := in.State.(*image)
		if !ok {
			return module.Value{}
		}
		return call(p, a)
	}}
}

// Which imports a function asks for: IMPORT_STANDARD, IMPORT_DELAYED.
const (
	standard = 1
	delayed  = 2
)

// functions adds the functions of the module.
func functions(f map[string]*module.Type) {
	truth := func(test func(p *image) bool) *module.Type {
		return module.Function(fn("", module.Int, func(p *image, _ []module.Value) module.Value { return module.Truth(test(p)) }))
	}
	f["is_dll"] = truth(func(p *image) bool { return p.u16(p.nt+22)&0x2000 != 0 })
	f["is_32bit"] = truth(func(p *image) bool { return !p.wide })
	f["is_64bit"] = truth(func(p *image) bool { return p.wide })
	f["imphash"] = once("imphash", module.String, (*image).imphash)
	f["calculate_checksum"] = once("checksum", module.Int, (*image).checksum)
	f["rva_to_offset"] = module.Function(fn("i", module.Int, func(p *image, a []module.Value) module.Value {
		if off := p.offset(uint64(a[0].Int())); off >= 0 {
			return module.Number(off)
		}
		return module.Value{}
	}))
	f["locale"] = language(0xffff)
	f["language"] = language(0xff)
	f["section_index"] = module.Function(fn("s", module.Int, sectionByName), fn("i", module.Int, sectionByOffset))
	exports := func(result func(i int64) module.Value) *module.Type {
		call := func(p *image, a []module.Value) module.Value { return result(p.findExport(a[0])) }
		return module.Function(fn("s", module.Int, call), fn("i", module.Int, call), fn("r", module.Int, call))
	}
	f["exports"] = exports(func(i int64) module.Value { return module.Truth(i >= 0) })
	f["exports_index"] = exports(func(i int64) module.Value {
		if i < 0 {
			return module.Value{}
		}
		return module.Number(i)
	})
	f["imports"] = importsType(func(p *image, which int64, a []module.Value) module.Value {
		return module.Number(p.countImports(which, a))
	})
	f["import_rva"] = rvaType(func(p *image) []library { return p.imports })
	f["delayed_import_rva"] = rvaType(func(p *image) []library { return p.delayed })
}

// once makes a function without arguments that is called once for a content.
func once(name string, result module.Kind, call func(p *image) module.Value) *module.Type {
	return module.Function(module.Overload{Args: "", Result: result, Call: func(in *module.Input, _ []module.Value) module.Value {
		p, ok := in.State.(*image)
		if !ok {
			return module.Value{}
		}
		return in.Once(name, func() module.Value { return call(p) })
	}})
}

func importsType(count func(p *image, which int64, a []module.Value) module.Value) *module.Type {
	var forms []module.Overload
	for _, args := range []string{"s", "ss", "si", "rr"} {
		forms = append(forms,
			fn(args, module.Int, func(p *image, a []module.Value) module.Value { return count(p, standard, a) }),
			fn("i"+args, module.Int, func(p *image, a []module.Value) module.Value { return count(p, a[0].Int(), a[1:]) }))
	}
	return module.Function(forms...)
}

// countImports counts the imported functions that fit: of a library, by name
// or ordinal, or by regular expressions.
func (p *image) countImports(which int64, a []module.Value) (n int64) {
	var libs []library
	if which&standard != 0 {
		libs = append(libs, p.imports...)
	}
	if which&delayed != 0 {
		libs = append(libs, p.delayed...)
	}
	for _, l := range libs {
		if !p.names(a[0], l.name) {
			continue
		}
		for _, f := range l.functions {
			switch {
			case len(a) == 1:
				n++
			case a[1].Kind == module.Int:
				if f.byOrdinal && int64(f.ordinal) == a[1].Int() {
					return 1
				}
			case p.names(a[1], f.name):
				if a[1].Kind == module.String {
					return 1
				}
				n++
			}
		}
	}
	return n
}

// names tells whether a text, whatever its case, or a regular expression fits
// a name.
func (p *image) names(v module.Value, name string) bool {
	if v.Kind == module.String {
		return strings.EqualFold(v.Str, name)
	}
	at, _ := v.Finder().Find(name, p.c.Going)
	return at >= 0
}

func rvaType(libs func(p *image) []library) *module.Type {
	call := func(p *image, a []module.Value) module.Value {
		for _, l := range libs(p) {
			if !strings.EqualFold(l.name, a[0].Str) {
				continue
			}
			for _, f := range l.functions {
				if a[1].Kind == module.Int && f.byOrdinal && int64(f.ordinal) == a[1].Int() ||
					a[1].Kind == module.String && strings.EqualFold(f.name, a[1].Str) {
					return module.Of(f.rva)
				}
			}
		}
		return module.Value{}
	}
	return module.Function(fn("ss", module.Int, call), fn("si", module.Int, call))
}

func language(mask uint32) *module.Type {
	return module.Function(fn("i", module.Int, func(p *image, a []module.Value) module.Value {
		return module.Truth(slices.ContainsFunc(p.languages, func(l uint32) bool { return int64(l&mask) == a[0].Int() }))
	}))
}

func sectionByName(p *image, a []module.Value) module.Value {
	for i, s := range p.sections {
		if s.name == a[0].Str {
			return module.Of(i)
		}
	}
	return module.Value{}
}

func sectionByOffset(p *image, a []module.Value) module.Value {
	for i, s := range p.sections {
		if at := a[0].Int(); at >= int64(s.rawPtr) && at < int64(s.rawPtr)+int64(s.raw) {
			return module.Of(i)
		}
	}
	return module.Value{}
}

// checksum is the sum a linker would write into the optional header.
func (p *image) checksum() module.Value {
	field := p.optional + 64
	var sum uint64
	for at := int64(0); at < p.size; {
		b := p.c.Bytes(at, 1<<16)
		if len(b) == 0 {
			return module.Value{}
		}
		for i := 0; i < len(b); i += 4 {
			var w [4]byte
			copy(w[:], b[i:])
			if at+int64(i) == field&^3 {
				continue
			}
			sum += uint64(binary.LittleEndian.Uint32(w[:]))
			sum = sum&0xffffffff + sum>>32
		}
		at += int64(len(b))
	}
	sum = sum&0xffff + sum>>16
	sum += sum >> 16
	return module.Number(int64(sum&0xffff) + p.size)
}
