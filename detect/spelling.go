package detect

import (
	"bytes"
	"strings"
)

// A spelling is what a value may have been before an encoder saw it. Rules are
// held against all of them, so that an encoding can hide nothing.

// pathForms gives a path as written, percent-decoded once and twice, and
// with doubled slashes, backslashes and dot segments resolved.
func pathForms(value []byte) [][]byte {
	all := decodings(value, false)
	last := all[len(all)-1]
	if tidy := tidyPath(last); tidy != string(last) {
		all = append(all, []byte(tidy))
	}
	return all
}

// queryForms gives a query as written and percent-decoded once and twice,
// "+" standing for a blank.
func queryForms(value []byte) [][]byte { return decodings(value, true) }

// wordForms gives a value as written and with the blanks that IIS writes
// as "+" in every column.
func wordForms(value []byte) [][]byte {
	if bytes.IndexByte(value, '+') < 0 {
		return [][]byte{value}
	}
	return [][]byte{value, bytes.ReplaceAll(value, []byte("+"), []byte(" "))}
}

// decodings gives a value as written, decoded once and decoded twice, as far
// as decoding changes it.
func decodings(value []byte, plus bool) [][]byte {
	all := [][]byte{value}
	for range 2 {
		last := all[len(all)-1]
		decoded := unescape(last, plus)
		if bytes.Equal(decoded, last) {
			break
		}
		all = append(all, decoded)
	}
	return all
}

// unescape decodes %XX and, with plus, "+". What does not decode stays: a
// broken escape must not hide the rest of the value.
func unescape(b []byte, plus bool) []byte {
	if bytes.IndexByte(b, '%') < 0 && (!plus || bytes.IndexByte(b, '+') < 0) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '%' && i+2 < len(b) && hexDigit(b[i+1]) >= 0 && hexDigit(b[i+2]) >= 0:
			out = append(out, byte(hexDigit(b[i+1])<<4|hexDigit(b[i+2])))
			i += 2
		case b[i] == '+' && plus:
			out = append(out, ' ')
		default:
			out = append(out, b[i])
		}
	}
	return out
}

// hexDigit is the value of a digit, -1 for none.
func hexDigit(c byte) int {
	return strings.IndexByte("0123456789abcdef", folded[c])
}

// tidyPath resolves what servers resolve before they route: backslashes,
// doubled slashes, "." and "..". It never climbs above the root.
func tidyPath(p []byte) string {
	var kept []string
	for part := range strings.SplitSeq(strings.ReplaceAll(string(p), `\`, "/"), "/") {
		switch part {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, part)
		}
	}
	return "/" + strings.Join(kept, "/")
}
