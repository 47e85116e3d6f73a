package module

import (
	"crypto/md5"  //nolint:gosec // rules name files by it
	"crypto/sha1" //nolint:gosec // rules name files by it
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"strconv"
	"time"
)

// digest makes both forms of a hash function: (offset, size) and (string). An
// empty range has no hash.
func digest(name string, open func() hash.Hash, result Kind, render func([]byte) Value) *Type {
	return Function(Overload{Args: "ii", Result: result, Call: func(in *Input, a []Value) Value {
		off, n := a[0].Int(), a[1].Int()
		return in.Once(name+strconv.FormatInt(off, 10)+","+strconv.FormatInt(n, 10), func() Value {
			h := open()
			if !in.each(off, n, func(b []byte) { h.Write(b) }) {
				return Value{}
			}
			return render(h.Sum(nil))
		})
	}}, Overload{Args: "s", Result: result, Call: func(_ *Input, a []Value) Value {
		h := open()
		h.Write([]byte(a[0].Str))
		return render(h.Sum(nil))
	}})
}

// checksum32 is the sum of all bytes.
type checksum32 uint32

func (c *checksum32) Write(b []byte) (int, error) {
	for _, x := range b {
		*c += checksum32(x)
	}
	return len(b), nil
}
func (c *checksum32) Sum(b []byte) []byte { return binary.BigEndian.AppendUint32(b, uint32(*c)) }
func (c *checksum32) Reset()              { *c = 0 }
func (c *checksum32) Size() int           { return 4 }
func (c *checksum32) BlockSize() int      { return 1 }

func hashType() *Type {
	text := func(sum []byte) Value { return Of(hex.EncodeToString(sum)) }
	number := func(sum []byte) Value { return Of(binary.BigEndian.Uint32(sum)) }
	return Record(map[string]*Type{
		"md5":        digest("md5", md5.New, String, text),
		"sha1":       digest("sha1", sha1.New, String, text),
		"sha256":     digest("sha256", sha256.New, String, text),
		"crc32":      digest("crc32", func() hash.Hash { return crc32.NewIEEE() }, Int, number),
		"checksum32": digest("checksum32", func() hash.Hash { return new(checksum32) }, Int, number),
	})
}

func stringType() *Type {
	return Record(map[string]*Type{
		"length": Function(Overload{Args: "s", Result: Int, Call: func(_ *Input, a []Value) Value { return Of(len(a[0].Str)) }}),
		"to_int": Function(Overload{Args: "s", Result: Int, Call: func(_ *Input, a []Value) Value { return toInt(a[0].Str, 0) }},
			Overload{Args: "si", Result: Int, Call: func(_ *Input, a []Value) Value { return toInt(a[0].Str, a[1].Int()) }}),
	})
}

// toInt reads a number in a base from 2 to 36; base 0 goes by the prefix 0x or
// 0. A text that is not wholly a number is undefined.
func toInt(s string, base int64) Value {
	if base != 0 && (base < 2 || base > 36) {
		return Value{}
	}
	for s != "" && (s[0] == ' ' || s[0] >= '\t' && s[0] <= '\r') {
		s = s[1:]
	}
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	hexPrefix := len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x'
	switch {
	case hexPrefix && (base == 0 || base == 16):
		s, base = s[2:], 16
	case base == 0 && len(s) > 1 && s[0] == '0':
		base = 8
	case base == 0:
		base = 10
	}
	if s == "" || s[0] == '-' || s[0] == '+' {
		return Value{}
	}
	n, err := strconv.ParseInt(sign+s, int(base), 64)
	if err != nil {
		return Value{}
	}
	return Number(n)
}

func timeType() *Type {
	return Record(map[string]*Type{
		"now": Function(Overload{Args: "", Result: Int, Call: func(*Input, []Value) Value { return Number(time.Now().Unix()) }}),
	})
}

// consoleType is the module console, whose functions say something and are
// true. Here nobody listens.
func consoleType() *Type {
	yes := func(*Input, []Value) Value { return Truth(true) }
	var log []Overload
	for _, args := range []string{"s", "ss", "i", "si", "f", "sf"} {
		log = append(log, Overload{Args: args, Result: Bool, Call: yes})
	}
	return Record(map[string]*Type{
		"log": Function(log...),
		"hex": Function(Overload{Args: "i", Result: Bool, Call: yes}, Overload{Args: "si", Result: Bool, Call: yes}),
	})
}
