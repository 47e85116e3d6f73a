package detect

import (
	"bytes"
	"strings"
)

// A spelling is what a value may have been before an encoder saw it. Rules are
// held against all of them, so that an encoding can hide nothing.

// A form function is given one value, as a slice of it, and gives that very
// slice when the value has no other spelling: nearly none has, and this runs for
// every event.

// pathForms gives a path as written, percent-decoded once and twice, and
// with doubled slashes, backslashes and dot segments resolved.
func pathForms(one [][]byte) [][]byte {
	all := decodings(one, false)
	last := all[len(all)-1]
	if isTidy(last) {
		return all
	}
	if tidy := tidyPath(last); tidy != string(last) {
		all = append(all, []byte(tidy))
	}
	return all
}

// queryForms gives a query as written and percent-decoded once and twice,
// "+" standing for a blank.
func queryForms(one [][]byte) [][]byte { return decodings(one, true) }

// wordForms gives a value as written and with the blanks that IIS writes
// as "+" in every column.
func wordForms(one [][]byte) [][]byte {
	if bytes.IndexByte(one[0], '+') < 0 {
		return one
	}
	return [][]byte{one[0], bytes.ReplaceAll(one[0], []byte("+"), []byte(" "))}
}

// decodings gives a value as written, decoded once and decoded twice, as far
// as decoding changes it.
func decodings(one [][]byte, plus bool) [][]byte {
	all := one[:1:1]
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

// isTidy reports whether tidyPath would change nothing, for the paths that are
// common.
func isTidy(p []byte) bool {
	if len(p) == 0 || p[0] != '/' || len(p) > 1 && p[len(p)-1] == '/' {
		return false
	}
	for i, c := range p {
		if c == '\\' || c == '/' && i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.') {
			return false
		}
	}
	return true
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
