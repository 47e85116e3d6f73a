package sigma

import (
	"unicode"
	"unicode/utf8"
)

// fold appends s to dst with every letter replaced by the one that stands for
// all its cases: the small one in ASCII, the first of Unicode's simple folding
// elsewhere. Bytes that are no UTF-8 stay.
func fold(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError {
			dst = append(dst, s[i:i+n]...)
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += n
	}
	return dst
}

// foldRune gives the first of a letter's cases that is not ASCII.
func foldRune(r rune) rune {
	first := r
	for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
		if c < first && c >= utf8.RuneSelf {
			first = c
		}
	}
	return first
}

// isFolded reports whether fold would change nothing, as far as ASCII tells.
func isFolded(s []byte) bool {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
