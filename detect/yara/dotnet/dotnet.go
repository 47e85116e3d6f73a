// Package dotnet is YARA's module dotnet (".NET module") over hostile files:
// the streams and tables of ECMA-335 metadata (partition II, section 24). Rows
// are cut at maxRows, texts at maxText, and what a file does not have is
// undefined.
package dotnet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"postern/detect/yara/module"
	"postern/detect/yara/pe"
)

const (
	maxRows    = 1 << 16
	maxStrings = 1 << 16
	maxText    = 1 << 16
	maxStreams = 16
	maxTexts   = 1 << 24 // all together
)

// Module returns the module dotnet.
func Module() module.Module {
	return module.Module{Name: "dotnet", Type: declared(), Open: open}
}

func declared() *module.Type {
	integer, text := module.Scalar(module.Int), module.Scalar(module.String)
	version := module.Record(map[string]*module.Type{"major": integer, "minor": integer, "build_number": integer, "revision_number": integer})
	return module.Record(map[string]*module.Type{
		"is_dotnet": integer, "version": text, "module_name": text, "typelib": text,
		"number_of_streams": integer, "number_of_guids": integer, "number_of_resources": integer, "number_of_assembly_refs": integer,
		"number_of_modulerefs": integer, "number_of_user_strings": integer, "number_of_constants": integer,
		"number_of_field_offsets": integer,
		"streams":                 module.ListOf(module.Record(map[string]*module.Type{"name": text, "offset": integer, "size": integer})),
		"guids":                   module.ListOf(text),
		"resources":               module.ListOf(module.Record(map[string]*module.Type{"offset": integer, "length": integer, "name": text})),
		"assembly":                module.Record(map[string]*module.Type{"version": version, "name": text, "culture": text}),
		"assembly_refs": module.ListOf(module.Record(map[string]*module.Type{"version": version, "name": text,
			"public_key_or_token": text})),
		"modulerefs": module.ListOf(text), "user_strings": module.ListOf(text), "constants": module.ListOf(text),
		"field_offsets": module.ListOf(integer),
	})
}

type fields = map[string]module.Value

// metadata is the metadata of an assembly.
type metadata struct {
	c         module.Content
	offset    func(rva uint64) int64
	resources int64
	heaps     map[string]heap
	spent     int // bytes of texts, of maxTexts
	tables
}

// spend tells whether a text of n bytes may be kept.
func (m *metadata) spend(n int) bool {
	m.spent += n + 16
	return m.spent <= maxTexts
}

// heapNames are the heaps and what the names of their streams begin with, as
// libyara compares them.
var heapNames = map[string]string{"#~": "#~", "#-": "#~", "#Strings": "#Strings", "#US": "#US", "#GUID": "#GUID", "#Blob": "#Blob"}

// heap is a stream: where it begins and how long it is.
type heap struct{ at, size int64 }

func (m *metadata) bytes(off int64, n int) []byte {
	if b := m.c.Bytes(off, n); len(b) == n {
		return b
	}
	return nil
}

func (m *metadata) number(off int64, width int) uint32 {
	b := m.bytes(off, width)
	switch {
	case b == nil:
		return 0
	case width == 1:
		return uint32(b[0])
	case width == 2:
		return uint32(binary.LittleEndian.Uint16(b))
	}
	return binary.LittleEndian.Uint32(b)
}

// open parses a content; one without metadata has nothing.
func open(c module.Content) *module.Input {
	in := &module.Input{Content: c, Root: module.Of(fields{})}
	offset, directory, ok := pe.Locate(c)
	if !ok {
		return in
	}
	f := fields{"is_dotnet": module.Number(0)}
	in.Root = module.Of(f)
	m := &metadata{c: c, offset: offset, heaps: map[string]heap{}}
	rva, _ := directory(14)
	cli := offset(uint64(rva))
	if rva == 0 || cli < 0 || m.bytes(cli, 72) == nil {
		return in
	}
	root := offset(uint64(m.number(cli+8, 4)))
	m.resources = offset(uint64(m.number(cli+24, 4)))
	if root < 0 || m.number(root, 4) != 0x424a5342 {
		return in
	}
	length := m.number(root+12, 4)
	if length == 0 || length > 255 {
		return in
	}
	f["is_dotnet"] = module.Number(1)
	version, _, _ := bytes.Cut(m.bytes(root+16, int(length)), []byte{0})
	f["version"] = module.Of(string(version))
	m.streams(f, root, root+16+int64((length+3)&^3))
	m.guids(f)
	m.userStrings(f)
	m.read(f)
	return in
}

