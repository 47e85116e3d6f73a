package ncsa

import (
	"bytes"
	"iter"

	"postern/eventlog/cut"
)

// places is how many quoted words behind the known fields are looked at.
const places = 8

// trailing keeps what stands behind the known fields, and of it the list of
// addresses that a proxy passed on: the quoted word in the place where this log
// has it, or where that is not known the only one that ends in an address.
func (r *Reader) trailing(text []byte) {
	text = bytes.Trim(text, " ")
	r.values[rest] = cut.Value(text)
	found := 0
	for place, word := range quotedWords(text) {
		if endsInAddress(word) && (r.list == 0 || r.list == place+1) {
			found++
			r.values[forwarded] = word
		}
	}
	if found > 1 {
		r.values[forwarded] = nil
	}
}

// endsInAddress reports whether a word may be a list of addresses as a proxy
// leaves it: what a client wrote into it stands in front.
func endsInAddress(word []byte) bool {
	return cut.IsIP(bytes.Trim(word[bytes.LastIndexByte(word, ',')+1:], " "))
}

// quotedWords gives the first quoted words of a text, and which of them each is.
func quotedWords(text []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for place := 0; len(text) > 0 && place < places; {
			if text[0] != '"' {
				_, text, _ = bytes.Cut(text, []byte(" "))
				continue
			}
			end := closing(text, 1)
			if end < 0 || !yield(place, text[1:end]) {
				return
			}
			text, place = bytes.TrimLeft(text[end+1:], " "), place+1
		}
	}
}

// Learn looks at the first lines of a log for the place of X-Forwarded-For among
// the quoted words behind the known fields: where more of them than not have an
// address, and the most do. A client may write an address into other headers,
// into Host for one.
func (r *Reader) Learn(head []byte) {
	const most = 200
	var counts [places]int
	for range most {
		line, more, whole := bytes.Cut(head, []byte("\n"))
		if !whole {
			break
		}
		head = more
		var row cut.Row
		if len(line) == 0 || !r.Cut(line, &row) || row.Schema != r.combined && row.Schema != r.common {
			continue
		}
		for place, word := range quotedWords(r.values[rest]) {
			switch {
			case endsInAddress(word):
				counts[place]++
			case cut.Value(word) != nil:
				counts[place]--
			}
		}
	}
	r.Reset()
	for place, n := range counts {
		if n > 0 && (r.list == 0 || n > counts[r.list-1]) {
			r.list = place + 1
		}
	}
}
