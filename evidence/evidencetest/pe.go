package evidencetest

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Addresses of the image PE makes: one section a page, one page each.
const (
	peFileAlign = 0x200
	peResources = 0x1000 // RVA of .rsrc
	peDotNet    = 0x2000 // RVA of .text
)

// PE returns a small, valid PE32+ library that runs nothing. Its version
// resource states version as ProductVersion and, without a "+commit" suffix, as
// FileVersion; its .NET assembly table states assembly ("100.0.9413.30415").
// Either may be "" and is then left out.
func PE(version, assembly string) []byte {
	var resources, dotNet []byte
	if version != "" {
		resources = versionResource(version)
	}
	if assembly != "" {
		dotNet = assemblyImage(assembly)
	}
	head := peHeader(resources, dotNet)
	head = append(head, padTo(resources, peFileAlign)...)
	return append(head, padTo(dotNet, peFileAlign)...)
}

// peHeader writes the DOS, COFF and optional headers and the section table
// (PE format specification, sections 2 to 4).
func peHeader(resources, dotNet []byte) []byte {
	le := binary.LittleEndian
	h := make([]byte, 0x400)
	copy(h, "MZ")
	le.PutUint32(h[0x3c:], 0x80)
	copy(h[0x80:], "PE\x00\x00")
	coff, opt := h[0x84:], h[0x98:]
	le.PutUint16(coff, 0x8664)
	le.PutUint16(coff[16:], 240)
	le.PutUint16(coff[18:], 0x2022) // executable, large addresses, library
	le.PutUint16(opt, 0x20b)
	le.PutUint64(opt[24:], 0x180000000)
	le.PutUint32(opt[32:], 0x1000)
	le.PutUint32(opt[36:], peFileAlign)
	le.PutUint16(opt[40:], 6) // operating system and subsystem versions
	le.PutUint16(opt[48:], 6)
	le.PutUint32(opt[56:], 0x3000)
	le.PutUint32(opt[60:], uint32(len(h)))
	le.PutUint16(opt[68:], 3) // console
	le.PutUint32(opt[108:], 16)

	file, count := uint32(len(h)), uint16(0)
	section := func(name string, rva uint32, data []byte, flags uint32, directory int, size uint32) {
		if data == nil {
			return
		}
		raw := uint32(len(padTo(data, peFileAlign)))
		s := h[0x98+240+40*int(count):]
		copy(s, name)
		for i, v := range []uint32{uint32(len(data)), rva, raw, file} {
			le.PutUint32(s[8+4*i:], v)
		}
		le.PutUint32(s[36:], flags)
		le.PutUint32(opt[112+8*directory:], rva)
		le.PutUint32(opt[116+8*directory:], size)
		file, count = file+raw, count+1
	}
	section(".rsrc", peResources, resources, 0x40000040, 2, uint32(len(resources)))
	section(".text", peDotNet, dotNet, 0x60000020, 14, 72)
	le.PutUint16(coff[2:], count)
	return h
}

// versionResource writes a resource tree of one VS_VERSIONINFO.
func versionResource(version string) []byte {
	le := binary.LittleEndian
	file, _, _ := strings.Cut(version, "+")
	fixed := make([]byte, 52)
	n := numbers(file)
	le.PutUint32(fixed, 0xFEEF04BD)
	le.PutUint32(fixed[4:], 0x10000)
	for _, at := range []int{8, 16} {
		le.PutUint32(fixed[at:], uint32(n[0])<<16|uint32(n[1]))
		le.PutUint32(fixed[at+4:], uint32(n[2])<<16|uint32(n[3]))
	}
	le.PutUint32(fixed[24:], 0x3f)
	le.PutUint32(fixed[32:], 0x40004)
	le.PutUint32(fixed[36:], 2)

	table := versionBlock("040904b0", nil, 1,
		versionBlock("FileVersion", utf16Bytes(file), 1),
		versionBlock("ProductVersion", utf16Bytes(version), 1))
	info := versionBlock("VS_VERSION_INFO", fixed, 0,
		versionBlock("StringFileInfo", nil, 1, table),
		versionBlock("VarFileInfo", nil, 1, versionBlock("Translation", []byte{9, 4, 0xb0, 4}, 0)))

	tree := make([]byte, 88)
	for i, id := range []uint32{16, 1, 0x409} { // type, name, language
		dir := tree[24*i:]
		le.PutUint16(dir[14:], 1)
		le.PutUint32(dir[16:], id)
		le.PutUint32(dir[20:], 0x80000000|uint32(24*(i+1)))
	}
	le.PutUint32(tree[68:], 72) // the last names data
	le.PutUint32(tree[72:], peResources+88)
	le.PutUint32(tree[76:], uint32(len(info)))
	return append(append(tree, info...), make([]byte, 128)...) // readers look past the last key
}

