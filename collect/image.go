package collect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"
)

// Of a program's headers (PE format, "File Headers", "Section Table", "The .rsrc
// Section").
const (
	maxSections     = 96
	sectionSize     = 40
	resourceVersion = 16 // RT_VERSION, the type of a version resource
	maxVersion      = 1 << 16
	mostEntries     = 4096 // of a folder of resources
)

// image is a Windows program as it is laid out in memory, as far as its resources are
// asked for.
type image struct {
	r         io.ReaderAt
	made      time.Time // of the COFF header; zero: none
	resources uint32    // address of the resources; 0: there are none
	sections  []section
}

type section struct{ address, memory, size, offset uint32 }

// openImage reads a program's headers; nil where it has none that hold together.
func openImage(r io.ReaderAt) *image {
	dos := make([]byte, 64)
	if n, _ := r.ReadAt(dos, 0); n < len(dos) || string(dos[:2]) != "MZ" {
		return nil
	}
	at, le := int64(binary.LittleEndian.Uint32(dos[60:])), binary.LittleEndian
	coff := make([]byte, 24)
	if n, _ := r.ReadAt(coff, at); n < len(coff) || string(coff[:4]) != "PE\x00\x00" {
		return nil
	}
	m := &image{r: r}
	if made := le.Uint32(coff[8:]); made != 0 {
		m.made = time.Unix(int64(made), 0).UTC()
	}
	optional := make([]byte, le.Uint16(coff[20:]))
	if n, _ := r.ReadAt(optional, at+24); n < len(optional) || len(optional) < 2 {
		return nil
	}
	count, third := 92, 112 // of the data directories, and where that of resources stands
	if le.Uint16(optional) == 0x20b {
		count, third = 108, 128
	}
	if len(optional) >= third+8 && le.Uint32(optional[count:]) > 2 {
		m.resources = le.Uint32(optional[third:])
	}
	table := make([]byte, sectionSize*min(maxSections, int(le.Uint16(coff[6:]))))
	n, _ := r.ReadAt(table, at+24+int64(len(optional)))
	for ; n >= sectionSize; n, table = n-sectionSize, table[sectionSize:] {
		m.sections = append(m.sections, section{le.Uint32(table[12:]), le.Uint32(table[8:]), le.Uint32(table[16:]), le.Uint32(table[20:]) &^ 0x1ff})
	}
	return m
}

// bytes are those at an address, n at most; nil where there are none.
func (m *image) bytes(address uint32, n uint32) []byte {
	for _, s := range m.sections {
		if address < s.address || address-s.address >= max(s.memory, s.size) {
			continue
		}
		in := address - s.address
		if in >= s.size {
			return nil // zeros, which no file has
		}
		data := make([]byte, min(n, s.size-in))
		got, _ := m.r.ReadAt(data, int64(s.offset)+int64(in))
		return data[:got]
	}
	return nil
}

// number is the one of four bytes at an address.
func (m *image) number(address uint32) (uint32, bool) {
	b := m.bytes(address, 4)
	if len(b) < 4 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}

// version reads the texts of the version resource by their names, nil without one: down
// the tree of resources three levels, the first entry each.
func (m *image) version() map[string]string {
	if m.resources == 0 {
		return nil
	}
	at := uint32(0)
	for level := range 3 {
		entry, ok := m.entry(at, level == 0)
		if !ok {
			return nil
		}
		if at = entry & 0x7fffffff; entry&0x80000000 == 0 {
			break // data already: a tree with fewer levels
		}
	}
	data, ok := m.number(m.resources + at)
	size, also := m.number(m.resources + at + 4)
	if !ok || !also {
		return nil
	}
	block := m.bytes(data, min(size, maxVersion))
	found := map[string]string{}
	versionStrings(block, 0, found)
	if found["FileVersion"] == "" {
		found["FileVersion"] = fixedVersion(block)
	}
	return found
}

// entry is where a folder's entry leads: the version type's at the top, the first one
// below.
func (m *image) entry(at uint32, top bool) (uint32, bool) {
	counts, ok := m.number(m.resources + at + 12)
	if !ok {
		return 0, false
	}
	for i := range min(counts>>16+counts&0xffff, mostEntries) {
		entry := m.resources + at + 16 + 8*i
		id, ok := m.number(entry)
		if !ok {
			return 0, false
		}
		if top && id != resourceVersion {
			continue
		}
		return m.number(entry + 4)
	}
	return 0, false
}

// versionStrings collects the text values of a version resource: blocks of
// length, value length, type and key, then value and children, each on a
// border of four bytes (VS_VERSIONINFO).
func versionStrings(block []byte, depth int, found map[string]string) {
	for len(block) >= 6 && depth < 4 {
		length := int(binary.LittleEndian.Uint16(block))
		if length < 6 || length > len(block) {
			return
		}
		key, rest := cutUTF16(block[6:length], 6)
		values := int(binary.LittleEndian.Uint16(block[2:]))
		text := binary.LittleEndian.Uint16(block[4:]) == 1
		switch {
		case depth == 3 && found[key] == "":
			value, _ := cutUTF16(rest, 0)
			found[key] = strings.TrimSpace(value)
		case depth < 3 && !text && values <= len(rest):
			versionStrings(align(rest, values), depth+1, found)
		case depth < 3 && text:
			versionStrings(rest, depth+1, found)
		}
		block = align(block, length)
	}
}

// align returns b from the next border of four bytes at or after n.
func align(b []byte, n int) []byte { return b[min((n+3)&^3, len(b)):] }

// cutUTF16 reads a string up to its NUL; the rest begins on a border of four
// bytes counted from head bytes before b.
func cutUTF16(b []byte, head int) (string, []byte) {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			return string(utf16.Decode(units)), b[min((head+i+2+3)&^3-head, len(b)):]
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), nil
}

// fixedVersion reads the numeric file version (VS_FIXEDFILEINFO).
func fixedVersion(block []byte) string {
	at := bytes.Index(block, []byte{0xbd, 0x04, 0xef, 0xfe})
	if at < 0 || len(block) < at+16 {
		return ""
	}
	high, low := binary.LittleEndian.Uint32(block[at+8:]), binary.LittleEndian.Uint32(block[at+12:])
	if high == 0 && low == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", high>>16, high&0xffff, low>>16, low&0xffff)
}
