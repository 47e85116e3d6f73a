package detect

import (
	"cmp"
	"slices"
	"strings"

	"postern/evidence"
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
	noted   int                 // buckets of rules that name what matched
	bound   int                 // of noted, before they are brought down
	full    map[bucketKey]entry // by list and class: the last of the mostNoted that crowd left
}

// entry is one entry of a list, on a day, by which those of a list are ordered.
type entry struct {
	label string
	day   evidence.Day
	about string
}

func entryOf(key bucketKey) entry { return entry{key.label, key.day, key.about.String()} }

func (e entry) compare(o entry) int {
	return cmp.Or(strings.Compare(e.label, o.label), cmp.Compare(e.day, o.day), strings.Compare(e.about, o.about))
}

// listOf is what the entries of a list are counted by together.
func listOf(key bucketKey) bucketKey {
	return bucketKey{rule: key.rule, class: key.class, fixed: key.fixed}
}

// at gives the bucket of a key.
func (t *tally) at(key bucketKey, limit int) *bucket {
	b := t.buckets[key]
	if b != nil {
		return b
	}
	if key.rule.named {
		if last, full := t.full[listOf(key)]; full && key.label != othersNoted && last.compare(entryOf(key)) < 0 {
			key = listOf(key) // it would be brought down
			key.label = othersNoted
			return t.buckets[key]
		}
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
			lists[listOf(key)] = append(lists[listOf(key)], key)
		}
	}
	for of, keys := range lists {
		t.noted += min(len(keys), mostNoted)
		if len(keys) <= mostNoted {
			continue
		}
		slices.SortFunc(keys, func(a, b bucketKey) int { return entryOf(a).compare(entryOf(b)) })
		if t.full == nil {
			t.full = map[bucketKey]entry{}
		}
		t.full[of] = entryOf(keys[mostNoted-1])
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
