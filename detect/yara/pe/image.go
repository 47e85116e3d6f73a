package pe

import (
	"bytes"
	"encoding/binary"

	"postern/detect/yara/module"
)

const maxSections = 96

// image is a PE file with its headers found.
type image struct {
	c        module.Content
	size     int64
	nt       int64 // offset of "PE\0\0"
	optional int64 // offset of the optional header
	wide     bool  // PE32+
	sections []section

	fileAlign, sectionAlign uint32

	imports, delayed []library
	exports          []export
	languages        []uint32
	rich             []byte // decoded
	hasRich          bool
	work             int // what was spent of maxWork
}

// maxWork bounds what tables that point anywhere may cost: bytes of texts and
// entries read.
const maxWork = 1 << 23

// spend tells whether n more may be spent.
func (p *image) spend(n int) bool {
	p.work += n
	return p.work <= maxWork
}

type section struct {
	at                                    int64
	name                                  string
	virtualSize, virtualAddr, raw, rawPtr uint32
	characteristics                       uint32
}

// bytes returns n bytes at off, or nil if there are fewer.
func (p *image) bytes(off int64, n int) []byte {
	b := p.c.Bytes(off, n)
	if len(b) < n {
		return nil
	}
	return b
}

func (p *image) fits(off int64, n int64) bool {
	return off >= 0 && n >= 0 && off <= p.size && n <= p.size-off
}

