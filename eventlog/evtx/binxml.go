package evtx

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Tokens of Binary XML ([MS-EVEN6] 2.2.12). more is set on the first of several
// values or attributes, and on an element that has attributes.
const (
	tokenEnd         = 0x00 // of a fragment
	tokenOpen        = 0x01 // start of an element's start tag
	tokenCloseStart  = 0x02 // its end
	tokenCloseEmpty  = 0x03 // its end, of an element without content
	tokenEndElement  = 0x04
	tokenValue       = 0x05
	tokenAttribute   = 0x06
	tokenCDATA       = 0x07
	tokenChar        = 0x08
	tokenEntity      = 0x09
	tokenPITarget    = 0x0a
	tokenPIData      = 0x0b
	tokenTemplate    = 0x0c
	tokenNormalSub   = 0x0d
	tokenOptionalSub = 0x0e
	tokenHeader      = 0x0f // of a fragment
	more             = 0x40
)

// Steps of a canonical form: what a template says, without the places it says
// it at, which differ from chunk to chunk.
const (
	stepOpen = 1 + iota // name
	stepAttr            // name
	stepBody            // the start tag ends
	stepEnd             // the element ends
	stepText            // type, data
	stepSub             // index
)

var (
	errShort    = errors.New("it ends early")
	errToken    = errors.New("an unknown token of Binary XML")
	errDeep     = errors.New("elements nested too deeply")
	errLarge    = errors.New("larger than is read")
	errFragment = errors.New("more fragments of Binary XML than are read")
	errShapes   = errors.New("more shapes of events than are read")
	errValue    = errors.New("a value of an unknown type stands among its text")
)

const (
	maxDepth     = 64
	maxCanonical = 1 << 20 // bytes of canonical forms a chunk
)

// walker writes canonical forms.
type walker struct {
	chunk []byte
	out   []byte
	spent int // bytes of forms written for this chunk

	// Of an element that is no template: text is taken for a value, so that its
	// form is the same for every record like it. Only what names a field stays.
	lift   bool
	naming bool // the attribute in hand is a Name
	taken  []value
}

var nameOfName = []byte("N\x00a\x00m\x00e\x00")

// element walks one element, with what is in it, and returns where it ends. It
// has dependency identifiers if it stands in a template ([MS-EVEN6] 2.2.12.1).
func (w *walker) element(pos, end int, dependent bool) (int, error) {
	depth := 0
	inTag := false
	start := len(w.out)
	defer func() { w.spent += len(w.out) - start }()
	for {
		if w.spent+len(w.out)-start > maxCanonical {
			return pos, errLarge
		}
		if pos >= end {
			return pos, errShort
		}
		token := w.chunk[pos] &^ more
		has := w.chunk[pos]&more != 0
		pos++
		var err error
		switch token {
		case tokenOpen:
			if depth++; depth > maxDepth {
				return pos, errDeep
			}
			inTag, w.naming = true, false
			pos, err = w.open(pos, end, dependent, has)
		case tokenAttribute:
			w.out = append(w.out, stepAttr)
			had := len(w.out) + 2
			pos, err = w.name(pos, end)
			w.naming = err == nil && bytes.Equal(w.out[had:], nameOfName)
		case tokenCloseStart:
			inTag, w.naming = false, false
			w.out = append(w.out, stepBody)
		case tokenCloseEmpty, tokenEndElement:
			if inTag && token == tokenEndElement || depth == 0 {
				return pos, errToken
			}
			inTag, w.naming = false, false
			w.out = append(w.out, stepEnd)
			if depth--; depth == 0 {
				return pos, nil
			}
		default:
			pos, err = w.content(token, pos, end)
		}
		if err != nil {
			return pos, err
		}
	}
}

// open walks what follows the token of an element's start.
func (w *walker) open(pos, end int, dependent, attributes bool) (int, error) {
	if dependent {
		pos += 2
	}
	pos += 4 // the element's length
	w.out = append(w.out, stepOpen)
	pos, err := w.name(pos, end)
	if attributes {
		pos += 4 // the attributes' length
	}
	return pos, err
}

