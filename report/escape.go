package report

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes visible what could act on a terminal or deceive a reader:
// control characters and bytes that are no UTF-8 as \x1b, other invisible or
// direction-changing characters as \u202e. Text without any comes back as it is.
func Escape(text string) string {
	if clear(text) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < 0x80 && unseen(r):
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case unseen(r) && r <= 0xffff:
			fmt.Fprintf(&out, `\u%04x`, r)
		case unseen(r):
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			out.WriteString(text[i : i+size])
		}
		i += size
	}
	return out.String()
}

func clear(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	return strings.IndexFunc(text, unseen) < 0
}

// unseen reports whether a character has no glyph of its own: controls (Cc),
// formats such as bidirectional overrides and tags (Cf), line and paragraph
// separators, private use, and spaces other than the plain one.
func unseen(r rune) bool {
	if r < 0x7f {
		return r < 0x20
	}
	return r == 0x7f || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Zs, unicode.Variation_Selector)
}

func escapeAll(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, t := range texts {
		out = append(out, Escape(t))
	}
	return out
}

// formula finds where a spreadsheet could begin one: at the start of a cell,
// also behind spaces and quotes that it may drop, and behind what it may take
// for the border of two cells where it was told another separator. The wide
// forms are signs to some.
var formula = regexp.MustCompile("(^|[;|\t])([ '\"]*)([=+\\-@\t\r\uff1d\uff0b\uff0d\uff20])")

// begins reports whether formula finds anything, at a fraction of its cost: most
// cells hold nothing like one.
func begins(text string) bool {
	for rest := text; ; {
		lead := strings.TrimLeft(rest, ` '"`)
		if r, _ := utf8.DecodeRuneInString(lead); strings.ContainsRune("=+-@\t\r\uff1d\uff0b\uff0d\uff20", r) {
			return true
		}
		at := strings.IndexAny(rest, ";|\t")
		if at < 0 {
			return false
		}
		rest = rest[at+1:]
	}
}

// Cell is a text as a quoted cell of a table (RFC 4180), an apostrophe before
// anything in it that a spreadsheet would run.
func Cell(text string) string {
	if begins(text) {
		text = formula.ReplaceAllString(text, "$1'$2$3")
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
