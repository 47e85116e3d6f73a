package sigma

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sighting is one match of a rule, or of a correlation that another builds on.
type Sighting struct {
	Rule  string // as Correlation.Rules calls it
	Time  time.Time
	Group []string // the values of the fields that Correlation.Group names
	Value string   // what value_count counts
}

// Evaluate returns the groups of sightings, by index and in the order of time,
// that satisfy the correlation. Sightings may come in any order. Each group
// begins at the earliest sighting from which one can, holds all of its time span,
// and shares no sighting with another. The result depends on nothing else:
// equal times stand in the order of Rules, then as given.
//
// A sighting of a rule that is not in Rules is left out.
func (c *Correlation) Evaluate(sightings []Sighting) [][]int {
	groups := map[string][]int{}
	for i, s := range sightings {
		if slices.Contains(c.Rules, s.Rule) {
			key := groupKey(s.Group)
			groups[key] = append(groups[key], i)
		}
	}
	var all [][]int
	for _, indices := range groups {
		slices.SortFunc(indices, func(a, b int) int {
			return cmp.Or(sightings[a].Time.Compare(sightings[b].Time),
				cmp.Compare(c.position(sightings[a]), c.position(sightings[b])), cmp.Compare(a, b))
		})
		all = append(all, c.windows(sightings, indices)...)
	}
	slices.SortFunc(all, func(a, b []int) int {
		return cmp.Or(sightings[a[0]].Time.Compare(sightings[b[0]].Time), cmp.Compare(a[0], b[0]))
	})
	return all
}

func groupKey(group []string) string {
	var key strings.Builder
	for _, g := range group {
		key.WriteString(strconv.Itoa(len(g)) + ":" + g)
	}
	return key.String()
}

func (c *Correlation) position(s Sighting) int { return slices.Index(c.Rules, s.Rule) }

// windows walks one group. A window is every sighting within the time span of
// its first. Where too few are counted the next one begins a sighting later;
// where too many are, behind this one: the end of a flood is no trickle.
func (c *Correlation) windows(sightings []Sighting, indices []int) [][]int {
	var all [][]int
	w := c.window(sightings, indices)
	for w.start < len(indices) {
		limit := sightings[indices[w.start]].Time.Add(c.Timespan)
		for w.end < len(indices) && !sightings[indices[w.end]].Time.After(limit) {
			w.add()
		}
		switch verdict := w.judge(); {
		case verdict == 0:
			all = append(all, slices.Clone(indices[w.start:w.end]))
			w.skip(w.end)
		case verdict < 0:
			w.skip(w.start + 1)
		default:
			w.skip(w.end)
		}
	}
	return all
}

// window is a stretch of a group, with what its condition counts.
type window struct {
	*Correlation
	sightings  []Sighting
	indices    []int
	start, end int
	counts     map[string]int // sightings of each value, or of each rule
	kinds      int            // different ones of these
	ends       [][]int        // see rows
}

func (c *Correlation) window(sightings []Sighting, indices []int) *window {
	return &window{Correlation: c, sightings: sightings, indices: indices, counts: map[string]int{}}
}

func (w *window) kind(i int) string {
	if w.Type == ValueCount {
		return w.sightings[w.indices[i]].Value
	}
	return w.sightings[w.indices[i]].Rule
}

func (w *window) add() {
	k := w.kind(w.end)
	if w.counts[k]++; w.counts[k] == 1 {
		w.kinds++
	}
	w.end++
}

// skip moves the window's start up.
func (w *window) skip(to int) {
	for ; w.start < to; w.start++ {
		k := w.kind(w.start)
		if w.counts[k]--; w.counts[k] == 0 {
			delete(w.counts, k)
			w.kinds--
		}
	}
}

// judge is 0 when the window satisfies the condition, -1 when it counts too
// little and 1 when it counts too much.
func (w *window) judge() int {
	count := w.kinds
	switch {
	case w.expr != nil:
		seen := make([]bool, len(w.Rules))
		for i, r := range w.Rules {
			seen[i] = w.counts[r] > 0
		}
		if w.expr.sighted(seen) {
			return 0
		}
		return -1
	case w.Type == EventCount:
		count = w.end - w.start
	case w.Type == TemporalOrdered:
		count = w.inOrder()
	}
	for _, l := range w.limits {
		if compares(float64(count), l.operator, l.count) {
			continue
		}
		if l.operator == "lt" || l.operator == "lte" || l.operator == "eq" && float64(count) > l.count {
			return 1
		}
		return -1
	}
	return 0
}

// inOrder is the largest number of different rules that follow each other in
// their order, the window's first sighting being the first of them.
func (w *window) inOrder() int {
	if w.ends == nil {
		w.ends = w.rows()
	}
	row := w.ends[w.start]
	longest := len(row)
	for longest > 1 && row[longest-1] >= w.end {
		longest--
	}
	return longest
}

// rows gives for each sighting where the soonest row of one, two, ... rules in
// order ends that begins with it; the group's length where there is none.
func (w *window) rows() [][]int {
	none, rules := len(w.indices), len(w.Rules)
	ends := make([][]int, none)
	next := make([][]int, rules) // of the soonest sighting of each rule from here on
	for i := none - 1; i >= 0; i-- {
		at := w.position(w.sightings[w.indices[i]])
		row := slices.Repeat([]int{none}, rules-at)
		row[0] = i
		for _, later := range next[at+1:] {
			for length, end := range later {
				row[length+1] = min(row[length+1], end)
			}
		}
		ends[i], next[at] = row, row
	}
	return ends
}
