package dotnet

import (
	"math/bits"
	"slices"
	"strings"

	"postern/detect/yara/module"
)

// layouts are the columns of the tables (ECMA-335 II.22): a number of bytes, S
// G B an index into a heap, tNN a row of a table, or the name of a coded index.
var layouts = [...]string{
	0x00: "2 S G G G", 0x01: "ResolutionScope S S", 0x02: "4 S S TypeDefOrRef t04 t06", 0x03: "t04", 0x04: "2 S B", 0x05: "t06",
	0x06: "4 2 2 S B t08", 0x07: "t08", 0x08: "2 2 S", 0x09: "t02 TypeDefOrRef", 0x0a: "MemberRefParent S B",
	0x0b: "2 HasConstant B", 0x0c: "HasCustomAttribute CustomAttributeType B", 0x0d: "HasFieldMarshal B",
	0x0e: "2 HasDeclSecurity B", 0x0f: "2 4 t02", 0x10: "4 t04", 0x11: "B", 0x12: "t02 t14", 0x13: "t14", 0x14: "2 S TypeDefOrRef",
	0x15: "t02 t17", 0x16: "t17", 0x17: "2 S B", 0x18: "2 t06 HasSemantics", 0x19: "t02 MethodDefOrRef MethodDefOrRef", 0x1a: "S",
	0x1b: "B", 0x1c: "2 MemberForwarded S t1a", 0x1d: "4 t04", 0x1e: "4 4", 0x1f: "4", 0x20: "4 2 2 2 2 4 B S S", 0x21: "4",
	0x22: "4 4 4", 0x23: "2 2 2 2 4 B S S B", 0x24: "4 t23", 0x25: "4 4 4 t23", 0x26: "4 S B", 0x27: "4 4 S S Implementation",
	0x28: "4 4 S Implementation", 0x29: "t02 t02", 0x2a: "2 2 TypeOrMethodDef S", 0x2b: "MethodDefOrRef B", 0x2c: "t2a TypeDefOrRef",
}

// coded are the coded indexes (II.24.2.6): bits of the tag, and the tables.
var coded = map[string]struct {
	tag    int
	tables []int
}{
	"TypeDefOrRef": {2, []int{0x02, 0x01, 0x1b}}, "HasConstant": {2, []int{0x04, 0x08, 0x17}},
	"HasCustomAttribute": {5, []int{0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23,
		0x26, 0x27, 0x28, 0x2a, 0x2c, 0x2b}},
	"HasFieldMarshal": {1, []int{0x04, 0x08}}, "HasDeclSecurity": {2, []int{0x02, 0x06, 0x20}},
	"MemberRefParent": {3, []int{0x02, 0x01, 0x1a, 0x06, 0x1b}}, "HasSemantics": {1, []int{0x14, 0x17}},
	"MethodDefOrRef": {1, []int{0x06, 0x0a}}, "MemberForwarded": {1, []int{0x04, 0x06}},
	"Implementation": {2, []int{0x26, 0x23, 0x27}}, "CustomAttributeType": {3, []int{0x06, 0x0a}},
	"ResolutionScope": {2, []int{0x00, 0x1a, 0x23, 0x01}}, "TypeOrMethodDef": {1, []int{0x02, 0x06}},
}

// tables are the tables of the metadata: where each begins, its rows, and the
// widths of its columns.
type tables struct {
	rows   [64]uint32
	starts [64]int64
	widths [64][]int
	large  uint32 // which heaps have wide indexes
}

// row returns the columns of row i of a table, counted from 0; nil outside.
func (m *metadata) row(table int, i uint32) []uint32 {
	if i >= m.rows[table] || m.widths[table] == nil {
		return nil
	}
	size := int64(0)
	for _, w := range m.widths[table] {
		size += int64(w)
	}
	at := m.starts[table] + int64(i)*size
	if m.bytes(at, int(size)) == nil {
		return nil
	}
	out := make([]uint32, len(m.widths[table]))
	for k, w := range m.widths[table] {
		out[k] = m.number(at, w)
		at += int64(w)
	}
	return out
}

// each calls fn with the rows of a table.
func (m *metadata) each(table int, fn func(cols []uint32)) {
	for i := range min(m.rows[table], maxRows) {
		cols := m.row(table, i)
		if cols == nil {
			return
		}
		fn(cols)
	}
}

func (m *metadata) width(column string) int {
	wide := func(yes bool) int {
		if yes {
			return 4
		}
		return 2
	}
	switch column {
	case "2":
		return 2
	case "4":
		return 4
	case "S", "G", "B":
		return wide(m.large>>strings.Index("SGB", column)&1 != 0)
	}
	if column[0] == 't' && len(column) == 3 {
		return wide(m.rows[unhex(column[1])<<4|unhex(column[2])] > 0xffff)
	}
	c := coded[column]
	most := uint32(0)
	for _, t := range c.tables {
		most = max(most, m.rows[t])
	}
	return wide(most >= 1<<(16-c.tag))
}