func (p *image) u16(off int64) uint16 {
	if b := p.bytes(off, 2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (p *image) u32(off int64) uint32 {
	if b := p.bytes(off, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (p *image) u64(off int64) uint64 {
	if b := p.bytes(off, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// word reads an address of the image's width.
func (p *image) word(off int64) uint64 {
	if p.wide {
		return p.u64(off)
	}
	return uint64(p.u32(off))
}

// text reads bytes up to a zero, limit at most; ok is false where the zero is
// missing at the content's end.
func (p *image) text(off int64, limit int) (s string, ended bool) {
	b := p.c.Bytes(off, limit)
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i]), true
	}
	return string(b), false
}

// parse finds the headers; nil for what is no PE file.
func parse(c module.Content) *image {
	p := &image{c: c, size: c.Size()}
	if p.size < 64 || p.u16(0) != 0x5a4d {
		return nil
	}
	p.nt = int64(int32(p.u32(60)))
	if p.nt < 0 || !p.fits(p.nt, 24) || p.u32(p.nt) != 0x4550 {
		return nil
	}
	p.optional = p.nt + 24
	p.wide = p.u16(p.optional) == 0x20b
	need := int64(224)
	if p.wide {
		need = 240
	}
	if !p.fits(p.optional, need) {
		return nil
	}
	p.sectionAlign, p.fileAlign = p.u32(p.optional+32), p.u32(p.optional+36)
	at := p.optional + int64(p.u16(p.nt+20))
	for range min(int(p.u16(p.nt+6)), maxSections) {
		h := p.bytes(at, 40)
		if h == nil {
			break
		}
		le := binary.LittleEndian
		p.sections = append(p.sections, section{at: at, name: string(bytes.TrimRight(h[:8], "\x00")), virtualSize: le.Uint32(h[8:]),
			virtualAddr: le.Uint32(h[12:]), raw: le.Uint32(h[16:]), rawPtr: le.Uint32(h[20:]), characteristics: le.Uint32(h[36:])})
		at += 40
	}
	return p
}

// offset maps a relative virtual address to an offset in the file; -1 if it
// has none.
func (p *image) offset(rva uint64) int64 {
	lowest := uint64(0xffffffff)
	var start, at uint64
	raw := uint64(0)
	for _, s := range p.sections {
		va := uint64(s.virtualAddr)
		lowest = min(lowest, va)
		if rva >= va && start <= va {
			start, at, raw = va, uint64(s.rawPtr), uint64(s.raw)
			if align := uint64(min(p.fileAlign, 0x200)); align > 0 {
				at -= at % align
			}
			if p.sectionAlign >= 0x1000 {
				at &^= 0x1ff
			}
		}
	}
	if rva < lowest {
		start, at, raw = 0, 0, uint64(p.size)
	}
	if rva-start >= raw {
		return -1
	}
	if off := int64(at + rva - start); off < p.size {
		return off
	}
	return -1
}

// directory returns an entry of the data directory: address and size.
func (p *image) directory(i int64) (rva, size uint32) {
	at := p.optional + 96
	if p.wide {
		at = p.optional + 112
	}
	if i >= int64(p.u32(at-4)) {
		return 0, 0
	}
	return p.u32(at + 8*i), p.u32(at + 8*i + 4)
}

// headers sets what stands in the file and optional headers.
func (p *image) headers(f fields) {
	o := p.optional
	put := func(name string, n uint64) { f[name] = module.Number(int64(n)) }
	two := func(name string, at int64) { put(name, uint64(p.u16(at))) }
	four := func(name string, at int64) { put(name, uint64(p.u32(at))) }
	pair := func(name string, major, minor uint64) {
		f[name] = module.Of(fields{"major": module.Number(int64(major)), "minor": module.Number(int64(minor))})
	}
	two("machine", p.nt+4)
	two("number_of_sections", p.nt+6)
	four("timestamp", p.nt+8)
	four("pointer_to_symbol_table", p.nt+12)
	four("number_of_symbols", p.nt+16)
	two("size_of_optional_header", p.nt+20)
	two("characteristics", p.nt+22)
	two("opthdr_magic", o)
	put("entry_point", uint64(p.offset(uint64(p.u32(o+16)))))
	for i, name := range []string{"size_of_code", "size_of_initialized_data", "size_of_uninitialized_data", "entry_point_raw", "base_of_code"} {
		four(name, o+4+4*int64(i))
	}
	width := int64(4)
	if p.wide {
		width = 8
		put("image_base", p.u64(o+24))
	} else {
		four("base_of_data", o+24)
		four("image_base", o+28)
	}
	for i, name := range []string{"section_alignment", "file_alignment"} {
		four(name, o+32+4*int64(i))
	}
	linker := p.u16(o + 2)
	pair("linker_version", uint64(linker&0xff), uint64(linker>>8))
	for i, name := range []string{"os_version", "image_version", "subsystem_version"} {
		at := o + 40 + 4*int64(i)
		pair(name, uint64(p.u16(at)), uint64(p.u16(at+2)))
	}
	for i, name := range []string{"win32_version_value", "size_of_image", "size_of_headers", "checksum"} {
		four(name, o+52+4*int64(i))
	}
	two("subsystem", o+68)
	two("dll_characteristics", o+70)
	at := o + 72
	for _, name := range []string{"size_of_stack_reserve", "size_of_stack_commit", "size_of_heap_reserve", "size_of_heap_commit"} {
		put(name, p.word(at))
		at += width
	}
	four("loader_flags", at)
	four("number_of_rva_and_sizes", at+4)
	var dirs []module.Value
	for i := range min(int64(p.u32(at+4)), 16) {
		rva, size := p.directory(i)
		dirs = append(dirs, module.Of(fields{"virtual_address": module.Of(rva), "size": module.Of(size)}))
	}
	f["data_directories"] = module.Of(dirs)
}

// sectionFields sets sections and overlay.
func (p *image) sectionFields(f fields) {
	var all []module.Value
	var end uint64
	for _, s := range p.sections {
		one := fields{"name": module.Of(s.name), "full_name": module.Of(p.fullName(s.name)),
			"characteristics": module.Of(s.characteristics), "virtual_size": module.Of(s.virtualSize),
			"virtual_address": module.Of(s.virtualAddr), "raw_data_size": module.Of(s.raw), "raw_data_offset": module.Of(s.rawPtr),
			"pointer_to_relocations": module.Of(p.u32(s.at + 24)), "pointer_to_line_numbers": module.Of(p.u32(s.at + 28)),
			"number_of_relocations": module.Of(p.u16(s.at + 32)), "number_of_line_numbers": module.Of(p.u16(s.at + 34))}
		all = append(all, module.Of(one))
		end = max(end, uint64(s.rawPtr)+uint64(s.raw))
	}
	f["sections"] = module.Of(all)
	overlay := fields{"offset": module.Number(0), "size": module.Number(0)}
	if end > 0 && uint64(p.size) > end {
		overlay = fields{"offset": module.Of(end), "size": module.Number(p.size - int64(end))}
	}
	f["overlay"] = module.Of(overlay)
}

// fullName resolves a section's name "/123" in the table of strings behind the
// symbols.
func (p *image) fullName(name string) string {
	if len(name) < 2 || name[0] != '/' {
		return name
	}
	n := int64(0)
	for _, c := range []byte(name[1:]) {
		if c < '0' || c > '9' {
			return name
		}
		n = n*10 + int64(c-'0')
	}
	at := int64(p.u32(p.nt+12)) + 18*int64(p.u32(p.nt+16)) + n
	if s, ended := p.text(at, 512); ended && s != "" {
		return s
	}
	return name
}

// Locate finds the headers of a PE file for who reads more of it: how relative
// virtual addresses map to offsets (-1: nowhere), and the data directory. ok is
// false for what is no PE file.
func Locate(c module.Content) (offset func(rva uint64) int64, directory func(i int64) (rva, size uint32), ok bool) {
	p := parse(c)
	if p == nil {
		return nil, nil, false
	}
	return p.offset, p.directory, true
}
