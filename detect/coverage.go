package detect

import (
	"cmp"
	"slices"
	"strings"

	"postern/evidence"
)

// sortCoverage orders rows, drops exact repetitions of a gap, and makes one row
// of what several collectors read of the same file.
func sortCoverage(rows []evidence.Coverage) []evidence.Coverage {
	type file struct {
		kind         evidence.CoverageKind
		path, family string
	}
	read := map[file]int{}
	var all []evidence.Coverage
	for _, c := range rows {
		if c.Missed != nil {
			all = append(all, c)
			continue
		}
		key := file{c.Kind, c.Path, c.Family}
		if at, again := read[key]; again {
			joinRead(&all[at], c)
			continue
		}
		read[key] = len(all)
		all = append(all, c)
	}
	slices.SortStableFunc(all, compareCoverage)
	return slices.CompactFunc(all, func(a, b evidence.Coverage) bool {
		return a.Missed != nil && b.Missed != nil && a.Parts == b.Parts && compareCoverage(a, b) == 0
	})
}

// joinRead adds a second reading of the same thing to a row.
func joinRead(to *evidence.Coverage, c evidence.Coverage) {
	to.Parts |= c.Parts
	to.Count, to.Bytes = max(to.Count, c.Count), max(to.Bytes, c.Bytes)
	if to.From.IsZero() || !c.From.IsZero() && c.From.Before(to.From) {
		to.From = c.From
	}
	if c.To.After(to.To) {
		to.To = c.To
	}
	to.SHA256 = cmp.Or(to.SHA256, c.SHA256)
	to.Days = append(slices.Clip(to.Days), c.Days...)
	slices.Sort(to.Days)
	to.Days = slices.Compact(to.Days)
}

func compareCoverage(a, b evidence.Coverage) int {
	missed := func(c evidence.Coverage) string {
		if c.Missed == nil {
			return ""
		}
		return c.Missed.String()
	}
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Path, b.Path), a.From.Compare(b.From), a.To.Compare(b.To),
		strings.Compare(missed(a), missed(b)), strings.Compare(a.Family, b.Family), cmp.Compare(a.Count, b.Count), cmp.Compare(a.Bytes, b.Bytes), strings.Compare(a.SHA256, b.SHA256))
}