// versionBlock writes one block of a version resource: length, value length,
// type, key, value, children, each on a border of four bytes.
func versionBlock(key string, value []byte, kind uint16, children ...[]byte) []byte {
	b := padTo(append(make([]byte, 6), utf16Bytes(key)...), 4)
	b = append(b, value...)
	for _, c := range children {
		b = append(padTo(b, 4), c...)
	}
	size := len(value)
	if kind == 1 {
		size /= 2 // text counts characters
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	binary.LittleEndian.PutUint16(b[2:], uint16(size))
	binary.LittleEndian.PutUint16(b[4:], kind)
	return b
}

// assemblyImage writes a CLI header and metadata with the tables Module and
// Assembly (ECMA-335 II.24, II.25.3.3).
func assemblyImage(version string) []byte {
	le := binary.LittleEndian
	tables := make([]byte, 24, 96)
	tables[4], tables[7] = 2, 1
	le.PutUint64(tables[8:], 1|1<<0x20)
	tables = append(tables, 1, 0, 0, 0, 1, 0, 0, 0) // one row each
	tables = append(tables, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0)
	tables = append(tables, 4, 0x80, 0, 0) // SHA-1, as compilers write
	for _, n := range numbers(version) {
		tables = le.AppendUint16(tables, n)
	}
	tables = append(tables, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0)

	streams := []struct {
		name string
		data []byte
	}{
		{"#~\x00\x00", padTo(tables, 4)},
		{"#Strings\x00\x00\x00\x00", padTo([]byte("\x00MailService\x00"), 4)},
		{"#GUID\x00\x00\x00", []byte("0123456789abcdef")},
		{"#Blob\x00\x00\x00", make([]byte, 4)},
	}
	root := append([]byte("BSJB\x01\x00\x01\x00\x00\x00\x00\x00\x0c\x00\x00\x00v4.0.30319\x00\x00\x00\x00"), byte(len(streams)), 0)
	at := len(root)
	for _, s := range streams {
		at += 8 + len(s.name)
	}
	var body []byte
	for _, s := range streams {
		root = le.AppendUint32(root, uint32(at+len(body)))
		root = le.AppendUint32(root, uint32(len(s.data)))
		root = append(root, s.name...)
		body = append(body, s.data...)
	}
	root = append(root, body...)

	cli := make([]byte, 72)
	for i, v := range []uint32{72, 2 | 5<<16, peDotNet + 72, uint32(len(root)), 1} {
		le.PutUint32(cli[4*i:], v)
	}
	return append(cli, root...)
}

// numbers splits "100.0.9413.30415"; what is missing or no number is zero.
func numbers(version string) (n [4]uint16) {
	for i, part := range strings.SplitN(version, ".", 4) {
		v, _ := strconv.ParseUint(part, 10, 16)
		n[i] = uint16(v)
	}
	return n
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// padTo returns b with zeros up to the next multiple of n.
func padTo(b []byte, n int) []byte {
	return append(b[:len(b):len(b)], make([]byte, (n-len(b)%n)%n)...)
}