func (m *metadata) streams(f fields, root, at int64) {
	n := int(m.number(at+2, 2))
	at += 4
	var all []module.Value
	for range min(n, maxStreams) {
		b := m.c.Bytes(at+8, 32)
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			break
		}
		name := string(b[:end])
		h := heap{root + int64(m.number(at, 4)), int64(m.number(at+4, 4))}
		all = append(all, module.Of(fields{"name": module.Of(name), "offset": module.Number(h.at), "size": module.Number(h.size)}))
		for prefix, heap := range heapNames {
			if strings.HasPrefix(name, prefix) {
				m.heaps[heap] = h
			}
		}
		at += 8 + int64((end+4)&^3)
	}
	f["streams"], f["number_of_streams"] = module.Of(all), module.Of(len(all))
}

func (m *metadata) guids(f fields) {
	h, ok := m.heaps["#GUID"]
	if !ok {
		return
	}
	var all []module.Value
	for i := int64(0); i+16 <= h.size && len(all) < 16; i += 16 {
		b := m.bytes(h.at+i, 16)
		if b == nil {
			break
		}
		le := binary.LittleEndian
		all = append(all, module.Of(fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])))
	}
	f["guids"], f["number_of_guids"] = module.Of(all), module.Of(len(all))
}

// compressed reads a compressed length; width 0: there is none.
func (m *metadata) compressed(at int64) (n, width int64) {
	b := m.c.Bytes(at, 4)
	switch {
	case len(b) > 0 && b[0]&0x80 == 0:
		return int64(b[0]), 1
	case len(b) > 1 && b[0]&0xc0 == 0x80:
		return int64(b[0]&0x3f)<<8 | int64(b[1]), 2
	case len(b) > 3 && b[0]&0xe0 == 0xc0:
		return int64(b[0]&0x1f)<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3]), 4
	}
	return 0, 0
}

func (m *metadata) userStrings(f fields) {
	h, ok := m.heaps["#US"]
	if !ok || h.size == 0 || m.number(h.at, 1) != 0 {
		return
	}
	var all []module.Value
	for at, end := h.at+1, h.at+h.size; at < end && len(all) < maxStrings; {
		n, width := m.compressed(at)
		if width == 0 {
			break
		}
		at += width
		if n == 0 {
			continue
		}
		b := m.bytes(at, int(min(n, maxText)))
		if at+n > end || b == nil {
			break
		}
		if !m.spend(len(b)) {
			break
		}
		if n > 1 {
			all = append(all, module.Of(string(b[:len(b)-1])))
		}
		at += n
	}
	f["user_strings"], f["number_of_user_strings"] = module.Of(all), module.Of(len(all))
}

// text reads from the heap of names.
func (m *metadata) text(i uint32) module.Value {
	h, ok := m.heaps["#Strings"]
	if !ok || int64(i) >= h.size {
		return module.Value{}
	}
	b := m.c.Bytes(h.at+int64(i), int(min(h.size-int64(i), 1024)))
	end := bytes.IndexByte(b, 0)
	if end < 0 || !m.spend(end) {
		return module.Value{}
	}
	return module.Of(string(b[:end]))
}

// blob reads from the heap of blobs.
func (m *metadata) blob(i uint32) []byte {
	h, ok := m.heaps["#Blob"]
	if !ok || int64(i) >= h.size {
		return nil
	}
	n, width := m.compressed(h.at + int64(i))
	if width == 0 || n > maxText || !m.spend(int(n)) || int64(i)+width+n > h.size {
		return nil
	}
	return m.bytes(h.at+int64(i)+width, int(n))
}