func unhex(c byte) int { return strings.IndexByte("0123456789abcdef", c) }

// find locates the tables.
func (m *metadata) find() bool {
	h, ok := m.heaps["#~"]
	if !ok || m.bytes(h.at, 24) == nil {
		return false
	}
	m.large = m.number(h.at+6, 1)
	valid := uint64(m.number(h.at+8, 4)) | uint64(m.number(h.at+12, 4))<<32
	at := h.at + 24
	for v := valid; v != 0; v &= v - 1 {
		m.rows[bits.TrailingZeros64(v)] = m.number(at, 4)
		at += 4
	}
	for v := valid; v != 0; v &= v - 1 {
		t := bits.TrailingZeros64(v)
		if t >= len(layouts) {
			return true // what follows cannot be found
		}
		size := int64(0)
		for _, c := range strings.Fields(layouts[t]) {
			w := m.width(c)
			m.widths[t] = append(m.widths[t], w)
			size += int64(w)
		}
		m.starts[t] = at
		at += size * int64(m.rows[t])
	}
	return true
}

// read sets the fields that come from tables.
func (m *metadata) read(f fields) {
	if !m.find() {
		return
	}
	if cols := m.row(0x00, 0); cols != nil {
		f["module_name"] = m.text(cols[1])
	}
	if cols := m.row(0x20, 0); cols != nil {
		one := fields{"version": version(cols[1:5]), "name": m.text(cols[7])}
		if culture := m.text(cols[8]); culture.Str != "" {
			one["culture"] = culture
		}
		f["assembly"] = module.Of(one)
	}
	m.list(f, "assembly_refs", 0x23, func(cols []uint32) module.Value {
		one := fields{"version": version(cols[:4]), "name": m.text(cols[6])}
		if key := m.blob(cols[5]); len(key) > 0 {
			one["public_key_or_token"] = module.Of(string(key))
		}
		return module.Of(one)
	})
	m.list(f, "modulerefs", 0x1a, func(cols []uint32) module.Value { return m.text(cols[0]) })
	m.list(f, "constants", 0x0b, func(cols []uint32) module.Value {
		const text = 0x0e
		if cols[0]&0xff != text {
			return module.Value{}
		}
		return module.Of(string(slices.Clone(m.blob(cols[2]))))
	})
	m.list(f, "field_offsets", 0x1d, func(cols []uint32) module.Value {
		if off := m.offset(uint64(cols[0])); off >= 0 {
			return module.Number(off)
		}
		return module.Value{}
	})
	m.list(f, "resources", 0x28, m.resource)
	m.typelib(f)
}

func version(cols []uint32) module.Value {
	return module.Of(fields{"major": module.Of(cols[0]), "minor": module.Of(cols[1]), "build_number": module.Of(cols[2]),
		"revision_number": module.Of(cols[3])})
}

// list sets a list made from the rows of a table that is there; undefined
// values are left out.
func (m *metadata) list(f fields, name string, table int, make func(cols []uint32) module.Value) {
	if m.rows[table] == 0 {
		return
	}
	var all []module.Value
	m.each(table, func(cols []uint32) {
		if v := make(cols); v.Defined() {
			all = append(all, v)
		}
	})
	f[name], f["number_of_"+name] = module.Of(all), module.Of(len(all))
}

func (m *metadata) resource(cols []uint32) module.Value {
	if cols[3] != 0 || m.resources < 0 { // in another file
		return module.Value{}
	}
	at := m.resources + int64(cols[0])
	if m.bytes(at, 4) == nil {
		return module.Value{}
	}
	return module.Of(fields{"offset": module.Number(at + 4), "length": module.Of(m.number(at, 4)), "name": m.text(cols[2])})
}

// typelib sets the GUID that the attribute GuidAttribute gives the assembly.
func (m *metadata) typelib(f fields) {
	m.each(0x0c, func(cols []uint32) {
		const ofAssembly, byMemberRef, inTypeRef = 14, 3, 1
		if cols[0]&0x1f != ofAssembly || cols[1]&7 != byMemberRef || f["typelib"].Defined() {
			return
		}
		member := m.row(0x0a, cols[1]>>3-1)
		if member == nil || member[0]&7 != inTypeRef {
			return
		}
		class := m.row(0x01, member[0]>>3-1)
		if class == nil || m.text(class[1]).Str != "GuidAttribute" {
			return
		}
		if b := m.blob(cols[2]); len(b) > 3 && b[0] == 1 && b[1] == 0 {
			f["typelib"] = module.Of(string(b[3:min(len(b), 3+int(b[2]))]))
		}
	})
}
