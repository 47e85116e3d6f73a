package ioc

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// token is what a pattern is made of.
type token uint8

const (
	end token = iota
	word
	quotedText // '...'
	typedText  // t'...', b'...', h'...'
	number
	sign // brackets and comparison signs
)

type patternParser struct {
	text   string
	at     int    // behind the token
	from   int    // of the token
	tok    token  // the token that is looked at
	value  string // its text, without quotes
	prefix byte   // of typedText
	depth  int
	parts  int
	err    error
}

func (p *patternParser) fail(format string, args ...any) {
	if p.err == nil {
		got := "the end"
		if p.tok != end {
			got = shown(p.text[p.from:p.at])
		}
		p.err = fmt.Errorf("character %d: %s, not %s", utf8.RuneCountInString(p.text[:p.from])+1, fmt.Sprintf(format, args...), got)
	}
	p.at, p.tok, p.value = len(p.text), end, ""
}

// is reports whether the token is a sign or a keyword.
func (p *patternParser) is(what string) bool {
	return (p.tok == sign || p.tok == word) && p.value == what
}

// take passes over a sign or a keyword, if it is there.
func (p *patternParser) take(what string) bool {
	if !p.is(what) {
		return false
	}
	p.step()
	return true
}

func (p *patternParser) want(what string) {
	if !p.take(what) {
		p.fail("want %s", what)
	}
}

// blank passes over blanks and comments.
func (p *patternParser) blank() {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r):
			p.at += n
		case strings.HasPrefix(rest, "//"):
			p.at += strings.IndexByte(rest+"\n", '\n')
		case strings.HasPrefix(rest, "/*"):
			over := strings.Index(rest[2:], "*/")
			if over < 0 {
				p.from = p.at
				p.fail("want the end of a comment")
				return
			}
			p.at += over + 4
		default:
			return
		}
	}
}

var signs = []string{"==", "!=", "<>", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ",", ":", ".", "*"}

// step reads the next token.
func (p *patternParser) step() {
	if p.blank(); p.err != nil {
		return
	}
	p.from, p.tok, p.value, p.prefix = p.at, end, "", 0
	if p.at >= len(p.text) {
		return
	}
	rest := p.text[p.at:]
	switch c := rest[0]; {
	case c == '\'':
		p.quoted(quotedText)
	case len(rest) > 1 && rest[1] == '\'' && (c == 't' || c == 'b' || c == 'h'):
		p.prefix = c
		p.at++
		p.quoted(typedText)
		p.typed()
	case isLetter(c):
		p.tok = word
		for p.at < len(p.text) && (isLetter(p.text[p.at]) || isDigit(p.text[p.at]) || p.text[p.at] == '-') {
			p.at++
		}
		p.value = p.text[p.from:p.at]
	case isDigit(c) || (c == '+' || c == '-') && len(rest) > 1 && (isDigit(rest[1]) || rest[1] == '.') || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		p.tok = number
		for p.at++; p.at < len(p.text) && (isDigit(p.text[p.at]) || p.text[p.at] == '.' || p.text[p.at] == 'Z' && p.text[p.at-1] != 'Z'); p.at++ {
			continue
		}
		p.value = p.text[p.from:p.at]
	default:
		for _, s := range signs {
			if strings.HasPrefix(rest, s) {
				p.tok, p.value = sign, s
				p.at += len(s)
				return
			}
		}
		_, n := utf8.DecodeRuneInString(rest)
		p.at, p.tok = p.at+n, sign
		p.fail("want no such character")
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// quoted reads a text, in which \' and \\ stand for themselves.
func (p *patternParser) quoted(kind token) {
	var text strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '\'':
			p.at++
			p.tok, p.value = kind, text.String()
			return
		case c == '\\' && p.at+1 < len(p.text) && (p.text[p.at+1] == '\'' || p.text[p.at+1] == '\\'):
			p.at++
			text.WriteByte(p.text[p.at])
		default:
			text.WriteByte(c)
		}
	}
	p.tok = kind
	p.fail("want the closing quote of a text")
}

// typed checks a timestamp and decodes a binary or hex text.
func (p *patternParser) typed() {
	if p.err != nil {
		return
	}
	var decoded []byte
	var err error
	switch p.prefix {
	case 't':
		_, err = time.Parse(time.RFC3339, p.value)
		decoded = []byte(p.value)
	case 'b':
		decoded, err = base64.StdEncoding.DecodeString(p.value)
	case 'h':
		decoded, err = hex.DecodeString(p.value)
	}
	if err != nil {
		p.fail("want a time (t), Base64 (b) or hex (h)")
		return
	}
	p.value = string(decoded)
}
