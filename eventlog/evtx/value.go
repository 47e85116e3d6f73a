package evtx

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Types of values ([MS-EVEN6] 2.2.12.2); isArray is set on arrays of them.
const (
	kindNull     = 0x00
	kindString   = 0x01
	kindANSI     = 0x02
	kindInt8     = 0x03
	kindUint8    = 0x04
	kindInt16    = 0x05
	kindUint16   = 0x06
	kindInt32    = 0x07
	kindUint32   = 0x08
	kindInt64    = 0x09
	kindUint64   = 0x0a
	kindReal32   = 0x0b
	kindReal64   = 0x0c
	kindBool     = 0x0d
	kindBinary   = 0x0e
	kindGUID     = 0x0f
	kindSize     = 0x10
	kindFiletime = 0x11
	kindSystime  = 0x12
	kindSID      = 0x13
	kindHex32    = 0x14
	kindHex64    = 0x15
	kindXML      = 0x21 // Binary XML
	kindEntity   = 0x7f // ours: the name of an entity
	isArray      = 0x80
)

// value is one value of a record: where it stands in its chunk, and its type.
type value struct {
	kind     byte
	at, size uint16
}

// widths are the bytes of a value of a type; 0: any number.
var widths = [0x16]int{
	kindInt8: 1, kindUint8: 1, kindInt16: 2, kindUint16: 2, kindInt32: 4, kindUint32: 4, kindInt64: 8, kindUint64: 8,
	kindReal32: 4, kindReal64: 8, kindBool: 4, kindGUID: 16, kindFiletime: 8, kindSystime: 16, kindHex32: 4, kindHex64: 8,
}

// appendValue writes a value as text, as Windows renders it in XML.
func appendValue(dst []byte, kind byte, b []byte) []byte {
	switch {
	case kind == kindString:
		return appendUTF16(dst, b)
	case kind&isArray != 0:
		return appendArray(dst, kind&^isArray, b)
	case kind == kindNull, kind == kindXML:
		return dst
	case int(kind) < len(widths) && widths[kind] > 0:
		if len(b) < widths[kind] {
			return appendHex(dst, b)
		}
		return appendFixed(dst, kind, b)
	case kind == kindANSI:
		return appendANSI(dst, b)
	case kind == kindSize:
		return appendSize(dst, b)
	case kind == kindSID:
		return appendSID(dst, b)
	}
	return appendHex(dst, b) // binary, and what nobody has documented
}

// appendFixed writes a value of a type whose width is fixed and there.
func appendFixed(dst []byte, kind byte, b []byte) []byte {
	le := binary.LittleEndian
	switch kind {
	case kindInt8:
		return strconv.AppendInt(dst, int64(int8(b[0])), 10)
	case kindUint8:
		return strconv.AppendUint(dst, uint64(b[0]), 10)
	case kindInt16:
		return strconv.AppendInt(dst, int64(int16(le.Uint16(b))), 10)
	case kindUint16:
		return strconv.AppendUint(dst, uint64(le.Uint16(b)), 10)
	case kindInt32:
		return strconv.AppendInt(dst, int64(int32(le.Uint32(b))), 10)
	case kindUint32:
		return strconv.AppendUint(dst, uint64(le.Uint32(b)), 10)
	case kindInt64:
		return strconv.AppendInt(dst, int64(le.Uint64(b)), 10)
	case kindUint64:
		return strconv.AppendUint(dst, le.Uint64(b), 10)
	case kindReal32:
		return strconv.AppendFloat(dst, float64(math.Float32frombits(le.Uint32(b))), 'g', -1, 32)
	case kindReal64:
		return strconv.AppendFloat(dst, math.Float64frombits(le.Uint64(b)), 'g', -1, 64)
	case kindBool:
		return strconv.AppendBool(dst, le.Uint32(b) != 0)
	case kindGUID:
		return appendGUID(dst, b)
	case kindFiletime:
		return appendTime(dst, le.Uint64(b))
	case kindSystime:
		return appendSystime(dst, b)
	case kindHex32:
		return strconv.AppendUint(append(dst, "0x"...), uint64(le.Uint32(b)), 16)
	case kindHex64:
		return strconv.AppendUint(append(dst, "0x"...), le.Uint64(b), 16)
	}
	return appendHex(dst, b)
}

// appendArray writes the values of an array, joined by line breaks.
func appendArray(dst []byte, kind byte, b []byte) []byte {
	switch {
	case kind == kindString:
		for first := true; len(b) > 1; first = false {
			n := 0
			for n+1 < len(b) && (b[n] != 0 || b[n+1] != 0) {
				n += 2
			}
			if !first {
				dst = append(dst, '\n')
			}
			dst = appendUTF16(dst, b[:n])
			b = b[min(n+2, len(b)):]
		}
		return dst
	case kind == kindANSI:
		return appendANSI(dst, b)
	case int(kind) < len(widths) && widths[kind] > 0:
		w := widths[kind]
		for i := 0; i+w <= len(b); i += w {
			if i > 0 {
				dst = append(dst, '\n')
			}
			dst = appendFixed(dst, kind, b[i:i+w])
		}
		return dst
	}
	return appendHex(dst, b)
}

