package elf

import (
	"encoding/binary"
	"testing"
)

// program is an executable of 32 bits with one segment of 512 bytes at offset
// 0x100, address 0x1000, and its entry point 0x10 into it.
func program(data byte, order binary.AppendByteOrder) memory {
	b := append([]byte("\x7fELF\x01"), data, 1)
	b = append(b, make([]byte, 9)...)
	for _, v := range []uint16{2, 8} {
		b = order.AppendUint16(b, v)
	}
	for _, v := range []uint32{1, 0x1010, 52, 0, 0} {
		b = order.AppendUint32(b, v)
	}
	for _, v := range []uint16{52, 32, 1, 40, 0, 0} {
		b = order.AppendUint16(b, v)
	}
	for _, v := range []uint32{1, 0x100, 0x1000, 0x1000, 0x200, 0x200, 5, 4} {
		b = order.AppendUint32(b, v)
	}
	return append(b, make([]byte, 0x300)...)
}

// TestEntryPoint holds the keyword entrypoint and the module's field apart: the
// first asks no byte order (as measured with yara 4.2), the second does.
func TestEntryPoint(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	for name, c := range map[string]struct {
		content memory
		keyword int64
		field   bool
	}{
		"little":              {program(1, little), 0x110, true},
		"big":                 {program(2, big), 0, true},
		"says big, is little": {program(2, little), 0x110, false},
		"no byte order":       {program(0x3a, little), 0x110, false},
	} {
		at, ok := EntryPoint(c.content)
		if !ok || at != c.keyword {
			t.Errorf("%s: entrypoint %#x, %v; want %#x", name, at, ok, c.keyword)
		}
		field := open(c.content).Root.Field("entry_point")
		if field.Defined() != c.field || c.field && field.Int() != 0x110 {
			t.Errorf("%s: elf.entry_point %v", name, field)
		}
	}
}
