package syntax

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// token is one word of the source. kind is the word itself for keywords and
// punctuation, else one of "identifier", "string identifier", "number",
// "float", "text", "end of file".
type token struct {
	pos  Pos
	kind string
	text string
	num  int64
	flt  float64
}

func (t token) String() string {
	switch t.kind {
	case "identifier", "string identifier":
		return strconv.Quote(t.text)
	case "number", "float", "text", "end of file", "regular expression":
		return t.kind
	}
	return strconv.Quote(t.kind)
}

var keywords = words(`all and any ascii at base64 base64wide condition contains defined endswith entrypoint false
	filesize for fullword global icontains iendswith iequals import in include int16 int16be int32 int32be int8 int8be
	istartswith matches meta nocase none not of or private rule startswith strings them true uint16 uint16be uint32
	uint32be uint8 uint8be wide xor`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

type lexer struct {
	file      string
	src       string
	at        int
	line, bol int // current line, offset where it begins
}

func (l *lexer) pos() Pos { return Pos{l.file, l.line, l.at - l.bol + 1} }

func (l *lexer) fail(p Pos, format string, args ...any) *Error {
	return &Error{p, fmt.Sprintf(format, args...)}
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

// skip steps over white space and comments.
func (l *lexer) skip() *Error {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\n':
			l.at++
			l.line, l.bol = l.line+1, l.at
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case c == '/' && l.peek(1) == '/':
			n := strings.IndexByte(l.src[l.at:], '\n')
			if n < 0 {
				n = len(l.src) - l.at
			}
			l.at += n
		case c == '/' && l.peek(1) == '*':
			start := l.pos()
			end := strings.Index(l.src[l.at+2:], "*/")
			if end < 0 {
				return l.fail(start, "comment without end")
			}
			l.step(end + 4)
		default:
			return nil
		}
	}
	return nil
}

// step moves over n bytes and counts their lines.
func (l *lexer) step(n int) {
	for _, c := range []byte(l.src[l.at : l.at+n]) {
		l.at++
		if c == '\n' {
			l.line, l.bol = l.line+1, l.at
		}
	}
}

func identStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func identByte(c byte) bool  { return identStart(c) || c >= '0' && c <= '9' }

func (l *lexer) run(from int) int {
	for from < len(l.src) && identByte(l.src[from]) {
		from++
	}
	return from
}

var twins = []string{"..", "<<", ">>", "<=", ">=", "==", "!="}

// next returns the next token.
func (l *lexer) next() (token, *Error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	t := token{pos: l.pos()}
	if l.at >= len(l.src) {
		t.kind = "end of file"
		return t, nil
	}
	c := l.src[l.at]
	switch {
	case identStart(c):
		return l.word(t)
	case c >= '0' && c <= '9':
		return l.number(t)
	case c == '"':
		s, err := l.quoted()
		t.kind, t.text = "text", s
		return t, err
	case c == '$' || c == '#' || c == '@' || c == '!' && l.peek(1) != '=':
		end := l.run(l.at + 1)
		if c == '$' && end < len(l.src) && l.src[end] == '*' {
			end++
		}
		t.kind, t.text = "string identifier", l.src[l.at:end]
		if len(t.text) > maxIdent {
			return t, l.fail(t.pos, "identifier longer than %d bytes", maxIdent)
		}
		l.at = end
		return t, nil
	}
	for _, two := range twins {
		if strings.HasPrefix(l.src[l.at:], two) {
			t.kind = two
			l.at += 2
			return t, nil
		}
	}
	if strings.IndexByte("(){}[]:=,.+-*\\%&|^~<>/!", c) < 0 {
		return t, l.fail(t.pos, "unexpected character %q", string(rune(c)))
	}
	t.kind = string(rune(c))
	l.at++
	return t, nil
}

func (l *lexer) word(t token) (token, *Error) {
	end := l.run(l.at)
	t.text = l.src[l.at:end]
	t.kind = "identifier"
	if keywords[t.text] {
		t.kind = t.text
	} else if len(t.text) > maxIdent {
		return t, l.fail(t.pos, "identifier longer than %d bytes", maxIdent)
	}
	l.at = end
	return t, nil
}

