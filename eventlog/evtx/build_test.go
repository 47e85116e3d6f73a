package evtx

import (
	"hash/crc32"
	"unicode/utf16"
)

// builder writes Binary XML and the file around it, as little of it as a test
// needs.
type builder struct{ b []byte }

func utf16le(s string) (b []byte) {
	for _, c := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, c)
	}
	return b
}

// name puts a name where it is referred to; at is where the stream stands in
// its chunk.
func (w *builder) name(at int, s string) {
	w.b = le.AppendUint32(w.b, uint32(at+len(w.b)+4))
	w.b = append(w.b, 0, 0, 0, 0, 0, 0)
	w.b = le.AppendUint16(w.b, uint16(len(utf16le(s))/2))
	w.b = append(append(w.b, utf16le(s)...), 0, 0)
}

// node is an element, a text, or a value's place.
type node struct {
	name     string
	attrs    [][2]string
	children []node
	text     string
	sub      int // value+1
}

func el(name string, children ...node) node { return node{name: name, children: children} }
func txt(s string) node                     { return node{text: s} }
func val(i int) node                        { return node{sub: i + 1} }
func data(name string, child node) node {
	return node{name: "Data", attrs: [][2]string{{"Name", name}}, children: []node{child}}
}

func (w *builder) node(at int, n node, dependent bool) {
	switch {
	case n.sub > 0:
		w.b = append(w.b, tokenOptionalSub, byte(n.sub-1), byte((n.sub-1)>>8), kindString)
		return
	case n.name == "":
		w.b = append(w.b, tokenValue, kindString)
		w.b = le.AppendUint16(w.b, uint16(len(utf16le(n.text))/2))
		w.b = append(w.b, utf16le(n.text)...)
		return
	}
	token := byte(tokenOpen)
	if len(n.attrs) > 0 {
		token |= more
	}
	w.b = append(w.b, token)
	if dependent {
		w.b = append(w.b, 0xff, 0xff)
	}
	w.b = append(w.b, 0, 0, 0, 0)
	w.name(at, n.name)
	if len(n.attrs) > 0 {
		w.b = append(w.b, 0, 0, 0, 0)
	}
	for _, a := range n.attrs {
		w.b = append(w.b, tokenAttribute)
		w.name(at, a[0])
		w.node(at, txt(a[1]), dependent)
	}
	if len(n.children) == 0 {
		w.b = append(w.b, tokenCloseEmpty)
		return
	}
	w.b = append(w.b, tokenCloseStart)
	for _, c := range n.children {
		w.node(at, c, dependent)
	}
	w.b = append(w.b, tokenEndElement)
}

// raw is one value of a template's instance.
type raw struct {
	kind byte
	b    []byte
}

func str(s string) raw { return raw{kindString, utf16le(s)} }

// instance is a fragment: a template right there, and its values.
func instance(at int, n node, values ...raw) []byte {
	w := &builder{b: []byte{tokenHeader, 1, 1, 0, tokenTemplate, 1, 0, 0, 0, 0}}
	w.b = le.AppendUint32(w.b, uint32(at+len(w.b)+4))
	w.b = append(w.b, make([]byte, 20)...)
	sized := len(w.b)
	w.b = append(w.b, 0, 0, 0, 0, tokenHeader, 1, 1, 0)
	w.node(at, n, true)
	w.b = append(w.b, tokenEnd)
	le.PutUint32(w.b[sized:], uint32(len(w.b)-sized-4))
	w.b = le.AppendUint32(w.b, uint32(len(values)))
	for _, v := range values {
		w.b = append(le.AppendUint16(w.b, uint16(len(v.b))), v.kind, 0)
	}
	for _, v := range values {
		w.b = append(w.b, v.b...)
	}
	return append(w.b, tokenEnd)
}

// inline is a fragment of an element without a template.
func inline(at int, n node, dependent bool) []byte {
	w := &builder{b: []byte{tokenHeader, 1, 1, 0}}
	w.node(at, n, dependent)
	return append(w.b, tokenEnd)
}

// start is 2026-01-17 00:00 as a FILETIME.
const start = ticksTo1970 + 1768608000*1e7

// chunkOf puts records into a chunk: each writes its Binary XML for the place
// it is told. Their ids begin at first; each is a second later than the last.
func chunkOf(first uint64, records ...func(at int) []byte) []byte {
	chunk := make([]byte, chunkHeader, chunkSize)
	copy(chunk, chunkMagic)
	for i, r := range records {
		pos := len(chunk)
		body := r(pos + recordHeader)
		size := uint32(recordHeader + len(body) + 4)
		chunk = append(chunk, recMagic...)
		chunk = le.AppendUint32(chunk, size)
		chunk = le.AppendUint64(chunk, first+uint64(i))
		chunk = le.AppendUint64(chunk, start+uint64(i)*1e7)
		chunk = append(chunk, body...)
		chunk = le.AppendUint32(chunk, size)
	}
	le.PutUint64(chunk[8:], first)
	le.PutUint64(chunk[16:], first+uint64(len(records))-1)
	le.PutUint64(chunk[24:], first)
	le.PutUint64(chunk[32:], first+uint64(len(records))-1)
	le.PutUint32(chunk[40:], 128)
	le.PutUint32(chunk[48:], uint32(len(chunk)))
	return sum(chunk)
}

// sum puts a chunk's checksums right.
func sum(chunk []byte) []byte {
	le.PutUint32(chunk[52:], crc32.ChecksumIEEE(chunk[chunkHeader:le.Uint32(chunk[48:])]))
	le.PutUint32(chunk[124:], headerSum(chunk))
	return chunk
}

// fileOf puts chunks into a file; only the last may be short.
func fileOf(chunks ...[]byte) []byte {
	file := make([]byte, fileHeader)
	copy(file, fileMagic)
	le.PutUint32(file[32:], 128)
	le.PutUint16(file[36:], 1)
	le.PutUint16(file[38:], 3)
	le.PutUint16(file[40:], fileHeader)
	le.PutUint16(file[42:], uint16(len(chunks)))
	le.PutUint32(file[124:], crc32.ChecksumIEEE(file[:120]))
	for i, c := range chunks {
		file = append(file, c...)
		if i < len(chunks)-1 {
			file = append(file, make([]byte, chunkSize-len(c))...)
		}
	}
	return file
}

// event is a record of a channel: its System, and what stands beside it.
func event(channel string, id string, more ...node) func(at int) []byte {
	return func(at int) []byte {
		return instance(at, el("Event", append([]node{el("System",
			node{name: "Provider", attrs: [][2]string{{"Name", "Test"}}}, el("EventID", txt(id)), el("Channel", txt(channel)), el("Computer", txt("HOST")))}, more...)...))
	}
}
