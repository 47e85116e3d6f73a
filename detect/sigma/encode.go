package sigma

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// maxAlternatives bounds what modifiers make of one value.
const maxAlternatives = 1000

// encode applies a modifier that changes the bytes of a text (Modifiers
// appendix, Encoding).
func (o *operand) encode(name string) error {
	if err := o.rewrite(func(p pattern) ([]pattern, error) { return p.spellDashes(), nil }); err != nil {
		return err
	}
	return o.rewrite(func(p pattern) ([]pattern, error) {
		switch name {
		case "wide", "utf16le":
			return p.utf16("", binary.LittleEndian)
		case "utf16be":
			return p.utf16("", binary.BigEndian)
		case "utf16":
			return p.utf16("\xff\xfe", binary.LittleEndian)
		}
		if p.wild() {
			return nil, errors.New("a text with wildcards has no Base64 form; put `contains` after it")
		}
		text := ""
		for _, part := range p {
			text += part.text
		}
		if name == "base64" {
			return []pattern{{{text: base64.StdEncoding.EncodeToString([]byte(text))}}}, nil
		}
		return offsets(text), nil
	})
}

// utf16 encodes the text between wildcards.
func (p pattern) utf16(mark string, order binary.AppendByteOrder) ([]pattern, error) {
	out := pattern{}.plus(piece{text: mark})
	for _, part := range p {
		if part.wild == anyRune {
			return nil, errors.New("the wildcard ? is no character in UTF-16")
		}
		var text []byte
		for _, unit := range utf16.Encode([]rune(part.text)) {
			text = order.AppendUint16(text, unit)
		}
		out = out.plus(piece{string(text), part.wild})
	}
	return []pattern{out}, nil
}

// offsets gives the part of a text's Base64 form that stays the same whatever
// stands before and behind it, for each of the three places it can begin at.
func offsets(text string) []pattern {
	var all []pattern
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + text))
		start := []int{0, 2, 3}[before]
		end := len(encoded) - []int{0, 3, 2}[(before+len(text))%3]
		if start < end {
			all = append(all, pattern{{text: encoded[start:end]}})
		}
	}
	return all
}

// expand puts the values of %placeholders% in their place; \% is a plain percent
// sign (Sigma rules, Placeholders).
func (o *operand) expand(values map[string][]string) error {
	if o.kind == anExpr {
		return errors.New("placeholders in a regular expression are not read")
	}
	return o.rewrite(func(p pattern) ([]pattern, error) {
		all := []pattern{nil}
		for _, part := range p {
			texts, err := expandText(part, values)
			if err != nil {
				return nil, err
			}
			if len(all)*len(texts) > maxAlternatives {
				return nil, fmt.Errorf("makes more than %d values of one", maxAlternatives)
			}
			var next []pattern
			for _, a := range all {
				for _, t := range texts {
					next = append(next, a.plus(t...))
				}
			}
			all = next
		}
		return all, nil
	})
}

// expandText gives what one piece stands for.
func expandText(part piece, values map[string][]string) ([]pattern, error) {
	before, rest := "", part.text
	for {
		plain, behind, found := strings.Cut(rest, "%")
		if !found {
			return []pattern{pattern{}.plus(piece{before + rest, part.wild})}, nil
		}
		if escaped, ok := strings.CutSuffix(plain, `\`); ok {
			before, rest = before+escaped+"%", behind
			continue
		}
		name, behind, closed := strings.Cut(behind, "%")
		if !closed || !isPlaceholder(name) {
			before, rest = before+plain+"%", rest[len(plain)+1:]
			continue
		}
		if len(values[name]) == 0 {
			return nil, fmt.Errorf("%w %%%s%%", ErrPlaceholder, name)
		}
		tails, err := expandText(piece{text: behind}, values)
		if err != nil {
			return nil, err
		}
		var all []pattern
		for _, v := range values[name] {
			for _, t := range tails {
				if len(all) > maxAlternatives {
					return nil, fmt.Errorf("makes more than %d values of one", maxAlternatives)
				}
				all = append(all, pattern{{text: before + plain}}.plus(parsePattern(v)...).plus(t...))
			}
		}
		return all, nil
	}
}
