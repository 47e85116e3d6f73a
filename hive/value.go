package hive

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	"postern/evidence"

	"www.velocidex.com/golang/regparser"
)

// Value types as winnt.h numbers them.
const (
	regSZ       = 1
	regExpandSZ = 2
	regDWORD    = 4
	regDWORDBE  = 5
	regMultiSZ  = 7
	regQWORD    = 11
)

// bigData is the size above which a value may lie in segments ("db" cells).
const bigData = 16344

// values reads the values of a key; those that read come with the error of
// those that do not.
func (h *Hive) values(nk *regparser.CM_KEY_NODE) ([]evidence.RegistryValue, error) {
	list := nk.ValueList()
	count := int64(list.Count())
	if count == 0 {
		return nil, nil
	}
	if count > maxValues {
		return nil, fmt.Errorf("%d values: %w", count, evidence.ErrLimit)
	}
	var values []evidence.RegistryValue
	var bad error
	first := headerSize + int64(list.List()) + 4
	for i := range count {
		at := headerSize + int64(regparser.ParseUint32(h.pages, first+i*4))
		if h.pages.err != nil {
			return values, h.pages.err
		}
		vk := h.reg.Profile.HCELL(h.pages, at).KeyValue()
		if vk == nil {
			bad = fmt.Errorf("%w: no value at offset %d", errDamaged, at)
			continue
		}
		v, err := h.value(vk)
		if err != nil {
			bad = err
			continue
		}
		values = append(values, v)
	}
	return values, bad
}

// value reads one value.
func (h *Hive) value(vk *regparser.CM_KEY_VALUE) (evidence.RegistryValue, error) {
	raw := h.bytes(vk.Offset+h.reg.Profile.Off_CM_KEY_VALUE_Name, int64(vk.NameLength()))
	v := evidence.RegistryValue{Name: decodeName(raw, vk.Flags()&1 != 0), Type: vk.Type()}

	size := int64(vk.DataLength())
	if size > maxData && vk.DataLength()&0x80000000 == 0 {
		return v, fmt.Errorf("value %s: %d bytes: %w", v.Name, size, evidence.ErrLimit)
	}
	switch {
	case vk.DataLength()&0x80000000 != 0: // up to four bytes in the data field itself
		v.Data = h.bytes(vk.Offset+h.reg.Profile.Off_CM_KEY_VALUE_Data, min(4, size&0x7fffffff))
	case size > 0:
		cell := headerSize + int64(vk.Data())
		if size > bigData && h.reg.Profile.HCELL(h.pages, cell).Signature() == 0x6264 {
			v.Data = h.segments(cell, size)
		} else {
			v.Data = h.bytes(cell+4, size)
		}
	}
	if h.pages.err != nil {
		return v, fmt.Errorf("value %s: %w", v.Name, h.pages.err)
	}
	return v, decode(&v)
}

// segments reads a value that lies in several cells.
func (h *Hive) segments(cell, size int64) []byte {
	big := h.reg.Profile.CM_BIG_DATA(h.pages, cell+4)
	list := headerSize + int64(big.List()) + 4
	var data []byte
	for i := range int64(big.Count()) {
		at := headerSize + int64(regparser.ParseUint32(h.pages, list+i*4))
		data = append(data, h.bytes(at+4, min(bigData, size-int64(len(data))))...)
		if h.pages.err != nil || int64(len(data)) >= size {
			return data
		}
	}
	h.pages.err = fmt.Errorf("offset %d: %w", cell, evidence.ErrTruncated)
	return data
}

// decode fills a value's Text or Number from its bytes.
func decode(v *evidence.RegistryValue) error {
	need := 0
	switch v.Type {
	case regSZ, regExpandSZ:
		v.Text, _, _ = strings.Cut(decodeUTF16(v.Data), "\x00")
	case regMultiSZ:
		v.Text = strings.ReplaceAll(strings.TrimRight(decodeUTF16(v.Data), "\x00"), "\x00", "\n")
	case regDWORD, regDWORDBE:
		if need = 4; len(v.Data) >= need {
			v.Number = uint64(binary.LittleEndian.Uint32(v.Data))
		}
		if v.Type == regDWORDBE && len(v.Data) >= need {
			v.Number = uint64(binary.BigEndian.Uint32(v.Data))
		}
	case regQWORD:
		if need = 8; len(v.Data) >= need {
			v.Number = binary.LittleEndian.Uint64(v.Data)
		}
	}
	if n := len(v.Data); n > 0 && n < need { // none at all is common, and means unset
		return fmt.Errorf("%w: value %s has %d bytes of %d", errDamaged, v.Name, len(v.Data), need)
	}
	return nil
}

// decodeName decodes a key's or value's name; narrow names are Latin-1.
func decodeName(raw []byte, narrow bool) string {
	if !narrow {
		return decodeUTF16(raw)
	}
	runes := make([]rune, len(raw))
	for i, b := range raw {
		runes[i] = rune(b)
	}
	return string(runes)
}

// decodeUTF16 decodes little-endian UTF-16; an odd last byte is dropped.
func decodeUTF16(data []byte) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}
