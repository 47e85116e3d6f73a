package winreg

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// Has reports whether a name is among others, whatever its case.
func Has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// LastOf is the last element of a key's or file's path.
func LastOf(path string) string { return path[strings.LastIndexAny(path, `\/`)+1:] }

// CutFold cuts a prefix off, whatever its case; it is false where s has another.
func CutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// Text decodes UTF-16, little endian, NULs and all; an odd last byte is dropped.
func Text(data []byte) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

// TextZ decodes UTF-16, little endian, up to a NUL.
func TextZ(data []byte) string {
	text, _, _ := strings.Cut(Text(data), "\x00")
	return text
}

// Filetime reads a FILETIME ([MS-DTYP] 2.3.3); zero where fewer than eight bytes are
// given, none is set, or it lies before 1970 or behind 2104.
func Filetime(data []byte) time.Time {
	if len(data) < 8 {
		return time.Time{}
	}
	const epoch, most = 116444736000000000, 159017184000000000
	ft := binary.LittleEndian.Uint64(data)
	if ft < epoch || ft > most {
		return time.Time{}
	}
	return time.Unix(int64(ft-epoch)/1e7, int64(ft-epoch)%1e7*100).UTC()
}
