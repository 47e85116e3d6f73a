// Package plain gives the text of logs as UTF-8: without a byte order mark, and
// decoded where that says UTF-16. Text without a mark comes as it is, in whatever
// code page it was written.
package plain

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Text reads r past its byte order mark, and as UTF-8 if the mark says UTF-16.
// Anything else comes as it is. Reads need room for four bytes, and give at least
// one character until r has ended.
func Text(r io.Reader) io.Reader {
	head := make([]byte, 3)
	var n int
	var err error
	for n < len(head) && err == nil {
		var m int
		m, err = r.Read(head[n:])
		n += m
	}
	head = head[:n]
	rest := r
	if err != nil {
		rest = ended{err}
	}
	skip, order := byteOrderMark(head)
	rest = io.MultiReader(bytes.NewReader(head[skip:]), rest)
	if order == nil {
		return rest
	}
	return &utf16Reader{r: rest, order: order, raw: make([]byte, 32<<10)}
}

// Head is the beginning of a text as Text gives it, but for a character that it
// cuts.
func Head(head []byte) []byte {
	skip, order := byteOrderMark(head)
	if order == nil {
		return head[skip:]
	}
	u := &utf16Reader{order: order, raw: bytes.Clone(head[skip:]), have: len(head) - skip, err: io.EOF}
	text := make([]byte, 2*len(head)+utf8.UTFMax)
	n, _ := u.Read(text)
	return text[:n]
}

// byteOrderMark gives the length of the mark b starts with, and the byte order
// it states, nil for UTF-8 or no mark.
func byteOrderMark(b []byte) (int, binary.ByteOrder) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return 3, nil
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return 2, binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return 2, binary.BigEndian
	}
	return 0, nil
}

// ended is what is left of a reader that ended while its head was read.
type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }

// utf16Reader gives UTF-16 as UTF-8. A half pair or an odd last byte becomes
// U+FFFD.
type utf16Reader struct {
	r     io.Reader
	order binary.ByteOrder
	raw   []byte
	have  int // bytes of raw not decoded yet
	err   error
}

// Read decodes at least one character unless the input has ended. See
// io.Reader.
func (u *utf16Reader) Read(p []byte) (n int, err error) {
	if len(p) < utf8.UTFMax {
		return 0, io.ErrShortBuffer
	}
	for u.err == nil && u.have < 4 {
		m, err := u.r.Read(u.raw[u.have:])
		u.have, u.err = u.have+m, err
	}
	if u.have == 0 {
		return 0, u.err
	}
	at := 0
	for at < u.have && len(p)-n >= utf8.UTFMax {
		r, size := u.char(u.raw[at:u.have])
		if size == 0 {
			break
		}
		n += utf8.EncodeRune(p[n:], r)
		at += size
	}
	u.have = copy(u.raw, u.raw[at:u.have])
	return n, nil
}

// char decodes the first character of b; size 0: more bytes are needed.
func (u *utf16Reader) char(b []byte) (r rune, size int) {
	if len(b) < 2 {
		if u.err == nil {
			return 0, 0
		}
		return utf8.RuneError, len(b)
	}
	r = rune(u.order.Uint16(b))
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(b) < 4 {
		if u.err == nil {
			return 0, 0
		}
		return utf8.RuneError, 2
	}
	if pair := utf16.DecodeRune(r, rune(u.order.Uint16(b[2:]))); pair != utf8.RuneError {
		return pair, 4
	}
	return utf8.RuneError, 2
}
