package winjson

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
)

// Limits of the record numbers that are remembered. Whole logs of 67 million events
// fit; of a log of which less than that is chosen, what does not fit is missing too.
const (
	pageBits = 4096
	maxPages = 1 << 14 // of 512 bytes
)

// numbers are the record numbers of an export, in whatever order they come: each
// channel of each computer counts its own.
type numbers struct {
	pages map[pageOf]*[pageBits / 64]uint64
	last  pageOf
	page  *[pageBits / 64]uint64 // of last
	over  uint64                 // numbers for which there was no room
}

// pageOf is the place of a page: its numbers begin with at*pageBits.
type pageOf struct {
	computer, channel string
	at                uint64
}

// add takes the number of a record that has one.
func (n *numbers) add(computer, channel []byte, record uint64, numbered bool) {
	if !numbered {
		return
	}
	at := record / pageBits
	if n.page == nil || n.last.at != at || n.last.computer != string(computer) || n.last.channel != string(channel) {
		page := n.pages[pageOf{string(computer), string(channel), at}]
		if page == nil {
			if len(n.pages) >= maxPages {
				n.over++
				return
			}
			if n.pages == nil {
				n.pages = map[pageOf]*[pageBits / 64]uint64{}
			}
			page = new([pageBits / 64]uint64)
			n.pages[pageOf{string(computer), string(channel), at}] = page
		}
		n.last, n.page = pageOf{string(computer), string(channel), at}, page
	}
	n.page[record%pageBits/64] |= 1 << (record % 64)
}

// missing counts the numbers that are missing between the first and the last of each
// channel, no more than fit, and gives the one that the first of them follows.
// Numbers for which there was no room are missing, too.
func (n *numbers) missing() (gone, after uint64) {
	gone = n.over
	keys := slices.SortedFunc(maps.Keys(n.pages), func(a, b pageOf) int {
		return cmp.Or(cmp.Compare(a.computer, b.computer), cmp.Compare(a.channel, b.channel), cmp.Compare(a.at, b.at))
	})
	found := false
	var before pageOf
	var last uint64
	for i, key := range keys {
		same := i > 0 && before.computer == key.computer && before.channel == key.channel
		for w, word := range n.pages[key] {
			for ; word != 0; word &= word - 1 {
				record := key.at*pageBits + uint64(w)*64 + uint64(bits.TrailingZeros64(word))
				if same && record-last > 1 {
					if sum := gone + record - last - 1; sum >= gone {
						gone = sum
					}
					if !found {
						found, after = true, last
					}
				}
				same, last = true, record
			}
		}
		before = key
	}
	return gone, after
}