// name writes the name that a reference points to, and steps over one that
// stands right there.
func (w *walker) name(pos, end int) (int, error) {
	at, err := u32(w.chunk, pos, end)
	if err != nil {
		return pos, err
	}
	pos += 4
	text, size, err := w.nameAt(int(at))
	if err != nil {
		return pos, err
	}
	w.out = binary.LittleEndian.AppendUint16(w.out, uint16(len(text)))
	w.out = append(w.out, text...)
	if int(at) == pos {
		pos += size
	}
	return pos, nil
}

// nameAt gives the UTF-16 of a name: offset of the next one with its hash, hash,
// count of characters, the characters and a terminator (libevtx, "Name").
func (w *walker) nameAt(at int) (text []byte, size int, err error) {
	if at < 0 || at+8 > len(w.chunk) {
		return nil, 0, errShort
	}
	n := 2 * int(binary.LittleEndian.Uint16(w.chunk[at+6:]))
	if at+8+n+2 > len(w.chunk) || n > 4096 {
		return nil, 0, errShort
	}
	return w.chunk[at+8 : at+8+n], 8 + n + 2, nil
}

// content walks what stands between tags or in an attribute.
func (w *walker) content(token byte, pos, end int) (int, error) {
	switch token {
	case tokenValue:
		kind, err := u8(w.chunk, pos, end)
		if err != nil {
			return pos, err
		}
		if kind != kindString {
			return pos, errValue
		}
		return w.text(kindString, pos+1, end)
	case tokenCDATA:
		return w.text(kindString, pos, end)
	case tokenChar:
		if pos+2 > end {
			return pos, errShort
		}
		w.put(kindString, pos, 2)
		return pos + 2, nil
	case tokenEntity:
		w.out = append(w.out, stepText, kindEntity)
		return w.name(pos, end)
	case tokenNormalSub, tokenOptionalSub:
		if pos+3 > end {
			return pos, errShort
		}
		w.out = append(w.out, stepSub, w.chunk[pos], w.chunk[pos+1])
		return pos + 3, nil
	case tokenPITarget:
		had := len(w.out)
		pos, err := w.name(pos, end)
		w.out = w.out[:had]
		return pos, err
	case tokenPIData:
		n, err := u16(w.chunk, pos, end)
		return pos + 2 + 2*int(n), err
	}
	return pos, errToken
}

// text walks a text with its count of characters before it.
func (w *walker) text(kind byte, pos, end int) (int, error) {
	n, err := u16(w.chunk, pos, end)
	if err != nil {
		return pos, err
	}
	size := 2 * int(n)
	if pos+2+size > end {
		return pos, errShort
	}
	w.put(kind, pos+2, size)
	return pos + 2 + size, nil
}

func (w *walker) put(kind byte, pos, size int) {
	if w.lift && !w.naming {
		w.out = append(w.out, stepSub)
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(len(w.taken)))
		w.taken = append(w.taken, value{kind: kind, at: uint16(pos), size: uint16(size)})
		return
	}
	w.out = append(w.out, stepText, kind)
	w.out = binary.LittleEndian.AppendUint16(w.out, uint16(size))
	w.out = append(w.out, w.chunk[pos:pos+size]...)
}

func u8(b []byte, pos, end int) (byte, error) {
	if pos < 0 || pos+1 > end {
		return 0, errShort
	}
	return b[pos], nil
}

func u16(b []byte, pos, end int) (uint16, error) {
	if pos < 0 || pos+2 > end {
		return 0, errShort
	}
	return binary.LittleEndian.Uint16(b[pos:]), nil
}

func u32(b []byte, pos, end int) (uint32, error) {
	if pos < 0 || pos+4 > end {
		return 0, errShort
	}
	return binary.LittleEndian.Uint32(b[pos:]), nil
}
