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
	if tidy := appendTidy(nil, last); !bytes.Equal(tidy, last) {
		all = append(all, tidy)
	}
	return all
}

// queryForms gives a query as written and percent-decoded once and twice,
// "+" standing for a blank.
func queryForms(one [][]byte) [][]byte { return decodings(one, true) }

// wordForms gives a value as written and with the blanks that IIS writes as "+"
// in every column: with each "+" as one, and with those kept that look meant.
func wordForms(one [][]byte) [][]byte {
	if bytes.IndexByte(one[0], '+') < 0 {
		return one
	}
	all := [][]byte{one[0], bytes.ReplaceAll(one[0], []byte("+"), []byte(" "))}
	var kept []byte
	for at := bytes.IndexByte(one[0], '+'); at < len(one[0]); at++ {
		end := at
		for end < len(one[0]) && one[0][end] == '+' {
			end++
		}
		from, to := meantPlus(one[0], at, end)
		if from < to && kept == nil {
			kept = bytes.Clone(all[1])
		}
		for ; from < to; from++ {
			kept[from] = '+'
		}
		at = end
	}
	if kept == nil {
		return all
	}
	return append(all, kept)
}

// meantPlus gives the part of a run of "+" that the client wrote so, as far as
// its neighbours tell: one before the address of a robot's page or behind a bracket,
// the second in "; +x" (of which IIS makes ";++x"), both in "g++/1", and all but the
// last in "C++ x".
func meantPlus(value []byte, at, end int) (from, to int) {
	next := value[end:]
	switch {
	case end-at == 1 && (at > 0 && value[at-1] == '(' || len(next) >= 4 && isFolded(next[:4], "http")):
		return at, end
	case end-at == 2 && len(next) > 0 && inHost[next[0]]:
		return at + 1, end
	case end-at == 2:
		return at, end
	case end-at > 2:
		return at, end - 1
	}
	return at, at
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
	return appendUnescaped(make([]byte, 0, len(b)), b, plus)
}

func appendUnescaped(out, b []byte, plus bool) []byte {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '%' && i+2 < len(b) && hexValue[b[i+1]] < 16 && hexValue[b[i+2]] < 16:
			out = append(out, hexValue[b[i+1]]<<4|hexValue[b[i+2]])
			i += 2
		case c == '+' && plus:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return out
}

// hexValue is the value of a digit, 16 for what is none.
var hexValue = func() (values [256]byte) {
	for c := range values {
		values[c] = 16
	}
	for v, c := range "0123456789abcdef" {
		values[c], values[strings.ToUpper(string(c))[0]] = byte(v), byte(v)
	}
	return values
}()

// isTidy reports whether appendTidy would change nothing, for the paths that are
// common.
func isTidy(p []byte) bool {
	return len(p) > 0 && p[0] == '/' && (len(p) == 1 || p[len(p)-1] != '/') && isPlainPath(p)
}

// isPlainPath reports whether a path has no backslash, no doubled slash and no dot
// segment. Then tidying it changes its first and its last slash, at most.
func isPlainPath(p []byte) bool {
	behind := byte(0)
	for _, c := range p {
		if c == '\\' || behind == '/' && (c == '/' || c == '.') {
			return false
		}
		behind = c
	}
	return true
}

// appendTidy resolves what servers resolve before they route: backslashes,
// doubled slashes, "." and "..". It never climbs above the root.
func appendTidy(out, p []byte) []byte {
	root := len(out)
	for start := 0; start <= len(p); {
		end := start
		for end < len(p) && p[end] != '/' && p[end] != '\\' {
			end++
		}
		switch part := p[start:end]; {
		case len(part) == 0, len(part) == 1 && part[0] == '.':
		case len(part) == 2 && part[0] == '.' && part[1] == '.':
			out = out[:root+max(bytes.LastIndexByte(out[root:], '/'), 0)]
		default:
			out = append(append(out, '/'), part...)
		}
		start = end + 1
	}
	if len(out) == root {
		out = append(out, '/')
	}
	return out
}
