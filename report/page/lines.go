// Package page is what people read of a report: text for a terminal, tables
// for a spreadsheet (RFC 4180), and one HTML file that opens offline.
//
// A report may have been read from a file, and then any string in it may hold
// anything. Every one is escaped here once more (report.Escape), HTML by
// html/template on top, and cells of a table so that no spreadsheet takes one
// for a formula. The HTML loads nothing, runs only its own script and works
// without it.
package page

import (
	"bufio"
	"io"
	"strings"
	"unicode"

	"postern/report"
	"postern/verdict"
)

// Look is how text is printed.
type Look struct {
	Width  int  // columns; under 40: 80
	Colour bool // the caller decides: a terminal, and NO_COLOR is unset
}

// sheet writes wrapped lines. Everything that passes through it is escaped, so
// that only sheet itself can send a control sequence.
type sheet struct {
	out  *bufio.Writer // keeps its first error until Flush
	look Look
}

func newSheet(w io.Writer, look Look) *sheet {
	if look.Width < 40 {
		look.Width = 80
	}
	return &sheet{bufio.NewWriter(w), look}
}

// colour is an SGR parameter (ECMA-48 section 8.3.117).
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	red    colour = "1;31"
	yellow colour = "33"
	green  colour = "32"
	faint  colour = "2"
)

func (p *sheet) paint(text string, c colour) string {
	if c == plain || !p.look.Colour {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

func (p *sheet) write(text string) { p.out.WriteString(text) } //nolint:errcheck // the Writer keeps its error until Flush

func (p *sheet) blank() { p.write("\n") }

// heading writes a section's title after an empty line.
func (p *sheet) heading(text string) {
	p.blank()
	p.write(p.paint(report.Escape(text), bold) + "\n")
}

// text writes a paragraph below a lead of its own: the lead stands before the
// first line, and the others are indented as far.
func (p *sheet) text(lead string, c colour, text string) {
	lead = report.Escape(lead)
	indent := columns(lead)
	lines := wrap(report.Escape(text), p.look.Width-indent)
	for i, line := range lines {
		if i == 0 {
			line = p.paint(lead, c) + line
		} else {
			line = strings.Repeat(" ", indent) + line
		}
		p.write(strings.TrimRight(line, " ") + "\n")
	}
}

// wrap breaks text at spaces into lines of at most width columns; a word that
// is longer is cut. There is always one line.
func wrap(text string, width int) []string {
	width = max(width, 20)
	var lines []string
	line, used := "", 0
	for _, word := range strings.Fields(text) {
		for {
			need := columns(word)
			if used > 0 && used+1+need <= width {
				line, used = line+" "+word, used+1+need
				break
			}
			if used > 0 {
				lines, line, used = append(lines, line), "", 0
			}
			if need <= width {
				line, used = word, need
				break
			}
			at := fit(word, width)
			lines, word = append(lines, word[:at]), word[at:]
		}
	}
	return append(lines, line)
}

// fit is how many bytes of a word fit into width columns; at least one rune.
// Paths are cut behind a separator where one stands in the second half.
func fit(word string, width int) int {
	used, end := 0, len(word)
	for i, r := range word {
		if used += runeColumns(r); used > width && i > 0 {
			end = i
			break
		}
	}
	if cut := strings.LastIndexAny(word[:end], `/\&,;`); cut > end/2 && end < len(word) {
		return cut + 1
	}
	return end
}

// cutMark marks a cut. What postern itself prints is ASCII: the console of an old
// Windows shows anything else as something else.
const cutMark = ".."

// pad fills text with spaces to width columns, or cuts it and marks the cut.
func pad(text string, width int) string {
	text = report.Escape(text)
	if n := columns(text); n <= width {
		return text + strings.Repeat(" ", width-n)
	}
	at := fit(strings.ReplaceAll(strings.ReplaceAll(text, "/", "x"), `\`, "x"), width-len(cutMark))
	cut := text[:at] + cutMark
	return cut + strings.Repeat(" ", max(0, width-columns(cut)))
}

func columns(text string) (n int) {
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is the width of a rune on a terminal: two for East Asian wide
// scripts, none for combining marks. A close guess is enough to wrap by.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x1f300 && r <= 0x1faff || r >= 0xff00 && r <= 0xff60:
		return 2
	}
	return 1
}

// answerColour colours an answer: bad, not known, and the rest.
func answerColour(a verdict.Answer) colour {
	switch a {
	case verdict.Yes:
		return red
	case verdict.Unknown:
		return yellow
	case verdict.No, verdict.NoneSeen:
		return green
	}
	return faint
}
