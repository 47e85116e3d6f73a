package target

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// punycode encodes a label that is not ASCII, without the "xn--" (RFC 3492
// section 6.3). It takes letters, marks, digits and hyphens only, in the lower
// case they come in: enough to ask for a name, not a registrar's check.
func punycode(label string) (string, error) {
	if !utf8.ValidString(label) || len(label) > 253 {
		return "", errors.New("not UTF-8, or too long")
	}
	runes := []rune(label)
	var out []byte
	for _, c := range runes {
		switch {
		case c != '-' && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c):
			return "", errors.New("only letters, digits and hyphens can stand in one")
		case c < 0x80:
			out = append(out, byte(c))
		}
	}
	handled := len(out)
	first := handled
	if handled > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(128), 0, 72
	for handled < len(runes) {
		next := rune(unicode.MaxRune)
		for _, c := range runes {
			if c >= n {
				next = min(next, c)
			}
		}
		delta += int(next-n) * (handled + 1)
		n = next
		for _, c := range runes {
			if c < n {
				delta++
			}
			if c == n {
				out = punyDigits(out, delta, bias)
				bias = punyAdapt(delta, handled+1, handled == first)
				delta = 0
				handled++
			}
		}
		delta++
		n++
	}
	return string(out), nil
}

// punyDigits appends delta as a variable-length integer.
func punyDigits(out []byte, delta, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := 36; ; k += 36 {
		t := min(max(k-bias, 1), 26)
		if delta < t {
			return append(out, digits[delta])
		}
		out = append(out, digits[t+(delta-t)%(36-t)])
		delta = (delta - t) / (36 - t)
	}
}

// punyAdapt is the bias of the next number (RFC 3492 section 6.1).
func punyAdapt(delta, points int, first bool) int {
	if delta /= 2; first {
		delta /= 350
	}
	delta += delta / points
	k := 0
	for delta > 455 {
		delta /= 35
		k += 36
	}
	return k + 36*delta/(delta+38)
}
