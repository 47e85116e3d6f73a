package detect

import (
	"cmp"
	"slices"
	"strings"
)

// mostNoted is how many entries of one list findings name; what matched of the
// others is counted together. A list may have 100,000 entries, and a log all of
// them.
const mostNoted = 1000

// othersNoted is the label of the entries beyond mostNoted.
const othersNoted = "further entries of the list, counted together"

// tally is sightings, counted.
type tally struct {
	buckets map[bucketKey]*bucket
	noted   int // buckets of rules that name what matched
	bound   int // of noted, before they are brought down
}

// at gives the bucket of a key.
func (t *tally) at(key bucketKey, limit int) *bucket {
	b := t.buckets[key]
	if b != nil {
		return b
	}
	if key.rule.named {
		if t.noted++; t.noted > max(t.bound, 2*mostNoted) {
			t.crowd(limit)
			t.bound, t.noted = 2*t.noted, t.noted+1
			if b = t.buckets[key]; b != nil {
				return b
			}
		}
	}
	if t.buckets == nil {
		t.buckets = map[bucketKey]*bucket{}
	}
	b = &bucket{}
	t.buckets[key] = b
	return b
}

// merge adds what another tally counted, and takes it over.
func (t *tally) merge(o *tally, limit int) {
	for key, b := range o.buckets {
		t.at(key, limit).merge(b, limit)
	}
	*o = tally{}
}

// crowd brings the entries that are named down to the first mostNoted of each
// list and class. The result does not depend on the order of sightings: an entry
// that is among the first of all is among the first of every part.
func (t *tally) crowd(limit int) {
	lists := map[bucketKey][]bucketKey{}
	t.noted = 0
	for key := range t.buckets {
		if key.rule.named && key.label != othersNoted {
			of := bucketKey{rule: key.rule, class: key.class, fixed: key.fixed}
			lists[of] = append(lists[of], key)
		}
	}
	for of, keys := range lists {
		t.noted += min(len(keys), mostNoted)
		if len(keys) <= mostNoted {
			continue
		}
		slices.SortFunc(keys, func(a, b bucketKey) int { return cmp.Or(strings.Compare(a.label, b.label), cmp.Compare(a.day, b.day)) })
		of.label = othersNoted
		if t.buckets[of] == nil {
			t.buckets[of] = &bucket{}
		}
		for _, key := range keys[mostNoted:] {
			t.buckets[of].merge(t.buckets[key], limit)
			delete(t.buckets, key)
		}
	}
}
