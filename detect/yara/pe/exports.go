package pe

import (
	"strings"

	"postern/detect/yara/module"
)

type export struct {
	name    string
	named   bool
	ordinal uint64
}

// exportFields reads the export table.
func (p *image) exportFields(f fields) {
	f["number_of_exports"] = module.Number(0)
	rva, size := p.directory(0)
	if rva == 0 {
		return
	}
	at := p.offset(uint64(rva))
	if at < 0 || !p.fits(at, 40) {
		return
	}
	count, names := int64(p.u32(at+20)), int64(p.u32(at+24))
	functions := p.offset(uint64(p.u32(at + 28)))
	if count > maxExports {
		count = maxExports
	}
	if functions < 0 || !p.fits(functions, count*4) {
		return
	}
	f["export_timestamp"] = module.Of(p.u32(at + 4))
	if off := p.offset(uint64(p.u32(at + 12))); off > 0 {
		if name, _ := p.text(off, maxName); name != "" {
			f["dll_name"] = module.Of(name)
		}
	}
	named := p.exportNames(at, min(names, maxExports))
	base := uint64(p.u32(at + 16))
	var all []module.Value
	for i := range count {
		address := p.u32(functions + 4*i)
		one := fields{"ordinal": module.Of(base + uint64(i)), "rva": module.Of(address)}
		e := export{ordinal: base + uint64(i)}
		off := p.offset(uint64(address))
		if address >= rva && uint64(address) < uint64(rva)+uint64(size) {
			if off >= 0 {
				to, _ := p.text(off, maxName)
				one["forward_name"] = module.Of(to)
			}
		} else {
			one["offset"] = module.Number(off)
		}
		if e.name, e.named = named[uint16(i)]; e.named && i < 1<<16 {
			one["name"] = module.Of(e.name)
		}
		p.exports = append(p.exports, e)
		all = append(all, module.Of(one))
	}
	f["number_of_exports"] = module.Of(len(all))
	f["export_details"] = module.Of(all)
}

// exportNames reads the names by index of their function.
func (p *image) exportNames(at, count int64) map[uint16]string {
	names, ordinals := p.offset(uint64(p.u32(at+32))), p.offset(uint64(p.u32(at+36)))
	all := map[uint16]string{}
	if names < 0 || ordinals < 0 {
		return all
	}
	for i := range count {
		if !p.fits(names+4*i, 4) || !p.fits(ordinals+2*i, 2) {
			break
		}
		off := p.offset(uint64(p.u32(names + 4*i)))
		if off < 0 {
			continue
		}
		if _, twice := all[p.u16(ordinals+2*i)]; !twice {
			all[p.u16(ordinals+2*i)], _ = p.text(off, maxName)
		}
	}
	return all
}

// findExport returns the index of the first export that fits, or -1.
func (p *image) findExport(key module.Value) int64 {
	for i, e := range p.exports {
		fits := false
		switch key.Kind {
		case module.String:
			fits = e.named && strings.EqualFold(e.name, key.Str)
		case module.Int:
			fits = int64(e.ordinal) == key.Int()
		case module.Regexp:
			if e.named {
				found, _ := key.Finder().Find(e.name, p.c.Going)
				fits = found >= 0
			}
		}
		if fits {
			return int64(i)
		}
	}
	return -1
}
