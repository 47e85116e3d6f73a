// Package elf is YARA's module elf ("ELF module") over hostile files, of 32 and
// 64 bits in both byte orders: counts are cut at the content's end and at
// maxEntries, and what a file does not have is undefined.
package elf

import (
	"bytes"
	"encoding/binary"

	"postern/detect/yara/module"
)

// maxEntries is how many sections, segments, symbols or dynamic entries are
// read.
const maxEntries = 65536

// Module returns the module elf.
func Module() module.Module {
	return module.Module{Name: "elf", Type: declared(), Open: open}
}

func ints(names ...string) map[string]*module.Type {
	f := map[string]*module.Type{}
	for _, n := range names {
		f[n] = module.Scalar(module.Int)
	}
	return f
}

func declared() *module.Type {
	f := ints("type", "machine", "entry_point", "number_of_sections", "sh_offset", "sh_entry_size", "number_of_segments",
		"ph_offset", "ph_entry_size", "dynamic_section_entries", "symtab_entries", "dynsym_entries")
	named := func(fields ...string) *module.Type {
		r := ints(fields...)
		r["name"] = module.Scalar(module.String)
		return module.ListOf(module.Record(r))
	}
	f["sections"] = named("type", "flags", "address", "size", "offset")
	f["segments"] = module.ListOf(module.Record(ints("type", "flags", "offset", "virtual_address", "physical_address",
		"file_size", "memory_size", "alignment")))
	f["dynamic"] = module.ListOf(module.Record(ints("type", "val")))
	f["symtab"] = named("value", "size", "type", "bind", "shndx")
	f["dynsym"] = f["symtab"]
	return module.Record(module.Constants(f, constants))
}

type fields = map[string]module.Value

// image is an ELF file with its header read.
type image struct {
	c        module.Content
	size     int64
	wide     bool
	order    binary.ByteOrder
	sections []section
	named    bool // the table of their names is there: libyara lists them only then
	segments []segment
	entry    uint64 // address of the entry point
	entries  int    // symbols and dynamic entries read from all tables
}

type section struct {
	name                        module.Value
	nameAt, kind, link          uint64
	flags, address, offset, len uint64
}

type segment struct {
	kind, flags, offset, virtual, physical, inFile, inMemory, align uint64
}

// at reads an unsigned number of width bytes; 0 outside of the content.
func (p *image) at(off int64, width int) uint64 {
	b := p.c.Bytes(off, width)
	if len(b) < width {
		return 0
	}
	switch width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(p.order.Uint16(b))
	case 4:
		return uint64(p.order.Uint32(b))
	}
	return p.order.Uint64(b)
}

func (p *image) fits(off, n uint64) bool { return off <= uint64(p.size) && n <= uint64(p.size)-off }

// numbers reads numbers one behind the other; 0 stands for an address.
func (p *image) numbers(off int64, widths ...int) []uint64 {
	out := make([]uint64, len(widths))
	for i, w := range widths {
		if w == 0 {
			w = 4
			if p.wide {
				w = 8
			}
		}
		out[i] = p.at(off, w)
		off += int64(w)
	}
	return out
}

// text reads a string of the table that begins at an offset; a name longer than
// limit is cut. A table that does not begin with an empty string is none (System
// V ABI, "String Table").
func (p *image) text(table, at uint64) module.Value {
	const limit = 1024
	off := table + at
	if table >= uint64(p.size) || off >= uint64(p.size) || p.at(int64(table), 1) != 0 {
		return module.Value{}
	}
	b := p.c.Bytes(int64(off), limit)
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return module.Of(string(b))
}

// open parses a content; one that is no ELF file has nothing.
func open(c module.Content) *module.Input {
	in := &module.Input{Content: c, Root: module.Of(fields{})}
	var order binary.ByteOrder
	switch data := c.Bytes(5, 1); {
	case string(data) == "\x01":
		order = binary.LittleEndian
	case string(data) == "\x02":
		order = binary.BigEndian
	default:
		return in
	}
	p, f := parse(c, order)
	if p == nil {
		return in
	}
	if p.named {
		p.sectionFields(f)
	}
	p.segmentFields(f)
	in.Root = module.Of(f)
	return in
}

// EntryPoint returns the offset of the entry point ("Executable entry point"),
// 0 for one that leads nowhere; ok is false for what is no ELF file. As in
// libyara the keyword entrypoint reads every file as little-endian, whatever
// byte order it states; elf.entry_point does not.
func EntryPoint(c module.Content) (offset int64, ok bool) {
	p, f := parse(c, binary.LittleEndian)
	if p == nil {
		return 0, false
	}
	const executable = 2
	if f["type"].Int() == executable && f["ph_offset"].Int() == 0 {
		return 0, true
	}
	at, _ := p.offset(p.entry, uint64(f["type"].Int()))
	return int64(at), true
}

// parse reads a header and its tables in a byte order; nil for what is no ELF
// file.
func parse(c module.Content, order binary.ByteOrder) (*image, fields) {
	head := c.Bytes(0, 20)
	if len(head) < 20 || string(head[:4]) != "\x7fELF" || head[4] < 1 || head[4] > 2 {
		return nil, nil
	}
	p := &image{c: c, size: c.Size(), wide: head[4] == 2, order: order}
	if length := map[bool]int64{false: 52, true: 64}[p.wide]; p.size < length {
		return nil, nil
	}
	h := p.numbers(16, 2, 2, 4, 0, 0, 0, 4, 2, 2, 2, 2, 2, 2)
	f := fields{}
	for i, name := range []string{"type", "machine", "", "", "ph_offset", "sh_offset", "", "", "ph_entry_size",
		"number_of_segments", "sh_entry_size", "number_of_sections"} {
		if name != "" {
			f[name] = module.Of(h[i])
		}
	}
	p.readSections(h[5], int(h[11]), h[12])
	p.readSegments(h[4], int(h[9]))
	p.entry = h[3]
	if off, ok := p.offset(p.entry, h[0]); ok && p.entry != 0 {
		f["entry_point"] = module.Of(off)
	}
	return p, f
}