// appendUTF16 writes UTF-16LE as UTF-8, without the NULs at its end. Half a
// surrogate pair becomes U+FFFD.
func appendUTF16(dst, b []byte) []byte {
	for len(b) >= 2 && b[len(b)-1] == 0 && b[len(b)-2] == 0 && len(b)%2 == 0 {
		b = b[:len(b)-2]
	}
	for len(b) >= 8 { // four ASCII characters at a time
		q := binary.LittleEndian.Uint64(b)
		if q&0xff80ff80ff80ff80 != 0 {
			break
		}
		dst = append(dst, byte(q), byte(q>>16), byte(q>>32), byte(q>>48))
		b = b[8:]
	}
	for len(b) >= 2 {
		c := rune(binary.LittleEndian.Uint16(b))
		b = b[2:]
		if c < utf8.RuneSelf {
			dst = append(dst, byte(c))
			continue
		}
		if c >= 0xd800 && c < 0xdc00 && len(b) >= 2 {
			if low := rune(binary.LittleEndian.Uint16(b)); low >= 0xdc00 && low < 0xe000 {
				c = 0x10000 + (c-0xd800)<<10 + (low - 0xdc00)
				b = b[2:]
			}
		}
		dst = utf8.AppendRune(dst, c)
	}
	return dst
}

// appendANSI writes bytes of an unknown code page: valid UTF-8 as it is, others
// as Latin-1.
func appendANSI(dst, b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	if utf8.Valid(b) {
		return append(dst, b...)
	}
	for _, c := range b {
		dst = utf8.AppendRune(dst, rune(c))
	}
	return dst
}

func appendHex(dst, b []byte) []byte {
	had := len(dst)
	dst = hex.AppendEncode(dst, b)
	for i, c := range dst[had:] {
		if c >= 'a' {
			dst[had+i] = c - 'a' + 'A'
		}
	}
	return dst
}

// appendSize writes a size of 32 or 64 bits.
func appendSize(dst, b []byte) []byte {
	switch len(b) {
	case 4:
		return strconv.AppendUint(append(dst, "0x"...), uint64(binary.LittleEndian.Uint32(b)), 16)
	case 8:
		return strconv.AppendUint(append(dst, "0x"...), binary.LittleEndian.Uint64(b), 16)
	}
	return appendHex(dst, b)
}

// appendGUID writes {XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}.
func appendGUID(dst, b []byte) []byte {
	const digits = "0123456789ABCDEF"
	dst = append(dst, '{')
	for i, at := range [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15} {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b[at]>>4], digits[b[at]&15])
	}
	return append(dst, '}')
}

// appendSID writes S-1-5-… ([MS-DTYP] 2.4.2.1).
func appendSID(dst, b []byte) []byte {
	if len(b) < 8 || len(b) < 8+4*int(b[1]) {
		return appendHex(dst, b)
	}
	dst = strconv.AppendUint(append(dst, "S-"...), uint64(b[0]), 10)
	authority := uint64(0)
	for _, c := range b[2:8] {
		authority = authority<<8 | uint64(c)
	}
	dst = strconv.AppendUint(append(dst, '-'), authority, 10)
	for i := range int(b[1]) {
		dst = strconv.AppendUint(append(dst, '-'), uint64(binary.LittleEndian.Uint32(b[8+4*i:])), 10)
	}
	return dst
}

// ticksTo1970 is the FILETIME of 1970: 100 ns since 1601.
const ticksTo1970 = 116444736000000000

// fromFiletime gives a time; zero for one that no record has.
func fromFiletime(ticks uint64) time.Time {
	if ticks == 0 || ticks > math.MaxInt64 {
		return time.Time{}
	}
	since := int64(ticks) - ticksTo1970
	return time.Unix(since/1e7, since%1e7*100).UTC()
}

// appendTime writes a FILETIME as 2006-01-02T15:04:05.0000000Z.
func appendTime(dst []byte, ticks uint64) []byte {
	if ticks > math.MaxInt64 {
		return strconv.AppendUint(dst, ticks, 10)
	}
	since := int64(ticks) - ticksTo1970
	t := time.Unix(since/1e7, since%1e7*100).UTC()
	y, m, d := t.Date()
	hh, mm, ss := t.Clock()
	dst = appendPadded(dst, y, 4)
	dst = appendPadded(append(dst, '-'), int(m), 2)
	dst = appendPadded(append(dst, '-'), d, 2)
	dst = appendPadded(append(dst, 'T'), hh, 2)
	dst = appendPadded(append(dst, ':'), mm, 2)
	dst = appendPadded(append(dst, ':'), ss, 2)
	dst = appendPadded(append(dst, '.'), int(ticks%1e7), 7)
	return append(dst, 'Z')
}

// appendSystime writes a SYSTEMTIME: year, month, day of week, day, hour,
// minute, second, milliseconds.
func appendSystime(dst, b []byte) []byte {
	at := func(i int) int { return int(binary.LittleEndian.Uint16(b[2*i:])) }
	dst = appendPadded(dst, at(0), 4)
	dst = appendPadded(append(dst, '-'), at(1), 2)
	dst = appendPadded(append(dst, '-'), at(3), 2)
	dst = appendPadded(append(dst, 'T'), at(4), 2)
	dst = appendPadded(append(dst, ':'), at(5), 2)
	dst = appendPadded(append(dst, ':'), at(6), 2)
	dst = appendPadded(append(dst, '.'), at(7), 3)
	return append(dst, 'Z')
}

func appendPadded(dst []byte, n, digits int) []byte {
	var b [20]byte
	i := len(b)
	for ; n > 0 || digits > 0; digits-- {
		i--
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, b[i:]...)
}
