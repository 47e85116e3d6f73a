package evidencetest

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// HiveKey is one key of a hive to be made.
type HiveKey struct {
	Name    string
	Written time.Time
	Values  []HiveValue
	Keys    []HiveKey
}

// HiveValue is one value: a string is REG_SZ, a uint32 REG_DWORD, bytes REG_BINARY,
// several strings REG_MULTI_SZ.
type HiveValue struct {
	Name string
	Data any
}

// HiveAt makes the keys down a path (`A\B`), with values in the last; each was written at
// one time.
func HiveAt(path string, written time.Time, values ...HiveValue) HiveKey {
	parts := strings.Split(path, `\`)
	k := HiveKey{Name: parts[len(parts)-1], Written: written, Values: values}
	for i := len(parts) - 2; i >= 0; i-- {
		k = HiveKey{Name: parts[i], Written: written, Keys: []HiveKey{k}}
	}
	return k
}

// HiveFile is a hive with keys below its root; those of one name are joined.
func HiveFile(keys ...HiveKey) File {
	return File{Data: Hive(HiveKey{Name: "ROOT", Keys: joined(keys)})}
}

func joined(keys []HiveKey) (all []HiveKey) {
	for _, k := range keys {
		i := slices.IndexFunc(all, func(have HiveKey) bool { return strings.EqualFold(have.Name, k.Name) })
		if i < 0 {
			k.Keys = joined(k.Keys)
			all = append(all, k)
			continue
		}
		all[i].Values = append(all[i].Values, k.Values...)
		all[i].Keys = joined(append(all[i].Keys, k.Keys...))
	}
	return all
}

// Wide is a text in UTF-16, little endian, without a mark or a NUL.
func Wide(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// Hive returns the bytes of a small registry hive (regf 1.5, one bin) with
// root's values and subkeys; root's own name is kept. It is meant for tests and
// examples and holds well under a megabyte.
func Hive(root HiveKey) []byte {
	w := &hiveWriter{bin: make([]byte, 32)}
	top := w.key(root, 0, true)
	size := (len(w.bin) + 4095) &^ 4095
	if free := size - len(w.bin); free >= 8 {
		w.bin = append(w.bin, make([]byte, free)...)
		binary.LittleEndian.PutUint32(w.bin[size-free:], uint32(free))
	} else {
		w.bin = append(w.bin, make([]byte, size-len(w.bin))...)
	}
	copy(w.bin, "hbin")
	binary.LittleEndian.PutUint32(w.bin[8:], uint32(size))

	head := make([]byte, 4096)
	copy(head, "regf")
	for off, v := range map[int]uint32{4: 1, 8: 1, 20: 1, 24: 5, 32: 1, 36: top, 40: uint32(size), 44: 1} {
		binary.LittleEndian.PutUint32(head[off:], v)
	}
	binary.LittleEndian.PutUint64(head[12:], filetime(root.Written))
	var sum uint32
	for i := 0; i < 508; i += 4 {
		sum ^= binary.LittleEndian.Uint32(head[i:])
	}
	binary.LittleEndian.PutUint32(head[508:], sum)
	return append(head, w.bin...)
}

type hiveWriter struct{ bin []byte }

// cell appends an allocated cell and returns its offset, counted from the
// first bin as hives do.
func (w *hiveWriter) cell(data []byte) uint32 {
	off := uint32(len(w.bin))
	size := (len(data) + 4 + 7) &^ 7
	w.bin = binary.LittleEndian.AppendUint32(w.bin, uint32(-int32(size)))
	w.bin = append(w.bin, data...)
	w.bin = append(w.bin, make([]byte, size-4-len(data))...)
	return off
}

func (w *hiveWriter) key(k HiveKey, parent uint32, root bool) uint32 {
	flags := uint16(0x20) // the name is in one-byte characters
	if root {
		flags |= 0x0c
	}
	nk := make([]byte, 76, 76+len(k.Name))
	copy(nk, "nk")
	binary.LittleEndian.PutUint16(nk[2:], flags)
	binary.LittleEndian.PutUint64(nk[4:], filetime(k.Written))
	for _, off := range []int{28, 32, 40, 44, 48} { // no lists, no security, no class
		binary.LittleEndian.PutUint32(nk[off:], 0xffffffff)
	}
	binary.LittleEndian.PutUint32(nk[16:], parent)
	binary.LittleEndian.PutUint16(nk[72:], uint16(len(k.Name)))
	self := w.cell(append(nk, k.Name...))
	put := func(off int, v uint32) { binary.LittleEndian.PutUint32(w.bin[int(self)+4+off:], v) }

	if len(k.Keys) > 0 {
		keys := slices.SortedFunc(slices.Values(k.Keys), func(a, b HiveKey) int {
			return strings.Compare(strings.ToUpper(a.Name), strings.ToUpper(b.Name))
		})
		lh := binary.LittleEndian.AppendUint16([]byte("lh"), uint16(len(keys)))
		for _, sub := range keys {
			lh = binary.LittleEndian.AppendUint32(lh, w.key(sub, self, false))
			lh = binary.LittleEndian.AppendUint32(lh, nameHash(sub.Name))
		}
		put(20, uint32(len(keys)))
		put(28, w.cell(lh))
	}
	if len(k.Values) > 0 {
		var list []byte
		for _, v := range k.Values {
			list = binary.LittleEndian.AppendUint32(list, w.value(v))
		}
		put(36, uint32(len(k.Values)))
		put(40, w.cell(list))
	}
	return self
}

func (w *hiveWriter) value(v HiveValue) uint32 {
	vk := make([]byte, 20, 20+len(v.Name))
	copy(vk, "vk")
	binary.LittleEndian.PutUint16(vk[2:], uint16(len(v.Name)))
	binary.LittleEndian.PutUint16(vk[16:], 1)
	switch data := v.Data.(type) {
	case uint32:
		binary.LittleEndian.PutUint32(vk[4:], 4|0x80000000) // small data stands in the offset
		binary.LittleEndian.PutUint32(vk[8:], data)
		binary.LittleEndian.PutUint32(vk[12:], 4)
	case string:
		w.data(vk, wide(data+"\x00"), 1)
	case []string:
		w.data(vk, wide(strings.Join(data, "\x00")+"\x00\x00"), 7)
	case []byte:
		w.data(vk, data, 3)
	}
	return w.cell(append(vk, v.Name...))
}

// data notes a value's bytes: in a cell of their own, or up to four where the cell's
// offset would stand.
func (w *hiveWriter) data(vk, data []byte, kind uint32) {
	size := uint32(len(data))
	if len(data) <= 4 {
		copy(vk[8:12], data)
		size |= 0x80000000
	} else {
		binary.LittleEndian.PutUint32(vk[8:], w.cell(data))
	}
	binary.LittleEndian.PutUint32(vk[4:], size)
	binary.LittleEndian.PutUint32(vk[12:], kind)
}

func wide(s string) (text []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	return text
}

func nameHash(name string) (h uint32) {
	for _, c := range strings.ToUpper(name) {
		h = h*37 + uint32(c)
	}
	return h
}

// filetime counts 100 ns since 1601-01-01.
func filetime(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano()/100) + 116444736000000000
}