func (p *image) readSections(at uint64, n int, names uint64) {
	length := uint64(40)
	if p.wide {
		length = 64
	}
	if at == 0 || n == 0 || !p.fits(at, length*uint64(n)) {
		return
	}
	for i := range uint64(n) {
		h := p.numbers(int64(at+i*length), 4, 4, 0, 0, 0, 0, 4)
		p.sections = append(p.sections, section{nameAt: h[0], kind: h[1], flags: h[2], address: h[3], offset: h[4], len: h[5], link: h[6]})
	}
	if p.named = names < uint64(n); p.named {
		for i := range p.sections {
			p.sections[i].name = p.text(p.sections[names].offset, p.sections[i].nameAt)
		}
	}
}

func (p *image) readSegments(at uint64, n int) {
	length := uint64(32)
	if p.wide {
		length = 56
	}
	if n == 0 || !p.fits(at, length*uint64(n)) {
		return
	}
	for i := range uint64(n) {
		off := int64(at + i*length)
		if p.wide {
			h := p.numbers(off, 4, 4, 0, 0, 0, 0, 0, 0)
			p.segments = append(p.segments, segment{h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]})
			continue
		}
		h := p.numbers(off, 4, 4, 4, 4, 4, 4, 4, 4)
		p.segments = append(p.segments, segment{h[0], h[6], h[1], h[2], h[3], h[4], h[5], h[7]})
	}
}

// offset maps an address to an offset: by the segments of an executable, by the
// sections of anything else.
func (p *image) offset(address, kind uint64) (uint64, bool) {
	const executable, empty, noBits = 2, 0, 8
	if kind == executable {
		for _, s := range p.segments {
			if address >= s.virtual && address-s.virtual < s.inMemory {
				return s.offset + address - s.virtual, true
			}
		}
		return 0, false
	}
	for _, s := range p.sections {
		if s.kind != empty && s.kind != noBits && address >= s.address && address-s.address < s.len {
			return s.offset + address - s.address, true
		}
	}
	return 0, false
}

func (p *image) sectionFields(f fields) {
	const symbols, dynamicSymbols = 2, 11
	var all []module.Value
	for _, s := range p.sections {
		one := fields{"type": module.Of(s.kind), "flags": module.Of(s.flags), "address": module.Of(s.address),
			"size": module.Of(s.len), "offset": module.Of(s.offset), "name": s.name}
		all = append(all, module.Of(one))
		switch s.kind {
		case symbols:
			p.symbolFields(f, s, "symtab")
		case dynamicSymbols:
			p.symbolFields(f, s, "dynsym")
		}
	}
	f["sections"] = module.Of(all)
}

func (p *image) symbolFields(f fields, table section, name string) {
	if table.link >= uint64(len(p.sections)) || p.sections[table.link].kind != 3 {
		return
	}
	names := p.sections[table.link]
	length := uint64(16)
	if p.wide {
		length = 24
	}
	if !p.fits(table.offset, table.len) {
		return
	}
	var all []module.Value
	for i := range min(table.len/length, maxEntries) {
		if p.entries++; p.entries > 4*maxEntries {
			break
		}
		off := int64(table.offset + i*length)
		var nameAt, value, size, info, shndx uint64
		if p.wide {
			h := p.numbers(off, 4, 1, 1, 2, 8, 8)
			nameAt, info, shndx, value, size = h[0], h[1], h[3], h[4], h[5]
		} else {
			h := p.numbers(off, 4, 4, 4, 1, 1, 2)
			nameAt, value, size, info, shndx = h[0], h[1], h[2], h[3], h[5]
		}
		one := fields{"value": module.Of(value), "size": module.Of(size), "type": module.Of(info & 15), "bind": module.Of(info >> 4),
			"shndx": module.Of(shndx)}
		if nameAt < names.len {
			one["name"] = p.text(names.offset, nameAt)
		}
		all = append(all, module.Of(one))
	}
	f[name], f[name+"_entries"] = module.Of(all), module.Of(len(all))
}

func (p *image) segmentFields(f fields) {
	const dynamic = 2
	var all []module.Value
	for _, s := range p.segments {
		all = append(all, module.Of(fields{"type": module.Of(s.kind), "flags": module.Of(s.flags), "offset": module.Of(s.offset),
			"virtual_address": module.Of(s.virtual), "physical_address": module.Of(s.physical), "file_size": module.Of(s.inFile),
			"memory_size": module.Of(s.inMemory), "alignment": module.Of(s.align)}))
		if s.kind == dynamic {
			p.dynamicFields(f, s)
		}
	}
	f["segments"] = module.Of(all)
}

func (p *image) dynamicFields(f fields, s segment) {
	width := uint64(4)
	if p.wide {
		width = 8
	}
	var all []module.Value
	for i := range uint64(maxEntries) {
		at := s.offset + i*2*width
		if p.entries++; !p.fits(at, 2*width) || p.entries > 4*maxEntries {
			break
		}
		h := p.numbers(int64(at), 0, 0)
		all = append(all, module.Of(fields{"type": module.Of(h[0]), "val": module.Of(h[1])}))
		if h[0] == 0 {
			break
		}
	}
	f["dynamic"], f["dynamic_section_entries"] = module.Of(all), module.Of(len(all))
}
