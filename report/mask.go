package report

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Clean is how text from evidence may be printed: secrets masked, then
// everything a terminal or a reader could be fooled by made visible, but for
// the characters of stays. The result is valid UTF-8, without stays on one
// line, and cleaning it again changes nothing.
func Clean(text string, stays ...rune) string {
	var b strings.Builder
	for text = mask(text); ; {
		n := strings.IndexAny(text, string(stays))
		if n < 0 {
			return b.String() + Escape(text)
		}
		_, size := utf8.DecodeRuneInString(text[n:])
		b.WriteString(Escape(text[:n]) + text[n:n+size])
		text = text[n+size:]
	}
}

// Hide is how a secret as a whole may be printed: the start of its hash.
func Hide(secret string) string {
	sum := sha256.Sum256([]byte(strings.Trim(secret, `"'`)))
	return masked + hex.EncodeToString(sum[:4]) + "]"
}

func clean(text string) string { return Escape(mask(text)) }

func cleanAll(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, t := range texts {
		out = append(out, clean(t))
	}
	return out
}

// secret finds one shape of secret; its submatch 1 is what must not be printed.
type secret struct {
	hints   []string // one of these stands in any text that can match, lower case
	pattern *regexp.Regexp
}

// words are what the names of secret settings hold.
var words = []string{"passw", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "api-key", "_encrypted", "private", "sharedkey", "cookie"}

// secrets are the shapes masked, in order: whole headers and keys before the
// values inside them. Names of settings are matched whatever stands around the
// word (`smtp_auth_password`, `"bindPassword"`).
var secrets = []secret{
	{[]string{"private key"}, regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END|$)`)},
	{[]string{"authorization"}, regexp.MustCompile(`(?i)authorization\\?"?[ +]*[:=][ +]*(?:\[\\?"|\\?"?)((?:basic|bearer|digest|negotiate|ntlm)?[ +]*[^\s"\\]+)`)},
	{[]string{"cookie"}, regexp.MustCompile(`(?i)\b(?:set-)?cookie\\?"?[ +]*:[ +]*(?:\[\\?"|\\?"?)([^\r\n"]+)`)},
	{[]string{";+"}, regexp.MustCompile(`(?:^|\s)([^\s?&;=]{1,100}=[^\s?&;]*(?:;\+[^\s;=]{1,100}=[^\s;]*)+;?)`)}, // a W3C cookie column: a=b;+c=d
	{[]string{"session", "sessid", "sess_id", "auth", "aspnet"}, regexp.MustCompile(`(?i)[\w.]*(?:session|sess_?id|auth|aspnet)[\w.]*=("[^"]*"|[^\s&;"',]+)`)},
	{[]string{"auth"}, regexp.MustCompile(`(?i)\bauth(?:enticate)?\s+(?:plain|login|cram-md5|xoauth2|ntlm|oauthbearer)[ +]+([A-Za-z0-9+/=_-]+)`)},
	{[]string{"cmd:"}, regexp.MustCompile(`(?i)\bcmd: ?([A-Za-z0-9+/]{4,}={0,2})\s*$`)}, // an answer to a 334 challenge
	{[]string{"pass "}, regexp.MustCompile(`(?i)(?:cmd: ?|^)pass (\S+)\s*$`)},           // POP3
	{[]string{"login "}, regexp.MustCompile(`(?i)cmd: ?\S+ login (.+)$`)},               // IMAP
	{[]string{"@"}, regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@`)},
	{words, regexp.MustCompile(`(?i)\\*"[^"\\]*(?:passw(?:or)?d|pwd|secret|token|api[_-]?key|_encrypted|private[_-]?key|sharedkey|cookie)[^"\\]*\\*"\s*:\s*\\*"((?:[^"\\]|\\[^"])*)`)},
	{words, regexp.MustCompile(`(?i)[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|_encrypted|sharedkey)[\w.-]*(?:=|%3d)("[^"]*"|[^\s&;"',]+)`)},
	{words, regexp.MustCompile(`(?i)[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|_encrypted)\s*:\s+("[^"]*"|'[^']*'|[^\s"',\[]+)\s*$`)}, // YAML
	{[]string{"eyj"}, regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?)`)},                                           // a JSON web token
	{[]string{":"}, regexp.MustCompile(`(?:^|[^0-9A-Za-z])([0-9]{3,7}:[A-Za-z0-9+/]{16,}={0,2}:[A-Za-z0-9+/]{16,}={0,2})`)},                          // iterations:salt:hash
	{[]string{"$"}, regexp.MustCompile(`(\$(?:2[abxy]?|[156y]|argon2\w{0,2}|pbkdf2[\w-]*)\$[A-Za-z0-9./=,$+*-]{16,})`)},
	{[]string{":::"}, regexp.MustCompile(`\b([0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}):::`)}, // LM and NT hash of a dump
}

const masked = "[masked sha256:"

var already = regexp.MustCompile(`^\[masked sha256:[0-9a-f]{8}\]`)

// mask replaces every secret in text by the start of its hash: enough to see
// two equal ones as equal. What is masked already stays as it is.
func mask(text string) string {
	lower := strings.ToLower(text)
	hinted := false
	for i, s := range secrets {
		if i == 0 || &s.hints[0] != &secrets[i-1].hints[0] { // those that share their hints stand together
			hinted = slices.ContainsFunc(s.hints, func(hint string) bool { return strings.Contains(lower, hint) })
		}
		if hinted {
			text = maskOne(text, s.pattern)
		}
	}
	return text
}

func maskOne(text string, pattern *regexp.Regexp) string {
	found := pattern.FindAllStringSubmatchIndex(text, -1)
	if found == nil {
		return text
	}
	var out strings.Builder
	last := 0
	for _, at := range found {
		value := text[at[2]:at[3]]
		if value == "" || at[2] < last || isVerb(value) || already.MatchString(text[at[2]:]) {
			continue
		}
		out.WriteString(text[last:at[2]])
		out.WriteString(Hide(value))
		last = at[3]
	}
	out.WriteString(text[last:])
	return out.String()
}

// isVerb reports whether a word that looks like base64 is a command of SMTP,
// POP3 or IMAP without arguments.
func isVerb(word string) bool {
	switch strings.ToUpper(word) {
	case "DATA", "EHLO", "HELO", "NOOP", "QUIT", "RSET", "STARTTLS", "STLS", "AUTH", "HELP", "CAPA", "STAT", "LIST", "UIDL", "LAST", "VRFY", "EXPN", "TURN", "ETRN":
		return true
	}
	return false
}