func (l *lexer) number(t token) (token, *Error) {
	end := l.at
	for end < len(l.src) && l.src[end] >= '0' && l.src[end] <= '9' {
		end++
	}
	if end+1 < len(l.src) && l.src[end] == '.' && l.src[end+1] >= '0' && l.src[end+1] <= '9' {
		for end++; end < len(l.src) && l.src[end] >= '0' && l.src[end] <= '9'; end++ {
		}
		t.kind = "float"
		t.flt, _ = strconv.ParseFloat(l.src[l.at:end], 64)
		l.at = end
		return t, nil
	}
	end = l.run(l.at)
	word := l.src[l.at:end]
	l.at = end
	digits, unit, base := word, int64(1), 10
	switch {
	case strings.HasPrefix(word, "0x"):
		digits, base = word[2:], 16
	case strings.HasPrefix(word, "0o"):
		digits, base = word[2:], 8
	case strings.HasSuffix(word, "KB"):
		digits, unit = word[:len(word)-2], 1024
	case strings.HasSuffix(word, "MB"):
		digits, unit = word[:len(word)-2], 1024*1024
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil && strings.Contains(digits, "_") || err != nil && !isRange(err) {
		return t, l.fail(t.pos, "%q is no number", word)
	}
	if err != nil || n > math.MaxInt64/uint64(unit) {
		return t, l.fail(t.pos, "integer overflow in %q", word)
	}
	t.kind, t.num = "number", int64(n)*unit
	return t, nil
}

func isRange(err error) bool { return strings.HasSuffix(err.Error(), "out of range") }

// quoted reads a text in double quotes and resolves its escapes ("Text
// strings": \" \\ \r \t \n \xdd).
func (l *lexer) quoted() (string, *Error) {
	start := l.pos()
	var b strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		c := l.src[l.at]
		switch {
		case c == '"':
			l.at++
			return b.String(), nil
		case c == '\n':
			return "", l.fail(start, "text without end")
		case c != '\\':
			b.WriteByte(c)
		default:
			c, n := escape(l.src[l.at:])
			if n == 0 {
				return "", l.fail(l.pos(), "illegal escape sequence")
			}
			b.WriteByte(c)
			l.at += n - 1
		}
	}
	return "", l.fail(start, "text without end")
}

func escape(s string) (c byte, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`trn"\`, s[1]); i >= 0 {
		return "\t\r\n\"\\"[i], 2
	}
	if s[1] == 'x' && len(s) >= 4 {
		if v, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
			return byte(v), 4
		}
	}
	return 0, 0
}

// regexp reads the rest of /…/ behind the first slash, and its flags.
func (l *lexer) regexp(start Pos) (string, *Modifiers, *Error) {
	var b strings.Builder
	for l.at < len(l.src) {
		c := l.src[l.at]
		switch {
		case c == '\n':
			return "", nil, l.fail(start, "regular expression without end")
		case c == '\\' && l.peek(1) == '/':
			b.WriteByte('/')
			l.at += 2
		case c == '\\' && l.at+1 < len(l.src) && l.peek(1) != '\n':
			b.WriteString(l.src[l.at : l.at+2])
			l.at += 2
		case c == '/':
			l.at++
			end := l.run(l.at)
			m := &Modifiers{}
			for ; l.at < end; l.at++ {
				switch l.src[l.at] {
				case 'i':
					m.Fold = true
				case 's':
					m.DotAll = true
				default:
					return "", nil, l.fail(l.pos(), "unknown flag %q of a regular expression", l.src[l.at:end])
				}
			}
			return b.String(), m, nil
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	return "", nil, l.fail(start, "regular expression without end")
}

// hex reads the rest of a hex string behind its brace. Comments in it become
// blanks, so that columns stay right.
func (l *lexer) hex(start Pos) (string, *Error) {
	var b strings.Builder
	for l.at < len(l.src) {
		from := l.at
		switch c := l.src[l.at]; c {
		case '}':
			l.at++
			return b.String(), nil
		case '/', '\n':
			if err := l.skip(); err != nil {
				return "", err
			}
			if l.at == from {
				return "", l.fail(l.pos(), "unexpected %q in a hex string", "/")
			}
			for _, c := range []byte(l.src[from:l.at]) {
				if c != '\n' {
					c = ' '
				}
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	return "", l.fail(start, "hex string without end")
}
